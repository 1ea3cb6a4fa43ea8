use ::http::HeaderMap;
use jiff::Timestamp;
use ring::digest;
use serde_json::{Map, Value, json};

use super::{Event, hex};
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
                    && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
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
        Ok(Self { name, action, body: value, digest: hex(digest::digest(&digest::SHA256, body).as_ref()) })
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
