//! Events that overtake each other, lists that lag, and what a process remembers.

use std::time::Duration;

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::github::{Issue, State, StateReason, User};
use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::samples::{ALARM, ISSUES, LABEL, REPOSITORY, alarm, alarm_of, alarm_without_window};
use crate::support::{Deployment, Function};

/// The first issue, and what each process reads when it asks for it by itself.
const FIRST: &str = "/repos/acme/operations/issues/1";

fn first(function: &Function) -> Issue {
    function.sandbox.github.issue(REPOSITORY, 1).unwrap()
}

/// An alarm of this moment.
fn fresh(id: &str, state: &str) -> Value {
    let mut event = alarm(id, 1, state);
    event["time"] = json!(Timestamp::now().to_string());
    event
}

#[tokio::test]
async fn an_alarm_that_was_over_before_it_arrived_opens_nothing() {
    for config in [ALARM.to_owned(), alarm_without_window()] {
        let function = Function::start(&config).await;
        for (id, minute, state, status) in [
            ("e2", 2, "OK", "unchanged"),
            ("e1", 1, "ALARM", "ignored"),
            ("e4", 4, "OK", "unchanged"),
            ("e3", 3, "ALARM", "ignored"),
            ("e2", 2, "OK", "ignored"),
            ("e5", 5, "ALARM", "created"),
            ("e6", 6, "OK", "closed"),
            ("e5", 5, "ALARM", "ignored"),
        ] {
            assert_eq!(function.status(&alarm(id, minute, state)).await, status, "{id}");
        }
        assert_eq!(function.sandbox.github.issues(REPOSITORY).len(), 1);
    }
}

#[tokio::test]
async fn a_process_knows_better_than_a_list_that_lags() {
    let function = Function::start(ALARM).await;
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
    // From now on lists show what was true then.
    function.sandbox.github.lag_lists(1000);
    for (id, minute, state, status) in [
        ("e3", 3, "ALARM", "updated"),
        ("e2", 2, "OK", "ignored"),
        ("e3", 3, "ALARM", "unchanged"),
        ("e5", 5, "OK", "closed"),
        ("e4", 4, "ALARM", "ignored"),
        ("e5", 5, "OK", "unchanged"),
        ("e6", 6, "ALARM", "reopened"),
        ("e7", 7, "OK", "closed"),
    ] {
        assert_eq!(function.status(&alarm(id, minute, state)).await, status, "{id}");
    }
    assert_eq!((function.sandbox.github.issues(REPOSITORY).len(), function.open()), (1, 0));
    assert!(first(&function).body.unwrap().contains("Threshold crossed at 7\n"));
}

#[tokio::test]
async fn a_new_process_writes_nothing_by_a_list_that_lags() {
    for config in [ALARM.to_owned(), alarm_without_window()] {
        let deployment = Deployment::new(config).await;
        let (one, other) = (deployment.start().await, deployment.start().await);
        one.status(&alarm("e1", 1, "ALARM")).await;
        // For the other process, lists show what was true then.
        deployment.sandbox.github.lag_lists(1000);
        assert_eq!(one.status(&alarm("e3", 3, "OK")).await, "closed");
        let before = first(&one);
        assert_eq!(other.status(&alarm("e2", 2, "ALARM")).await, "ignored");
        assert_eq!((first(&one), one.sandbox.github.issues(REPOSITORY).len()), (before, 1));
    }
}

#[tokio::test]
async fn what_closes_an_issue_that_is_closed_leaves_a_trace() {
    let deployment = Deployment::new(ALARM).await;
    let one = deployment.start().await;
    for (id, minute, state, status) in
        [("e1", 1, "ALARM", "created"), ("e2", 2, "OK", "closed"), ("e5", 5, "OK", "unchanged")]
    {
        assert_eq!(one.status(&alarm(id, minute, state)).await, status);
    }
    let closed = first(&one);
    assert!(closed.body.as_ref().unwrap().contains("Threshold crossed at 2\n"), "only the marker moves on");
    assert_eq!((closed.state, closed.state_reason), (State::Closed, Some(StateReason::Completed)));
    // A process that remembers nothing of it.
    let other = deployment.start().await;
    assert_eq!(other.status(&alarm("e4", 4, "ALARM")).await, "ignored");
    assert_eq!(other.status(&alarm("e5", 5, "OK")).await, "unchanged");
    assert_eq!(first(&one), closed);
    assert_eq!(other.status(&alarm("e6", 6, "ALARM")).await, "reopened");
}

