//! What a request to `/events` holds, told by its marks and never by what happens to parse.

use axum::http::HeaderMap;
use serde_json::Value;

use crate::event::{AzureAlert, Event, PubSubMessage};
use crate::failure::Failure;

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrived {
    /// Events, whose sender drops them soon.
    Events(Vec<Event>),
    /// A message, whose sender keeps it until it is done.
    PubSub(PubSubMessage),
}

/// What Event Grid sends in its own schema, its validation handshake too. Source: Microsoft Learn, "Endpoint validation with
/// Event Grid event schema". With the CloudEvents schema it validates an endpoint by `OPTIONS`.
const EVENT_GRID: &str = "aeg-event-type";

/// What is taken, for whoever sent something else.
const TAKEN: &str = "send a CloudEvent (the ce-specversion, ce-id, ce-source and ce-type headers, or a body of type application/cloudevents+json or application/cloudevents-batch+json), a push of Pub/Sub, an alert of Azure Monitor in the common alert schema, or a message of Amazon SNS";

impl Arrived {
    /// Reads whatever came from a caller that has been verified.
    ///
    /// # Errors
    /// Invalid when it is none of what is taken, naming all of that, or when it is not what its marks say.
    pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Failure> {
        // Before everything else: without a wrapper, a message's attributes are headers, so whoever may publish it chooses
        // all of them but Pub/Sub's own.
        if PubSubMessage::is_unwrapped(headers) {
            return PubSubMessage::unwrapped(headers, body).map(Self::PubSub);
        }
        if Event::is_cloudevents(headers) {
            return Event::all_from_cloudevents(headers, body).map(Self::Events);
        }
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        if PubSubMessage::is_wrapped(&json) {
            return PubSubMessage::wrapped(&json).map(Self::PubSub);
        }
        if AzureAlert::is_one(&json) {
            return Ok(Self::Events(vec![AzureAlert::read(json)?.into_event()]));
        }
        if headers.contains_key(EVENT_GRID) {
            return Err(Failure::invalid(
                "this is the schema of Event Grid, which is not taken; choose the schema CloudEvents v1.0 for the event subscription",
            ));
        }
        Err(Failure::invalid(format!("this is no event that is taken here: {TAKEN}")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(pairs: &[(&'static str, &str)], body: &str) -> Result<Arrived, Failure> {
        let headers = pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        Arrived::read(&headers.collect(), body.as_bytes())
    }

    fn push() -> String {
        let message = json!({"messageId": "1", "publishTime": "2026-11-20T09:00:00Z"});
        json!({"subscription": "projects/p/subscriptions/s", "message": message}).to_string()
    }

    const ALERT: &str = r#"{"schemaId":"azureMonitorCommonAlertSchema","data":{"essentials":{"alertId":"a","monitorCondition":"Fired","firedDateTime":"2026-11-20T09:00:00Z"}}}"#;

    #[test]
    fn marks_decide_and_a_headers_mark_before_a_bodys() {
        let cloudevent = [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "s"), ("ce-type", "t")];
        let unwrapped = [
            ("x-goog-pubsub-subscription-name", "u"),
            ("x-goog-pubsub-message-id", "1"),
            ("x-goog-pubsub-publish-time", "2026-11-20T09:00:00Z"),
        ];
        let json = [("content-type", "application/json")];
        let posing = [unwrapped.as_slice(), &cloudevent].concat();
        let structured = [unwrapped.as_slice(), &[("content-type", "application/cloudevents+json")]].concat();
        let envelope = r#"{"specversion":"1.0","id":"1","source":"x","type":"t"}"#;
        type Row<'a> = (&'a [(&'static str, &'a str)], &'a str, &'a str);
        let table: [Row<'_>; 8] = [
            (&cloudevent, &push(), "s"),
            (&[("content-type", "application/cloudevents+json")], envelope, "x"),
            (&unwrapped, &push(), "u"),
            // What a publisher has attached makes it nothing else.
            (&posing, "{}", "u"),
            (&structured, envelope, "u"),
            (&json, &push(), "projects/p/subscriptions/s"),
            (&json, ALERT, "azure.monitor"),
            (&[], ALERT, "azure.monitor"),
        ];
        for (pairs, body, source) in table {
            let found = match read(pairs, body).unwrap() {
                Arrived::Events(events) => events[0].source.clone(),
                Arrived::PubSub(message) => message.subscription,
            };
            assert_eq!(found, source, "{pairs:?} {body}");
        }
    }

    #[test]
    fn what_is_not_taken_hears_what_is() {
        let json = ("content-type", "application/json");
        for body in [
            "",
            "{",
            "null",
            "[]",
            "{}",
            r#"{"specversion":"1.0"}"#,
            r#"{"source":"aws.cloudwatch","detail-type":"x"}"#,
        ] {
            let failure = read(&[json], body).unwrap_err();
            assert_eq!(failure.class.status(), 422, "{body}");
            for words in
                ["ce-specversion", "cloudevents-batch+json", "Pub/Sub", "Azure Monitor", "Amazon SNS"]
            {
                assert!(failure.message.contains(words), "{words}: {failure}");
            }
        }
        let validation = json!([{"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {"validationCode": "x"}}]);
        let failure =
            read(&[json, ("aeg-event-type", "SubscriptionValidation")], &validation.to_string()).unwrap_err();
        assert_eq!(failure.class.status(), 422);
        assert!(failure.message.contains("CloudEvents v1.0"), "{failure}");
        // A mark without what belongs to it is not passed on to the next.
        assert!(read(&[("ce-specversion", "1.0")], ALERT).unwrap_err().message.contains("has no id"));
    }
}
