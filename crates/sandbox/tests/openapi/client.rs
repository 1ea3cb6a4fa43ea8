//! The built function, which is the real client: everything that it says to GitHub.

use std::collections::BTreeSet;

use gatepass_sandbox::Sandbox;
use gatepass_sandbox::hosts::lambda::LambdaHost;
use gatepass_sandbox::hosts::process::Program;
use serde_json::{Value, json};

use crate::{document, nothing_found};

const CONFIG: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  alarm-to-issue:
    runs_on: [aws]
    triggers: [{ event: { source: aws.cloudwatch } }]
    open_issue:
      key: ["{{ event.data.detail.alarmName }}"]
      state: "{{ 'closed' if event.data.detail.state.value == 'OK' else 'open' }}"
      title: "Alarm: {{ event.data.detail.alarmName }}"
      body: "{{ event.data.detail.state.reason }}"
      labels: [alarm]
      reopen_within: 7d

  stale-pulls:
    runs_on: [aws]
    triggers: [{ schedule: { cron: "0 2 * * *" } }]
    repository: acme/widgets
    trust_policy: digest
    read: { pulls: "pulls?state=open", releases: "releases/latest" }
    open_issue:
      key: [stale-pulls]
      title: "{{ pulls | length }} open pull requests since {{ releases.tag_name }}"
"#;

fn alarm(minute: u32, state: &str) -> Value {
    json!({
        "id": format!("e{minute}"), "detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch",
        "time": format!("2026-11-20T09:{minute:02}:00Z"),
        "detail": { "alarmName": "cpu", "state": { "value": state, "reason": format!("at {minute}") } },
    })
}

#[tokio::test]
#[ignore = "needs GitHub's OpenAPI document and the built binary: run `make conformance`"]
async fn everything_the_function_says_is_as_documented() {
    let binary = std::env::var("GATEPASS_AWS")
        .expect("GATEPASS_AWS names the built gatepass-aws: run `make conformance`");
    let sandbox = Sandbox::start().await.unwrap();
    let lambda = sandbox.lambda();
    sandbox.admit("acme/operations", "alarms", &lambda, &[("issues", "write")]).unwrap();
    let all = [("issues", "write"), ("pull_requests", "read"), ("contents", "read")];
    sandbox.admit("acme/widgets", "digest", &lambda, &all).unwrap();
    sandbox.github.record_exchanges(500);
    let directory = std::env::temp_dir().join(format!("gatepass-openapi-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let config = directory.join("gatepass.yaml");
    std::fs::write(&config, CONFIG).unwrap();
    let program = Program::new(binary)
        .env("GATEPASS_CONFIG", config.to_str().unwrap())
        .envs(sandbox.identity.aws.env_lambda())
        .envs(sandbox.env());
    let host = LambdaHost::start(program, sandbox.trace.clone()).await.unwrap();

    for (event, status) in [
        (alarm(1, "ALARM"), "created"),
        (alarm(2, "ALARM"), "updated"),
        (alarm(3, "OK"), "closed"),
        (alarm(4, "ALARM"), "reopened"),
        (json!({ "job": "stale-pulls" }), "created"),
    ] {
        let answer = host.invoke(event.to_string().as_bytes()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{event}: {error}\n{}", host.child().text()));
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["results"][0]["status"], status, "{event}: {answer}");
    }
    std::fs::remove_dir_all(&directory).unwrap();

    let recording = sandbox.github.recording();
    nothing_found(&document().check(&recording));
    let asked: BTreeSet<String> =
        recording.exchanges.iter().filter_map(|exchange| document().operation(exchange)).collect();
    for wanted in [
        "GET /repos/{owner}/{repo}/issues",
        "GET /repos/{owner}/{repo}/pulls",
        "PATCH /repos/{owner}/{repo}/issues/{issue_number}",
        "POST /repos/{owner}/{repo}/issues",
    ] {
        assert!(asked.contains(wanted), "{wanted} is not among {asked:?}");
    }
}
