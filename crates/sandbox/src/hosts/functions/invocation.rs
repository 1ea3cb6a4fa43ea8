//! What the host sends for a trigger that is not HTTP, and what it makes of the answer.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::hosts::HttpAnswer;
use crate::identity::random;

/// A tick of a timer function.
#[derive(Clone, Debug)]
pub struct Timer {
    /// The function's name, which is its path.
    pub function: String,
    /// The name of the binding in `function.json`.
    pub binding: String,
    /// `ScheduleStatus`; the host sends `null` when the schedule is not monitored.
    pub status: Option<TimerStatus>,
    /// Whether the tick comes late.
    pub is_past_due: bool,
}

/// When the timer ticked and will tick.
///
/// Texts, because the host's times may lack an offset, and are in year 1 before the first tick.
#[derive(Clone, Debug)]
pub struct TimerStatus {
    /// The tick before this one.
    pub last: String,
    /// The next tick.
    pub next: String,
    /// When this was written.
    pub last_updated: String,
}

impl Timer {
    /// A punctual tick of `function`, whose binding is called `timer`, now, every five minutes.
    pub fn new(function: impl Into<String>) -> Self {
        let (now, period) = (Timestamp::now(), jiff::SignedDuration::from_mins(5));
        let status = TimerStatus {
            last: (now - period).to_string(),
            next: (now + period).to_string(),
            last_updated: (now - period).to_string(),
        };
        Self { function: function.into(), binding: "timer".into(), status: Some(status), is_past_due: false }
    }

    pub(super) fn body(&self) -> Value {
        let status = self.status.as_ref().map(
            |status| json!({ "Last": status.last, "Next": status.next, "LastUpdated": status.last_updated }),
        );
        let data = json!({
            "Schedule": { "AdjustForDST": true },
            "ScheduleStatus": status,
            "IsPastDue": self.is_past_due,
        });
        json!({
            "Data": { &self.binding: data },
            "Metadata": { "sys": sys(&self.function) },
        })
    }
}

/// What every invocation's metadata hold.
pub(super) fn sys(function: &str) -> Value {
    json!({ "MethodName": function, "UtcNow": Timestamp::now().to_string(), "RandGuid": random::uuid() })
}

/// The answer of an invocation that succeeded.
#[derive(Clone, Debug, PartialEq)]
pub struct Invoked {
    /// `Outputs`: what goes to the output bindings.
    pub outputs: Map<String, Value>,
    /// `Logs`: lines for the function's log.
    pub logs: Vec<String>,
    /// `ReturnValue`.
    pub return_value: Value,
}

/// Why an invocation failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvocationFailure {
    /// The handler answered with a status that is not 2xx.
    #[error("the handler answered {status}: {body}")]
    Status {
        /// The status.
        status: u16,
        /// The answer's body.
        body: String,
    },
    /// The real host would wait for its timeout: it found no JSON object.
    #[error("the invocation would hang until its timeout: {0}")]
    Hang(String),
    /// A JSON object, but not `{"Outputs","Logs","ReturnValue"}`.
    #[error("the answer is not an invocation's: {0}")]
    Malformed(String),
    /// The connection was refused or broke.
    #[error("{0}")]
    NoAnswer(String),
}

impl InvocationFailure {
    pub(super) fn status(&self) -> Option<u16> {
        match self {
            Self::Status { status, .. } => Some(*status),
            Self::Hang(_) | Self::Malformed(_) => Some(200),
            Self::NoAnswer(_) => None,
        }
    }

    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Status { .. } => "status",
            Self::Hang(_) => "would hang",
            Self::Malformed(_) => "malformed answer",
            Self::NoAnswer(_) => "no answer",
        }
    }
}

