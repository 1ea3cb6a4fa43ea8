//! The golden rows: what each transport sends, and the event that every adapter must make of it.
//!
//! One file a row in `golden/events/`. `"*"` stands for what differs from run to run. The jobs of `golden/gatepass.yaml`
//! write the whole event into an issue, so a row is checked through the built binary, from the wire to GitHub.

use std::io;
use std::path::Path;

use http::Method;
use serde_json::{Map, Value};

use crate::Sandbox;
use crate::hosts::HttpCall;
use crate::hosts::webhook::{Signature, Webhook};
use crate::identity::gcp::SCHEDULER;

/// The audience that the rows' caller is pinned to.
const AUDIENCE: &str = "https://golden.example.com";

/// The secret of the rows' webhook.
const SECRET: &str = "golden-webhook-secret";

const REPOSITORY: &str = "acme/operations";

/// One row of the contract's table of events.
#[derive(Clone, Debug)]
pub struct Row {
    /// The file's name, without its ending.
    pub name: String,
    sent: Value,
    event: Value,
}

/// How a row arrives.
#[derive(Clone, Debug)]
pub enum Arrival {
    /// As the payload of an invocation of a Lambda function.
    Lambda(Value),
    /// As a tick of this timer function.
    Timer(String),
    /// As a message of this queue of Azure Queue Storage, with this text.
    Queue(String, String),
    /// As an HTTP request to any host.
    Http(HttpCall),
}

/// All rows, in the order of their names.
///
/// # Errors
/// When a file cannot be read or is no row.
pub fn rows() -> io::Result<Vec<Row>> {
    let mut rows = Vec::new();
    for entry in std::fs::read_dir(directory().join("events"))? {
        let path = entry?.path();
        let mut row: Value = serde_json::from_slice(&std::fs::read(&path)?)?;
        let event = row.get_mut("event").map(Value::take).unwrap_or_default();
        let name = path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        rows.push(Row { name, sent: row, event });
    }
    rows.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(rows)
}

/// The configuration of the rows for this sandbox.
///
/// # Errors
/// When it cannot be read.
pub fn config(sandbox: &Sandbox) -> io::Result<String> {
    let text = std::fs::read_to_string(directory().join("gatepass.yaml"))?;
    Ok(text.replace("ISSUER", sandbox.identity.gcp.issuer().url()).replace("EMAIL", SCHEDULER.email))
}

/// The variables that the rows' configuration needs.
pub fn env() -> crate::identity::Environment {
    [("WEBHOOK_SECRET".to_owned(), SECRET.to_owned())].into()
}

fn directory() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"))
}

impl Row {
    /// What arrives, with what proves who sent it.
    ///
    /// # Errors
    /// When the file says nothing that is known.
    pub fn arrival(&self, sandbox: &Sandbox) -> Result<Arrival, String> {
        let text = |value: &Value, key: &str| {
            value
                .get(key)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .ok_or(format!("{}: no {key}", self.name))
        };
        if let Some(payload) = self.sent.get("lambda") {
            return Ok(Arrival::Lambda(payload.clone()));
        }
        if let Some(function) = self.sent.get("timer").and_then(Value::as_str) {
            return Ok(Arrival::Timer(function.to_owned()));
        }
        if let Some(message) = self.sent.get("queue") {
            return Ok(Arrival::Queue(text(message, "queue")?, text(message, "text")?));
        }
        if let Some(webhook) = self.sent.get("webhook") {
            let delivery = Webhook::of_bytes(text(webhook, "event")?, text(webhook, "body")?);
            return Ok(Arrival::Http(delivery.call(&text(webhook, "path")?, SECRET, Signature::Right)));
        }
        let request = self.sent.get("http").ok_or(format!("{}: nothing arrives", self.name))?;
        let method: Method =
            text(request, "method")?.parse().map_err(|_| format!("{}: method", self.name))?;
        let token = sandbox.identity.gcp.mint(SCHEDULER, AUDIENCE);
        let mut call = HttpCall::new(method, text(request, "path")?)
            .query(text(request, "query").unwrap_or_default())
            .body(text(request, "body")?)
            .header("authorization", &format!("Bearer {token}"));
        for (name, value) in request.get("headers").and_then(Value::as_object).unwrap_or(&Map::new()) {
            call = call.header(name, value.as_str().unwrap_or_default());
        }
        Ok(Arrival::Http(call))
    }

    /// Takes the event out of the one open issue, closes that, and compares.
    ///
    /// # Errors
    /// How the event differs from the row's, or that there is none.
    pub fn check(&self, sandbox: &Sandbox) -> Result<(), String> {
        let open = sandbox.github.open_issues(REPOSITORY);
        let [issue] = open.as_slice() else {
            return Err(format!("{}: {} open issues", self.name, open.len()));
        };
        let number = issue.number;
        let body = issue.body.clone().unwrap_or_default();
        let closed =
            sandbox.github.close_as_person(REPOSITORY, number, crate::github::StateReason::Completed);
        closed.map_err(|error| error.to_string())?;
        let json = body.lines().find(|line| line.starts_with('{')).unwrap_or_default();
        let event: Value = serde_json::from_str(json).map_err(|error| format!("{}: {error}", self.name))?;
        if fits(&self.event, &event) {
            Ok(())
        } else {
            Err(format!("{}: expected {:#}\nfound {event:#}", self.name, self.event))
        }
    }
}

/// Equal, but for `"*"`, which stands for any text that is not empty.
fn fits(expected: &Value, found: &Value) -> bool {
    match (expected, found) {
        (Value::String(any), Value::String(text)) if any == "*" => !text.is_empty(),
        (Value::Object(expected), Value::Object(found)) => {
            expected.len() == found.len()
                && expected.iter().all(|(key, value)| found.get(key).is_some_and(|found| fits(value, found)))
        }
        (expected, found) => expected == found,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_is_seen() {
        let expected = json!({"id": "*", "data": {"n": 1}});
        assert!(fits(&expected, &json!({"id": "x", "data": {"n": 1}})));
        for other in [
            json!({"id": "", "data": {"n": 1}}),
            json!({"id": "x", "data": {"n": 2}}),
            json!({"id": "x", "data": {"n": 1}, "more": 1}),
            json!({"id": "x"}),
        ] {
            assert!(!fits(&expected, &other), "{other}");
        }
    }

    #[test]
    fn every_row_of_this_version_is_there() {
        let names: Vec<String> = rows().unwrap().into_iter().map(|row| row.name).collect();
        let expected = [
            "alarm-action",
            "azure-monitor",
            "azure-queue",
            "azure-timer",
            "cloud-monitoring",
            "cloud-scheduler",
            "cloudevents-binary",
            "cloudevents-structured",
            "direct-invoke",
            "eventbridge",
            "eventbridge-scheduler",
            "http",
            "pubsub",
            "pubsub-unwrapped",
            "sns",
            "sns-alarm",
            "sqs",
            "webhook",
        ];
        assert_eq!(names, expected);
    }
}
