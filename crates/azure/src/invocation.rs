//! What the Functions host sends for a function without forwarding, and what it must hear.

use gatepass_core::failure::Failure;
use gatepass_core::report::Report;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// An invocation. Source: Azure Functions documentation, "Custom handlers: request payload", and the host's
/// `ScriptInvocationContextExtensions`, by which a text may be a JSON string inside a string, and a number a string.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Invocation {
    /// The inputs, by the names of their bindings.
    #[serde(default)]
    pub(crate) data: Value,
    #[serde(default)]
    metadata: Map<String, Value>,
}

impl Invocation {
    /// # Errors
    /// Invalid when the body is not what the Functions host sends for a function of this `kind`.
    pub(crate) fn read(kind: &str, body: &[u8]) -> Result<Self, Failure> {
        // An object first: to serde, a list is a struct too.
        let sent = serde_json::from_slice::<Map<String, Value>>(body);
        sent.and_then(|_| serde_json::from_slice(body)).map_err(|error| {
            Failure::invalid(format!(
                "this is no {kind} invocation of the Functions host (line {}, column {})",
                error.line(),
                error.column()
            ))
        })
    }

    /// A text among the metadata.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        match self.metadata.get(name)? {
            Value::String(text) => Some(unquoted(text)),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// When the host called, by its own clock.
    pub(crate) fn now(&self) -> Option<Timestamp> {
        utc(self.metadata.get("sys")?.get("UtcNow")?.as_str()?)
    }
}

/// The text inside a JSON string, or the text itself.
pub(crate) fn unquoted(text: &str) -> String {
    serde_json::from_str(text).unwrap_or_else(|_| text.to_owned())
}

/// A time of the host: perhaps without an offset, and then UTC; the year 1 stands for none.
pub(crate) fn utc(text: &str) -> Option<Timestamp> {
    let time: Timestamp = match text.parse() {
        Ok(time) => time,
        Err(_) => text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp(),
    };
    (time > Timestamp::UNIX_EPOCH).then_some(time)
}

/// The document that ends an invocation well. An empty answer would hang it.
pub(crate) fn outputs(report: &Report) -> Value {
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
    fn metadata_are_read_in_either_form() {
        let body = json!({"Metadata": {"Id": "\"a-1\"", "Plain": "a-1", "Count": "3", "Number": 3, "Odd": "\"a", "sys": {}}});
        let invocation = Invocation::read("queue", body.to_string().as_bytes()).unwrap();
        for (name, expected) in [
            ("Id", Some("a-1")),
            ("Plain", Some("a-1")),
            ("Count", Some("3")),
            ("Number", Some("3")),
            ("Odd", Some("\"a")),
            ("sys", None),
            ("Missing", None),
        ] {
            assert_eq!(invocation.text(name).as_deref(), expected, "{name}");
        }
        assert_eq!(invocation.now(), None);
    }

    #[test]
    fn what_the_host_never_sends_is_invalid() {
        for bad in ["", "null", "[]", "{", "7", r#"{"Metadata":7}"#] {
            let failure = Invocation::read("queue", bad.as_bytes()).unwrap_err();
            assert!(
                failure.message.contains("no queue invocation of the Functions host (line"),
                "{bad}: {failure}"
            );
        }
        assert!(Invocation::read("queue", b"{}").is_ok());
    }
}
