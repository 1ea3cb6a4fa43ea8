//! An HTTP function without forwarding: the request inside the invocation, and the answer inside its outputs.
//!
//! Source: Azure Functions documentation, "Custom handlers: HTTP-only function", and the host's
//! `HttpRequestExtensions.GetRequestAsJObject`, by which a body is text, and base64 where the content type is
//! `application/octet-stream` or `multipart/…`.

use std::collections::BTreeMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass_core::event::{MAX_BODY, misfit};
use gatepass_core::failure::Failure;
use gatepass_core::http::RequestId;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tower::ServiceExt as _;

use crate::invocation::Invocation;

/// The output binding of an HTTP function: `"name": "res"` in its `function.json`.
const OUTPUT: &str = "res";

/// Below which the host has all HTTP functions, unless `host.json` says otherwise.
const PREFIX: &str = "/api";

/// The largest answer that is passed on, in bytes.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// Whether a function is one of these: `ANYTHING-http`.
pub(crate) fn is_one(function: &str) -> bool {
    function.strip_suffix("-http").is_some_and(|name| !name.is_empty())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Sent {
    url: String,
    method: String,
    #[serde(default)]
    headers: BTreeMap<String, Values>,
    #[serde(default)]
    body: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Values {
    One(String),
    Several(Vec<String>),
}

/// Passes the request on to `router`, and gives the document that ends the invocation: whatever the answer is, the invocation
/// itself has not failed.
///
/// # Errors
/// Invalid when the invocation holds no request.
pub(crate) async fn pass_on(router: Router, id: &str, invocation: Invocation) -> Result<Value, Failure> {
    let mut request = request(invocation)?;
    request.extensions_mut().insert(RequestId(id.to_owned()));
    let Ok(response) = router.oneshot(request).await;
    output(response).await
}

fn request(invocation: Invocation) -> Result<Request<Body>, Failure> {
    let invalid =
        |what: String| Failure::invalid(format!("this HTTP invocation of the Functions host {what}"));
    let Value::Object(bindings) = invocation.data else {
        return Err(invalid("holds no binding".into()));
    };
    // The binding's name is the deployer's; there is one.
    let sent = bindings.into_iter().map(|(_, value)| value).find(|value| value.get("Url").is_some());
    let sent = sent.ok_or_else(|| invalid("holds no request".into()))?;
    let sent: Sent = serde_json::from_value(sent)
        .map_err(|error| invalid(format!("is not understood: {}", misfit(&error))))?;
    let headers = headers(sent.headers).ok_or_else(|| invalid("has a header that is none".into()))?;
    let uri: Uri = sent.url.parse().map_err(|_| invalid("has a URL that is none".into()))?;
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let target = target.strip_prefix(PREFIX).filter(|rest| rest.starts_with('/')).unwrap_or(target);
    let method: Method = sent.method.parse().map_err(|_| invalid("has a method that is none".into()))?;
    let body = body(&headers, sent.body.unwrap_or_default())
        .ok_or_else(|| invalid("has a body that is not base64".into()))?;
    let mut request = Request::builder().method(method).uri(target).body(Body::from(body));
    if let Ok(request) = &mut request {
        *request.headers_mut() = headers;
    }
    request.map_err(|_| invalid("is no request".into()))
}

fn headers(sent: BTreeMap<String, Values>) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for (name, values) in sent {
        let name: HeaderName = name.parse().ok()?;
        let values = match values {
            Values::One(value) => vec![value],
            Values::Several(values) => values,
        };
        for value in values {
            headers.append(&name, HeaderValue::from_str(&value).ok()?);
        }
    }
    // Of the request as it came to the host; the body's own length is known here.
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::TRANSFER_ENCODING);
    Some(headers)
}

/// The bytes that were sent, over which a signature was made.
fn body(headers: &HeaderMap, text: String) -> Option<Vec<u8>> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let kind = kind.to_ascii_lowercase();
    if kind.starts_with("application/octet-stream") || kind.starts_with("multipart/") {
        return STANDARD.decode(text).ok();
    }
    Some(text.into_bytes())
}

