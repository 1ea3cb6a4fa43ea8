//! The action `open_issue`: one open issue a key.
//!
//! Every delivery looks first and writes then, and a look that sees several issues of one key leaves the oldest. So
//! repeated, concurrent and crashed deliveries come to rest at one open issue (`docs/contract.md`, "One open issue per
//! key").

mod compile;
mod converge;
mod create;
mod look;
mod marker;
mod plan;

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::Timestamp;
use minijinja::Value;

use self::converge::{Converging, Settings};
use super::memory::Topic;
use super::situation::{Situation, digest};
use super::template::{Template, Templates};
use super::text::{MAX_LABEL, MAX_TITLE, one_line};
use crate::config::OnRepeat;
use crate::failure::Failure;
use crate::github::{CallError, GitHub, IssueState};
use crate::names::JobId;
use crate::report::Done;

/// A compiled `open_issue`.
#[derive(Debug)]
pub(super) struct OpenIssue {
    key: Vec<Template>,
    state: Option<Template>,
    title: Template,
    body: Template,
    labels: Vec<Template>,
    assignees: Vec<Template>,
    milestone: Option<u32>,
    kind: Option<String>,
    on_repeat: OnRepeat,
    repeat_comment: Option<Template>,
    closing_comment: Option<Template>,
    reopen_within: Option<Duration>,
    max_open: usize,
}

/// An issue as an event's templates describe it.
#[derive(Debug)]
pub(super) struct Drafted {
    pub(super) state: IssueState,
    pub(super) title: String,
    /// The managed part, without its marker.
    pub(super) body: String,
    /// The job's own label first.
    pub(super) labels: Vec<String>,
    pub(super) assignees: Vec<String>,
    /// What is said of an issue that is open already: when the event repeats it, or when it closes it.
    pub(super) comment: Option<String>,
}

/// What an event wants to be on GitHub.
#[derive(Debug)]
struct Wanted<'a> {
    fingerprint: &'a str,
    state: IssueState,
    title: String,
    content: String,
    comment: Option<String>,
    on_repeat: OnRepeat,
    /// The job's own label among them.
    labels: Vec<String>,
    assignees: Vec<String>,
    milestone: Option<u32>,
    kind: Option<&'a str>,
    /// The event's time.
    at: Timestamp,
    /// The event's fingerprint.
    event: String,
}

/// Why an event was not done.
#[derive(Debug)]
pub(super) enum Stop {
    /// As many issues are open as the job may have: a storm of events would fill the log with it.
    Full(Failure),
    /// Anything else.
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<CallError> for Stop {
    fn from(error: CallError) -> Self {
        Self::Failed(error.into())
    }
}

impl OpenIssue {
    /// The parts of this event's key.
    pub(super) fn key(&self, templates: &Templates, scope: &Value) -> Result<Vec<String>, Failure> {
        let parts: Vec<String> =
            self.key.iter().map(|part| templates.render(part, scope)).collect::<Result<_, _>>()?;
        if parts.iter().all(|part| part.trim().is_empty()) {
            return Err(Failure::invalid("the key of this event's issue is empty; check open_issue.key"));
        }
        // The parts are joined by it, so two keys could become one.
        if parts.iter().any(|part| part.contains('\0')) {
            return Err(Failure::invalid(
                "the key of this event's issue holds a NUL character; check open_issue.key",
            ));
        }
        Ok(parts)
    }

    /// The fingerprint of this event's key, for the log.
    pub(super) fn fingerprint(
        &self,
        templates: &Templates,
        scope: &Value,
        situation: &Situation<'_>,
    ) -> Result<String, Failure> {
        let parts = self.key(templates, scope)?;
        let own = [situation.namespace, situation.job.as_str()];
        Ok(digest(own.into_iter().chain(parts.iter().map(String::as_str))))
    }

    /// What the templates give for this event, within GitHub's limits.
    pub(super) fn draft(
        &self,
        templates: &Templates,
        scope: &Value,
        job: &JobId,
    ) -> Result<Drafted, Failure> {
        let state = match &self.state {
            Some(state) => parse_state(&templates.render(state, scope)?)?,
            None => IssueState::Open,
        };
        let title = one_line(&templates.render(&self.title, scope)?, MAX_TITLE);
        if title.is_empty() {
            return Err(Failure::invalid("the title of this event's issue is empty; check open_issue.title"));
        }
        let label = own_label(job);
        let mut seen = BTreeSet::from([label.to_lowercase()]);
        let mut labels = vec![label];
        for template in &self.labels {
            let text = one_line(&templates.render(template, scope)?, MAX_LABEL);
            if !text.is_empty() && seen.insert(text.to_lowercase()) {
                labels.push(text);
            }
        }
        let mut assignees = Vec::new();
        for template in &self.assignees {
            let text = templates.render(template, scope)?;
            let login = text.trim().trim_start_matches('@').to_owned();
            if !login.is_empty() && seen.insert(format!("@{}", login.to_lowercase())) {
                assignees.push(login);
            }
        }
        let body = templates.render(&self.body, scope)?;
        let comment = self.comment(templates, scope, state, &body)?;
        Ok(Drafted { state, title, body, labels, assignees, comment })
    }

    /// A comment with nothing in it is none.
    fn comment(
        &self,
        templates: &Templates,
        scope: &Value,
        state: IssueState,
        body: &str,
    ) -> Result<Option<String>, Failure> {
        let template = match state {
            IssueState::Closed => self.closing_comment.as_ref(),
            IssueState::Open if self.on_repeat != OnRepeat::Comment => None,
            IssueState::Open => match &self.repeat_comment {
                None => return Ok(Some(body.to_owned()).filter(|text| !text.trim().is_empty())),
                template => template.as_ref(),
            },
        };
        let text = template.map(|template| templates.render(template, scope)).transpose()?;
        Ok(text.filter(|text| !text.trim().is_empty()))
    }

    pub(super) async fn run(
        &self,
        templates: &Templates,
        scope: &Value,
        situation: &Situation<'_>,
        fingerprint: &str,
        github: &GitHub<'_>,
    ) -> Result<Done, Stop> {
        let Drafted { state, title, body, labels, assignees, comment } =
            self.draft(templates, scope, situation.job)?;
        let label = own_label(situation.job);
        let wanted = Wanted {
            fingerprint,
            state,
            title,
            content: body,
            comment,
            on_repeat: self.on_repeat,
            labels,
            assignees,
            milestone: self.milestone,
            kind: self.kind.as_deref(),
            at: situation.time(),
            event: situation.event.fingerprint(),
        };
        let settings = Settings { label: &label, reopen_within: self.reopen_within, max_open: self.max_open };
        let held = situation.memory.locks.hold(Topic::issue(github.repository(), fingerprint)).await;
        let converging =
            Converging { github, wanted: &wanted, settings: &settings, situation, topic: held.topic() };
        converging.run().await
    }
}

/// The label by which a job finds its issues again.
fn own_label(job: &JobId) -> String {
    format!("gatepass:{job}")
}

fn parse_state(text: &str) -> Result<IssueState, Failure> {
    match text.trim() {
        "open" => Ok(IssueState::Open),
        "closed" => Ok(IssueState::Closed),
        other => Err(Failure::invalid(format!(
            "open_issue.state gave {:?} for this event; it must give open or closed",
            other.chars().take(40).collect::<String>()
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_open_or_closed() {
        assert_eq!(parse_state(" open\n").unwrap(), IssueState::Open);
        assert_eq!(parse_state("closed").unwrap(), IssueState::Closed);
        assert!(parse_state("OK").unwrap_err().message.contains("\"OK\""));
    }
}
