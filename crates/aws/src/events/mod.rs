//! Telling what Lambda was handed, and turning it into a delivery.
//!
//! Never by trial: SNS, S3 and Kinesis events all parse as an SQS event, and a scheduled event parses as an alarm. The raw
//! JSON's own marks decide, in a fixed order.

mod answer;
mod direct;
mod eventbridge;
mod http_v2;

use std::fmt;

use gatepass_core::delivery::Delivery;
use gatepass_core::event::MAX_BODY;
use gatepass_core::failure::Failure;
use serde_json::Value;

pub use self::answer::{answer_directly, answer_over_http};
pub use self::http_v2::HttpInvocation;

/// What an invocation is.
#[derive(Debug)]
pub enum Invocation {
    /// A request of a Function URL or an HTTP API, for the router.
    Http(Box<HttpInvocation>),
    /// A request that cannot be read. Whoever sent it is told so over HTTP: an error of the invocation would let a
    /// stranger raise the function's alarm.
    UnreadableHttp(Failure),
    /// An event or a direct call. Lambda's own IAM has checked who may invoke the function.
    Delivery(Delivery),
}

/// Kinds that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    HttpV2,
    EventBridge,
    Direct,
    /// One that this version does not take.
    Other(&'static str),
}

/// Reads an invocation's payload.
///
/// # Errors
/// Invalid when it is nothing that this function takes; the message says what it looks like.
pub fn read(payload: &str) -> Result<Invocation, Failure> {
    let value: Value = serde_json::from_str(payload).map_err(not_json)?;
    let kind = kind(&value);
    let too_large = (payload.len() > MAX_BODY).then(|| {
        Failure::too_large(format!(
            "the event is larger than {MAX_BODY} bytes; send what the job needs, or where to find it"
        ))
    });
    match (kind, too_large) {
        (Kind::HttpV2, Some(failure)) => Ok(Invocation::UnreadableHttp(failure)),
        (_, Some(failure)) => Err(failure),
        (kind, None) => read_as(kind, value),
    }
}

fn read_as(kind: Kind, value: Value) -> Result<Invocation, Failure> {
    match kind {
        Kind::HttpV2 => Ok(match http_v2::read(value) {
            Ok(request) => Invocation::Http(Box::new(request)),
            Err(failure) => Invocation::UnreadableHttp(failure),
        }),
        Kind::EventBridge => eventbridge::read(value).map(Invocation::Delivery),
        Kind::Direct => direct::read(value).map(Invocation::Delivery),
        Kind::Other(what) => Err(Failure::invalid(format!(
            "this is {what}, which this version does not take; it takes EventBridge events, requests of a Function URL or an HTTP API, and {{\"job\": NAME, \"input\": …}}"
        ))),
    }
}

/// `error` is the parser's: it tells what it expected and where, and nothing of the event.
pub(crate) fn not_json(error: impl fmt::Display) -> Failure {
    Failure::invalid(format!("the event is not JSON that can be read: {error}"))
}

/// By the marks that each service sets, in the order in which they are unambiguous.
fn kind(value: &Value) -> Kind {
    let Value::Object(object) = value else {
        return Kind::Other(match value {
            Value::Null => "null",
            Value::Array(_) => "an array",
            _ => "no JSON object",
        });
    };
    let context = object.get("requestContext");
    let has = |key: &str| object.contains_key(key);
    let first = object.get("Records").and_then(|records| records.get(0));
    let of_record = |key: &str| first.and_then(|record| record.get(key)).and_then(Value::as_str);
    if context.and_then(|context| context.get("elb")).is_some() {
        Kind::Other("a request of a load balancer")
    } else if object.get("version").and_then(Value::as_str) == Some("2.0")
        && context.and_then(|context| context.get("http")).is_some()
    {
        Kind::HttpV2
    } else if has("httpMethod") && context.is_some() {
        Kind::Other("a request of a REST API (payload format 1.0)")
    } else if of_record("eventSource") == Some("aws:sqs") {
        Kind::Other("a batch of SQS messages")
    } else if of_record("EventSource") == Some("aws:sns") {
        Kind::Other("an SNS notification")
    } else if first.is_some() {
        Kind::Other("a batch of records of another service")
    } else if has("detail-type") && has("source") {
        Kind::EventBridge
    } else if has("alarmData") && has("source") {
        Kind::Other("a direct alarm action of CloudWatch")
    } else if has("job") {
        Kind::Direct
    } else {
        Kind::Other("a JSON object without any mark that is known")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_is_told_by_its_marks() {
        let table = [
            (
                json!({"requestContext": {"elb": {}}, "httpMethod": "GET"}),
                Kind::Other("a request of a load balancer"),
            ),
            (json!({"version": "2.0", "requestContext": {"http": {}}}), Kind::HttpV2),
            (
                json!({"version": "1.0", "httpMethod": "GET", "requestContext": {}}),
                Kind::Other("a request of a REST API (payload format 1.0)"),
            ),
            (json!({"Records": [{"eventSource": "aws:sqs"}]}), Kind::Other("a batch of SQS messages")),
            (json!({"Records": [{"EventSource": "aws:sns"}]}), Kind::Other("an SNS notification")),
            (
                json!({"Records": [{"eventSource": "aws:s3"}]}),
                Kind::Other("a batch of records of another service"),
            ),
            (json!({"detail-type": "Scheduled Event", "source": "aws.events"}), Kind::EventBridge),
            (
                json!({"source": "aws.cloudwatch", "alarmData": {}}),
                Kind::Other("a direct alarm action of CloudWatch"),
            ),
            (json!({"job": "x"}), Kind::Direct),
            (json!({}), Kind::Other("a JSON object without any mark that is known")),
            (json!(null), Kind::Other("null")),
            (json!([]), Kind::Other("an array")),
            (json!(7), Kind::Other("no JSON object")),
        ];
        for (value, expected) in table {
            assert_eq!(kind(&value), expected, "{value}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_request_is_for_its_sender() {
        let event = json!({
            "version": "2.0", "rawPath": "/health", "headers": {},
            "requestContext": {"http": {"method": "GET", "path": "/health"}}, "isBase64Encoded": false,
        });
        assert!(matches!(read(&event.to_string()).unwrap(), Invocation::Http(_)));
        let long = "x".repeat(MAX_BODY);
        for (pointer, value, status) in [
            ("/rawPath", json!("/a b"), 422),
            ("/rawPath", json!(""), 422),
            ("/isBase64Encoded", json!("x"), 422),
            ("/headers", json!({"x": "\n"}), 422),
            ("/headers", json!({"x": long}), 413),
        ] {
            let mut event = event.clone();
            *event.pointer_mut(pointer).unwrap() = value;
            let Invocation::UnreadableHttp(failure) = read(&event.to_string()).unwrap() else {
                panic!("{pointer}")
            };
            assert_eq!(failure.class.status(), status, "{failure}");
        }
    }

    #[test]
    fn what_is_not_taken_is_named() {
        let long = format!("\"{}\"", "x".repeat(MAX_BODY));
        for (payload, words) in [
            ("", "not JSON"),
            ("null", "this is null"),
            ("[1]", "this is an array"),
            ("{\"a\":", "not JSON"),
            (&long, "larger than 6291456 bytes"),
        ] {
            assert!(read(payload).unwrap_err().message.contains(words), "{payload:.20}");
        }
    }
}
