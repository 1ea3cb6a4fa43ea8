use gatepass_core::delivery::{Address, Delivery, Sender};
use gatepass_core::event::{Schedule, misfit};
use gatepass_core::failure::Failure;
use gatepass_core::names::JobId;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

/// What EventBridge Scheduler is set up to send, or somebody sends by hand. Its context attributes fill in the last
/// three: `<aws.scheduler.scheduled-time>`, `<aws.scheduler.execution-id>`, `<aws.scheduler.schedule-arn>`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Direct {
    job: String,
    input: Option<Value>,
    scheduled_time: Option<Timestamp>,
    execution_id: Option<String>,
    name: Option<String>,
}

pub(super) fn read(value: Value) -> Result<Delivery, Failure> {
    let wrong = |why: &str| {
        Failure::invalid(format!(
            "a direct call is {{\"job\": NAME, \"input\": …}}, and perhaps scheduled_time, execution_id and name: {why}"
        ))
    };
    let direct: Direct = serde_json::from_value(value).map_err(|error| wrong(&misfit(&error)))?;
    // As much of it as a name that is merely misspelt has.
    let name: String = direct.job.chars().take(60).collect();
    let job: JobId = name.parse().map_err(|error: String| wrong(&error))?;
    let schedule = Schedule {
        name: direct.name,
        scheduled_time: direct.scheduled_time.unwrap_or_else(Timestamp::now),
        execution_id: direct.execution_id,
        input: direct.input,
    };
    // Nothing says whether anybody waits for the answer.
    Ok(Delivery { event: schedule.into_event(&job), to: Address::Job(job), by: Sender::Scheduler })
}
