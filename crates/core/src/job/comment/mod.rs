//! The action `comment`: one comment an event on an issue or a pull request.

mod once;

use gatepass_yaml::Path;
use minijinja::Value;

pub(super) use self::once::{Posted, comment_once};
use super::situation::Situation;
use super::template::{Compiler, Purpose, Template, Templates};
use crate::config;
use crate::failure::Failure;
use crate::github::GitHub;
use crate::job::memory::Topic;
use crate::report::{Done, Status};

/// A compiled `comment`.
#[derive(Debug)]
pub(super) struct Comment {
    issue: Template,
    body: Template,
}

/// A comment as an event's templates describe it.
pub(super) struct Drafted {
    pub(super) issue: u64,
    pub(super) body: String,
}

impl Comment {
    /// `None` when something was reported.
    pub(super) fn compile(
        compiler: &mut Compiler<'_>,
        place: &Path,
        action: &config::Comment,
        reads: &[&str],
    ) -> Option<Self> {
        if !config::is_template(&action.issue) && number(&action.issue).is_none() {
            let help = "write a number, or a template as in \"{{ event.data.issue.number }}\"";
            compiler.report(&place.key("issue"), "this is not the number of an issue", help);
        }
        let issue = compiler.template(Purpose::Plain, &place.key("issue"), &action.issue, reads);
        let body = compiler.template(Purpose::Prose, &place.key("body"), &action.body, reads);
        Some(Self { issue: issue?, body: body? })
    }

    /// What the templates give for this event.
    pub(super) fn draft(&self, templates: &Templates, scope: &Value) -> Result<Drafted, Failure> {
        let text = templates.render(&self.issue, scope)?;
        let issue = number(&text).ok_or_else(|| {
            Failure::invalid(format!(
                "comment.issue gave {:?} for this event; it must give the number of an issue or a pull request",
                text.trim().chars().take(40).collect::<String>()
            ))
        })?;
        let body = templates.render(&self.body, scope)?;
        if body.trim().is_empty() {
            return Err(Failure::invalid("the comment for this event is empty; check comment.body"));
        }
        Ok(Drafted { issue, body })
    }

    pub(super) async fn run(
        &self,
        templates: &Templates,
        scope: &Value,
        situation: &Situation<'_>,
        github: &GitHub<'_>,
    ) -> Result<Done, Failure> {
        let Drafted { issue, body } = self.draft(templates, scope)?;
        let topic = Topic::event(github.repository(), situation.job, situation.event);
        let _held = situation.memory.locks.hold(topic).await;
        Ok(match comment_once(github, situation, issue, &body).await? {
            Posted::New(comment) => Done::new(Status::Created).at(comment.html_url),
            Posted::Known(comment) => Done::new(Status::Unchanged).at(comment.html_url),
            Posted::Dry => Done::dry(Status::Created),
        })
    }
}

/// A positive number, as GitHub counts issues.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|number| is_number && *number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issue_has_a_positive_number() {
        assert_eq!(number(" 12\n"), Some(12));
        for text in ["", "0", "-1", "+1", "1.0", "#1", "one", "99999999999999999999", "1 2"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
