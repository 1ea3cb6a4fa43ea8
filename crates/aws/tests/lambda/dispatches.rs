//! Starting workflows and raising events: once, and only with what a pattern allows.

use std::time::Duration;

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::github::Workflow;
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::samples::REPOSITORY;
use crate::support::{Deployment, Function, at_once};

const DEPLOY: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  deploy:
    triggers: [{ event: { source: releases } }]
    dispatch_workflow:
      workflow: deploy.yml
      ref: main
      inputs:
        version: { value: "{{ event.data.detail.version }}", pattern: 'v\d+(\.\d+)*' }
        where: production
      max_age: 1h
"#;

const RAISE: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  raise:
    triggers: [{ event: { source: releases } }]
    dispatch_repository:
      event_type: released
      payload:
        version: { value: "{{ event.data.detail.version }}", pattern: 'v\d+(\.\d+)*' }
        where: production
      max_age: 1h
"#;

const START: &str = "/repos/acme/operations/actions/workflows/deploy.yml/dispatches";
const EVENTS: &str = "/repos/acme/operations/dispatches";

/// With the event's fingerprint in the run's name.
fn once() -> String {
    DEPLOY.replace("      max_age: 1h\n", "      max_age: 1h\n      once_by: event\n")
}

fn release_at(id: &str, version: &str, time: Timestamp) -> Value {
    json!({
        "version": "0", "id": id, "detail-type": "t", "source": "releases", "account": "1", "region": "eu-west-1",
        "time": time.to_string(), "resources": [], "detail": {"version": version},
    })
}

fn release(id: &str, version: &str) -> Value {
    release_at(id, version, Timestamp::now())
}

/// A file, in a repository with a workflow, and a policy that lets it start that.
async fn deployment(config: &str) -> Deployment {
    let deployment = Deployment::stranger(config).await;
    let sandbox = &deployment.sandbox;
    let permissions = [("actions", "write"), ("contents", "write")];
    sandbox.admit(REPOSITORY, "alarms", &sandbox.lambda(), &permissions).unwrap();
    let workflow = Workflow::new("deploy.yml").required_input("version").input("where").input("event");
    let workflow = workflow.run_name("Deploy ${{ inputs.version }} [${{ inputs.event }}]");
    sandbox.github.add_workflow(REPOSITORY, workflow).unwrap();
    deployment
}

fn runs(function: &Function) -> usize {
    function.sandbox.github.runs(REPOSITORY).len()
}

#[tokio::test]
async fn a_run_has_its_inputs_and_the_answer_its_page() {
    let function = deployment(DEPLOY).await.start().await;
    let event = release("e1", "v1.2");
    let result = function.send(&event).await;
    assert_eq!(result["status"], "dispatched");
    assert!(result["url"].as_str().unwrap().contains("/acme/operations/actions/runs/"), "{result}");
    assert_eq!(function.github_calls(), 1);
    let run = function.sandbox.github.runs(REPOSITORY).pop().unwrap();
    assert_eq!((run.branch.as_str(), run.title.as_str()), ("main", "Deploy v1.2 []"));
    assert_eq!((run.inputs["version"].as_str(), run.inputs["where"].as_str()), ("v1.2", "production"));

    // The same process remembers it.
    let again = function.send(&event).await;
    assert_eq!((&again["status"], &again["url"]), (&json!("unchanged"), &result["url"]));
    assert_eq!((function.github_calls(), runs(&function)), (0, 1));
}