async fn output(response: Response) -> Result<Value, Failure> {
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, MAX_ANSWER.max(MAX_BODY)).await.map_err(|_| {
        Failure::refused(
            "the answer is larger than can be passed on; ask for less in read_repository.include",
        )
    })?;
    let headers: Map<String, Value> = parts
        .headers
        .iter()
        .filter_map(|(name, value)| Some((name.to_string(), json!(value.to_str().ok()?))))
        .collect();
    // As an object: the host would decode a text that happens to be base64.
    let body = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!(String::from_utf8_lossy(&bytes)));
    let answer = json!({ "statusCode": parts.status.as_u16(), "headers": headers, "body": body });
    Ok(json!({ "Outputs": { OUTPUT: answer }, "Logs": [], "ReturnValue": null }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(request: &Value) -> Result<Request<Body>, Failure> {
        let body = json!({ "Data": { "req": request }, "Metadata": {} });
        super::request(Invocation::read("HTTP", body.to_string().as_bytes()).unwrap())
    }

    #[tokio::test]
    async fn a_request_is_what_it_was() {
        let sent = json!({
            "Url": "https://app.azurewebsites.net/api/jobs/status?x=a%20b", "Method": "POST", "Query": "{\"x\":\"a b\"}",
            "Headers": { "Content-Type": ["application/json"], "X-Two": ["1", "2"], "Content-Length": ["999"] },
            "Params": {}, "Body": "{\"a\": 1}",
        });
        let request = read(&sent).unwrap();
        assert_eq!(
            (request.method(), request.uri().to_string().as_str()),
            (&Method::POST, "/jobs/status?x=a%20b")
        );
        assert_eq!(request.headers().get_all("x-two").iter().count(), 2);
        assert!(!request.headers().contains_key("content-length"));
        assert_eq!(to_bytes(request.into_body(), 100).await.unwrap(), "{\"a\": 1}");
    }

    #[tokio::test]
    async fn bytes_come_as_base64() {
        for (kind, text, bytes) in [
            ("application/octet-stream", "AP8=", Some(&b"\x00\xff"[..])),
            ("multipart/form-data; boundary=x", "YQ==", Some(b"a")),
            ("application/json", "YQ==", Some(b"YQ==")),
            ("application/octet-stream", "{}", None),
        ] {
            let sent = json!({"Url": "http://h/api/x", "Method": "POST", "Headers": {"content-type": kind}, "Body": text});
            match (read(&sent), bytes) {
                (Ok(request), Some(bytes)) => {
                    assert_eq!(to_bytes(request.into_body(), 100).await.unwrap(), bytes)
                }
                (Err(failure), None) => assert!(failure.message.contains("not base64"), "{failure}"),
                (read, _) => panic!("{kind}: {read:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_request_says_why() {
        for (sent, words) in [
            (json!({}), "no request"),
            (json!("x"), "no request"),
            (json!({"Url": "http://h/api/x"}), "missing field `Method`"),
            (json!({"Url": "http://h/api/x", "Method": "PO ST"}), "a method that is none"),
            (json!({"Url": "http://h /x", "Method": "GET"}), "a URL that is none"),
            (json!({"Url": "http://h/x", "Method": "GET", "Headers": {"a b": "c"}}), "a header that is none"),
            (
                json!({"Url": "http://h/x", "Method": "GET", "Headers": {"a": "c\r\nd: e"}}),
                "a header that is none",
            ),
            (json!({"Url": "http://h/x", "Method": 7}), "expected a string"),
        ] {
            let failure = read(&sent).unwrap_err();
            assert!(failure.message.contains(words), "{sent}: {failure}");
        }
        assert!(is_one("status-http") && !is_one("-http") && !is_one("status-timer"));
    }
}
