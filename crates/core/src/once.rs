//! Run-once: one job, for one event, and an exit code that says how it went. For ECS tasks, Cloud Run jobs, Container
//! Instances and virtual machines, where nobody listens.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use serde_json::Value;

use crate::app::App;
use crate::deadline::Deadline;
use crate::delivery::{Address, Delivery, Sender};
use crate::event::{Event, MAX_BODY, Schedule};
use crate::failure::{Class, Failure};
use crate::names::JobId;
use crate::report::Report;
use crate::telemetry::TARGET;

/// How long a run may take. The platform's own limit is usually shorter, and ends it.
const LONGEST: Duration = Duration::from_secs(60 * 60);

/// `EX_TEMPFAIL` of sysexits.h: not now, run it again.
const AGAIN: u8 = 75;

/// One run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    job: JobId,
    event: Option<String>,
}

/// What only one cloud knows of a run.
#[derive(Clone, Debug)]
pub struct Native {
    /// The platform's id of this run, the same when it is tried again.
    pub execution_id: Option<String>,
    /// Reads an event in the form in which this cloud sends it; `None` when it is in no such form.
    pub event: fn(&Value) -> Option<Event>,
}

impl Once {
    /// Of this job, for the event in this file.
    pub(crate) fn new(job: JobId, event: Option<String>) -> Self {
        Self { job, event }
    }
}

impl App {
    /// Runs a job once: 0 when it is done, 75 when it should be run again later, 1 when somebody must change something first.
    /// The answer is the last line on standard output.
    pub async fn run_once(self: &Arc<Self>, once: &Once, native: &Native) -> ExitCode {
        match self.try_once(once, native).await {
            Ok(report) => {
                let line = format!("{}\n", report.answer(false));
                // A closed pipe must not change what the exit code says.
                let _ = std::io::stdout().lock().write_all(line.as_bytes());
                report.worst().map_or(ExitCode::SUCCESS, |(_, failure)| code(failure))
            }
            Err(failure) => {
                tracing::error!(
                    target: TARGET, message = "the job was not run", job = once.job.as_str(),
                    status = failure.class.name(), reason = failure.message,
                );
                code(&failure)
            }
        }
    }

    async fn try_once(self: &Arc<Self>, once: &Once, native: &Native) -> Result<Report, Failure> {
        self.job(once.job.as_str())?;
        let event = match &once.event {
            Some(file) => read_event(file, &once.job, native)?,
            None => tick(&once.job, native, None),
        };
        let delivery = Delivery { event, to: Address::Job(once.job.clone()), by: Sender::Waiting };
        self.handle_to_the_end(delivery, Deadline::after(LONGEST)).await
    }
}

fn code(failure: &Failure) -> ExitCode {
    match failure.class {
        Class::Deferred(_) => ExitCode::from(AGAIN),
        _ => ExitCode::FAILURE,
    }
}

/// A CloudEvent, an event as this cloud sends it, or any other JSON as the input of a schedule.
fn read_event(file: &str, job: &JobId, native: &Native) -> Result<Event, Failure> {
    let unreadable =
        |error: std::io::Error| Failure::invalid(format!("--event {file} cannot be read: {error}"));
    let limit = MAX_BODY as u64 + 1;
    let mut bytes = Vec::new();
    match file {
        "-" => std::io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(unreadable)?,
        path => std::fs::File::open(path)
            .and_then(|file| file.take(limit).read_to_end(&mut bytes))
            .map_err(unreadable)?,
    };
    if bytes.len() > MAX_BODY {
        return Err(Failure::too_large(format!("--event {file} is larger than {MAX_BODY} bytes")));
    }
    let value: Value = serde_json::from_slice(&bytes).map_err(|error| {
        Failure::invalid(format!(
            "--event {file} is not JSON (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    if value.get("specversion").is_some() {
        let kind = HeaderValue::from_static("application/cloudevents+json");
        return Event::from_cloudevents(&HeaderMap::from_iter([(header::CONTENT_TYPE, kind)]), &bytes);
    }
    Ok((native.event)(&value).unwrap_or_else(|| tick(job, native, Some(value))))
}

fn tick(job: &JobId, native: &Native, input: Option<Value>) -> Event {
    let execution_id = native.execution_id.clone();
    Schedule { name: None, scheduled_time: Timestamp::now(), execution_id, input }.into_event(job)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_event_is_a_cloudevent_one_of_this_cloud_or_an_input() {
        let job: JobId = "nightly".parse().unwrap();
        let native = Native {
            execution_id: Some("run-1".into()),
            event: |value| value.get("native").map(|_| tick(&"native".parse().unwrap(), &NONE, None)),
        };
        let read = |text: &str| {
            let file = tempfile::NamedTempFile::new().unwrap();
            std::fs::write(file.path(), text).unwrap();
            read_event(file.path().to_str().unwrap(), &job, &native)
        };
        let event = read(r#"{"specversion":"1.0","id":"7","source":"s","type":"t"}"#).unwrap();
        assert_eq!((event.id.as_str(), event.source.as_str()), ("7", "s"));
        assert_eq!(read(r#"{"native":1}"#).unwrap().data["name"], "native");
        let input = read("[1]").unwrap();
        assert_eq!((input.id.as_str(), &input.data["input"]), ("run-1", &json!([1])));
        for (text, words) in [("{", "line 1"), (r#"{"specversion":"1.0"}"#, "no id")] {
            assert!(read(text).unwrap_err().message.contains(words), "{text}");
        }
        assert!(read_event("/nowhere.json", &job, &native).unwrap_err().message.contains("/nowhere.json"));
    }

    const NONE: Native = Native { execution_id: None, event: |_| None };
}
