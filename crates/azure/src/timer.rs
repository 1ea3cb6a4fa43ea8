//! Timer functions.

use gatepass_core::delivery::{Address, Delivery, Sender};
use gatepass_core::event::Schedule;
use gatepass_core::names::JobId;
use jiff::Timestamp;

use crate::invocation::Invocation;

/// The job of a timer function: `JOB-timer`, or `JOB-timer-2` for its second schedule.
pub fn job(function: &str) -> Option<&str> {
    let (name, rest) = function.rsplit_once("-timer")?;
    let number = rest.strip_prefix('-').unwrap_or("1");
    let is_number = (1..=2).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
    (!name.is_empty() && is_number && (rest.is_empty() || rest.starts_with('-'))).then_some(name)
}

/// The tick. Its id is the invocation's: the host never repeats one. A failed one waits for the next tick.
pub(crate) fn delivery(job: &JobId, id: &str, invocation: &Invocation) -> Delivery {
    let schedule = Schedule {
        name: None,
        scheduled_time: invocation.now().unwrap_or_else(Timestamp::now),
        execution_id: Some(id.to_owned()).filter(|id| !id.is_empty()),
        input: None,
    };
    Delivery { event: schedule.into_event(job), to: Address::Job(job.clone()), by: Sender::Scheduler }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_function_is_named_after_its_job() {
        for (function, expected) in [
            ("nightly-timer", Some("nightly")),
            ("nightly-timer-2", Some("nightly")),
            ("egg-timer-timer", Some("egg-timer")),
            ("nightly-http", None),
            ("nightly-queue", None),
            ("-timer", None),
            ("nightly-timer-", None),
            ("nightly-timer-x", None),
            ("nightly-timers", None),
        ] {
            assert_eq!(job(function), expected, "{function}");
        }
    }

    #[test]
    fn a_tick_has_the_invocations_id() {
        let job: JobId = "nightly".parse().unwrap();
        let body = json!({"Data": {"timer": {"Schedule": {}, "ScheduleStatus": null, "IsPastDue": false}},
            "Metadata": {"sys": {"MethodName": "nightly-timer", "UtcNow": "2026-11-20T09:00:00Z", "RandGuid": "x"}}});
        let invocation = Invocation::read("timer", body.to_string().as_bytes()).unwrap();
        let tick = delivery(&job, "inv-1", &invocation);
        assert_eq!(
            (tick.event.id.as_str(), tick.event.time.to_string().as_str()),
            ("inv-1", "2026-11-20T09:00:00Z")
        );
        assert_eq!(tick.by, Sender::Scheduler);
    }
}
