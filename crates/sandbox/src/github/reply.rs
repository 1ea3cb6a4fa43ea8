//! Answers that are not errors.

use axum::Extension;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::Value;

use crate::trace::Note;

/// An answer, and a note for the trace.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    body: Vec<u8>,
    headers: HeaderMap,
    note: Option<Note>,
}

impl Reply {
    pub(crate) fn ok(body: &Value) -> Self {
        Self::json(StatusCode::OK, body)
    }

    /// 201, with `location` set to the `url` of what was created.
    pub(crate) fn created(body: &Value) -> Self {
        let location = body.get("url").and_then(Value::as_str).unwrap_or_default();
        Self::json(StatusCode::CREATED, body).header(header::LOCATION, location)
    }

    pub(crate) fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, body: Vec::new(), headers: HeaderMap::new(), note: None }
    }

    pub(crate) fn raw(body: Vec<u8>) -> Self {
        let reply = Self { status: StatusCode::OK, body, ..Self::no_content() };
        reply.header(header::CONTENT_TYPE, "application/vnd.github.raw+json; charset=utf-8")
    }

    fn json(status: StatusCode, body: &Value) -> Self {
        let reply = Self { status, body: body.to_string().into_bytes(), ..Self::no_content() };
        reply.header(header::CONTENT_TYPE, "application/json; charset=utf-8")
    }

    /// Adds a header; a value HTTP forbids is left out.
    pub(crate) fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub(crate) fn note(mut self, text: impl Into<String>) -> Self {
        self.note = Some(Note::new(text));
        self
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let response = (self.status, self.headers, self.body).into_response();
        match self.note {
            Some(note) => (Extension(note), response).into_response(),
            None => response,
        }
    }
}
