use ::http::{HeaderMap, header};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Event, json_or_text};
use crate::failure::Failure;

/// How many events a batch may hold.
const MAX_BATCH: usize = 100;

/// The longest attribute, in bytes: each stands in log records. CloudEvents asks intermediaries to forward events of 64 KiB in
/// all; no source's name comes near this.
const MAX_ATTRIBUTE: usize = 4096;

/// The type of a body that holds one event, and of one that holds several.
const STRUCTURED: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

impl Event {
    /// Whether a request is one CloudEvent or a batch of them, by its marks.
    pub fn is_cloudevents(headers: &HeaderMap) -> bool {
        let kind = content_type(headers);
        headers.contains_key("ce-specversion") || matches!(kind.as_deref(), Some(STRUCTURED | BATCH))
    }

    /// Reads CloudEvents as the HTTP binding brings them: one, as [`Event::from_cloudevents`] does, or a batch
    /// (`application/cloudevents-batch+json`).
    ///
    /// Source: CloudEvents 1.0.2, HTTP protocol binding, "Batched Content Mode", and JSON event format, "JSON Batch Format".
    ///
    /// # Errors
    /// As [`Event::from_cloudevents`], naming the event of a batch by its place; too large when it has too many.
    pub fn all_from_cloudevents(headers: &HeaderMap, body: &[u8]) -> Result<Vec<Self>, Failure> {
        if content_type(headers).as_deref() != Some(BATCH) {
            return Ok(vec![Self::from_cloudevents(headers, body)?]);
        }
        let Value::Array(envelopes) = parse("the batch of CloudEvents", body)? else {
            return Err(Failure::invalid("the batch of CloudEvents is not a JSON array"));
        };
        if envelopes.len() > MAX_BATCH {
            return Err(Failure::too_large(format!(
                "the batch has {} events; send at most {MAX_BATCH} at once",
                envelopes.len()
            )));
        }
        let at = |place: usize, mut failure: Failure| {
            failure.message = format!("event {} of the batch: {}", place + 1, failure.message);
            failure
        };
        envelopes
            .into_iter()
            .enumerate()
            .map(|(place, envelope)| structured(envelope).map_err(|failure| at(place, failure)))
            .collect()
    }

    /// Reads one CloudEvent as the HTTP binding brings it: in binary mode (`ce-` headers, the data as the body) or in
    /// structured mode (`application/cloudevents+json`).
    ///
    /// Source: CloudEvents 1.0.2, HTTP protocol binding and JSON event format.
    ///
    /// # Errors
    /// Invalid when a required attribute is missing, when the version is not 1.0, or when the body is not what the
    /// content type says.
    pub fn from_cloudevents(headers: &HeaderMap, body: &[u8]) -> Result<Self, Failure> {
        let content_type = content_type(headers);
        match content_type.as_deref() {
            Some(STRUCTURED) => structured(parse("the CloudEvent", body)?),
            Some(BATCH) => {
                Err(Failure::invalid("this is a batch of CloudEvents, where one event is expected"))
            }
            _ if headers.contains_key("ce-specversion") => binary(headers, content_type.as_deref(), body),
            _ => Err(Failure::invalid(
                "this is no CloudEvent: send the ce-specversion, ce-id, ce-source and ce-type headers, or a body of type application/cloudevents+json",
            )),
        }
    }
}

/// Without its parameters, in lower case.
fn content_type(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    value.split(';').next().map(|kind| kind.trim().to_ascii_lowercase())
}

fn parse(what: &str, body: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        Failure::invalid(format!("{what} is not JSON (line {}, column {})", error.line(), error.column()))
    })
}

fn structured(envelope: Value) -> Result<Event, Failure> {
    let Value::Object(mut envelope) = envelope else {
        return Err(Failure::invalid("the CloudEvent is not a JSON object"));
    };
    let data = match (envelope.remove("data"), envelope.remove("data_base64")) {
        (Some(data), None) => data,
        (None, Some(Value::String(text))) => {
            use base64::Engine as _;
            let bytes = base64::engine::general_purpose::STANDARD
                .decode(text)
                .map_err(|_| Failure::invalid("the CloudEvent's data_base64 is not base64"))?;
            json_or_text(&bytes)
        }
        (None, None) => Value::Null,
        _ => {
            return Err(Failure::invalid(
                "the CloudEvent has both data and data_base64, or one of the wrong type",
            ));
        }
    };
    from_attributes(envelope, data)
}

