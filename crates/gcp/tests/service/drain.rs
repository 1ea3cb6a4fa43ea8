//! SIGTERM: what has begun is finished, and then the process ends.

use std::time::Duration;

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::hosts::cloud_run::Stopped;

use crate::support::{REPOSITORY, Service, TICK, status};

#[tokio::test]
async fn a_request_in_flight_is_answered_before_the_end() {
    let service = Service::with_jobs(TICK).await;
    let slow = Fault::on_any("/repos/").delay(Duration::from_secs(1));
    service.sandbox.github.faults().inject(slow);
    let (answer, stopped) = tokio::join!(service.start("tick"), async {
        // The token has been given out, so GitHub is being asked now.
        service.sandbox.trace.wait_for(|hop| hop.service == "octo-sts").await.unwrap();
        service.run.stop().await.unwrap()
    });
    assert_eq!((answer.status, status(&answer).as_str()), (201, "created"), "{}", answer.text());
    assert_eq!(service.sandbox.github.open_issues(REPOSITORY).len(), 1);
    let Stopped::Drained(end) = stopped else { panic!("killed:\n{}", service.run.child().text()) };
    assert_eq!(end.code(), Some(0));
    let lines = service.run.child().lines();
    let place = |word: &str| lines.iter().position(|line| line.text.contains(word)).unwrap();
    assert!(place("\"draining\"") < place("\"outcome\""), "{}", service.run.child().text());
}

#[tokio::test]
async fn an_idle_service_ends_at_once() {
    let service = Service::with_jobs(TICK).await;
    // A connection that is kept open is no reason to wait.
    assert_eq!(service.start("tick").await.status, 201);
    let Stopped::Drained(end) = service.run.stop().await.unwrap() else { panic!("killed") };
    assert_eq!(end.code(), Some(0), "{}", service.run.child().text());
}