#[tokio::test]
async fn with_the_event_in_the_runs_name_no_process_runs_it_twice() {
    let deployment = deployment(&once()).await;
    let (one, other) = (deployment.start().await, deployment.start().await);
    let event = release("e1", "v1");
    let result = one.send(&event).await;
    assert_eq!(result["status"], "dispatched");
    for process in [&other, &one] {
        let again = process.send(&event).await;
        assert_eq!((&again["status"], &again["url"]), (&json!("unchanged"), &result["url"]));
    }
    assert_eq!(other.status(&release("e2", "v1")).await, "dispatched", "another event is another run");
    assert_eq!(runs(&one), 2);
    let title = one.sandbox.github.runs(REPOSITORY)[0].title.clone();
    let id = title.strip_prefix("Deploy v1 [").and_then(|rest| rest.strip_suffix(']')).unwrap();
    assert!(id.len() == 16 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{title}");
}

#[tokio::test]
async fn two_jobs_run_the_same_workflow_for_one_event() {
    let job = once()
        .split_once("jobs:\n")
        .unwrap()
        .1
        .replace("  deploy:\n", "  stage:\n")
        .replace("production", "staging");
    let function = deployment(&format!("{}{job}", once())).await.start().await;
    let event = release("e1", "v1");
    for status in ["dispatched", "unchanged"] {
        let answer = function.host.invoke(event.to_string().as_bytes()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let results = answer["results"].as_array().unwrap();
        assert!(results.len() == 2 && results.iter().all(|result| result["status"] == status), "{answer}");
    }
    assert_eq!(runs(&function), 2);
}

#[tokio::test]
async fn an_answer_that_is_lost_starts_no_second_run() {
    let start = || Fault::on(Method::POST, START);
    let faults = [
        ("5xx before", start().status(500)),
        ("5xx after", start().status(502).after_effect()),
        ("reset before", start().reset()),
        ("reset after", start().reset().after_effect()),
        ("garbage", start().garbage().after_effect()),
        ("HTML 200", start().html().after_effect()),
    ];
    let cases = faults
        .into_iter()
        .flat_map(|(name, fault)| [DEPLOY.to_owned(), once()].map(|config| (name, fault.clone(), config, 1)));
    // Lists show a run late.
    let late = [DEPLOY.to_owned(), once()].map(|config| ("late", start().reset().after_effect(), config, 3));
    at_once(cases.chain(late).map(|(name, fault, config, lag)| async move {
        let deployment = deployment(&config).await;
        let function = deployment.start().await;
        deployment.sandbox.github.lag_runs(REPOSITORY, lag - 1).unwrap();
        // Another run of ours, which is none of this event's.
        assert_eq!(function.status(&release("e0", "v0")).await, "dispatched", "{name}");
        let injected = deployment.sandbox.github.faults().inject(fault);
        let event = release("e1", "v1");
        let result = function.send(&event).await;
        assert_eq!(result["status"], "dispatched", "{name}");
        let runs = deployment.sandbox.github.runs(REPOSITORY);
        assert_eq!((injected.used(), runs.len()), (1, 2), "{name}\n{}", deployment.sandbox.trace);
        assert!(result["url"].as_str().unwrap().ends_with(&runs[1].id.to_string()), "{name} {result}");
        assert_eq!(function.status(&event).await, "unchanged", "{name}");
    }))
    .await;
}

#[tokio::test]
async fn a_start_that_does_not_get_through_is_left_for_the_next_delivery() {
    let function = deployment(&once()).await.start().await;
    let faults = function.sandbox.github.faults();
    let injected = faults.inject(Fault::on(Method::POST, START).status(503).times(2));
    let event = release("e1", "v1");
    function.fails(&event, "deferred", &["starting the workflow deploy.yml", "deliver it again"]).await;
    assert_eq!((injected.used(), runs(&function)), (2, 0));
    assert_eq!(function.status(&event).await, "dispatched");
}

#[tokio::test]
async fn a_value_that_does_not_match_is_named_and_never_shown() {
    for (config, place) in [
        (DEPLOY, "jobs.deploy.dispatch_workflow.inputs.version"),
        (RAISE, "jobs.raise.dispatch_repository.payload.version"),
    ] {
        let function = deployment(config).await.start().await;
        for secret in ["v1; curl evil", "v1\n", " v1", "hunter2", ""] {
            let error = function.fails(&release("e1", secret), "invalid", &[place, r"v\d+(\.\d+)*"]).await;
            assert!(secret.len() < 3 || !error.message.contains(secret), "{error}");
        }
        assert_eq!(
            (runs(&function), function.sandbox.github.repository_dispatches(REPOSITORY).len()),
            (0, 0)
        );
        assert!(!function.host.child().text().contains("hunter2"));
    }
}

#[tokio::test]
async fn an_event_that_is_too_old_is_ignored_and_told() {
    for config in [DEPLOY, RAISE] {
        let function = deployment(config).await.start().await;
        let old = release_at("e1", "v1", Timestamp::now() - SignedDuration::from_mins(61));
        let result = function.send(&old).await;
        assert_eq!(result["status"], "ignored");
        assert!(result["reason"].as_str().unwrap().contains("older than max_age (3600 s)"), "{result}");
        assert_eq!(function.outcome("e1").await["reason"], result["reason"]);
        assert_eq!(function.exchanges(), 0, "before anything is asked for");
        let young = release_at("e2", "v1", Timestamp::now() - SignedDuration::from_mins(59));
        assert_eq!(function.status(&young).await, "dispatched");
        let ahead = release_at("e3", "v1", Timestamp::now() + SignedDuration::from_mins(59));
        assert_eq!(function.status(&ahead).await, "dispatched");
    }
}

#[tokio::test]
async fn what_a_person_must_change_is_told_by_its_name() {
    let deployment = deployment(DEPLOY).await;
    let github = &deployment.sandbox.github;
    let start = |config: String| deployment.with_config(config);
    let event = release("e1", "v1");
    let function = start(DEPLOY.replace("deploy.yml", "other.yml")).start().await;
    let words = ["no workflow other.yml", ".github/workflows/other.yml", "actions: write"];
    function.fails(&event, "refused", &words).await;
    let function = start(once().replace("deploy.yml", "other.yml")).start().await;
    function.fails(&event, "refused", &["other.yml", "not visible"]).await;
    let function = start(DEPLOY.replace("ref: main", "ref: gone")).start().await;
    function.fails(&event, "refused", &["no branch or tag gone", "dispatch_workflow.ref"]).await;
    let function = start(DEPLOY.replace("where: production", "nowhere: production")).start().await;
    function.fails(&event, "invalid", &["Unexpected inputs", "dispatch_workflow.inputs"]).await;

    let mut manual = Workflow::new("deploy.yml");
    manual.dispatchable = false;
    github.add_workflow(REPOSITORY, manual).unwrap();
    let function = start(DEPLOY.to_owned()).start().await;
    function.fails(&event, "refused", &["does not let itself be started", "workflow_dispatch"]).await;

    let sandbox = &deployment.sandbox;
    sandbox.admit(REPOSITORY, "alarms", &sandbox.lambda(), &[("issues", "write")]).unwrap();
    let function = start(DEPLOY.to_owned()).start().await;
    function.fails(&event, "refused", &["add the permission", "actions=write"]).await;
    let function = start(RAISE.to_owned()).start().await;
    function.fails(&event, "refused", &["add the permission", "contents=write"]).await;
}

#[tokio::test]
async fn an_older_server_that_cannot_tell_the_run_starts_it_all_the_same() {
    let function = deployment(DEPLOY).await.start().await;
    let old = r#"{"message":"Invalid request.\n\n\"return_run_details\" is not a permitted key."}"#;
    function.sandbox.github.faults().inject(Fault::on(Method::POST, START).status(422).body(old));
    let event = release("e1", "v1");
    let result = function.send(&event).await;
    assert_eq!((&result["status"], &result["url"]), (&json!("dispatched"), &Value::Null));
    assert_eq!(function.status(&event).await, "unchanged");
    assert_eq!(runs(&function), 1);
}

#[tokio::test]
async fn an_event_for_the_repository_says_what_it_is() {
    let function = deployment(RAISE).await.start().await;
    let event = release("e1", "v1");
    assert_eq!(function.status(&event).await, "dispatched");
    assert_eq!(function.status(&event).await, "unchanged", "the same process remembers it");
    let sent = function.sandbox.github.repository_dispatches(REPOSITORY);
    assert_eq!((sent.len(), sent[0].event_type.as_str()), (1, "released"));
    let payload = &sent[0].client_payload;
    assert_eq!((&payload["version"], &payload["where"]), (&json!("v1"), &json!("production")));
    let own = &payload["gatepass"];
    assert_eq!((&own["id"], &own["source"], &own["type"]), (&json!("e1"), &json!("releases"), &json!("t")));
    assert_eq!((&own["time"], own["fingerprint"].as_str().unwrap().len()), (&event["time"], 16));
}

#[tokio::test]
async fn an_event_whose_answer_is_lost_comes_again_and_can_be_told_by_its_fingerprint() {
    let deployment = deployment(RAISE).await;
    let function = deployment.start().await;
    let faults = deployment.sandbox.github.faults();
    faults.inject(Fault::on(Method::POST, EVENTS).reset().after_effect());
    let event = release("e1", "v1");
    function.fails(&event, "deferred", &["raising released", "deliver it again"]).await;
    assert_eq!(function.status(&event).await, "dispatched");
    let sent = deployment.sandbox.github.repository_dispatches(REPOSITORY);
    assert_eq!((sent.len(), &sent[0].client_payload), (2, &sent[1].client_payload));
}

#[tokio::test]
async fn two_deliveries_at_once_in_one_process_are_done_once() {
    for (config, calls) in [(DEPLOY, START), (RAISE, EVENTS)] {
        let deployment = deployment(config).await.set("AWS_LAMBDA_MAX_CONCURRENCY", "8");
        let function = deployment.start().await;
        let late = Fault::on(Method::POST, calls).delay(Duration::from_millis(50));
        function.sandbox.github.faults().inject(late);
        let event = release("e1", "v1");
        let (one, other) = tokio::join!(function.status(&event), function.status(&event));
        let mut both = [one.as_str(), other.as_str()];
        both.sort_unstable();
        assert_eq!(both, ["dispatched", "unchanged"]);
    }
}

#[tokio::test]
async fn a_dry_run_starts_nothing() {
    for config in [DEPLOY.to_owned(), once(), RAISE.to_owned()] {
        let function = deployment(&config).await.set("GATEPASS_DRY_RUN", "1").start().await;
        for _ in 0..2 {
            let result = function.send(&release("e1", "v1")).await;
            assert_eq!((&result["status"], &result["dry_run"]), (&json!("dispatched"), &json!(true)));
        }
        assert_eq!(function.sandbox.github.writes().len(), 0);
    }
}

#[tokio::test]
async fn what_cannot_be_meant_stops_the_start() {
    let many = |count: usize| (0..count).map(|n| format!("        in{n}: x\n")).collect::<String>();
    let with = |config: &str, from: &str, to: &str| config.replace(from, to);
    let pattern = r", pattern: 'v\d+(\.\d+)*'";
    let literal = "        where: production\n";
    let table = [
        (with(DEPLOY, pattern, ""), "inputs.version", "an interpolated input needs a pattern"),
        (with(DEPLOY, "where: production", "where: '{{ event.id }}'"), "inputs.where", "needs a pattern"),
        (
            with(DEPLOY, "where: production", "where: { value: x, pattern: y }"),
            "inputs.where",
            "its own pattern",
        ),
        (with(DEPLOY, "'v\\d+(\\.\\d+)*'", "'('"), "inputs.version", "regular expression"),
        (with(DEPLOY, "where: production", "where: true"), "inputs.where", "a text in quotes"),
        (with(DEPLOY, "where: production", "where: { valu: x }"), "inputs.where", "value"),
        (with(DEPLOY, literal, &many(25)), "dispatch_workflow.inputs", "no more than 25"),
        (with(&once(), literal, &many(24)), "dispatch_workflow.inputs", "no more than 24"),
        (with(&once(), "once_by: event", "once_by: where"), "once_by", "has a value already"),
        (with(DEPLOY, "ref: main", "ref: '{{ event.id }}'"), "dispatch_workflow.ref", "a branch or a tag"),
        (with(DEPLOY, "workflow: deploy.yml", "workflow: ../deploy.yml"), "workflow", "its file's name"),
        (with(RAISE, pattern, ""), "payload.version", "an interpolated input needs a pattern"),
        (with(RAISE, literal, &many(9)), "dispatch_repository.payload", "no more than 9"),
        (with(RAISE, "where: production", "gatepass: x"), "payload.gatepass", "filled in already"),
        (with(RAISE, "event_type: released", "event_type: ''"), "event_type", "1 to 100"),
        (with(RAISE, "event_type: released", "event_type: '{{ event.id }}'"), "event_type", "may not choose"),
    ];
    at_once(table.map(|(config, place, words)| async move {
        let said = Deployment::stranger(&config).await.start_error().await.join("\n");
        assert!(said.contains(place) && said.contains(words), "{place} {words}: {said}");
    }))
    .await;
}
