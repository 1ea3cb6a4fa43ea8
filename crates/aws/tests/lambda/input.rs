//! What a function may be handed, and what it says of what it does not take.

use serde_json::{Value, json};

use crate::samples::{ALARM, REPOSITORY, alarm, alarm_of, call, padded};
use crate::support::{Deployment, Function};

/// A job that is called directly, and shows what it was called with.
const DIRECT: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  nightly:
    triggers: [{ schedule: { cron: "0 2 * * *" } }]
    open_issue:
      key: ["{{ event.data.input.name }}"]
      title: "{{ event.data.name }} of {{ event.data.input.name }}"
      body: "{{ event.id }} {{ event.source }} {{ event.type }} {{ event.data.scheduled_time }} {{ event.data.input | tojson }}"
"#;

#[tokio::test]
async fn what_is_no_event_is_invalid_and_named() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let table: &[(&[u8], &str)] = &[
        (b"", "not JSON that can be read: EOF while parsing a value at line 1 column 0"),
        (b"hello", "expected value at line 1 column 1"),
        (b"{\"a\":\n  tru}", "at line 2 column"),
        (b"{\"a\":1", "not JSON"),
        (b"{'job':'x'}", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"{\"job\":\"\xff\"}", "not JSON"),
        (deep.as_bytes(), "recursion limit exceeded"),
        (b"null", "this is null"),
        (b"[]", "this is an array"),
        (b"[{\"job\":\"nightly\"}]", "this is an array"),
        (b"7", "no JSON object"),
        (b"true", "no JSON object"),
        (b"\"job\"", "no JSON object"),
        (b"{}", "without any mark that is known"),
        (b"{\"hello\":\"world\"}", "without any mark that is known"),
    ];
    let function = Function::start(DIRECT).await;
    for (payload, words) in table {
        function.fails_raw(payload, "invalid", &[words]).await;
    }
    // Each of them has left a record, and the function lives.
    assert_eq!(
        function.status(&json!({"job": "nightly", "input": {"name": "a"}, "execution_id": "last"})).await,
        "created"
    );
    let log = function.log_until("outcome", |record| record["event_id"] == "last").await;
    let records = log.iter().filter(|record| record["message"] == "an event was not taken");
    let records: Vec<_> =
        records.map(|record| (&record["status"], record["requestId"].is_string())).collect();
    assert_eq!(records, vec![(&json!("invalid"), true); table.len()]);
}

#[tokio::test]
async fn what_other_services_send_is_told_by_name() {
    let table = [
        (json!({"Records": [{"eventSource": "aws:s3"}]}), "records of another service"),
        (
            json!({"Records": [{"eventSource": "aws:kinesis", "eventSourceARN": "x"}]}),
            "records of another service",
        ),
        (json!({"source": "somebody", "alarmArn": "x", "alarmData": {}}), "without any mark"),
        (
            json!({"version": "2.0", "type": "REQUEST", "requestContext": {"http": {}}}),
            "a question to an authorizer",
        ),
        (json!({"Records": []}), "without any mark"),
    ];
    let function = Function::start(ALARM).await;
    for (event, name) in table {
        function
            .fails(&event, "invalid", &[name, "is not taken", "what is taken are EventBridge events"])
            .await;
    }
    for (event, words) in [
        (json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}), "messageId"),
        (json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": "{}"}}]}), "TopicArn"),
        (json!({"source": "aws.cloudwatch", "alarmArn": "x", "alarmData": {}}), "alarmData.state.timestamp"),
    ] {
        function.fails(&event, "invalid", &[words]).await;
    }
    assert_eq!((function.open(), function.exchanges()), (0, 0));
}

#[tokio::test]
async fn an_event_that_is_too_large_is_refused_and_one_that_is_large_is_not() {
    let function = Function::start(ALARM).await;
    let mut event = alarm("e1", 1, "ALARM");
    event["padding"] = json!("PADDING");
    for megabytes in [7, 30] {
        let words = ["larger than 6291456 bytes", "send what the job needs"];
        function.fails_raw(&padded(&event, megabytes << 20), "invalid", &words).await;
    }
    assert_eq!((function.open(), function.exchanges()), (0, 0));
    function.host.invoke(&padded(&event, 5 << 20)).await.unwrap();
    assert_eq!(function.open(), 1);
}

#[tokio::test]
async fn an_eventbridge_event_without_what_makes_it_one_is_invalid() {
    let function = Function::start(ALARM).await;
    for (field, value, words) in [
        ("id", json!(null), "has no id"),
        ("id", json!(""), "has no id"),
        ("id", json!(7), "has no id"),
        ("source", json!(""), "has no source"),
        ("detail-type", json!({}), "has no detail-type"),
        ("time", json!(null), "has no time"),
        ("time", json!("yesterday"), "no RFC 3339 time"),
        ("time", json!("2026-11-20"), "no RFC 3339 time"),
    ] {
        let mut event = alarm("e1", 1, "ALARM");
        event[field] = value;
        function.fails(&event, "invalid", &["EventBridge", words]).await;
    }
    assert_eq!(function.open(), 0);
}