/// What the host makes of an answer.
pub(super) fn judge(answer: &HttpAnswer) -> Result<Invoked, InvocationFailure> {
    if !(200..300).contains(&answer.status) {
        return Err(InvocationFailure::Status { status: answer.status, body: answer.text() });
    }
    let hang = |why: &str| Err(InvocationFailure::Hang(why.to_owned()));
    if answer.body.is_empty() {
        return hang("the body is empty");
    }
    if !answer.header("content-type").is_some_and(|media| media.starts_with("application/json")) {
        return hang("the content type is not application/json");
    }
    let object = match serde_json::from_slice(&answer.body) {
        Ok(Value::Object(object)) => object,
        Ok(Value::Null) => return hang("the body is null"),
        Ok(_) => return hang("the body is JSON, but not an object"),
        Err(_) => return hang("the body is not JSON"),
    };
    let malformed = |why: &str| InvocationFailure::Malformed(why.to_owned());
    let outputs = match object.get("Outputs") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(outputs)) => outputs.clone(),
        Some(_) => return Err(malformed("Outputs is not an object")),
    };
    let logs = match object.get("Logs") {
        None | Some(Value::Null) => Some(Vec::new()),
        Some(Value::Array(lines)) => lines.iter().map(|line| line.as_str().map(str::to_owned)).collect(),
        Some(_) => None,
    };
    let logs = logs.ok_or_else(|| malformed("Logs is not a list of texts"))?;
    if let Some(unknown) =
        object.keys().find(|key| !["Outputs", "Logs", "ReturnValue"].contains(&key.as_str()))
    {
        return Err(malformed(&format!("{unknown:?} is not Outputs, Logs or ReturnValue")));
    }
    Ok(Invoked { outputs, logs, return_value: object.get("ReturnValue").cloned().unwrap_or_default() })
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    fn judge_json(status: u16, media: &str, body: &str) -> Result<Invoked, InvocationFailure> {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", media.parse().unwrap());
        judge(&HttpAnswer { status, headers, body: body.into() })
    }

    #[test]
    fn a_right_answer_is_read() {
        let answer = r#"{"Outputs":{"queue":[1]},"Logs":["a"],"ReturnValue":null}"#;
        let invoked = judge_json(200, "application/json", answer).unwrap();
        assert_eq!((invoked.outputs["queue"].clone(), invoked.logs), (json!([1]), vec!["a".to_owned()]));
        assert!(judge_json(204, "application/json; charset=utf-8", r#"{"Outputs":{}}"#).is_ok());
    }

    #[test]
    fn every_wrong_answer_fails_in_its_way() {
        for (status, media, body, kind) in [
            (500, "application/json", r#"{"Outputs":{}}"#, "status"),
            (302, "application/json", "{}", "status"),
            (200, "application/json", "", "would hang"),
            (200, "application/json", "null", "would hang"),
            (200, "application/json", "[]", "would hang"),
            (200, "application/json", "OK", "would hang"),
            (200, "text/plain", "{}", "would hang"),
            (200, "application/json", r#"{"Outputs":[]}"#, "malformed answer"),
            (200, "application/json", r#"{"Logs":"x"}"#, "malformed answer"),
            (200, "application/json", r#"{"Logs":[1]}"#, "malformed answer"),
            (200, "application/json", r#"{"outputs":{}}"#, "malformed answer"),
        ] {
            let failure = judge_json(status, media, body).unwrap_err();
            assert_eq!(failure.kind(), kind, "{status} {media} {body}: {failure}");
        }
    }

    #[test]
    fn a_timer_has_the_hosts_form() {
        let body = Timer::new("digest-timer").body();
        assert_eq!(body["Metadata"]["sys"]["MethodName"], "digest-timer");
        assert_eq!(body["Data"]["timer"]["IsPastDue"], false);
        assert!(body["Data"]["timer"]["ScheduleStatus"]["Next"].is_string());
        let unmonitored = Timer { status: None, ..Timer::new("digest-timer") };
        assert!(unmonitored.body()["Data"]["timer"]["ScheduleStatus"].is_null());
    }
}
