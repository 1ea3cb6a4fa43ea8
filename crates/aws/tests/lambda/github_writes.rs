//! What GitHub answers to a write: nothing is doubled, and nothing is lost.

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::github::State;
use http::Method;
use serde_json::json;

use crate::samples::{ISSUES, LABEL, REPOSITORY, alarm, alarm_of, alarm_without_window};
use crate::support::{Deployment, Function, at_once};

fn create() -> Fault {
    Fault::on(Method::POST, ISSUES)
}

fn change() -> Fault {
    Fault::on(Method::PATCH, ISSUES)
}

/// How often issues were opened and changed, tries included.
fn writes(function: &Function, method: &str) -> usize {
    function.sandbox.github.writes().iter().filter(|hop| hop.method == method).count()
}

#[tokio::test]
async fn an_answer_that_is_lost_opens_no_second_issue() {
    // What is lost, and how often it takes to open the issue.
    let table = [
        ("5xx before", create().status(500), 2),
        ("5xx after", create().status(502).after_effect(), 1),
        ("HTML 503 after", create().html().status(503).after_effect(), 1),
        ("reset before", create().reset(), 2),
        ("reset after", create().reset().after_effect(), 1),
        ("half an answer", create().reset_mid_body().after_effect(), 1),
        ("garbage", create().garbage().status(201).after_effect(), 1),
        ("HTML 200", create().html().after_effect(), 1),
        ("an empty answer", create().status(201).after_effect(), 1),
    ];
    let function = Function::start(&alarm_without_window()).await;
    for (index, (name, fault, posts)) in table.into_iter().enumerate() {
        function.sandbox.trace.clear();
        let injected = function.sandbox.github.faults().inject(fault);
        let event = alarm_of(&format!("alarm-{index}"), "e1", 1, "ALARM");
        assert_eq!(function.status(&event).await, "created", "{name}");
        assert_eq!((injected.used(), writes(&function, "POST")), (1, posts), "{name}");
        assert_eq!(function.open(), index + 1, "{name}");
        assert_eq!(function.status(&event).await, "unchanged", "{name}");
    }
}

#[tokio::test]
async fn a_create_is_tried_once_more_and_then_left_for_the_next_delivery() {
    let function = Function::start(&alarm_without_window()).await;
    for (index, fault) in [create().status(503), create().reset()].into_iter().enumerate() {
        let injected = function.sandbox.github.faults().inject(fault.times(2));
        let event = alarm_of(&format!("alarm-{index}"), "e1", 1, "ALARM");
        let words = ["opening an issue in acme/operations", "deliver it again"];
        function.fails(&event, "deferred", &words).await;
        assert_eq!((injected.used(), function.open()), (2, index));
        assert_eq!(function.status(&event).await, "created");
    }
    // Both took effect, and neither answer arrived: the next delivery brings them together.
    function.sandbox.github.faults().inject(create().reset().after_effect());
    function.sandbox.github.faults().inject(Fault::on(Method::GET, ISSUES).skip(1).status(503).times(3));
    let event = alarm_of("alarm-9", "e1", 1, "ALARM");
    function.fails(&event, "deferred", &["listing the issues"]).await;
    assert_eq!(function.status(&event).await, "unchanged");
    assert_eq!(function.open(), 3);
}

#[tokio::test]
async fn a_refused_create_is_not_repeated() {
    let invalid = json!({"message": "Validation Failed", "errors": [
        {"resource": "Issue", "field": "title", "code": "custom", "message": "title is too long"},
        {"resource": "Label", "field": "name", "code": "invalid"},
    ]});
    let no = json!({"message": "Resource not accessible by integration"}).to_string();
    let table: Vec<(Fault, &str, &[&str])> = vec![
        (
            create().status(422).body(invalid.to_string()),
            "invalid",
            &["title is too long", "name invalid", "template"],
        ),
        (
            create().status(403).header("x-accepted-github-permissions", "issues=write").body(no),
            "refused",
            &["issues=write"],
        ),
        (create().status(403).header("retry-after", "60"), "deferred", &["rate limit"]),
        (create().status(429), "deferred", &["rate limit"]),
        (create().status(404), "refused", &["not visible"]),
        (create().status(410).body("{\"message\":\"Issues has been disabled\"}"), "refused", &["disabled"]),
        (create().status(451), "refused", &["legal"]),
        (create().status(400), "refused", &["400"]),
    ];
    let deployment = Deployment::new(alarm_without_window()).await;
    let mut function = deployment.start().await;
    for (index, (fault, class, words)) in table.into_iter().enumerate() {
        let injected = function.sandbox.github.faults().inject(fault.clone());
        let event = alarm_of(&format!("alarm-{index}"), "e1", 1, "ALARM");
        let error = function.fails(&event, class, words).await;
        assert!(error.message.starts_with("GitHub, opening an issue in acme/operations: "), "{error}");
        assert_eq!((injected.used(), function.open()), (1, index), "{error}");
        if words == ["rate limit"] {
            // This process waits as it was told to.
            function = deployment.start().await;
        }
        assert_eq!(function.status(&event).await, "created");
    }
}

