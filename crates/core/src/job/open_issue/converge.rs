//! Bringing what is on GitHub to what an event wants.

use std::time::Duration;

use jiff::Timestamp;

use super::plan::{Change, Plan, plan};
use super::{Stop, Wanted, marker};
use crate::failure::Failure;
use crate::github::{GitHub, Issue, IssuePatch, IssueState, StateReason};
use crate::job::comment::comment_once;
use crate::job::memory::{Seen, Topic};
use crate::job::situation::Situation;
use crate::report::{Done, Status};
use crate::telemetry::TARGET;

/// How often a change that an older event has written over is made again.
const AGAIN: u32 = 3;

/// How long a look at what was written may take.
const READING_BACK: Duration = Duration::from_secs(5);

/// For how long after an event an issue that another process has opened may not be listed yet.
const FRESH: Duration = Duration::from_secs(60);

/// How long a closing event waits for such an issue.
const MOMENT: Duration = Duration::from_secs(1);

/// How far to go.
pub(super) struct Settings<'a> {
    /// The job's own label.
    pub(super) label: &'a str,
    pub(super) reopen_within: Option<Duration>,
    pub(super) max_open: usize,
}

/// One event on its way to one open issue a key. Whoever makes one holds the key's lock.
pub(super) struct Converging<'a> {
    pub(super) github: &'a GitHub<'a>,
    pub(super) wanted: &'a Wanted<'a>,
    pub(super) settings: &'a Settings<'a>,
    pub(super) situation: &'a Situation<'a>,
    pub(super) topic: &'a Topic,
}

