use ::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{Event, json_or_text};
use crate::failure::Failure;

/// The mark of a message without a wrapper, and where it is from.
const SUBSCRIPTION: &str = "x-goog-pubsub-subscription-name";
const MESSAGE_ID: &str = "x-goog-pubsub-message-id";
const PUBLISH_TIME: &str = "x-goog-pubsub-publish-time";
const ORDERING_KEY: &str = "x-goog-pubsub-ordering-key";

/// What an incident of Cloud Monitoring is called, because nothing in it says so.
const INCIDENT: (&str, &str) = ("google.monitoring", "incident");

/// A message that Pub/Sub pushes, wrapped in JSON or not. Source: Google Cloud, "Create push subscriptions" and "Payload
/// unwrapping for Pub/Sub push subscriptions" (with its option to write metadata: without that, nothing tells such a request
/// from any other).
#[derive(Clone, PartialEq, Eq)]
pub struct PubSubMessage {
    /// The subscription, `projects/PROJECT/subscriptions/NAME`.
    pub subscription: String,
    /// The same for every delivery of it.
    pub id: String,
    /// When it was published.
    pub published: Timestamp,
    /// What the publisher attached; empty without a wrapper, because Pub/Sub then puts it among the other headers.
    pub attributes: Map<String, Value>,
    /// What was published.
    pub data: Vec<u8>,
}

/// Shows no data: a body does not belong in a log.
impl std::fmt::Debug for PubSubMessage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PubSubMessage")
            .field("subscription", &self.subscription)
            .field("id", &self.id)
            .field("published", &self.published)
            .finish_non_exhaustive()
    }
}

impl PubSubMessage {
    /// Whether a body is a wrapped message, by its marks.
    pub fn is_wrapped(body: &Value) -> bool {
        body.get("subscription").is_some_and(Value::is_string)
            && body.get("message").is_some_and(Value::is_object)
    }

    /// Whether a request is a message without a wrapper, by its marks.
    pub fn is_unwrapped(headers: &HeaderMap) -> bool {
        headers.contains_key(SUBSCRIPTION)
    }

    /// Reads a wrapped message.
    ///
    /// # Errors
    /// Invalid, naming what is missing or of another form.
    pub fn wrapped(body: &Value) -> Result<Self, Failure> {
        let wrong = |what: &str| Failure::invalid(format!("the message of Pub/Sub {what}"));
        let field = |path: &str| body.pointer(path).and_then(Value::as_str).filter(|text| !text.is_empty());
        let attributes = match body.pointer("/message/attributes") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(attributes)) if attributes.values().all(Value::is_string) => {
                attributes.clone()
            }
            Some(_) => return Err(wrong("has attributes that are not an object of texts")),
        };
        let data = match body.pointer("/message/data") {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::String(text)) => {
                STANDARD.decode(text).map_err(|_| wrong("has data that is not base64"))?
            }
            Some(_) => return Err(wrong("has data that is not text")),
        };
        let published = field("/message/publishTime").ok_or_else(|| wrong("has no publishTime"))?;
        Ok(Self {
            subscription: field("/subscription").ok_or_else(|| wrong("has no subscription"))?.to_owned(),
            id: field("/message/messageId").ok_or_else(|| wrong("has no messageId"))?.to_owned(),
            published: published
                .parse()
                .map_err(|_| wrong("has a publishTime that is not an RFC 3339 time"))?,
            attributes: with_ordering_key(attributes, field("/message/orderingKey")),
            data,
        })
    }

    /// Reads a message without a wrapper.
    ///
    /// # Errors
    /// Invalid, naming the header that is missing, comes twice, or is of another form.
    pub fn unwrapped(headers: &HeaderMap, body: &[u8]) -> Result<Self, Failure> {
        let optional = |name: &str| {
            let mut values = headers.get_all(name).iter();
            match (values.next(), values.next()) {
                (None, _) => Ok(None),
                (Some(value), None) => match value.to_str() {
                    Ok(text) if !text.is_empty() => Ok(Some(text)),
                    _ => Err(Failure::invalid(format!("the header {name} is empty or not text"))),
                },
                (Some(_), Some(_)) => Err(Failure::invalid(format!("the header {name} comes twice"))),
            }
        };
        let required = |name: &str| {
            optional(name)?.ok_or_else(|| Failure::invalid(format!("the header {name} is missing")))
        };
        let published = required(PUBLISH_TIME)?
            .parse()
            .map_err(|_| Failure::invalid(format!("the header {PUBLISH_TIME} is not an RFC 3339 time")))?;
        Ok(Self {
            subscription: required(SUBSCRIPTION)?.to_owned(),
            id: required(MESSAGE_ID)?.to_owned(),
            published,
            attributes: with_ordering_key(Map::new(), optional(ORDERING_KEY)?),
            data: body.to_vec(),
        })
    }

    /// The data, parsed if it is JSON; source is the subscription, type `pubsub`. An incident of Cloud Monitoring inside
    /// has the source `google.monitoring` and the type `incident`.
    pub fn into_event(self) -> Event {
        let data = json_or_text(&self.data);
        let is_incident = data.get("incident").is_some_and(Value::is_object) && data.get("version").is_some();
        let (source, kind) = if is_incident { INCIDENT } else { (self.subscription.as_str(), "pubsub") };
        let mut attributes = self.attributes;
        attributes.insert("subscription".into(), json!(self.subscription));
        Event {
            id: self.id,
            source: source.to_owned(),
            kind: kind.into(),
            time: self.published,
            subject: None,
            attributes,
            data,
        }
    }
}

