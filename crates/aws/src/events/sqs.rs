use std::collections::BTreeMap;

use gatepass_core::delivery::{Address, Delivery, Sender};
use gatepass_core::event::{Event, json_or_text, misfit};
use gatepass_core::failure::Failure;
use gatepass_core::queue::HandOff;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Messages of one queue.
#[derive(Debug)]
pub struct Batch {
    /// The queue's ARN.
    pub queue: String,
    /// In the order in which they were received.
    pub messages: Vec<SqsMessage>,
}

/// One message. Source: AWS Lambda, "Using Lambda with Amazon SQS", example event.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SqsMessage {
    /// How its failure is reported.
    #[serde(rename = "messageId")]
    pub id: String,
    /// How it is held back.
    #[serde(rename = "receiptHandle", default)]
    pub receipt: String,
    #[serde(rename = "eventSourceARN")]
    queue: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    message_attributes: BTreeMap<String, Attribute>,
}

/// A message attribute, of which only the value counts.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Attribute {
    string_value: Option<String>,
    /// Base64.
    binary_value: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Records {
    records: Vec<SqsMessage>,
}

/// A batch that cannot be read whole fails whole: an answer that left an id out would delete that message.
pub(super) fn read(value: Value) -> Result<Batch, Failure> {
    let invalid = |what: String| Failure::invalid(format!("the batch of SQS messages {what}"));
    let Records { records: messages } = serde_json::from_value(value)
        .map_err(|error| invalid(format!("is not understood: {}", misfit(&error))))?;
    if messages.iter().any(|message| message.id.is_empty()) {
        return Err(invalid("has a message without an id".into()));
    }
    let queue = messages.first().map(|message| message.queue.clone()).unwrap_or_default();
    if messages.iter().any(|message| message.queue != queue) {
        return Err(invalid("is of several queues".into()));
    }
    Ok(Batch { queue, messages })
}

impl SqsMessage {
    /// The messages that must be done one after the other, of a FIFO queue.
    pub(crate) fn group(&self) -> Option<&str> {
        self.attributes.get("MessageGroupId").map(String::as_str)
    }

    /// A hand-off if it comes from the deployment's `own` queue, and nothing else ever is one; else an event.
    ///
    /// # Errors
    /// Invalid when somebody else has written to the deployment's own queue.
    pub(crate) fn into_delivery(self, own: Option<&str>) -> Result<Delivery, Failure> {
        if own == Some(self.queue.as_str()) {
            return HandOff::decode(&self.body)
                .map(|hand_off| Delivery::of_hand_off(hand_off, Sender::Patient));
        }
        let sent = self.attributes.get("SentTimestamp").and_then(|text| text.parse().ok());
        let sent = sent.and_then(|milliseconds| Timestamp::from_millisecond(milliseconds).ok());
        let value = |attribute: Attribute| attribute.string_value.or(attribute.binary_value);
        let attributes: Map<String, Value> = self
            .message_attributes
            .into_iter()
            .filter_map(|(name, attribute)| Some((name, json!(value(attribute)?))))
            .collect();
        let event = Event {
            id: self.id,
            source: self.queue,
            kind: "sqs".into(),
            time: sent.unwrap_or_else(Timestamp::now),
            subject: None,
            attributes,
            data: json_or_text(self.body.as_bytes()),
        };
        Ok(Delivery { event, to: Address::Subscribers, by: Sender::Patient })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:findings";

    fn record(id: &str, body: &str) -> Value {
        json!({
            "messageId": id, "receiptHandle": "r", "body": body, "eventSource": "aws:sqs", "eventSourceARN": QUEUE,
            "attributes": {"SentTimestamp": "1795166488012", "ApproximateReceiveCount": "1", "MessageGroupId": "g"},
            "messageAttributes": {
                "team": {"stringValue": "ops", "dataType": "String", "stringListValues": [], "binaryListValues": []},
                "raw": {"binaryValue": "aGk=", "dataType": "Binary"}, "empty": {"dataType": "String"},
            },
        })
    }

    fn one(body: &str) -> SqsMessage {
        read(json!({ "Records": [record("m", body)] })).unwrap().messages.remove(0)
    }

    #[test]
    fn a_message_is_an_event() {
        for (body, data) in [("hello", json!("hello")), (r#"{"a":1}"#, json!({"a": 1})), ("", Value::Null)] {
            let delivery = one(body).into_delivery(Some("arn:aws:sqs:eu-west-1:111122223333:other")).unwrap();
            let Delivery { event, to, by } = delivery;
            assert_eq!((event.id.as_str(), event.source.as_str(), event.kind.as_str()), ("m", QUEUE, "sqs"));
            assert_eq!((event.time.to_string().as_str(), event.data), ("2026-11-20T09:21:28.012Z", data));
            assert_eq!(Value::Object(event.attributes), json!({"team": "ops", "raw": "aGk="}));
            assert_eq!((to, by), (Address::Subscribers, Sender::Patient));
        }
    }

    #[test]
    fn only_the_deployments_own_queue_brings_hand_offs() {
        let event = one("x").into_delivery(None).unwrap().event;
        let hand_off = HandOff {
            job: "alarm".parse().unwrap(),
            repository: None,
            not_before: None,
            deferrals: 2,
            event,
        };
        let text = hand_off.encode(1 << 20).unwrap();
        let own = one(&text).into_delivery(Some(QUEUE)).unwrap();
        assert!(matches!(own.to, Address::HandOff { deferrals: 2, .. }), "{own:?}");
        for other in [None, Some(""), Some("arn:aws:sqs:eu-west-1:111122223333:findings2")] {
            let foreign = one(&text).into_delivery(other).unwrap();
            assert_eq!((foreign.to, foreign.event.data), (Address::Subscribers, json!(text)));
        }
        let poison = one("{}").into_delivery(Some(QUEUE)).unwrap_err();
        assert!(poison.message.contains("let nothing else write to the queue"), "{poison}");
    }

    #[test]
    fn a_batch_that_is_not_whole_fails_whole() {
        let mut other = record("b", "");
        other["eventSourceARN"] = json!("arn:aws:sqs:eu-west-1:111122223333:other");
        let mut nameless = record("b", "");
        nameless.as_object_mut().unwrap().remove("messageId");
        for (second, words) in
            [(other, "several queues"), (record("", ""), "without an id"), (nameless, "messageId")]
        {
            let failure = read(json!({ "Records": [record("a", ""), second] })).unwrap_err();
            assert!(failure.message.contains(words), "{failure}");
        }
    }
}
