//! Cloud Run and Cloud Scheduler.

use gatepass_sandbox::hosts::cloud_run::{CloudRun, SchedulerJob, Stopped};
use gatepass_sandbox::hosts::{HostError, HttpCall};
use gatepass_sandbox::http_client::LoopbackClient;
use gatepass_sandbox::identity::gcp::{Gcp, SCHEDULER, WORKLOAD};
use gatepass_sandbox::jwt::Jwt;
use gatepass_sandbox::trace::Trace;
use serde_json::json;

use crate::child::program;

#[tokio::test]
async fn the_container_listens_drains_and_ends() {
    let run = CloudRun::start(program("serve"), Trace::new()).await.unwrap();
    let client = LoopbackClient::new().unwrap();
    let answer = HttpCall::get("/health").query("a=1").send(&client, run.url()).await.unwrap();
    assert_eq!((answer.status, &answer.json()["query"]), (200, &json!("a=1")));
    let Stopped::Drained(status) = run.stop().await.unwrap() else { panic!("killed") };
    assert!(status.success() && run.child().text().contains("draining"));
}

#[tokio::test]
async fn a_container_that_ends_at_once_is_reported_with_its_words() {
    let error = CloudRun::start(program("talk"), Trace::new()).await.unwrap_err();
    assert!(
        matches!(error, HostError::Ended { .. }) && error.to_string().contains("before it listened on $PORT")
    );
}

#[tokio::test]
async fn a_container_that_does_not_hear_sigterm_is_killed() {
    let run = CloudRun::start(program("stubborn"), Trace::new()).await.unwrap();
    tokio::time::pause();
    assert_eq!(run.stop().await.unwrap(), Stopped::Killed);
    assert!(run.child().ended().is_some());
}

#[tokio::test]
async fn a_private_front_admits_whom_iam_allows_and_takes_the_signature_away() {
    let trace = Trace::new();
    let (gcp, client) = (Gcp::start(trace.clone()).await.unwrap(), LoopbackClient::new().unwrap());
    let run = CloudRun::start(program("serve"), trace.clone()).await.unwrap();
    let front = run.front_private(&gcp, &[SCHEDULER.email]).await.unwrap();

    let job = SchedulerJob::new("nightly", front.url(), "/jobs/nightly").audience(front.url());
    let answer = job.run(&client, &gcp, &trace).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let arrived = answer.json();
    let token = arrived["headers"]["authorization"].as_str().unwrap().strip_prefix("Bearer ").unwrap();
    assert!(token.ends_with(".SIGNATURE_REMOVED_BY_GOOGLE"));
    assert_eq!(Jwt::decode(token).unwrap().text("email"), Some(SCHEDULER.email));
    for (name, value) in [
        ("user-agent", "Google-Cloud-Scheduler"),
        ("x-cloudscheduler", "true"),
        ("x-cloudscheduler-jobname", "nightly"),
        ("content-type", "application/octet-stream"),
        ("x-forwarded-proto", "https"),
    ] {
        assert_eq!(arrived["headers"][name], value);
    }
    let at: jiff::Timestamp =
        arrived["headers"]["x-cloudscheduler-scheduletime"].as_str().unwrap().parse().unwrap();
    assert_eq!(at, job.scheduled);
    assert_eq!(trace.hops_of("cloud-scheduler").len(), 1);
    let note = trace.hops_of("cloud-run")[0].note.clone().unwrap();
    assert_eq!(note, format!("IAM admits {}; signature removed", SCHEDULER.email));

    let good = json!({ "iss": gcp.issuer().url(), "aud": front.url(), "email": SCHEDULER.email,
                       "exp": jiff::Timestamp::now().as_second() + 60 });
    let forger = gcp.issuer().forge(good);
    let send = async |token: &str| {
        let call = HttpCall::get("/").header("authorization", &format!("Bearer {token}"));
        call.send(&client, front.url()).await.unwrap().status
    };
    assert_eq!(send(&forger.honest()).await, 200);
    for (token, status) in [
        (gcp.mint_scheduler_token("https://elsewhere.example.com"), 401),
        (gcp.mint(WORKLOAD, front.url()), 403),
        (forger.expired(), 401),
        (forger.signature_removed(), 401),
        (forger.signed_by_stranger(), 401),
        (forger.with("iss", json!("https://issuer.example.com")), 401),
        ("nonsense".into(), 401),
    ] {
        assert_eq!(send(&token).await, status);
    }
    assert_eq!(HttpCall::get("/").send(&client, front.url()).await.unwrap().status, 403);
}

#[tokio::test]
async fn without_a_configured_audience_the_target_is_the_audience() {
    let trace = Trace::new();
    let (gcp, client) = (Gcp::start(trace.clone()).await.unwrap(), LoopbackClient::new().unwrap());
    let run = CloudRun::start(program("serve"), trace.clone()).await.unwrap();
    let front = run.front_public().await.unwrap();
    let job = SchedulerJob::new("nightly", front.url(), "/jobs/nightly");
    let arrived = job.run(&client, &gcp, &trace).await.unwrap().json();
    let token = arrived["headers"]["authorization"].as_str().unwrap().strip_prefix("Bearer ").unwrap();
    let target = format!("{}/jobs/nightly", front.url());
    assert_eq!(Jwt::decode(token).unwrap().audiences(), [target]);
}

#[tokio::test]
async fn healthz_never_reaches_the_container() {
    let run = CloudRun::start(program("serve"), Trace::new()).await.unwrap();
    let (front, client) = (run.front_public().await.unwrap(), LoopbackClient::new().unwrap());
    assert_eq!(HttpCall::get("/healthz").send(&client, front.url()).await.unwrap().status, 404);
    assert_eq!(HttpCall::get("/healthz").send(&client, run.url()).await.unwrap().status, 200);
    let post = HttpCall::new(http::Method::POST, "/x").header("x-a", "1").body("body");
    let arrived = post.send(&client, front.url()).await.unwrap();
    assert_eq!(arrived.header("x-own"), Some("kept"));
    assert_eq!((&arrived.json()["body"], &arrived.json()["headers"]["x-a"]), (&json!("body"), &json!("1")));
}
