//! Several callers that fit one request: what it sends decides which of them it is from.

use gatepass_sandbox::hosts::{HttpAnswer, HttpCall};
use gatepass_sandbox::identity::gcp::{KEY_HOLDER, SCHEDULER};
use serde_json::json;

use crate::support::{AUDIENCE, SEE_LOG, Service, Setup, assert_problem, bearer, post};

/// A private service, on which every `host` caller fits every request. Those that come first may do least.
const HOSTS: &str = "
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
callers:
  all: { host: true }
  bucket: { host: true, may_send: [a.bucket] }
  console: { host: true, may_send: [http] }
  queue: { host: true, may_send: [a.queue] }
  timer: { host: true, may_send: [schedule] }
jobs:
  both:
    triggers: [{ schedule: { cron: '0 2 * * *', caller: timer } }, { http: { caller: console } }]
    open_issue: { key: ['{{ event.type }}'], title: '{{ event.type }} {{ event.source }}' }
  turned:
    triggers: [{ schedule: { cron: '0 2 * * *', caller: console2 } }, { http: { caller: timer2 } }]
    open_issue: { key: [turned, '{{ event.type }}'], title: 'turned {{ event.type }} {{ event.source }}' }
  events:
    triggers: [{ event: { source: a.bucket } }, { event: { source: a.queue } }]
    open_issue: { key: ['{{ event.source }}'], title: '{{ event.source }}' }
";

fn hosts() -> String {
    let more = "  console2: { host: true }\n  timer2: { host: true }\njobs:\n";
    HOSTS.replacen("jobs:\n", more, 1)
}

fn event(source: &str) -> HttpCall {
    post("/events")
        .header("ce-specversion", "1.0")
        .header("ce-id", "1")
        .header("ce-type", "x")
        .header("ce-source", source)
}

fn titles(service: &Service) -> Vec<String> {
    let mut titles: Vec<_> =
        service.sandbox.github.issues("acme/operations").into_iter().map(|issue| issue.title).collect();
    titles.sort();
    titles
}

#[tokio::test]
async fn a_private_service_tells_its_schedulers_from_its_other_callers() {
    let service = Setup::new().await.start(&hosts()).await;
    let gcp = &service.sandbox.identity.gcp;
    let front = service.run.front_private(gcp, &[SCHEDULER.email]).await.unwrap();
    let token = gcp.mint_scheduler_token(front.url());
    for path in ["/jobs/both", "/jobs/turned"] {
        for call in [post(path), post(path).header("x-cloudscheduler", "true")] {
            let answer = bearer(call, &token).send(&service.client, front.url()).await.unwrap();
            assert_eq!(answer.status, 201, "{path}: {}", answer.text());
        }
    }
    let expected = [
        "http console",
        "schedule gatepass.schedule",
        "turned http timer2",
        "turned schedule gatepass.schedule",
    ];
    assert_eq!(titles(&service), expected);
}

#[tokio::test]
async fn an_event_is_from_the_caller_that_may_send_it() {
    let service = Setup::new().await.start(&hosts()).await;
    for source in ["a.bucket", "a.queue"] {
        let answer = service.send(event(source)).await;
        assert_eq!(answer.status, 201, "{source}: {}", answer.text());
    }
    assert_eq!(titles(&service), ["a.bucket", "a.queue"]);
    service.sandbox.trace.clear();
    for source in ["another.bucket", "gatepass.schedule"] {
        let words = [source, "bucket or queue", "add it to callers.bucket.may_send"];
        assert_problem(&service.send(event(source)).await, 403, "untrusted", &words);
    }
    for word in ["schedule", "http", "queue"] {
        let words = [word, "is a word of may_send"];
        assert_problem(&service.send(event(word)).await, 403, "untrusted", &words);
    }
    // Verification comes before parsing.
    assert_problem(&service.send(post("/events")).await, 422, "invalid", &["ce-specversion"]);
    service.assert_untouched("sources that nobody lists");
}

/// A caller without `may_send` starts the jobs that name it, and is nobody at `/events`.
#[tokio::test]
async fn without_may_send_there_are_no_events() {
    let config = "
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
callers:
  eventarc: { oidc: { issuer: ISSUER, audience: [https://jobs.example.com], subject: '109876543210987654321' }, may_send: [a.bucket] }
  scheduler: { oidc: { issuer: ISSUER, audience: [https://jobs.example.com], email: scheduler@acme-sandbox.iam.gserviceaccount.com } }
jobs:
  both:
    triggers: [{ event: { source: a.bucket } }, { schedule: { cron: '0 2 * * *', caller: scheduler } }]
    open_issue: { key: [both], title: both }
";
    let service = Setup::new().await.start(config).await;
    let stranger = service.send_as_scheduler(event("a.bucket")).await;
    service.assert_unknown(&stranger, SEE_LOG, &["eventarc: "]).await;
    service.assert_untouched("an event of a caller that lists none");
    assert_eq!(service.start("both").await.status, 201);
    let token = service.sandbox.identity.gcp.mint(KEY_HOLDER, AUDIENCE);
    let answer: HttpAnswer = service.send(bearer(event("a.bucket"), &token)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[tokio::test]
async fn who_is_unknown_does_not_learn_what_a_job_takes() {
    let jobs = "
  order:
    triggers: [{ http: { caller: scheduler } }]
    open_issue: { key: [order], title: order }
";
    let service = Service::with_jobs(jobs).await;
    let stranger = service.send(bearer(HttpCall::get("/jobs/order"), "x")).await;
    service.assert_unknown(&stranger, SEE_LOG, &["scheduler: "]).await;
    let known = service.send_as_scheduler(HttpCall::get("/jobs/order")).await;
    assert_problem(&known, 422, "invalid", &["is started with POST"]);
    // A path is anybody's to write, and so is what the log would hold of it.
    let long = service.send(post(&format!("/jobs/{}", "x".repeat(5000)))).await;
    assert_problem(&long, 404, "invalid", &["there is no job"]);
    let record = service.record_of(&long.json()["correlation_id"]).await;
    assert_eq!(record["job"], json!("x".repeat(60)));
}
