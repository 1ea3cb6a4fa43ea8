//! Log records, as Application Insights reads them.

use gatepass_sandbox::hosts::HttpCall;
use serde_json::{Value, json};

use crate::support::{HOSTED, INVOCATION, REPOSITORY, Setup, TICK, assert_problem, post};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

const ORDER: &str = "
  order:
    triggers: [{ http: { caller: console } }]
    open_issue: { key: [order], title: order }
";

#[tokio::test]
async fn a_tick_is_told_in_full_under_its_invocation() {
    let function = Setup::new().await.start(&format!("{HOSTED}{TICK}")).await;
    let body = json!({"Data": {}, "Metadata": {"sys": {"UtcNow": "2026-11-20T09:00:00Z"}}});
    let trace = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let call = HttpCall::post_json("/tick-timer", &body).header("traceparent", &trace);
    assert_eq!(function.send(call).await.status, 200);

    let workload = function.sandbox.azure_function();
    let exchange = function.record("exchange", |_| true).await;
    for (field, expected) in [
        ("level", json!("INFO")),
        ("operation_Id", json!(TRACE)),
        ("correlation_id", json!(INVOCATION)),
        ("job", json!("tick")),
        ("proof_source", json!("azure")),
        ("iss", json!(workload.issuer)),
        ("sub", json!(workload.subject)),
        ("aud", json!(workload.audience)),
        ("scope", json!(REPOSITORY)),
        ("trust_policy", json!("ops")),
        ("result", json!("granted")),
        ("hashed_token", json!(function.sandbox.github.tokens().pop().unwrap().hashed)),
    ] {
        assert_eq!(exchange[field], expected, "{field}: {exchange}");
    }
    let outcome = function.record("outcome", |_| true).await;
    for (field, expected) in [
        ("level", json!("INFO")),
        ("operation_Id", json!(TRACE)),
        ("correlation_id", json!(INVOCATION)),
        ("job", json!("tick")),
        ("event_id", json!(INVOCATION)),
        ("event_source", json!("gatepass.schedule")),
        ("status", json!("created")),
        ("github_calls", json!(3)),
        ("rate_left", json!(function.sandbox.github.rate_remaining())),
        ("severity", Value::Null),
    ] {
        assert_eq!(outcome[field], expected, "{field}: {outcome}");
    }
    assert_eq!(outcome["key"].as_str().unwrap().len(), 64);
    assert!(outcome["timestamp"].is_string() && outcome["milliseconds"].is_u64());
    assert!(outcome["url"].as_str().unwrap().ends_with("/acme/operations/issues/1"));
}

#[tokio::test]
async fn a_forwarded_call_is_told_under_its_invocation_too() {
    let function = Setup::new().await.start(&format!("{HOSTED}{ORDER}")).await;
    let call = post("/api/jobs/order").header("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01"));
    assert_eq!(function.call(call).await.status, 201);
    let outcome = function.record("outcome", |_| true).await;
    assert_eq!(outcome["operation_Id"], TRACE);
    let id = outcome["correlation_id"].as_str().unwrap();
    assert!(id.len() == 36 && id.split('-').count() == 5, "not the host's id of the invocation: {id}");
    assert_eq!(outcome["event_id"], id);

    let answer = function.call(post("/api/jobs/unknown")).await;
    assert_problem(&answer.json(), 404, "invalid", &[]);
    let id = answer.json()["correlation_id"].clone();
    assert!(id.as_str().is_some_and(|id| id.len() == 36), "{id}");
    let record = function.record("a call was not taken", |line| line["correlation_id"] == id).await;
    assert_eq!((&record["level"], &record["operation_Id"]), (&json!("WARN"), &Value::Null));
}

/// Even where everything is logged. What looks like a credential is looked for in the output of every test besides.
#[tokio::test]
async fn every_line_is_a_record_and_none_holds_a_secret() {
    let setup = Setup::new().await.env("GATEPASS_LOG", "trace");
    let header = setup.sandbox.identity.azure.env_functions()["IDENTITY_HEADER"].clone();
    let function = setup.start(&format!("{HOSTED}{TICK}{ORDER}")).await;
    function.tick("tick").await.unwrap();
    assert_eq!(function.call(post("/api/jobs/order").body("a private note")).await.status, 201);
    function.failed_tick("unknown").await;
    function.record("an invocation failed", |_| true).await;
    let text = function.host.child().text();
    assert!(text.contains("\"outcome\"") && text.contains("\"exchange\""));
    for secret in [header.as_str(), "eyJ", "ghs_", "a-function-key", "private note"] {
        assert!(!text.contains(secret), "the log holds {secret}:\n{text}");
    }
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        assert!(record["level"].is_string() && record["message"].is_string(), "{line}");
    }
}
