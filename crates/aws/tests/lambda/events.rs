//! What events come to.

use serde_json::json;

use crate::support::{ALARM, Function, REPOSITORY, alarm};

#[tokio::test]
async fn an_alarm_opens_updates_and_closes_one_issue() {
    let function = Function::start(ALARM).await;
    let result = function.send(&alarm("e1", 1, "ALARM")).await;
    assert_eq!(result["status"], "created", "{}", function.host.child().text());
    let issues = function.sandbox.github.open_issues(REPOSITORY);
    assert_eq!(issues.len(), 1);
    assert_eq!(result["job"], "alarm-to-issue");

    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "unchanged");
    assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, "updated");
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "ignored");
    assert_eq!(function.status(&alarm("e3", 3, "OK")).await, "closed");
    assert_eq!(function.status(&alarm("e4", 4, "ALARM")).await, "reopened");
    assert_eq!(function.sandbox.github.issues(REPOSITORY).len(), 1);
}

#[tokio::test]
async fn a_state_that_the_condition_leaves_out_asks_for_no_token() {
    let function = Function::start(ALARM).await;
    assert_eq!(function.status(&alarm("e1", 1, "INSUFFICIENT_DATA")).await, "ignored");
    assert_eq!(function.sandbox.trace.hops_of("aws-sts").len(), 0);
}

#[tokio::test]
async fn an_event_that_no_job_wants_is_no_failure() {
    let function = Function::start(ALARM).await;
    let mut event = alarm("e1", 1, "ALARM");
    event["source"] = json!("aws.ec2");
    assert_eq!(function.send(&event).await, json!(null));
}
