//! HTTP by payload format 2.0, of a Function URL or an HTTP API.

use aws_lambda_events::event::apigw::ApiGatewayV2httpRequest;
use axum::body::Body;
use gatepass_core::event::misfit;
use gatepass_core::failure::Failure;
use gatepass_core::http::HostCheck;
use http::Request;
use serde_json::Value;

use super::http::Parts;

const WHAT: &str = "the HTTP event (payload format 2.0)";

pub(super) fn read(value: Value) -> Result<Request<Body>, Failure> {
    let event: ApiGatewayV2httpRequest = serde_json::from_value(value)
        .map_err(|error| Failure::invalid(format!("{WHAT} is not understood: {}", misfit(&error))))?;
    let context = event.request_context;
    let path = event.raw_path.or(context.http.path).unwrap_or_default();
    // Only the IAM authorizer proves that Lambda has checked the caller.
    let is_checked = context.authorizer.is_some_and(|authorizer| authorizer.iam.is_some());
    Parts {
        what: WHAT,
        method: context.http.method.as_str(),
        path: below_stage(&path, context.stage.as_deref()),
        query: event.raw_query_string.as_deref().unwrap_or_default(),
        headers: event.headers,
        body: event.body,
        is_base64: event.is_base64_encoded,
        check: if is_checked { HostCheck::Passed } else { HostCheck::Missing },
        id: context.request_id,
    }
    .into_request()
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

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
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

    async fn body(request: Request<Body>) -> Vec<u8> {
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
