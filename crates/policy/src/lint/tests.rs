//! What the rules make of many policies, good ones first.

mod bad;
mod bounds;
mod open;

use super::{Code, Finding, PolicyFile, Settings, lint};
use crate::PolicyKind;

const GITHUB: &str = "issuer: https://token.actions.githubusercontent.com\n";
const GOOGLE: &str = "issuer: https://accounts.google.com\n";
const AWS: &str = "issuer: https://a1b2c3d4.tokens.sts.global.api.aws\n";
const ENTRA: &str = "issuer: https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0\naudience: fb60f99c-7a34-4190-8149-302f77469936\n";
const EKS: &str = "issuer: https://oidc.eks.eu-west-1.amazonaws.com/id/D539D4633E53DE1B71EXAMPLE\n";
const OTHER: &str = "issuer: https://issuer.example\n";

fn findings(head: &str, lines: &[&str]) -> Vec<Finding> {
    let text = format!("{head}{}\npermissions: {{ issues: read }}\n", lines.join("\n"));
    let file = PolicyFile { path: "a.sts.yaml", bytes: text.as_bytes(), kind: PolicyKind::Repository };
    lint(&file, &Settings::default())
}

fn codes(findings: &[Finding]) -> Vec<Code> {
    findings.iter().map(|finding| finding.code).collect()
}

