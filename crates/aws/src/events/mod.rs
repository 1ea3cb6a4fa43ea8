//! Telling what Lambda was handed, and turning it into a delivery.
//!
//! Never by trial: SNS, S3 and Kinesis events all parse as an SQS event, and a scheduled event parses as an alarm. The raw
//! JSON's own marks decide, in a fixed order.

mod alarm;
mod answer;
mod direct;
mod eventbridge;
mod http;
mod http_v1;
mod http_v2;
mod kind;
mod sns;
mod sqs;

use std::fmt;

use gatepass_core::delivery::Delivery;
use gatepass_core::doctor;
use gatepass_core::event::{Event, MAX_BODY};
use gatepass_core::failure::Failure;
use serde_json::Value;

pub use self::answer::{answer_directly, answer_over_http};
pub use self::http::{Front, HttpInvocation, UnreadableHttp};
pub use self::kind::Kind;
pub use self::sqs::{Batch, SqsMessage};

/// What an invocation is.
#[derive(Debug)]
pub enum Invocation {
    /// A request, for the router.
    Http(Box<HttpInvocation>),
    /// A request that cannot be read. Whoever sent it is told so over HTTP: an error of the invocation would let a
    /// stranger raise the function's alarm.
    UnreadableHttp(UnreadableHttp),
    /// An event or a direct call. Lambda's own IAM has checked who may invoke the function.
    Delivery(Delivery),
    /// Somebody whom Lambda's own IAM has let in asks what is wrong.
    Doctor(doctor::Request),
    /// Messages of a queue, each of which is an event or a hand-off.
    Batch(Batch),
}

/// Reads an invocation's payload.
///
/// # Errors
/// Invalid when it is nothing that this function takes; the message says what it looks like.
pub fn read(payload: &str) -> Result<Invocation, Failure> {
    let value: Value = serde_json::from_str(payload).map_err(not_json)?;
    let kind = Kind::of(&value);
    let too_large = || {
        Failure::too_large(format!(
            "the event is larger than {MAX_BODY} bytes; send what the job needs, or where to find it"
        ))
    };
    let front = match kind {
        Kind::LoadBalancer => http_v1::front_of_load_balancer(&value),
        Kind::HttpV1 => Front::RestApi,
        Kind::HttpV2 => Front::HttpApi,
        _ if payload.len() > MAX_BODY => return Err(too_large()),
        kind => return read_event(kind, value),
    };
    let request = match front {
        _ if payload.len() > MAX_BODY => Err(too_large()),
        Front::HttpApi => http_v2::read(value),
        front => http_v1::read(value, front),
    };
    Ok(match request {
        Ok(request) => Invocation::Http(Box::new(HttpInvocation { request, front })),
        Err(failure) => Invocation::UnreadableHttp(UnreadableHttp { failure, front }),
    })
}

fn read_event(kind: Kind, value: Value) -> Result<Invocation, Failure> {
    let delivery = match kind {
        Kind::Doctor => {
            return doctor::Request::read(value.to_string().as_bytes()).map(Invocation::Doctor);
        }
        Kind::Sqs => return sqs::read(value).map(Invocation::Batch),
        Kind::Sns => sns::read(value),
        Kind::EventBridge => eventbridge::read(value),
        Kind::Alarm => alarm::read(value),
        Kind::Direct => direct::read(value),
        kind => Err(Failure::invalid(format!(
            "this is {kind}, which is not taken; what is taken are EventBridge events, SNS notifications, SQS batches, alarm actions of CloudWatch, HTTP requests, {{\"job\": NAME, \"input\": …}} and {{\"doctor\": true}}"
        ))),
    };
    delivery.map(Invocation::Delivery)
}

/// The event of what a service sends, for a job that is run by hand; `None` when it is something else.
pub(crate) fn event_of(value: &Value) -> Option<Event> {
    match Kind::of(value) {
        kind @ (Kind::EventBridge | Kind::Sns | Kind::Alarm) => match read_event(kind, value.clone()) {
            Ok(Invocation::Delivery(delivery)) => Some(delivery.event),
            _ => None,
        },
        _ => None,
    }
}

/// `error` is the parser's: it tells what it expected and where, and nothing of the event.
pub(crate) fn not_json(error: impl fmt::Display) -> Failure {
    Failure::invalid(format!("the event is not JSON that can be read: {error}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_wrong_with_a_request_is_for_its_sender() {
        let v2 = json!({
            "version": "2.0", "rawPath": "/health", "headers": {},
            "requestContext": {"http": {"method": "GET", "path": "/health"}}, "isBase64Encoded": false,
        });
        let v1 = json!({
            "httpMethod": "GET", "path": "/health", "headers": {}, "requestContext": {"identity": {}},
            "isBase64Encoded": false,
        });
        let balanced = json!({
            "httpMethod": "GET", "path": "/health", "headers": {}, "requestContext": {"elb": {}}, "isBase64Encoded": false,
        });
        let long = "x".repeat(MAX_BODY);
        let one_value = Front::LoadBalancer { multi_value: false };
        for (event, path, front) in
            [(v2, "/rawPath", Front::HttpApi), (v1, "/path", Front::RestApi), (balanced, "/path", one_value)]
        {
            let Invocation::Http(http) = read(&event.to_string()).unwrap() else { panic!("{event}") };
            assert_eq!(http.front, front);
            for (pointer, value, status) in [
                (path, json!("/a b"), 422),
                (path, json!(""), 422),
                ("/isBase64Encoded", json!("x"), 422),
                ("/headers", json!({"x": "\n"}), 422),
                ("/headers", json!({"x": long}), 413),
            ] {
                let mut event = event.clone();
                *event.pointer_mut(pointer).unwrap() = value;
                let Invocation::UnreadableHttp(http) = read(&event.to_string()).unwrap() else {
                    panic!("{pointer}")
                };
                assert_eq!((http.failure.class.status(), http.front), (status, front), "{}", http.failure);
            }
        }
    }

    #[test]
    fn a_job_that_is_run_by_hand_takes_what_services_send() {
        let event = json!({
            "id": "1", "detail-type": "t", "source": "s", "time": "2026-11-20T09:21:28Z", "detail": {},
        });
        assert_eq!(event_of(&event).map(|event| event.id), Some("1".to_owned()));
        for other in [
            json!({"job": "x"}),
            json!({"detail-type": "t", "source": "s"}),
            json!({"Records": []}),
            json!(1),
        ] {
            assert_eq!(event_of(&other), None, "{other}");
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
            (r#"{"Records":[{"eventSource":"aws:s3"}]}"#, "another service"),
            (&long, "larger than 6291456 bytes"),
        ] {
            assert!(read(payload).unwrap_err().message.contains(words), "{payload:.20}");
        }
    }
}
