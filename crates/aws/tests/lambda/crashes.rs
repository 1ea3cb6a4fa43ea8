//! A function that dies in the middle of its work, and the delivery that comes again.

use std::time::Duration;

use gatepass_sandbox::faults::{Fault, Injected};
use gatepass_sandbox::github::State;
use http::Method;

use crate::samples::{ALARM, ISSUES, REPOSITORY, alarm};
use crate::support::Deployment;

/// Waits until the fault has struck: where it strikes after the effect, the effect is there by then.
async fn until_it_hangs(injected: &Injected) {
    tokio::time::timeout(Duration::from_secs(10), injected.hangs()).await.unwrap();
}

#[tokio::test]
async fn a_function_killed_while_it_opens_an_issue_opens_no_second_one() {
    let create = || Fault::on(Method::POST, ISSUES).hang();
    // Where it dies, how many issues there are then, and what the next delivery does.
    let table = [
        (Fault::on(Method::GET, ISSUES).hang(), 0, "created"),
        (create(), 0, "created"),
        (create().after_effect(), 1, "unchanged"),
        (Fault::on(Method::GET, ISSUES).skip(2).hang(), 1, "unchanged"),
    ];
    for (fault, issues, status) in table {
        let deployment = Deployment::new(ALARM).await;
        let github = &deployment.sandbox.github;
        let (doomed, injected) = (deployment.start().await, github.faults().inject(fault.clone()));
        let event = alarm("e1", 1, "ALARM");
        let killing = async {
            until_it_hangs(&injected).await;
            assert_eq!(github.issues(REPOSITORY).len(), issues);
            doomed.host.child().kill().await
        };
        let (error, _) = tokio::join!(doomed.fails(&event, "Runtime.ExitError", &[]), killing);
        assert!(error.message.contains("signal: 9"), "{error}");

        let next = deployment.start().await;
        assert_eq!(next.status(&event).await, status, "{fault:?}");
        assert_eq!(next.open(), 1, "{fault:?}");
        assert_eq!(next.status(&alarm("e2", 2, "OK")).await, "closed");
        assert_eq!(next.open(), 0);
    }
}

#[tokio::test]
async fn a_function_killed_while_it_changes_an_issue_is_made_up_for() {
    let change = || Fault::on(Method::PATCH, ISSUES).hang();
    for (fault, state, status) in
        [(change(), State::Open, "closed"), (change().after_effect(), State::Closed, "unchanged")]
    {
        let deployment = Deployment::new(ALARM).await;
        let github = &deployment.sandbox.github;
        let doomed = deployment.start().await;
        doomed.status(&alarm("e1", 1, "ALARM")).await;
        let injected = github.faults().inject(fault);
        let event = alarm("e2", 2, "OK");
        let killing = async {
            until_it_hangs(&injected).await;
            assert_eq!(github.issue(REPOSITORY, 1).unwrap().state, state);
            doomed.host.child().kill().await
        };
        tokio::join!(doomed.fails(&event, "Runtime.ExitError", &[]), killing);
        let next = deployment.start().await;
        assert_eq!(next.status(&event).await, status);
        assert_eq!((next.open(), github.issues(REPOSITORY).len()), (0, 1));
    }
}

#[tokio::test]
async fn a_deadline_in_the_middle_of_a_create_doubles_nothing() {
    let deployment = Deployment::new(ALARM).await.timeout(Duration::from_millis(1200));
    let fault = Fault::on(Method::POST, ISSUES).after_effect().hang();
    deployment.sandbox.github.faults().inject(fault);
    let function = deployment.start().await;
    function.fails(&alarm("e1", 1, "ALARM"), "deferred", &["deliver it again"]).await;
    assert_eq!(function.open(), 1, "GitHub has opened it");
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "unchanged");
    assert_eq!(function.open(), 1);
    function
        .log_until("outcome", |record| record["status"] == "deferred" && record["event_id"] == "e1")
        .await;
}
