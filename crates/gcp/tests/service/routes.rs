//! The routes themselves, and what every one of them refuses.

use axum::http::Method;
use gatepass_sandbox::hosts::HttpCall;
use serde_json::json;

use crate::support::{Service, TICK, assert_problem, status};

const READER: &str = "
  status:
    triggers: [{ http: { caller: scheduler } }]
    read_repository: {}
  nightly-status:
    triggers: [{ schedule: { cron: '0 2 * * *', caller: scheduler } }]
    read_repository: {}
  order:
    triggers: [{ http: { caller: scheduler } }]
    open_issue: { key: [order], title: order }
  elsewhere:
    runs_on: [aws]
    triggers: [{ http: { caller: scheduler } }]
    open_issue: { key: [elsewhere], title: elsewhere }
  native:
    runs_on: [aws]
    triggers: [{ event: { source: aws.s3 } }]
    open_issue: { key: [native], title: native }
";

#[tokio::test]
async fn health_is_answered_and_healthz_belongs_to_the_front_end() {
    let service = Service::with_jobs(TICK).await;
    let front = service.run.front_public().await.unwrap();
    let get = async |path: &str| HttpCall::get(path).send(&service.client, front.url()).await.unwrap();
    let health = get("/health").await;
    assert_eq!((health.status, &health.json()["status"]), (200, &json!("ok")));
    assert_eq!(health.header("content-type"), Some("application/json"));
    assert_eq!(get("/healthz").await.status, 404);
    assert!(service.sandbox.trace.to_string().contains("use /health"));
    assert_problem(&service.send(HttpCall::get("/healthz")).await, 404, "invalid", &["/health, /hooks/JOB"]);
}

#[tokio::test]
async fn a_get_only_reads() {
    let service = Service::with_jobs(READER).await;
    for (method, job, expected) in [
        (Method::GET, "status", 200),
        (Method::POST, "status", 200),
        (Method::HEAD, "status", 200),
        (Method::POST, "nightly-status", 200),
        (Method::GET, "nightly-status", 422),
        (Method::HEAD, "nightly-status", 422),
        (Method::GET, "order", 422),
        (Method::HEAD, "order", 422),
    ] {
        let call = HttpCall::new(method.clone(), format!("/jobs/{job}"));
        let answer = service.send_as_scheduler(call).await;
        assert_eq!(answer.status, expected, "{method} {job}: {}", answer.text());
        if method == Method::GET && expected == 422 {
            let words = [job, "is started with POST: a GET must change nothing"];
            assert_problem(&answer, 422, "invalid", &words);
        } else if method == Method::GET {
            assert_eq!(status(&answer), "read");
        }
    }
    assert!(service.sandbox.github.writes().is_empty(), "{}", service.sandbox.trace);
}

#[tokio::test]
async fn what_is_not_there_says_so() {
    let service = Service::with_jobs(READER).await;
    for (method, path, expected, words) in [
        (Method::GET, "/", 404, "/health, /hooks/JOB, /jobs/JOB and /events"),
        (Method::GET, "/jobs", 404, "there is nothing at \"/jobs\""),
        (Method::POST, "/jobs/", 404, "there is nothing"),
        (Method::POST, "/jobs/status/more", 404, "there is nothing"),
        (
            Method::POST,
            "/jobs/unknown",
            404,
            "there is no job \"unknown\" here; check its name, and its runs_on",
        ),
        (Method::POST, "/jobs/elsewhere", 404, "runs_on"),
        (Method::POST, "/jobs/..%2fhealth", 404, "there is no job"),
        (Method::POST, "/jobs/%00", 404, "there is no job"),
        (Method::POST, "/jobs/%ff", 404, "there is no job"),
        (Method::POST, "/hooks/%ff", 404, "there is no job"),
        (Method::POST, "/hooks/unknown", 404, "there is no job"),
        (Method::POST, "/hooks/order", 404, "the job order has no webhook trigger"),
        (Method::PUT, "/jobs/order", 405, "PUT is not what \"/jobs/order\" takes"),
        (Method::DELETE, "/jobs/order", 405, "DELETE"),
        (Method::GET, "/hooks/order", 405, "GET"),
        (Method::GET, "/events", 405, "GET"),
        (Method::POST, "/health", 405, "POST"),
    ] {
        let answer = service.send_as_scheduler(HttpCall::new(method.clone(), path)).await;
        assert_problem(&answer, expected, "invalid", &[words]);
        assert_eq!(answer.header("allow").is_some(), expected == 405, "{method} {path}");
    }
    service.assert_untouched("routes that are none");
}

/// CloudEvents 1.0, "HTTP 1.1 Web Hooks", section 4.
#[tokio::test]
async fn a_sender_of_events_may_ask_first() {
    let service = Service::with_jobs(TICK).await;
    let ask = HttpCall::new(Method::OPTIONS, "/events");
    let answer = service.send(ask.clone().header("webhook-request-origin", "eventgrid.azure.net")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("webhook-allowed-origin"), Some("eventgrid.azure.net"));
    assert_eq!(answer.header("webhook-allowed-rate"), Some("*"));
    let answer = service.send(ask).await;
    assert_eq!((answer.status, answer.header("webhook-allowed-origin")), (200, None));
    assert_eq!(answer.header("allow"), Some("POST, OPTIONS"));
}