#[tokio::test]
async fn an_issue_that_is_not_listed_yet_is_found_by_who_opened_it() {
    // Half of the time that is left is waited for the list.
    let deployment = Deployment::new(alarm_without_window()).await.timeout(Duration::from_secs(3));
    let function = deployment.start().await;
    function.sandbox.github.lag_lists(1000);
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "unchanged");
    assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, "updated");
    assert_eq!(function.status(&alarm("e3", 3, "OK")).await, "closed");
    assert_eq!(function.sandbox.github.issues(REPOSITORY).len(), 1);
}

#[tokio::test]
async fn what_people_did_to_a_remembered_issue_counts() {
    let function = Function::start(&alarm_without_window()).await;
    let github = &function.sandbox.github;
    function.status(&alarm("e1", 1, "ALARM")).await;
    github.close_as_person(REPOSITORY, 1, StateReason::Completed).unwrap();
    assert_eq!(
        function.status(&alarm("e1", 1, "ALARM")).await,
        "unchanged",
        "the same again opens no second one"
    );
    assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, "created");
    github.reopen_as_person(REPOSITORY, 1).unwrap();
    assert_eq!(function.status(&alarm("e3", 3, "ALARM")).await, "updated");
    let states: Vec<State> = github.issues(REPOSITORY).iter().map(|issue| issue.state).collect();
    assert_eq!(states, [State::Open, State::Closed], "the older one stays");
}

#[tokio::test]
async fn a_closing_event_waits_a_moment_for_an_issue_that_is_not_listed_yet() {
    let deployment = Deployment::new(alarm_without_window()).await;
    let (one, other) = (deployment.start().await, deployment.start().await);
    let github = &deployment.sandbox.github;
    one.status(&fresh("e1", "ALARM")).await;
    let body = first(&one).body.unwrap();
    github.close_as_person(REPOSITORY, 1, StateReason::Completed).unwrap();
    github.edit_body(REPOSITORY, 1, |_| String::new()).unwrap();
    // Another process opens one, which the next list does not show and the one after does.
    github.lag_lists(1);
    github.add_issue(REPOSITORY, User::bot("octo-sts[bot]"), "Alarm: cpu", &body, &[LABEL]).unwrap();
    assert_eq!(other.status(&fresh("e2", "OK")).await, "closed");
    assert_eq!(other.open(), 0);

    // What happened long ago is not waited for; and what the process knows, it reads.
    github.lag_lists(0);
    deployment.sandbox.trace.clear();
    let mut old = fresh("e3", "OK");
    old["time"] = json!((Timestamp::now() - SignedDuration::from_mins(2)).to_string());
    old["detail"]["alarmName"] = json!("disk");
    assert_eq!((other.status(&old).await.as_str(), other.github_calls()), ("unchanged", 1));
    let over = fresh("e4", "OK");
    assert_eq!((other.status(&over).await.as_str(), other.github_calls()), ("unchanged", 2));
    assert_eq!((other.status(&over).await.as_str(), other.github_calls()), ("unchanged", 1));
}

#[tokio::test]
async fn an_issue_that_another_process_has_just_opened_again_is_closed() {
    let deployment = Deployment::new(ALARM).await;
    let (one, other) = (deployment.start().await, deployment.start().await);
    for (id, state, status) in [("e1", "ALARM", "created"), ("e2", "OK", "closed")] {
        assert_eq!(one.status(&fresh(id, state)).await, status);
    }
    assert_eq!(other.status(&fresh("e3", "ALARM")).await, "reopened");
    // For the one process, lists still show what it has seen itself.
    deployment.sandbox.github.faults().inject(Fault::on(Method::GET, ISSUES).body("[]"));
    assert_eq!(one.status(&fresh("e4", "OK")).await, "closed");
    assert_eq!(one.open(), 0);
}

