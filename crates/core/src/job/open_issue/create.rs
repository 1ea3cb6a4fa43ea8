//! Opening an issue, and making sure that it is the only one.

use std::time::Duration;

use super::Stop;
use super::converge::Converging;
use super::marker;
use crate::failure::Failure;
use crate::github::{CallError, Issue, IssuePatch, IssueState, NewIssue, StateReason};
use crate::report::{Done, Status};
use crate::telemetry::TARGET;

/// How long lists are waited for at the most until they show an issue that was just opened.
const PATIENCE: Duration = Duration::from_secs(4);

/// How long to wait before the second look; twice that before the third, and so on.
const FIRST_WAIT: Duration = Duration::from_millis(100);

impl Converging<'_> {
    pub(super) async fn create(&self) -> Result<Done, Stop> {
        if self.situation.dry_run {
            return Ok(Done::dry(Status::Created));
        }
        let wanted = self.wanted;
        let body = marker::compose("", &wanted.content, &wanted.marker());
        let issue = NewIssue {
            title: &wanted.title,
            body: &body,
            labels: &wanted.labels,
            assignees: &wanted.assignees,
            milestone: wanted.milestone,
            kind: wanted.kind,
        };
        let created = match self.create_once(&issue).await {
            // Whom it is for matters less than that it is there.
            Err(CallError::Rejected { said, .. }) if is_about_planning(&issue, &said) => {
                tracing::warn!(
                    target: TARGET, message = "opened without assignees, milestone and type", reason = said,
                    job = self.situation.job.as_str(),
                );
                self.create_once(&NewIssue { assignees: &[], milestone: None, kind: None, ..issue }).await?
            }
            result => result?,
        };
        match self.why_lost(&created) {
            Some(why) => Err(self.take_back(&created, &why).await.into()),
            None => Ok(self.look_again(created).await?),
        }
    }

    async fn create_once(&self, issue: &NewIssue<'_>) -> Result<Issue, CallError> {
        match self.github.create_issue(issue).await {
            // It may be there: look before trying once more.
            Err(CallError::Unknown(_)) => {
                let listed = self.open_issues().await.map_err(CallError::Failed)?;
                match listed.ours.into_iter().find(|issue| self.shows_this_event(issue)) {
                    Some(found) => Ok(found),
                    None => self.github.create_issue(issue).await,
                }
            }
            result => result,
        }
    }

    fn shows_this_event(&self, issue: &Issue) -> bool {
        self.marker(issue).is_some_and(|marker| marker.id == self.wanted.event)
    }

    /// Somebody else may have opened one at the same time.
    async fn look_again(&self, created: Issue) -> Result<Done, Failure> {
        let (number, url) = (created.number, created.html_url.clone());
        let listed = self.listed_with(&created).await?;
        let others = listed.iter().map(|issue| issue.number).filter(|other| *other != number);
        let others: Vec<u64> = others.collect();
        let open = match others.as_slice() {
            [] => vec![created],
            others => self.read_each(others.iter().copied().chain([number])).await?.open,
        };
        let lowest = open.iter().map(|issue| issue.number).min();
        let is_alone = open.iter().all(|issue| issue.number == number);
        let settled = if is_alone { None } else { self.settle(open).await? };
        match settled {
            Some(done) if lowest != Some(number) => Ok(done),
            _ => {
                self.remember(Some(number));
                Ok(Done::new(Status::Created).at(url))
            }
        }
    }

    /// What the list shows of this key once it shows the one that was just opened: then it shows every earlier one too.
    async fn listed_with(&self, created: &Issue) -> Result<Vec<Issue>, Failure> {
        let patience = PATIENCE.min(self.github.time_left() / 2);
        let (mut waited, mut wait) = (Duration::ZERO, FIRST_WAIT);
        loop {
            let listed = self.open_issues().await?;
            if listed.cut || listed.ours.iter().any(|issue| issue.number == created.number) {
                return Ok(listed.ours);
            }
            if waited.is_zero() && !self.is_still_open(created.number).await? {
                return Ok(listed.ours);
            }
            wait = wait.min(patience.saturating_sub(waited));
            if wait.is_zero() {
                tracing::warn!(
                    target: TARGET, message = "an issue that was just opened is not listed yet", job = self.situation.job.as_str(),
                    url = created.html_url, reason = "if another one was opened for the same key at the same moment, the next event closes it",
                );
                return Ok(listed.ours);
            }
            tokio::time::sleep(wait).await;
            waited += wait;
            wait *= 2;
        }
    }

    /// Somebody may have closed it at once.
    async fn is_still_open(&self, number: u64) -> Result<bool, Failure> {
        Ok(self.read(number).await?.is_some_and(|issue| issue.state == IssueState::Open))
    }

    /// Why an issue that was just opened would never be found again, and what to change.
    fn why_lost(&self, issue: &Issue) -> Option<String> {
        let (label, author) = (self.settings.label, issue.author());
        if !issue.has_label(label) {
            return Some(format!(
                "without the label {label}, which GitHub leaves out when the token may not set labels; give the trust policy `issues: write` and check the repository's rules for labels"
            ));
        }
        (!self.situation.bots.matches(author)).then(|| {
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

/// Whether GitHub has refused an issue for what plans the work on it: somebody has left, or a milestone was deleted.
fn is_about_planning(issue: &NewIssue<'_>, said: &str) -> bool {
    let has = !issue.assignees.is_empty() || issue.milestone.is_some() || issue.kind.is_some();
    let said = said.to_ascii_lowercase();
    has && ["assignee", "milestone", "type"].iter().any(|word| said.contains(word))
}