fn binary(headers: &HeaderMap, content_type: Option<&str>, body: &[u8]) -> Result<Event, Failure> {
    let mut attributes = Map::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix("ce-") else { continue };
        let value = value
            .to_str()
            .ok()
            .and_then(|value| percent_encoding::percent_decode_str(value).decode_utf8().ok())
            .ok_or_else(|| Failure::invalid(format!("the header ce-{name} is not text")))?;
        if attributes.insert(name.to_owned(), Value::String(value.into_owned())).is_some() {
            return Err(Failure::invalid(format!("the header ce-{name} comes twice")));
        }
    }
    let is_json = content_type.is_some_and(|t| t == "application/json" || t.ends_with("+json"));
    let data = if is_json && !body.is_empty() {
        serde_json::from_slice(body).map_err(|error| {
            Failure::invalid(format!(
                "the event's data is not JSON, though its content type says so (line {}, column {})",
                error.line(),
                error.column()
            ))
        })?
    } else {
        json_or_text(body)
    };
    from_attributes(attributes, data)
}

fn from_attributes(mut attributes: Map<String, Value>, data: Value) -> Result<Event, Failure> {
    let mut take = |name: &str| match attributes.remove(name) {
        Some(Value::String(text)) if text.len() > MAX_ATTRIBUTE => {
            Err(Failure::invalid(format!("the CloudEvent's {name} is longer than {MAX_ATTRIBUTE} bytes")))
        }
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        None | Some(Value::Null) => Ok(None),
        Some(_) => Err(Failure::invalid(format!("the CloudEvent's {name} is empty or not text"))),
    };
    let required = |name: &str, value: Option<String>| {
        value.ok_or_else(|| Failure::invalid(format!("the CloudEvent has no {name}")))
    };
    let version = required("specversion", take("specversion")?)?;
    if version != "1.0" {
        return Err(Failure::invalid(format!("CloudEvents version {version:?} is not taken; send 1.0")));
    }
    let id = required("id", take("id")?)?;
    let source = required("source", take("source")?)?;
    let kind = required("type", take("type")?)?;
    let time = match take("time")? {
        Some(text) => text.parse().map_err(|_| {
            Failure::invalid("the CloudEvent's time is not an RFC 3339 time, as in 2026-11-20T09:00:00Z")
        })?,
        None => Timestamp::now(),
    };
    let subject = take("subject")?;
    attributes.remove("datacontenttype");
    Ok(Event { id, source, kind, time, subject, attributes, data })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap())).collect()
    }

    const BINARY: [(&str, &str); 5] = [
        ("ce-specversion", "1.0"),
        ("ce-id", "1"),
        ("ce-source", "//storage/b"),
        ("ce-type", "finalized"),
        ("content-type", "application/json"),
    ];

    #[test]
    fn binary_and_structured_mode_give_the_same_event() {
        let mut pairs = BINARY.to_vec();
        pairs.extend([("ce-time", "2026-11-20T09:00:00Z"), ("ce-subject", "o"), ("ce-region", "eu")]);
        let binary = Event::from_cloudevents(&headers(&pairs), br#"{"n":1}"#).unwrap();
        let body = json!({"specversion":"1.0","id":"1","source":"//storage/b","type":"finalized","time":"2026-11-20T09:00:00Z",
            "subject":"o","region":"eu","datacontenttype":"application/json","data":{"n":1}});
        let structured = Event::from_cloudevents(
            &headers(&[("content-type", "application/cloudevents+json; charset=utf-8")]),
            body.to_string().as_bytes(),
        )
        .unwrap();
        assert_eq!(binary, structured);
        assert_eq!(binary.attributes["region"], "eu");
    }

    #[test]
    fn every_required_attribute_is_required() {
        for missing in ["ce-id", "ce-source", "ce-type"] {
            let pairs: Vec<_> = BINARY.into_iter().filter(|(name, _)| *name != missing).collect();
            let failure = Event::from_cloudevents(&headers(&pairs), b"{}").unwrap_err();
            assert!(failure.message.contains(&missing["ce-".len()..]), "{failure}");
        }
    }

    #[test]
    fn what_is_no_cloudevent_says_why() {
        let structured = ("content-type", "application/cloudevents+json");
        type Row<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);
        let table: [Row<'_>; 9] = [
            (&[], "{}", "no CloudEvent"),
            (&[("content-type", "application/json")], "{}", "no CloudEvent"),
            (&[structured], "{", "not JSON"),
            (&[structured], "null", "not a JSON object"),
            (&[structured], "[]", "not a JSON object"),
            (&[structured], r#"{"specversion":"0.3","id":"1","source":"s","type":"t"}"#, "0.3"),
            (
                &[structured],
                r#"{"specversion":"1.0","id":7,"source":"s","type":"t"}"#,
                "id is empty or not text",
            ),
            (
                &[structured],
                r#"{"specversion":"1.0","id":"1","source":"s","type":"t","time":"noon"}"#,
                "RFC 3339",
            ),
            (&[("content-type", "application/cloudevents-batch+json")], "[]", "batch"),
        ];
        for (pairs, body, expected) in table {
            let pairs: Vec<_> = pairs.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect();
            let headers = pairs.iter().map(|(k, v)| (k.parse().unwrap(), v.parse().unwrap())).collect();
            let failure = Event::from_cloudevents(&headers, body.as_bytes()).unwrap_err();
            assert!(failure.message.contains(expected), "{body}: {failure}");
        }
        for name in ["id", "source", "type", "subject"] {
            let mut event = event(1);
            event[name] = json!("x".repeat(MAX_ATTRIBUTE + 1));
            let failure = Event::from_cloudevents(&headers(&[structured]), event.to_string().as_bytes());
            assert!(failure.unwrap_err().message.contains(&format!("{name} is longer than")));
        }
        let not_json = Event::from_cloudevents(&headers(&BINARY), b"{").unwrap_err();
        assert!(not_json.message.contains("not JSON"), "{not_json}");
    }

    fn event(id: usize) -> Value {
        json!({"specversion": "1.0", "id": id.to_string(), "source": "s", "type": "t", "time": "2026-11-20T09:00:00Z", "data": id})
    }

    fn batch(body: &str) -> Result<Vec<Event>, Failure> {
        Event::all_from_cloudevents(
            &headers(&[("content-type", "application/cloudevents-batch+json; charset=utf-8")]),
            body.as_bytes(),
        )
    }

    #[test]
    fn a_batch_is_all_its_events_in_their_order() {
        let events = batch(&json!([event(1), event(2)]).to_string()).unwrap();
        let ids: Vec<_> = events.iter().map(|event| (event.id.as_str(), event.data.clone())).collect();
        assert_eq!(ids, [("1", json!(1)), ("2", json!(2))]);
        assert_eq!(batch("[]").unwrap(), []);
        // One event is a batch of one.
        assert_eq!(Event::all_from_cloudevents(&headers(&BINARY), b"{}").unwrap().len(), 1);
    }

    #[test]
    fn a_batch_that_is_not_right_says_where() {
        let many: Vec<_> = (0..=MAX_BATCH).map(event).collect();
        for (body, status, words) in [
            ("[", 422, "the batch of CloudEvents is not JSON"),
            ("{}", 422, "not a JSON array"),
            (
                &json!([event(1), 7]).to_string(),
                422,
                "event 2 of the batch: the CloudEvent is not a JSON object",
            ),
            (
                &json!([{"specversion": "1.0"}, event(1)]).to_string(),
                422,
                "event 1 of the batch: the CloudEvent has no id",
            ),
            (&json!([[event(1)]]).to_string(), 422, "event 1 of the batch"),
            (&json!(many).to_string(), 413, "has 101 events; send at most 100"),
        ] {
            let failure = batch(body).unwrap_err();
            assert_eq!(failure.class.status(), status, "{failure}");
            assert!(failure.message.contains(words), "{words}: {failure}");
        }
        assert_eq!(batch(&json!(many[1..]).to_string()).unwrap().len(), MAX_BATCH);
    }

    #[test]
    fn marks_tell_cloudevents_from_everything_else() {
        let marks = |pairs: &[(&'static str, &'static str)]| Event::is_cloudevents(&headers(pairs));
        assert!(
            marks(&BINARY) && marks(&[("content-type", STRUCTURED)]) && marks(&[("content-type", BATCH)])
        );
        assert!(
            !marks(&[]) && !marks(&BINARY[1..]) && !marks(&[("content-type", "application/cloudevents")])
        );
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_read_or_refused(
            body in "[ -~]{0,60}", id in "[ -~]{0,10}", source in "[ -~]{0,10}", kind in "[ -~]{0,10}", raw in any::<Vec<u8>>(),
        ) {
            let _ = batch(&body);
            for kind in [STRUCTURED, BATCH] {
                let _ = Event::all_from_cloudevents(&headers(&[("content-type", kind)]), &raw);
            }
            let whole = json!([{"specversion": "1.0", "id": id, "source": source, "type": kind, "data": body}]);
            match batch(&whole.to_string()) {
                Ok(events) => prop_assert_eq!((&events[0].id, &events[0].source, &events[0].kind), (&id, &source, &kind)),
                Err(_) => prop_assert!(id.is_empty() || source.is_empty() || kind.is_empty()),
            }
            let mut binary = headers(&BINARY[..1]);
            for (name, text) in [("ce-id", &id), ("ce-source", &source), ("ce-type", &kind)] {
                binary.insert(name, text.parse().unwrap());
            }
            let _ = Event::all_from_cloudevents(&binary, &raw);
        }
    }
}
