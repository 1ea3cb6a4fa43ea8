//! HTTP functions: forwarded below `/api`, with the key checked by the host.

use axum::http::Method;
use gatepass_sandbox::hosts::HttpCall;
use gatepass_sandbox::hosts::webhook::{Signature, Webhook};
use serde_json::json;

use crate::support::{Function, HOSTED, KEY, REPOSITORY, Setup, TICK, assert_problem, post, result};

const ORDER: &str = r#"
  order:
    triggers: [{ http: { caller: console } }]
    open_issue: { key: ["{{ event.data.body.id }}"], title: "{{ event.data.body.id }} for {{ event.data.query.team }}" }
"#;

async fn start() -> Function {
    Setup::new().await.start(&format!("{HOSTED}{TICK}{ORDER}")).await
}

#[tokio::test]
async fn the_handler_is_ready_at_once() {
    let function = start().await;
    assert_eq!(function.send(HttpCall::get("/")).await.status, 200);
    let health = function.call(HttpCall::get("/api/health")).await;
    assert_eq!((health.status, &health.json()["status"]), (200, &json!("ok")));
    function.assert_untouched("readiness");
}

#[tokio::test]
async fn a_call_with_the_function_key_is_a_host_callers() {
    let function = start().await;
    let call = || HttpCall::post_json("/api/jobs/order", &json!({"id": "A-1"})).query("team=blue%20whales");
    let answer = function.call(call()).await;
    assert_eq!((answer.status, &result(&answer)["status"]), (201, &json!("created")), "{}", answer.text());
    assert_eq!(function.sandbox.github.issues(REPOSITORY)[0].title, "A-1 for blue whales");
    let by_query = call().query(format!("team=blue%20whales&code={KEY}"));
    let answer = function.call_without_key(by_query).await;
    assert_eq!((answer.status, &result(&answer)["status"]), (200, &json!("updated")), "{}", answer.text());
}

#[tokio::test]
async fn without_the_key_nothing_reaches_the_handler() {
    let function = start().await;
    let call = || HttpCall::post_json("/api/jobs/order", &json!({"id": "A-1"})).query("team=a");
    for call in [call(), call().header("x-functions-key", "wrong"), call().query("team=a&code=wrong")] {
        let answer = function.call_without_key(call).await;
        assert_eq!((answer.status, answer.body.len()), (401, 0));
    }
    // Timers and readiness are no HTTP functions.
    for path in ["/", "/tick-timer", "/jobs/order", "/apix/jobs/order"] {
        assert_eq!(function.call(post(path)).await.status, 404, "{path}");
    }
    function.assert_untouched("calls without the key");
    assert!(!function.host.child().text().contains("a call was not taken"));
}

#[tokio::test]
async fn the_routes_are_those_of_every_cloud() {
    let function = start().await;
    for (method, path, status, words) in [
        (Method::GET, "/api/jobs/order", 422, "is started with POST"),
        (Method::POST, "/api/jobs/tick", 404, "give it an http trigger, or a schedule with a caller"),
        (Method::POST, "/api/jobs/unknown", 404, "there is no job \"unknown\""),
        (Method::POST, "/api/hooks/order", 404, "has no webhook trigger"),
        (Method::GET, "/api/nothing", 404, "/health, /hooks/JOB, /jobs/JOB and /events"),
        (Method::PUT, "/api/jobs/order", 405, "PUT"),
    ] {
        let answer = function.call(HttpCall::new(method, path).header("content-length", "0")).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_problem(&answer.json(), status, "invalid", &[words]);
    }
    // No caller lists a source, so there is nobody who could send an event.
    let answer = function.call(post("/api/events")).await;
    assert_problem(&answer.json(), 401, "untrusted", &["this request is not accepted"]);
    let ask =
        HttpCall::new(Method::OPTIONS, "/api/events").header("webhook-request-origin", "eventgrid.azure.net");
    let answer = function.call(ask).await;
    assert_eq!((answer.status, answer.header("webhook-allowed-origin")), (200, Some("eventgrid.azure.net")));
    function.assert_untouched("routes that are none");
}

