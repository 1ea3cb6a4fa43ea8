use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Event, json_or_text};
use crate::names::TopicArn;

/// What an alarm's notification is called, because nothing in it says so.
const ALARM: (&str, &str) = ("aws.cloudwatch", "CloudWatch Alarm Notification");

/// A notification of Amazon SNS, as HTTPS endpoints and Lambda functions get it. Source: Amazon SNS, "HTTP/HTTPS
/// notification JSON format".
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct SnsNotification {
    /// Where it was published.
    pub topic_arn: TopicArn,
    /// The same for every delivery of it.
    pub message_id: String,
    /// When it was published.
    pub timestamp: Timestamp,
    /// Where the publisher gave one.
    #[serde(default)]
    pub subject: Option<String>,
    /// What was published.
    pub message: String,
    /// What the publisher attached: name to `{Type, Value}`.
    #[serde(default)]
    pub message_attributes: Map<String, Value>,
}

impl SnsNotification {
    /// `Message`, parsed if it is JSON; source is the topic, type `sns`. A CloudWatch alarm inside has the source
    /// `aws.cloudwatch` and the type `CloudWatch Alarm Notification`.
    pub fn into_event(self) -> Event {
        let data = json_or_text(self.message.as_bytes());
        let is_alarm = ["AlarmName", "AlarmArn", "NewStateValue", "StateChangeTime"]
            .iter()
            .all(|key| data.get(key).is_some_and(Value::is_string));
        let (source, kind) = if is_alarm { ALARM } else { (self.topic_arn.as_str(), "sns") };
        let mut attributes: Map<String, Value> = self
            .message_attributes
            .into_iter()
            .filter_map(|(name, attribute)| Some((name, attribute.get("Value")?.clone())))
            .collect();
        attributes.insert("topic".into(), json!(self.topic_arn));
        Event {
            id: self.message_id,
            source: source.to_owned(),
            kind: kind.into(),
            time: self.timestamp,
            subject: self.subject,
            attributes,
            data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(message: &str) -> Event {
        let notification = json!({
            "TopicArn": "arn:aws:sns:eu-central-1:123456789012:alarms", "MessageId": "m-1",
            "Timestamp": "2026-11-20T09:21:28.012Z", "Subject": null, "Message": message,
            "MessageAttributes": {"team": {"Type": "String", "Value": "ops"}},
        });
        serde_json::from_value::<SnsNotification>(notification).unwrap().into_event()
    }

    #[test]
    fn a_message_is_parsed_if_it_is_json() {
        for (message, data) in [("hello", json!("hello")), (r#"{"a":1}"#, json!({"a": 1})), ("", Value::Null)]
        {
            let event = event(message);
            assert_eq!((event.data, event.kind.as_str()), (data, "sns"));
            assert_eq!(event.source, "arn:aws:sns:eu-central-1:123456789012:alarms");
            assert_eq!((event.id.as_str(), &event.attributes["team"]), ("m-1", &json!("ops")));
        }
    }

    #[test]
    fn an_alarm_inside_is_cloudwatchs() {
        let alarm = json!({"AlarmName": "cpu", "AlarmArn": "arn:x", "NewStateValue": "ALARM", "StateChangeTime": "t"});
        let event = event(&alarm.to_string());
        assert_eq!((event.source.as_str(), event.kind.as_str()), ALARM);
        assert_eq!(event.attributes["topic"], "arn:aws:sns:eu-central-1:123456789012:alarms");
        let almost = json!({"AlarmName": "cpu", "NewStateValue": "ALARM"});
        assert_eq!(super::tests::event(&almost.to_string()).kind, "sns");
    }
}
