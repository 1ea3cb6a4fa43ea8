//! A client that hangs up: what has begun is finished all the same.

use std::time::Duration;

use axum::http::Method;
use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::hosts::cloud_run::Stopped;
use gatepass_sandbox::hosts::webhook::{Signature, Webhook};
use gatepass_sandbox::hosts::{HttpAnswer, HttpCall};
use serde_json::json;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{AUDIENCE, REPOSITORY, SCHEDULED, Service, Setup, TICK, bearer, post, status};

const HOOK: &str = "
  hook:
    triggers: [{ webhook: { signature: github, secrets: [{ env: WEBHOOK_SECRET }] } }]
    open_issue: { key: [hook], title: hook }
";

const EVENT: &str = "
  report:
    triggers: [{ event: { source: a.bucket } }]
    open_issue: { key: [report], title: report }
";

const SECRET: &str = "the webhook's secret";

/// Sends a call and hangs up as soon as GitHub is asked to write.
async fn hang_up(service: &Service, call: HttpCall) {
    let mut request = format!("{} {} HTTP/1.1\r\nhost: x\r\n", call.method, call.path);
    for (name, value) in &call.headers {
        request += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    request += &format!("content-length: {}\r\n\r\n", call.body.len());
    let address = service.run.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.write_all(&call.body).await.unwrap();
    // The look-up has been answered, so the create is on its way or waits for its fault.
    service.sandbox.trace.wait_for(|hop| hop.service == "github").await.unwrap();
}

#[tokio::test]
async fn what_has_begun_is_finished_and_told() {
    let setup = Setup::new().await.env("WEBHOOK_SECRET", SECRET);
    let config =
        format!("{SCHEDULED}{TICK}{HOOK}{EVENT}").replace("[schedule, http]", "[schedule, a.bucket]");
    let service = setup.start(&config).await;
    let token = service.sandbox.identity.gcp.mint_scheduler_token(AUDIENCE);
    let event = post("/events")
        .header("ce-specversion", "1.0")
        .header("ce-id", "1")
        .header("ce-source", "a.bucket")
        .header("ce-type", "x");
    for (job, call) in [
        ("tick", bearer(post("/jobs/tick"), &token)),
        ("report", bearer(event, &token)),
        ("hook", Webhook::new("push", &json!({})).call("/hooks/hook", SECRET, Signature::Right)),
    ] {
        service.sandbox.trace.clear();
        let slow = Fault::on(Method::POST, "/repos/*/issues").delay(Duration::from_millis(500));
        service.sandbox.github.faults().inject(slow);
        hang_up(&service, call).await;
        let outcome = service.record("outcome", |line| line["job"] == job).await;
        assert_eq!(outcome["status"], json!("created"), "{outcome}");
        assert!(outcome["correlation_id"].as_str().is_some_and(|id| id.len() == 32), "{outcome}");
        let issues = service.sandbox.github.open_issues(REPOSITORY);
        assert!(issues.iter().any(|issue| issue.title == job), "{job}: {}", service.sandbox.trace);
    }
    let again: HttpAnswer = service.start("tick").await;
    assert_eq!((again.status, status(&again).as_str()), (200, "updated"), "{}", again.text());
}

#[tokio::test]
async fn what_has_begun_is_finished_before_the_process_ends() {
    let setup = Setup::new().await.env("WEBHOOK_SECRET", SECRET);
    let service = setup.start(&format!("{SCHEDULED}{TICK}")).await;
    let token = service.sandbox.identity.gcp.mint_scheduler_token(AUDIENCE);
    let slow = Fault::on(Method::POST, "/repos/*/issues").delay(Duration::from_millis(500));
    service.sandbox.github.faults().inject(slow);
    hang_up(&service, bearer(post("/jobs/tick"), &token)).await;
    let Stopped::Drained(end) = service.run.stop().await.unwrap() else { panic!("killed") };
    assert_eq!(end.code(), Some(0));
    assert!(service.run.child().text().contains("\"status\":\"created\""), "{}", service.run.child().text());
    assert_eq!(service.sandbox.github.open_issues(REPOSITORY).len(), 1);
}
