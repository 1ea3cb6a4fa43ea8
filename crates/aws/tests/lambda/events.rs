//! What events come to.

use std::sync::Arc;

use serde_json::json;
use tokio::task::JoinSet;

use crate::samples::{ALARM, REPOSITORY, alarm, alarm_of};
use crate::support::{Deployment, Function};

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

#[tokio::test]
async fn many_events_at_once_share_one_exchange() {
    let deployment = Deployment::new(ALARM).await.set("AWS_LAMBDA_MAX_CONCURRENCY", "8");
    let function = Arc::new(deployment.start().await);
    let mut sent = JoinSet::new();
    for n in 0..8 {
        let function = Arc::clone(&function);
        let event = alarm_of(&format!("alarm-{n}"), &format!("e{n}"), 1, "ALARM");
        sent.spawn(async move { function.status(&event).await });
    }
    assert_eq!(sent.join_all().await, ["created"; 8]);
    assert_eq!((function.exchanges(), function.open()), (1, 8));
}

#[tokio::test]
async fn several_jobs_may_want_one_event_and_the_host_hears_the_worst() {
    // The second job has a policy that admits nobody.
    let second =
        ALARM.split_once("jobs:\n").unwrap().1.replace("alarm-to-issue:", "second:\n    trust_policy: none");
    let function = Function::start(&format!("{ALARM}{second}")).await;
    function.fails(&alarm("e1", 1, "ALARM"), "refused", &["acme/operations", "`none`"]).await;
    assert_eq!(function.open(), 1, "the other job has done its work");
}
