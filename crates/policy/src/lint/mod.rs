//! What is wrong or dangerous in a policy, before it is merged.

mod audience;
mod claims;
mod code;
mod exact;
mod issuer;
mod look;
mod patterns;
mod permissions;
mod place;
mod reach;
mod repositories;
mod sample;
pub(crate) mod shape;
mod subject;

use gatepass_yaml::{Position, Problem};

pub use self::code::{Code, Severity};
use self::look::Look;
use crate::{PolicyKind, Sketch, trusted_issuers};

/// A file to be looked at.
#[derive(Clone, Copy, Debug)]
pub struct PolicyFile<'a> {
    /// Where it is, with `/` between its parts: its name and folder decide whether the server finds it.
    pub path: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
    /// By which rules it is read.
    pub kind: PolicyKind,
}

/// What the files are for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The server's bare domain, which a policy without `audience` demands.
    pub domain: String,
    /// Whether the hosted App grants the permissions; another one may grant others.
    pub hosted: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { domain: "octo-sts.dev".to_owned(), hosted: true }
    }
}

/// One thing that is wrong or dangerous.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Which rule.
    pub code: Code,
    /// Where, what, and how to mend it (`help`).
    pub problem: Problem,
    /// Why it matters: one sentence, or two.
    pub why: String,
}

impl Finding {
    /// Where it is.
    pub fn position(&self) -> Position {
        self.problem.position
    }
}

/// Looks at one file. The findings are in the order of the text.
///
/// `trusted-token-issuers.yaml` is looked at by its own rules; every other file is taken for a policy.
pub fn lint(file: &PolicyFile<'_>, settings: &Settings) -> Vec<Finding> {
    if place::is_issuer_list(file.path) {
        let mut findings: Vec<Finding> = place::issuer_list(file.path).into_iter().collect();
        findings.extend(trusted_issuers::lint(file.bytes));
        return findings;
    }
    let sketch = Sketch::read(file.bytes, file.kind);
    let mut findings: Vec<Finding> = place::policy(file.path).into_iter().collect();
    findings.extend(policy(&sketch, file.kind, settings));
    findings
}

/// The rules in an order in which each may rely on those before it to have said what is simply wrong.
fn policy(sketch: &Sketch, kind: PolicyKind, settings: &Settings) -> Vec<Finding> {
    let mut look = Look::new(kind, settings, sketch);
    exact::white_space(&mut look);
    exact::check(&mut look);
    issuer::check(&mut look);
    subject::check(&mut look);
    audience::check(&mut look);
    claims::check(&mut look);
    patterns::check(&mut look);
    reach::check(&mut look);
    subject::old_form(&mut look);
    permissions::check(&mut look);
    repositories::check(&mut look);
    look.finish()
}

#[cfg(test)]
mod tests;
