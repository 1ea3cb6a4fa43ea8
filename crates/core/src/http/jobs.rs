use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, Method};
use jiff::Timestamp;

use super::{Arrival, HttpAnswer, JobInPath, Surface, name_of, taken};
use crate::config::{Caller, Trigger};
use crate::deadline::Deadline;
use crate::delivery::{Address, Delivery, Sender};
use crate::event::{HttpCall, Schedule};
use crate::failure::Failure;
use crate::inbound::callers::Candidate;
use crate::job::Job;
use crate::names::CallerName;
use crate::report::Report;
use crate::telemetry::Correlation;

/// `POST /jobs/{job}`, and `GET` where the job only reads.
pub(super) async fn start(
    State(surface): State<Arc<Surface>>,
    job: JobInPath,
    arrival: Arrival,
) -> HttpAnswer {
    let job = name_of(job);
    taken("a call was not taken", Some(&job), surface.start_job(&job, arrival).await)
}

impl Surface {
    async fn start_job(&self, name: &str, arrival: Arrival) -> Result<(Report, bool), Failure> {
        let deadline = arrival.deadline(Deadline::DEFAULT);
        let job = self.app.job(name)?;
        let (schedulers, http) = knockers(job);
        if schedulers.is_empty() && http.is_empty() {
            return Err(Failure::not_found(format!(
                "the job {name} is not started over HTTP; give it an http trigger, or a schedule with a caller"
            )));
        }
        // A HEAD arrives wherever a GET does, and must change as little.
        let is_get = matches!(arrival.method, Method::GET | Method::HEAD);
        // Several callers may fit, as all `host` callers do: whoever says to be a scheduler is none of the others.
        let is_scheduler =
            !is_get && !schedulers.is_empty() && arrival.headers.contains_key("x-cloudscheduler");
        let wanted =
            if is_scheduler { schedulers.clone() } else { [http.clone(), schedulers.clone()].concat() };
        let candidates = candidates(self.app.jobs().callers(), &wanted);
        let host = arrival.host.unwrap_or(self.host);
        let by = self.door.verify(&candidates, &arrival.headers, host, deadline).await?.first;
        if is_get && !(job.is_read_only() && http.contains(&by.name)) {
            return Err(Failure::invalid(format!(
                "the job {name} is started with POST: a GET must change nothing"
            )));
        }

        let Arrival { method, uri, headers, body, .. } = arrival;
        let body = deadline.run("reading the body", body.read(&headers)).await?;
        let is_tick = is_scheduler || !http.contains(&by.name);
        let event = if is_tick {
            tick(&headers, &body)?.into_event(job.name())
        } else {
            let query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
            let call = HttpCall {
                caller: by.name,
                request_id: &Correlation::current_id(),
                method: &method,
                query: query.into_owned().collect(),
                headers: &headers,
                body: &body,
            };
            call.into_event()
        };
        let by_whom = if is_tick { Sender::Scheduler } else { Sender::Waiting };
        let delivery = Delivery { event, to: Address::Job(job.name().clone()), by: by_whom };
        Ok((self.app.handle_to_the_end(delivery, deadline).await?, by.caller.details))
    }
}

/// Who may start this job by its schedules, and who by its `http` triggers.
fn knockers(job: &Job) -> (Vec<&CallerName>, Vec<&CallerName>) {
    let mut knockers = (Vec::new(), Vec::new());
    for trigger in job.triggers() {
        match trigger {
            Trigger::Schedule(schedule) => knockers.0.extend(&schedule.caller),
            Trigger::Http(http) => knockers.1.push(&http.caller),
            _ => {}
        }
    }
    knockers
}

/// The entries of these names, each once.
fn candidates<'a>(callers: &'a BTreeMap<CallerName, Caller>, names: &[&CallerName]) -> Vec<Candidate<'a>> {
    let once =
        names.iter().enumerate().filter(|(at, name)| !names.iter().take(*at).any(|other| other == *name));
    once.filter_map(|(_, name)| callers.get_key_value(*name)).map(Candidate::from).collect()
}

/// A tick of Cloud Scheduler, or of anybody who plays its part: then it is due now.
fn tick(headers: &HeaderMap, body: &[u8]) -> Result<Schedule, Failure> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let scheduled_time = match text("x-cloudscheduler-scheduletime") {
        Some(time) => {
            time.parse().map_err(|_| Failure::invalid("X-CloudScheduler-ScheduleTime is no RFC 3339 time"))?
        }
        None => Timestamp::now(),
    };
    let input = match body {
        [] => None,
        body => Some(serde_json::from_slice(body).map_err(|error| {
            Failure::invalid(format!(
                "the input is not JSON (line {}, column {})",
                error.line(),
                error.column()
            ))
        })?),
    };
    let name = text("x-cloudscheduler-jobname").map(str::to_owned);
    Ok(Schedule { name, scheduled_time, execution_id: None, input })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_of_cloud_scheduler_has_its_name_and_time_as_its_id() {
        let headers = HeaderMap::from_iter([
            ("x-cloudscheduler-jobname".parse().unwrap(), "nightly".parse().unwrap()),
            ("x-cloudscheduler-scheduletime".parse().unwrap(), "2026-11-20T01:00:00Z".parse().unwrap()),
        ]);
        let event = tick(&headers, b"").unwrap().into_event(&"stale".parse().unwrap());
        assert_eq!(event.source, "gatepass.schedule");
        assert_eq!(event.id, "nightly@2026-11-20T01:00:00Z");
        assert_eq!(
            event.data,
            serde_json::json!({"name": "nightly", "scheduled_time": "2026-11-20T01:00:00Z"})
        );
    }

    #[test]
    fn an_input_is_json_or_nothing() {
        assert!(tick(&HeaderMap::new(), b"not json").unwrap_err().message.contains("line 1"));
        assert_eq!(tick(&HeaderMap::new(), b"{\"a\":1}").unwrap().input, Some(serde_json::json!({"a": 1})));
    }
}
