//! Every row of the server's table: its cause, its class, and what goes to whom.

use std::collections::BTreeMap;

use serde_json::json;

use super::*;
use crate::exchange::Scope;
use crate::failure::Class;

fn with_access<T>(test: impl FnOnce(&Access<'_>, &Claims) -> T) -> T {
    let permissions = BTreeMap::from([("issues".to_owned(), "write".to_owned())]);
    let job = "alarms".parse().unwrap();
    let scope = Scope::Repository("acme/operations".parse().unwrap());
    let trust_policy = "alarms".parse().unwrap();
    let access = Access { job: &job, scope: &scope, trust_policy: &trust_policy, permissions: &permissions };
    let claims = json!({"iss":"https://accounts.google.com","sub":"107","aud":"octo-sts.dev"});
    test(&access, &Claims::new(claims.as_object().unwrap().clone()))
}

const NOW: &str = "2026-11-20T09:00:00Z";

fn refusal(status: u16, message: &str) -> Refusal {
    Refusal { status, message: message.into(), hint: None, at: NOW.parse().unwrap() }
}

/// Every row of the facts page: status, message, words of the cause, deferred.
const ROWS: &[(u16, &str, &str, bool)] = &[
    (400, "multiple scopes not supported", "does not know", false),
    (401, "expected exactly one authorization header", "does not know", false),
    (400, "invalid bearer token", "no OIDC token", false),
    (400, "invalid issuer format", "issuer", false),
    (400, "unable to fetch or create the provider", "cannot reach the token's issuer", true),
    (401, "unable to verify bearer token", "expired", false),
    (400, "scope must be provided", "does not know", false),
    (400, "identity must be provided", "does not know", false),
    (404, "no installation found for \"acme\"", "not installed", false),
    (403, "issuer not permitted by organization policy", "allow-list does not name", false),
    (400, "organization trusted-issuer configuration is invalid", "allow-list is broken", false),
    (503, "organization trusted-issuer lookup unavailable", "allow-list cannot be read", true),
    (429, "organization trusted-issuer lookup rate limited", "allow-list cannot be read", true),
    (404, "unable to find trust policy for \"alarms\"", "missing", false),
    (503, "transient error fetching trust policy for \"alarms\"", "just now", true),
    (429, "GitHub API rate limit exceeded for \"alarms\"", "rate limit", true),
    (404, "unable to read trust policy found for \"alarms\"", "cannot be read", false),
    (404, "unable to parse trust policy found for \"alarms\"", "no valid YAML", false),
    (404, "unable to compile trust policy found for \"alarms\"", "lacks an issuer or subject", false),
    (400, "invalid issuer in token", "issuer", false),
    (400, "invalid subject in token", "subject", false),
    (400, "invalid audience in token", "audience", false),
    (
        403,
        "trust policy: issuer \"a\" did not match \"b\"",
        "claims do not match the trust policy: it wants another issuer",
        false,
    ),
    (403, "trust policy: subject \"a\" did not match \"b\"", "it wants another subject", false),
    (403, "trust policy: audience \"a\" did not match any of [\"b\"]", "it wants another audience", false),
    (
        403,
        "trust policy: audience_pattern \"a\" did not match any of [\"b\"]",
        "it wants another audience",
        false,
    ),
    (403, "trust policy: expected claim \"a\" not found in token", "does not have as text", false),
    (403, "trust policy: expected claim \"a\" not a string", "does not have as text", false),
    (403, "trust policy: claim \"a\" did not match \"^b$\"", "another value of one", false),
    (403, "trust policy: something new", "claims do not match", false),
    (403, "token exchange failure (StatusUnprocessableEntity)", "permissions", false),
    (500, "failed to get token", "no token", true),
    (501, "Method Not Allowed", "cannot answer now", true),
    (404, "Not Found", "no exchange at this address", false),
];

#[test]
fn every_row_has_its_cause_and_class() {
    for (status, message, words, deferred) in ROWS {
        with_access(|access, claims| {
            let diagnosis = refusal(*status, message).diagnose(access, Some(claims), "octo-sts.dev");
            assert!(diagnosis.cause.contains(words), "{message}: {}", diagnosis.cause);
            assert!(!diagnosis.next_step.contains('{'), "{}", diagnosis.next_step);
            let class = refusal(*status, message).into_failure(access, Some(claims), "octo-sts.dev").class;
            assert_eq!(matches!(class, Class::Deferred(_)), *deferred, "{message}");
            assert_eq!(class == Class::Refused, !*deferred, "{message}");
        });
    }
}

#[test]
fn the_policy_that_would_admit_goes_to_the_log_and_not_to_the_caller() {
    with_access(|access, claims| {
        let failure = refusal(403, "trust policy: subject \"107\" did not match \"108\"").into_failure(
            access,
            Some(claims),
            "octo-sts.dev",
        );
        let details = failure.details.unwrap();
        assert!(details.contains("issuer: \"https://accounts.google.com\""), "{details}");
        assert!(details.contains("issues: \"write\"") || details.contains("issues: write"), "{details}");
        assert!(details.contains(".github/chainguard/alarms.sts.yaml in acme/operations"), "{details}");
        assert!(!failure.message.contains("107") && !failure.message.contains("108"), "{}", failure.message);
    });
}

#[test]
fn what_differs_goes_to_the_log_and_not_to_the_caller() {
    for (message, claims, words) in [
        (
            r#"trust policy: issuer "https://accounts.google.com" did not match "accounts.google.com""#,
            json!({"iss": "https://accounts.google.com"}),
            "`https://` is missing",
        ),
        (
            r#"trust policy: subject "107691503500061500000" did not match "1.076915e+20""#,
            json!({"sub": "107691503500061500000"}),
            "write it in quotes, `subject: \"107691503500061500000\"`",
        ),
        (
            r#"trust policy: subject "arn:aws:iam::1:role/a" did not match "arn:aws:sts::1:assumed-role/a/b""#,
            json!({}),
            "`assumed-role`",
        ),
        (
            r#"trust policy: audience "octo-sts.dev" did not match any of ["https://octo-sts.dev"]"#,
            json!({"aud": "https://octo-sts.dev"}),
            "the policy for the bare domain",
        ),
        (
            r#"trust policy: expected claim "account" not found in token"#,
            json!({"aws": {"account": "1"}}),
            "inside `aws`",
        ),
        (
            r#"trust policy: claim "ref" did not match "^(?:main)$""#,
            json!({"ref": "refs/heads/main"}),
            "only the end",
        ),
        ("invalid subject in token", json!({"sub": "a b"}), "subject has white space"),
        ("unable to verify bearer token", json!({"exp": 1}), "expired"),
        (
            "unable to verify bearer token",
            json!({"exp": 1795166100, "nbf": 1795165800}),
            "set this machine's clock",
        ),
        ("unable to verify bearer token", json!({"exp": 1795165500}), ""),
        (r#"trust policy: subject "zz9" did not match "b""#, json!({"sub": "zz9"}), ""),
        ("unable to find trust policy for \"alarms\"", json!({"sub": "a b"}), ""),
    ] {
        with_access(|access, _| {
            let claims = Claims::new(claims.as_object().unwrap().clone());
            let refusal = refusal(403, message);
            let difference = refusal.diagnose(access, Some(&claims), "octo-sts.dev").difference;
            assert_eq!(difference.is_some(), !words.is_empty(), "{message}: {difference:?}");
            let difference = difference.unwrap_or_default();
            assert!(difference.contains(words), "{message}: {difference}");
            let failure = refusal.into_failure(access, Some(&claims), "octo-sts.dev");
            assert!(failure.details.unwrap().contains(&difference), "{message}");
            assert!(words.is_empty() || !failure.message.contains(&difference), "{}", failure.message);
            for (_, value) in claims.iter().filter(|(name, _)| *name != "exp") {
                assert!(!failure.message.contains(value.as_str().unwrap_or("107691")), "{}", failure.message);
            }
        });
    }
}

#[test]
fn a_policy_that_cannot_be_written_is_not_promised() {
    with_access(|access, _| {
        let claims = json!({"iss": "https://accounts.google.com", "sub": "107"});
        let claims = Claims::new(claims.as_object().unwrap().clone());
        let missing = refusal(404, "unable to find trust policy for \"alarms\"");
        let Diagnosis { next_step, policy, .. } = missing.diagnose(access, Some(&claims), "octo-sts.dev");
        assert!(next_step.ends_with(
            "; no such policy can be written: no policy can admit this token: it has no audience"
        ));
        assert_eq!(policy, None);
    });
}

#[test]
fn an_organisations_policy_names_its_repositories() {
    with_access(|access, claims| {
        let missing = refusal(404, "unable to find trust policy for \"alarms\"");
        let next_step =
            |access: &Access<'_>| missing.diagnose(access, Some(claims), "octo-sts.dev").next_step;
        assert!(!next_step(access).contains("`repositories`"));
        let scope = Scope::Organization("acme".parse().unwrap());
        assert!(next_step(&Access { scope: &scope, ..*access }).contains("under `repositories`"));
        let home = Scope::Repository("acme/.github".parse().unwrap());
        let access = Access { scope: &home, ..*access };
        let policy = missing.diagnose(&access, Some(claims), "octo-sts.dev").policy.unwrap();
        assert!(policy.ends_with("repositories:\n  - \".github\"\n"), "{policy}");
    });
}

#[test]
fn a_hint_is_followed_within_reason() {
    with_access(|access, _| {
        let wait = |hint| {
            Refusal { hint, ..refusal(429, "GitHub API rate limit exceeded") }
                .into_failure(access, None, "octo-sts.dev")
                .retry_after()
                .unwrap()
        };
        assert_eq!(wait(None), 1);
        assert!((118..=120).contains(&wait(Some(120))));
        assert!(wait(Some(u64::MAX)) <= LONGEST_WAIT);
    });
}
