//! What Azure's own services send to `/api/events`: alerts of Azure Monitor and events of Event Grid.

use axum::http::Method;
use gatepass_sandbox::hosts::{HttpAnswer, HttpCall};
use gatepass_sandbox::identity::azure::{APP_V2, SYSTEM, USER_ASSIGNED};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{Function, QUEUE, REPOSITORY, Setup, assert_problem, result};

const GRID: &str =
    "/subscriptions/8c1d9c2e/resourceGroups/acme/providers/Microsoft.Storage/storageAccounts/acme";

const ALERT: &str = "/subscriptions/8c1d9c2e/providers/Microsoft.AlertsManagement/alerts/b9569717";

async fn setup() -> (Setup, String) {
    let setup = Setup::new().await;
    let (issuer, app) = (setup.sandbox.identity.azure.issuer().url(), APP_V2.client_id);
    let sender = |identity: &str, source: &str| {
        format!(
            "{{ oidc: {{ issuer: '{issuer}', audience: ['{app}'], subject: {identity} }}, may_send: ['{source}'] }}"
        )
    };
    let config = format!(
        r#"
version: 1
defaults: {{ repository: acme/operations, trust_policy: ops }}
callers:
  monitor: {}
  grid: {}
jobs:
  alert:
    triggers: [{{ event: {{ source: azure.monitor, type: alert }} }}]
    open_issue:
      key: ["{{{{ event.data.data.essentials.alertId }}}}"]
      state: "{{{{ 'closed' if event.data.data.essentials.monitorCondition == 'Resolved' else 'open' }}}}"
      title: "{{{{ event.data.data.essentials.alertRule }}}}"
  blob:
    triggers: [{{ event: {{ source: '{GRID}' }} }}]
    open_issue: {{ key: ["{{{{ event.subject }}}}"], title: "{{{{ event.subject }}}}" }}
"#,
        sender(SYSTEM.principal_id, "azure.monitor"),
        sender(USER_ASSIGNED.principal_id, GRID),
    );
    (setup, config)
}

async fn start() -> Function {
    let (setup, config) = setup().await;
    setup.start(&config).await
}

/// As the identity with this principal id, for our own application.
async fn send_as(function: &Function, principal: &str, call: HttpCall) -> HttpAnswer {
    let (issuer, now) = (function.sandbox.identity.azure.issuer(), Timestamp::now().as_second());
    let token = issuer.mint(&json!({ "iss": issuer.url(), "aud": APP_V2.client_id, "sub": principal, "oid": principal,
                                     "azp": "f6d2", "ver": "2.0", "iat": now, "nbf": now, "exp": now + 3600 }));
    let length = call.body.len().to_string();
    let call = call.header("content-length", &length).header("authorization", &format!("Bearer {token}"));
    function.call(call).await
}

fn alert(condition: &str) -> HttpCall {
    let at = if condition == "Resolved" { "resolvedDateTime" } else { "severity" };
    let alert = json!({"schemaId": "azureMonitorCommonAlertSchema", "data": {"alertContext": {}, "essentials": {
        "alertId": ALERT, "alertRule": "CPU", "monitorCondition": condition, "firedDateTime": "2026-11-20T09:00:00.1234567Z",
        at: "2026-11-20T09:10:00Z",
    }}});
    HttpCall::post_json("/api/events", &alert)
}

fn blob(number: u32) -> Value {
    json!({"specversion": "1.0", "id": format!("id-{number}"), "source": GRID, "type": "Microsoft.Storage.BlobCreated",
           "subject": format!("/blobs/{number}"), "time": "2026-11-20T09:00:00Z", "data": {"api": "PutBlob"}})
}

fn cloud_event(kind: &str, body: &Value) -> HttpCall {
    HttpCall::new(Method::POST, "/api/events").header("content-type", kind).body(body.to_string())
}

#[tokio::test]
async fn an_alert_opens_an_issue_and_its_end_closes_it() {
    let function = start().await;
    for (condition, code, status) in
        [("Fired", 201, "created"), ("Fired", 200, "unchanged"), ("Resolved", 200, "closed")]
    {
        let answer = send_as(&function, SYSTEM.principal_id, alert(condition)).await;
        assert_eq!((answer.status, &result(&answer)["status"]), (code, &json!(status)), "{}", answer.text());
    }
    assert_eq!(function.sandbox.github.issues(REPOSITORY)[0].title, "CPU");
}

#[tokio::test]
async fn only_who_may_speak_for_a_source_is_heard() {
    let function = start().await;
    for (principal, call, status, words) in [
        (USER_ASSIGNED.principal_id, alert("Fired"), 403, "may not send events of the source"),
        (
            SYSTEM.principal_id,
            cloud_event("application/cloudevents+json", &blob(1)),
            403,
            "may not send events of the source",
        ),
        ("00000000-0000-4000-8000-000000000000", alert("Fired"), 401, "this request is not accepted"),
    ] {
        let answer = send_as(&function, principal, call).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_problem(&answer.json(), status, "untrusted", &[words]);
    }
    let length = alert("Fired").body.len().to_string();
    assert_eq!(function.call(alert("Fired").header("content-length", &length)).await.status, 401);
    assert!(function.sandbox.github.issues(REPOSITORY).is_empty());
}

#[tokio::test]
async fn event_grid_shakes_hands_and_sends_one_event_or_many() {
    let function = start().await;
    let handshake = HttpCall::new(Method::OPTIONS, "/api/events")
        .header("webhook-request-origin", "eventgrid.azure.net")
        .header("webhook-request-rate", "120");
    let answer = function.call(handshake).await;
    assert_eq!((answer.status, answer.header("webhook-allowed-origin")), (200, Some("eventgrid.azure.net")));
    assert_eq!(answer.header("webhook-allowed-rate"), Some("*"));
    function.assert_untouched("a handshake");

    let one =
        send_as(&function, USER_ASSIGNED.principal_id, cloud_event("application/cloudevents+json", &blob(1)))
            .await;
    assert_eq!((one.status, &result(&one)["status"]), (201, &json!("created")), "{}", one.text());
    let batch = json!([blob(1), blob(2), blob(3)]);
    let many = send_as(
        &function,
        USER_ASSIGNED.principal_id,
        cloud_event("application/cloudevents-batch+json", &batch),
    )
    .await;
    assert_eq!(many.status, 201, "{}", many.text());
    let statuses: Vec<String> = many.json()["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["status"].to_string())
        .collect();
    assert_eq!(statuses, ["\"unchanged\"", "\"created\"", "\"created\""]);
    assert_eq!(function.sandbox.github.open_issues(REPOSITORY).len(), 3);
}

#[tokio::test]
async fn with_a_queue_every_event_is_accepted_and_done_from_there() {
    let (setup, config) = setup().await;
    let function = setup.with_queue().start(&config).await;
    let batch = cloud_event("application/cloudevents-batch+json", &json!([blob(1), blob(2)]));
    let answer = send_as(&function, USER_ASSIGNED.principal_id, batch).await;
    assert_eq!((answer.status, &result(&answer)["status"]), (202, &json!("queued")), "{}", answer.text());
    let answer = send_as(&function, SYSTEM.principal_id, alert("Fired")).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    assert!(function.sandbox.trace.hops_of("github").is_empty());
    for _ in 0..3 {
        function.poll(QUEUE).await.unwrap().outcome.unwrap().unwrap();
    }
    assert_eq!(function.sandbox.github.open_issues(REPOSITORY).len(), 3);
}
