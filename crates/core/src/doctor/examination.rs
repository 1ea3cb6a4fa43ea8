//! What an examination found: the shape of its JSON is fixed in `docs/doctor.md`.

use std::fmt::Write as _;

use serde::Serialize;

use crate::names::{JobId, TrustPolicyName};

/// A part of the chain between a workload and GitHub, in the order in which it is walked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Name {
    /// The file and the settings of the environment.
    Configuration,
    /// Where the proof of identity comes from.
    Identity,
    /// The proof itself.
    Token,
    /// What it says.
    Claims,
    /// This machine's clock.
    Clock,
    /// Whether an Octo STS answers.
    OctoSts,
    /// The trust policy's file.
    Policy,
    /// The token's claims held against it.
    Evaluation,
    /// The exchange itself.
    Exchange,
    /// What the token may do, against what the jobs need.
    Permissions,
    /// Whether GitHub's API answers.
    Github,
    /// How many calls are left.
    RateLimit,
    /// The secret of a webhook.
    WebhookSecret,
    /// The deployment's own queue.
    Queue,
}

impl Name {
    /// For people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::Identity => "identity",
            Self::Token => "token",
            Self::Claims => "claims",
            Self::Clock => "clock",
            Self::OctoSts => "Octo STS",
            Self::Policy => "trust policy",
            Self::Evaluation => "evaluation",
            Self::Exchange => "exchange",
            Self::Permissions => "permissions",
            Self::Github => "GitHub",
            Self::RateLimit => "rate limit",
            Self::WebhookSecret => "webhook secret",
            Self::Queue => "queue",
        }
    }
}

/// How a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It holds.
    Ok,
    /// It is broken.
    Wrong,
    /// It cannot be told, or it holds now and may not for long, or should not.
    Doubtful,
    /// It was not looked at.
    Skipped,
}

impl State {
    /// In lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Wrong => "wrong",
            Self::Doubtful => "doubtful",
            Self::Skipped => "skipped",
        }
    }
}

/// One link of the chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Which.
    pub link: Name,
    /// How it is.
    pub state: State,
    /// The job, of what only one job needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub job: Option<JobId>,
    /// What the token is for, as Octo STS is asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// The trust policy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_policy: Option<TrustPolicyName>,
    /// What was found.
    pub found: String,
    /// Why that is wrong or doubtful, or why nobody looked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// What to change: a command or a line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mend: Option<String>,
    /// What else there is to know, a line each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// All links.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Examination {
    /// Whether no link is wrong.
    pub healthy: bool,
    /// In the order of the chain.
    pub links: Vec<Link>,
}

/// What is found of a link that was not looked at.
const UNSEEN: &str = "not looked at";

impl Link {
    fn new(link: Name, state: State, found: impl Into<String>) -> Self {
        let found = found.into();
        Self {
            link,
            state,
            job: None,
            scope: None,
            trust_policy: None,
            found,
            why: None,
            mend: None,
            notes: Vec::new(),
        }
    }

    /// It holds.
    pub(super) fn ok(link: Name, found: impl Into<String>) -> Self {
        Self::new(link, State::Ok, found)
    }

    /// It is broken.
    pub(super) fn wrong(link: Name, found: impl Into<String>) -> Self {
        Self::new(link, State::Wrong, found)
    }

    /// It cannot be told.
    pub(super) fn doubtful(link: Name, found: impl Into<String>) -> Self {
        Self::new(link, State::Doubtful, found)
    }

    /// It was not looked at, because of this.
    pub(super) fn skipped(link: Name, why: impl Into<String>) -> Self {
        Self::new(link, State::Skipped, UNSEEN).why(why)
    }

    pub(super) fn why(mut self, why: impl Into<String>) -> Self {
        self.why = Some(why.into());
        self
    }

