//! HTTP through an API Gateway REST API (payload format 1.0) or an application load balancer.
//!
//! Sources: API Gateway developer guide, "Lambda proxy integrations in API Gateway"; Elastic Load Balancing user guide,
//! "Use Lambda functions as targets of an Application Load Balancer".

use std::collections::BTreeMap;

use http::HeaderMap;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::FunctionError;
use super::http_event::{IamCaller, answer, body, malformed};
use crate::hosts::{HttpAnswer, HttpCall};
use crate::identity::aws::{ACCOUNT, REGION};
use crate::identity::random;

/// The stage of the REST API: its path does not stand in the event's `path`, and stands in `requestContext.path`.
const STAGE: &str = "prod";

/// The most that a load balancer takes from a function, in bytes.
const MAX_LOAD_BALANCER: usize = 1_048_576;

pub(super) fn of_rest_api(call: &HttpCall, caller: Option<&IamCaller>) -> Value {
    // A REST API decodes the query.
    let query = several(form_urlencoded::parse(call.query.as_bytes()).into_owned());
    let (body, is_base64) = body(call);
    let now = Timestamp::now();
    json!({
        "resource": "/{proxy+}", "path": call.path, "httpMethod": call.method.as_str(),
        "headers": or_null(last(&headers(&call.headers))), "multiValueHeaders": or_null(all(&headers(&call.headers))),
        "queryStringParameters": or_null(last(&query)),
        "multiValueQueryStringParameters": or_null(all(&query)),
        "pathParameters": { "proxy": call.path.trim_start_matches('/') }, "stageVariables": null,
        "requestContext": {
            "resourceId": "2gxmpl", "resourcePath": "/{proxy+}", "httpMethod": call.method.as_str(),
            "requestTime": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(), "path": format!("/{STAGE}{}", call.path),
            "accountId": ACCOUNT, "protocol": "HTTP/1.1", "stage": STAGE, "requestTimeEpoch": now.as_millisecond(),
            "requestId": random::uuid(), "apiId": "70ixmpl4fl",
            "domainName": format!("70ixmpl4fl.execute-api.{REGION}.amazonaws.com"),
            "identity": {
                "accountId": caller.map(|_| ACCOUNT), "caller": caller.map(|_| "AIDACKCEVSQ6C2EXAMPLE"),
                "accessKey": caller.map(|_| "ASIAIOSFODNN7EXAMPLE"), "user": caller.map(|_| "AIDACKCEVSQ6C2EXAMPLE"),
                "userArn": caller.map(|caller| caller.user_arn.as_str()), "sourceIp": "203.0.113.7",
            },
        },
        "body": if call.body.is_empty() { Value::Null } else { json!(body) },
        "isBase64Encoded": is_base64 && !call.body.is_empty(),
    })
}

