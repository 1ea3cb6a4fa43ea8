//! The smallest change of a policy that admits a token.

use serde_json::Value;

use super::checks::Part;
use super::{Change, Check, Outcome, admits};
use crate::hint::Field;
use crate::lint::shape::escaped;
use crate::show::shown;
use crate::suggest::{SuggestError, quote};
use crate::{Claims, Matcher, Pattern, TrustPolicy, Verdict};

/// Puts the token's exact value wherever a check does not match for certain, and leaves everything else.
///
/// # Errors
/// Why no policy can admit the token.
pub(super) fn smallest(
    policy: &TrustPolicy,
    claims: &Claims,
    domain: &str,
    checks: &[(Part, Check)],
) -> Result<Change, String> {
    if !claims.is_well_formed() {
        return Err(SuggestError::Malformed.to_string());
    }
    let mut edits = Edits::new(policy, claims, domain);
    for (part, _) in checks.iter().filter(|(_, check)| check.outcome != Outcome::Matches) {
        edits.take(part)?;
    }
    if edits.policy.evaluate(claims, domain) != Verdict::Admitted {
        return Err("no change of the policy is known that admits this token".to_owned());
    }
    Ok(edits.finish())
}

/// The changes so far.
struct Edits<'a> {
    claims: &'a Claims,
    domain: &'a str,
    policy: TrustPolicy,
    lines: Vec<String>,
    /// The lines below `claim_pattern:`.
    patterns: Vec<String>,
    /// What is done, in half-sentences.
    steps: Vec<String>,
    /// Whether something that stands in the policy no longer does.
    replaces: bool,
    /// The claims that are no longer looked at.
    removed: Vec<String>,
}

impl<'a> Edits<'a> {
    fn new(policy: &TrustPolicy, claims: &'a Claims, domain: &'a str) -> Self {
        Self {
            claims,
            domain,
            policy: policy.clone(),
            lines: Vec::new(),
            patterns: Vec::new(),
            steps: Vec::new(),
            replaces: false,
            removed: Vec::new(),
        }
    }

    fn take(&mut self, part: &Part) -> Result<(), String> {
        let claims = self.claims;
        match part {
            Part::Format(field) => {
                let broken = field.violation(claims);
                let why = broken.map(|(_, violation)| violation.to_string()).unwrap_or_default();
                return Err(format!("no policy can admit this token: its {} {why}", field.key()));
            }
            Part::Field(Field::Issuer) => {
                let before =
                    std::mem::replace(&mut self.policy.issuer, Matcher::Exact(claims.issuer().to_owned()));
                self.replace("issuer", claims.issuer(), Some(&before));
            }
            Part::Field(Field::Subject) => {
                let before =
                    std::mem::replace(&mut self.policy.subject, Matcher::Exact(claims.subject().to_owned()));
                self.replace("subject", claims.subject(), Some(&before));
            }
            Part::Field(Field::Audience) => {
                let audiences = claims.audiences();
                let own = audiences.iter().find(|audience| **audience == self.domain);
                let audience =
                    own.or(audiences.first()).ok_or("no policy can admit this token: it has no audience")?;
                let before = self.policy.audience.replace(Matcher::Exact((*audience).to_owned()));
                self.replace("audience", audience, before.as_ref());
            }
            Part::Claim(name) => self.take_claim(name),
        }
        Ok(())
    }

    fn replace(&mut self, key: &str, value: &str, before: Option<&Matcher>) {
        self.lines.push(format!("{key}: {}", quote(value)));
        self.steps.push(match before {
            None => format!("add `{key}`"),
            Some(Matcher::Exact(_)) => format!("replace `{key}`"),
            Some(Matcher::Pattern(_)) => format!("replace `{key}_pattern` by `{key}`"),
        });
        self.replaces = true;
    }

    fn take_claim(&mut self, name: &str) {
        let value = match self.claims.get(name) {
            Some(Value::String(text)) => Some(escaped(text)),
            Some(Value::Bool(value)) => Some(value.to_string()),
            _ => None,
        };
        match value.and_then(|value| Pattern::compile(value).ok()) {
            Some(pattern) => {
                self.patterns.push(format!("  {}: {}", quote(name), quote(pattern.as_str())));
                self.steps.push(format!("replace `{}` in `claim_pattern`", shown(name)));
                self.policy.claim_pattern.insert(name.to_owned(), pattern);
                self.replaces = true;
            }
            None => {
                self.steps.push(format!("remove `{}` from `claim_pattern`", shown(name)));
                self.policy.claim_pattern.remove(name);
                self.removed.push(name.to_owned());
            }
        }
    }

    fn finish(self) -> Change {
        let also_admits = admits::also(&self.policy, self.claims, &self.removed);
        let mut lines = self.lines;
        if !self.patterns.is_empty() {
            lines.push("claim_pattern:".to_owned());
            lines.extend(self.patterns);
        }
        let mut what = self.steps.join(", ");
        if self.replaces {
            what.push_str("; tokens that only match as it is now are then refused");
        }
        Change { lines, what, also_admits, policy: self.policy }
    }
}
