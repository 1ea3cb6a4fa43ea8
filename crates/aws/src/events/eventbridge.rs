use gatepass_core::delivery::{Address, Delivery, Sender};
use gatepass_core::event::Event;
use gatepass_core::failure::Failure;
use jiff::Timestamp;
use serde_json::{Map, Value};

/// `data` is the whole EventBridge object; its `source`, `detail-type`, `id` and `time` become the event's.
pub(super) fn read(value: Value) -> Result<Delivery, Failure> {
    let invalid = |what: &str| Failure::invalid(format!("the EventBridge event has no {what}"));
    let text = |key: &str| value.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let time = text("time").ok_or_else(|| invalid("time"))?;
    let time: Timestamp =
        time.parse().map_err(|_| Failure::invalid("the EventBridge event's time is no RFC 3339 time"))?;
    let event = Event {
        id: text("id").ok_or_else(|| invalid("id"))?.to_owned(),
        source: text("source").ok_or_else(|| invalid("source"))?.to_owned(),
        kind: text("detail-type").ok_or_else(|| invalid("detail-type"))?.to_owned(),
        time,
        subject: None,
        attributes: Map::new(),
        data: value,
    };
    Ok(Delivery { event, to: Address::Subscribers, by: Sender::Forgetful })
}
