//! A trust policy, and why a text is none.

use std::collections::BTreeMap;

use gatepass_yaml::Position;

use crate::go_text::quote;
use crate::lint::Code;
use crate::{Pattern, read};

/// A trust policy that the server would accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustPolicy {
    /// Who must have issued the token.
    pub issuer: Matcher,
    /// Whom the token must speak for.
    pub subject: Matcher,
    /// Whom the token must be meant for; if not said, the server's own domain.
    pub audience: Option<Matcher>,
    /// Further claims that must match.
    pub claim_pattern: BTreeMap<String, Pattern>,
    /// What the GitHub token may do: GitHub's name of a permission, and whatever the policy says for `read`, `write`
    /// or `admin`. The server does not look at the level; GitHub does, when the token is minted.
    pub permissions: BTreeMap<String, String>,
    /// The repositories that an organisation's policy reaches; none means all. Not said in a repository's policy.
    pub repositories: Option<Vec<String>>,
}

/// How a value is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Matcher {
    /// With this text.
    Exact(String),
    /// With this pattern.
    Pattern(Pattern),
}

/// By which rules a policy is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PolicyKind {
    /// A policy in an ordinary repository. Bare numbers and booleans become text.
    Repository,
    /// A policy in an organisation's `.github` repository. It may name `repositories`; bare numbers and booleans where
    /// text belongs are errors.
    Organization,
}

/// Why a text is no policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{position}: {message}")]
pub struct ParseError {
    /// What the server makes of it.
    pub kind: ParseErrorKind,
    /// Which rule it breaks.
    pub code: Code,
    /// Where it is.
    pub position: Position,
    /// What is wrong, without the place, and what to do about it.
    pub message: String,
}

/// What the server makes of a text that is no policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ParseErrorKind {
    /// It does not get its text.
    Unreadable,
    /// It cannot make a policy of its text.
    Unparseable,
    /// It can make a policy of it but not use it.
    Uncompilable,
    /// Not known, because versions or readers differ. The message says what to write instead.
    NotJudged,
}

impl ParseError {
    /// The server's own message, HTTP 404, for the policy of this name; none where it is not judged.
    pub fn server_message(&self, policy: &str) -> Option<String> {
        let verb = match self.kind {
            ParseErrorKind::Unreadable => "read",
            ParseErrorKind::Unparseable => "parse",
            ParseErrorKind::Uncompilable => "compile",
            ParseErrorKind::NotJudged => return None,
        };
        Some(format!("unable to {verb} trust policy found for {}", quote(policy)))
    }
}

impl TrustPolicy {
    /// Reads a policy as the server does: YAML 1.1 as Go reads it, the first document only, strictly, keys in any
    /// letter case, every pattern compiled.
    ///
    /// # Errors
    /// The first reason why the server would not use it, or why that is not known.
    pub fn parse(text: &str, kind: PolicyKind) -> Result<Self, ParseError> {
        read::sketch(text.as_bytes(), kind).policy
    }
}
