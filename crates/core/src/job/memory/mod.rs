//! What one process remembers between events. None of it is needed to come to rest at the right place; it closes gaps that
//! GitHub's lists leave open, and saves what need not be done twice.

mod locks;
mod recent;
mod storms;

use jiff::Timestamp;

pub(super) use self::locks::Locks;
use self::recent::Recent;
pub(super) use self::storms::{Storms, Told};
use crate::event::Event;
use crate::github::IssueState;
use crate::names::{JobId, RepositoryName};

/// What one process remembers.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Whoever works on a thing holds its lock.
    pub(super) locks: Locks,
    /// What was last seen of a key's issue.
    issues: Recent<Seen>,
    /// What was done by actions that cannot find it again, and where it can be seen.
    done: Recent<Option<String>>,
    /// Runs of workflows that are known to be another event's.
    runs: Recent<()>,
    /// Refusals that would fill the log.
    pub(super) storms: Storms,
}

/// What was last seen, or written, of a key's issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// The issue; `None` when the event wanted none and there was none.
    pub(super) number: Option<u64>,
    /// The time of the newest event.
    pub(super) at: Timestamp,
    /// That event's source and id.
    pub(super) id: String,
    /// Open or closed.
    pub(super) state: IssueState,
}

/// What a thing is remembered by: a repository, and what it is there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Topic(String);

impl Topic {
    /// The issue of a key, by its fingerprint.
    pub(super) fn issue(repository: &RepositoryName, fingerprint: &str) -> Self {
        Self::new(repository, &["issue", fingerprint])
    }

    /// What a job does for an event.
    pub(super) fn event(repository: &RepositoryName, job: &JobId, event: &Event) -> Self {
        Self::new(repository, &["event", job.as_str(), &event.fingerprint()])
    }

    /// The run of a workflow.
    pub(super) fn run(repository: &RepositoryName, id: u64) -> Self {
        Self::new(repository, &["run", &id.to_string()])
    }

    fn new(repository: &RepositoryName, parts: &[&str]) -> Self {
        // None of the parts can hold a space.
        Self(format!("{} {}", repository.as_str().to_ascii_lowercase(), parts.join(" ")))
    }
}

impl Memory {
    /// What was last seen of a key's issue.
    pub(super) fn issue(&self, topic: &Topic) -> Option<Seen> {
        self.issues.get(topic)
    }

    /// Remembers what is known now of a key's issue. What an older event knew of the same one is worth less.
    pub(super) fn see(&self, topic: &Topic, seen: Seen) {
        let is_older = |known: &Seen| known.number == seen.number && known.at > seen.at;
        if !self.issues.get(topic).is_some_and(|known| is_older(&known)) {
            self.issues.put(topic.clone(), seen);
        }
    }

    /// Whether this was done, and where it can be seen.
    pub(super) fn done(&self, topic: &Topic) -> Option<Option<String>> {
        self.done.get(topic)
    }

    /// Remembers that this was done.
    pub(super) fn note_done(&self, topic: &Topic, url: Option<&str>) {
        self.done.put(topic.clone(), url.map(str::to_owned));
    }

    /// Whether a run is known to be another event's.
    pub(super) fn is_taken(&self, run: &Topic) -> bool {
        self.runs.get(run).is_some()
    }

    /// Remembers that a run is an event's.
    pub(super) fn take(&self, run: Topic) {
        self.runs.put(run, ());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(number: Option<u64>, second: i64) -> Seen {
        let at = Timestamp::from_second(second).unwrap();
        Seen { number, at, id: "0123456789abcdef".into(), state: IssueState::Open }
    }

    #[test]
    fn an_older_event_knows_less_of_the_same_issue_and_all_of_another() {
        let memory = Memory::default();
        let topic = Topic::issue(&"acme/site".parse().unwrap(), "a");
        for (next, known) in [
            (seen(Some(1), 5), seen(Some(1), 5)),
            (seen(Some(1), 4), seen(Some(1), 5)),
            (seen(Some(1), 6), seen(Some(1), 6)),
            (seen(Some(2), 3), seen(Some(2), 3)),
            (seen(None, 2), seen(None, 2)),
        ] {
            memory.see(&topic, next);
            assert_eq!(memory.issue(&topic), Some(known));
        }
    }

    #[test]
    fn topics_are_apart_and_repositories_are_compared_without_case() {
        let (one, other) = ("acme/site".parse().unwrap(), "acme/shop".parse().unwrap());
        assert_eq!(Topic::issue(&one, "a"), Topic::issue(&"Acme/Site".parse().unwrap(), "a"));
        assert_ne!(Topic::issue(&one, "a"), Topic::issue(&other, "a"));
        assert_ne!(Topic::issue(&one, "7"), Topic::run(&one, 7));
    }
}