#[test]
fn good_policies_are_left_alone() {
    let mut wrong = String::new();
    for (head, lines) in [
        (GITHUB, &["subject: repo:acme@1/widgets@2:ref:refs/heads/main"][..]),
        (GITHUB, &["subject: repo:acme@1/widgets@2:pull_request"]),
        (GITHUB, &["subject: repo:acme@1/widgets@2:environment:production"]),
        (GITHUB, &["subject_pattern: repo:acme@1/widgets@2:(pull_request|ref:refs/heads/main)"]),
        (GITHUB, &["subject_pattern: ^repo:acme@1/widgets@2:ref:refs/heads/(main|dev)$"]),
        (GITHUB, &["subject_pattern: repo:acme(@[0-9]+)?/widgets(@[0-9]+)?:ref:refs/heads/main"]),
        (GITHUB, &["subject_pattern: repo:acme@1/(widgets@2|gadgets@3):ref:refs/heads/main"]),
        (GITHUB, &["subject_pattern: repo:acme(@1)?/widgets(@2)?:ref:refs/heads/main"]),
        (GITHUB, &["subject_pattern: repo:[^/@]+@1/[^/@]+@2:ref:refs/heads/main"]),
        (GITHUB, &["subject_pattern: (?i)repo:acme@1/widgets@2:ref:refs/heads/main"]),
        (
            GITHUB,
            &[
                "subject_pattern: .*",
                "claim_pattern: { job_workflow_ref: acme/ci/\\.github/workflows/deploy\\.yml@refs/tags/v.* }",
            ],
        ),
        (GITHUB, &["subject_pattern: .*", "claim_pattern: { repository_id: '2', environment: production }"]),
        (GITHUB, &["subject_pattern: repo:acme@1/widgets@2:ref:refs/tags/v[0-9]+(\\.[0-9]+)*"]),
        (GITHUB, &["subject_pattern: repo:acme@1/widgets@2:ref:refs/heads/release/.*"]),
        (GITHUB, &["subject_pattern: repo:acme@1/terraform-[a-z-]+@[0-9]+:ref:refs/heads/main"]),
        (GITHUB, &["subject_pattern: repo:acme@1/widgets@2:.*", "claim_pattern: { ref: refs/heads/main }"]),
        (
            GITHUB,
            &["subject_pattern: repo:acme@1/widgets@2:.*", "claim_pattern: { environment: production }"],
        ),
        (
            GITHUB,
            &[
                "subject_pattern: repo:acme@1/.*",
                "claim_pattern: { job_workflow_ref: acme/ci/\\.github/workflows/deploy\\.yml@refs/heads/main }",
            ],
        ),
        (
            GITHUB,
            &[
                "subject_pattern: .*",
                "claim_pattern: { repository: acme/widgets, ref: refs/heads/main, event_name: push }",
            ],
        ),
        (
            GITHUB,
            &[
                "subject_pattern: .+",
                "claim_pattern: { workflow_ref: acme/widgets/\\.github/workflows/deploy\\.yml@refs/heads/main }",
            ],
        ),
        (
            GITHUB,
            &[
                "subject: repo:acme@1/widgets@2:ref:refs/heads/main",
                "claim_pattern: { job_workflow_ref: acme/widgets/.github/workflows/(a|b)-c.yaml@refs/heads/main }",
            ],
        ),
        (GITHUB, &["subject: repository_owner:acme:environment:production"]),
        (GITHUB, &["subject: repo:acme/widgets"]),
        (GITHUB, &["subject: repo:a@1/b@2:pull_request", "claim_pattern: { actor: 'renovate\\[bot\\]' }"]),
        (OTHER, &["subject: what?", "audience: https://alarms.example/?a=b"]),
        (
            GITHUB,
            &["subject: repo:acme@1/widgets@2:ref:refs/heads/main", "audience: https://github.com/acme"],
        ),
        (
            "issuer_pattern: https://token\\.actions\\.githubusercontent\\.com(/acme)?\n",
            &["subject: repo:acme@1/widgets@2:ref:refs/heads/main"],
        ),
        (GOOGLE, &["subject: \"107691503500061507151\"", "audience: octo-sts.dev"]),
        (GOOGLE, &["subject_pattern: 107691503500061507151|107691503500061507152"]),
        (GOOGLE, &["subject_pattern: (107691503500061507151|107691503500061507152)"]),
        (
            GOOGLE,
            &[
                "subject_pattern: \"[0-9]+\"",
                "claim_pattern: { email: '.*@acme\\.example', email_verified: true }",
            ],
        ),
        (GOOGLE, &["subject_pattern: .*", "claim_pattern: { hd: acme\\.example }"]),
        (AWS, &["subject: arn:aws:iam::123456789012:role/team/alarms"]),
        (AWS, &["subject_pattern: arn:aws:iam::123456789012:role/(alarms|reports)"]),
        (AWS, &["subject_pattern: arn:aws:iam::123456789012:role/team/.*"]),
        (
            "issuer_pattern: https://[a-z0-9-]+\\.tokens\\.sts\\.global\\.api\\.aws\n",
            &["subject: arn:aws:iam::123456789012:role/alarms"],
        ),
        (
            "issuer_pattern: https://oidc\\.eks\\.[a-z0-9-]+\\.amazonaws\\.com/id/D539D4633E53DE1B71EXAMPLE\n",
            &["subject: system:serviceaccount:ops:alarms"],
        ),
        (
            "issuer_pattern: https://container\\.googleapis\\.com/v1/projects/acme/locations/[a-z0-9-]+/clusters/.*\n",
            &["subject: system:serviceaccount:ops:alarms"],
        ),
        (
            "issuer_pattern: https://[a-z]+\\.oic\\.prod-aks\\.azure\\.com/9188040d-6c67-4c5b-b112-36a304b66dad/.*\n",
            &["subject: system:serviceaccount:ops:alarms"],
        ),
        (ENTRA, &["subject: 6f2e9c4a-8d4b-4f6e-9a51-0c2d7b1e3f58"]),
        (ENTRA, &["subject_pattern: .*", "claim_pattern: { azp: 6f2e9c4a-8d4b-4f6e-9a51-0c2d7b1e3f58 }"]),
        (
            ENTRA,
            &["subject_pattern: (11111111-1111-1111-1111-111111111111|22222222-2222-2222-2222-222222222222)"],
        ),
        (EKS, &["subject: system:serviceaccount:ops:alarms"]),
        (EKS, &["subject_pattern: system:serviceaccount:ops:.*"]),
        ("issuer: https://gitlab.com\n", &["subject_pattern: project_path:acme/ops:ref_type:branch:ref:.*"]),
        (OTHER, &["subject: alarms", "audience: https://alarms.example"]),
        (OTHER, &["subject_pattern: alarms-.*", "claim_pattern: { team: ops }"]),
        (OTHER, &["subject: auth0|5f7c8ec7c33c6c004bbafe82"]),
    ] {
        // The first of the two ids is not grouped, which is a finding of its own.
        let expected: &[Code] =
            if lines[0].contains(": 1076") && lines[0].contains('|') { &[Code::Ungrouped] } else { &[] };
        let found = findings(head, lines);
        if codes(&found) != expected {
            wrong += &format!("{lines:?} {found:#?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn settings_count() {
    let text = format!(
        "{AWS}subject: arn:aws:iam::123456789012:role/alarms\naudience: octo-sts.dev\npermissions: {{ secrets: write }}\n"
    );
    let file = PolicyFile { path: "a.sts.yaml", bytes: text.as_bytes(), kind: PolicyKind::Repository };
    let own = Settings { domain: "sts.acme.example".to_owned(), hosted: false };
    assert_eq!(codes(&lint(&file, &own)), [Code::AudienceNotDomain]);
    assert_eq!(codes(&lint(&file, &Settings::default())), [Code::PermissionNotGranted]);
}

/// What is offered for both of GitHub's forms has no finding of its own.
#[test]
fn the_way_out_of_the_old_form_is_good() {
    for (line, offered) in [
        (
            "subject: repo:acme/wid.gets:ref:refs/heads/v1.2",
            r"repo:acme(@[0-9]+)?/wid\.gets(@[0-9]+)?:ref:refs/heads/v1\.2",
        ),
        (
            "subject_pattern: repo:acme/widgets:(pull_request|ref:refs/heads/main)",
            "repo:acme(@[0-9]+)?/widgets(@[0-9]+)?:(pull_request|ref:refs/heads/main)",
        ),
    ] {
        let found = findings(GITHUB, &[line]);
        let help = found[0].problem.help.as_deref().unwrap();
        assert!(help.ends_with(&format!("`subject_pattern: {offered}`")), "{help}");
        assert!(findings(GITHUB, &[&format!("subject_pattern: {offered}")]).is_empty(), "{offered}");
    }
    let found = findings(GITHUB, &["subject_pattern: repo:acme/(a|b):pull_request"]);
    assert!(found[0].problem.help.as_deref().unwrap().starts_with("put `(@[0-9]+)?`"), "{found:?}");
}

#[test]
fn the_way_out_of_a_glob_is_what_was_meant() {
    for (glob, offered) in [
        ("repo:acme@1/widgets@2:ref:refs/tags/v*", "refs/tags/v.*`"),
        ("repo:acme@1/widgets@2:ref:refs/heads/release/*", "refs/heads/release/.*`"),
        ("repo:acme@1/*:ref:refs/heads/main", "repo:acme@1/[^/:]+:ref:refs/heads/main`"),
    ] {
        let found = findings(GITHUB, &[&format!("subject_pattern: {glob}")]);
        assert!(found[0].problem.help.as_deref().unwrap().ends_with(offered), "{found:?}");
    }
}

/// What is offered in place of a value is read back as that value.
#[test]
fn what_is_offered_is_quoted_where_it_must_be() {
    for (head, line, offered) in [
        (OTHER, "subject: '[0-9]+'", "`subject_pattern: '[0-9]+'`"),
        (OTHER, "subject: '*.x'", r"`subject_pattern: .*\.x`"),
        (GOOGLE, "subject: '107691503500061507151 '", "`subject: '107691503500061507151'`"),
        (OTHER, "subject_pattern: 'a: b|c'", "`subject_pattern: '(a: b|c)'`"),
    ] {
        let found = findings(head, &[line]);
        assert!(found[0].problem.help.as_deref().unwrap().contains(offered), "{line}: {found:?}");
    }
}