#[tokio::test]
async fn what_an_older_event_wrote_over_is_written_again() {
    let function = Function::start(ALARM).await;
    function.status(&alarm("e1", 1, "ALARM")).await;
    let before = first(&function).body.unwrap();
    let github = &function.sandbox.github;
    // The look after the change waits until another delivery, which looked before it, has written.
    let late = Fault::on(Method::GET, FIRST).skip(1).delay(Duration::from_millis(500));
    let looked = github.faults().inject(late);
    function.sandbox.trace.clear();
    let event = alarm("e3", 3, "OK");
    let overwriting = async {
        function.sandbox.trace.wait_for(|hop| hop.method == "PATCH").await.unwrap();
        github.edit_body(REPOSITORY, 1, |_| before.clone()).unwrap();
        github.reopen_as_person(REPOSITORY, 1).unwrap();
    };
    let (status, ()) = tokio::join!(function.status(&event), overwriting);
    assert_eq!((status.as_str(), looked.used()), ("closed", 1));
    let issue = first(&function);
    assert_eq!(
        (issue.state, issue.body.unwrap().contains("Threshold crossed at 3\n")),
        (State::Closed, true)
    );
    let changes = github.writes().iter().filter(|hop| hop.method == "PATCH").count();
    assert_eq!(changes, 2);
}

#[tokio::test]
async fn a_change_whose_check_fails_is_done_all_the_same() {
    let function = Function::start(ALARM).await;
    function.status(&alarm("e1", 1, "ALARM")).await;
    let injected =
        function.sandbox.github.faults().inject(Fault::on(Method::GET, FIRST).skip(1).status(500).times(3));
    assert_eq!(function.status(&alarm("e2", 2, "OK")).await, "closed");
    assert_eq!((injected.used(), function.open()), (3, 0));
    function
        .log_until("an issue could not be read after it was changed", |record| record["level"] == "WARN")
        .await;
}

/// One process that works on several events at once.
async fn busy(timeout: Duration) -> Function {
    let deployment = Deployment::new(alarm_without_window()).await.set("AWS_LAMBDA_MAX_CONCURRENCY", "16");
    deployment.timeout(timeout).start().await
}

#[tokio::test]
async fn in_one_process_a_key_is_worked_on_by_one_event_at_a_time() {
    let function = busy(Duration::from_secs(20)).await;
    let github = &function.sandbox.github;
    // Late answers: without turns, everybody would look before anybody has opened one.
    github.faults().inject(Fault::on_any(ISSUES).times(4).delay(Duration::from_millis(50)));
    let events: Vec<Value> = (1..=12).map(|n| alarm(&format!("e{n}"), n, "ALARM")).collect();
    let statuses = futures_util::future::join_all(events.iter().map(|event| function.status(event))).await;
    assert_eq!(statuses.iter().filter(|status| *status == "created").count(), 1, "{statuses:?}");
    assert_eq!(github.issues(REPOSITORY).len(), 1, "no second one, not even for a moment");
    assert!(first(&function).body.unwrap().contains("Threshold crossed at 12\n"), "the newest stays");
}

#[tokio::test]
async fn whoever_waits_for_its_turn_waits_no_longer_than_it_may() {
    let function = busy(Duration::from_millis(1500)).await;
    let hanging = function.sandbox.github.faults().inject(Fault::on(Method::POST, ISSUES).hang());
    let (one, another) = (alarm("e1", 1, "ALARM"), alarm("e2", 2, "ALARM"));
    let waiting = async {
        hanging.hangs().await;
        // Another key is not held up.
        let created = function.status(&alarm_of("disk", "e3", 3, "ALARM")).await;
        assert_eq!(created, "created");
        // Should its turn come at the last moment.
        function.sandbox.github.faults().inject(Fault::on(Method::POST, ISSUES).hang());
        function.fails(&another, "deferred", &["deliver it again"]).await
    };
    tokio::join!(function.fails(&one, "deferred", &["deliver it again"]), waiting);
}
