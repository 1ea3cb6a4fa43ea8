//! What a claim, an id or a shared host leaves open.

use super::*;

#[test]
fn what_is_left_open_is_found() {
    let mut wrong = String::new();
    for (head, subject, claims, code, said) in [
        (GITHUB, "(?i)REPO:acme@1/.*:ref:refs/heads/main", "", Code::AdmitsRepositories, "acme@1/evil@"),
        (GITHUB, ".*acme/widgets:.*", "", Code::AdmitsOwners, "repo:evil-acme/widgets:"),
        (GITHUB, "repo:acme@1/[^:]+:.*", "", Code::AdmitsRepositories, "acme@1/evil@"),
        (GITHUB, "repo:acme@1.*:ref:refs/heads/main", "", Code::AdmitsRepositories, "acme@1/evil@"),
        (GITHUB, "repo:acme-[0-9]+/widgets:pull_request", "", Code::AdmitsOwners, "acme-66666666/"),
        (GITHUB, "repo:evil-mallory.*", "", Code::AdmitsOwners, "evil-mallory-stranger/"),
        (GITHUB, ".*", "repository_id: '7770'", Code::AdmitsRefs, "repo:owner/repository:pull_request"),
        (GITHUB, ".*", "repository_owner_id: '5550'", Code::AdmitsRepositories, "repo:owner/evil:"),
        (GITHUB, "repo:acme/.*", "repository_owner_id: '5550'", Code::AdmitsRepositories, "repo:acme/evil:"),
        (GITHUB, ".*", "repository_owner_id: '[0-9]+'", Code::AdmitsOwners, "repo:evil/x:"),
        (GITHUB, ".*", "sha: '[0-9a-f]{40}'", Code::AdmitsOwners, "repo:evil/x:"),
        (
            GITHUB,
            ".*",
            "iss: 'https://token\\.actions\\.githubusercontent\\.com'",
            Code::AdmitsOwners,
            "repo:evil/x:",
        ),
        (GITHUB, ".*", "actor: 'dependabot\\[bot\\]'", Code::AdmitsOwners, "repo:evil/x:"),
        (
            GITHUB,
            ".*",
            "job_workflow_ref: 'acme/ci/\\.github/workflows/deploy\\.yml@.*'",
            Code::AdmitsRefs,
            "repo:acme/ci:",
        ),
        (
            GITHUB,
            ".*",
            "job_workflow_ref: 'acme/ci/\\.github/workflows/deploy\\.yml@[0-9a-f]{40}'",
            Code::AdmitsRefs,
            "repo:acme/ci:",
        ),
        (GITHUB, ".*", "job_workflow_ref: 'acme/.*'", Code::AdmitsRepositories, "repo:acme/evil:"),
        (
            GITHUB,
            ".*",
            "repository: acme/widgets, ref: refs/.*",
            Code::AdmitsRefs,
            "repo:acme/widgets:ref:refs/heads/evil",
        ),
        (GITHUB, r"repo:acme\W.*", "", Code::AdmitsRepositories, "repo:acme/evil:"),
        (
            AWS,
            "arn:[^:]+:iam::[^:]+:role/[^:]+",
            "",
            Code::AdmitsIdentities,
            "arn:aws:iam::123456789012:role/evil",
        ),
        (EKS, r"\S+:alarms", "", Code::AdmitsIdentities, "system:serviceaccount:evil:alarms"),
        (GOOGLE, "[0-9]+", "azp: '[0-9]+'", Code::AdmitsIdentities, "every account"),
        (ENTRA, "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "", Code::AdmitsIdentities, "11111111-1111-"),
        (
            ENTRA,
            "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
            "",
            Code::AdmitsIdentities,
            "every identity",
        ),
        (ENTRA, ".*", "azp: '[0-9a-f-]{36}'", Code::AdmitsIdentities, "every identity"),
        (
            "issuer: https://gitlab.com\n",
            ".*",
            "project_id: '[0-9]+'",
            Code::AdmitsOwners,
            "project_path:evil/",
        ),
        (
            "issuer: https://app.terraform.io\n",
            ".*",
            "terraform_workspace_name: production",
            Code::AdmitsOwners,
            "organization:evil:",
        ),
        (
            "issuer: https://gitlab.com\n",
            "project_path:[^:]+:ref_type:branch:ref:main",
            "",
            Code::AdmitsOwners,
            "project_path:evil/x:",
        ),
        (
            "issuer_pattern: https://token\\.actions\\.[a-z0-9-]+\\.ghe\\.com\n",
            "repo:acme@1/widgets@2:pull_request",
            "",
            Code::AdmitsIssuers,
            "https://token.actions.evil.ghe.com",
        ),
        (
            "issuer_pattern: https://login\\.microsoftonline\\.com/.*/v2\\.0\naudience: fb60f99c-7a34-4190-8149-302f77469936\n",
            ".*",
            "tid: .*",
            Code::AdmitsIssuers,
            "/v2.0",
        ),
        (
            GITHUB,
            "repo:a@1/b@2:pull_request",
            "job_workflow_ref: acme/ci/.*|acme/b/.*",
            Code::Ungrouped,
            "evil-acme/b/",
        ),
        (OTHER, "[^/]+", "", Code::AdmitsIdentities, "everybody"),
        (
            "issuer_pattern: https://(accounts\\.google\\.com|token\\.actions\\.githubusercontent\\.com)\n",
            "repo:acme.*",
            "",
            Code::AdmitsOwners,
            "repo:acme-evil/",
        ),
        (
            "issuer_pattern: https://[0-9a-f-]{36}\\.tokens\\.sts\\.global\\.api\\.aws\n",
            "arn:aws:iam::1111.*:role/alarms",
            "",
            Code::AdmitsIssuers,
            "tokens.sts.global.api.aws",
        ),
        (
            "issuer_pattern: https://container\\.googleapis\\.com/v1/projects/acme.*/locations/[^/]+/clusters/[^/]+\n",
            "system:serviceaccount:ops:alarms",
            "",
            Code::AdmitsIssuers,
            "projects/acmeevil/",
        ),
        (
            "issuer_pattern: https://login\\.microsoftonline\\.com/.*\naudience: fb60f99c-7a34-4190-8149-302f77469936\n",
            ".*",
            "",
            Code::AdmitsIssuers,
            "/v2.0",
        ),
        ("issuer_pattern: https://[a-z0-9-]+\\.com\n", "a", "", Code::AdmitsIssuers, "https://evil.com"),
        (
            "issuer_pattern: https://[^/]+\\.okta\\.com\n",
            "a",
            "",
            Code::AdmitsIssuers,
            "https://evil.okta.com",
        ),
        (
            "issuer_pattern: https://s3\\.amazonaws\\.com/.*\n",
            "a",
            "",
            Code::AdmitsIssuers,
            "amazonaws.com/evil",
        ),
        (
            "issuer: https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0\naudience_pattern: '[0-9a-f-]+'\n",
            "6f2e9c4a-8d4b-4f6e-9a51-0c2d7b1e3f58",
            "",
            Code::AnyAudience,
            "66666666-",
        ),
    ] {
        let lines = [format!("subject_pattern: '{subject}'"), format!("claim_pattern: {{ {claims} }}")];
        let found = findings(head, &lines.each_ref().map(String::as_str));
        if codes(&found) != [code] || !found[0].problem.message.contains(said) {
            wrong += &format!("{head}{lines:?}: {code} {said}\n    {found:?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
