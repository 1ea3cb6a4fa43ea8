//! HTTP through whatever stands before a function; here a Function URL or an API Gateway HTTP API: events and answers in
//! payload format 2.0.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use url::form_urlencoded;

use super::{FunctionError, rest_event};
use crate::hosts::{HttpAnswer, HttpCall};
use crate::identity::aws::{ACCOUNT, REGION};
use crate::identity::random;

/// What stands between the internet and the function.
#[derive(Clone, Debug)]
pub enum Entrance {
    /// A Function URL: open, or with AWS_IAM authorisation that has let this caller in.
    FunctionUrl(Option<IamCaller>),
    /// An API Gateway HTTP API, with a catch-all route.
    ApiGateway(Option<IamCaller>),
    /// An API Gateway REST API, in its stage `prod`: payload format 1.0.
    RestApi(Option<IamCaller>),
    /// An application load balancer, whose target group has multi-value headers or has not.
    LoadBalancer {
        /// Whether the target group has them.
        multi_value: bool,
    },
}

/// A caller that AWS has authenticated.
#[derive(Clone, Debug)]
pub struct IamCaller {
    /// `arn:aws:iam::<account>:user/…` or `arn:aws:sts::<account>:assumed-role/…`.
    pub user_arn: String,
}

impl Entrance {
    /// The event the function receives for `call`.
    pub(super) fn event(&self, call: &HttpCall) -> Value {
        let (id, now) = ("r3pmxmplak", Timestamp::now());
        let (domain, route, caller) = match self {
            Self::FunctionUrl(caller) => ("lambda-url", "$default", caller),
            Self::ApiGateway(caller) => ("execute-api", "ANY /{proxy+}", caller),
            Self::RestApi(caller) => return rest_event::of_rest_api(call, caller.as_ref()),
            Self::LoadBalancer { multi_value } => return rest_event::of_load_balancer(call, *multi_value),
        };
        let suffix = if domain == "lambda-url" { "on.aws" } else { "amazonaws.com" };
        let domain_name = format!("{id}.{domain}.{REGION}.{suffix}");
        let user_agent = call.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
        let mut event = json!({
            "version": "2.0",
            "routeKey": route,
            "rawPath": call.path,
            "rawQueryString": call.query,
            "headers": headers(call, &domain_name),
            "requestContext": {
                "accountId": if caller.is_some() { ACCOUNT } else { "anonymous" },
                "apiId": id,
                "domainName": domain_name,
                "domainPrefix": id,
                "http": {
                    "method": call.method.as_str(),
                    "path": call.path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "203.0.113.7",
                    "userAgent": user_agent.unwrap_or_default(),
                },
                "requestId": random::uuid(),
                "routeKey": route,
                "stage": "$default",
                "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
                "timeEpoch": now.as_millisecond(),
            },
            "isBase64Encoded": false,
        });
        if let Some(event) = event.as_object_mut() {
            event.extend(self.optional(call));
            if let (Some(caller), Some(Value::Object(context))) = (caller, event.get_mut("requestContext")) {
                context.insert("authorizer".to_owned(), json!({ "iam": caller.context() }));
            }
        }
        event
    }

    /// What the sender sees of the function's answer.
    pub(super) fn answer(&self, payload: &[u8]) -> Result<HttpAnswer, FunctionError> {
        match self {
            Self::FunctionUrl(_) | Self::ApiGateway(_) => answer(payload),
            Self::RestApi(_) => rest_event::answer_of_rest_api(payload),
            Self::LoadBalancer { multi_value } => rest_event::answer_of_load_balancer(payload, *multi_value),
        }
    }

    /// The fields that are left out when there is nothing to say.
    fn optional(&self, call: &HttpCall) -> Map<String, Value> {
        let mut fields = Map::new();
        let cookies: Vec<&str> = call
            .headers
            .get_all(header::COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|cookies| cookies.split("; "))
            .collect();
        if !cookies.is_empty() {
            fields.insert("cookies".to_owned(), json!(cookies));
        }
        if !call.query.is_empty() {
            let mut parameters = Map::new();
            for (name, value) in form_urlencoded::parse(call.query.as_bytes()) {
                let joined = match parameters.get(name.as_ref()).and_then(Value::as_str) {
                    Some(earlier) => format!("{earlier},{value}"),
                    None => value.into_owned(),
                };
                parameters.insert(name.into_owned(), json!(joined));
            }
            fields.insert("queryStringParameters".to_owned(), Value::Object(parameters));
        }
        if let Self::ApiGateway(_) = self {
            let proxy = call.path.trim_start_matches('/');
            fields.insert("pathParameters".to_owned(), json!({ "proxy": proxy }));
        }
        if !call.body.is_empty() {
            let (body, is_base64) = body(call);
            fields.insert("body".to_owned(), json!(body));
            fields.insert("isBase64Encoded".to_owned(), json!(is_base64));
        }
        fields
    }
}

