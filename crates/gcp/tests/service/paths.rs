//! What each way in comes to.

use axum::http::Method;
use gatepass_sandbox::github::{StateReason, User};
use gatepass_sandbox::hosts::HttpCall;
use gatepass_sandbox::hosts::cloud_run::SchedulerJob;
use gatepass_sandbox::hosts::webhook::Webhook;
use gatepass_sandbox::identity::gcp::{KEY_HOLDER, SCHEDULER};
use serde_json::json;

use crate::support::{
    AUDIENCE, REPOSITORY, SCHEDULED, SEE_LOG, Service, Setup, TICK, assert_problem, bearer, post, status,
};

const STALE: &str = r#"
  stale-pulls:
    runs_on: [gcp]
    triggers: [{ schedule: { cron: "0 2 * * *", timezone: Europe/Berlin, caller: scheduler } }]
    repository: acme/widgets
    trust_policy: digest
    read: { pulls: "pulls?state=open" }
    open_issue:
      key: [stale-pulls]
      state: "{{ 'open' if pulls else 'closed' }}"
      title: "{{ pulls | length }} open pull requests"
      body: |
        {% for p in pulls %}- #{{ p.number }} {{ p.title }}
        {% endfor %}
"#;

#[tokio::test]
async fn cloud_scheduler_reads_and_keeps_one_issue() {
    let service = Service::with_jobs(STALE).await;
    let (sandbox, github) = (&service.sandbox, &service.sandbox.github);
    let permissions = [("issues", "write"), ("pull_requests", "read")];
    sandbox.admit("acme/widgets", "digest", &sandbox.cloud_run(), &permissions).unwrap();
    let front = service.run.front_public().await.unwrap();
    let tick = async |time: &str| {
        let job = SchedulerJob::new("nightly", front.url(), "/jobs/stale-pulls").audience(AUDIENCE);
        let job = job.scheduled(time.parse().unwrap());
        job.run(&service.client, &sandbox.identity.gcp, &sandbox.trace).await.unwrap()
    };

    let answer = tick("2026-11-20T01:00:00Z").await;
    assert_eq!(answer.status, 201, "{}\n{}", answer.text(), sandbox.trace);
    let result = &answer.json()["results"][0];
    assert_eq!((&result["job"], &result["status"]), (&json!("stale-pulls"), &json!("created")));
    assert!(result["url"].as_str().unwrap().contains("/acme/widgets/issues/"));
    let issue = github.open_issues("acme/widgets").pop().unwrap();
    assert_eq!(issue.title, "2 open pull requests");
    let body = issue.body.unwrap();
    assert!(body.contains("- #3 Steady the small widgets\n") && body.contains("- #4 Bump rustls"), "{body}");
    assert_eq!(
        service.hops(),
        ["google-issuer", "gcp-metadata", "octo-sts", "github", "cloud-run", "cloud-scheduler"]
    );

    assert_eq!(status(&tick("2026-11-20T01:00:00Z").await), "unchanged");
    github.add_pull("acme/widgets", User::person("ada"), "Third", "third").unwrap();
    assert_eq!(status(&tick("2026-11-21T01:00:00Z").await), "updated");
    assert_eq!(github.issue("acme/widgets", issue.number).unwrap().title, "3 open pull requests");
    for pull in [3, 4, 6] {
        github.close_as_person("acme/widgets", pull, StateReason::Completed).unwrap();
    }
    assert_eq!(status(&tick("2026-11-22T01:00:00Z").await), "closed");
}

