//! The action `open_issue`: one open issue a key.
//!
//! Every delivery looks first and writes then, and a look that sees several issues of one key leaves the oldest. So
//! repeated, concurrent and crashed deliveries come to rest at one open issue (`docs/contract.md`, "One open issue per
//! key").

mod converge;
mod marker;

use std::collections::BTreeSet;
use std::time::Duration;

use gatepass_yaml::Path;
use minijinja::Value;
use ring::digest;

use self::converge::{Settings, Wanted};
use super::neutral::is_banned;
use super::template::{Compiler, Purpose, Template, Templates};
use crate::config::{self, BotPattern};
use crate::event::{Event, hex};
use crate::failure::Failure;
use crate::github::{GitHub, IssueState};
use crate::names::JobId;
use crate::report::Done;

/// GitHub's limits, in characters.
const MAX_TITLE: usize = 256;
const MAX_LABEL: usize = 50;

/// A compiled `open_issue`.
#[derive(Debug)]
pub(super) struct OpenIssue {
    key: Vec<Template>,
    state: Option<Template>,
    title: Template,
    body: Template,
    labels: Vec<Template>,
    reopen_within: Option<Duration>,
    max_open: usize,
}

/// What an action needs to know besides its own settings.
pub(super) struct Situation<'a> {
    pub(super) job: &'a JobId,
    pub(super) namespace: &'a str,
    pub(super) bots: &'a BotPattern,
    pub(super) event: &'a Event,
    pub(super) dry_run: bool,
}

/// An issue as an event's templates describe it.
pub(super) struct Drafted {
    pub(super) state: IssueState,
    pub(super) title: String,
    /// The managed part, without its marker.
    pub(super) body: String,
    /// The job's own label first.
    pub(super) labels: Vec<String>,
}

impl OpenIssue {
    /// `None` when something was reported.
    pub(super) fn compile(
        compiler: &mut Compiler<'_>,
        place: &Path,
        action: &config::OpenIssue,
        reads: &[&str],
    ) -> Option<Self> {
        if action.key.is_empty() {
            compiler.report(
                &place.key("key"),
                "the key is empty",
                "name what makes two events the same issue",
            );
        }
        if action.max_open == 0 {
            compiler.report(&place.key("max_open"), "no issue could ever be opened", "write 1 or more");
        }
        let mut list = |name: &str, purpose, sources: &[String]| {
            let places =
                sources.iter().enumerate().map(|(index, source)| (place.key(name).index(index), source));
            let compiled: Vec<_> =
                places.map(|(place, source)| compiler.template(purpose, &place, source, reads)).collect();
            compiled.into_iter().collect::<Option<Vec<_>>>()
        };
        let key = list("key", Purpose::Plain, &action.key);
        // A label is compared by its name, so nothing may be put into it.
        let labels = list("labels", Purpose::Plain, &action.labels);
        let state = match &action.state {
            Some(source) => compiler.template(Purpose::Plain, &place.key("state"), source, reads).map(Some),
            None => Some(None),
        };
        let title = compiler.template(Purpose::Prose, &place.key("title"), &action.title, reads);
        let body = compiler.template(Purpose::Prose, &place.key("body"), &action.body, reads);
        Some(Self {
            key: key?,
            state: state?,
            title: title?,
            body: body?,
            labels: labels?,
            reopen_within: action.reopen_within.map(config::Span::duration),
            max_open: usize::try_from(action.max_open).unwrap_or(usize::MAX),
        })
    }

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
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"gatepass/v1");
        for part in
            [situation.namespace, situation.job.as_str()].into_iter().chain(parts.iter().map(String::as_str))
        {
            context.update(b"\0");
            context.update(part.as_bytes());
        }
        Ok(hex(context.finish().as_ref()))
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
        Ok(Drafted { state, title, body: templates.render(&self.body, scope)?, labels })
    }

    pub(super) async fn run(
        &self,
        templates: &Templates,
        scope: &Value,
        situation: &Situation<'_>,
        fingerprint: &str,
        github: &GitHub<'_>,
    ) -> Result<Done, Failure> {
        let Drafted { state, title, body, labels } = self.draft(templates, scope, situation.job)?;
        let label = own_label(situation.job);
        let wanted = Wanted {
            fingerprint,
            state,
            title,
            content: body,
            labels,
            at: situation.event.time.min(converge::latest()),
            event: situation.event.fingerprint(),
        };
        let settings = Settings {
            label: &label,
            bots: situation.bots,
            reopen_within: self.reopen_within,
            max_open: self.max_open,
            dry_run: situation.dry_run,
        };
        converge::converge(github, &wanted, &settings).await
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

/// One line of at most `limit` characters.
fn one_line(text: &str, limit: usize) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !is_banned(*c)).take(limit).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_line_of_at_most_256_characters() {
        assert_eq!(one_line(" a\r\n b\u{7} ", MAX_TITLE), "a b");
        assert_eq!(one_line(&"ä".repeat(300), MAX_TITLE).chars().count(), 256);
    }

    #[test]
    fn a_state_is_open_or_closed() {
        assert_eq!(parse_state(" open\n").unwrap(), IssueState::Open);
        assert_eq!(parse_state("closed").unwrap(), IssueState::Closed);
        assert!(parse_state("OK").unwrap_err().message.contains("\"OK\""));
    }
}