fn with_ordering_key(mut attributes: Map<String, Value>, key: Option<&str>) -> Map<String, Value> {
    if let Some(key) = key {
        attributes.insert("ordering_key".into(), json!(key));
    }
    attributes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FROM: &str = "projects/p/subscriptions/s";

    fn push(data: &[u8]) -> Value {
        json!({"subscription": FROM, "deliveryAttempt": 1, "message": {
            "data": STANDARD.encode(data), "messageId": "m-1", "message_id": "m-1", "orderingKey": "k",
            "publishTime": "2026-11-20T09:21:28.012Z", "publish_time": "2026-11-20T09:21:28.012Z",
            "attributes": {"team": "ops"},
        }})
    }

    fn headers() -> HeaderMap {
        let pairs = [
            (SUBSCRIPTION, FROM),
            (MESSAGE_ID, "m-1"),
            (PUBLISH_TIME, "2026-11-20T09:21:28.012Z"),
            (ORDERING_KEY, "k"),
        ];
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn a_wrapped_and_an_unwrapped_message_are_the_same_event() {
        let wrapped = PubSubMessage::wrapped(&push(br#"{"n":1}"#)).unwrap();
        let unwrapped = PubSubMessage::unwrapped(&headers(), br#"{"n":1}"#).unwrap();
        let (mut event, other) = (wrapped.into_event(), unwrapped.into_event());
        assert_eq!((event.source.as_str(), event.kind.as_str(), event.id.as_str()), (FROM, "pubsub", "m-1"));
        assert_eq!(event.time.to_string(), "2026-11-20T09:21:28.012Z");
        assert_eq!((&event.data, event.attributes.remove("team")), (&json!({"n": 1}), Some(json!("ops"))));
        assert_eq!(event, other);
        assert_eq!(
            event.attributes,
            *json!({"ordering_key": "k", "subscription": FROM}).as_object().unwrap()
        );
    }

    #[test]
    fn data_is_json_or_text_or_nothing() {
        for (data, value) in [(&b"hello"[..], json!("hello")), (b"[1]", json!([1])), (b"", Value::Null)] {
            assert_eq!(PubSubMessage::wrapped(&push(data)).unwrap().into_event().data, value);
        }
        let mut bare = push(b"");
        bare["message"]
            .as_object_mut()
            .unwrap()
            .retain(|key, _| ["messageId", "publishTime"].contains(&key.as_str()));
        assert_eq!(PubSubMessage::wrapped(&bare).unwrap().data, b"");
    }

    #[test]
    fn an_incident_inside_is_cloud_monitorings() {
        let event =
            |data: Value| PubSubMessage::wrapped(&push(data.to_string().as_bytes())).unwrap().into_event();
        let incident = event(json!({"version": "1.2", "incident": {"incident_id": "0.a", "state": "open"}}));
        assert_eq!((incident.source.as_str(), incident.kind.as_str()), INCIDENT);
        assert_eq!(incident.attributes["subscription"], FROM);
        for other in
            [json!({"incident": {}}), json!({"version": "1.2"}), json!({"version": "1.2", "incident": "x"})]
        {
            assert_eq!(event(other).kind, "pubsub");
        }
    }

    #[test]
    fn what_is_missing_or_of_another_form_is_named() {
        for (path, value, words) in [
            ("messageId", Value::Null, "no messageId"),
            ("messageId", json!(7), "no messageId"),
            ("messageId", json!(""), "no messageId"),
            ("publishTime", Value::Null, "no publishTime"),
            ("publishTime", json!("noon"), "RFC 3339"),
            ("data", json!("*"), "not base64"),
            ("data", json!({}), "not text"),
            ("attributes", json!([]), "attributes"),
            ("attributes", json!({"a": 1}), "attributes"),
        ] {
            let mut push = push(b"x");
            push["message"][path] = value;
            let failure = PubSubMessage::wrapped(&push).unwrap_err();
            assert!(failure.message.contains(words), "{words}: {failure}");
        }
        for name in [SUBSCRIPTION, MESSAGE_ID, PUBLISH_TIME] {
            let (mut without, mut twice, mut empty) = (headers(), headers(), headers());
            without.remove(name);
            twice.append(name, "x".parse().unwrap());
            empty.insert(name, "".parse().unwrap());
            for headers in [without, twice, empty] {
                let failure = PubSubMessage::unwrapped(&headers, b"x").unwrap_err();
                assert!(failure.message.contains(name), "{failure}");
            }
        }
        let mut late = headers();
        late.insert(PUBLISH_TIME, "noon".parse().unwrap());
        assert!(PubSubMessage::unwrapped(&late, b"x").unwrap_err().message.contains("RFC 3339"));
    }

    #[test]
    fn marks_tell_a_message_from_everything_else() {
        assert!(PubSubMessage::is_wrapped(&push(b"x")) && PubSubMessage::is_unwrapped(&headers()));
        for other in [
            json!(null),
            json!({"message": {}}),
            json!({"subscription": FROM}),
            json!({"subscription": FROM, "message": "x"}),
        ] {
            assert!(!PubSubMessage::is_wrapped(&other), "{other}");
        }
        assert!(!PubSubMessage::is_unwrapped(&HeaderMap::new()));
    }

    proptest! {
        #[test]
        fn whatever_is_pushed_is_read_or_refused(
            data in "[ -~]{0,20}", id in "[ -~]{0,10}", time in "[ -~]{0,25}", subscription in "[ -~]{0,20}", raw in any::<Vec<u8>>(),
        ) {
            let body = json!({"subscription": subscription, "message": {"data": data, "messageId": id, "publishTime": time}});
            if let Ok(message) = PubSubMessage::wrapped(&body) {
                prop_assert_eq!((&message.subscription, &message.id), (&subscription, &id));
                prop_assert_eq!(STANDARD.encode(&message.data), data);
            }
            prop_assert_eq!(PubSubMessage::wrapped(&push(&raw)).unwrap().data, raw);
        }
    }
}
