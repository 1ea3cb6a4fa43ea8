use gatepass_core::delivery::{Address, Delivery};
use gatepass_core::event::Schedule;
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
    job: JobId,
    input: Option<Value>,
    scheduled_time: Option<Timestamp>,
    execution_id: Option<String>,
    name: Option<String>,
}

pub(super) fn read(value: Value) -> Result<Delivery, Failure> {
    let direct: Direct = serde_json::from_value(value).map_err(|error| {
        Failure::invalid(format!(
            "a direct call is {{\"job\": NAME, \"input\": …}}, and perhaps scheduled_time, execution_id and name: {error}"
        ))
    })?;
    let schedule = Schedule {
        name: direct.name,
        scheduled_time: direct.scheduled_time.unwrap_or_else(Timestamp::now),
        execution_id: direct.execution_id,
        input: direct.input,
    };
    Ok(Delivery { event: schedule.into_event(&direct.job), to: Address::Job(direct.job) })
}
