use ::http::{HeaderMap, Method, header};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Event, json_or_text};
use crate::names::CallerName;

/// The request headers that a template may see. None of them can carry a credential.
const HEADERS: [header::HeaderName; 4] = [
    header::ACCEPT,
    header::CONTENT_TYPE,
    header::USER_AGENT,
    header::HeaderName::from_static("x-request-id"),
];

/// A verified call of an `http` job.
#[derive(Debug)]
pub struct HttpCall<'a> {
    /// Who called.
    pub caller: &'a CallerName,
    /// The host's id of this request.
    pub request_id: &'a str,
    /// `GET` or `POST`.
    pub method: &'a Method,
    /// The query string, decoded.
    pub query: Vec<(String, String)>,
    /// All headers; only the harmless ones are kept.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
}

impl HttpCall<'_> {
    /// `{method, query, headers, body}`; the body is JSON where it is JSON, else text.
    pub fn into_event(self) -> Event {
        let query: Map<String, Value> = self.query.into_iter().map(|(k, v)| (k, Value::String(v))).collect();
        let headers: Map<String, Value> = HEADERS
            .iter()
            .filter_map(|name| Some((name.to_string(), json!(self.headers.get(name)?.to_str().ok()?))))
            .collect();
        Event {
            id: self.request_id.to_owned(),
            source: self.caller.to_string(),
            kind: "http".into(),
            time: Timestamp::now(),
            subject: None,
            attributes: Map::new(),
            data: json!({
                "method": self.method.as_str(),
                "query": query,
                "headers": headers,
                "body": json_or_text(self.body),
            }),
        }
    }
}
