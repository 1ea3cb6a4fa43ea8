use gatepass_core::delivery::{Address, Delivery, Sender};
use gatepass_core::event::Event;
use gatepass_core::failure::Failure;
use jiff::Timestamp;
use jiff::fmt::strtime;
use serde_json::{Map, Value};

/// What nothing in it says of itself.
const KIND: &str = "CloudWatch Alarm Action";

/// `data` is the whole object. It has no id of its own: the alarm and the time at which it changed its state stand for
/// one. Source: CloudWatch user guide, "Invoke a Lambda function from an alarm".
pub(super) fn read(value: Value) -> Result<Delivery, Failure> {
    let text = |pointer: &str| {
        let text = value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        text.ok_or_else(|| Failure::invalid(format!("the alarm action has no {}", name(pointer))))
    };
    let (alarm, source) = (text("/alarmArn")?.to_owned(), text("/source")?.to_owned());
    let changed = text("/alarmData/state/timestamp")?.to_owned();
    let time = time(&changed)
        .ok_or_else(|| Failure::invalid("the alarm action's alarmData.state.timestamp is no time"))?;
    let id = format!("{alarm}@{changed}");
    let (kind, attributes) = (KIND.into(), Map::new());
    let event = Event { id, source, kind, time, subject: Some(alarm), attributes, data: value };
    Ok(Delivery { event, to: Address::Subscribers, by: Sender::Forgetful })
}

fn name(pointer: &str) -> String {
    pointer.trim_start_matches('/').replace('/', ".")
}

/// CloudWatch writes the offset without a colon.
fn time(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| strtime::parse("%Y-%m-%dT%H:%M:%S%.f%z", text).ok()?.to_timestamp().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn action() -> Value {
        json!({
            "source": "aws.cloudwatch", "alarmArn": "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:cpu",
            "accountId": "111122223333", "time": "2026-11-20T09:21:29.000+0000", "region": "eu-west-1",
            "alarmData": {"alarmName": "cpu", "state": {"value": "ALARM", "timestamp": "2026-11-20T09:21:28.490+0000"}},
        })
    }

    #[test]
    fn the_alarm_and_the_time_of_its_change_are_the_id() {
        let Delivery { event, to, by } = read(action()).unwrap();
        assert_eq!(
            event.id,
            "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:cpu@2026-11-20T09:21:28.490+0000"
        );
        assert_eq!(
            (event.source.as_str(), event.kind.as_str()),
            ("aws.cloudwatch", "CloudWatch Alarm Action")
        );
        assert_eq!(event.time.to_string(), "2026-11-20T09:21:28.49Z");
        assert_eq!((event.data, to, by), (action(), Address::Subscribers, Sender::Forgetful));
    }

    #[test]
    fn what_is_missing_is_named() {
        for (pointer, value, words) in [
            ("/alarmArn", json!(""), "no alarmArn"),
            ("/alarmData/state", json!({}), "no alarmData.state.timestamp"),
            ("/alarmData/state/timestamp", json!("yesterday"), "timestamp is no time"),
        ] {
            let mut action = action();
            *action.pointer_mut(pointer).unwrap() = value;
            assert!(read(action).unwrap_err().message.contains(words), "{pointer}");
        }
    }

    #[test]
    fn times_are_read_with_and_without_a_colon() {
        for text in
            ["2026-11-20T09:21:28.490+0000", "2026-11-20T10:21:28.490+0100", "2026-11-20T09:21:28.490Z"]
        {
            assert_eq!(time(text).unwrap().to_string(), "2026-11-20T09:21:28.49Z", "{text}");
        }
    }
}
