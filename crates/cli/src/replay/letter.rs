//! One message on its way.

use gatepass_core::queue::HandOff;
use ring::digest;

use crate::terminal::clean;

/// A message as it was taken from its source, and not yet deleted there.
#[derive(Debug)]
pub(super) struct Letter {
    /// The same every time that it is taken.
    pub(super) id: String,
    /// What it says.
    pub(super) text: Text,
    /// What must be done one after the other.
    pub(super) group: Option<String>,
    /// Whether something is attached to the text that no queue of ours would keep.
    pub(super) has_attributes: bool,
    /// What deletes or releases it.
    pub(super) receipt: Receipt,
}

/// What a message says.
#[derive(Debug)]
pub(super) enum Text {
    /// One event for one job.
    HandOff(Box<HandOff>),
    /// Something else: an event of another queue.
    Other(String),
    /// No text, and why.
    Unreadable(String),
}

/// What deletes or releases a message.
#[derive(Debug)]
pub(super) enum Receipt {
    Sqs(String),
    PubSub(String),
    Storage(gatepass_azure::storage_queue::Received),
    Line(usize),
}

impl Text {
    pub(super) fn read(text: String) -> Self {
        match HandOff::decode(&text) {
            Ok(hand_off) => Self::HandOff(Box::new(hand_off)),
            Err(_) => Self::Other(text),
        }
    }
}

impl Letter {
    /// What is sent: a hand-off as if it had just been put on the queue, everything else as it is.
    ///
    /// # Errors
    /// Why it must stay where it is.
    pub(super) fn outgoing(&self, limit: usize) -> Result<String, String> {
        match &self.text {
            Text::HandOff(hand_off) => {
                let afresh = HandOff { not_before: None, deferrals: 0, ..(**hand_off).clone() };
                afresh.encode(limit).map_err(|failure| failure.message)
            }
            Text::Other(_) if self.has_attributes => {
                Err("it has attributes, which would be lost; send it with the cloud's own program".to_owned())
            }
            Text::Other(text) if text.len() > limit => {
                Err(format!("it has {} bytes, and the target takes {limit}", text.len()))
            }
            Text::Other(text) => Ok(text.clone()),
            Text::Unreadable(why) => Err(why.clone()),
        }
    }

    /// What must be done one after the other, in the form that queues want.
    pub(super) fn group_hex(&self) -> String {
        match (&self.group, &self.text) {
            (Some(group), _) if !group.is_empty() => group.clone(),
            (_, Text::HandOff(hand_off)) => hex_digest(hand_off.job.as_str()),
            _ => hex_digest(&self.id),
        }
    }

    /// The same only for this message of this source: an hour ago the same event may have been another message, and a queue
    /// that knows its id must take it again.
    pub(super) fn id_hex(&self) -> String {
        hex_digest(&self.id)
    }

    /// What it is, in one line and without its data.
    pub(super) fn describe(&self) -> String {
        match &self.text {
            Text::Unreadable(_) => "a message that is no text".to_owned(),
            Text::Other(text) => format!("an event of another queue, {} bytes", text.len()),
            Text::HandOff(hand_off) => {
                let event = &hand_off.event;
                let mut words = vec![
                    hand_off.job.to_string(),
                    event.source.clone(),
                    event.kind.clone(),
                    event.time.to_string(),
                    event.id.clone(),
                ];
                words.extend(hand_off.repository.as_ref().map(|repository| format!("for {repository}")));
                if hand_off.deferrals > 0 {
                    words.push(format!("deferred {} times", hand_off.deferrals));
                }
                clean(&words.join(" · "))
            }
        }
    }
}

fn hex_digest(text: &str) -> String {
    digest::digest(&digest::SHA256, text.as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use gatepass_core::event::Event;
    use jiff::Timestamp;
    use serde_json::{Map, json};

    use super::*;

    fn hand_off() -> HandOff {
        let event = Event {
            id: "e-1".into(),
            source: "s".into(),
            kind: "t".into(),
            time: Timestamp::UNIX_EPOCH,
            subject: None,
            attributes: Map::new(),
            data: json!({"private": true}),
        };
        let not_before = Some(Timestamp::MAX);
        HandOff { job: "alarm".parse().unwrap(), repository: None, not_before, deferrals: 7, event }
    }

    fn letter(text: String) -> Letter {
        let (group, receipt) = (None, Receipt::Line(0));
        Letter { id: "m-1".into(), text: Text::read(text), group, has_attributes: false, receipt }
    }

    #[test]
    fn a_hand_off_starts_afresh_and_is_otherwise_the_same() {
        let letter = letter(hand_off().encode(1 << 20).unwrap());
        let sent = HandOff::decode(&letter.outgoing(1 << 20).unwrap()).unwrap();
        assert_eq!(sent, HandOff { not_before: None, deferrals: 0, ..hand_off() });
        assert_eq!(letter.describe(), "alarm · s · t · 1970-01-01T00:00:00Z · e-1 · deferred 7 times");
        assert_eq!((letter.group_hex().len(), letter.id_hex().len()), (64, 64));
        assert!(letter.outgoing(10).is_err());
    }

    #[test]
    fn what_is_no_hand_off_goes_on_as_it_is_or_stays() {
        let mut other = letter("{\"private\":1}".to_owned());
        assert_eq!(other.outgoing(100).unwrap(), "{\"private\":1}");
        assert!(!other.describe().contains("private"));
        assert!(other.outgoing(10).unwrap_err().contains("13 bytes"));
        other.has_attributes = true;
        assert!(other.outgoing(100).unwrap_err().contains("attributes"));
        other.text = Text::Unreadable("it is no text".to_owned());
        assert_eq!(other.outgoing(100).unwrap_err(), "it is no text");
    }

    #[test]
    fn a_group_is_kept() {
        let mut letter = letter("x".to_owned());
        letter.group = Some("g".to_owned());
        assert_eq!(letter.group_hex(), "g");
    }
}
