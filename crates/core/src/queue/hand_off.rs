use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::{Event, sha256};
use crate::failure::Failure;
use crate::names::{JobId, RepositoryName};

/// The largest hand-off, in bytes before it is compressed: an event whose body has 1 MiB, in JSON.
const MAX_UNPACKED: u64 = 8 * 1024 * 1024;

/// One event for one job, on its way through a queue: gzip and base64 of this, as JSON.
///
/// It is recognised by the queue that it comes from and never by what it holds, so nobody who may send events can make one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HandOff {
    /// The job, by its key in the file.
    pub job: JobId,
    /// The one repository that it is for, of a job that runs for several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<RepositoryName>,
    /// Not to be worked on before this time, where the queue itself could not hold it back for that long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// How often it could not be done and was put on the queue again.
    #[serde(default)]
    pub deferrals: u16,
    /// The event.
    pub event: Event,
}

impl HandOff {
    /// As a message's text.
    ///
    /// # Errors
    /// Too large when it is longer than `limit` bytes, which is the queue's.
    pub fn encode(&self, limit: usize) -> Result<String, Failure> {
        let bug = |_| Failure::bug();
        let json = serde_json::to_vec(self).map_err(|_| Failure::bug())?;
        let mut packed = Vec::new();
        if json.len() as u64 <= MAX_UNPACKED {
            GzEncoder::new(json.as_slice(), Compression::default()).read_to_end(&mut packed).map_err(bug)?;
            let text = STANDARD.encode(packed);
            if text.len() <= limit {
                return Ok(text);
            }
        }
        Err(Failure::too_large(format!(
            "the event is too large for the queue, which takes {limit} bytes after compression; send less, or give the job {} `delivery: direct`",
            self.job
        )))
    }

    /// Reads a message's text.
    ///
    /// # Errors
    /// Invalid when it is none of ours.
    pub fn decode(text: &str) -> Result<Self, Failure> {
        let not_ours = |what: &str| {
            Failure::invalid(format!(
                "this message of gatepass's own queue is no hand-off: {what}; let nothing else write to the queue"
            ))
        };
        let packed = STANDARD.decode(text.trim()).map_err(|_| not_ours("it is not base64"))?;
        let mut json = Vec::new();
        let read = GzDecoder::new(packed.as_slice()).take(MAX_UNPACKED + 1).read_to_end(&mut json);
        read.map_err(|_| not_ours("it is not gzip"))?;
        if json.len() as u64 > MAX_UNPACKED {
            return Err(not_ours("it is too large when unpacked"));
        }
        serde_json::from_slice(&json).map_err(|error| {
            not_ours(&format!(
                "it does not hold what is expected (line {}, column {})",
                error.line(),
                error.column()
            ))
        })
    }

    /// The same for the same event, job and repository: 64 hex digits.
    pub fn id(&self) -> String {
        let repository = self.repository.as_ref().map_or("", RepositoryName::as_str);
        let parts = [self.event.source.as_str(), &self.event.id, self.job.as_str(), repository];
        digest_of(&parts)
    }
}

/// SHA-256 of the parts, each with its end, as 64 hex digits.
pub(crate) fn digest_of(parts: &[&str]) -> String {
    sha256(parts.iter().flat_map(|part| [part.as_bytes(), b"\0"]))
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, json};

    use super::*;

    fn hand_off() -> HandOff {
        let event = Event {
            id: "1".into(),
            source: "s".into(),
            kind: "t".into(),
            time: "2026-11-20T09:00:00.123Z".parse().unwrap(),
            subject: Some("x".into()),
            attributes: Map::from_iter([("gatepass".to_owned(), json!({"job": "other"}))]),
            data: json!({"job": "other", "n": 1.5}),
        };
        let repository = Some("acme/widgets".parse().unwrap());
        HandOff { job: "alarm".parse().unwrap(), repository, not_before: None, deferrals: 0, event }
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let whole = hand_off();
        let late = HandOff { not_before: Some(Timestamp::UNIX_EPOCH), repository: None, ..whole.clone() };
        for hand_off in [whole, late] {
            assert_eq!(HandOff::decode(&hand_off.encode(1 << 20).unwrap()).unwrap(), hand_off);
        }
    }

    #[test]
    fn the_limit_is_the_queues_and_the_error_names_a_way_out() {
        let text = hand_off().encode(1 << 20).unwrap();
        assert!(hand_off().encode(text.len()).is_ok());
        let failure = hand_off().encode(text.len() - 1).unwrap_err();
        assert_eq!(failure.class.status(), 413);
        assert!(failure.message.contains("delivery: direct"), "{failure}");
    }

    #[test]
    fn what_is_no_hand_off_is_invalid() {
        let packed = |json: &str| {
            let mut packed = Vec::new();
            GzEncoder::new(json.as_bytes(), Compression::default()).read_to_end(&mut packed).unwrap();
            STANDARD.encode(packed)
        };
        let bomb = packed(&" ".repeat(usize::try_from(MAX_UNPACKED).unwrap() + 1));
        let cut = &hand_off().encode(1 << 20).unwrap()[..80];
        for (text, words) in [
            ("", "not gzip"),
            ("{}", "not base64"),
            ("aGVsbG8=", "not gzip"),
            (cut, "not gzip"),
            (packed("{}").as_str(), "does not hold"),
            (packed(r#"{"job":"a","event":{},"more":1}"#).as_str(), "does not hold"),
            (bomb.as_str(), "too large"),
        ] {
            let failure = HandOff::decode(text).unwrap_err();
            assert!(failure.message.contains(words), "{text:.20}: {failure}");
            assert_eq!(failure.class.name(), "invalid");
        }
    }

    #[test]
    fn the_id_is_of_event_job_and_repository() {
        let one = hand_off();
        let mut others = vec![one.clone(), one.clone(), one.clone(), one.clone()];
        others[0].event.id = "2".into();
        others[1].event.source = "t".into();
        others[2].job = "b".parse().unwrap();
        others[3].repository = None;
        for other in others {
            assert_ne!(other.id(), one.id());
        }
        let later = HandOff { not_before: Some(Timestamp::UNIX_EPOCH), deferrals: 1, ..one.clone() };
        assert_eq!(later.id(), one.id());
    }
}
