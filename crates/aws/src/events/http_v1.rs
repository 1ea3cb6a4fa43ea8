//! HTTP by payload format 1.0, of a REST API; and of an application load balancer, whose form it was.
//!
//! Sources: API Gateway developer guide, "Lambda proxy integrations in API Gateway"; Elastic Load Balancing user guide,
//! "Use Lambda functions as targets of an Application Load Balancer".

use std::collections::BTreeMap;

use axum::body::Body;
use gatepass_core::event::misfit;
use gatepass_core::failure::Failure;
use gatepass_core::http::HostCheck;
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use super::http::{Front, Parts};

/// The part of a greedy resource that stands for the rest of the path.
const PROXY: &str = "{proxy+}";

/// The types of `aws_lambda_events` decode the query, which a load balancer does not.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    http_method: String,
    path: String,
    resource: Option<String>,
    #[serde(default)]
    path_parameters: Option<BTreeMap<String, String>>,
    headers: Option<BTreeMap<String, String>>,
    multi_value_headers: Option<BTreeMap<String, Vec<String>>>,
    query_string_parameters: Option<BTreeMap<String, String>>,
    multi_value_query_string_parameters: Option<BTreeMap<String, Vec<String>>>,
    request_context: Context,
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    request_id: Option<String>,
    identity: Option<Identity>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    user_arn: Option<String>,
}

/// Who waits for the answer to this event.
pub(super) fn front_of_load_balancer(value: &Value) -> Front {
    Front::LoadBalancer { multi_value: value.get("multiValueHeaders").is_some_and(Value::is_object) }
}

pub(super) fn read(value: Value, front: Front) -> Result<Request<Body>, Failure> {
    let what = match front {
        Front::LoadBalancer { .. } => "the load balancer's request",
        _ => "the HTTP event (payload format 1.0)",
    };
    let event: Event = serde_json::from_value(value)
        .map_err(|error| Failure::invalid(format!("{what} is not understood: {}", misfit(&error))))?;
    // API Gateway fills it in for callers of IAM alone; other authorizers write elsewhere. A load balancer checks nobody.
    let caller = event.request_context.identity.as_ref().and_then(|identity| identity.user_arn.as_deref());
    let is_checked = front == Front::RestApi && caller.is_some_and(|arn| !arn.is_empty());
    let query = several(&event.query_string_parameters, &event.multi_value_query_string_parameters);
    Parts {
        what,
        method: &event.http_method,
        path: &event.below_base_path(),
        query: &match front {
            // It hands the query on as it came.
            Front::LoadBalancer { .. } => {
                let pairs = query.map(|(name, value)| format!("{name}={value}"));
                pairs.collect::<Vec<_>>().join("&")
            }
            _ => form_urlencoded::Serializer::new(String::new()).extend_pairs(query).finish(),
        },
        headers: headers(several(&event.headers, &event.multi_value_headers))
            .ok_or_else(|| Failure::invalid(format!("{what} has a header that is none")))?,
        body: event.body.clone(),
        is_base64: event.is_base64_encoded,
        check: if is_checked { HostCheck::Passed } else { HostCheck::Missing },
        id: event.request_context.request_id.clone(),
    }
    .into_request()
}

impl Event {
    /// `path` is without the stage, which only `requestContext.path` has; but a custom domain's base path stands before it,
    /// and what a greedy resource matched is without that.
    fn below_base_path(&self) -> String {
        let rest = self.path_parameters.as_ref().and_then(|parameters| parameters.get("proxy"));
        match (self.resource.as_deref().and_then(|resource| resource.strip_suffix(PROXY)), rest) {
            (Some(before), Some(rest)) if !before.contains('{') && self.path.ends_with(rest.as_str()) => {
                format!("{before}{rest}")
            }
            _ => self.path.clone(),
        }
    }
}

/// All values of a name, from the map that has all if there is one.
fn several<'a>(
    one: &'a Option<BTreeMap<String, String>>,
    all: &'a Option<BTreeMap<String, Vec<String>>>,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let one = one.iter().filter(|_| all.is_none()).flatten();
    let one = one.map(|(name, value)| (name.as_str(), value.as_str()));
    let all = all.iter().flatten();
    one.chain(all.flat_map(|(name, values)| values.iter().map(|value| (name.as_str(), value.as_str()))))
}

