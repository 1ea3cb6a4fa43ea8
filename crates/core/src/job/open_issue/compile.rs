use gatepass_yaml::Path;

use super::OpenIssue;
use crate::config::{self, OnRepeat};
use crate::job::template::{Compiler, Purpose, Template};

/// GitHub's limit. REST API, "Create an issue".
const MAX_ASSIGNEES: usize = 10;

impl OpenIssue {
    /// `None` when something was reported.
    pub(in crate::job) fn compile(
        compiler: &mut Compiler<'_>,
        place: &Path,
        action: &config::OpenIssue,
        reads: &[&str],
    ) -> Option<Self> {
        check(compiler, place, action);
        let mut list = |name: &str, sources: &[String]| {
            let places =
                sources.iter().enumerate().map(|(index, source)| (place.key(name).index(index), source));
            // A key is hashed, and a label or a login is compared by its name: nothing may be put into them.
            let compiled: Vec<_> = places
                .map(|(place, source)| compiler.template(Purpose::Plain, &place, source, reads))
                .collect();
            compiled.into_iter().collect::<Option<Vec<_>>>()
        };
        let key = list("key", &action.key);
        let labels = list("labels", &action.labels);
        let assignees = list("assignees", &action.assignees);
        let mut one =
            |name: &str, purpose, source: &str| compiler.template(purpose, &place.key(name), source, reads);
        let state = optional(&action.state, |source| one("state", Purpose::Plain, source));
        let title = one("title", Purpose::Prose, &action.title);
        let body = one("body", Purpose::Prose, &action.body);
        let repeat_comment =
            optional(&action.repeat_comment, |source| one("repeat_comment", Purpose::Prose, source));
        let closing_comment =
            optional(&action.closing_comment, |source| one("closing_comment", Purpose::Prose, source));
        Some(Self {
            key: key?,
            state: state?,
            title: title?,
            body: body?,
            labels: labels?,
            assignees: assignees?,
            milestone: action.milestone,
            kind: action.kind.clone(),
            on_repeat: action.on_repeat,
            repeat_comment: repeat_comment?,
            closing_comment: closing_comment?,
            reopen_within: action.reopen_within.map(config::Span::duration),
            max_open: usize::try_from(action.max_open).unwrap_or(usize::MAX),
        })
    }
}

/// `None` when something was reported; `Some(None)` when nothing was asked for.
fn optional(
    source: &Option<String>,
    compile: impl FnOnce(&str) -> Option<Template>,
) -> Option<Option<Template>> {
    match source {
        Some(source) => compile(source).map(Some),
        None => Some(None),
    }
}

/// What cannot be meant.
fn check(compiler: &mut Compiler<'_>, place: &Path, action: &config::OpenIssue) {
    if action.key.is_empty() {
        let help = "name what makes two events the same issue";
        compiler.report(&place.key("key"), "the key is empty", help);
    }
    if action.max_open == 0 {
        compiler.report(&place.key("max_open"), "no issue could ever be opened", "write 1 or more");
    }
    if action.assignees.len() > MAX_ASSIGNEES {
        let message = format!("an issue has at most {MAX_ASSIGNEES} assignees");
        compiler.report(&place.key("assignees"), message, "take some of them out");
    }
    if action.milestone == Some(0) {
        let help = "write the number that the milestone's address ends in";
        compiler.report(&place.key("milestone"), "milestones are counted from 1", help);
    }
    if let Some(kind) = &action.kind {
        let at = place.key("type");
        if kind.trim().is_empty() {
            compiler.report(&at, "an issue type has a name", "write it as the organisation does, as in Bug");
        } else if config::is_template(kind) {
            compiler.report(&at, "an event may not choose this", "write the type's name itself, as in Bug");
        }
    }
    if action.repeat_comment.is_some() && action.on_repeat != OnRepeat::Comment {
        let message = "nothing is commented when an event comes again";
        compiler.report(&place.key("repeat_comment"), message, "add on_repeat: comment, or take this out");
    }
    let has_words = action.repeat_comment.is_some() || !action.body.trim().is_empty();
    if action.on_repeat == OnRepeat::Comment && !has_words {
        let message = "there is nothing to comment: no repeat_comment, and no body";
        compiler.report(&place.key("on_repeat"), message, "add repeat_comment: or body:");
    }
    if action.closing_comment.is_some() && action.state.is_none() {
        let message = "no event closes the issue, because there is no `state`";
        compiler.report(&place.key("closing_comment"), message, "add state:, or take this out");
    }
}
