//! Looking for the issue of a key: a list first, which may lag behind, and single issues, which never do.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;

use super::converge::Converging;
use super::marker::Marker;
use super::plan::{Plan, plan};
use crate::failure::Failure;
use crate::github::{Issue, IssueQuery, IssueState};
use crate::job::memory::Seen;

/// How many recently closed issues of a job are looked through.
const MAX_CLOSED: usize = 500;

/// What there is of a key.
#[derive(Default)]
pub(super) struct Look {
    /// Its open issues. What is to be changed was read by itself.
    pub(super) open: Vec<Issue>,
    /// The one that a list or this process took for open and that is closed.
    pub(super) closed: Option<Issue>,
    /// Whether no further one may be opened.
    pub(super) full: bool,
    /// Whether there are more than were looked at.
    pub(super) cut: bool,
}

/// What a list shows of a key.
pub(super) struct Listed {
    pub(super) ours: Vec<Issue>,
    full: bool,
    pub(super) cut: bool,
}

impl Converging<'_> {
    /// Lists, and reads by itself whatever is not to be left as the list shows it: a list may be older than what another
    /// process, or this one, has written since.
    pub(super) async fn look(&self) -> Result<Look, Failure> {
        let Listed { ours, full, cut } = self.open_issues().await?;
        let known = self.known_better(&ours);
        if known.is_none() && ours.len() < 2 && !ours.iter().any(|issue| self.changes(issue)) {
            return Ok(Look { open: ours, closed: None, full, cut });
        }
        let numbers = ours.iter().map(|issue| issue.number).chain(known);
        let found = self.read_each(numbers).await?;
        if let Some(seen) = self.seen()
            && known.is_some_and(|number| seen.number == Some(number) && !found.has(number))
        {
            // It was deleted, or a person has taken it away from the job.
            self.see(Seen { number: None, ..seen });
        }
        Ok(Look { full, cut, ..found })
    }

    /// All open issues of this job as a list shows them, and those of this key among them.
    pub(super) async fn open_issues(&self) -> Result<Listed, Failure> {
        let query = IssueQuery { state: IssueState::Open, label: Some(self.settings.label), since: None };
        let listed = self.github.issues(&query, self.settings.max_open.saturating_add(1)).await?;
        Ok(Listed {
            full: listed.more || listed.items.len() >= self.settings.max_open,
            cut: listed.more,
            ours: listed.items.into_iter().filter(|issue| self.is_ours(issue)).collect(),
        })
    }

    /// The number of an issue of which this process knows more than the list shows.
    fn known_better(&self, ours: &[Issue]) -> Option<u64> {
        let seen = self.seen()?;
        let number = seen.number?;
        let shown = ours.iter().find(|issue| issue.number == number);
        let is_current = match shown.and_then(|issue| self.marker(issue)) {
            Some(marker) => marker.id == seen.id || marker.at > seen.at,
            // Where it may be opened again; or where another process may have done so a moment ago.
            None => {
                let may_be_open = self.wanted.state == IssueState::Closed && self.is_fresh();
                let matters = self.settings.reopen_within.is_some() || may_be_open;
                seen.state == IssueState::Closed && !(matters && seen.id != self.wanted.event)
            }
        };
        (!is_current).then_some(number)
    }

    /// Whether an issue, as a list shows it, is to be changed.
    fn changes(&self, issue: &Issue) -> bool {
        self.marker(issue).is_some_and(|marker| matches!(plan(issue, &marker, self.wanted), Plan::Write(_)))
    }

    /// The issues of these numbers that are this key's, as they are now.
    pub(super) async fn read_each(&self, numbers: impl IntoIterator<Item = u64>) -> Result<Look, Failure> {
        let mut look = Look::default();
        for number in numbers.into_iter().collect::<BTreeSet<_>>() {
            match self.read(number).await? {
                Some(issue) if issue.state == IssueState::Open => look.open.push(issue),
                Some(issue) => {
                    look.closed = look.closed.into_iter().chain([issue]).max_by_key(|issue| issue.closed_at)
                }
                None => {}
            }
        }
        Ok(look)
    }

    /// An issue of this key as it is now.
    pub(super) async fn read(&self, number: u64) -> Result<Option<Issue>, Failure> {
        let issue = self.github.issue(number).await?;
        Ok(issue.filter(|issue| {
            issue.number == number
                && !issue.is_pull_request()
                && issue.has_label(self.settings.label)
                && self.is_ours(issue)
        }))
    }

    /// The issue of this key that was closed last, within `window`, as it is now. The one that is known needs no list.
    pub(super) async fn closed_issue(
        &self,
        window: Duration,
        known: Option<Issue>,
    ) -> Result<Option<Issue>, Failure> {
        let since = Timestamp::now().checked_sub(window).unwrap_or(Timestamp::MIN);
        // GitHub's times have whole seconds.
        let since = Timestamp::from_second(since.as_second()).unwrap_or(since);
        let is_within = |issue: &Issue| issue.closed_at.is_some_and(|at| at >= since);
        if let Some(known) = known.filter(&is_within) {
            return Ok(Some(known));
        }
        let query =
            IssueQuery { state: IssueState::Closed, label: Some(self.settings.label), since: Some(since) };
        let listed = self.github.issues(&query, MAX_CLOSED).await?;
        let ours = listed.items.into_iter().filter(|issue| self.is_ours(issue));
        match ours.filter(is_within).max_by_key(|issue| issue.closed_at) {
            Some(last) if self.changes(&last) => self.read(last.number).await,
            last => Ok(last),
        }
    }

    /// Whether it was opened by our bots for this key: a marker that anybody else wrote counts for nothing.
    pub(super) fn is_ours(&self, issue: &Issue) -> bool {
        self.situation.bots.matches(issue.author()) && self.marker(issue).is_some()
    }

    pub(super) fn marker(&self, issue: &Issue) -> Option<Marker> {
        Marker::find(issue.body.as_deref().unwrap_or_default(), self.wanted.fingerprint)
    }
}

impl Look {
    fn has(&self, number: u64) -> bool {
        self.open.iter().chain(&self.closed).any(|issue| issue.number == number)
    }
}
