use std::fmt;

use serde_json::Value;

/// What a payload is, by the marks that each service sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A request of an application load balancer.
    LoadBalancer,
    /// A request of a Function URL or an HTTP API.
    HttpV2,
    /// A request of a REST API.
    HttpV1,
    /// A batch of SQS messages.
    Sqs,
    /// An SNS notification.
    Sns,
    /// An EventBridge event.
    EventBridge,
    /// An alarm that invokes the function itself.
    Alarm,
    /// `{"doctor": true}`.
    Doctor,
    /// `{"job": …}`.
    Direct,
    /// Nothing that is taken: what it looks like.
    Other(&'static str),
}

impl Kind {
    /// The kind, in the order in which the marks are unambiguous.
    pub fn of(value: &Value) -> Self {
        let Value::Object(object) = value else {
            return Self::Other(match value {
                Value::Null => "null",
                Value::Array(_) => "an array",
                _ => "no JSON object",
            });
        };
        let context = object.get("requestContext");
        let has = |key: &str| object.contains_key(key);
        let is = |key: &str, text: &str| object.get(key).and_then(Value::as_str) == Some(text);
        let first = object.get("Records").and_then(|records| records.get(0));
        let of_record = |key: &str| first.and_then(|record| record.get(key)).and_then(Value::as_str);
        if context.and_then(|context| context.get("elb")).is_some() {
            Self::LoadBalancer
        } else if is("version", "2.0") && context.and_then(|context| context.get("http")).is_some() {
            // A Lambda authorizer of an HTTP API is asked in nearly the same form, and answers with a policy.
            if is("type", "REQUEST") { Self::Other("a question to an authorizer") } else { Self::HttpV2 }
        } else if has("httpMethod") && context.is_some() {
            if is("type", "REQUEST") { Self::Other("a question to an authorizer") } else { Self::HttpV1 }
        } else if of_record("eventSource") == Some("aws:sqs") {
            Self::Sqs
        } else if of_record("EventSource") == Some("aws:sns") {
            Self::Sns
        } else if first.is_some() {
            Self::Other("a batch of records of another service")
        } else if has("detail-type") && has("source") {
            Self::EventBridge
        } else if is("source", "aws.cloudwatch") && has("alarmData") {
            Self::Alarm
        } else if has("doctor") {
            Self::Doctor
        } else if has("job") {
            Self::Direct
        } else {
            Self::Other("a JSON object without any mark that is known")
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LoadBalancer => "a request of a load balancer",
            Self::HttpV2 => "a request of a Function URL or an HTTP API",
            Self::HttpV1 => "a request of a REST API",
            Self::Sqs => "a batch of SQS messages",
            Self::Sns => "an SNS notification",
            Self::EventBridge => "an EventBridge event",
            Self::Alarm => "an alarm action of CloudWatch",
            Self::Doctor => "a call for an examination",
            Self::Direct => "a direct call",
            Self::Other(what) => what,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_is_told_by_its_marks() {
        let table = [
            (json!({"requestContext": {"elb": {}}, "httpMethod": "GET"}), Kind::LoadBalancer),
            (json!({"version": "2.0", "requestContext": {"http": {}}}), Kind::HttpV2),
            (json!({"version": "1.0", "httpMethod": "GET", "requestContext": {}}), Kind::HttpV1),
            (json!({"Records": [{"eventSource": "aws:sqs"}]}), Kind::Sqs),
            (json!({"Records": [{"EventSource": "aws:sns"}]}), Kind::Sns),
            (json!({"detail-type": "Scheduled Event", "source": "aws.events"}), Kind::EventBridge),
            (json!({"source": "aws.cloudwatch", "alarmData": {}}), Kind::Alarm),
            (json!({"job": "x"}), Kind::Direct),
            (json!({"doctor": true, "job": "x"}), Kind::Doctor),
            // What somebody else may write never makes a call for an examination of what a service sends.
            (json!({"doctor": true, "version": "2.0", "requestContext": {"http": {}}}), Kind::HttpV2),
            (json!({"doctor": true, "httpMethod": "GET", "requestContext": {}}), Kind::HttpV1),
            (json!({"doctor": true, "requestContext": {"elb": {}}}), Kind::LoadBalancer),
            (json!({"doctor": true, "Records": [{"eventSource": "aws:sqs"}]}), Kind::Sqs),
            (json!({"doctor": true, "Records": [{"EventSource": "aws:sns"}]}), Kind::Sns),
            (json!({"doctor": true, "detail-type": "t", "source": "s"}), Kind::EventBridge),
            (json!({"detail-type": "t", "source": "s", "detail": {"doctor": true}}), Kind::EventBridge),
            (json!({"doctor": true, "source": "aws.cloudwatch", "alarmData": {}}), Kind::Alarm),
        ];
        for (value, expected) in table {
            assert_eq!(Kind::of(&value), expected, "{value}");
        }
        for (value, words) in [
            (json!({"Records": [{"eventSource": "aws:s3"}]}), "another service"),
            (json!({"source": "somebody", "alarmData": {}}), "without any mark"),
            (json!({"version": "2.0", "type": "REQUEST", "requestContext": {"http": {}}}), "an authorizer"),
            (json!({"type": "REQUEST", "httpMethod": "GET", "requestContext": {}}), "an authorizer"),
            (json!({}), "without any mark"),
            (json!(null), "null"),
            (json!([]), "an array"),
            (json!(7), "no JSON object"),
        ] {
            assert!(matches!(Kind::of(&value), Kind::Other(what) if what.contains(words)), "{value}");
        }
    }
}
