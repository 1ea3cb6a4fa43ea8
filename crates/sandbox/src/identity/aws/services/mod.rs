//! AWS's services with a JSON protocol, as far as gatepass calls them: every request's signature is verified.
//!
//! Source: the API references of Amazon SQS (AWS JSON 1.0), AWS Secrets Manager and AWS Systems Manager (AWS JSON 1.1).

mod event_source;
mod queue;
mod secrets;
mod sqs;

use std::sync::Arc;

use axum::body::Bytes;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, Uri};
use jiff::Timestamp;
use serde_json::{Value, json};

pub use self::event_source::Batch;
pub use self::queue::Message;
pub use self::secrets::{ParameterStore, SecretsManager};
pub use self::sqs::Sqs;
use super::Account;
use crate::identity::noted;
use crate::sigv4::Received;

/// What one service wants to see of every request.
#[derive(Clone, Copy)]
struct Protocol {
    /// As it is signed for.
    service: &'static str,
    /// What stands before the action in `x-amz-target`.
    target: &'static str,
    content_type: &'static str,
    /// What stands before an error's name.
    errors: &'static str,
}

/// An error in AWS's JSON.
#[derive(Debug)]
struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl ApiError {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into() }
    }
}

/// What an action answers with, and a remark for the trace.
type Answer = Result<(Value, String), ApiError>;

impl Protocol {
    /// Verifies a request and hands its action and its parameters to `act`.
    fn answer(
        self,
        account: &Arc<Account>,
        (method, uri, headers, body): (Method, Uri, HeaderMap, Bytes),
        act: impl FnOnce(&str, &Value) -> Answer,
    ) -> Response {
        match self
            .verify(account, &method, &uri, &headers, &body)
            .and_then(|(action, body)| act(&action, &body))
        {
            Ok((answer, note)) => {
                let headers = [("content-type", self.content_type)];
                noted(format!("SigV4 verified; {note}"), (headers, answer.to_string()))
            }
            Err(ApiError { status, code, message }) => {
                let body = json!({ "__type": format!("{}{code}", self.errors), "message": message });
                let headers = [("content-type", self.content_type)];
                noted(format!("{code}: {message}"), (status, headers, body.to_string()).into_response())
            }
        }
    }

    fn verify(
        self,
        account: &Arc<Account>,
        method: &Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: &Bytes,
    ) -> Result<(String, Value), ApiError> {
        let query = uri.query().unwrap_or_default();
        let received = Received { method, path: uri.path(), query, headers, body };
        let lookup = |id: &str| account.session(id).map(|(_, credentials)| credentials);
        account.verifier(self.service).verify(received, Timestamp::now(), lookup).map_err(|rejection| {
            // Services with a JSON protocol have names of their own for these.
            let code = match rejection.code() {
                "ExpiredToken" => "ExpiredTokenException",
                "InvalidClientTokenId" => "UnrecognizedClientException",
                "SignatureDoesNotMatch" => "InvalidSignatureException",
                "IncompleteSignature" => "IncompleteSignatureException",
                other => other,
            };
            ApiError::new(code, rejection.to_string())
        })?;
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let action = text("x-amz-target").strip_prefix(self.target);
        let action =
            action.ok_or_else(|| ApiError::new("UnknownOperationException", "no such X-Amz-Target"))?;
        if text("content-type") != self.content_type {
            return Err(ApiError::new("UnknownOperationException", "another Content-Type is expected"));
        }
        let body = serde_json::from_slice(body)
            .map_err(|error| ApiError::new("SerializationException", error.to_string()))?;
        Ok((action.to_owned(), body))
    }
}

/// A parameter that must be there and be text.
fn text<'a>(body: &'a Value, name: &'static str) -> Result<&'a str, ApiError> {
    let text = body.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| {
        ApiError::new("MissingParameter", format!("The request must contain the parameter {name}."))
    })
}

/// Refuses parameters that are not known: a client that misspells one must hear of it.
fn only(body: &Value, known: &[&str]) -> Result<(), ApiError> {
    let mut names = body.as_object().into_iter().flat_map(|object| object.keys());
    match names.find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(ApiError::new("SerializationException", format!("unknown parameter {name}"))),
        None => Ok(()),
    }
}
