//! `trusted-token-issuers.yaml`: which issuers an organisation lets in at all, before any policy is read. Without the
//! file all are let in.

mod read;
mod span;

use crate::lint::Finding;
use crate::pattern::{Doubt, Server};
use crate::{ParseError, Pattern};

/// Where it is, in the organisation's `.github` repository.
pub const PATH: &str = ".github/chainguard/trusted-token-issuers.yaml";

/// The list, as the server would use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustedIssuers {
    /// Whether issuers that are not on it are let in all the same, and only noted.
    pub audit: bool,
    /// Issuers by their exact spelling.
    pub issuers: Vec<String>,
    /// Patterns that match whole issuers. An issuer is on the list if either has it.
    pub patterns: Vec<Pattern>,
}

impl TrustedIssuers {
    /// Reads the list as the server does: YAML 1.1 as Go reads it, the first document only, strictly.
    ///
    /// # Errors
    /// The first reason why the server would not use it (it then refuses every exchange), or why that is not known.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        read::read(text.as_bytes()).0
    }

    /// Whether this issuer is on it.
    ///
    /// # Errors
    /// When that hinges on a pattern that cannot be judged faithfully.
    pub fn lists(&self, issuer: &str) -> Result<bool, Doubt> {
        if self.issuers.iter().any(|listed| listed == issuer) {
            return Ok(true);
        }
        let mut verdict = Ok(false);
        for pattern in &self.patterns {
            match pattern.judge(issuer, Server::Current) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(Doubt(reason)) => {
                    verdict = verdict.and(Err(Doubt(format!("`{}` {reason}", pattern.as_str()))));
                }
            }
        }
        verdict
    }
}

/// All that is wrong with the file, in the order of the text.
pub fn lint(bytes: &[u8]) -> Vec<Finding> {
    read::read(bytes).1
}

#[cfg(test)]
mod tests;
