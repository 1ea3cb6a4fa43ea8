//! Installation tokens: shared, replaced when GitHub no longer takes them, revoked when asked.

use std::time::Duration;

use gatepass_sandbox::faults::Fault;
use serde_json::json;

use crate::samples::{ALARM, ISSUES, alarm};
use crate::support::{Deployment, Function};

/// [`ALARM`] with a token of its own for each event.
fn revoking() -> String {
    ALARM.replace("    if: ", "    revoke: after_run\n    if: ")
}

fn revoked(function: &Function) -> Vec<bool> {
    function.sandbox.github.tokens().iter().map(|token| token.revoked).collect()
}

#[tokio::test]
async fn events_share_one_token() {
    let function = Function::start(ALARM).await;
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
    assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, "updated");
    assert_eq!(function.exchanges(), 1);
    assert_eq!(function.sandbox.trace.hops_of("aws-sts").len(), 1);
    assert_eq!(revoked(&function), [false]);
    assert_eq!(function.outcome("e2").await["github_calls"], 4);
}

#[tokio::test]
async fn a_token_that_github_no_longer_takes_is_exchanged_once_more() {
    let function = Function::start(ALARM).await;
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
    function.sandbox.github.expire_tokens();
    assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, "updated");
    assert_eq!((function.exchanges(), function.open()), (2, 1));
    assert_eq!(function.status(&alarm("e3", 3, "ALARM")).await, "updated");
    assert_eq!(function.exchanges(), 2, "the new one is kept");
}

#[tokio::test]
async fn a_token_that_dies_in_the_middle_of_an_event_doubles_nothing() {
    // The look is answered, the writing is not.
    let function = Function::start(ALARM).await;
    let fault = Fault::on(http::Method::POST, ISSUES).status(401).body("{\"message\":\"Bad credentials\"}");
    function.sandbox.github.faults().inject(fault);
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
    assert_eq!((function.exchanges(), function.open()), (2, 1));
}

#[tokio::test]
async fn a_github_that_takes_no_token_is_refused_after_one_more_exchange() {
    let function = Function::start(ALARM).await;
    let fault = Fault::on_any(ISSUES).status(401).body("{\"message\":\"Bad credentials\"}").always();
    let injected = function.sandbox.github.faults().inject(fault);
    let words = ["the token is not accepted", "github.api_url"];
    function.fails(&alarm("e1", 1, "ALARM"), "refused", &words).await;
    assert_eq!((injected.used(), function.exchanges()), (2, 2));
}

#[tokio::test]
async fn a_token_is_revoked_after_the_run_whatever_came_of_it() {
    let function = Deployment::new(revoking()).await.start().await;
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
    assert_eq!(revoked(&function), [true]);

    let (github, path) = (function.sandbox.github.clone(), ISSUES);
    for (fault, class) in [
        (Fault::on_any(path).status(403).body("{\"message\":\"no\"}"), "refused"),
        (Fault::on_any(path).status(503).times(3), "deferred"),
        (Fault::on_any(path).garbage(), "deferred"),
    ] {
        github.faults().inject(fault);
        function.fails(&alarm("e2", 2, "ALARM"), class, &["GitHub"]).await;
    }
    assert_eq!(revoked(&function), [true; 4]);
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "unchanged");
    assert_eq!(revoked(&function), [true; 5], "each event had a token of its own");
}

#[tokio::test]
async fn a_replaced_token_is_revoked_too_and_a_dead_one_is_no_trouble() {
    let function = Deployment::new(revoking()).await.start().await;
    let fault = Fault::on_any(ISSUES).status(401).body("{\"message\":\"Bad credentials\"}");
    function.sandbox.github.faults().inject(fault);
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
    assert_eq!(revoked(&function).last(), Some(&true));
}

#[tokio::test]
async fn a_token_that_cannot_be_revoked_is_told_and_the_work_stays_done() {
    let function = Deployment::new(revoking()).await.start().await;
    function.sandbox.github.faults().inject(Fault::on_any("/installation/token").status(500));
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
    let log = function.log_until("outcome", |_| true).await;
    let record = log.iter().find(|record| record["level"] == "WARN").unwrap();
    assert!(record["message"].as_str().unwrap().contains("could not be revoked"), "{record}");
    assert_eq!(record["hashed_token"], json!(function.sandbox.github.tokens()[0].hashed));
}

#[tokio::test]
async fn no_event_that_is_ignored_costs_a_token() {
    let function = Deployment::new(revoking()).await.start().await;
    assert_eq!(function.status(&alarm("e1", 1, "INSUFFICIENT_DATA")).await, "ignored");
    assert_eq!((function.exchanges(), function.sandbox.github.requests().len()), (0, 0));
}

#[tokio::test]
async fn a_token_is_revoked_when_the_time_is_up() {
    // A second is kept back for the revocation, and half a second to tell Lambda.
    let deployment = Deployment::new(revoking()).await.timeout(Duration::from_millis(2000));
    deployment.sandbox.github.faults().inject(Fault::on_any(ISSUES).hang());
    let function = deployment.start().await;
    function.fails(&alarm("e1", 1, "ALARM"), "deferred", &["deliver it again"]).await;
    assert_eq!(revoked(&function), [true]);
    assert_eq!(function.outcome("e1").await["github_calls"], 2, "the look and the revocation");
}
