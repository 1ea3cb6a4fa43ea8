//! Webhooks of other senders than GitHub: those of Standard Webhooks, and those with an HMAC in a header of their own.

use gatepass_sandbox::hosts::HttpCall;
use gatepass_sandbox::hosts::webhook::{StandardWebhook, base64_mac};
use serde_json::json;

use crate::support::{REPOSITORY, Service, Setup, assert_problem, post, status};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD: &str = "whsec_AAECAwQFBgcICQoLDA0ODw==";
const SHARED: &str = "a secret of one's own";

async fn start() -> Service {
    let setup = Setup::new().await.env("SECRET", SECRET).env("OLD", OLD).env("SHARED", SHARED);
    let config = "
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
jobs:
  orders:
    triggers:
      - webhook: { signature: standard_webhooks, events: [order.paid], secrets: [{ env: SECRET }, { env: OLD }] }
    open_issue: { key: ['{{ event.id }}'], title: '{{ event.type }} of {{ event.source }}' }
  forms:
    triggers:
      - webhook:
          signature: { hmac: { header: X-Form-Signature, prefix: 'v0 ', encoding: base64 } }
          secrets: [{ env: SHARED }]
    open_issue: { key: ['{{ event.id }}'], title: '{{ event.type }} {{ event.data }}' }
";
    setup.start(config).await
}

fn order() -> StandardWebhook {
    StandardWebhook::new(&json!({"type": "order.paid", "data": {"n": 1}}))
}

fn titles(service: &Service) -> Vec<String> {
    service.sandbox.github.issues(REPOSITORY).into_iter().map(|issue| issue.title).collect()
}

#[tokio::test]
async fn a_standard_webhook_is_known_by_its_signed_id_whichever_secret_signed_it() {
    let service = start().await;
    let webhook = order();
    let send = async |webhook: &StandardWebhook, signatures: &str| {
        let answer = service.send(webhook.call("/hooks/orders", signatures)).await;
        (answer.status, status(&answer))
    };
    assert_eq!(send(&webhook, &webhook.signature(SECRET)).await, (201, "created".into()));
    let again = StandardWebhook { timestamp: webhook.timestamp + 1, ..webhook.clone() };
    let both = format!("v1a,AAAA {} {}", again.signature("another"), again.signature(OLD));
    assert_eq!(send(&again, &both).await, (200, "unchanged".into()));
    let other = StandardWebhook::new(&json!({"type": "order.shipped"}));
    assert_eq!(send(&other, &other.signature(SECRET)).await, (200, "ignored".into()));
    let text = StandardWebhook { body: b"order.paid".to_vec(), ..order() };
    assert_eq!(send(&text, &text.signature(SECRET)).await, (200, "ignored".into()));
    assert_eq!(titles(&service), ["order.paid of orders"]);
}

#[tokio::test]
async fn a_standard_webhook_that_is_not_rightly_signed_now_is_refused() {
    let service = start().await;
    let webhook = order();
    let right = webhook.call("/hooks/orders", &webhook.signature(SECRET));
    let changed = |name: &str, value: &str| right.clone().header(name, value);
    let fits_none = "fits none of this webhook's secrets";
    let later = (webhook.timestamp + 1).to_string();
    for call in [
        HttpCall { body: br#"{"type":"order.paid","data":{"n":2}}"#.to_vec(), ..right.clone() },
        changed("webhook-id", "msg_other"),
        changed("webhook-timestamp", &later),
        webhook.call("/hooks/orders", &webhook.signature("whsec_AAAA")),
    ] {
        assert_problem(&service.send(call).await, 401, "untrusted", &[fits_none]);
    }
    for (name, words) in [
        ("webhook-id", "it has no webhook-id"),
        ("webhook-timestamp", "it has no webhook-timestamp"),
        ("webhook-signature", "it has no webhook-signature"),
    ] {
        let (mut without, mut twice) = (right.clone(), right.clone());
        without.headers.remove(name);
        let value = twice.headers[name].clone();
        twice.headers.append(http_name(name), value);
        assert_problem(&service.send(without).await, 401, "untrusted", &[words]);
        assert_problem(&service.send(twice).await, 401, "untrusted", &["comes twice"]);
    }
    for seconds in [-400, 400] {
        let webhook = StandardWebhook { timestamp: webhook.timestamp + seconds, ..order() };
        let call = webhook.call("/hooks/orders", &webhook.signature(SECRET));
        assert_problem(&service.send(call).await, 401, "untrusted", &["more than 5 minutes from now"]);
    }
    service.assert_untouched("deliveries that are not signed");
    assert_eq!(service.send(right).await.status, 201);
}

fn http_name(name: &str) -> axum::http::HeaderName {
    name.parse().unwrap()
}

#[tokio::test]
async fn an_hmac_in_a_header_of_ones_own_is_all_that_it_takes() {
    let service = start().await;
    let form = |body: &str, signature: &str| {
        post("/hooks/forms")
            .header("x-form-signature", signature)
            .header("content-type", "text/plain")
            .body(body)
    };
    let signed = |body: &str| format!("v0 {}", base64_mac(SHARED, body.as_bytes()));
    let right = form("name=ada", &signed("name=ada"));
    for (call, words) in [
        (form("name=eve", &signed("name=ada")), "fits none"),
        (form("name=ada", &format!("v0 {}", base64_mac("another", b"name=ada"))), "fits none"),
        (form("name=ada", &signed("name=ada")[3..]), "is not `v0 ` and the base64 of 32 bytes"),
        (form("name=ada", "v0 AAAA"), "is not `v0 ` and the base64"),
        (post("/hooks/forms").body("name=ada"), "it has no X-Form-Signature"),
    ] {
        assert_problem(&service.send(call).await, 401, "untrusted", &[words]);
    }
    let mut twice = right.clone();
    let value = twice.headers["x-form-signature"].clone();
    twice.headers.append(http_name("x-form-signature"), value);
    assert_problem(&service.send(twice).await, 401, "untrusted", &["X-Form-Signature comes twice"]);
    service.assert_untouched("forms that are not signed");

    assert_eq!(status(&service.send(right.clone()).await), "created");
    assert_eq!(status(&service.send(right).await), "unchanged", "the same body is the same event");
    let other = form("name=eve", &signed("name=eve"));
    assert_eq!(status(&service.send(other).await), "created");
    assert_eq!(titles(&service), ["webhook name=ada", "webhook name=eve"]);
}

#[tokio::test]
async fn a_secret_that_cannot_be_one_stops_the_start() {
    let setup = Setup::new().await.env("BROKEN", "whsec_*").env("RIGHT", SECRET);
    let hook = |source: &str| {
        format!(
            "version: 1\ndefaults: {{ repository: acme/operations, trust_policy: ops }}\njobs:\n  orders:\n    triggers: [{{ webhook: {{ signature: standard_webhooks, secrets: [{{ env: RIGHT }}, {source}] }} }}]\n    open_issue: {{ key: [x], title: x }}\n"
        )
    };
    for (source, words) in [
        (
            "{ env: BROKEN }",
            "BROKEN holds no secret of Standard Webhooks: what follows `whsec_` is not base64",
        ),
        ("{ aws_secret: hooks/orders }", "gcp cannot read secrets that are kept in AWS"),
        ("{ aws_parameter: /hooks/orders }", "gcp cannot read secrets that are kept in AWS"),
    ] {
        let said = setup.refused(&hook(source)).await.join("\n");
        assert!(said.contains(words), "{words}: {said}");
    }
}
