//! What an invocation answers with, as the JSON that Lambda takes.

use axum::body::Body;
use axum::response::IntoResponse as _;
use gatepass_core::failure::Failure;
use gatepass_core::http::HttpAnswer;
use gatepass_core::telemetry::TARGET;
use http::Response;
use serde::Serialize;
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::http_v2;

/// The most that Lambda lets through, in bytes of JSON: 6 MiB and 100. AWS Lambda, "Lambda quotas".
pub(super) const MAX_ANSWER: usize = 6 * 1024 * 1024 + 100;

/// An answer over HTTP, or a problem document in place of one that is too large: without it, Lambda would tell the caller
/// nothing but 502.
///
/// # Errors
/// None that can be expected: a problem document is small.
pub async fn answer_over_http(response: Response<Body>) -> Result<Box<RawValue>, Failure> {
    let encoded = http_v2::encode(response).await.and_then(|answer| within_limit(&answer));
    match encoded.inspect_err(not_let_through) {
        Ok(answer) => Ok(answer),
        Err(failure) => within_limit(&http_v2::encode(HttpAnswer::from(failure).into_response()).await?),
    }
}

/// The answer of a direct call.
///
/// # Errors
/// Refused when it is larger than Lambda lets through.
pub fn answer_directly(answer: &Value) -> Result<Box<RawValue>, Failure> {
    within_limit(answer).inspect_err(not_let_through)
}

/// The record `outcome` says that all was well.
fn not_let_through(failure: &Failure) {
    tracing::warn!(
        target: TARGET, message = "an answer was not let through", status = failure.class.name(),
        reason = failure.message,
    );
}

/// As Lambda takes it.
fn within_limit(answer: &impl Serialize) -> Result<Box<RawValue>, Failure> {
    // What cannot be serialised would be a bug; its text holds nothing of the answer.
    let json = to_raw_value(answer)
        .map_err(|error| Failure::refused(format!("the answer is no JSON: {error}; report this")))?;
    if json.get().len() > MAX_ANSWER { Err(too_large()) } else { Ok(json) }
}

pub(super) fn too_large() -> Failure {
    Failure::refused("the answer is larger than Lambda lets through; ask for less in read_repository.include")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    async fn answered(body: String) -> Value {
        let response = Response::builder().status(200).body(Body::from(body)).unwrap();
        serde_json::from_str(answer_over_http(response).await.unwrap().get()).unwrap()
    }

    #[tokio::test]
    async fn an_answer_over_http_that_is_too_large_becomes_a_problem() {
        let small = answered("{}".into()).await;
        assert_eq!((&small["statusCode"], &small["body"]), (&json!(200), &json!("{}")));
        // More than is collected, and what only becomes too large because each quote is escaped.
        for body in ["x".repeat(MAX_ANSWER + 1), "x".repeat(MAX_ANSWER - 10), "\"".repeat(MAX_ANSWER / 2)] {
            let large = answered(body).await;
            assert_eq!(large["statusCode"], 502);
            assert_eq!(large["headers"]["content-type"], "application/problem+json");
            let problem: Value = serde_json::from_str(large["body"].as_str().unwrap()).unwrap();
            assert_eq!((&problem["status"], &problem["class"]), (&json!(502), &json!("refused")));
            assert!(problem["detail"].as_str().unwrap().contains("read_repository.include"), "{problem}");
        }
    }

    #[test]
    fn the_limit_is_lambdas() {
        assert_eq!(MAX_ANSWER, 6_291_556);
        let string = |length: usize| within_limit(&"x".repeat(length - 2));
        assert_eq!(string(MAX_ANSWER).unwrap().get().len(), MAX_ANSWER);
        let failure = string(MAX_ANSWER + 1).unwrap_err();
        assert_eq!((failure.class.status(), failure.message.contains("larger than Lambda")), (502, true));
    }
}
