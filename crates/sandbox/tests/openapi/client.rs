//! The built function, which is the real client: everything that it says to GitHub.

use std::collections::BTreeSet;

use gatepass_sandbox::Sandbox;
use gatepass_sandbox::github::Workflow;
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

  life:
    runs_on: [aws]
    triggers: [{ schedule: { cron: "0 2 * * *" } }]
    revoke: after_run
    open_issue:
      key: [life]
      state: "{{ event.data.input.state }}"
      title: Life
      body: "It is {{ event.data.input.state }}"
      assignees: [ada]
      milestone: 1
      type: Bug
      on_repeat: comment
      closing_comment: Over

  note:
    runs_on: [aws]
    triggers: [{ schedule: { cron: "0 2 * * *" } }]
    comment: { issue: "{{ event.data.input.issue }}", body: Seen }

  deploy:
    runs_on: [aws]
    triggers: [{ schedule: { cron: "0 2 * * *" } }]
    dispatch_workflow: { workflow: deploy.yml, ref: main, inputs: { version: v1 }, once_by: event_id, max_age: 1h }

  everywhere:
    runs_on: [aws]
    triggers: [{ schedule: { cron: "0 2 * * *" } }]
    repositories: { organization: acme, name: 's.*|widgets' }
    trust_policy: fleet
    dispatch_repository: { event_type: rebuild, payload: { image: web } }
"#;

fn alarm(minute: u32, state: &str) -> Value {
    json!({
        "id": format!("e{minute}"), "detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch",
        "time": format!("2026-11-20T09:{minute:02}:00Z"),
        "detail": { "alarmName": "cpu", "state": { "value": state, "reason": format!("at {minute}") } },
    })
}

/// A direct invocation.
fn call(job: &str, input: &Value) -> Value {
    json!({ "job": job, "input": input })
}

#[tokio::test]
#[ignore = "needs GitHub's OpenAPI document and the built binary: run `make conformance`"]
async fn everything_the_function_says_is_as_documented() {
    let binary = std::env::var("GATEPASS_AWS")
        .expect("GATEPASS_AWS names the built gatepass-aws: run `make conformance`");
    let sandbox = Sandbox::start().await.unwrap();
    let lambda = sandbox.lambda();
    sandbox
        .admit("acme/operations", "alarms", &lambda, &[("issues", "write"), ("actions", "write")])
        .unwrap();
    let github = &sandbox.github;
    github.add_repository("acme/.github").unwrap();
    sandbox.admit("acme/.github", "fleet", &lambda, &[("contents", "write")]).unwrap();
    github.add_assignable("acme/operations", "ada").unwrap();
    github.add_milestone("acme/operations", "1.0").unwrap();
    github.add_issue_type("acme", "Bug");
    let workflow = Workflow::new("deploy.yml").input("version").input("event_id");
    github.add_workflow("acme/operations", workflow.run_name("Deploy (${{ inputs.event_id }})")).unwrap();
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
        (call("life", &json!({ "state": "open" })), "created"),
        (call("life", &json!({ "state": "open" })), "updated"),
        (call("life", &json!({ "state": "closed" })), "closed"),
        (call("note", &json!({ "issue": 1 })), "created"),
        (call("deploy", &json!({})), "dispatched"),
        (call("everywhere", &json!({})), "dispatched"),
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
        "DELETE /installation/token",
        "GET /installation/repositories",
        "GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs",
        "GET /repos/{owner}/{repo}/issues/{issue_number}",
        "GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
        "POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches",
        "POST /repos/{owner}/{repo}/dispatches",
        "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
        "PATCH /repos/{owner}/{repo}/issues/{issue_number}",
        "POST /repos/{owner}/{repo}/issues",
    ] {
        assert!(asked.contains(wanted), "{wanted} is not among {asked:?}");
    }
}
