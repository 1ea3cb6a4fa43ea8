//! Bringing what is on GitHub to what an event wants.

use std::time::Duration;

use jiff::Timestamp;

use super::marker::{self, Marker};
use crate::config::BotPattern;
use crate::failure::Failure;
use crate::github::{CallError, GitHub, Issue, IssuePatch, IssueQuery, IssueState, NewIssue, StateReason};
use crate::report::{Done, Status};

/// How many recently closed issues of a job are looked through.
const MAX_CLOSED: usize = 500;

/// How far clocks may differ.
const SKEW: Duration = Duration::from_secs(300);

/// What an event wants to be on GitHub.
pub(super) struct Wanted<'a> {
    pub(super) fingerprint: &'a str,
    pub(super) state: IssueState,
    pub(super) title: String,
    pub(super) content: String,
    /// The job's own label among them.
    pub(super) labels: Vec<String>,
    /// The event's time.
    pub(super) at: Timestamp,
    /// The event's fingerprint.
    pub(super) event: String,
}

/// How far to go.
pub(super) struct Settings<'a> {
    /// The job's own label.
    pub(super) label: &'a str,
    pub(super) bots: &'a BotPattern,
    pub(super) reopen_within: Option<Duration>,
    pub(super) max_open: usize,
    pub(super) dry_run: bool,
}

/// What to do with the one issue that is there.
#[derive(Debug, PartialEq, Eq)]
enum Plan {
    Nothing(Status),
    Patch(Status, IssuePatch),
}

struct Converging<'a> {
    github: &'a GitHub<'a>,
    wanted: &'a Wanted<'a>,
    settings: &'a Settings<'a>,
}

/// Looks, and writes what is missing.
///
/// # Errors
/// Refused when more issues are open than `max_open`, or when the label does not stick; else GitHub's failures.
pub(super) async fn converge(
    github: &GitHub<'_>,
    wanted: &Wanted<'_>,
    settings: &Settings<'_>,
) -> Result<Done, Failure> {
    Converging { github, wanted, settings }.run().await
}