impl IamCaller {
    fn context(&self) -> Value {
        let id = "AIDACKCEVSQ6C2EXAMPLE";
        json!({
            "accessKey": "ASIAIOSFODNN7EXAMPLE",
            "accountId": ACCOUNT,
            "callerId": id,
            "cognitoIdentity": null,
            "principalOrgId": null,
            "userArn": self.user_arn,
            "userId": id,
        })
    }
}

/// The body as the event has it, and whether that is base64.
pub(super) fn body(call: &HttpCall) -> (String, bool) {
    match std::str::from_utf8(&call.body).ok().filter(|_| is_text(&call.headers)) {
        Some(text) => (text.to_owned(), false),
        None => (STANDARD.encode(&call.body), true),
    }
}

/// AWS hands on as text only what these media types are; a form, for one, arrives in base64.
fn is_text(headers: &HeaderMap) -> bool {
    let media = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&media.as_str())
        || media.ends_with("+json")
}

/// Lower-case names, several values of one joined by commas, cookies elsewhere, and what the front adds.
fn headers(call: &HttpCall, domain_name: &str) -> Value {
    let mut headers = Map::new();
    for name in call.headers.keys().filter(|name| *name != header::COOKIE) {
        let values = call.headers.get_all(name).iter();
        let values: Vec<String> =
            values.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
        headers.insert(name.as_str().to_owned(), json!(values.join(",")));
    }
    for (name, value) in [
        ("host", domain_name),
        ("x-amzn-trace-id", "Root=1-5e66d96f-7491f09xmpl79d18acf3d050"),
        ("x-forwarded-for", "203.0.113.7"),
        ("x-forwarded-port", "443"),
        ("x-forwarded-proto", "https"),
    ] {
        headers.insert(name.to_owned(), json!(value));
    }
    if !call.body.is_empty() {
        headers.insert("content-length".to_owned(), json!(call.body.len().to_string()));
    }
    Value::Object(headers)
}

/// What the sender sees of the function's answer. JSON without a `statusCode` becomes a 200 with that JSON.
pub(super) fn answer(payload: &[u8]) -> Result<HttpAnswer, FunctionError> {
    let value: Value = serde_json::from_slice(payload).map_err(|_| malformed("the answer is not JSON"))?;
    let Some(status) = value.get("statusCode") else {
        let headers =
            HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        return Ok(HttpAnswer { status: 200, headers, body: payload.to_vec() });
    };
    let status = status
        .as_u64()
        .and_then(|status| u16::try_from(status).ok())
        .filter(|status| (100..600).contains(status))
        .ok_or_else(|| malformed("statusCode is not an HTTP status"))?;
    let text = match value.get("body") {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) => text,
        Some(_) => return Err(malformed("body is not a string")),
    };
    let body = match value.get("isBase64Encoded") {
        Some(Value::Bool(true)) => STANDARD.decode(text).map_err(|_| malformed("body is not base64"))?,
        _ => text.as_bytes().to_vec(),
    };
    let mut headers = HeaderMap::new();
    for field in ["headers", "multiValueHeaders"] {
        for (name, values) in value.get(field).and_then(Value::as_object).into_iter().flatten() {
            let several = values.as_array().map_or(std::slice::from_ref(values), Vec::as_slice);
            for value in several {
                append(&mut headers, name, value)?;
            }
        }
    }
    for cookie in value.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        append(&mut headers, "set-cookie", cookie)?;
    }
    if !headers.contains_key(header::CONTENT_TYPE) {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    Ok(HttpAnswer { status, headers, body })
}

fn append(headers: &mut HeaderMap, name: &str, value: &Value) -> Result<(), FunctionError> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(_) | Value::Bool(_) => value.to_string(),
        _ => return Err(malformed("a header is neither text nor number")),
    };
    match (name.parse::<HeaderName>(), text.parse::<HeaderValue>()) {
        (Ok(name), Ok(value)) => {
            headers.append(name, value);
            Ok(())
        }
        _ => Err(malformed("a header is not valid HTTP")),
    }
}

