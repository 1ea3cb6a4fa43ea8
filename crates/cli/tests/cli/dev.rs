//! `gatepass dev --once`: the three programs as processes of their own, in the sandbox.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use crate::support::{programs, run, run_in};

#[test]
fn five_events_twice_come_to_what_they_should_and_double_nothing() {
    programs();
    let run = run(&["dev", "--once", "--rounds", "2"]).ended(0);
    for (job, first, second) in [
        ("alarm-to-issue", "created", "updated"),
        ("stale-pulls", "created", "updated"),
        ("announce-release", "created", "updated"),
        ("weekly-report", "created", "updated"),
        ("github-status", "read", "read"),
    ] {
        let of_job = |line: &&str| line.starts_with(&format!("   {job} "));
        let results: Vec<&str> = run.out.lines().filter(of_job).collect();
        assert_eq!(results.len(), 2, "{job}\n{}", run.out);
        for (result, status) in results.iter().zip([first, second]) {
            assert!(result.starts_with(&format!("   {job} {status} http://127.0.0.1:")), "{result}");
        }
    }
    for title in [
        "round 1 · 1/5 CloudWatch alarm → EventBridge → Lambda → alarm-to-issue",
        "round 1 · 2/5 Cloud Scheduler → Cloud Run → stale-pulls",
        "round 1 · 3/5 GitHub webhook release.published → Cloud Run → announce-release",
        "round 1 · 4/5 timer → Azure Functions → weekly-report",
        "round 2 · 5/5 HTTP request → Azure Functions → github-status",
    ] {
        assert!(run.out.contains(title), "{title}\n{}", run.out);
    }
    for hop in [
        "aws-sts         POST   200 /",
        "gcp-metadata    GET    200 /computeMetadata/v1/",
        "azure-identity  GET    200 /msi/token",
        "octo-sts        POST   200 /sts/exchange",
        "github          POST   201 /repos/acme/operations/issues",
        "github          PATCH  200 /repos/acme/site/issues/1",
        "cloud-run       POST   201 /jobs/stale-pulls",
    ] {
        assert!(run.out.contains(hop), "{hop}\n{}", run.out);
    }
    let issues = run.out.split("Issues that the jobs keep").nth(1).unwrap();
    assert_eq!(issues.matches("\n   acme/").count(), 4, "{issues}");
    assert!(run.out.ends_with("10 events sent, all as expected, nothing doubled\n"), "{}", run.out);
    for started in ["the sandbox", "gatepass-aws", "gatepass-gcp", "gatepass-azure"] {
        let is_ready =
            |line: &str| line.starts_with(&format!("starting {started} ")) && line.contains("ready in");
        assert!(run.err.lines().any(is_ready), "{started}\n{}", run.err);
    }
    let printed = format!("{}{}", run.out, run.err);
    for secret in ["ghs_", "eyJ", "sha256=", "Bearer ", "\u{1b}"] {
        assert!(!printed.contains(secret), "{secret} was printed");
    }
}

#[test]
fn programs_that_are_not_there_are_named_with_the_next_step() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().display().to_string();
    let run = run(&["dev", "--once", "--bin-dir", &place]).ended(1);
    assert!(run.err.contains("gatepass-aws, gatepass-gcp, gatepass-azure not found in"), "{}", run.err);
    assert!(run.err.contains(&place) && run.err.contains("make build"), "{}", run.err);
}

#[test]
fn a_program_that_does_not_start_shows_what_it_said() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["gatepass-aws", "gatepass-gcp", "gatepass-azure"] {
        let path = directory.path().join(name);
        fs::write(&path, "#!/bin/sh\necho 'no such luck'\nexit 3\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let run = run(&["dev", "--once", "--bin-dir", &directory.path().display().to_string()]).ended(1);
    for words in ["gatepass-aws does not start", "exit status: 3", "no such luck"] {
        assert!(run.err.contains(words), "{words}\n{}", run.err);
    }
}

/// Runs `dev --once --rounds 2` with this file.
fn dev(text: &str) -> crate::support::Run {
    programs();
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("mine.yaml"), text).unwrap();
    run_in(directory.path(), &["dev", "--once", "--rounds", "2", "--config", "mine.yaml"])
}

