//! The Azure Functions host.

use gatepass_sandbox::hosts::functions::{FunctionsHost, InvocationFailure, Timer, TimerStatus};
use gatepass_sandbox::hosts::{HostError, HttpCall};
use gatepass_sandbox::http_client::LoopbackClient;
use gatepass_sandbox::trace::Trace;
use http::Method;
use serde_json::{Value, json};

use crate::child::program;

async fn start(key: Option<&str>) -> (FunctionsHost, Trace) {
    let trace = Trace::new();
    let host = FunctionsHost::start(program("serve"), key.map(str::to_owned), trace.clone()).await.unwrap();
    (host, trace)
}

#[tokio::test]
async fn http_is_forwarded_and_answered_unchanged() {
    let (host, _) = start(None).await;
    let client = LoopbackClient::new().unwrap();
    let call = HttpCall::new(Method::PUT, "/api/teapot").query("a=%20").header("x-a", "1").body("body");
    let answer = call.send(&client, host.url()).await.unwrap();
    assert_eq!((answer.status, answer.header("x-own")), (418, Some("kept")));
    let arrived = answer.json();
    assert_eq!((&arrived["method"], &arrived["path"]), (&json!("PUT"), &json!("/api/teapot")));
    assert_eq!((&arrived["query"], &arrived["body"]), (&json!("a=%20"), &json!("body")));
    assert_eq!(arrived["headers"]["x-a"], "1");
    assert!(arrived["headers"]["x-azure-functions-invocationid"].is_string());
    assert_eq!(HttpCall::get("/good-timer").send(&client, host.url()).await.unwrap().status, 404);
}

#[tokio::test]
async fn a_function_key_is_asked_for() {
    let (host, trace) = start(Some("k3y")).await;
    let client = LoopbackClient::new().unwrap();
    for (call, status) in [
        (HttpCall::get("/api/x"), 401),
        (HttpCall::get("/api/x").header("x-functions-key", "wrong"), 401),
        (HttpCall::get("/api/x").query("code=wrong"), 401),
        (HttpCall::get("/api/x").header("x-functions-key", "k3y"), 200),
        (HttpCall::get("/api/x").query("code=k3y"), 200),
    ] {
        assert_eq!(call.send(&client, host.url()).await.unwrap().status, status);
    }
    assert!(!trace.to_string().contains("k3y"), "{trace}");
}

#[tokio::test]
async fn a_timer_is_invoked_with_the_documented_body() {
    let (host, trace) = start(None).await;
    let status = TimerStatus {
        last: "0001-01-01T00:00:00".into(),
        next: "2026-11-20T10:00:00+01:00".into(),
        last_updated: "0001-01-01T00:00:00".into(),
    };
    let timer = Timer { status: Some(status), is_past_due: true, ..Timer::new("good-timer") };
    let invoked = host.timer(&timer).await.unwrap();
    assert_eq!((invoked.logs, invoked.return_value), (vec!["done".to_owned()], Value::Null));
    let line = host.child().wait_for_line(|line| line.text.contains("ScheduleStatus")).await.unwrap();
    let body: Value = serde_json::from_str(&line.text).unwrap();
    assert_eq!(body["Data"]["timer"]["ScheduleStatus"]["Last"], "0001-01-01T00:00:00");
    assert_eq!(body["Data"]["timer"]["IsPastDue"], true);
    assert_eq!(body["Metadata"]["sys"]["MethodName"], "good-timer");
    assert_eq!(trace.hops_of("azure-timer")[0].note.as_deref(), Some("invocation succeeded"));
}

#[tokio::test]
async fn an_answer_that_the_real_host_would_not_take_is_a_failure() {
    let (host, trace) = start(None).await;
    let failure = host.timer(&Timer::new("fail-timer")).await.unwrap_err();
    assert_eq!(failure, InvocationFailure::Status { status: 500, body: "no".into() });
    let hang = host.timer(&Timer::new("null-timer")).await.unwrap_err();
    assert_eq!(hang.to_string(), "the invocation would hang until its timeout: the body is null");
    let unknown = host.timer(&Timer::new("another-timer")).await.unwrap_err();
    assert!(matches!(unknown, InvocationFailure::Malformed(_)), "{unknown}");
    host.child().kill().await;
    let gone = host.timer(&Timer::new("good-timer")).await.unwrap_err();
    assert!(matches!(gone, InvocationFailure::NoAnswer(_)), "{gone}");
    let statuses: Vec<Option<u16>> = trace.hops_of("azure-timer").iter().map(|hop| hop.status).collect();
    assert_eq!(statuses, [Some(500), Some(200), Some(200), None]);
}

#[tokio::test]
async fn a_handler_that_ends_at_once_is_reported() {
    let error = FunctionsHost::start(program("talk"), None, Trace::new()).await.unwrap_err();
    assert!(
        matches!(error, HostError::Ended { .. }) && error.to_string().contains("before it answered GET /")
    );
}
