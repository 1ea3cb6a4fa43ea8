//! Everything becomes a CloudEvents 1.0 event (`docs/contract.md`, "Events").
//!
//! `data` is the innermost business payload in its native form; the transport's envelope is gone, and its ids and
//! times have become attributes. What only one cloud sends is turned into an [`Event`] by that cloud's adapter.

mod azure_monitor;
mod cloudevents;
mod http;
mod pubsub;
mod schedule;
mod sns;
mod webhook;

use std::fmt;

use jiff::Timestamp;
use ring::digest;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub use self::azure_monitor::AzureAlert;
pub use self::http::HttpCall;
pub use self::pubsub::PubSubMessage;
pub use self::schedule::Schedule;
pub use self::sns::SnsNotification;
pub use self::webhook::{GitHubDelivery, Stamp, WebhookDelivery};

/// The largest body that is read from anybody, in bytes: Lambda's synchronous limit.
pub const MAX_BODY: usize = 6 * 1024 * 1024;

/// A CloudEvents 1.0 event.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Unique within `source`; the same again is the same event.
    pub id: String,
    /// Who it comes from.
    pub source: String,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: String,
    /// When it happened, or when it was sent, or, where nobody says, when it arrived.
    pub time: Timestamp,
    /// What it is about, where the sender says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// Whatever else the transport told.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
    /// The business payload.
    pub data: Value,
}

impl Event {
    /// Sixteen hex digits that stand for this event wherever it is delivered: from its source and id.
    pub fn fingerprint(&self) -> String {
        short(sha256([self.source.as_bytes(), b"\0", self.id.as_bytes()]))
    }
}

/// Shows the attributes and never the data: a body does not belong in a log.
impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("id", &self.id)
            .field("source", &self.source)
            .field("kind", &self.kind)
            .field("time", &self.time)
            .finish_non_exhaustive()
    }
}

/// SHA-256 of all pieces together, as 64 hex digits.
pub(crate) fn sha256<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for piece in pieces {
        context.update(piece);
    }
    hex(context.finish().as_ref())
}

/// The first sixteen digits of a digest, which tell apart what one repository holds.
pub(crate) fn short(mut digest: String) -> String {
    digest.truncate(16);
    digest
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The JSON that a body holds, or the body as text.
pub fn json_or_text(body: &[u8]) -> Value {
    if body.is_empty() {
        return Value::Null;
    }
    serde_json::from_slice(body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(body).into_owned()))
}

/// Why JSON was not what was expected, without anything of what it was: the parser's own words repeat it.
pub fn misfit(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let place = match error.line() {
        0 => String::new(),
        line => format!(" (line {line}, column {})", error.column()),
    };
    let words =
        words.strip_suffix(&format!(" at line {} column {}", error.line(), error.column())).unwrap_or(&words);
    let starts = |start: &str| words.starts_with(start);
    match words.rsplit_once(", expected ") {
        // The name that is not known is what helps; it is the sender's, so not much of it.
        Some((unknown, expected)) if starts("unknown field") => {
            let unknown: String = unknown.chars().take(80).collect();
            format!("{unknown}, expected {expected}{place}")
        }
        Some((_, expected))
            if starts("invalid type") || starts("invalid value") || starts("invalid length") =>
        {
            format!("expected {expected}{place}")
        }
        _ if starts("missing field") || error.is_syntax() || error.is_eof() => format!("{words}{place}"),
        // Whatever a type of its own says.
        _ => format!("it does not have the form that is expected{place}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(source: &str, id: &str) -> Event {
        Event {
            id: id.into(),
            source: source.into(),
            kind: "t".into(),
            time: Timestamp::UNIX_EPOCH,
            subject: None,
            attributes: Map::new(),
            data: Value::String("private".into()),
        }
    }

    #[test]
    fn the_fingerprint_is_of_source_and_id_together() {
        assert_eq!(event("a", "b").fingerprint().len(), 16);
        assert_eq!(event("a", "b").fingerprint(), event("a", "b").fingerprint());
        assert_ne!(event("a", "bc").fingerprint(), event("ab", "c").fingerprint());
    }

    #[test]
    fn a_misfit_shows_nothing_of_what_it_was() {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Point {
            #[expect(dead_code, reason = "only read")]
            x: u8,
            #[expect(dead_code, reason = "only read")]
            at: Timestamp,
        }
        let long = "y".repeat(5000);
        for (json, words) in [
            (r#"{"x":"hunter2"}"#.to_owned(), "expected u8"),
            (r#"{"x":1,"at":"hunter2"}"#.to_owned(), "form that is expected"),
            (r#"{"x":1}"#.to_owned(), "missing field `at`"),
            (r#""hunter2, expected nothing""#.to_owned(), "expected struct Point"),
            (format!(r#"{{"{long}":1}}"#), "unknown field `yyy"),
        ] {
            let told = misfit(&serde_json::from_str::<Point>(&json).unwrap_err());
            assert!(told.contains(words) && told.len() < 200 && !told.contains("hunter2"), "{told}");
        }
    }

    #[test]
    fn debug_shows_no_data() {
        assert!(!format!("{:?}", event("a", "b")).contains("private"));
    }
}