#[tokio::test]
async fn a_change_is_repeated_because_it_comes_to_the_same() {
    let faults = [
        change().status(500).times(2),
        change().status(503).after_effect(),
        change().reset().times(2),
        change().reset().after_effect(),
        change().reset_mid_body().after_effect(),
    ];
    at_once(faults.map(|fault| async move {
        let function = Function::start(&alarm_without_window()).await;
        function.status(&alarm("e1", 1, "ALARM")).await;
        let injected = function.sandbox.github.faults().inject(fault);
        assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, "updated");
        assert!(injected.used() >= 1);
        let issue = function.sandbox.github.issue(REPOSITORY, 1).unwrap();
        assert!(issue.body.unwrap().contains("Threshold crossed at 2\n"));
    }))
    .await;
}

#[tokio::test]
async fn a_change_that_does_not_get_through_is_left_for_the_next_delivery() {
    let function = Function::start(&alarm_without_window()).await;
    function.status(&alarm("e1", 1, "ALARM")).await;
    let injected = function.sandbox.github.faults().inject(change().status(502).times(3));
    let words = ["changing issue #1 of acme/operations", "deliver it again"];
    function.fails(&alarm("e2", 2, "OK"), "deferred", &words).await;
    assert_eq!((injected.used(), function.open()), (3, 1));
    assert_eq!(function.status(&alarm("e2", 2, "OK")).await, "closed");
    assert_eq!(function.sandbox.github.issue(REPOSITORY, 1).unwrap().state, State::Closed);
}

#[tokio::test]
async fn a_change_that_is_refused_leaves_the_issue_as_it_was() {
    let function = Function::start(&alarm_without_window()).await;
    function.status(&alarm("e0", 0, "ALARM")).await;
    let before = function.sandbox.github.issue(REPOSITORY, 1);
    for (status, class) in
        [(403, "refused"), (404, "refused"), (410, "refused"), (422, "invalid"), (429, "deferred")]
    {
        let injected = function.sandbox.github.faults().inject(change().status(status));
        function.fails(&alarm("e1", 1, "OK"), class, &["changing issue #1"]).await;
        assert_eq!(injected.used(), 1);
    }
    assert_eq!(function.sandbox.github.issue(REPOSITORY, 1), before);
}

#[tokio::test]
async fn what_the_real_state_refuses_is_told_by_its_name() {
    let deployment = Deployment::stranger(alarm_without_window()).await;
    let (sandbox, workload) = (&deployment.sandbox, deployment.sandbox.lambda());
    sandbox.admit(REPOSITORY, "alarms", &workload, &[("issues", "read")]).unwrap();
    let function = deployment.start().await;
    function.fails(&alarm("e1", 1, "ALARM"), "refused", &["add the permission", "issues=write"]).await;

    sandbox.admit(REPOSITORY, "alarms", &workload, &[("issues", "write")]).unwrap();
    sandbox.github.configure(REPOSITORY, |repository| repository.has_issues = false).unwrap();
    let function = deployment.start().await;
    let words = ["Issues has been disabled in this repository", "enable"];
    function.fails(&alarm("e1", 1, "ALARM"), "refused", &words).await;
    sandbox.github.configure(REPOSITORY, |repository| repository.has_issues = true).unwrap();
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
}

#[tokio::test]
async fn a_renamed_repository_is_followed() {
    let function = Function::start(&alarm_without_window()).await;
    // GitHub points to the repository by its number.
    let moved = |fault: Fault, status: u16, rest: &str| {
        fault.status(status).header("location", &format!("/repositories/1000/issues{rest}"))
    };
    let faults = function.sandbox.github.faults();
    let read = Fault::on(Method::GET, "/repos/acme/operations/issues/1").times(9);
    faults.inject(moved(read, 301, "/1"));
    let look = Fault::on(Method::GET, ISSUES).times(9);
    faults.inject(moved(look, 301, &format!("?state=open&labels={LABEL}")));
    faults.inject(moved(create(), 307, ""));
    faults.inject(moved(change(), 308, "/1"));
    for (id, minute, state, status) in
        [("e1", 1, "ALARM", "created"), ("e2", 2, "ALARM", "updated"), ("e3", 3, "OK", "closed")]
    {
        assert_eq!(function.status(&alarm(id, minute, state)).await, status);
    }
    assert_eq!((function.open(), function.sandbox.github.issues(REPOSITORY).len()), (0, 1));
}
