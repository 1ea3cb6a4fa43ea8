//! What is said about a token that a policy does not admit, and that the change which is proposed does what is said of it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a failed test")]

mod properties;
mod table;

use std::collections::BTreeMap;

use gatepass_policy::{Change, Claims, Explanation, Matcher, Outcome, PolicyKind, TrustPolicy, Verdict};
use serde_json::Value;

const DOMAIN: &str = "octo-sts.dev";
const GITHUB: &str = "https://token.actions.githubusercontent.com";
const GOOGLE: &str = "https://accounts.google.com";
const ENTRA: &str = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0";
const AWS: &str = "https://9188040d-6c67-4c5b-b112-36a304b66dad.tokens.sts.global.api.aws";
const ROLE: &str = "arn:aws:iam::123456789012:role/alarms";

fn policy(text: &str) -> TrustPolicy {
    TrustPolicy::parse(text, PolicyKind::Repository).unwrap()
}

fn claims(value: &Value) -> Claims {
    Claims::new(value.as_object().unwrap().clone())
}

/// `M`atches, `D`iffers, `?`: issuer, subject and audience format; issuer, subject, audience; claims.
fn outcomes(explanation: &Explanation) -> String {
    let letter = |outcome| match outcome {
        Outcome::Matches => 'M',
        Outcome::Differs => 'D',
        Outcome::NotJudged => '?',
    };
    explanation.checks.iter().map(|check| letter(check.outcome)).collect()
}

/// Writes a policy, with the lines of a change in place of its own.
fn changed(before: &TrustPolicy, change: &Change) -> String {
    let is_new = |key: &str| change.lines.iter().any(|line| line.starts_with(&format!("{key}: ")));
    let quoted = |text: &str| Value::from(text).to_string();
    let mut lines = Vec::new();
    let fields = [
        ("issuer", Some(&before.issuer)),
        ("subject", Some(&before.subject)),
        ("audience", before.audience.as_ref()),
    ];
    for (key, matcher) in fields.into_iter().filter(|(key, _)| !is_new(key)) {
        match matcher {
            Some(Matcher::Exact(text)) => lines.push(format!("{key}: {}", quoted(text))),
            Some(Matcher::Pattern(pattern)) => {
                lines.push(format!("{key}_pattern: {}", quoted(pattern.as_str())))
            }
            None => {}
        }
    }
    lines.extend(
        change
            .lines
            .iter()
            .filter(|line| !line.starts_with("claim_pattern:") && !line.starts_with("  "))
            .cloned(),
    );
    lines.push("claim_pattern:".to_owned());
    for (name, pattern) in &before.claim_pattern {
        let key = format!("  {}: ", quoted(name));
        let new = change.lines.iter().find(|line| line.starts_with(&key)).cloned();
        let kept = change.policy.claim_pattern.contains_key(name);
        lines.extend(kept.then(|| new.unwrap_or_else(|| format!("{key}{}", quoted(pattern.as_str())))));
    }
    lines.join("\n") + "\n"
}

/// The change, after it has been made to the text and found to admit.
#[track_caller]
fn proven<'a>(before: &TrustPolicy, claims: &Claims, explanation: &'a Explanation) -> &'a Change {
    let change =
        explanation.change.as_ref().unwrap_or_else(|| panic!("no change: {:?}", explanation.impossible));
    let text = changed(before, change);
    let after =
        TrustPolicy::parse(&text, PolicyKind::Repository).unwrap_or_else(|error| panic!("{error}: {text}"));
    let expected = TrustPolicy { permissions: BTreeMap::new(), ..change.policy.clone() };
    assert_eq!(after, expected, "{text}");
    assert_eq!(after.evaluate(claims, DOMAIN), Verdict::Admitted, "{text}");
    change
}