fn headers<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        let name: HeaderName = name.parse().ok()?;
        headers.append(name, HeaderValue::from_str(value).ok()?);
    }
    Some(headers)
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use serde_json::json;

    use super::*;

    fn rest() -> Value {
        json!({
            "resource": "/{proxy+}", "path": "/jobs/x", "httpMethod": "POST", "pathParameters": {"proxy": "jobs/x"},
            "headers": {"X-Test": "2", "Content-Length": "9"},
            "multiValueHeaders": {"X-Test": ["1", "2"], "Content-Length": ["9"]},
            "queryStringParameters": {"a": "c d"}, "multiValueQueryStringParameters": {"a": ["b&", "c d"]},
            "requestContext": {"requestId": "r1", "stage": "prod", "path": "/prod/jobs/x", "identity": {"userArn": null}},
            "body": "aGk=", "isBase64Encoded": true,
        })
    }

    fn balanced() -> Value {
        json!({
            "requestContext": {"elb": {"targetGroupArn": "arn:x"}}, "httpMethod": "GET", "path": "/jobs/x",
            "queryStringParameters": {"a": "b%20c", "d": ""}, "headers": {"x-test": "1"},
            "body": "", "isBase64Encoded": false,
        })
    }

    const ALB: Front = Front::LoadBalancer { multi_value: false };

    #[tokio::test]
    async fn every_value_of_a_header_and_of_the_query_arrives() {
        let request = read(rest(), Front::RestApi).unwrap();
        assert_eq!(
            (request.method().as_str(), request.uri().to_string()),
            ("POST", "/jobs/x?a=b%26&a=c+d".into())
        );
        let values: Vec<&HeaderValue> = request.headers().get_all("x-test").iter().collect();
        assert_eq!(values, ["1", "2"]);
        assert!(!request.headers().contains_key("content-length"));
        assert_eq!(request.into_body().collect().await.unwrap().to_bytes(), "hi");

        let request = read(balanced(), ALB).unwrap();
        assert_eq!(request.uri().to_string(), "/jobs/x?a=b%20c&d=");
        let mut several = balanced();
        several["multiValueHeaders"] = json!({"x-test": ["1", "2"]});
        assert_eq!(front_of_load_balancer(&several), Front::LoadBalancer { multi_value: true });
        assert_eq!(read(several, ALB).unwrap().headers().get_all("x-test").iter().count(), 2);
        assert_eq!(front_of_load_balancer(&balanced()), ALB);
    }

    #[test]
    fn only_a_caller_of_iam_at_a_rest_api_counts_as_checked() {
        let arn = "arn:aws:iam::111122223333:user/ops";
        let checked = |mut event: Value, context: Value, front| {
            event["requestContext"] = context;
            *read(event, front).unwrap().extensions().get::<HostCheck>().unwrap()
        };
        let identity = json!({"identity": {"userArn": arn}});
        assert_eq!(checked(rest(), identity.clone(), Front::RestApi), HostCheck::Passed);
        for context in [
            json!({"identity": {"userArn": ""}}),
            json!({"identity": {"userArn": null, "caller": "x", "apiKey": "k"}}),
            json!({"authorizer": {"principalId": "x", "userArn": arn}}),
            json!({}),
        ] {
            assert_eq!(checked(rest(), context.clone(), Front::RestApi), HostCheck::Missing, "{context}");
        }
        assert_eq!(checked(balanced(), identity, ALB), HostCheck::Missing);
    }

    #[test]
    fn neither_the_stage_nor_a_base_path_is_part_of_the_path() {
        for (resource, path, proxy, expected) in [
            ("/{proxy+}", "/jobs/x", Some("jobs/x"), "/jobs/x"),
            ("/{proxy+}", "/base/jobs/x", Some("jobs/x"), "/jobs/x"),
            ("/api/{proxy+}", "/base/api/jobs/x", Some("jobs/x"), "/api/jobs/x"),
            ("/jobs/x", "/jobs/x", None, "/jobs/x"),
            ("/{tenant}/{proxy+}", "/a/jobs/x", Some("jobs/x"), "/a/jobs/x"),
            ("/{proxy+}", "/jobs/x", Some("jobs/other"), "/jobs/x"),
        ] {
            let mut event = rest();
            (event["resource"], event["path"]) = (json!(resource), json!(path));
            event["pathParameters"] = json!(proxy.map(|proxy| json!({"proxy": proxy})));
            assert_eq!(read(event, Front::RestApi).unwrap().uri().path(), expected, "{resource} {path}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (pointer, value, words) in [
            ("/body", json!("***"), "base64"),
            ("/path", json!("/a b"), "path"),
            ("/httpMethod", json!("A B"), "method"),
            ("/multiValueHeaders", json!({"x": ["\n"]}), "header"),
            ("/requestContext", json!(1), "is not understood"),
        ] {
            let mut event = rest();
            event["pathParameters"] = Value::Null;
            *event.pointer_mut(pointer).unwrap() = value;
            let failure = read(event, Front::RestApi).unwrap_err();
            assert!(failure.message.contains(words), "{pointer}: {failure}");
        }
    }
}