#[tokio::test]
async fn an_event_is_from_a_caller_that_lists_its_source() {
    let hosted = HOSTED.replace("{ host: true }", "{ host: true, may_send: [a.topic] }");
    let event = "
  event:
    triggers: [{ event: { source: a.topic } }]
    open_issue: { key: [event], title: '{{ event.source }}' }
";
    let function = Setup::new().await.start(&format!("{hosted}{event}")).await;
    let call = |source: &str| {
        let call = post("/api/events").header("ce-specversion", "1.0").header("ce-id", "1");
        call.header("ce-type", "x").header("ce-source", source)
    };
    let words = ["another.topic", "add it to callers.console.may_send"];
    let refused = function.call(call("another.topic")).await;
    assert_problem(&refused.json(), 403, "untrusted", &words);
    assert_problem(
        &function.call(post("/api/events")).await.json(),
        422,
        "invalid",
        &["no event that is taken here: send a CloudEvent"],
    );
    function.assert_untouched("events that nobody may send");
    assert_eq!(function.call(call("a.topic")).await.status, 201);
}

/// GitHub cannot send a function key in a header: the route is anonymous to the host, and signed.
#[tokio::test]
async fn a_webhook_is_verified_by_its_own_signature() {
    let config = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
jobs:
  announce:
    triggers: [{ webhook: { signature: github, events: [push], secrets: [{ env: WEBHOOK_SECRET }] } }]
    open_issue: { key: ["{{ event.id }}"], title: "{{ event.source }}" }
"#;
    let secret = "the webhook's secret";
    let function = Setup::new().await.env("WEBHOOK_SECRET", secret).start(config).await;
    let webhook = Webhook::new("push", &json!({"repository": {"full_name": "acme/widgets"}}));
    for signature in Signature::WRONG {
        let answer = function.call(webhook.call("/api/hooks/announce", secret, signature)).await;
        assert_eq!(answer.status, 401, "{signature:?}");
        assert_problem(&answer.json(), 401, "untrusted", &[]);
    }
    function.assert_untouched("deliveries that are not signed");
    let answer = function.call(webhook.call("/api/hooks/announce", secret, Signature::Right)).await;
    assert_eq!((answer.status, &result(&answer)["status"]), (201, &json!("created")), "{}", answer.text());
    assert_eq!(function.sandbox.github.issues(REPOSITORY)[0].title, "github.com/acme/widgets");
}

/// An Entra application may call too, where the host lets everybody in.
#[tokio::test]
async fn an_oidc_caller_is_verified_by_its_token() {
    let setup = Setup::new().await;
    let issuer = setup.sandbox.identity.azure.issuer().clone();
    let config = format!(
        "
version: 1
defaults: {{ repository: acme/operations, trust_policy: ops }}
callers:
  console: {{ oidc: {{ issuer: {}, audience: [api://jobs], subject: c0ffee }} }}
jobs:
{ORDER}",
        issuer.url()
    );
    let function = setup.start(&config).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let forger =
        issuer.forge(json!({"iss": issuer.url(), "aud": "api://jobs", "sub": "c0ffee", "exp": now + 600}));
    let call = async |token: &str| {
        let call = HttpCall::post_json("/api/jobs/order", &json!({"id": "A-1"})).query("team=a");
        function.call(call.header("authorization", &format!("Bearer {token}"))).await
    };
    for (name, token) in forger.all() {
        let answer = call(&token).await;
        assert_eq!(answer.status, 401, "{name}: {}", answer.text());
        assert_problem(&answer.json(), 401, "untrusted", &["this request is not accepted"]);
        assert!(!answer.text().contains("console"), "{}", answer.text());
    }
    let other = call(&forger.with("sub", json!("tea"))).await;
    assert_problem(&other.json(), 401, "untrusted", &["the log says why"]);
    let id = other.json()["correlation_id"].clone();
    let record = function.record("a call was not taken", |line| line["correlation_id"] == id).await;
    let details = record["details"].as_str().unwrap();
    assert!(details.contains("console: ") && details.contains("another subject"), "{record}");
    function.assert_untouched("forged tokens");
    assert_eq!(call(&forger.honest()).await.status, 201);
}
