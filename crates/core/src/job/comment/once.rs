//! Exactly one comment an event and issue.
//!
//! The last line of a comment says which job made it for which event. Every delivery looks first and writes then; and looks
//! again, because another delivery of the same event may have done so at the same moment: then the oldest stays.

use crate::failure::Failure;
use crate::github::{CallError, GitHub, IssueComment};
use crate::job::neutral::without_comments;
use crate::job::situation::Situation;
use crate::job::text::{MAX_BODY, cut};

/// How many comments are looked through, the oldest first. What an earlier delivery made stands near the event's own time.
const MOST: usize = 1000;

/// What became of a comment.
#[derive(Debug)]
pub(in crate::job) enum Posted {
    /// It was made.
    New(IssueComment),
    /// It was there already.
    Known(IssueComment),
    /// It would have been made, but for `dry_run`.
    Dry,
}

/// Makes the comment of this event on issue or pull request `number`, unless it is there.
///
/// # Errors
/// GitHub's failures. Deferred when it is not known whether the comment was made: the next delivery looks first.
pub(in crate::job) async fn comment_once(
    github: &GitHub<'_>,
    situation: &Situation<'_>,
    number: u64,
    text: &str,
) -> Result<Posted, Failure> {
    let marker = marker(situation);
    let once = Once { github, situation, number, marker: &marker };
    if let Some(known) = once.look().await? {
        return Ok(Posted::Known(known));
    }
    if situation.dry_run {
        return Ok(Posted::Dry);
    }
    let body = compose(text, &marker);
    let made = match github.create_comment(number, &body).await {
        // It may be there: look before trying once more.
        Err(CallError::Unknown(_)) => match once.look().await? {
            Some(made) => made,
            None => github.create_comment(number, &body).await?,
        },
        result => result?,
    };
    let oldest = once.look().await?;
    Ok(Posted::New(oldest.unwrap_or(made)))
}

struct Once<'a> {
    github: &'a GitHub<'a>,
    situation: &'a Situation<'a>,
    number: u64,
    marker: &'a str,
}

impl Once<'_> {
    /// The comment of this event. Of several, the oldest stays.
    async fn look(&self) -> Result<Option<IssueComment>, Failure> {
        let since = self.situation.delivered_since();
        let listed = self.github.comments(self.number, since, MOST).await?;
        let mut ours: Vec<_> = listed.items.into_iter().filter(|comment| self.is_ours(comment)).collect();
        ours.sort_by_key(|comment| comment.id);
        let mut ours = ours.into_iter();
        let oldest = ours.next();
        if !self.situation.dry_run {
            for other in ours {
                self.github.delete_comment(other.id).await?;
            }
        }
        Ok(oldest)
    }

    /// Whether our bots made it for this event: a marker that anybody else wrote, or that is not the end, counts for nothing.
    fn is_ours(&self, comment: &IssueComment) -> bool {
        let body = comment.body.as_deref().unwrap_or_default();
        self.situation.bots.matches(comment.author())
            && body.trim_end().lines().next_back().is_some_and(|line| line.trim_end() == self.marker)
    }
}

/// The last line of the comment that a job makes for an event.
fn marker(situation: &Situation<'_>) -> String {
    format!("<!-- gatepass:v1 comment job={} id={} -->", situation.job, situation.event_id())
}

fn compose(text: &str, marker: &str) -> String {
    let room = MAX_BODY.saturating_sub(marker.chars().count() + 2);
    format!("{}\n\n{marker}", cut(&without_comments(text.trim_end()), room))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_marker_is_the_last_line_and_the_only_comment() {
        let body = compose("Hello <!-- x -->\n", "<!-- m -->");
        assert_eq!(body, "Hello <\u{200b}!-- x -->\n\n<!-- m -->");
    }

    #[test]
    fn the_body_fits_with_its_marker() {
        let body = compose(&"ä".repeat(100_000), "<!-- m -->");
        assert_eq!(body.chars().count(), MAX_BODY);
        assert!(body.ends_with("(cut: GitHub takes no more)\n\n<!-- m -->"));
    }
}
