//! Policies with one thing wrong each, and what is said of it.

use super::*;
use crate::{Claims, TrustPolicy, Verdict};

/// The last column is in the message: for those that admit strangers, the stranger.
#[test]
fn bad_policies_get_their_finding() {
    let repository = "claim_pattern: { repository: acme/widgets }";
    let mut wrong = String::new();
    for (head, lines, code, said) in [
        (GITHUB, &["subject_pattern: repo:acme.*"][..], Code::AdmitsOwners, "repo:acme-evil/x:pull_request"),
        (GITHUB, &["subject_pattern: repo:.*"], Code::AdmitsOwners, "repo:evil/x:pull_request"),
        (GITHUB, &["subject_pattern: .*"], Code::AdmitsOwners, "repo:evil/x:pull_request"),
        (
            GITHUB,
            &["subject_pattern: .+:ref:refs/heads/main"],
            Code::AdmitsOwners,
            "repo:evil/x:ref:refs/heads/main",
        ),
        (
            GITHUB,
            &["subject_pattern: repo:acme[a-z-]*/widgets:pull_request"],
            Code::AdmitsOwners,
            "evil/widgets",
        ),
        (
            GITHUB,
            &["subject_pattern: repo:[^/]+/widgets:ref:refs/heads/main"],
            Code::AdmitsOwners,
            "repo:evil/widgets",
        ),
        (GITHUB, &["subject_pattern: .*acme/widgets:pull_request"], Code::AdmitsOwners, "evil-acme/widgets"),
        (
            GITHUB,
            &["subject_pattern: (repo:acme/widgets|repo:.*):pull_request"],
            Code::AdmitsOwners,
            "repo:evil/x",
        ),
        (
            GITHUB,
            &["subject_pattern: repo:.*", "claim_pattern: { ref: refs/heads/main }"],
            Code::AdmitsOwners,
            ":ref:refs/heads/main",
        ),
        (
            GITHUB,
            &["subject_pattern: .*", "claim_pattern: { repository_owner: acme.* }"],
            Code::AdmitsOwners,
            "repo:acme-evil/",
        ),
        (
            GITHUB,
            &["subject_pattern: .*", "claim_pattern: { repository_visibility: private }"],
            Code::AdmitsOwners,
            "repo:evil/x",
        ),
        (
            GITHUB,
            &[
                "subject_pattern: .*",
                "claim_pattern: { workflow_ref: '.*/\\.github/workflows/deploy\\.yml@refs/heads/main' }",
            ],
            Code::AdmitsOwners,
            "repo:evil/x",
        ),
        (
            GITHUB,
            &["subject_pattern: .*", "claim_pattern: { repository_owner: acme }"],
            Code::AdmitsRepositories,
            "repo:acme/evil:",
        ),
        (GITHUB, &["subject_pattern: repo:acme/.*"], Code::AdmitsRepositories, "repo:acme/evil:pull_request"),
        (
            GITHUB,
            &["subject_pattern: repo:acme@1/.*"],
            Code::AdmitsRepositories,
            "repo:acme@1/evil@66666666:pull_request",
        ),
        (
            GITHUB,
            &["subject_pattern: repo:acme/widgets.*"],
            Code::AdmitsRepositories,
            "repo:acme/widgets-evil:pull_request",
        ),
        (
            GITHUB,
            &["subject_pattern: repo:acme/[^/:]+:ref:refs/heads/main"],
            Code::AdmitsRepositories,
            "repo:acme/evil:",
        ),
        (GITHUB, &["subject_pattern: .*", repository], Code::AdmitsRefs, "repo:acme/widgets:pull_request"),
        (
            GITHUB,
            &["subject_pattern: repo:.*", repository],
            Code::AdmitsRefs,
            "repo:acme/widgets:pull_request",
        ),
        (
            GITHUB,
            &["subject_pattern: repo:acme@1/widgets@2:.*"],
            Code::AdmitsRefs,
            "repo:acme@1/widgets@2:pull_request",
        ),
        (
            GITHUB,
            &["subject_pattern: repo:acme@1/widgets@2:ref:.*"],
            Code::AdmitsRefs,
            ":ref:refs/heads/evil",
        ),
        (
            GITHUB,
            &["subject_pattern: repo:acme@1/widgets@2:ref:refs/heads/.*"],
            Code::AdmitsRefs,
            ":ref:refs/heads/evil",
        ),
        (
            GITHUB,
            &["subject_pattern: repo:acme@1/widgets@2:ref:refs/heads/main.*"],
            Code::AdmitsRefs,
            "refs/heads/main-evil",
        ),
        (
            GITHUB,
            &["subject_pattern: repo:acme@1/widgets@2:environment:.*"],
            Code::AdmitsRefs,
            ":environment:evil",
        ),
        (
            GITHUB,
            &["subject_pattern: repo:acme@1/widgets@2:.*", "claim_pattern: { event_name: push }"],
            Code::AdmitsRefs,
            ":ref:refs/heads/evil",
        ),
        (
            GITHUB,
            &["subject_pattern: repo:acme@1/widgets@2:.*", "claim_pattern: { ref: refs/heads/.* }"],
            Code::AdmitsRefs,
            ":ref:refs/heads/evil",
        ),
        (
            GITHUB,
            &["subject: repo:acme/widgets:ref:refs/heads/main"],
            Code::OldGitHubSubject,
            "repo:acme/widgets",
        ),
        (
            GITHUB,
            &["subject_pattern: repo:acme/widgets:(pull_request|ref:refs/heads/main)"],
            Code::OldGitHubSubject,
            "old form",
        ),
        (GITHUB, &["subject: repo:acme@1/widgets@2:main"], Code::SubjectForm, "after the repository"),
        (GITHUB, &["subject_pattern: repo:acme/*"], Code::GlobInPattern, "number of `/`"),
        (GITHUB, &["subject_pattern: repo:acme@1/widgets@2:*"], Code::GlobInPattern, "number of `:`"),
        (
            GITHUB,
            &["subject_pattern: repo:acme@1/widgets@2:ref:refs/tags/v*"],
            Code::GlobInPattern,
            "number of `v`",
        ),
        (GITHUB, &["subject: repo:acme/widgets:ref:refs/heads/[a-z]+"], Code::PatternInExact, "pattern"),
        (
            GITHUB,
            &["subject: repo:a@1/b@2:pull_request", "claim_pattern: { actor: 'renovate[bot]' }"],
            Code::ClaimForm,
            "one of the letters",
        ),
        (GITHUB, &["subject: repo:a@1/b@2:environment:eu-(1)"], Code::ImpossibleSubject, "brackets"),
        (GOOGLE, &["subject_pattern: .*@acme\\.example"], Code::SubjectForm, "numeric unique id"),
        (
            AWS,
            &["subject_pattern: arn:aws:sts::123456789012:assumed-role/alarms/.*"],
            Code::SubjectForm,
            "the role's ARN",
        ),
        (ENTRA, &["subject_pattern: /subscriptions/.*"], Code::SubjectForm, "principal (object) id"),
        (EKS, &["subject_pattern: ops/.*"], Code::SubjectForm, "system:serviceaccount"),
        (
            GITHUB,
            &[
                "subject: repo:a@1/b@2:pull_request",
                "claim_pattern: { job_workflow_ref: a/b.c/d@refs/heads/main }",
            ],
            Code::UnescapedDot,
            "a/bxc/d",
        ),
        (GOOGLE, &["subject_pattern: \\d+"], Code::AdmitsIdentities, "`666666666666666666666`"),
        (GOOGLE, &["subject_pattern: \"[0-9]{21}\""], Code::AdmitsIdentities, "every account"),
        (GOOGLE, &["subject_pattern: 1[0-9]{20}"], Code::AdmitsIdentities, "every account"),
        (
            GOOGLE,
            &["subject_pattern: .*", "claim_pattern: { email: 'alarms@.*', email_verified: true }"],
            Code::AdmitsIdentities,
            "alarms@evil.example",
        ),
        (
            GOOGLE,
            &["subject_pattern: .*", "claim_pattern: { email: 'alarms@acme\\.example' }"],
            Code::AdmitsIdentities,
            "need not be verified",
        ),
        (
            AWS,
            &["subject_pattern: arn:aws:iam::.*"],
            Code::AdmitsIdentities,
            "arn:aws:iam::123456789012:role/evil",
        ),
        (AWS, &["subject_pattern: .*"], Code::AdmitsIdentities, "role/evil"),
        (ENTRA, &["subject_pattern: .*"], Code::AdmitsIdentities, "66666666-6666"),
        (
            ENTRA,
            &[
                "subject_pattern: '[0-9a-f-]{36}'",
                "claim_pattern: { tid: 9188040d-6c67-4c5b-b112-36a304b66dad }",
            ],
            Code::AdmitsIdentities,
            "tenant",
        ),
        (
            EKS,
            &["subject_pattern: system:serviceaccount:.*"],
            Code::AdmitsIdentities,
            "system:serviceaccount:evil:evil",
        ),
        (
            EKS,
            &["subject: system:serviceaccount:ops:alarms", "claim_pattern: { kubernetes.io.namespace: ops }"],
            Code::ClaimNeverMatches,
            "inside",
        ),
        (
            "issuer: https://gitlab.com\n",
            &["subject_pattern: project_path:acme.*"],
            Code::AdmitsOwners,
            "project_path:acme-evil/",
        ),
        (
            "issuer: https://app.terraform.io\n",
            &["subject_pattern: organization:.*"],
            Code::AdmitsOwners,
            "organization:evil:",
        ),
        (OTHER, &["subject_pattern: .*"], Code::AdmitsIdentities, "everybody"),
        ("issuer_pattern: https://.*\n", &["subject: a"], Code::AdmitsIssuers, "https://evil.example"),
        (
            "issuer_pattern: https://accounts\\.google\\.com.*\n",
            &["subject: \"107691503500061507151\""],
            Code::AdmitsIssuers,
            "com.evil.example",
        ),
        (
            "issuer_pattern: https://.*\\.tokens\\.sts\\.global\\.api\\.aws\n",
            &["subject: arn:aws:iam::123456789012:role/alarms"],
            Code::AdmitsIssuers,
            "https://evil.example/",
        ),
        (
            "issuer_pattern: https://[a-z0-9-]+\\.tokens\\.sts\\.global\\.api\\.aws\n",
            &["subject_pattern: arn:aws:iam::[0-9]{12}:role/alarms"],
            Code::AdmitsIssuers,
            "66666666-6666-4666-8666-666666666666.tokens",
        ),
        (
            "issuer_pattern: https://oidc\\.eks\\.[a-z0-9-]+\\.amazonaws\\.com/id/[A-Z0-9]+\n",
            &["subject: system:serviceaccount:ops:alarms"],
            Code::AdmitsIssuers,
            "/id/66666666",
        ),
        (
            "issuer_pattern: https://container\\.googleapis\\.com/v1/projects/.*\n",
            &["subject: system:serviceaccount:ops:alarms"],
            Code::AdmitsIssuers,
            "projects/evil",
        ),
        (
            "issuer_pattern: https://[a-z]+\\.oic\\.prod-aks\\.azure\\.com/.*\n",
            &["subject: system:serviceaccount:ops:alarms"],
            Code::AdmitsIssuers,
            "azure.com/66666666-",
        ),
        (
            "issuer_pattern: https://login\\.microsoftonline\\.com/[0-9a-f-]+/v2\\.0\naudience: fb60f99c-7a34-4190-8149-302f77469936\n",
            &["subject_pattern: .*"],
            Code::AdmitsIssuers,
            "/66666666-6666-4666-8666-666666666666/v2.0",
        ),
        (
            "issuer_pattern: https://accounts.google.com\n",
            &["subject: \"107691503500061507151\""],
            Code::UnescapedDot,
            "accountsxgoogle.com",
        ),
        (OTHER, &["subject: a", "audience_pattern: https://.*"], Code::AnyAudience, "https://evil.example"),
        (OTHER, &["subject: a", "claim_pattern: { exp: .* }"], Code::ClaimNeverMatches, "number"),
        (
            GITHUB,
            &[
                "subject: repo:a@1/b@2:pull_request",
                "claim_pattern: { workflow_ref: a/b/\\.github/workflows/c\\.yml }",
            ],
            Code::ClaimForm,
            "@",
        ),
    ] {
        let found = findings(head, lines);
        if codes(&found) != [code] || !found[0].problem.message.contains(said) {
            let found: Vec<String> =
                found.iter().map(|one| format!("{} {}", one.code, one.problem)).collect();
            wrong += &format!("{lines:?}: {code} {said}\n    {}\n", found.join("\n    "));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// What stands in a message as admitted is admitted by the policy as a whole, where it asks for no claims.
#[test]
fn strangers_that_are_named_really_get_in() {
    let mut proved = 0;
    for (head, subject) in [
        (GITHUB, "repo:acme.*"),
        (GITHUB, ".*"),
        (GITHUB, "repo:acme/.*"),
        (GITHUB, "repo:acme@1/widgets@2:.*"),
        (GITHUB, "repo:acme@1/widgets@2:ref:refs/heads/main.*"),
        (GITHUB, "(repo:acme/[a-z]+|repo:x/y):(pull_request|ref:.+)"),
        (GOOGLE, "[0-9]{21}"),
        (AWS, "arn:aws:iam::[0-9]+:role/.*"),
        (ENTRA, "[0-9a-f-]+"),
        (EKS, "system:serviceaccount:.*:alarms"),
        (OTHER, ".+"),
    ] {
        let text = format!("{head}subject_pattern: '{subject}'\npermissions: {{ issues: read }}\n");
        let policy = TrustPolicy::parse(&text, PolicyKind::Repository).unwrap();
        let issuer = head.lines().next().unwrap().split_once(' ').unwrap().1;
        let audience = head.lines().nth(1).map_or("octo-sts.dev", |line| line.split_once(' ').unwrap().1);
        for finding in findings(head, &[&format!("subject_pattern: '{subject}'")]) {
            let witness = finding.problem.message.rsplit('`').nth(1).unwrap();
            let token = serde_json::json!({ "iss": issuer, "sub": witness, "aud": audience }).to_string();
            let claims = Claims::from_json(token.as_bytes()).unwrap();
            assert_eq!(policy.evaluate(&claims, "octo-sts.dev"), Verdict::Admitted, "{subject} {witness}");
            proved += 1;
        }
    }
    assert_eq!(proved, 11);
}

#[test]
fn a_warning_does_not_hide_who_else_gets_in() {
    for (subject, warned) in [
        ("repo:acme.*:ref:refs/heads/main|repo:b@1/c@2:ref:refs/heads/main", Code::Ungrouped),
        ("repo:acme.*:ref:refs/heads/v1.2", Code::UnescapedDot),
    ] {
        let found = findings(GITHUB, &[&format!("subject_pattern: '{subject}'")]);
        let mut expected = [warned, Code::AdmitsOwners];
        expected.sort();
        let mut codes = codes(&found);
        codes.sort();
        assert_eq!(codes, expected, "{subject}: {found:?}");
    }
}
