//! What an invocation answers with, as the JSON that Lambda and what stands before it take.

use aws_lambda_events::encodings::Body as LambdaBody;
use aws_lambda_events::event::apigw::ApiGatewayV2httpResponse;
use axum::body::Body;
use axum::response::IntoResponse as _;
use gatepass_core::failure::Failure;
use gatepass_core::http::HttpAnswer;
use gatepass_core::telemetry::TARGET;
use http::{HeaderMap, Response};
use http_body_util::{BodyExt as _, Limited};
use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::http::Front;

/// The most that Lambda lets through, in bytes of JSON: 6 MiB and 100. AWS Lambda, "Lambda quotas".
const MAX_ANSWER: usize = 6 * 1024 * 1024 + 100;

/// The most that a load balancer lets through, in bytes of JSON.
const MAX_BALANCED: usize = 1024 * 1024;

/// An answer over HTTP, or a problem document in place of one that is too large: without it, the caller would be told
/// nothing but 502.
///
/// # Errors
/// None that can be expected: a problem document is small.
pub async fn answer_over_http(response: Response<Body>, front: Front) -> Result<Box<RawValue>, Failure> {
    match encode(response, front).await.inspect_err(not_let_through) {
        Ok(answer) => Ok(answer),
        Err(failure) => encode(HttpAnswer::from(failure).into_response(), front).await,
    }
}

/// The answer of a direct call.
///
/// # Errors
/// Refused when it is larger than Lambda lets through.
pub fn answer_directly(answer: &Value) -> Result<Box<RawValue>, Failure> {
    within(MAX_ANSWER, answer).inspect_err(not_let_through)
}

/// The record `outcome` says that all was well.
fn not_let_through(failure: &Failure) {
    tracing::warn!(
        target: TARGET, message = "an answer was not let through", status = failure.class.name(),
        reason = failure.message,
    );
}

/// An answer in the form of a REST API or a load balancer: they take no field that they do not know.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AnswerV1 {
    status_code: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    status_description: Option<String>,
    headers: Map<String, Value>,
    multi_value_headers: Map<String, Value>,
    body: String,
    is_base64_encoded: bool,
}

async fn encode(response: Response<Body>, front: Front) -> Result<Box<RawValue>, Failure> {
    let limit = if let Front::LoadBalancer { .. } = front { MAX_BALANCED } else { MAX_ANSWER };
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, limit).collect().await.map_err(|_| too_large())?;
    let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    let (status, headers) = (parts.status, parts.headers);
    if front == Front::HttpApi {
        // With every field that a host may insist on.
        let mut answer = ApiGatewayV2httpResponse::default();
        answer.status_code = i64::from(status.as_u16());
        answer.headers = headers;
        answer.body = Some(LambdaBody::Text(body));
        return within(limit, &answer);
    }
    let reason = status.canonical_reason().unwrap_or("Unknown");
    let (one, all) = match front {
        Front::LoadBalancer { multi_value: true } => (Map::new(), all(&headers)),
        _ => (one(&headers), Map::new()),
    };
    let is_balanced = front != Front::RestApi;
    let answer = AnswerV1 {
        status_code: status.as_u16(),
        status_description: is_balanced.then(|| format!("{} {reason}", status.as_u16())),
        headers: one,
        multi_value_headers: all,
        body,
        is_base64_encoded: false,
    };
    within(limit, &answer)
}

/// One value a name: the router gives no more.
fn one(headers: &HeaderMap) -> Map<String, Value> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), json!(text(value)))).collect()
}

fn all(headers: &HeaderMap) -> Map<String, Value> {
    let values = |name| headers.get_all(name).iter().map(text).collect::<Vec<_>>();
    headers.keys().map(|name| (name.as_str().to_owned(), json!(values(name)))).collect()
}

fn text(value: &http::HeaderValue) -> &str {
    value.to_str().unwrap_or_default()
}

/// As Lambda takes it.
fn within(limit: usize, answer: &impl Serialize) -> Result<Box<RawValue>, Failure> {
    // What cannot be serialised would be a bug; its text holds nothing of the answer.
    let json = to_raw_value(answer)
        .map_err(|error| Failure::refused(format!("the answer is no JSON: {error}; report this")))?;
    if json.get().len() > limit { Err(too_large()) } else { Ok(json) }
}

fn too_large() -> Failure {
    Failure::refused("the answer is larger than Lambda lets through; ask for less in read_repository.include")
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn answered(body: String, front: Front) -> Value {
        let response = Response::builder().status(200).header("x-a", "1").body(Body::from(body)).unwrap();
        serde_json::from_str(answer_over_http(response, front).await.unwrap().get()).unwrap()
    }

    #[tokio::test]
    async fn each_front_gets_its_form() {
        let (a, no) = (json!({"x-a": "1"}), json!({}));
        let v2 = answered("{}".into(), Front::HttpApi).await;
        assert_eq!((&v2["statusCode"], &v2["headers"], &v2["cookies"]), (&json!(200), &a, &json!([])));
        let v1 = answered("{}".into(), Front::RestApi).await;
        assert_eq!(
            v1,
            json!({
                "statusCode": 200, "headers": a, "multiValueHeaders": no, "body": "{}", "isBase64Encoded": false,
            })
        );
        for (multi_value, one, all) in [(false, &a, &no), (true, &no, &json!({"x-a": ["1"]}))] {
            let balanced = answered("{}".into(), Front::LoadBalancer { multi_value }).await;
            assert_eq!(
                balanced,
                json!({
                    "statusCode": 200, "statusDescription": "200 OK", "headers": one, "multiValueHeaders": all, "body": "{}",
                    "isBase64Encoded": false,
                })
            );
        }
    }

    #[tokio::test]
    async fn an_answer_over_http_that_is_too_large_becomes_a_problem() {
        let balanced = Front::LoadBalancer { multi_value: false };
        for (front, limit) in
            [(Front::HttpApi, MAX_ANSWER), (Front::RestApi, MAX_ANSWER), (balanced, MAX_BALANCED)]
        {
            // More than is collected, and what only becomes too large because each quote is escaped.
            for body in ["x".repeat(limit + 1), "x".repeat(limit - 10), "\"".repeat(limit / 2)] {
                let large = answered(body, front).await;
                assert_eq!(large["statusCode"], 502);
                assert_eq!(large["headers"]["content-type"], "application/problem+json");
                let problem: Value = serde_json::from_str(large["body"].as_str().unwrap()).unwrap();
                assert_eq!((&problem["status"], &problem["class"]), (&json!(502), &json!("refused")));
                assert!(problem["detail"].as_str().unwrap().contains("read_repository.include"), "{problem}");
            }
        }
    }

    #[test]
    fn the_limit_is_lambdas() {
        assert_eq!(MAX_ANSWER, 6_291_556);
        let string = |length: usize| within(MAX_ANSWER, &"x".repeat(length - 2));
        assert_eq!(string(MAX_ANSWER).unwrap().get().len(), MAX_ANSWER);
        let failure = string(MAX_ANSWER + 1).unwrap_err();
        assert_eq!((failure.class.status(), failure.message.contains("larger than Lambda")), (502, true));
    }
}