impl Converging<'_> {
    async fn run(&self) -> Result<Done, Failure> {
        let open = self.open_issues().await?;
        if let Some(done) = self.settle(open.ours).await? {
            return Ok(done);
        }
        let closing = self.wanted.state == IssueState::Closed;
        if closing && !open.cut {
            return Ok(Done::new(Status::Unchanged));
        }
        if open.full {
            return Err(Failure::refused(format!(
                "{} or more issues with the label {} are open, more than this job may have; close some, or raise open_issue.max_open",
                self.settings.max_open, self.settings.label
            )));
        }
        if let Some(window) = self.settings.reopen_within
            && let Some(closed) = self.closed_issue(window).await?
        {
            return self.bring(&closed).await;
        }
        self.create().await
    }

    /// All open issues of this job, and those of this key among them, oldest first.
    async fn open_issues(&self) -> Result<Open, Failure> {
        let query = IssueQuery { state: IssueState::Open, label: Some(self.settings.label), since: None };
        let listed = self.github.issues(&query, self.settings.max_open.saturating_add(1)).await?;
        Ok(Open {
            full: listed.more || listed.items.len() >= self.settings.max_open,
            cut: listed.more,
            ours: listed.items.into_iter().filter(|issue| self.is_ours(issue)).collect(),
        })
    }

    /// The issue of this key that was closed last, within `window`.
    async fn closed_issue(&self, window: Duration) -> Result<Option<Issue>, Failure> {
        let since = Timestamp::now().checked_sub(window).unwrap_or(Timestamp::MIN);
        // GitHub's times have whole seconds.
        let since = Timestamp::from_second(since.as_second()).unwrap_or(since);
        let query =
            IssueQuery { state: IssueState::Closed, label: Some(self.settings.label), since: Some(since) };
        let listed = self.github.issues(&query, MAX_CLOSED).await?;
        Ok(listed
            .items
            .into_iter()
            .filter(|issue| self.is_ours(issue))
            .filter(|issue| issue.closed_at.is_some_and(|at| at >= since))
            .max_by_key(|issue| issue.closed_at))
    }

    /// Whether it was opened by our bots for this key: a marker that anybody else wrote counts for nothing.
    fn is_ours(&self, issue: &Issue) -> bool {
        self.settings.bots.matches(issue.author()) && self.marker(issue).is_some()
    }

    fn marker(&self, issue: &Issue) -> Option<Marker> {
        Marker::find(issue.body.as_deref().unwrap_or_default(), self.wanted.fingerprint)
    }

    /// Of several, the lowest number stays, and is brought to what is wanted.
    async fn settle(&self, mut ours: Vec<Issue>) -> Result<Option<Done>, Failure> {
        ours.sort_by_key(|issue| issue.number);
        ours.dedup_by_key(|issue| issue.number);
        let Some((keeper, others)) = ours.split_first() else { return Ok(None) };
        for other in others {
            self.release(other, keeper.number).await?;
        }
        self.bring(keeper).await.map(Some)
    }

    /// Closes a duplicate and takes its marker away.
    async fn release(&self, issue: &Issue, keeper: u64) -> Result<(), Failure> {
        if self.settings.dry_run {
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
            Plan::Nothing(status) => Ok(Done::new(status).at(&issue.html_url)),
            Plan::Patch(status, _) if self.settings.dry_run => Ok(dry(status).at(&issue.html_url)),
            Plan::Patch(status, patch) => {
                let missing: Vec<&str> = self
                    .wanted
                    .labels
                    .iter()
                    .map(String::as_str)
                    .filter(|label| !issue.has_label(label))
                    .collect();
                if !missing.is_empty() {
                    self.github.add_labels(issue.number, &missing).await?;
                }
                let issue = self.github.update_issue(issue.number, &patch).await?;
                Ok(Done::new(status).at(issue.html_url))
            }
        }
    }

    async fn create(&self) -> Result<Done, Failure> {
        if self.settings.dry_run {
            return Ok(dry(Status::Created));
        }
        let marker = self.wanted.marker();
        let body = marker::compose("", &self.wanted.content, &marker);
        let issue = NewIssue { title: &self.wanted.title, body: &body, labels: &self.wanted.labels };
        let created = match self.github.create_issue(&issue).await {
            // It may be there: look before trying once more.
            Err(CallError::Unknown(_)) => {
                let open = self.open_issues().await?;
                match open.ours.into_iter().find(|issue| self.shows_this_event(issue)) {
                    Some(found) => found,
                    None => self.github.create_issue(&issue).await?,
                }
            }
            result => result?,
        };
        match self.why_lost(&created) {
            Some(why) => Err(self.take_back(&created, &why).await),
            None => self.look_again(created).await,
        }
    }

    fn shows_this_event(&self, issue: &Issue) -> bool {
        self.marker(issue).is_some_and(|marker| marker.id == self.wanted.event)
    }

    /// Somebody else may have opened one at the same time. The list may not show ours yet, so it is added by hand.
    async fn look_again(&self, created: Issue) -> Result<Done, Failure> {
        let number = created.number;
        let url = created.html_url.clone();
        let mut ours = self.open_issues().await?.ours;
        ours.push(created);
        let lowest = ours.iter().map(|issue| issue.number).min();
        let settled = self.settle(ours).await?;
        match settled {
            Some(done) if lowest != Some(number) => Ok(done),
            _ => Ok(Done::new(Status::Created).at(url)),
        }
    }

    /// Why an issue that was just opened would never be found again, and what to change.
    fn why_lost(&self, issue: &Issue) -> Option<String> {
        let (label, author) = (self.settings.label, issue.author());
        if !issue.has_label(label) {
            return Some(format!(
                "without the label {label}, which GitHub leaves out when the token may not set labels; give the trust policy `issues: write` and check the repository's rules for labels"
            ));
        }
        (!self.settings.bots.matches(author)).then(|| {
            format!("by {author:?}, which `sts.bots` does not match; write there the logins that this Octo STS acts as")
        })
    }

    /// What would never be found again must not stay open, or every event adds one.
    async fn take_back(&self, issue: &Issue, why: &str) -> Failure {
        let patch = IssuePatch {
            state: Some(IssueState::Closed),
            state_reason: Some(StateReason::NotPlanned),
            ..IssuePatch::default()
        };
        let closed = match self.github.update_issue(issue.number, &patch).await {
            Ok(_) => "it was closed again",
            Err(_) => "it could not be closed again: close it by hand",
        };
        Failure::refused(format!("issue #{} was opened {why} ({closed})", issue.number))
    }
}

struct Open {
    ours: Vec<Issue>,
    /// Whether no further one may be opened.
    full: bool,
    /// Whether there are more than were looked at.
    cut: bool,
}

impl Wanted<'_> {
    fn marker(&self) -> Marker {
        Marker { key: self.fingerprint.to_owned(), at: self.at, id: self.event.clone() }
    }
}

fn dry(status: Status) -> Done {
    Done { dry_run: true, ..Done::new(status) }
}

/// The latest time that is believed. Whoever says that it is later than now, beyond what clocks differ, would make every
/// other event look old.
pub(super) fn latest() -> Timestamp {
    Timestamp::now().checked_add(SKEW).unwrap_or(Timestamp::MAX)
}

