//! Log records, in Cloud Logging's dialect.

use gatepass_sandbox::hosts::webhook::{Signature, Webhook};
use serde_json::{Value, json};

use crate::support::{AUDIENCE, REPOSITORY, SCHEDULED, Service, Setup, TICK, bearer, post, status};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[tokio::test]
async fn an_exchange_and_its_outcome_are_told_in_full() {
    let setup = Setup::new().await.env("GOOGLE_CLOUD_PROJECT", "acme-sandbox");
    let service = setup.start(&format!("{SCHEDULED}{TICK}")).await;
    let call = post("/jobs/tick").header("x-cloud-trace-context", &format!("{TRACE}/1;o=1"));
    let call = call.header("x-cloudscheduler-jobname", "nightly");
    let answer =
        service.send_as_scheduler(call.header("x-cloudscheduler-scheduletime", "2026-11-20T01:00:00Z")).await;
    assert_eq!(answer.status, 201, "{}", answer.text());

    let workload = service.sandbox.cloud_run();
    let exchange = service.record("exchange", |_| true).await;
    let token = service.sandbox.github.tokens().pop().unwrap();
    for (field, expected) in [
        ("severity", json!("INFO")),
        ("logging.googleapis.com/trace", json!(format!("projects/acme-sandbox/traces/{TRACE}"))),
        ("job", json!("tick")),
        ("proof_source", json!("gcp")),
        ("iss", json!(workload.issuer)),
        ("sub", json!(workload.subject)),
        ("aud", json!("octo-sts.dev")),
        ("scope", json!(REPOSITORY)),
        ("trust_policy", json!("ops")),
        ("result", json!("granted")),
        ("hashed_token", json!(token.hashed)),
    ] {
        assert_eq!(exchange[field], expected, "{field}: {exchange}");
    }
    assert!(number(&exchange["milliseconds"]) < 60_000);
    assert!(
        exchange["correlation_id"].as_str().is_some_and(|id| id.len() == 32 && id != TRACE),
        "{exchange}"
    );

    let issue = service.sandbox.github.open_issues(REPOSITORY).pop().unwrap();
    let outcome = service.record("outcome", |_| true).await;
    let key = outcome["key"].as_str().unwrap();
    assert!(key.len() == 64 && issue.body.unwrap().contains(&format!("key={key}")), "{outcome}");
    for (field, expected) in [
        ("severity", json!("INFO")),
        ("logging.googleapis.com/trace", json!(format!("projects/acme-sandbox/traces/{TRACE}"))),
        ("correlation_id", exchange["correlation_id"].clone()),
        ("job", json!("tick")),
        ("event_id", json!("nightly@2026-11-20T01:00:00Z")),
        ("event_source", json!("gatepass.schedule")),
        ("status", json!("created")),
        ("url", answer.json()["results"][0]["url"].clone()),
        ("github_calls", json!(3)),
        ("rate_left", json!(service.sandbox.github.rate_remaining())),
    ] {
        assert_eq!(outcome[field], expected, "{field}: {outcome}");
    }
    assert!(number(&outcome["milliseconds"]) < 60_000 && outcome["time"].is_string());
}

#[tokio::test]
async fn a_failure_is_an_error_with_its_class_and_the_answers_correlation_id() {
    let missing = TICK.replace("open_issue", "trust_policy: missing\n    open_issue");
    let service = Service::with_jobs(&missing).await;
    let answer = service.start("tick").await;
    let id = answer.json()["correlation_id"].clone();
    let outcome = service.record("outcome", |line| line["correlation_id"] == id).await;
    for (field, expected) in [
        ("severity", json!("ERROR")),
        ("status", json!("refused")),
        ("reason", answer.json()["detail"].clone()),
        ("github_calls", json!(0)),
        ("logging.googleapis.com/trace", Value::Null),
    ] {
        assert_eq!(outcome[field], expected, "{field}: {outcome}");
    }
    let exchange = service.record("exchange", |line| line["correlation_id"] == id).await;
    for (field, expected) in [
        ("severity", json!("WARNING")),
        ("result", json!("refused")),
        ("status", json!(404)),
        ("policy_path", json!(".github/chainguard/missing.sts.yaml in acme/operations")),
    ] {
        assert_eq!(exchange[field], expected, "{field}: {exchange}");
    }
    assert!(exchange["server_message"].as_str().unwrap().starts_with("unable to find trust policy"));
}

#[tokio::test]
async fn either_trace_header_correlates_and_anything_else_is_replaced() {
    let service = Service::with_jobs(TICK).await;
    let w3c = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let google = format!("{TRACE}/12345;o=1");
    for (header, value, known) in [
        ("traceparent", w3c.as_str(), true),
        ("x-cloud-trace-context", &google, true),
        ("x-cloud-trace-context", TRACE, true),
        ("x-cloud-trace-context", "projects/evil", false),
        ("traceparent", "00-\"}{-1-1", false),
        ("x-request-id", TRACE, false),
    ] {
        let answer = service.send(post("/jobs/tick").header(header, value)).await;
        let id = answer.json()["correlation_id"].as_str().unwrap().to_owned();
        // Several requests may belong to one trace.
        assert_ne!(id, TRACE, "{header}: {value}");
        assert!(id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()), "{id}");
        let record = service.record("a call was not taken", |line| line["correlation_id"] == json!(id)).await;
        assert_eq!(record["logging.googleapis.com/trace"] == json!(TRACE), known, "{record}");
    }
}

/// Even where everything is logged. What looks like a credential is looked for in the output of every test besides.
#[tokio::test]
async fn every_line_is_a_record_and_none_holds_a_secret() {
    let jobs = "
  hook:
    triggers: [{ webhook: { signature: github, secrets: [{ file: FILE }] } }]
    open_issue: { key: ['{{ event.id }}'], title: hook, body: '{{ event.data.note }}' }
";
    let secret = "a secret of a file";
    let setup = Setup::new().await.env("GATEPASS_LOG", "trace");
    let file = setup.file("secret", secret);
    let service = setup.start(&format!("{SCHEDULED}{TICK}{}", jobs.replace("FILE", &file))).await;
    let token = service.sandbox.identity.gcp.mint_scheduler_token(AUDIENCE);
    let webhook = Webhook::new("push", &json!({"note": "a private note"}));
    let wrong = webhook.call("/hooks/hook", secret, Signature::Wrong);
    let right = webhook.call("/hooks/hook", secret, Signature::Right);
    let signature = right.headers["x-hub-signature-256"].to_str().unwrap().to_owned();
    assert_eq!(service.send(wrong).await.status, 401);
    assert_eq!(status(&service.send(right).await), "created");
    assert_eq!(service.send(bearer(post("/jobs/tick"), &token)).await.status, 201);
    assert_eq!(service.send(bearer(post("/jobs/tick"), &format!("{token}x"))).await.status, 401);
    assert_eq!(
        service.send(bearer(post("/jobs/tick").query(format!("token={token}")), "x")).await.status,
        401
    );
    service.run.stop().await.unwrap();

    let text = service.run.child().text();
    assert!(text.contains("\"outcome\"") && text.contains("\"exchange\""));
    let payload = token.split('.').nth(1).unwrap();
    for secret in [secret, &token, payload, &signature, &signature[7..], "private note", "ghs_"] {
        assert!(!text.contains(secret), "the log holds {secret}:\n{text}");
    }
    for line in text.lines() {
        let record: Value = serde_json::from_str(line).unwrap();
        assert!(record["severity"].is_string() && record["message"].is_string(), "{line}");
    }
}
