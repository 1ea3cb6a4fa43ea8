//! GitHub's errors: a status, a message, and the headers that go with them.

use axum::Extension;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::permission::Need;
use crate::trace::Note;

/// An answer that is an error.
#[derive(Clone, Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    message: String,
    errors: Vec<FieldError>,
    /// For `x-accepted-github-permissions`.
    need: Option<Need>,
}

/// What is wrong with one field of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FieldError {
    pub(crate) resource: &'static str,
    pub(crate) field: &'static str,
    pub(crate) code: &'static str,
    pub(crate) message: Option<String>,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), errors: Vec::new(), need: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn requires_authentication() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Requires authentication")
    }

    pub(crate) fn bad_credentials() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "Bad credentials")
    }

    pub(crate) fn rate_limited() -> Self {
        Self::new(StatusCode::FORBIDDEN, "API rate limit exceeded for installation.")
    }

    pub(crate) fn no_permission(need: Need) -> Self {
        let message = "Resource not accessible by integration";
        Self { need: Some(need), ..Self::new(StatusCode::FORBIDDEN, message) }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Not Found")
    }

    pub(crate) fn label_does_not_exist() -> Self {
        Self::new(StatusCode::NOT_FOUND, "Label does not exist")
    }

    pub(crate) fn issues_disabled() -> Self {
        Self::new(StatusCode::GONE, "Issues has been disabled in this repository.")
    }

    pub(crate) fn unsupported_accept() -> Self {
        let message = "Unsupported 'Accept' header: Must accept 'application/json'.";
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message)
    }

    pub(crate) fn archived() -> Self {
        Self::new(StatusCode::FORBIDDEN, "Repository was archived so is read-only.")
    }

    /// 422 whose message says everything, without a list of fields.
    pub(crate) fn unprocessable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, message)
    }

    /// 422 as GitHub words it where it holds a body against its schema.
    pub(crate) fn schema(problem: impl std::fmt::Display) -> Self {
        Self::unprocessable(format!("Invalid request.\n\n{problem}"))
    }

    pub(crate) fn invalid(errors: Vec<FieldError>) -> Self {
        Self { errors, ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, "Validation Failed") }
    }

    fn body(&self) -> Value {
        let mut body = json!({
            "message": self.message,
            "documentation_url": "https://docs.github.com/rest",
            "status": self.status.as_str(),
        });
        if !self.errors.is_empty()
            && let Some(fields) = body.as_object_mut()
        {
            fields.insert("errors".to_owned(), self.errors.iter().map(FieldError::to_json).collect());
        }
        body
    }

    fn note(&self) -> Note {
        let errors = self.errors.iter().map(|error| format!(", {} {}", error.field, error.code));
        let need = self.need.map(|need| format!(", needs {need}"));
        Note::new(self.message.clone() + &errors.chain(need).collect::<String>())
    }
}

impl FieldError {
    fn to_json(&self) -> Value {
        let mut error = json!({ "resource": self.resource, "field": self.field, "code": self.code });
        if let (Some(message), Some(fields)) = (&self.message, error.as_object_mut()) {
            fields.insert("message".to_owned(), message.as_str().into());
        }
        error
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut response = (self.status, Extension(self.note()), self.body().to_string()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        if let Some(need) = self.need.and_then(|need| HeaderValue::from_str(&need.to_string()).ok()) {
            headers.insert(HeaderName::from_static("x-accepted-github-permissions"), need);
        }
        response
    }
}