#[tokio::test]
async fn a_tick_may_bring_an_input() {
    let job = r#"
  chore:
    triggers: [{ schedule: { cron: "0 2 * * *", caller: scheduler } }]
    open_issue: { key: ["{{ event.data.name }}"], title: "{{ event.data.input.team }} {{ event.data.scheduled_time }}" }
"#;
    let service = Service::with_jobs(job).await;
    let tick = |time: &str, body: &str| {
        let call = post("/jobs/chore").header("x-cloudscheduler", "true").body(body);
        call.header("x-cloudscheduler-jobname", "weekly").header("x-cloudscheduler-scheduletime", time)
    };
    for (time, body, words) in [
        ("2026-11-20T01:00:00Z", "not JSON", "the input is not JSON (line 1"),
        ("2026-11-20T01:00:00Z", "{\"team\":", "the input is not JSON"),
        ("yesterday", "{}", "X-CloudScheduler-ScheduleTime is no RFC 3339 time"),
        ("2026-11-20T01:00:00Z", "", "jobs.chore.open_issue.title"),
    ] {
        let answer = service.send_as_scheduler(tick(time, body)).await;
        assert_problem(&answer, 422, "invalid", &[words]);
    }
    assert!(service.sandbox.github.writes().is_empty());
    let answer = service.send_as_scheduler(tick("2026-11-20T01:00:00Z", r#"{"team":"blue"}"#)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(service.sandbox.github.issues(REPOSITORY)[0].title, "blue 2026-11-20T01:00:00Z");
}

#[tokio::test]
async fn a_github_webhook_opens_an_issue() {
    let setup = Setup::new().await.env("HOOK", "s3cret");
    let service = setup
        .start(
            r#"
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
jobs:
  announce:
    triggers: [{ webhook: { signature: github, events: [release.published], secrets: [{ env: HOOK }] } }]
    open_issue:
      key: ["{{ event.source }}", "{{ event.data.release.tag_name }}"]
      title: "Announce {{ event.data.release.tag_name }} ({{ event.type }})"
"#,
        )
        .await;
    let front = service.run.front_public().await.unwrap();
    let payload = json!({"action": "published", "release": {"tag_name": "v1.4.0"},
        "repository": {"full_name": "acme/widgets"}, "sender": {"login": "ada"}});
    let webhook = Webhook::new("release", &payload);
    let send = async || {
        let trace = &service.sandbox.trace;
        webhook.send(&service.client, front.url(), "/hooks/announce", "s3cret", trace).await.unwrap()
    };
    let answer = send().await;
    assert_eq!((answer.status, status(&answer).as_str()), (201, "created"), "{}", answer.text());
    assert_eq!(status(&send().await), "unchanged");
    let issues = service.sandbox.github.issues(REPOSITORY);
    assert_eq!(issues.len(), 1);
    assert_eq!(issues[0].title, "Announce v1.4.0 (com.github.release.published)");
}

const BUCKET: &str = "//storage.googleapis.com/projects/_/buckets/reports";

const EVENTS: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
callers:
  eventarc:
    oidc: { issuer: ISSUER, audience: [https://jobs.example.com], subject: "109876543210987654321" }
    may_send: ["//storage.googleapis.com/projects/_/buckets/reports"]
jobs:
  report:
    triggers:
      - event: { source: "//storage.googleapis.com/projects/_/buckets/reports", type: google.cloud.storage.object.v1.finalized }
    open_issue: { key: ["{{ event.data.name }}"], title: "{{ event.data.name }} ({{ event.subject }})" }
"#;

#[tokio::test]
async fn a_cloudevent_is_the_same_in_binary_and_in_structured_mode() {
    let service = Setup::new().await.start(EVENTS).await;
    let token = service.sandbox.identity.gcp.mint(KEY_HOLDER, AUDIENCE);
    let binary = |source: &str, id: &str| {
        post("/events")
            .header("content-type", "application/json")
            .header("ce-specversion", "1.0")
            .header("ce-id", id)
            .header("ce-source", source)
            .header("ce-type", "google.cloud.storage.object.v1.finalized")
            .header("ce-time", "2026-11-20T09:00:00Z")
            .header("ce-subject", "objects/may.csv")
            .body(r#"{"name":"may.csv"}"#)
    };
    let structured = json!({"specversion": "1.0", "id": "1", "source": BUCKET, "time": "2026-11-20T09:00:00Z",
        "type": "google.cloud.storage.object.v1.finalized", "subject": "objects/may.csv",
        "data": {"name": "may.csv"}});
    let structured = post("/events")
        .header("content-type", "application/cloudevents+json; charset=utf-8")
        .body(structured.to_string());

    let created = service.send(bearer(binary(BUCKET, "1"), &token)).await;
    assert_eq!((created.status, status(&created).as_str()), (201, "created"), "{}", created.text());
    let again = service.send(bearer(structured, &token)).await;
    assert_eq!((again.status, status(&again).as_str()), (200, "unchanged"), "{}", again.text());
    assert_eq!(service.sandbox.github.issues(REPOSITORY)[0].title, "may.csv (objects/may.csv)");

    service.sandbox.trace.clear();
    let spoofed = service.send(bearer(binary("gatepass.schedule", "2"), &token)).await;
    let words = ["eventarc", "gatepass.schedule", "add it to callers.eventarc.may_send"];
    assert_problem(&spoofed, 403, "untrusted", &words);
    let stranger = service.sandbox.identity.gcp.mint(SCHEDULER, AUDIENCE);
    let strange = service.send(bearer(binary(BUCKET, "3"), &stranger)).await;
    service.assert_unknown(&strange, SEE_LOG, &["eventarc: ", "another subject"]).await;
    let other_type = binary(BUCKET, "4").header("ce-type", "google.cloud.storage.object.v1.deleted");
    let unwanted = service.send(bearer(other_type, &token)).await;
    assert_eq!((unwanted.status, unwanted.json()), (200, json!({"results": []})));
    service.assert_untouched("events that no job wants");
}

#[tokio::test]
async fn what_is_no_cloudevent_says_so() {
    let service = Setup::new().await.start(EVENTS).await;
    let token = service.sandbox.identity.gcp.mint(KEY_HOLDER, AUDIENCE);
    let structured = "application/cloudevents+json";
    for (content_type, body, words) in [
        ("application/json", "{}", "ce-specversion"),
        ("application/json", "", "ce-specversion"),
        (structured, "{", "not JSON (line 1"),
        (structured, "", "not JSON"),
        (structured, "null", "not a JSON object"),
        (structured, "[]", "not a JSON object"),
        (structured, "{}", "no specversion"),
        (structured, "\u{0}\u{1}", "not JSON"),
        ("application/cloudevents-batch+json", "{}", "is not a JSON array"),
        ("application/cloudevents-batch+json", "[{}]", "event 1 of the batch"),
    ] {
        let call = post("/events").header("content-type", content_type).body(body);
        let answer = service.send(bearer(call, &token)).await;
        assert_problem(&answer, 422, "invalid", &[words]);
    }
    service.assert_untouched("what is no event");
}

#[tokio::test]
async fn an_http_job_sees_the_call() {
    let job = r#"
  order:
    triggers: [{ http: { caller: scheduler } }]
    open_issue:
      key: ["{{ event.data.body.id }}"]
      title: "{{ event.source }} {{ event.data.method }} {{ event.data.query.team }} {{ event.data.body.id }}"
      body: "{{ event.data.headers | tojson }}"
"#;
    let service = Service::with_jobs(job).await;
    let call = HttpCall::post_json("/jobs/order", &json!({"id": "A-1"})).query("team=blue%20whales");
    let answer = service.send_as_scheduler(call.header("x-api-key", "s3cret-key")).await;
    assert_eq!((answer.status, status(&answer).as_str()), (201, "created"), "{}", answer.text());
    let issue = service.sandbox.github.issues(REPOSITORY).pop().unwrap();
    assert_eq!(issue.title, "scheduler POST blue whales A-1");
    let body = issue.body.unwrap();
    assert!(body.contains("content-type") && !body.contains("authorization") && !body.contains("s3cret"));
}

/// A private service: the platform has verified the caller and taken the signature away.
#[tokio::test]
async fn behind_a_private_front_only_a_host_caller_is_let_in() {
    let as_host = "
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
callers: { console: { host: true } }
jobs:
  tick:
    triggers: [{ schedule: { cron: '0 2 * * *', caller: console } }]
    open_issue: { key: [tick], title: tick }
";
    let as_oidc = format!("{SCHEDULED}{TICK}");
    for (config, accepted) in [(as_host, true), (&as_oidc, false)] {
        let service = Setup::new().await.start(config).await;
        let gcp = &service.sandbox.identity.gcp;
        let front = service.run.front_private(gcp, &[SCHEDULER.email]).await.unwrap();
        let job = SchedulerJob::new("nightly", front.url(), "/jobs/tick").audience(front.url());
        let answer = job.run(&service.client, gcp, &service.sandbox.trace).await.unwrap();
        if accepted {
            assert_eq!((answer.status, status(&answer).as_str()), (201, "created"), "{}", answer.text());
        } else {
            let heard = "its signature was removed by Google: this service is private and Cloud Run has verified the token already, so make this caller `host: true`";
            service.assert_unknown(&answer, heard, &["scheduler: "]).await;
            service.assert_untouched("a token without its signature");
        }
        // Whom IAM does not let in never reaches the container.
        let stranger = HttpCall::new(Method::POST, "/jobs/tick");
        assert_eq!(stranger.send(&service.client, front.url()).await.unwrap().status, 403);
    }
}
