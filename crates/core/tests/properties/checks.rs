//! What must hold for any input. Each function panics when it does not.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzEncoder;
use gatepass_core::config::{DigestEncoding, HmacScheme, Signature as Scheme, load};
use gatepass_core::event::Event;
use gatepass_core::inbound::signature::Signature;
use gatepass_core::job::{Actions, Jobs};
use gatepass_core::queue::HandOff;
use gatepass_core::secret::WebhookSecret;
use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::Timestamp;
use serde_json::{Map, json};

/// Stands in every text of the event, and must stand in no error.
const PRIVATE: &str = "xyzzy";

/// A text as a YAML scalar that is read as that very text.
fn quoted(text: &str) -> String {
    json!(text).to_string()
}

/// Reads and compiles a file: every problem has words.
pub(crate) fn configuration(text: &str) {
    let file = match load("gatepass.yaml", text) {
        Ok(file) => file,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    match Jobs::compile(&file, None, &Actions::any()) {
        Ok((jobs, _)) => assert_eq!(jobs.iter().count(), file.config.jobs.len()),
        Err(error) => assert!(!error.to_string().is_empty() && !error.problems.is_empty()),
    }
}

/// Renders a template as the title, the body, a label and the key of an issue, and as a path. (What `state`, `repository` and a
/// comment's `issue` gave is told where it is none: they are made of few words, and an author must see them.)
pub(crate) fn template(text: &str) {
    let text = quoted(text);
    for field in ["title: T", "title: t, body: T", "title: t, labels: [T]"] {
        rehearse(&format!("open_issue: {{ key: [k], {} }}", field.replace('T', &text)));
    }
    rehearse(&format!("open_issue: {{ key: [{text}], title: t }}"));
    rehearse(&format!("read: {{ a: {text} }}\n    open_issue: {{ key: [k], title: t }}"));
}

/// Evaluates a condition.
pub(crate) fn condition(text: &str) {
    rehearse(&format!("if: {}\n    open_issue: {{ key: [k], title: t }}", quoted(text)));
}

/// Compiles a file with this action, and evaluates it for an event full of private text.
fn rehearse(action: &str) {
    let file = format!(
        "version: 1\ndefaults: {{ repository: acme/site, trust_policy: p }}\njobs:\n  j:\n    triggers: [{{ event: {{ source: s }} }}]\n    {action}\n"
    );
    // What is wrong with the author's own text may be shown.
    let Ok(file) = load("gatepass.yaml", &file) else { return };
    let Ok((jobs, _)) = Jobs::compile(&file, None, &Actions::any()) else { return };
    let event = Event {
        id: PRIVATE.into(),
        source: PRIVATE.into(),
        kind: PRIVATE.into(),
        time: Timestamp::UNIX_EPOCH,
        subject: Some(PRIVATE.into()),
        attributes: Map::from_iter([("a".to_owned(), json!(PRIVATE))]),
        data: json!({
            "text": PRIVATE, "number": 7, "float": 1.5, "none": null, "yes": true,
            "list": [PRIVATE, 1, null], "object": {"text": PRIVATE, PRIVATE: PRIVATE},
        }),
    };
    let job = jobs.get("j").expect("it was compiled");
    if let Err(failure) = jobs.rehearse(job, &event) {
        let shown = format!("{failure} {failure:?}");
        assert!(!shown.contains(PRIVATE), "{action}: {shown}");
        assert!(!failure.message.is_empty(), "{action}");
    }
}

/// Decodes a queue's message: what is refused is not repeated in the error.
pub(crate) fn hand_off(text: &str) {
    match HandOff::decode(text) {
        Ok(hand_off) => {
            let again = hand_off.encode(usize::MAX).expect("it was small enough");
            assert_eq!(HandOff::decode(&again).expect("it is ours"), hand_off);
        }
        Err(failure) => {
            assert_eq!(failure.class.name(), "invalid");
            assert!(failure.message.len() < 300, "{failure}");
        }
    }
}

/// Reads the signatures in headers, `NAME: VALUE` a line, by every scheme; none of them is right.
pub(crate) fn signature(lines: &str) {
    let headers = headers(lines.lines().map(str::as_bytes));
    let hmac = |encoding| {
        let header = "x-signature".parse().expect("a header's name");
        Scheme::Hmac(HmacScheme { header, prefix: "v0=".into(), encoding })
    };
    let schemes =
        [Scheme::Github, Scheme::StandardWebhooks, hmac(DigestEncoding::Hex), hmac(DigestEncoding::Base64)];
    let secret = WebhookSecret::new("secret").expect("it is not empty");
    for scheme in schemes {
        match Signature::read(&scheme, &headers, Timestamp::UNIX_EPOCH) {
            Ok(signature) => assert!(!signature.is_by_any([&secret], b"body")),
            Err(failure) => assert_eq!(failure.class.status(), 401, "{failure}"),
        }
    }
}

/// Reads CloudEvents from headers, `NAME: VALUE` a line, and after an empty line the body.
pub(crate) fn cloudevents(bytes: &[u8]) {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((bytes, &[][..]), |end| (&bytes[..end], &bytes[end + 2..]));
    let headers = headers(head.split(|byte| *byte == b'\n'));
    match Event::all_from_cloudevents(&headers, body) {
        Ok(events) => {
            assert!(events.iter().all(|event| !event.id.is_empty() && !event.source.is_empty()));
        }
        Err(failure) => {
            assert_eq!(failure.class.name(), "invalid");
            assert!(!failure.to_string().contains(PRIVATE), "{failure}");
        }
    }
}

/// What can be a header of these lines.
fn headers<'a>(lines: impl Iterator<Item = &'a [u8]>) -> HeaderMap {
    let pair = |line: &[u8]| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        Some((name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?))
    };
    let mut headers = HeaderMap::new();
    lines.filter_map(pair).take(50).for_each(|(name, value)| {
        headers.append(name, value);
    });
    headers
}

/// As a hand-off is packed.
pub(crate) fn pack(bytes: &[u8]) -> String {
    let mut packed = Vec::new();
    GzEncoder::new(bytes, Compression::fast()).read_to_end(&mut packed).expect("bytes can be read");
    STANDARD.encode(packed)
}
