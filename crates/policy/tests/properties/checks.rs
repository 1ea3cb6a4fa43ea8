//! What must hold for any input. Each function panics when it does not.

use gatepass_policy::lint::{PolicyFile, Settings, lint};
use gatepass_policy::pattern::Server;
use gatepass_policy::{
    Cases, Claims, Outcome, ParseError, ParseErrorKind, Pattern, PolicyKind, Sketch, TrustPolicy,
    TrustedIssuers, Verdict, explain, inspect, trusted_issuers, warnings,
};

const DOMAIN: &str = "octo-sts.dev";

/// Stands in a token, and must stand in no error.
const PRIVATE: &str = "xyzzyxyzzy";

/// Values that patterns are held against.
const VALUES: [&str; 5] =
    ["", "a", "repo:acme/operations:ref:refs/heads/main", "https://a.example", "é\n\u{212a}"];

fn claims() -> Claims {
    let claims =
        br#"{"iss":"https://a.example","sub":"x","aud":["octo-sts.dev","y"],"ref":"main","on":true,"n":7}"#;
    Claims::from_json(claims).expect("JSON")
}

/// Reads bytes as a policy, whole and piece by piece, and holds a token against it.
pub(crate) fn policy(bytes: &[u8]) {
    for kind in [PolicyKind::Repository, PolicyKind::Organization] {
        let read = Sketch::read(bytes, kind).policy;
        if let Ok(text) = std::str::from_utf8(bytes) {
            assert_eq!(TrustPolicy::parse(text, kind), read);
        }
        match read {
            Ok(policy) => explained(&policy, &claims()),
            Err(error) => has_words(&error),
        }
    }
}

/// The explanation says what the verdict says, and its change does what it promises.
pub(crate) fn explained(policy: &TrustPolicy, claims: &Claims) {
    let explanation = explain(policy, claims, DOMAIN);
    assert_eq!(explanation.verdict, policy.evaluate(claims, DOMAIN));
    let all = |outcome| explanation.checks.iter().all(|check| check.outcome == outcome);
    let any = |outcome| explanation.checks.iter().any(|check| check.outcome == outcome);
    match &explanation.verdict {
        Verdict::Admitted => assert!(all(Outcome::Matches) && explanation.change.is_none()),
        Verdict::Refused(refusal) => {
            assert!(any(Outcome::Differs), "{refusal}");
            assert!(!refusal.to_string().contains(char::is_control), "{refusal:?}");
            let _ = refusal.hint(claims);
        }
        Verdict::NotJudged(reason) => assert!(any(Outcome::NotJudged) && !reason.is_empty(), "{reason}"),
    }
    if let Some(change) = explanation.change {
        assert_eq!(change.policy.evaluate(claims, DOMAIN), Verdict::Admitted, "{}", change.what);
    }
}

/// Looks at bytes as at every kind of file.
pub(crate) fn linted(bytes: &[u8]) {
    let settings = Settings::default();
    let last = bytes.iter().filter(|byte| **byte == b'\n').count() + 2;
    for path in [".github/chainguard/alarms.sts.yaml", trusted_issuers::PATH] {
        for kind in [PolicyKind::Repository, PolicyKind::Organization] {
            for finding in lint(&PolicyFile { path, bytes, kind }, &settings) {
                assert!(!finding.problem.message.is_empty() && !finding.why.is_empty(), "{finding:?}");
                assert!((1..=last).contains(&finding.position().line), "{finding:?}");
            }
        }
    }
}

/// Compiles a pattern and judges with it. A literal one matches itself.
pub(crate) fn pattern(text: &str) {
    let pattern = match Pattern::compile(text) {
        Ok(pattern) => pattern,
        Err(broken) => {
            assert!(broken.message.starts_with("error parsing regexp: "));
            return assert!(text.get(broken.at.clone()).is_some(), "{broken:?}");
        }
    };
    assert_eq!(pattern.as_str(), text);
    assert!(text.get(pattern.syntax().span.clone()).is_some());
    for value in VALUES.into_iter().chain([text]) {
        let current = pattern.judge(value, Server::Current);
        let older = pattern.judge(value, Server::Older);
        assert!(pattern.older_may_differ() || current == older, "{value:?}");
    }
    if let Some(literal) = pattern.literal() {
        assert_eq!(pattern.judge(&literal, Server::Current), Ok(true), "{literal:?}");
    }
}

/// Reads a token, with what must not be told behind it.
pub(crate) fn token(text: &str) {
    for token in [
        format!("{text}.{PRIVATE}"),
        format!("{text}{PRIVATE}.e30.{PRIVATE}"),
        format!("e30.{text}.{PRIVATE}"),
    ] {
        match Claims::from_jwt(&token) {
            Ok(claims) => looked_at(&claims),
            Err(error) => {
                let error = error.to_string();
                assert!(!error.is_empty() && !error.contains(PRIVATE), "{error}");
            }
        }
    }
    if let Ok(claims) = Claims::from_json(text.as_bytes()) {
        looked_at(&claims);
    }
}

fn looked_at(claims: &Claims) {
    assert_eq!(inspect(claims).len(), claims.iter().count());
    let _ = warnings(claims, DOMAIN, 1_795_165_200);
    let policy = "issuer: https://a.example\nsubject_pattern: .*\nclaim_pattern: {ref: main|dev}";
    let policy = TrustPolicy::parse(policy, PolicyKind::Repository).expect("a policy");
    explained(&policy, claims);
}

/// Reads a file of cases, and judges them.
pub(crate) fn cases(text: &str) {
    match Cases::read(text) {
        Ok(cases) => {
            let policy = TrustPolicy::parse("issuer: https://a.example\nsubject: x", PolicyKind::Repository);
            let policy = policy.expect("a policy");
            for case in &cases.cases {
                let _ = case.judge(&policy, DOMAIN);
            }
        }
        Err(problems) => {
            assert!(!problems.is_empty());
            assert!(problems.iter().all(|problem| !problem.message.is_empty()), "{problems:?}");
        }
    }
}

/// Reads a list of trusted issuers, and asks it.
pub(crate) fn issuer_list(text: &str) {
    match TrustedIssuers::parse(text) {
        Ok(list) => {
            for issuer in VALUES {
                let _ = list.lists(issuer);
            }
        }
        Err(error) => has_words(&error),
    }
}

fn has_words(error: &ParseError) {
    assert!(!error.message.is_empty());
    assert_eq!(error.server_message("p").is_none(), error.kind == ParseErrorKind::NotJudged);
}
