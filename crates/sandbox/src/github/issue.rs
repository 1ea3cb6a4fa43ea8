//! Issues, and pull requests, which GitHub numbers and lists among them.

use jiff::Timestamp;

use super::user::User;

/// Open or closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Open.
    Open,
    /// Closed.
    Closed,
}

impl State {
    /// GitHub's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        [Self::Open, Self::Closed].into_iter().find(|state| state.as_str() == word)
    }
}

/// Why the state was changed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateReason {
    /// Closed as done.
    Completed,
    /// Closed because nobody is going to do it.
    NotPlanned,
    /// Closed as a duplicate of another.
    Duplicate,
    /// Opened again.
    Reopened,
}

impl StateReason {
    const ALL: [Self; 4] = [Self::Completed, Self::NotPlanned, Self::Duplicate, Self::Reopened];

    /// GitHub's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::NotPlanned => "not_planned",
            Self::Duplicate => "duplicate",
            Self::Reopened => "reopened",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

/// What a comment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Unique in the repository.
    pub id: u64,
    /// Who wrote it.
    pub author: User,
    /// The text.
    pub body: String,
    /// When it was written.
    pub created_at: Timestamp,
    /// When its text was changed last.
    pub updated_at: Timestamp,
}

/// What a pull request has more than an issue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// The branch that is to be merged.
    pub head: String,
    /// The branch it is to be merged into.
    pub base: String,
    /// Not ready for review.
    pub draft: bool,
}

/// One issue or pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Unique among the issues and pull requests of the repository, counted from 1.
    pub number: u64,
    /// The title.
    pub title: String,
    /// The body; `None` when none was given.
    pub body: Option<String>,
    /// Names of its labels, in the order in which they were added.
    pub labels: Vec<String>,
    /// Logins of those who are to do it.
    pub assignees: Vec<String>,
    /// The number of its milestone.
    pub milestone: Option<u64>,
    /// The name of its issue type, as the organisation spells it.
    pub issue_type: Option<String>,
    /// Open or closed.
    pub state: State,
    /// Why it was closed or reopened; `None` for one that was only ever opened.
    pub state_reason: Option<StateReason>,
    /// Who opened it.
    pub author: User,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When anything about it changed last.
    pub updated_at: Timestamp,
    /// When it was closed, if it is.
    pub closed_at: Option<Timestamp>,
    /// Who closed it, if it is closed.
    pub closed_by: Option<User>,
    /// Its comments, oldest first.
    pub comments: Vec<Comment>,
    /// Present when it is a pull request.
    pub pull: Option<Pull>,
}

impl Issue {
    pub(crate) fn new(title: &str, body: Option<&str>, author: User, now: Timestamp) -> Self {
        Self {
            number: 0,
            title: title.to_owned(),
            body: body.map(str::to_owned),
            labels: Vec::new(),
            assignees: Vec::new(),
            milestone: None,
            issue_type: None,
            state: State::Open,
            state_reason: None,
            author,
            created_at: now,
            updated_at: now,
            closed_at: None,
            closed_by: None,
            comments: Vec::new(),
            pull: None,
        }
    }

    /// Whether it carries the label; letter case does not count, as on GitHub.
    pub fn has_label(&self, name: &str) -> bool {
        self.labels.iter().any(|label| label.eq_ignore_ascii_case(name))
    }

    /// Closes an open one, reopens a closed one; nothing happens when the state is already so, whatever the reason.
    pub(crate) fn change_state(
        &mut self,
        state: State,
        reason: Option<StateReason>,
        actor: &User,
        now: Timestamp,
    ) {
        if self.state == state {
            return;
        }
        self.state = state;
        match state {
            State::Closed => {
                self.state_reason = Some(reason.unwrap_or(StateReason::Completed));
                self.closed_at = Some(now);
                self.closed_by = Some(actor.clone());
            }
            State::Open => {
                self.state_reason = Some(StateReason::Reopened);
                self.closed_at = None;
                self.closed_by = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_and_reopening_keep_the_record_right() {
        let (t0, t1) = (Timestamp::UNIX_EPOCH, Timestamp::from_second(60).unwrap());
        let (bot, person) = (User::bot("octo-sts[bot]"), User::person("ada"));
        let mut issue = Issue::new("t", None, bot.clone(), t0);

        issue.change_state(State::Open, Some(StateReason::NotPlanned), &person, t1);
        assert_eq!(issue.state_reason, None, "an open issue was not opened again");

        issue.change_state(State::Closed, None, &person, t1);
        assert_eq!(issue.state_reason, Some(StateReason::Completed), "the default reason");
        assert_eq!((issue.closed_at, issue.closed_by.clone()), (Some(t1), Some(person.clone())));

        issue.change_state(State::Closed, Some(StateReason::Duplicate), &bot, t0);
        assert_eq!(
            (issue.state_reason, issue.closed_at),
            (Some(StateReason::Completed), Some(t1)),
            "ignored"
        );

        issue.change_state(State::Open, None, &bot, t1);
        assert_eq!(issue.state_reason, Some(StateReason::Reopened));
        assert_eq!((issue.closed_at, issue.closed_by), (None, None));
    }
}
