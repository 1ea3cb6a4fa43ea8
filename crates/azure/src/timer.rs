//! What the Functions host sends for a timer, and what it must hear.

use gatepass_core::delivery::{Address, Delivery};
use gatepass_core::event::Schedule;
use gatepass_core::failure::Failure;
use gatepass_core::names::JobId;
use gatepass_core::report::Report;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// An invocation, as far as it matters here.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Invocation {
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    sys: Option<Sys>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sys {
    utc_now: Option<String>,
}

/// The job of a timer function: `JOB-timer`, or `JOB-timer-2` for its second schedule.
pub fn job(function: &str) -> Option<&str> {
    let (name, rest) = function.rsplit_once("-timer")?;
    let number = rest.strip_prefix('-').unwrap_or("1");
    let is_number = (1..=2).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    (!name.is_empty() && is_number && (rest.is_empty() || rest.starts_with('-'))).then_some(name)
}

/// The tick. Its id is the invocation's: the host never repeats one.
///
/// # Errors
/// Invalid when the body is not what the Functions host sends.
pub fn read(job: &JobId, invocation: &str, body: &[u8]) -> Result<Delivery, Failure> {
    // An object first: to serde, a list is a struct too.
    let sent = serde_json::from_slice::<Map<String, Value>>(body);
    let sent: Invocation = sent.and_then(|_| serde_json::from_slice(body)).map_err(|error| {
        Failure::invalid(format!(
            "this is no timer invocation of the Functions host (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    let now = sent.metadata.sys.and_then(|sys| utc(&sys.utc_now?)).unwrap_or_else(Timestamp::now);
    let schedule = Schedule {
        name: None,
        scheduled_time: now,
        execution_id: Some(invocation.to_owned()).filter(|id| !id.is_empty()),
        input: None,
    };
    Ok(Delivery { event: schedule.into_event(job), to: Address::Job(job.clone()) })
}

/// A time of the host: perhaps without an offset, and then UTC; the year 1 stands for none.
fn utc(text: &str) -> Option<Timestamp> {
    let time: Timestamp = match text.parse() {
        Ok(time) => time,
        Err(_) => text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp(),
    };
    (time > Timestamp::UNIX_EPOCH).then_some(time)
}

/// The document that ends an invocation well.
pub fn outputs(report: &Report) -> Value {
    let logs: Vec<String> = report
        .results
        .iter()
        .filter_map(|result| Some((&result.job, result.result.as_ref().ok()?)))
        .map(|(job, done)| {
            format!("{job}: {} {}", done.status.name(), done.url.as_deref().unwrap_or_default())
        })
        .collect();
    json!({ "Outputs": {}, "Logs": logs, "ReturnValue": null })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_after_its_job() {
        for (function, expected) in [
            ("nightly-timer", Some("nightly")),
            ("nightly-timer-2", Some("nightly")),
            ("egg-timer-timer", Some("egg-timer")),
            ("nightly-http", None),
            ("-timer", None),
            ("nightly-timer-", None),
            ("nightly-timer-x", None),
            ("nightly-timers", None),
        ] {
            assert_eq!(job(function), expected, "{function}");
        }
    }

    #[test]
    fn odd_times_are_understood() {
        let nine: Timestamp = "2026-11-20T09:00:00Z".parse().unwrap();
        for text in [
            "2026-11-20T09:00:00Z",
            "2026-11-20T09:00:00",
            "2026-11-20T10:00:00+01:00",
            "2026-11-20T09:00:00.0000000Z",
        ] {
            assert_eq!(utc(text), Some(nine), "{text}");
        }
        for none in ["0001-01-01T00:00:00", "0001-01-01T00:00:00Z", "soon", ""] {
            assert_eq!(utc(none), None, "{none}");
        }
    }

    #[test]
    fn a_tick_has_the_invocations_id() {
        let job: JobId = "nightly".parse().unwrap();
        let body = json!({"Data": {"timer": {"Schedule": {}, "ScheduleStatus": null, "IsPastDue": false}},
            "Metadata": {"sys": {"MethodName": "nightly-timer", "UtcNow": "2026-11-20T09:00:00Z", "RandGuid": "x"}}});
        let delivery = read(&job, "inv-1", body.to_string().as_bytes()).unwrap();
        assert_eq!(
            (delivery.event.id.as_str(), delivery.event.time.to_string().as_str()),
            ("inv-1", "2026-11-20T09:00:00Z")
        );
        for bad in ["", "null", "[]", "{"] {
            assert!(read(&job, "i", bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
