//! What else arrives at `/events`: batches, pushes of Pub/Sub, incidents, alerts of Azure Monitor, and what is none of these.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass_sandbox::hosts::{HttpAnswer, HttpCall};
use serde_json::{Value, json};

use crate::support::{REPOSITORY, SEE_LOG, Service, Setup, assert_problem, post, status};

const FROM: &str = "projects/acme/subscriptions/builds";

const CONFIG: &str = "
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
callers:
  push:
    oidc: { issuer: ISSUER, audience: [https://jobs.example.com], email: scheduler@acme-sandbox.iam.gserviceaccount.com }
    may_send: [projects/acme/subscriptions/builds, google.monitoring, azure.monitor, a.bucket]
jobs:
  note:
    triggers:
      - event: { source: projects/acme/subscriptions/builds }
      - event: { source: google.monitoring, type: incident }
      - event: { source: azure.monitor, type: alert }
      - event: { source: a.bucket }
    open_issue: { key: ['{{ event.id }}'], title: '{{ event.type }} {{ event.id }}' }
";

async fn start() -> Service {
    Setup::new().await.start(CONFIG).await
}

fn titles(service: &Service) -> Vec<String> {
    let mut titles: Vec<_> =
        service.sandbox.github.issues(REPOSITORY).into_iter().map(|issue| issue.title).collect();
    titles.sort();
    titles
}

fn push(subscription: &str, data: &Value) -> HttpCall {
    let body = json!({"subscription": subscription, "message": {
        "data": STANDARD.encode(data.to_string()), "messageId": "17", "message_id": "17", "attributes": {"team": "ops"},
        "publishTime": "2026-11-20T09:00:00.5Z", "publish_time": "2026-11-20T09:00:00.5Z",
    }});
    HttpCall::post_json("/events", &body)
}

fn batch(events: &Value) -> HttpCall {
    post("/events").header("content-type", "application/cloudevents-batch+json").body(events.to_string())
}

fn event(id: &str, source: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": source, "type": "t", "data": {}})
}

async fn created(service: &Service, call: HttpCall) -> HttpAnswer {
    let answer = service.send_as_scheduler(call).await;
    assert_eq!(status(&answer), "created", "{}", answer.text());
    answer
}

#[tokio::test]
async fn a_push_of_pubsub_is_an_event_of_its_subscription_wrapped_or_not() {
    let service = start().await;
    created(&service, push(FROM, &json!({"status": "FAILURE"}))).await;
    let unwrapped = post("/events")
        .header("x-goog-pubsub-subscription-name", FROM)
        .header("x-goog-pubsub-message-id", "18")
        .header("x-goog-pubsub-publish-time", "2026-11-20T09:00:00.5Z")
        .body("plain text");
    created(&service, unwrapped.clone()).await;
    assert_eq!(titles(&service), ["pubsub 17", "pubsub 18"]);

    let stranger = service.send(push(FROM, &json!({}))).await;
    service.assert_unknown(&stranger, "exactly one Authorization", &["push: "]).await;
    let other = service.send_as_scheduler(push("projects/acme/subscriptions/others", &json!({}))).await;
    assert_problem(
        &other,
        403,
        "untrusted",
        &["projects/acme/subscriptions/others", "callers.push.may_send"],
    );
    let mut nameless = unwrapped;
    nameless.headers.remove("x-goog-pubsub-message-id");
    let answer = service.send_as_scheduler(nameless).await;
    assert_problem(&answer, 422, "invalid", &["x-goog-pubsub-message-id is missing"]);
}

#[tokio::test]
async fn incidents_and_alerts_have_sources_of_their_own() {
    let service = start().await;
    let incident = json!({"version": "1.2", "incident": {"incident_id": "0.a", "state": "open"}});
    created(&service, push("projects/acme/subscriptions/alerts", &incident)).await;
    let essentials = json!({"alertId": "a-1", "monitorCondition": "Fired", "firedDateTime": "2026-11-20T09:00:00.1234567Z"});
    let alert = json!({"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": essentials, "alertContext": {}}});
    created(&service, HttpCall::post_json("/events", &alert)).await;
    assert_eq!(titles(&service), ["alert a-1#Fired", "incident 17"]);
}

#[tokio::test]
async fn all_of_a_batch_is_done_or_none_of_it() {
    let service = start().await;
    for (events, status, words) in [
        (json!([event("1", "a.bucket"), event("2", "another.bucket")]), 403, "another.bucket"),
        (json!([event("1", "a.bucket"), {}]), 422, "event 2 of the batch"),
        (json!({}), 422, "not a JSON array"),
        (json!(vec![event("1", "a.bucket"); 101]), 413, "at most 100"),
    ] {
        let class = if status == 403 { "untrusted" } else { "invalid" };
        let answer = service.send_as_scheduler(batch(&events)).await;
        assert_problem(&answer, status, class, &[words]);
    }
    service.assert_untouched("batches that are not right");
    let answer =
        service.send_as_scheduler(batch(&json!([event("1", "a.bucket"), event("2", "a.bucket")]))).await;
    let results = answer.json()["results"].as_array().unwrap().len();
    assert_eq!((answer.status, results), (201, 2), "{}", answer.text());
    assert_eq!(titles(&service), ["t 1", "t 2"]);
    let none = service.send_as_scheduler(batch(&json!([]))).await;
    assert_eq!((none.status, none.json()), (200, json!({"results": []})));
    let stranger =
        service.send(batch(&json!([event("3", "a.bucket")])).header("authorization", "Bearer x")).await;
    service.assert_unknown(&stranger, SEE_LOG, &["push: "]).await;
}

#[tokio::test]
async fn what_is_not_taken_hears_what_is_and_event_grid_what_to_choose() {
    let service = start().await;
    for body in [json!({}), json!([]), json!({"source": "aws.ec2", "detail-type": "x", "detail": {}})] {
        let answer = service.send_as_scheduler(HttpCall::post_json("/events", &body)).await;
        assert_problem(
            &answer,
            422,
            "invalid",
            &["ce-specversion", "Pub/Sub", "Azure Monitor", "Amazon SNS"],
        );
    }
    let validation = json!([{"eventType": "Microsoft.EventGrid.SubscriptionValidationEvent", "data": {"validationCode": "c"}}]);
    let call = HttpCall::post_json("/events", &validation).header("aeg-event-type", "SubscriptionValidation");
    assert_problem(
        &service.send_as_scheduler(call).await,
        422,
        "invalid",
        &["choose the schema CloudEvents v1.0"],
    );

    let handshake = HttpCall::new(Method::OPTIONS, "/events")
        .header("webhook-request-origin", "eventgrid.azure.net")
        .header("webhook-request-callback", service.sandbox.github.api_url())
        .header("webhook-request-rate", "120");
    let answer = service.send(handshake).await;
    assert_eq!(answer.status, 200);
    for (name, value) in [
        ("webhook-allowed-origin", "eventgrid.azure.net"),
        ("webhook-allowed-rate", "*"),
        ("allow", "POST, OPTIONS"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    service.assert_untouched("what is not taken, and a handshake, whose callback is not called");
}