    pub(super) fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }

    pub(super) fn notes(mut self, notes: impl IntoIterator<Item = String>) -> Self {
        self.notes.extend(notes);
        self
    }

    pub(super) fn of_job(mut self, job: &JobId) -> Self {
        self.job = Some(job.clone());
        self
    }

    /// Which link it is, with what tells it from others of the same kind.
    fn heading(&self) -> String {
        let about = match (&self.scope, &self.trust_policy, &self.job) {
            (Some(scope), Some(policy), _) => format!("{policy} in {scope}"),
            (Some(about), None, _) => about.clone(),
            (None, _, Some(job)) => job.to_string(),
            (None, _, None) => return self.link.title().to_owned(),
        };
        format!("{} ({about})", self.link.title())
    }
}

impl Examination {
    /// Of these links.
    pub(super) fn new(links: Vec<Link>) -> Self {
        Self { healthy: links.iter().all(|link| link.state != State::Wrong), links }
    }

    /// The links that are broken.
    pub fn wrong(&self) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(|link| link.state == State::Wrong)
    }

    /// For people: a paragraph a link. `paint` may colour a word by a state.
    pub fn to_text(&self, paint: &dyn Fn(State, &str) -> String) -> String {
        const STATE: usize = 10;
        let mut text = String::new();
        let mut line = |margin: &str, words: &str| {
            let indented = clean(words).replace('\n', &format!("\n{:STATE$}  ", ""));
            let _ = writeln!(text, "{margin}{indented}");
        };
        for link in &self.links {
            let name = link.state.name();
            let margin = format!("{}{:width$}", paint(link.state, name), "", width = STATE - name.len());
            line(&margin, &link.heading());
            let indent = format!("{:STATE$}  ", "");
            if link.found != UNSEEN {
                line(&indent, &link.found);
            }
            for (label, words) in [("why: ", &link.why), ("mend: ", &link.mend)] {
                if let Some(words) = words {
                    line(&indent, &format!("{label}{words}"));
                }
            }
            for note in &link.notes {
                line(&indent, &format!("note: {note}"));
            }
        }
        let broken: Vec<String> = self.wrong().map(Link::heading).collect();
        let sum = match broken.as_slice() {
            [] => paint(State::Ok, "no link is broken"),
            [one] => format!("{}: {one}", paint(State::Wrong, "1 link is broken")),
            many => {
                let count = paint(State::Wrong, &format!("{} links are broken", many.len()));
                format!("{count}, the first of them: {}", many.first().map_or("", String::as_str))
            }
        };
        let _ = writeln!(text, "\n{sum}");
        text
    }
}

/// Text that cannot steer a terminal, nor read otherwise than it is written: much of it is somebody else's.
fn clean(text: &str) -> String {
    let turns = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if (c.is_control() && c != '\n') || turns(c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_json_has_only_what_there_is() {
        let links = vec![
            Link::ok(Name::Github, "answers"),
            Link::wrong(Name::Token, "none").why("off").mend("turn it on").notes(["n".to_owned()]),
            Link::skipped(Name::OctoSts, "needs the token").of_job(&"a".parse().unwrap()),
        ];
        let shown = serde_json::to_value(Examination::new(links)).unwrap();
        let expected = json!({ "healthy": false, "links": [
            { "link": "github", "state": "ok", "found": "answers" },
            { "link": "token", "state": "wrong", "found": "none", "why": "off", "mend": "turn it on", "notes": ["n"] },
            { "link": "octo_sts", "state": "skipped", "job": "a", "found": "not looked at", "why": "needs the token" },
        ]});
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_text_is_for_people_and_cannot_steer_a_terminal() {
        let links = vec![
            Link::ok(Name::Github, "answers\u{1b}[31m\u{202e}"),
            Link::wrong(Name::Token, "none").why("off").mend("turn\nit on"),
            Link::skipped(Name::Claims, "needs the token"),
        ];
        let text = Examination::new(links).to_text(&|_, word| word.to_owned());
        assert_eq!(
            text,
            "ok        GitHub\n            answers [31m \nwrong     token\n            none\n            why: off\n            mend: turn\n            it on\nskipped   claims\n            why: needs the token\n\n1 link is broken: token\n"
        );
        let well = Examination::new(vec![Link::doubtful(Name::Policy, "private or missing")]);
        assert!(well.healthy && well.to_text(&|_, word| word.to_owned()).ends_with("no link is broken\n"));
    }
}
