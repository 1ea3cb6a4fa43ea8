//! The examples of `docs/policy/cases.md` are what they say they are.

#![expect(clippy::unwrap_used, reason = "a failed test")]

use gatepass_policy::{Cases, PolicyKind, TrustPolicy};

const PAGE: &str = include_str!("../../../docs/policy/cases.md");
const DOMAIN: &str = "octo-sts.dev";

/// The block of code that is marked with these words.
fn block(words: &str) -> &'static str {
    let start = format!("```yaml {words}\n");
    PAGE.split_once(&start).unwrap().1.split_once("\n```").unwrap().0
}

fn policy(text: &str) -> TrustPolicy {
    TrustPolicy::parse(text, PolicyKind::Repository).unwrap()
}

#[test]
fn the_example_passes() {
    let (policy, cases) = (policy(block("policy")), Cases::read(block("cases")).unwrap());
    assert_eq!((cases.cases.len(), cases.policy, cases.domain), (8, None, None));
    for case in &cases.cases {
        assert_eq!(case.judge(&policy, DOMAIN), None, "{}", case.name);
    }
}

/// Each edit that lets in too many, or too few, is noticed by the case that is about it.
#[test]
fn an_edit_that_matters_is_noticed() {
    let cases = Cases::read(block("cases")).unwrap();
    for (from, to, name) in [
        ("ref:refs/heads/(main|release-.+)", ".*", "a pull request"),
        ("(main|release-.+)", "(main|release-).*", "a branch that only begins like main"),
        ("ops@2002", "ops@[0-9]+", "a repository of the same name, made anew"),
        ("push|schedule", ".*", "a run that somebody started by hand"),
        ("  event_name: push|schedule", "  sub: .*", "a token that does not say its event"),
        ("permissions:", "audience_pattern: .*\npermissions:", "a token for another service"),
        ("push|schedule", "push", "the nightly run on a release branch"),
        ("ops@2002", "Ops@2002", "a push to main"),
    ] {
        let edited = block("policy").replace(from, to);
        assert_ne!(edited, block("policy"), "{from}");
        let edited = policy(&edited);
        let noticed: Vec<&str> = cases
            .cases
            .iter()
            .filter(|case| case.judge(&edited, DOMAIN).is_some())
            .map(|case| case.name.as_str())
            .collect();
        assert!(noticed.contains(&name), "{from}: {noticed:?}");
    }
}
