//! Reading events from the forms in which platforms send them.

use gatepass_aws::events::{Invocation, read};
use gatepass_core::event::{AzureAlert, Event, PubSubMessage};
use gatepass_core::failure::Failure;
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};

/// What is taken, for whoever gives something else.
const TAKEN: &str = "this is neither what Lambda is invoked with (EventBridge, SNS, SQS, an alarm action), nor a push of Pub/Sub, nor an alert of Azure Monitor, nor a CloudEvent (with `type`)";

/// Reads what a platform sends (EventBridge, SNS, a batch of SQS, an alarm action, a push of Pub/Sub, an alert of Azure
/// Monitor), or an event as gatepass writes it, which is a CloudEvent whose `specversion` may be left out and whose further
/// attributes may stand in `attributes`.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<Vec<Event>, String> {
    let value: Value = serde_json::from_str(text)
        .map_err(|error| format!("not JSON (line {}, column {})", error.line(), error.column()))?;
    let words = |failure: Failure| failure.message;
    let one = |event: Result<Event, Failure>| event.map(|event| vec![event]).map_err(words);
    if ["detail-type", "Records", "alarmData", "job"].iter().any(|mark| value.get(mark).is_some()) {
        return of_lambda(text);
    }
    if PubSubMessage::is_wrapped(&value) {
        return one(PubSubMessage::wrapped(&value).map(PubSubMessage::into_event));
    }
    if AzureAlert::is_one(&value) {
        return one(AzureAlert::read(value).map(AzureAlert::into_event));
    }
    one(of_cloudevents(value)?)
}

fn of_lambda(text: &str) -> Result<Vec<Event>, String> {
    match read(text) {
        Ok(Invocation::Delivery(delivery)) => Ok(vec![delivery.event]),
        Ok(Invocation::Batch(batch)) => {
            let events = batch.messages.into_iter().map(|message| message.into_event());
            events.collect::<Result<_, Failure>>().map_err(|failure| failure.message)
        }
        Ok(Invocation::Doctor(_)) => Err("this asks for an examination, and is no event".to_owned()),
        Ok(Invocation::Http(_) | Invocation::UnreadableHttp(_)) => {
            Err("this is a request, and no event".to_owned())
        }
        Err(failure) => Err(failure.message),
    }
}

fn of_cloudevents(mut value: Value) -> Result<Result<Event, Failure>, String> {
    let envelope = value.as_object_mut().filter(|envelope| envelope.contains_key("type"));
    let envelope = envelope.ok_or(TAKEN)?;
    if let Some(Value::Object(attributes)) = envelope.remove("attributes") {
        envelope.extend(attributes);
    }
    envelope.entry("specversion").or_insert_with(|| json!("1.0"));
    let structured = HeaderValue::from_static("application/cloudevents+json");
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, structured)]);
    Ok(Event::from_cloudevents(&headers, value.to_string().as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::super::kinds::Kind;
    use super::*;

    #[test]
    fn what_platforms_send_is_read_as_their_adapters_read_it() {
        for (kind, source, name) in [
            ("alarm", "aws.cloudwatch", "CloudWatch Alarm State Change"),
            ("alarm-action", "aws.cloudwatch", "CloudWatch Alarm Action"),
            ("sns", "aws.cloudwatch", "CloudWatch Alarm Notification"),
            ("sqs", "arn:aws:sqs:eu-west-1:111122223333:findings", "sqs"),
            ("call", "gatepass.schedule", "schedule"),
            ("pubsub", "projects/acme-prod/subscriptions/gatepass-findings", "pubsub"),
            ("pubsub-incident", "google.monitoring", "incident"),
            ("azure-alert", "azure.monitor", "alert"),
            (
                "cloudevent",
                "//storage.googleapis.com/projects/_/buckets/acme-reports",
                "google.cloud.storage.object.v1.finalized",
            ),
        ] {
            let events = parse(Kind::named(kind).unwrap().text).unwrap_or_else(|why| panic!("{kind}: {why}"));
            assert_eq!((events[0].source.as_str(), events[0].kind.as_str()), (source, name), "{kind}");
            assert_eq!(events.len(), if kind == "sqs" { 2 } else { 1 }, "{kind}");
        }
    }

    #[test]
    fn what_is_no_event_says_why() {
        for (text, words) in [
            ("", "not JSON"),
            ("null", "neither"),
            ("[]", "neither"),
            ("{}", "neither"),
            (r#"{"detail-type":"x","source":"y"}"#, "no time"),
            (r#"{"type":"x","source":"y","data":{}}"#, "no id"),
            (r#"{"type":"x","source":"y","id":"1","time":"noon"}"#, "RFC 3339"),
            (r#"{"type":"x","source":"y","id":"1","specversion":"0.3"}"#, "0.3"),
            (r#"{"subscription":"s","message":{}}"#, "no publishTime"),
            (r#"{"schemaId":"azureMonitorCommonAlertSchema"}"#, "data.essentials"),
            (r#"{"Records":[{"eventSource":"aws:s3"}]}"#, "another service"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