#[test]
fn a_file_of_ones_own_is_tried_and_what_cannot_be_sent_is_said() {
    let run = dev(r#"
version: 1
defaults: { repository: example/platform, trust_policy: jobs }
vars: [TEAM]
callers:
  partner: { oidc: { issuer: https://idp.example.com, audience: [https://jobs.example.com], subject: robot } }
jobs:
  both-take-it:
    runs_on: [aws]
    triggers:
      - event: { source: aws.cloudwatch }
      - event: { source: aws.ecs }
    open_issue: { key: [one], title: "{{ vars.TEAM }} one" }
  this-too:
    runs_on: [aws]
    triggers: [{ event: { source: aws.cloudwatch } }]
    if: event.data.detail.state.value == "OK"
    open_issue: { key: [two], title: two }
  partner-only:
    runs_on: [aws]
    triggers: [{ http: { caller: partner } }]
    read_repository: {}
  chosen:
    runs_on: [gcp]
    triggers: [{ webhook: { signature: github, events: [push], secrets: [{ file: /run/secrets/hook }] } }]
    repository: "{{ event.data.repository.full_name }}"
    repositories: [acme/widgets, example/other]
    trust_policy: chosen
    open_issue: { key: ["{{ event.data.ref }}"], title: pushed }
"#)
    .ended(0);
    assert!(
        run.err
            .contains("not sent: both-take-it on Lambda: there is no sample event of the source \"aws.ecs\""),
        "{}",
        run.err
    );
    assert!(
        run.err.contains("not sent: partner-only on Lambda: the caller partner has tokens of an issuer"),
        "{}",
        run.err
    );
    assert!(run.out.contains("EventBridge → Lambda → both-take-it, this-too"), "{}", run.out);
    assert!(run.out.contains("this-too ignored"), "{}", run.out);
    assert!(
        run.out.contains("chosen created http://") && run.out.contains("chosen updated http://"),
        "{}",
        run.out
    );
    assert!(run.out.contains("example/platform") && run.out.contains("<TEAM> one"), "{}", run.out);
    assert!(run.out.ends_with("4 events sent, all as expected, nothing doubled\n"), "{}", run.out);
}

#[test]
fn a_job_that_fails_shows_why_and_ends_with_1() {
    let run = dev(r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  alarm:
    runs_on: [aws]
    triggers: [{ event: { source: aws.cloudwatch } }]
    read: { odd: nothing/here }
    open_issue: { key: [one], title: one }
"#)
    .ended(1);
    assert!(
        run.out.contains("github          GET    404 /repos/acme/operations/nothing/here"),
        "{}",
        run.out
    );
    assert!(run.out.contains("   alarm refused\n"), "{}", run.out);
    assert!(run.err.contains("round 2 · 1/1: alarm: refused"), "{}", run.err);
    assert!(run.err.contains("2 events sent, 2 faults"), "{}", run.err);
}

#[test]
fn an_issue_a_delivery_is_told() {
    let run = dev(r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  alarm:
    runs_on: [aws]
    triggers: [{ event: { source: aws.cloudwatch } }]
    open_issue: { key: ["{{ event.id }}"], title: one }
"#)
    .ended(0);
    assert!(run.out.ends_with("all as expected, 1 issue more than after the first round\n"), "{}", run.out);
}

#[test]
fn a_file_that_cannot_be_tried_says_why() {
    let one_policy = "
version: 1
defaults: { repository: acme/operations, trust_policy: shared }
jobs:
  a: { runs_on: [aws], triggers: [{ schedule: { cron: 0 2 * * * } }], read_repository: {} }
  b: { runs_on: [azure], triggers: [{ schedule: { cron: 0 2 * * * } }], read_repository: {} }
";
    let bots = one_policy.replace("jobs:", "sts: { bots: '^me$' }\njobs:").replace("[azure]", "[aws]");
    let nothing = one_policy
        .replace("schedule: { cron: 0 2 * * * }", "event: { source: aws.ecs }")
        .replace("[azure]", "[aws]");
    for (text, words) in [
        (
            one_policy,
            "the trust policy shared in acme/operations would have to admit Lambda and Azure Functions",
        ),
        (&bots, "`sts.bots` of this file does not match"),
        (&nothing, "there is nothing to send"),
        ("version: 1\njobs: {}\n", "there is no job"),
    ] {
        let run = dev(text).ended(1);
        assert!(run.err.contains(words), "{words}\n{}", run.err);
    }
}
