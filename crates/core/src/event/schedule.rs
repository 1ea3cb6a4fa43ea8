use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Event;
use crate::names::JobId;

/// A tick of some cloud's scheduler, or somebody who invokes a job by hand.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// The schedule's own name; the job's where there is none.
    pub name: Option<String>,
    /// When it was due. With the name it makes an id that survives redelivery.
    pub scheduled_time: Timestamp,
    /// The scheduler's id of this execution, where it has one.
    pub execution_id: Option<String>,
    /// What the caller put in `input`.
    pub input: Option<Value>,
}

impl Schedule {
    /// `{scheduled_time, name}`, plus `input`; the id is the execution's, or name and scheduled time.
    pub fn into_event(self, job: &JobId) -> Event {
        let name = self.name.unwrap_or_else(|| job.to_string());
        let mut data = Map::from_iter([
            ("scheduled_time".to_owned(), json!(self.scheduled_time)),
            ("name".to_owned(), json!(name)),
        ]);
        if let Some(input) = self.input {
            data.insert("input".into(), input);
        }
        Event {
            id: self.execution_id.unwrap_or_else(|| format!("{name}@{}", self.scheduled_time)),
            source: "gatepass.schedule".into(),
            kind: "schedule".into(),
            time: self.scheduled_time,
            subject: None,
            attributes: Map::new(),
            data: Value::Object(data),
        }
    }
}
