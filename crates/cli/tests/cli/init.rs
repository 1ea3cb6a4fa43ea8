//! `gatepass init`.

use std::fs;

use crate::support::{programs, run_in};

/// Every combination that makes sense, with a line of what the file holds.
const COMBINATIONS: [(&str, &str, &str); 10] = [
    ("aws", "alarm", "- event: { source: aws.cloudwatch, type: CloudWatch Alarm State Change }"),
    ("aws", "schedule", "EventBridge Scheduler"),
    ("aws", "webhook", "https://FUNCTION-URL/hooks/announce-release"),
    ("aws", "http", "AWS_IAM"),
    ("gcp", "schedule", "caller: scheduler }"),
    ("gcp", "webhook", "https://SERVICE-URL/hooks/announce-release"),
    ("gcp", "http", "console: { host: true, may_send: [http] }"),
    ("azure", "schedule", "open-pulls-timer"),
    ("azure", "webhook", "https://APP.azurewebsites.net/api/hooks/announce-release"),
    ("azure", "http", "function key"),
];

#[test]
fn every_combination_is_clean_and_works_in_the_sandbox() {
    programs();
    for (cloud, job, line) in COMBINATIONS {
        let directory = tempfile::tempdir().unwrap();
        let run = run_in(directory.path(), &["init", "--cloud", cloud, "--job", job]).ended(0);
        assert!(run.out.contains("gatepass check gatepass.yaml"), "{}", run.out);
        assert!(run.out.contains(".github/chainguard/") && run.out.contains("permissions:"), "{}", run.out);
        assert!(run.out.contains("gatepass dev --once --config gatepass.yaml"), "{}", run.out);
        let text = fs::read_to_string(directory.path().join("gatepass.yaml")).unwrap();
        assert!(text.contains(line) && text.contains(&format!("runs_on: [{cloud}]")), "{text}");

        let checked = run_in(directory.path(), &["check"]).ended(0);
        assert!(checked.out.contains("1 job, no errors"), "{cloud} {job}\n{}", checked.out);
        assert!(!checked.out.contains("not rendered"), "{cloud} {job}\n{}", checked.out);

        let tried =
            run_in(directory.path(), &["dev", "--once", "--rounds", "2", "--config", "gatepass.yaml"])
                .ended(0);
        assert!(tried.out.contains("2 events sent, all as expected"), "{cloud} {job}\n{}", tried.out);
    }
}

#[test]
fn the_trust_policy_names_what_the_cloud_proves() {
    for (cloud, issuer, audience) in [
        ("aws", "tokens.sts.global.api.aws", false),
        ("gcp", "https://accounts.google.com", false),
        ("azure", "https://login.microsoftonline.com/TENANT/v2.0", true),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let run = run_in(directory.path(), &["init", "--cloud", cloud, "--job", "schedule"]).ended(0);
        assert!(run.out.contains(issuer) && run.out.contains("issues: write"), "{}", run.out);
        assert!(
            run.out.contains("pull_requests: read") && run.out.contains("digest.sts.yaml"),
            "{}",
            run.out
        );
        assert_eq!(
            run.out.contains("audience: fb60f99c-7a34-4190-8149-302f77469936"),
            audience,
            "{}",
            run.out
        );
    }
}

#[test]
fn nothing_is_overwritten_by_accident() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("gatepass.yaml");
    fs::write(&path, "mine").unwrap();
    let run = run_in(directory.path(), &["init"]).ended(1);
    assert!(run.err.contains("--force") && run.err.contains("--output"), "{}", run.err);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    run_in(directory.path(), &["init", "--force"]).ended(0);
    assert!(fs::read_to_string(&path).unwrap().contains("alarm-to-issue"));
    run_in(directory.path(), &["init", "--output", "other.yaml", "--cloud", "gcp"]).ended(0);
    assert!(
        fs::read_to_string(directory.path().join("other.yaml"))
            .unwrap()
            .contains("gatepass check other.yaml")
    );
    let run = run_in(directory.path(), &["init", "--output", "no/such/directory.yaml"]).ended(1);
    assert!(run.err.contains("no/such/directory.yaml cannot be written"), "{}", run.err);
}

#[test]
fn a_combination_without_sense_says_what_has_some() {
    let directory = tempfile::tempdir().unwrap();
    for cloud in ["gcp", "azure"] {
        let run = run_in(directory.path(), &["init", "--cloud", cloud, "--job", "alarm"]).ended(2);
        assert!(run.err.contains("--job alarm is for --cloud aws"), "{}", run.err);
        assert!(run.err.contains("schedule, webhook and http"), "{}", run.err);
    }
    let run = run_in(directory.path(), &["init", "--cloud", "oracle"]).ended(2);
    assert!(run.err.contains("aws, gcp, azure"), "{}", run.err);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0, "nothing was written");
}
