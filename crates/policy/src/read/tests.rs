//! What the server takes, refuses, and may take either way.

use super::*;
use ParseErrorKind::{NotJudged, Uncompilable, Unparseable};
use PolicyKind::{Organization, Repository};

const HEAD: &str = "issuer: https://a\nsubject: s\n";

fn exact(text: &str) -> Matcher {
    Matcher::Exact(text.to_owned())
}

fn pattern(text: &str) -> Matcher {
    Matcher::Pattern(Pattern::new(text))
}

#[test]
fn reads_a_whole_policy() {
    let text = "# comment
issuer: https://accounts.google.com
subject_pattern: '10769\\d+'
AUDIENCE: octo-sts.dev
Claim_Pattern:
  email: .*@example\\.com
  n: x
permissions:
  Contents: read
  pull_requests: write
---
not: [even, valid
	%
...
";
    let policy = TrustPolicy::parse(text, Repository).unwrap();
    assert_eq!(policy.issuer, exact("https://accounts.google.com"));
    assert_eq!(policy.subject, pattern("10769\\d+"));
    assert_eq!(policy.audience, Some(exact("octo-sts.dev")));
    let claims: Vec<_> = policy.claim_pattern.iter().map(|(k, p)| (k.as_str(), p.as_str())).collect();
    assert_eq!(claims, [("email", ".*@example\\.com"), ("false", "x")]);
    let permissions: Vec<_> = policy.permissions.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(permissions, [("contents", "read"), ("pull_requests", "write")]);
    assert_eq!(policy.repositories, None);
}

#[test]
fn numbers_and_booleans_are_text_in_a_repository_only() {
    for (written, read) in [
        ("107691503500061500000", "1.076915e+20"),
        ("on", "true"),
        ("0o17", "15"),
        ("1.10", "1.1"),
        ("2026-1-2", "2026-1-2"),
    ] {
        let text = format!("issuer: https://a\nsubject: {written}\n");
        assert_eq!(TrustPolicy::parse(&text, Repository).unwrap().subject, exact(read));
        match TrustPolicy::parse(&text, Organization) {
            Ok(policy) => assert_eq!((policy.subject, read), (exact(read), written)),
            Err(error) => {
                assert_eq!((error.kind, error.position), (Unparseable, Position { line: 2, column: 10 }))
            }
        }
    }
    // The two places in an organisation's policy where coercion works all the same.
    let text = format!("{HEAD}repositories: [1, yes]\nclaim_pattern: {{Subject: 7}}\n");
    let policy = TrustPolicy::parse(&text, Organization).unwrap();
    assert_eq!(policy.repositories, Some(vec!["1".to_owned(), "true".to_owned()]));
    assert_eq!(policy.claim_pattern.get("Subject").map(Pattern::as_str), Some("7"));
    let text = format!("{HEAD}claim_pattern: {{run: 7}}\n");
    assert_eq!(TrustPolicy::parse(&text, Organization).unwrap_err().kind, Unparseable);
}

#[test]
fn null_and_empty_are_not_set() {
    let text = "issuer: https://a\nissuer_pattern: ''\nsubject: s\nsubject_pattern: ~\naudience:\nclaim_pattern: {a: , b: ''}\n\
                permissions: {issues: , contents: read}\n";
    let policy = TrustPolicy::parse(text, Repository).unwrap();
    assert_eq!((policy.issuer, policy.subject, policy.audience), (exact("https://a"), exact("s"), None));
    assert_eq!(policy.claim_pattern.values().map(Pattern::as_str).collect::<Vec<_>>(), ["", ""]);
    assert_eq!(policy.permissions.keys().collect::<Vec<_>>(), ["contents"]);
    for nothing in ["claim_pattern: ~", "permissions:", "permissions: {}"] {
        assert!(TrustPolicy::parse(&format!("{HEAD}{nothing}\n"), Repository).is_ok(), "{nothing}");
    }
}

#[test]
fn letter_case_repeats_as_json_does() {
    let text = "subject: second\nSubject: first\nissuer: https://a\nPermissions: {issues: write, checks: read}\n\
                permissions: {ISSUES: read}\n";
    let policy = TrustPolicy::parse(text, Repository).unwrap();
    assert_eq!(policy.subject, exact("second"));
    let permissions: Vec<_> = policy.permissions.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(permissions, [("checks", "read"), ("issues", "read")]);
}

#[test]
fn a_block_keeps_its_newline() {
    let policy = TrustPolicy::parse("issuer: https://a\nsubject: |\n  s\n", Repository).unwrap();
    assert_eq!(policy.subject, exact("s\n"));
}

#[test]
fn refuses_in_the_servers_terms() {
    let organisation_only =
        "`repositories` belongs only in a policy of an organisation's `.github` repository";
    for (tail, kind, line, message) in [
        ("isuer: x", Unparseable, 3, "unknown key `isuer`, did you mean `issuer`?"),
        ("comment: x", Unparseable, 3, "unknown key `comment`"),
        ("issuer: y", Unparseable, 3, "the key `issuer` is given twice; first at 1:1"),
        ("repositories: [a]", Unparseable, 3, organisation_only),
        (
            "permissions: {pull-requests: write}",
            Unparseable,
            3,
            "unknown key `pull-requests`, did you mean `pull_requests`?",
        ),
        ("permissions: read-all", Unparseable, 3, "`permissions` must be a mapping"),
        ("permissions: {issues: [write]}", Unparseable, 3, "`issues` must be text, not a list or mapping"),
        ("claim_pattern: [a]", Unparseable, 3, "`claim_pattern` must be a mapping"),
        ("claim_pattern: {yes: a, on: b}", Unparseable, 3, "the key `true` is given twice"),
        ("claim_pattern: {~: a}", Unparseable, 3, "a key must not be null"),
        ("claim_pattern: {9223372036854775808: a}", Unparseable, 3, "or a huge number: quote it"),
        ("claim_pattern: {[a]: b}", Unparseable, 3, "a key must be text"),
        ("audience: {a: b}", Unparseable, 3, "`audience` must be text, not a list or mapping"),
        ("audience: [", Unparseable, 3, "unclosed"),
        (
            "issuer_pattern: y",
            Uncompilable,
            3,
            "trust policy: only one of issuer or issuer_pattern can be set, got both",
        ),
        (
            "subject_pattern: y",
            Uncompilable,
            3,
            "trust policy: only one of subject or subject_pattern can be set, got both",
        ),
        (
            "audience: x\naudience_pattern: y",
            Uncompilable,
            4,
            "trust policy: only one of audience or audience_pattern can be set, got both",
        ),
        (
            "claim_pattern: {yes: a, 'true': b}",
            NotJudged,
            3,
            "the key `true` is given twice, once bare and once quoted",
        ),
        ("claim_pattern: {<<: {a: b}}", NotJudged, 3, "merge keys are not judged"),
        ("audience: !!int 5", NotJudged, 3, "tags are not judged"),
        ("audience: 0xFFFFFFFFFFFFFFFFFF", NotJudged, 3, "servers differ about a number this large"),
        ("audience: a\u{85}b", NotJudged, 3, "YAML readers take this invisible character differently"),
        ("permissions: {issues:}", NotJudged, 3, "a colon without a space after it"),
        ("permissions: {issues: read, checks:,}", NotJudged, 3, "a colon without a space after it"),
        ("permissions:\n  issues: read\n\t# tab", NotJudged, 5, "a tab at the start of a line"),
        ("...", NotJudged, 3, "an end marker"),
        ("app: octo", NotJudged, 3, "only newer servers know `app`"),
    ] {
        let error = TrustPolicy::parse(&format!("{HEAD}{tail}\n"), Repository).unwrap_err();
        assert_eq!((error.kind, error.position.line), (kind, line), "{tail}: {error}");
        assert!(error.message.contains(message), "{tail}: {error}");
    }
    for (text, kind, message) in [
        ("", Uncompilable, "trust policy: one of issuer or issuer_pattern must be set, got neither"),
        (
            "subject: s",
            Uncompilable,
            "trust policy: one of issuer or issuer_pattern must be set, got neither",
        ),
        (
            "issuer: a\nclaim_pattern: {a: b}",
            Uncompilable,
            "trust policy: one of subject or subject_pattern must be set, got neither",
        ),
        ("[a]", Unparseable, "a policy must be a mapping"),
        ("just text", Unparseable, "a policy must be a mapping"),
        ("%YAML 1.1\n---\nissuer: a", NotJudged, "YAML readers take a `%` directive differently"),
        ("issuer: a\nsubject: b\nrepositories: x", Unparseable, "`repositories` must be a list"),
        ("issuer: a\nsubject: b\nrepositories: [~]", NotJudged, "an empty element of `repositories`"),
        ("issuer: a\nsubject: b\nrepositories: [[a]]", Unparseable, "`repositories` must be text"),
        ("issuer: a\nsubject: b\npermissions: {issues: on}", Unparseable, "bare this is a boolean: quote it"),
    ] {
        let error = TrustPolicy::parse(text, Organization).unwrap_err();
        assert_eq!(error.kind, kind, "{text}: {error}");
        assert!(error.message.contains(message), "{text}: {error}");
    }
}

#[test]
fn speaks_for_the_server() {
    let says = |text| TrustPolicy::parse(text, Repository).unwrap_err().server_message("alarms");
    assert_eq!(says("x: y").as_deref(), Some("unable to parse trust policy found for \"alarms\""));
    assert_eq!(says("issuer: y").as_deref(), Some("unable to compile trust policy found for \"alarms\""));
    assert_eq!(says("app: y"), None);
}
