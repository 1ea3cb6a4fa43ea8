use gatepass_core::delivery::{Address, Delivery, Sender};
use gatepass_core::event::{SnsNotification, misfit};
use gatepass_core::failure::Failure;
use serde::Deserialize;
use serde_json::Value;

/// What SNS hands to Lambda.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    sns: SnsNotification,
}

/// SNS hands over one notification at a time (AWS Lambda, "Invoking Lambda functions with Amazon SNS notifications").
pub(super) fn read(value: Value) -> Result<Delivery, Failure> {
    let invalid = |what: String| Failure::invalid(format!("the SNS notification {what}"));
    let batch: Batch = serde_json::from_value(value)
        .map_err(|error| invalid(format!("is not understood: {}", misfit(&error))))?;
    match <[Record; 1]>::try_from(batch.records) {
        Ok([record]) => {
            Ok(Delivery { event: record.sns.into_event(), to: Address::Subscribers, by: Sender::Forgetful })
        }
        Err(records) => {
            Err(invalid(format!("is one of {}, and SNS hands over one at a time", records.len())))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_notification_is_read() {
        let sns = json!({
            "Type": "Notification", "MessageId": "m-1", "TopicArn": "arn:aws:sns:eu-west-1:111122223333:alarms",
            "Subject": null, "Message": "{\"a\":1}", "Timestamp": "2026-11-20T09:21:28.012Z", "MessageAttributes": {},
        });
        let record = json!({ "EventSource": "aws:sns", "EventVersion": "1.0", "Sns": sns });
        let delivery = read(json!({ "Records": [record] })).unwrap();
        assert_eq!((delivery.event.id.as_str(), delivery.event.data), ("m-1", json!({"a": 1})));
        assert_eq!((delivery.to, delivery.by), (Address::Subscribers, Sender::Forgetful));

        assert!(read(json!({ "Records": [record, record] })).unwrap_err().message.contains("one of 2"));
        for key in ["MessageId", "TopicArn", "Message", "Timestamp"] {
            let mut record = record.clone();
            record["Sns"].as_object_mut().unwrap().remove(key);
            let failure = read(json!({ "Records": [record] })).unwrap_err();
            assert!(failure.message.contains(key), "{failure}");
        }
    }
}
