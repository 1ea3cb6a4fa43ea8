use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::report::Report;
use crate::telemetry::Correlation;

/// What a caller over HTTP hears: JSON, or a problem document (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpAnswer {
    /// The status.
    pub status: u16,
    /// The document.
    pub body: Value,
    /// Seconds after which to come back.
    pub retry_after: Option<u64>,
    is_problem: bool,
}

impl HttpAnswer {
    /// A plain answer.
    pub fn new(status: u16, body: Value) -> Self {
        Self { status, body, retry_after: None, is_problem: false }
    }

    /// With another status, in the document too.
    pub(super) fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        if let Some(field) = self.body.get_mut("status") {
            *field = json!(status);
        }
        self
    }

    /// What came of an event. `details` says whether this caller may see what is for the log.
    pub fn report(report: &Report, details: bool) -> Self {
        let body = report.answer(details);
        let Some((job, failure)) = report.worst() else { return Self::new(report.http_status(), body) };
        let mut answer = Self::failure(failure, details);
        if let (Value::Object(problem), Value::Object(results)) = (&mut answer.body, body) {
            problem.insert("job".into(), json!(job));
            problem.extend(results);
        }
        answer
    }

    /// A failure. `details` says whether this caller may see what is for the log.
    pub fn failure(failure: &Failure, details: bool) -> Self {
        let status = failure.class.status();
        let title = match failure.class.name() {
            "untrusted" => "Not accepted",
            "invalid" => "Can never succeed as it is",
            "refused" => "A person must change something first",
            _ => "Not now",
        };
        let mut body = Map::from_iter([
            ("type".to_owned(), json!("about:blank")),
            ("title".to_owned(), json!(title)),
            ("status".to_owned(), json!(status)),
            ("detail".to_owned(), json!(failure.message)),
            ("class".to_owned(), json!(failure.class.name())),
            ("correlation_id".to_owned(), json!(Correlation::current_id())),
        ]);
        if let Some(text) = failure.details.as_ref().filter(|_| details) {
            body.insert("details".into(), json!(text));
        }
        Self { status, body: Value::Object(body), retry_after: failure.retry_after(), is_problem: true }
    }
}

impl From<Failure> for HttpAnswer {
    fn from(failure: Failure) -> Self {
        Self::failure(&failure, false)
    }
}

impl IntoResponse for HttpAnswer {
    fn into_response(self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.body.to_string()));
        *response.status_mut() =
            StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = if self.is_problem { "application/problem+json" } else { "application/json" };
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == 401 {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