pub(super) fn of_load_balancer(call: &HttpCall, multi_value: bool) -> Value {
    // A load balancer hands the query on as it came.
    let raw = call.query.split('&').filter(|pair| !pair.is_empty());
    let raw = raw.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let query = several(raw.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let (body, is_base64) = body(call);
    let mut event = json!({
        "requestContext": { "elb": {
            "targetGroupArn": format!("arn:aws:elasticloadbalancing:{REGION}:{ACCOUNT}:targetgroup/gatepass/49e9d65c45c6791a"),
        }},
        "httpMethod": call.method.as_str(), "path": call.path, "body": body, "isBase64Encoded": is_base64,
    });
    let headers = headers(&call.headers);
    if let Some(event) = event.as_object_mut() {
        event.extend(match multi_value {
            true => [("multiValueHeaders", all(&headers)), ("multiValueQueryStringParameters", all(&query))]
                .map(|(name, value)| (name.to_owned(), Value::Object(value))),
            false => [("headers", last(&headers)), ("queryStringParameters", last(&query))]
                .map(|(name, value)| (name.to_owned(), Value::Object(value))),
        });
    }
    event
}

/// Every field of the answer must be one that API Gateway knows, and the status must be there.
pub(super) fn answer_of_rest_api(payload: &[u8]) -> Result<HttpAnswer, FunctionError> {
    known_fields(payload, &["statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"])?;
    answer(payload)
}

/// Of the two maps of headers only the one counts that the target group is set to.
pub(super) fn answer_of_load_balancer(
    payload: &[u8],
    multi_value: bool,
) -> Result<HttpAnswer, FunctionError> {
    if payload.len() > MAX_LOAD_BALANCER {
        return Err(malformed("the answer is larger than a load balancer takes"));
    }
    let fields =
        ["statusCode", "statusDescription", "headers", "multiValueHeaders", "body", "isBase64Encoded"];
    let mut fields = known_fields(payload, &fields)?;
    let (status, description) =
        (fields.get("statusCode"), fields.get("statusDescription").and_then(Value::as_str));
    let status = status.map(Value::to_string).unwrap_or_default();
    if !description
        .is_some_and(|text| text.strip_prefix(&status).is_some_and(|reason| reason.starts_with(' ')))
    {
        return Err(malformed("statusDescription is no status and reason"));
    }
    let unread = if multi_value { "headers" } else { "multiValueHeaders" };
    fields.remove(unread);
    answer(Value::Object(fields).to_string().as_bytes())
}

fn known_fields(payload: &[u8], known: &[&str]) -> Result<Map<String, Value>, FunctionError> {
    let fields: Map<String, Value> =
        serde_json::from_slice(payload).map_err(|_| malformed("the answer is no JSON object"))?;
    if !fields.contains_key("statusCode") || fields.keys().any(|name| !known.contains(&name.as_str())) {
        return Err(malformed("the answer has a field that is not known, or no statusCode"));
    }
    Ok(fields)
}

fn headers(headers: &HeaderMap) -> BTreeMap<String, Vec<String>> {
    let pairs = headers.iter();
    let pairs = pairs.map(|(name, value)| {
        (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
    });
    let front = [
        ("host", "gatepass.example.com"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-proto", "https"),
    ];
    several(pairs.chain(front.map(|(name, value)| (name.to_owned(), value.to_owned()))))
}

fn several(pairs: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, Vec<String>> {
    let mut several: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in pairs {
        several.entry(name).or_default().push(value);
    }
    several
}

fn last(several: &BTreeMap<String, Vec<String>>) -> Map<String, Value> {
    several.iter().map(|(name, values)| (name.clone(), json!(values.last()))).collect()
}

fn all(several: &BTreeMap<String, Vec<String>>) -> Map<String, Value> {
    several.iter().map(|(name, values)| (name.clone(), json!(values))).collect()
}

fn or_null(map: Map<String, Value>) -> Value {
    if map.is_empty() { Value::Null } else { Value::Object(map) }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    fn call() -> HttpCall {
        HttpCall::new(Method::POST, "/jobs/x")
            .query("a=1&a=%20b")
            .header("x-a", "1")
            .header("content-type", "application/json")
            .body("{}")
    }

    #[test]
    fn a_rest_api_decodes_the_query_and_a_load_balancer_does_not() {
        let rest = of_rest_api(&call(), None);
        assert_eq!(rest["multiValueQueryStringParameters"]["a"], json!(["1", " b"]));
        assert_eq!(
            (&rest["path"], &rest["requestContext"]["path"]),
            (&json!("/jobs/x"), &json!("/prod/jobs/x"))
        );
        assert_eq!(
            (&rest["requestContext"]["identity"]["userArn"], &rest["body"]),
            (&Value::Null, &json!("{}"))
        );
        let caller = IamCaller { user_arn: "arn:aws:iam::111122223333:user/ops".into() };
        let known = of_rest_api(&call(), Some(&caller));
        assert_eq!(known["requestContext"]["identity"]["userArn"], "arn:aws:iam::111122223333:user/ops");

        let several = of_load_balancer(&call(), true);
        assert_eq!(several["multiValueQueryStringParameters"]["a"], json!(["1", "%20b"]));
        assert!(several.get("headers").is_none() && several["multiValueHeaders"]["x-a"] == json!(["1"]));
        let single = of_load_balancer(&call(), false);
        assert_eq!(
            (&single["queryStringParameters"]["a"], &single["headers"]["x-a"]),
            (&json!("%20b"), &json!("1"))
        );
    }

    #[test]
    fn an_answer_has_the_form_of_its_front() {
        let good = json!({
            "statusCode": 201, "statusDescription": "201 Created", "headers": {"x-a": "1"},
            "multiValueHeaders": {"x-b": ["2"]}, "body": "", "isBase64Encoded": false,
        });
        let payload = good.to_string();
        let several = answer_of_load_balancer(payload.as_bytes(), true).unwrap();
        assert_eq!((several.header("x-a"), several.header("x-b")), (None, Some("2")));
        let single = answer_of_load_balancer(payload.as_bytes(), false).unwrap();
        assert_eq!((single.header("x-a"), single.header("x-b")), (Some("1"), None));
        assert!(answer_of_rest_api(payload.as_bytes()).is_err(), "statusDescription is not of a REST API");
        for bad in [r#"{"statusCode":200}"#, r#"{"statusCode":200,"statusDescription":"OK"}"#, "[]"] {
            assert!(answer_of_load_balancer(bad.as_bytes(), true).is_err(), "{bad}");
        }
        assert!(answer_of_rest_api(br#"{"statusCode":200,"body":"x"}"#).is_ok());
        assert!(answer_of_rest_api(br#"{"body":"x"}"#).is_err());
    }
}
