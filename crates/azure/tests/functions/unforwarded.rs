//! HTTP functions without forwarding: the same routes, with the request inside the invocation.

use gatepass_sandbox::hosts::webhook::{Signature, Webhook};
use gatepass_sandbox::hosts::{HttpAnswer, HttpCall};
use serde_json::{Value, json};

use crate::support::{Function, HOSTED, REPOSITORY, Setup, assert_problem};

const ORDER: &str = r#"
  order:
    triggers: [{ http: { caller: console } }]
    open_issue: { key: ["{{ event.data.body.id }}"], title: "{{ event.data.body.id }} for {{ event.data.query.team }}" }
"#;

const HOOK: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
jobs:
  announce:
    triggers: [{ webhook: { signature: github, secrets: [{ env: WEBHOOK_SECRET }] } }]
    open_issue: { key: ["{{ event.data.tag }}"], title: "Release {{ event.data.tag }}" }
"#;

const SECRET: &str = "the webhook's secret";

/// The request as the host puts it into an invocation.
fn wrapped(call: &HttpCall) -> Value {
    let headers: Value = call
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), json!([value.to_str().unwrap()])))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let request = json!({
        "Url": format!("https://acme.azurewebsites.net{}", call.target()), "Method": call.method.as_str(),
        "Headers": headers, "Params": {}, "Body": String::from_utf8(call.body.clone()).unwrap(),
    });
    json!({ "Data": { "req": request }, "Metadata": { "sys": { "MethodName": "all-http" } } })
}

/// What the host takes for the function's answer: status, headers and body.
async fn answered(function: &Function, call: &HttpCall) -> Value {
    let answer: HttpAnswer = function.send(HttpCall::post_json("/all-http", &wrapped(call))).await;
    assert_eq!(answer.status, 200, "the invocation itself has not failed: {}", answer.text());
    let document = answer.json();
    assert_eq!((&document["ReturnValue"], &document["Logs"]), (&Value::Null, &json!([])));
    document["Outputs"]["res"].clone()
}

#[tokio::test]
async fn a_call_is_answered_inside_the_outputs() {
    let function = Setup::new().await.start(&format!("{HOSTED}{ORDER}")).await;
    let call = HttpCall::post_json("/api/jobs/order", &json!({"id": "A-1"})).query("team=blue%20whales");
    // The same invocation again is the same event.
    for (status, done) in [(201, "created"), (200, "unchanged")] {
        let answer = answered(&function, &call).await;
        assert_eq!(
            (&answer["statusCode"], &answer["body"]["results"][0]["status"]),
            (&json!(status), &json!(done))
        );
        assert_eq!(answer["headers"]["content-type"], "application/json");
    }
    assert_eq!(function.sandbox.github.issues(REPOSITORY)[0].title, "A-1 for blue whales");
    let answer = answered(&function, &HttpCall::get("/api/health")).await;
    assert_eq!((&answer["statusCode"], &answer["body"]["status"]), (&json!(200), &json!("ok")));
    let answer = answered(&function, &HttpCall::get("/api/nothing")).await;
    assert_eq!(answer["headers"]["content-type"], "application/problem+json");
    assert_problem(&answer["body"], 404, "invalid", &["there is nothing at"]);
}

#[tokio::test]
async fn a_webhook_is_verified_over_the_bytes_that_were_sent() {
    let function = Setup::new().await.env("WEBHOOK_SECRET", SECRET).start(HOOK).await;
    let hook = |signature| {
        let body = "{\"tag\":  \"v1 \u{fc}\"}";
        Webhook::of_bytes("release", body).call("/api/hooks/announce", SECRET, signature)
    };
    let wrong = answered(&function, &hook(Signature::Wrong)).await;
    assert_eq!(wrong["statusCode"], 401);
    function.assert_untouched("a wrong signature");
    let right = answered(&function, &hook(Signature::Right)).await;
    assert_eq!(right["statusCode"], 201, "{right}");
    assert_eq!(function.sandbox.github.open_issues(REPOSITORY)[0].title, "Release v1 \u{fc}");
}

#[tokio::test]
async fn an_invocation_without_a_request_fails() {
    let function = Setup::new().await.start(&format!("{HOSTED}{ORDER}")).await;
    for body in [json!({}), json!({"Data": {}}), json!({"Data": {"req": {"Url": "x"}}})] {
        let answer = function.send(HttpCall::post_json("/all-http", &body)).await;
        assert_problem(&answer.json(), 422, "invalid", &["this HTTP invocation of the Functions host"]);
    }
    function.assert_untouched("no request");
}
