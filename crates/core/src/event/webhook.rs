use ::http::HeaderMap;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Event, json_or_text, sha256};
use crate::failure::Failure;
use crate::names::JobId;

/// A GitHub webhook delivery whose signature has been verified.
///
/// The signature covers the body alone. The event's name is a header, so it is taken from there and must fit the
/// body only in so far as a job's filter asks for an action; the delivery id is a header too, so it is logged and
/// not trusted: the event's id comes from the body's SHA-256.
#[derive(Debug)]
pub struct GitHubDelivery {
    /// `X-GitHub-Event`.
    pub name: String,
    /// The `action` of the body, where it has one.
    pub action: Option<String>,
    body: Value,
    digest: String,
}

impl GitHubDelivery {
    /// Reads the body, which must be a JSON object.
    ///
    /// # Errors
    /// Invalid when the body is not a JSON object or the event has no name.
    pub fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Failure> {
        let name = headers
            .get("x-github-event")
            .and_then(|value| value.to_str().ok())
            .filter(|name| {
                !name.is_empty()
                    && name.len() <= 64
                    && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            })
            .ok_or_else(|| Failure::invalid("the header X-GitHub-Event is missing or is no event name"))?
            .to_owned();
        let value: Value = serde_json::from_slice(body).map_err(|error| {
            Failure::invalid(format!(
                "the webhook's body is not JSON (line {}, column {}); choose the content type application/json in the webhook's settings",
                error.line(),
                error.column()
            ))
        })?;
        if !value.is_object() {
            return Err(Failure::invalid("the webhook's body is not a JSON object"));
        }
        let action = value.get("action").and_then(Value::as_str).map(str::to_owned);
        Ok(Self { name, action, body: value, digest: sha256([body]) })
    }

    /// The login of whoever caused the event.
    pub fn sender(&self) -> Option<&str> {
        self.body.pointer("/sender/login").and_then(Value::as_str)
    }

    /// Source `github.com/<owner>/<repo>` (or the job), type `com.github.<event>.<action>`.
    pub fn into_event(self, job: &JobId) -> Event {
        let repository = self.body.pointer("/repository/full_name").and_then(Value::as_str);
        let source = repository.map_or_else(|| job.to_string(), |name| format!("github.com/{name}"));
        let kind = match &self.action {
            Some(action) => format!("com.github.{}.{action}", self.name),
            None => format!("com.github.{}", self.name),
        };
        Event {
            id: self.digest,
            source,
            kind,
            time: Timestamp::now(),
            subject: None,
            attributes: Map::from_iter([("github_event".to_owned(), json!(self.name))]),
            data: self.body,
        }
    }
}

/// What a sender has signed beside the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The same for every delivery of it.
    pub id: String,
    /// When this delivery was sent.
    pub time: Timestamp,
}

/// A delivery of any other webhook whose signature has been verified.
#[derive(Debug)]
pub struct WebhookDelivery {
    kind: Option<String>,
    stamp: Stamp,
    data: Value,
}

impl WebhookDelivery {
    /// The longest `type` that is taken for one, in bytes.
    const MAX_KIND: usize = 256;

    /// A delivery of Standard Webhooks, which has an id, a time, and most often a `type` in its body.
    pub fn standard(stamp: Stamp, body: &[u8]) -> Self {
        let data = json_or_text(body);
        let kind = data.get("type").and_then(Value::as_str);
        let kind = kind.filter(|kind| !kind.is_empty() && kind.len() <= Self::MAX_KIND).map(str::to_owned);
        Self { kind, stamp, data }
    }

    /// A delivery of which nothing but the body is signed. The same body again is the same event.
    pub fn unstamped(body: &[u8]) -> Self {
        let id = sha256([body]);
        Self { kind: None, stamp: Stamp { id, time: Timestamp::now() }, data: json_or_text(body) }
    }

    /// Source: the job; type: the body's, or `webhook`. The body is JSON where it is JSON, else text.
    pub fn into_event(self, job: &JobId) -> Event {
        Event {
            id: self.stamp.id,
            source: job.to_string(),
            kind: self.kind.unwrap_or_else(|| "webhook".into()),
            time: self.stamp.time,
            subject: None,
            attributes: Map::new(),
            data: self.data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp() -> Stamp {
        Stamp { id: "msg_1".into(), time: "2026-11-20T09:00:00Z".parse().unwrap() }
    }

    #[test]
    fn a_standard_delivery_is_what_its_stamp_and_body_say() {
        let job = "order".parse().unwrap();
        let event = WebhookDelivery::standard(stamp(), br#"{"type":"order.paid","n":1}"#).into_event(&job);
        assert_eq!(
            (event.id.as_str(), event.source.as_str(), event.kind.as_str()),
            ("msg_1", "order", "order.paid")
        );
        assert_eq!((event.time, event.data), (stamp().time, json!({"type": "order.paid", "n": 1})));
        for body in [
            r#"{"type":7}"#,
            r#"{"type":""}"#,
            "[]",
            "",
            "hello",
            &format!(r#"{{"type":"{}"}}"#, "x".repeat(257)),
        ] {
            let event = WebhookDelivery::standard(stamp(), body.as_bytes()).into_event(&job);
            assert_eq!(event.kind, "webhook", "{body}");
        }
    }

    #[test]
    fn an_unstamped_delivery_is_known_again_by_its_body() {
        let job = "order".parse().unwrap();
        let event = |body: &[u8]| WebhookDelivery::unstamped(body).into_event(&job);
        assert_eq!(event(b"a=1").id, event(b"a=1").id);
        assert_ne!(event(b"a=1").id, event(b"a=2").id);
        assert_eq!((event(b"a=1").data, event(b"a=1").kind.as_str()), (json!("a=1"), "webhook"));
        // Nothing says what its type means.
        assert_eq!(event(br#"{"type":"x"}"#).kind, "webhook");
    }
}
