//! The little XML there is.

use std::fmt::Write as _;

use axum::response::{IntoResponse as _, Response};
use http::{StatusCode, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use super::Message;
use crate::identity::noted;

const DECLARATION: &str = r#"<?xml version="1.0" encoding="utf-8"?>"#;

/// How much of a message an answer shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// After a put: no text, which the sender has.
    Put,
    /// After a get.
    Got,
    /// After a peek: no receipt.
    Peeked,
}

/// The text inside `<name>` … `</name>`, unescaped.
pub(super) fn text(document: &str, name: &str) -> Option<String> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    let (inner, _) = rest.split_once(&format!("</{name}>"))?;
    let plain = !inner.contains('<');
    plain.then(|| {
        inner.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
    })
}

pub(super) fn list(status: StatusCode, note: String, messages: &[Message], shown: Shown) -> Response {
    let messages: String = messages.iter().map(|message| one(message, shown)).collect();
    let document = format!("{DECLARATION}<QueueMessagesList>{messages}</QueueMessagesList>");
    noted(note, (status, [(header::CONTENT_TYPE, "application/xml")], document))
}

fn one(message: &Message, shown: Shown) -> String {
    let Message { id, text, inserted, visible, dequeued, receipt } = message;
    let (inserted, visible, dequeued) = (date(*inserted), date(*visible), dequeued.to_string());
    let never = "Fri, 31 Dec 9999 23:59:59 GMT";
    let mut fields = vec![("MessageId", id), ("InsertionTime", &inserted)];
    if shown != Shown::Peeked {
        fields.extend([("PopReceipt", receipt), ("TimeNextVisible", &visible)]);
    }
    if shown != Shown::Put {
        fields.extend([("DequeueCount", &dequeued), ("MessageText", text)]);
    }
    let fields = fields.into_iter().fold(String::new(), |mut fields, (name, value)| {
        let value = value.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let _ = write!(fields, "<{name}>{value}</{name}>");
        fields
    });
    format!("<QueueMessage>{fields}<ExpirationTime>{never}</ExpirationTime></QueueMessage>")
}

pub(super) fn error(status: StatusCode, code: &str, message: &str) -> Response {
    let document = format!("{DECLARATION}<Error><Code>{code}</Code><Message>{message}</Message></Error>");
    let headers = [("content-type", "application/xml"), ("x-ms-error-code", code)];
    noted(format!("{code}: {message}"), (status, headers, document).into_response())
}

/// As HTTP writes dates.
fn date(time: Timestamp) -> String {
    DateTimePrinter::new().timestamp_to_rfc9110_string(&time).unwrap_or_default()
}
