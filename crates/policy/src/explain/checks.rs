//! Every check of the server, each on its own.

use std::fmt;

use super::{Check, Outcome};
use crate::evaluate::{Stop, any_matches, check_claim};
use crate::hint::{self, Field};
use crate::pattern::Server;
use crate::show::{shown, shown_list, shown_value};
use crate::{Claims, Matcher, Pattern, TrustPolicy};

/// What a check looks at. Displays as [`Check::what`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Format(Field),
    Field(Field),
    Claim(String),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Format(field) => write!(f, "{} format", field.key()),
            Self::Field(field) => f.write_str(field.key()),
            Self::Claim(name) => write!(f, "claim {}", shown(name)),
        }
    }
}

/// In the server's order.
pub(super) fn all(policy: &TrustPolicy, claims: &Claims, domain: &str) -> Vec<(Part, Check)> {
    let formats = Field::ALL.into_iter().map(|field| of_format(field, claims));
    let fields = Field::ALL.into_iter().map(|field| of_field(field, policy, claims, domain));
    let further = policy.claim_pattern.iter().map(|(name, pattern)| of_claim(name, pattern, claims));
    formats.chain(fields).chain(further).collect()
}

fn of_format(field: Field, claims: &Claims) -> (Part, Check) {
    let expected = match field {
        Field::Issuer => "an https URL without query or fragment, at most 255 characters",
        Field::Subject => {
            "1 to 255 printable characters, no white space, quotes, brackets or any of \\ ; & $"
        }
        Field::Audience => {
            "1 to 255 printable characters, no white space, quotes, brackets or any of \\ ; & $ | @"
        }
    };
    let found = field.violation(claims);
    let actual = found.map_or_else(|| shown_list(&field.values(claims)), |(value, _)| shown(value));
    let hint = found.map(|(_, violation)| {
        format!("the token's {} {violation}, so Octo STS refuses it whatever the policy says", field.key())
    });
    let outcome = if found.is_some() { Outcome::Differs } else { Outcome::Matches };
    check(Part::Format(field), expected.to_owned(), actual, outcome, hint)
}

fn of_field(field: Field, policy: &TrustPolicy, claims: &Claims, domain: &str) -> (Part, Check) {
    let default = Matcher::Exact(domain.to_owned());
    let matcher = match field {
        Field::Issuer => &policy.issuer,
        Field::Subject => &policy.subject,
        Field::Audience => policy.audience.as_ref().unwrap_or(&default),
    };
    let expected = match matcher {
        Matcher::Exact(text) if field == Field::Audience && policy.audience.is_none() => {
            format!("{} (the server's domain, for the policy has no `audience`)", shown(text))
        }
        Matcher::Exact(text) => shown(text),
        Matcher::Pattern(pattern) => of_pattern(pattern),
    };
    let values = field.values(claims);
    let key = format!("{}_pattern", field.key());
    let (outcome, hint) = match any_matches(matcher, &key, &values, Server::Current) {
        Ok(true) => (Outcome::Matches, None),
        Ok(false) => (Outcome::Differs, hint::difference(field, matcher, claims)),
        Err(stop) => of_stop(stop, || hint::difference(field, matcher, claims)),
    };
    check(Part::Field(field), expected, shown_list(&values), outcome, hint)
}

fn of_claim(name: &str, pattern: &Pattern, claims: &Claims) -> (Part, Check) {
    let (outcome, hint) = match check_claim(claims, name, pattern, Server::Current) {
        Ok(()) => (Outcome::Matches, None),
        Err(stop) => of_stop(stop, || hint::claim_difference(name, Some(pattern), claims)),
    };
    let actual = claims.get(name).map_or_else(|| "no such claim".to_owned(), shown_value);
    check(Part::Claim(name.to_owned()), of_pattern(pattern), actual, outcome, hint)
}

fn of_pattern(pattern: &Pattern) -> String {
    format!("pattern {}", shown(pattern.as_str()))
}

fn of_stop(stop: Stop, hint: impl FnOnce() -> Option<String>) -> (Outcome, Option<String>) {
    match stop {
        Stop::Refused(_) => (Outcome::Differs, hint()),
        Stop::NotJudged(reason) => (Outcome::NotJudged, Some(reason)),
    }
}

fn check(
    part: Part,
    expected: String,
    actual: String,
    outcome: Outcome,
    hint: Option<String>,
) -> (Part, Check) {
    let what = part.to_string();
    (part, Check { what, expected, actual, outcome, hint })
}
