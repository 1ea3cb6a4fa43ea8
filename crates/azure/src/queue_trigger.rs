//! Queue functions: a function `QUEUE-queue` gets the messages of the queue of that name.

use gatepass_core::delivery::{Address, Delivery, Sender};
use gatepass_core::event::{Event, json_or_text};
use gatepass_core::failure::Failure;
use gatepass_core::queue::HandOff;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::invocation::{Invocation, unquoted, utc};

/// The queue of a queue function.
pub fn queue(function: &str) -> Option<&str> {
    function.strip_suffix("-queue").filter(|name| !name.is_empty())
}

/// A hand-off, from the deployment's own queue.
///
/// # Errors
/// Invalid when the message is none.
pub(crate) fn hand_off(invocation: &Invocation) -> Result<Delivery, Failure> {
    // The host gives an object where a text is one; then it is no hand-off, and decoding says so.
    let text = match message(invocation)? {
        Value::String(text) => unquoted(text),
        other => other.to_string(),
    };
    Ok(Delivery::of_hand_off(HandOff::decode(&text)?, Sender::Hasty))
}

/// An event, from any other queue. A failed one is tried again at once, and is poison soon.
///
/// # Errors
/// Invalid when the invocation has no message.
pub(crate) fn event(queue: &str, id: &str, invocation: &Invocation) -> Result<Delivery, Failure> {
    let data = match message(invocation)? {
        Value::String(text) => json_or_text(unquoted(text).as_bytes()),
        other => other.clone(),
    };
    let mut attributes = Map::new();
    if let Some(count) = invocation.text("DequeueCount").and_then(|count| count.parse::<u32>().ok()) {
        attributes.insert("dequeue_count".into(), json!(count));
    }
    let inserted = invocation.text("InsertionTime").and_then(|time| utc(&time));
    let event = Event {
        id: invocation.text("Id").unwrap_or_else(|| id.to_owned()),
        source: queue.to_owned(),
        kind: "azure.queue".into(),
        time: inserted.or_else(|| invocation.now()).unwrap_or_else(Timestamp::now),
        subject: None,
        attributes,
        data,
    };
    Ok(Delivery { event, to: Address::Subscribers, by: Sender::Hasty })
}

/// The one input.
fn message(invocation: &Invocation) -> Result<&Value, Failure> {
    let inputs: Vec<&Value> = invocation.data.as_object().into_iter().flat_map(Map::values).collect();
    match inputs.as_slice() {
        [message] => Ok(*message),
        inputs => Err(Failure::invalid(format!(
            "this queue invocation has {} inputs; let function.json have the queue trigger and nothing else",
            inputs.len()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(data: Value) -> Invocation {
        let body = json!({"Data": data, "Metadata": {
            "DequeueCount": "2", "Id": "\"800ae4b3-bdd2-4c08-badd-f08e5a34b865\"", "PopReceipt": "\"AgAAAAMA\"",
            "InsertionTime": "2026-11-20T09:00:00+00:00", "NextVisibleTime": "2026-11-20T09:10:00+00:00",
            "sys": {"MethodName": "orders-queue", "UtcNow": "2026-11-20T09:05:00.1234567Z", "RandGuid": "x"},
        }});
        Invocation::read("queue", body.to_string().as_bytes()).unwrap()
    }

    fn packed() -> HandOff {
        let event = Event {
            id: "1".into(),
            source: "s".into(),
            kind: "t".into(),
            time: Timestamp::UNIX_EPOCH,
            subject: None,
            attributes: Map::new(),
            data: json!({"n": 1}),
        };
        HandOff { job: "alarm".parse().unwrap(), repository: None, not_before: None, deferrals: 0, event }
    }

    #[test]
    fn a_function_is_named_after_its_queue() {
        for (function, expected) in [
            ("orders-queue", Some("orders")),
            ("orders-poison-queue", Some("orders-poison")),
            ("queue-queue", Some("queue")),
            ("-queue", None),
            ("queue", None),
            ("orders-queue-2", None),
            ("orders-timer", None),
        ] {
            assert_eq!(queue(function), expected, "{function}");
        }
    }

    #[test]
    fn a_message_becomes_its_event_in_whatever_form_it_comes() {
        let object = json!({"order": 7});
        for (sent, data) in [
            (json!({"message": "{\"order\":7}"}), object.clone()),
            (json!({"message": "\"{\\\"order\\\":7}\""}), object.clone()),
            (json!({"myQueueItem": {"order": 7}}), object),
            (json!({"message": "\"hello\""}), json!("hello")),
            (json!({"message": "hello"}), json!("hello")),
            (json!({"message": "\"\""}), Value::Null),
        ] {
            let delivery = event("orders", "inv-1", &invocation(sent.clone())).unwrap();
            let event = delivery.event;
            assert_eq!(event.data, data, "{sent}");
            assert_eq!((event.source.as_str(), event.kind.as_str()), ("orders", "azure.queue"));
            assert_eq!(event.id, "800ae4b3-bdd2-4c08-badd-f08e5a34b865");
            assert_eq!(event.time.to_string(), "2026-11-20T09:00:00Z");
            assert_eq!(event.attributes["dequeue_count"], 2);
            assert_eq!((delivery.to, delivery.by), (Address::Subscribers, Sender::Hasty));
        }
    }

    #[test]
    fn without_metadata_the_invocation_says_what_it_can() {
        let bare = Invocation::read("queue", br#"{"Data":{"message":"x"}}"#).unwrap();
        let event = event("orders", "inv-1", &bare).unwrap().event;
        assert_eq!((event.id.as_str(), event.attributes.len()), ("inv-1", 0));
    }

    #[test]
    fn a_hand_off_is_decoded_in_whatever_form_it_comes() {
        let text = packed().encode(1 << 20).unwrap();
        for sent in [json!({"message": text}), json!({"message": json!(text).to_string()})] {
            let delivery = hand_off(&invocation(sent)).unwrap();
            let expected = Delivery::of_hand_off(packed(), Sender::Hasty);
            assert_eq!(
                (delivery.event, delivery.to, delivery.by),
                (expected.event, expected.to, expected.by)
            );
        }
    }

    #[test]
    fn what_is_no_message_is_invalid() {
        for (sent, words) in [
            (json!({"message": "hello"}), "no hand-off"),
            (json!({"message": {"job": "alarm"}}), "no hand-off"),
            (json!({}), "has 0 inputs"),
            (json!({"a": "x", "b": "y"}), "has 2 inputs"),
            (json!("x"), "has 0 inputs"),
        ] {
            let failure = hand_off(&invocation(sent.clone())).unwrap_err();
            assert!(
                failure.message.contains(words) && failure.class.name() == "invalid",
                "{sent}: {failure}"
            );
        }
        assert!(event("orders", "i", &invocation(json!({}))).is_err());
    }
}