impl Converging<'_> {
    /// Looks, and writes what is missing.
    ///
    /// # Errors
    /// Full when more issues are open than `max_open`; Refused when the label does not stick; else GitHub's failures.
    pub(super) async fn run(&self) -> Result<Done, Stop> {
        let look = self.look().await?;
        if let Some(done) = self.settle(look.open).await? {
            return Ok(done);
        }
        let seen = self.seen();
        let closed = look.closed.as_ref().and_then(|issue| self.marker(issue));
        let by_memory = seen.as_ref().and_then(|seen| self.known(&seen.id, seen.at));
        if let Some(status) = by_memory.or_else(|| self.known(&closed.as_ref()?.id, closed.as_ref()?.at)) {
            let done = Done::new(status);
            return Ok(match look.closed {
                Some(issue) => done.at(issue.html_url),
                None => done,
            });
        }
        let closing = self.wanted.state == IssueState::Closed && !look.cut;
        if closing
            && seen.is_none()
            && let Some(done) = self.look_once_more().await?
        {
            return Ok(done);
        }
        if look.full && !closing {
            return Err(self.full());
        }
        if let Some(window) = self.settings.reopen_within
            && let Some(closed) = self.closed_issue(window, look.closed).await?
        {
            return Ok(self.bring(&closed).await?);
        }
        if closing {
            self.remember(seen.and_then(|seen| seen.number));
            return Ok(Done::new(Status::Unchanged));
        }
        self.create().await
    }

    fn full(&self) -> Stop {
        Stop::Full(Failure::refused(format!(
            "{} or more issues with the label {} are open, more than this job may have; close some, or raise open_issue.max_open",
            self.settings.max_open, self.settings.label
        )))
    }

    /// What the newest event that is known of makes of this one, where no issue is open.
    fn known(&self, id: &str, at: Timestamp) -> Option<Status> {
        if id == self.wanted.event {
            return Some(Status::Unchanged);
        }
        self.wanted.is_older_than(at).then_some(Status::Ignored)
    }

    /// An issue that another process opened a moment ago may not be listed yet.
    async fn look_once_more(&self) -> Result<Option<Done>, Failure> {
        if !self.is_fresh() || self.github.time_left() < MOMENT * 3 {
            return Ok(None);
        }
        tokio::time::sleep(MOMENT).await;
        let look = self.look().await?;
        self.settle(look.open).await
    }

    /// Whether lists may not show yet what belongs to this event.
    pub(super) fn is_fresh(&self) -> bool {
        let age = Timestamp::now().duration_since(self.wanted.at);
        age.is_negative() || age.unsigned_abs() <= FRESH
    }

    /// Of several, the lowest number stays, and is brought to what is wanted.
    pub(super) async fn settle(&self, mut open: Vec<Issue>) -> Result<Option<Done>, Failure> {
        open.sort_by_key(|issue| issue.number);
        open.dedup_by_key(|issue| issue.number);
        let Some((keeper, others)) = open.split_first() else { return Ok(None) };
        for other in others {
            self.release(other, keeper.number).await?;
        }
        self.bring(keeper).await.map(Some)
    }

    /// Closes a duplicate and takes its marker away.
    async fn release(&self, issue: &Issue, keeper: u64) -> Result<(), Failure> {
        if self.situation.dry_run {
            return Ok(());
        }
        let body = issue.body.as_deref().unwrap_or_default();
        let patch = IssuePatch {
            body: Some(marker::release(body, self.wanted.fingerprint, keeper)),
            state: Some(IssueState::Closed),
            state_reason: Some(StateReason::Duplicate),
            ..IssuePatch::default()
        };
        self.github.update_issue(issue.number, &patch).await.map(drop)
    }

    /// Brings an issue of this key to what is wanted.
    async fn bring(&self, issue: &Issue) -> Result<Done, Failure> {
        let Some(marker) = self.marker(issue) else { return Ok(Done::new(Status::Ignored)) };
        match plan(issue, &marker, self.wanted) {
            Plan::Nothing(status) => {
                self.see(Seen {
                    number: Some(issue.number),
                    at: marker.at,
                    id: marker.id,
                    state: issue.state,
                });
                Ok(Done::new(status).at(&issue.html_url))
            }
            Plan::Write(change) if self.situation.dry_run => Ok(Done::dry(change.status).at(&issue.html_url)),
            Plan::Write(change) => self.write(issue, change).await,
        }
    }

    /// The comment comes first: once the marker has moved on, a delivery that comes again finds nothing to do.
    async fn write(&self, issue: &Issue, change: Change) -> Result<Done, Failure> {
        let Change { status, comment, labels, patch } = change;
        if let Some(text) = comment {
            comment_once(self.github, self.situation, issue.number, &text).await?;
        }
        if labels {
            let wanted = self.wanted.labels.iter().map(String::as_str);
            let missing: Vec<&str> = wanted.filter(|label| !issue.has_label(label)).collect();
            if !missing.is_empty() {
                self.github.add_labels(issue.number, &missing).await?;
            }
        }
        let written = self.github.update_issue(issue.number, &patch).await?;
        self.see_to_it(issue.number).await?;
        self.remember(Some(issue.number));
        Ok(Done::new(status).at(written.html_url))
    }

    /// Another delivery, with an older event, may have looked before this one wrote, and have written since.
    async fn see_to_it(&self, number: u64) -> Result<(), Failure> {
        for _ in 0..AGAIN {
            let Some(issue) = self.read_back(number).await else { return Ok(()) };
            let over = self.marker(&issue).filter(|marker| marker.at < self.wanted.at);
            let Some(Plan::Write(change)) = over.map(|marker| plan(&issue, &marker, self.wanted)) else {
                return Ok(());
            };
            self.github.update_issue(number, &change.patch).await?;
        }
        Ok(())
    }

    /// What was written as it is now. It is written, which is what counts: a look that fails is only told.
    async fn read_back(&self, number: u64) -> Option<Issue> {
        let patience = READING_BACK.min(self.github.time_left() / 2);
        let reason = match tokio::time::timeout(patience, self.github.issue(number)).await {
            Ok(Ok(issue)) => return issue,
            Ok(Err(failure)) => failure.message,
            Err(_) => format!("no answer in {} s", patience.as_secs()),
        };
        tracing::warn!(
            target: TARGET, message = "an issue could not be read after it was changed", number,
            job = self.situation.job.as_str(), reason,
        );
        None
    }

    /// What this process saw last of the key's issue.
    pub(super) fn seen(&self) -> Option<Seen> {
        self.situation.memory.issue(self.topic)
    }

    pub(super) fn see(&self, seen: Seen) {
        if !self.situation.dry_run {
            self.situation.memory.see(self.topic, seen);
        }
    }

    /// The key's issue, if any, is now as this event wants it.
    pub(super) fn remember(&self, number: Option<u64>) {
        let Wanted { at, state, .. } = *self.wanted;
        self.see(Seen { number, at, id: self.wanted.event.clone(), state });
    }
}