pub(super) fn malformed(why: &str) -> FunctionError {
    FunctionError { error_type: "Sandbox.MalformedAnswer".to_owned(), message: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(entrance: &Entrance, call: HttpCall) -> Value {
        entrance.event(&call)
    }

    #[test]
    fn the_two_entrances_differ_where_aws_has_them_differ() {
        let call = HttpCall::get("/jobs/x").query("a=1&a=2&b=%20").header("cookie", "c=1; d=2");
        let url = event(&Entrance::FunctionUrl(None), call.clone());
        assert_eq!(url["version"], "2.0");
        assert_eq!(url["routeKey"], "$default");
        assert_eq!(url["requestContext"]["domainName"], "r3pmxmplak.lambda-url.eu-west-1.on.aws");
        assert_eq!(url["requestContext"]["http"]["method"], "GET");
        assert_eq!(url["queryStringParameters"], json!({ "a": "1,2", "b": " " }));
        assert_eq!(url["cookies"], json!(["c=1", "d=2"]));
        assert!(url["headers"].get("cookie").is_none() && url.get("body").is_none());
        assert!(url["requestContext"].get("authorizer").is_none());

        let caller = IamCaller { user_arn: "arn:aws:iam::111122223333:user/ops".into() };
        let gateway = event(&Entrance::ApiGateway(Some(caller)), call);
        assert_eq!(gateway["requestContext"]["domainName"], "r3pmxmplak.execute-api.eu-west-1.amazonaws.com");
        assert_eq!(gateway["pathParameters"]["proxy"], "jobs/x");
        assert_eq!(
            gateway["requestContext"]["authorizer"]["iam"]["userArn"],
            "arn:aws:iam::111122223333:user/ops"
        );
    }

    #[test]
    fn a_body_is_text_only_when_its_media_type_and_bytes_are() {
        for (media, body, encoded) in [
            ("application/json", b"{}".as_slice(), false),
            ("application/cloudevents+json; charset=utf-8", b"{}", false),
            ("text/plain", b"x", false),
            ("application/json", b"\xff", true),
            ("application/x-www-form-urlencoded", b"a=b", true),
            ("application/octet-stream", b"x", true),
            ("", b"x", true),
        ] {
            let call = HttpCall::new(http::Method::POST, "/").header("content-type", media).body(body);
            let event = event(&Entrance::FunctionUrl(None), call);
            let expected =
                if encoded { STANDARD.encode(body) } else { String::from_utf8(body.to_vec()).unwrap() };
            assert_eq!(
                (&event["isBase64Encoded"], &event["body"]),
                (&json!(encoded), &json!(expected)),
                "{media}"
            );
        }
    }

    #[test]
    fn answers_are_decoded() {
        let full = json!({
            "statusCode": 201, "headers": { "x-a": "1" }, "multiValueHeaders": { "x-b": ["2", "3"] },
            "body": "aGk=", "isBase64Encoded": true, "cookies": ["c=1"],
        });
        let decoded = answer(full.to_string().as_bytes()).unwrap();
        assert_eq!((decoded.status, decoded.text(), decoded.header("x-a")), (201, "hi".into(), Some("1")));
        assert_eq!(decoded.headers.get_all("x-b").iter().count(), 2);
        assert_eq!(decoded.header("set-cookie"), Some("c=1"));

        let bare = answer(br#"{"hello":1}"#).unwrap();
        assert_eq!((bare.status, bare.text().as_str()), (200, r#"{"hello":1}"#));
    }

    #[test]
    fn answers_that_a_gateway_would_not_pass_on_are_errors() {
        for payload in [
            "not json",
            r#"{"statusCode":"200"}"#,
            r#"{"statusCode":99}"#,
            r#"{"statusCode":200,"body":{}}"#,
            r#"{"statusCode":200,"body":"!","isBase64Encoded":true}"#,
            r#"{"statusCode":200,"headers":{"x":[[]]}}"#,
            r#"{"statusCode":200,"headers":{"x y":"1"}}"#,
        ] {
            assert_eq!(
                answer(payload.as_bytes()).unwrap_err().error_type,
                "Sandbox.MalformedAnswer",
                "{payload}"
            );
        }
    }
}
