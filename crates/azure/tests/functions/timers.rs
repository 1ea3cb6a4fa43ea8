//! Timers: `POST /{function}`, and what the host must hear.

use std::time::Duration;

use axum::http::Method;
use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::hosts::HttpCall;
use gatepass_sandbox::hosts::functions::{InvocationFailure, Timer, TimerStatus};
use serde_json::{Map, Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{Function, HOSTED, INVOCATION, REPOSITORY, Setup, TICK, assert_problem};

const OTHERS: &str = r#"
  egg-timer:
    triggers: [{ schedule: { cron: "0 2 * * *" } }, { schedule: { cron: "0 3 * * *" } }]
    open_issue: { key: ["{{ event.data.name }}"], title: "{{ event.data.name }} at {{ event.data.scheduled_time }}" }
  refused:
    triggers: [{ schedule: { cron: "0 2 * * *" } }]
    trust_policy: missing
    open_issue: { key: [refused], title: refused }
  elsewhere:
    runs_on: [aws]
    triggers: [{ schedule: { cron: "0 2 * * *" } }]
    open_issue: { key: [elsewhere], title: elsewhere }
"#;

async fn start() -> Function {
    Setup::new().await.start(&format!("{HOSTED}{TICK}{OTHERS}")).await
}

#[tokio::test]
async fn a_timer_keeps_one_issue() {
    let function = start().await;
    let invoked = function.tick("tick").await.unwrap();
    assert_eq!((invoked.outputs, invoked.return_value), (Map::new(), Value::Null));
    let issue = function.sandbox.github.issues(REPOSITORY).pop().unwrap();
    assert_eq!(issue.title, "tick");
    assert_eq!(invoked.logs.len(), 1);
    assert!(invoked.logs[0].starts_with("tick: created http") && invoked.logs[0].ends_with("/issues/1"));
    assert_eq!(function.hops(), ["azure-identity", "entra", "octo-sts", "github", "azure-timer"]);

    let again = function.tick("tick").await.unwrap();
    assert!(
        again.logs[0].starts_with("tick: updated") || again.logs[0].starts_with("tick: unchanged"),
        "{again:?}"
    );
    assert_eq!(function.sandbox.github.issues(REPOSITORY).len(), 1);
}

#[tokio::test]
async fn the_answer_is_the_hosts_document_to_the_letter() {
    let function = start().await;
    let body = json!({"Data": {"timer": {"Schedule": {}, "ScheduleStatus": null, "IsPastDue": false}},
        "Metadata": {"sys": {"MethodName": "tick-timer", "UtcNow": "2026-11-20T09:00:00Z", "RandGuid": "x"}}});
    let answer = function.send(HttpCall::post_json("/tick-timer", &body)).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let url = format!("{}/acme/operations/issues/1", function.sandbox.github.url());
    assert_eq!(
        answer.json(),
        json!({"Outputs": {}, "Logs": [format!("tick: created {url}")], "ReturnValue": null})
    );
}

#[tokio::test]
async fn every_schedule_of_a_job_has_its_function() {
    let function = start().await;
    let odd = TimerStatus {
        last: "0001-01-01T00:00:00".into(),
        next: "2026-11-20T10:00:00+01:00".into(),
        last_updated: "0001-01-01T00:00:00".into(),
    };
    for (name, status) in [("egg-timer-timer", None), ("egg-timer-timer-2", Some(odd))] {
        let timer = Timer { status, is_past_due: true, binding: "myTimer".into(), ..Timer::new(name) };
        function.host.timer(&timer).await.unwrap();
    }
    let issues = function.sandbox.github.issues(REPOSITORY);
    assert_eq!(issues.len(), 1);
    assert!(issues[0].title.starts_with("egg-timer at 20"), "{}", issues[0].title);
}

/// A host that gives up an invocation must not stop it between two writes.
#[tokio::test]
async fn a_tick_is_finished_when_the_host_hangs_up() {
    let function = start().await;
    let slow = Fault::on(Method::POST, "/repos/*/issues").delay(Duration::from_millis(500));
    function.sandbox.github.faults().inject(slow);
    let port = function.record("listening", |_| true).await["port"].as_u64().unwrap();
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).await.unwrap();
    let request = format!(
        "POST /tick-timer HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nx-azure-functions-invocationid: {INVOCATION}\r\n\r\n{{}}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    // The look-up has been answered, so the create is on its way or waits for its fault.
    function.sandbox.trace.wait_for(|hop| hop.service == "github").await.unwrap();
    drop(stream);
    let outcome = function.record("outcome", |_| true).await;
    assert_eq!((&outcome["status"], &outcome["correlation_id"]), (&json!("created"), &json!(INVOCATION)));
    assert_eq!(function.sandbox.github.issues(REPOSITORY).len(), 1);
}

#[tokio::test]
async fn a_failed_job_is_a_failed_invocation() {
    let function = start().await;
    let (status, problem) = function.failed_tick("refused").await;
    assert_eq!(status, 502);
    assert_problem(
        &problem,
        502,
        "refused",
        &["acme/operations", "`missing`", "the trust policy is missing"],
    );
    assert_eq!(problem["results"][0]["job"], "refused");
    assert!(!problem.to_string().contains(function.sandbox.identity.azure.subject()), "{problem}");
    assert!(function.sandbox.github.writes().is_empty());
}

#[tokio::test]
async fn a_function_that_is_none_of_ours_is_said_to_be() {
    let function = start().await;
    for (name, words) in [
        ("unknown-timer", "there is no job \"unknown\" here; check its name, and its runs_on"),
        ("elsewhere-timer", "runs_on"),
        (
            "tick-blob",
            "\"tick-blob\" is no function of gatepass; a timer's is called JOB-timer, a queue's QUEUE-queue, and one for HTTP without forwarding ends in -http",
        ),
        ("tick", "JOB-timer"),
        ("tick-timer-", "JOB-timer"),
        ("-timer", "JOB-timer"),
    ] {
        let failure = function.host.timer(&Timer::new(name)).await.unwrap_err();
        let InvocationFailure::Status { status: 404, body } = &failure else { panic!("{name}: {failure}") };
        assert_problem(&serde_json::from_str(body).unwrap(), 404, "invalid", &[words]);
    }
    function.assert_untouched("functions that are none");
    let record = function.record("an invocation failed", |line| line["function"] == "tick-blob").await;
    assert_eq!((&record["level"], &record["status"]), (&json!("ERROR"), &json!("invalid")));
}

#[tokio::test]
async fn a_body_that_the_host_never_sends_is_invalid() {
    let function = start().await;
    let huge = format!("{{\"Data\":\"{}\"}}", "x".repeat(30 * 1024 * 1024));
    let post = || HttpCall::new(Method::POST, "/tick-timer").header("content-type", "application/json");
    for body in ["", "null", "[]", "not JSON", "{", "7", "\"text\"", r#"{"Metadata":7}"#, "\u{0}"] {
        let answer = function.send(post().body(body)).await;
        assert_eq!(answer.status, 422, "{body}: {}", answer.text());
        let words = ["no timer invocation of the Functions host (line 1"];
        assert_problem(&answer.json(), 422, "invalid", &words);
    }
    for _ in 0..5 {
        let answer = function.send(post().body(huge.clone())).await;
        assert_eq!(answer.status, 413, "{}", answer.text());
        assert_problem(&answer.json(), 413, "invalid", &["larger than"]);
    }
    function.assert_untouched("bodies that are none");
    // Whatever else an object holds, it is a tick.
    assert_eq!(function.send(HttpCall::post_json("/tick-timer", &json!({}))).await.status, 200);
}
