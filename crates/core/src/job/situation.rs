//! What an action needs to know besides its own settings.

use std::time::Duration;

use jiff::Timestamp;

use super::memory::Memory;
use crate::config::BotPattern;
use crate::event::{Event, sha256, short};
use crate::names::JobId;

/// How far clocks may differ.
const SKEW: Duration = Duration::from_secs(300);

/// For how long GitHub lets people deliver a webhook again. GitHub Docs, "Redelivering webhooks".
const REDELIVERY: Duration = Duration::from_secs(3 * 24 * 3600);

/// What an action needs to know besides its own settings.
#[derive(Clone, Copy)]
pub(super) struct Situation<'a> {
    pub(super) job: &'a JobId,
    pub(super) namespace: &'a str,
    pub(super) bots: &'a BotPattern,
    pub(super) event: &'a Event,
    /// Whether the event may have come as a webhook.
    pub(super) is_webhook: bool,
    pub(super) dry_run: bool,
    pub(super) memory: &'a Memory,
}

impl Situation<'_> {
    /// The event's time, as far as it can be believed.
    pub(super) fn time(&self) -> Timestamp {
        self.event.time.min(latest())
    }

    /// What stands for the event in the comments of this deployment: its fingerprint, unless two deployments share a
    /// repository.
    pub(super) fn event_id(&self) -> String {
        match self.namespace {
            "" => self.event.fingerprint(),
            namespace => short(digest([namespace, &self.event.fingerprint()])),
        }
    }

    /// What stands for the event among the runs that this job has started: another job may start the same workflow for it.
    pub(super) fn run_id(&self) -> String {
        run_id(self.namespace, self.job, self.event)
    }

    /// Since when this event may have been delivered, in whole seconds, as GitHub's times are.
    pub(super) fn delivered_since(&self) -> Timestamp {
        delivered_since(self.event, self.is_webhook, Timestamp::now())
    }
}

/// As [`Situation::run_id`].
pub(super) fn run_id(namespace: &str, job: &JobId, event: &Event) -> String {
    short(digest([namespace, job.as_str(), &event.fingerprint()]))
}

/// What stands for something on GitHub that is made of these parts, as 64 hex digits. `docs/contract.md`, "One open issue per
/// key".
pub(super) fn digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let parts = parts.into_iter().flat_map(|part| [b"\0", part.as_bytes()]);
    sha256(std::iter::once(&b"gatepass/v1"[..]).chain(parts))
}

/// The latest time that is believed. Whoever says that it is later than now, beyond what clocks differ, would make every
/// other event look old.
pub(super) fn latest() -> Timestamp {
    Timestamp::now().checked_add(SKEW).unwrap_or(Timestamp::MAX)
}

/// A webhook has the time of this delivery, so an earlier one may be days older; and so may be what has a time that cannot
/// be true.
fn delivered_since(event: &Event, is_webhook: bool, now: Timestamp) -> Timestamp {
    let is_true = event.time.duration_since(now).unsigned_abs() <= SKEW || event.time <= now;
    let margin = if is_true && !is_webhook { SKEW } else { REDELIVERY };
    let since = event.time.min(now).checked_sub(margin).unwrap_or(Timestamp::MIN);
    Timestamp::from_second(since.as_second()).unwrap_or(since)
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};

    use super::*;

    #[test]
    fn each_job_and_deployment_has_its_own_digest_of_an_event() {
        let of = |parts: &[&str]| short(digest(parts.iter().copied()));
        assert_eq!(of(&["", "a", "b"]).len(), 16);
        assert_eq!(of(&["", "a", "b"]), of(&["", "a", "b"]));
        for other in [&["n", "a", "b"][..], &["", "ab", ""], &["", "a", "c"], &["a", "b"]] {
            assert_ne!(of(&["", "a", "b"]), of(other), "{other:?}");
        }
    }

    #[test]
    fn an_event_may_have_come_since_its_time_and_a_webhook_days_before() {
        let now: Timestamp = "2026-11-20T09:00:00.7Z".parse().unwrap();
        for (is_webhook, time, since) in [
            (false, "2026-11-20T08:00:00.9Z", "2026-11-20T07:55:00Z"),
            (false, "2026-11-20T09:02:00Z", "2026-11-20T08:55:00Z"),
            (false, "2026-11-20T10:00:00Z", "2026-11-17T09:00:00Z"),
            (true, "2026-11-20T09:00:00Z", "2026-11-17T09:00:00Z"),
            (true, "2026-11-20T08:00:00Z", "2026-11-17T08:00:00Z"),
        ] {
            let event = Event {
                id: "1".into(),
                source: "s".into(),
                kind: "t".into(),
                time: time.parse().unwrap(),
                subject: None,
                attributes: Map::new(),
                data: Value::Null,
            };
            assert_eq!(delivered_since(&event, is_webhook, now).to_string(), since, "{is_webhook} {time}");
        }
    }
}
