use ::http::{HeaderMap, header};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::{Event, json_or_text};
use crate::failure::Failure;

impl Event {
    /// Reads one CloudEvent as the HTTP binding brings it: in binary mode (`ce-` headers, the data as the body) or in
    /// structured mode (`application/cloudevents+json`).
    ///
    /// Source: CloudEvents 1.0.2, HTTP protocol binding and JSON event format.
    ///
    /// # Errors
    /// Invalid when a required attribute is missing, when the version is not 1.0, or when the body is not what the
    /// content type says. Batches are not taken.
    pub fn from_cloudevents(headers: &HeaderMap, body: &[u8]) -> Result<Self, Failure> {
        let content_type = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.split(';').next())
            .map(|value| value.trim().to_ascii_lowercase());
        match content_type.as_deref() {
            Some("application/cloudevents+json") => structured(body),
            Some("application/cloudevents-batch+json") => {
                Err(Failure::invalid("a batch of CloudEvents is not taken; send one event a request"))
            }
            _ if headers.contains_key("ce-specversion") => binary(headers, content_type.as_deref(), body),
            _ => Err(Failure::invalid(
                "this is no CloudEvent: send the ce-specversion, ce-id, ce-source and ce-type headers, or a body of type application/cloudevents+json",
            )),
        }
    }
}

fn structured(body: &[u8]) -> Result<Event, Failure> {
    let envelope: Value = serde_json::from_slice(body).map_err(|error| {
        Failure::invalid(format!(
            "the CloudEvent is not JSON (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
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
        let not_json = Event::from_cloudevents(&headers(&BINARY), b"{").unwrap_err();
        assert!(not_json.message.contains("not JSON"), "{not_json}");
    }
}
