//! HTTP by payload format 2.0, of a Function URL or an HTTP API: the conversion by hand, about sixty lines, because
//! `lambda_http` puts 376 kB and a panic on bad base64 in their place.

use aws_lambda_events::encodings::Body as LambdaBody;
use aws_lambda_events::event::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass_core::failure::Failure;
use gatepass_core::http::{HostCheck, RequestId};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Limited};
use serde_json::Value;

use super::answer::{MAX_ANSWER, too_large};

/// A request for the router.
pub type HttpInvocation = Request<Body>;

pub(super) fn read(value: Value) -> Result<HttpInvocation, Failure> {
    let invalid = |what: String| Failure::invalid(format!("the HTTP event (payload format 2.0) {what}"));
    let event: ApiGatewayV2httpRequest =
        serde_json::from_value(value).map_err(|error| invalid(format!("is not understood: {error}")))?;
    let context = event.request_context;
    let path = event.raw_path.or(context.http.path).unwrap_or_default();
    let path = below_stage(&path, context.stage.as_deref());
    let uri = match event.raw_query_string.as_deref().filter(|query| !query.is_empty()) {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    // Decoded exactly once: signatures are made over the raw bytes.
    let body = match event.body {
        Some(text) if event.is_base64_encoded => STANDARD
            .decode(text)
            .map_err(|_| invalid("says that its body is base64, and it is not".into()))?,
        Some(text) => text.into_bytes(),
        None => Vec::new(),
    };
    let mut request = Request::builder()
        .method(context.http.method)
        .uri(uri)
        .body(Body::from(body))
        .map_err(|_| invalid("has a path that is none".into()))?;
    *request.headers_mut() = event.headers;
    // Lambda has joined the chunks; the length that a client announced may be another.
    request.headers_mut().remove(http::header::CONTENT_LENGTH);
    request.headers_mut().remove(http::header::TRANSFER_ENCODING);
    // Only the IAM authorizer proves that Lambda has checked the caller.
    let is_checked = context.authorizer.is_some_and(|authorizer| authorizer.iam.is_some());
    request.extensions_mut().insert(if is_checked { HostCheck::Passed } else { HostCheck::Missing });
    if let Some(id) = context.request_id {
        request.extensions_mut().insert(RequestId(id));
    }
    Ok(request)
}

/// An HTTP API's stage stands before the path, unless it is the default one.
fn below_stage<'a>(path: &'a str, stage: Option<&str>) -> &'a str {
    let stage = stage.filter(|stage| *stage != "$default" && !stage.is_empty());
    let rest = stage.and_then(|stage| path.strip_prefix('/')?.strip_prefix(stage));
    match rest {
        Some("") => "/",
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

/// The router's answer with every field that a host may insist on.
///
/// # Errors
/// Refused when it is larger than Lambda lets through.
pub(super) async fn encode(response: Response<Body>) -> Result<ApiGatewayV2httpResponse, Failure> {
    let (parts, body) = response.into_parts();
    let body = Limited::new(body, MAX_ANSWER).collect().await.map_err(|_| too_large())?;
    let bytes = body.to_bytes();
    let mut answer = ApiGatewayV2httpResponse::default();
    answer.status_code = i64::from(parts.status.as_u16());
    answer.headers = parts.headers;
    answer.body = Some(LambdaBody::Text(String::from_utf8_lossy(&bytes).into_owned()));
    answer.is_base64_encoded = false;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn event(change: impl FnOnce(&mut Value)) -> Value {
        let mut value = json!({
            "version": "2.0", "rawPath": "/hooks/x", "rawQueryString": "a=1",
            "headers": {"x-test": "1", "content-length": "99"},
            "requestContext": {"requestId": "r1", "stage": "$default", "http": {"method": "POST", "path": "/hooks/x"}},
            "body": "aGk=", "isBase64Encoded": true,
        });
        change(&mut value);
        value
    }

    async fn body(request: HttpInvocation) -> Vec<u8> {
        request.into_body().collect().await.unwrap().to_bytes().to_vec()
    }

    #[tokio::test]
    async fn a_base64_body_is_decoded_once() {
        let request = read(event(|_| ())).unwrap();
        assert_eq!((request.method().as_str(), request.uri().to_string().as_str()), ("POST", "/hooks/x?a=1"));
        assert_eq!(request.headers()["x-test"], "1");
        assert!(!request.headers().contains_key("content-length"));
        assert_eq!(body(request).await, b"hi");
        let plain = read(event(|value| value["isBase64Encoded"] = json!(false))).unwrap();
        assert_eq!(body(plain).await, b"aGk=");
        let bad = read(event(|value| value["body"] = json!("***"))).unwrap_err();
        assert!(bad.message.contains("base64"), "{bad}");
    }

    #[test]
    fn only_the_iam_authorizer_counts_as_checked() {
        let checked = |authorizer: Value| {
            let request = read(event(|value| value["requestContext"]["authorizer"] = authorizer)).unwrap();
            *request.extensions().get::<HostCheck>().unwrap()
        };
        assert_eq!(checked(json!({"iam": {"userArn": "arn:aws:iam::1:role/x"}})), HostCheck::Passed);
        assert_eq!(checked(json!({"jwt": {"claims": {}, "scopes": []}})), HostCheck::Missing);
        assert_eq!(checked(json!({})), HostCheck::Missing);
        assert_eq!(
            *read(event(|_| ())).unwrap().extensions().get::<HostCheck>().unwrap(),
            HostCheck::Missing
        );
    }

    #[test]
    fn the_stage_is_no_part_of_the_path() {
        for (path, stage, expected) in [
            ("/prod/jobs/x", Some("prod"), "/jobs/x"),
            ("/prod", Some("prod"), "/"),
            ("/production/jobs/x", Some("prod"), "/production/jobs/x"),
            ("/jobs/x", Some("$default"), "/jobs/x"),
            ("/jobs/x", None, "/jobs/x"),
        ] {
            assert_eq!(below_stage(path, stage), expected);
        }
    }
}