/// The same event again changes nothing, and an older one is ignored.
fn plan(issue: &Issue, marker: &Marker, wanted: &Wanted<'_>) -> Plan {
    if marker.id == wanted.event {
        return Plan::Nothing(Status::Unchanged);
    }
    if wanted.at < marker.at && marker.at <= latest() {
        return Plan::Nothing(Status::Ignored);
    }
    let status = match (issue.state, wanted.state) {
        (IssueState::Open, IssueState::Open) => Status::Updated,
        (IssueState::Open, IssueState::Closed) => Status::Closed,
        (IssueState::Closed, IssueState::Closed) => return Plan::Nothing(Status::Unchanged),
        // A person has said that this is not wanted.
        (IssueState::Closed, IssueState::Open) if issue.state_reason == Some(StateReason::NotPlanned) => {
            return Plan::Nothing(Status::Ignored);
        }
        (IssueState::Closed, IssueState::Open) => Status::Reopened,
    };
    let body = issue.body.as_deref().unwrap_or_default();
    let state_reason = match status {
        Status::Closed => Some(StateReason::Completed),
        Status::Reopened => Some(StateReason::Reopened),
        _ => None,
    };
    Plan::Patch(
        status,
        IssuePatch {
            title: (issue.title != wanted.title).then(|| wanted.title.clone()),
            body: Some(marker::compose(body, &wanted.content, &wanted.marker())),
            // Also where it is open already: another delivery may have closed it since it was listed.
            state: Some(wanted.state),
            state_reason,
        },
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn wanted(state: IssueState, at: &str, event: &str) -> Wanted<'static> {
        Wanted {
            fingerprint: "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            state,
            title: "t".into(),
            content: "c".into(),
            labels: vec!["gatepass:j".into(), "Alarm".into()],
            at: at.parse().unwrap(),
            event: event.into(),
        }
    }

    const EARLY: &str = "2026-11-20T09:00:00Z";
    const LATE: &str = "2026-11-20T10:00:00Z";

    fn issue(state: &str, reason: Option<&str>, shown: &Wanted<'_>) -> (Issue, Marker) {
        let body = marker::compose("", "old", &shown.marker());
        let issue = json!({
            "number": 7, "html_url": "u", "title": "t", "body": body, "state": state, "state_reason": reason,
            "user": {"login": "octo-sts[bot]"}, "labels": [{"name": "gatepass:j"}, {"name": "alarm"}, {"name": "p1"}],
        });
        (serde_json::from_value(issue).unwrap(), shown.marker())
    }

    #[test]
    fn each_state_has_its_plan() {
        use IssueState::{Closed, Open};
        let table = [
            ("open", None, Open, LATE, "2222222222222222", Status::Updated, true),
            ("open", None, Closed, LATE, "2222222222222222", Status::Closed, true),
            ("closed", Some("completed"), Open, LATE, "2222222222222222", Status::Reopened, true),
            ("closed", None, Open, LATE, "2222222222222222", Status::Reopened, true),
            ("closed", Some("not_planned"), Open, LATE, "2222222222222222", Status::Ignored, false),
            ("closed", Some("completed"), Closed, LATE, "2222222222222222", Status::Unchanged, false),
            ("open", None, Open, EARLY, "1111111111111111", Status::Unchanged, false),
            ("open", None, Closed, "2026-11-20T08:00:00Z", "2222222222222222", Status::Ignored, false),
            ("open", None, Open, EARLY, "2222222222222222", Status::Updated, true),
        ];
        for (state, reason, want, at, event, status, writes) in table {
            let (issue, marker) = issue(state, reason, &wanted(Open, EARLY, "1111111111111111"));
            let plan = plan(&issue, &marker, &wanted(want, at, event));
            let (found, found_writes) = match &plan {
                Plan::Nothing(status) => (*status, false),
                Plan::Patch(status, _) => (*status, true),
            };
            assert_eq!((found, found_writes), (status, writes), "{state} {reason:?} {want:?} {at}");
        }
    }

    #[test]
    fn only_what_differs_is_sent_but_for_the_state() {
        let shown = wanted(IssueState::Open, EARLY, "1111111111111111");
        let (issue, marker) = issue("open", None, &shown);
        let mut next = wanted(IssueState::Open, LATE, "2222222222222222");
        let Plan::Patch(_, patch) = plan(&issue, &marker, &next) else { panic!("no patch") };
        assert_eq!((patch.title, patch.state, patch.state_reason), (None, Some(IssueState::Open), None));
        next.title = "other".into();
        let Plan::Patch(_, patch) = plan(&issue, &marker, &next) else { panic!("no patch") };
        assert_eq!(patch.title.as_deref(), Some("other"));
    }

    #[test]
    fn a_time_that_cannot_be_true_makes_no_event_look_old() {
        let shown = wanted(IssueState::Open, "9999-01-01T00:00:00Z", "1111111111111111");
        let (issue, marker) = issue("open", None, &shown);
        let plan = plan(&issue, &marker, &wanted(IssueState::Closed, LATE, "2222222222222222"));
        assert!(matches!(plan, Plan::Patch(Status::Closed, _)), "{plan:?}");
    }
}