#[tokio::test]
async fn a_direct_call_is_a_schedules_tick() {
    let function = Function::start(DIRECT).await;
    let tick = json!({
        "job": "nightly", "input": {"name": "a"}, "scheduled_time": "2026-11-20T02:00:00Z", "execution_id": "x-1",
        "name": "arn:aws:scheduler:eu-west-1:111122223333:schedule/default/nightly",
    });
    assert_eq!(function.status(&tick).await, "created");
    assert_eq!(function.status(&tick).await, "unchanged", "Scheduler delivers at least once");
    let issue = function.sandbox.github.issue(REPOSITORY, 1).unwrap();
    assert_eq!(issue.title, "arn:aws:scheduler:eu-west-1:111122223333:schedule/default/nightly of a");
    let shown = r#"x-1 gatepass.schedule schedule 2026-11-20T02:00:00Z {"name":"a"}"#;
    assert!(issue.body.unwrap().contains(shown));

    // Without an execution's id, name and time are one.
    let by_time = json!({"job": "nightly", "input": {"name": "b"}, "scheduled_time": "2026-11-20T02:00:00Z"});
    assert_eq!(function.status(&by_time).await, "created");
    assert_eq!(function.status(&by_time).await, "unchanged");
    let body = function.sandbox.github.issue(REPOSITORY, 2).unwrap().body.unwrap();
    assert!(body.contains("nightly@2026-11-20T02:00:00Z gatepass.schedule"), "{body}");
    assert_eq!(
        function.status(&json!({"job": "nightly", "input": {"name": "b"}})).await,
        "updated",
        "a later tick"
    );
}

#[tokio::test]
async fn a_direct_call_that_is_wrong_says_how_to_write_it() {
    let function = Function::start(DIRECT).await;
    let how = "a direct call is {\"job\": NAME";
    let table: [(Value, &[&str]); 9] = [
        (call("nigthly"), &["no job \"nigthly\"", "runs_on"]),
        (call("NIGHTLY"), &[how, "`NIGHTLY` is not a job name"]),
        (call(""), &[how, "job name"]),
        (json!({"job": 7}), &[how]),
        (json!({"job": null}), &[how]),
        (json!({"job": "nightly", "inputs": {}}), &[how, "unknown field `inputs`", "`input`"]),
        (json!({"job": "nightly", "scheduled_time": "soon"}), &[how, "scheduled_time"]),
        (json!({"job": "nightly", "execution_id": 7}), &[how]),
        (
            json!({"job": "nightly"}),
            &["jobs.nightly.open_issue.key[0]", "`event.data.input.name` is not there"],
        ),
    ];
    for (event, words) in table {
        function.fails(&event, "invalid", words).await;
    }
    assert_eq!((function.open(), function.exchanges()), (0, 0));
}

#[tokio::test]
async fn what_a_template_misses_is_named_by_its_path() {
    let function = Function::start(ALARM).await;
    let place = "jobs.alarm-to-issue.open_issue";
    for (pointer, field, words) in [
        ("", "account", ["key[0]", "`event.data.account`"]),
        ("/detail", "alarmName", ["key[2]", "`event.data.detail.alarmName`"]),
        ("/detail/state", "reason", ["body", "`event.data.detail.state.reason`"]),
    ] {
        let mut event = alarm("e1", 1, "ALARM");
        event.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(field);
        let error = function.fails(&event, "invalid", &words).await;
        assert!(
            error.message.starts_with(place) && error.message.contains("not there in this event"),
            "{error}"
        );
    }
    // The condition takes what is missing for undefined, and is false.
    let mut event = alarm("e1", 1, "ALARM");
    event["detail"] = json!({});
    assert_eq!(function.status(&event).await, "ignored");
    event["detail"] = json!("text");
    assert_eq!(function.status(&event).await, "ignored");
    assert_eq!((function.open(), function.exchanges()), (0, 0), "no token was asked for");
}

#[tokio::test]
async fn a_state_that_is_neither_open_nor_closed_is_invalid() {
    let config = ALARM.replace(
        "{{ 'closed' if event.data.detail.state.value == 'OK' else 'open' }}",
        "{{ event.data.detail.state.value }}",
    );
    let function = Function::start(&config).await;
    function
        .fails(&alarm("e1", 1, "ALARM"), "invalid", &["open_issue.state", "\"ALARM\"", "open or closed"])
        .await;
    let untitled = ALARM.replace("title: \"Alarm: {{", "title: \"{{");
    let function = Deployment::new(untitled).await.start().await;
    let event = alarm_of("\u{7}\u{202e} ", "e1", 1, "ALARM");
    function.fails(&event, "invalid", &["title", "is empty", "open_issue.title"]).await;
    assert_eq!(function.open(), 0);
}
