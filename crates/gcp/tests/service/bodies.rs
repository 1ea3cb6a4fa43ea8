//! Bodies that are larger than anybody needs, or never end.

use gatepass_sandbox::hosts::HttpCall;
use gatepass_sandbox::hosts::webhook::{Signature, Webhook};

use crate::support::{AUDIENCE, SCHEDULED, SEE_LOG, Service, Setup, assert_problem, post, status};

const LIMIT: usize = 6 * 1024 * 1024;
const SECRET: &str = "the webhook's secret";

const JOBS: &str = "
  order:
    triggers: [{ http: { caller: scheduler } }]
    open_issue: { key: [order], title: order }
  hook:
    triggers: [{ webhook: { signature: github, secrets: [{ env: WEBHOOK_SECRET }] } }]
    open_issue: { key: [hook], title: hook }
";

async fn start() -> Service {
    Setup::new().await.env("WEBHOOK_SECRET", SECRET).start(&format!("{SCHEDULED}{JOBS}")).await
}

/// Sends a head with this header, and `body`, and then nothing more.
async fn send_some(service: &Service, path: &str, header: &str, body: &[u8]) -> String {
    let token = service.sandbox.identity.gcp.mint_scheduler_token(AUDIENCE);
    let signature = "0".repeat(64);
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: jobs.example.com\r\nauthorization: Bearer {token}\r\n\
         x-hub-signature-256: sha256={signature}\r\nx-github-event: push\r\n{header}\r\n\r\n"
    );
    service.send_bytes(&[head.as_bytes(), body].concat()).await
}

#[tokio::test]
async fn thirty_megabytes_are_refused_by_their_announcement() {
    let service = start().await;
    for path in ["/jobs/order", "/hooks/hook"] {
        let answer = send_some(&service, path, "content-length: 31457280", b"").await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
        assert!(
            answer.contains("application/problem+json") && answer.contains("larger than 6291456"),
            "{answer}"
        );
    }
    service.assert_untouched("huge bodies");
}

#[tokio::test]
async fn a_body_without_a_length_is_read_up_to_the_limit() {
    let service = start().await;
    let chunk = [format!("{:x}\r\n", LIMIT + 1).into_bytes(), vec![b' '; LIMIT + 1]].concat();
    for path in ["/jobs/order", "/hooks/hook"] {
        let answer = send_some(&service, path, "transfer-encoding: chunked", &chunk).await;
        assert!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("larger than 6291456"), "{answer}");
    }
    service.assert_untouched("huge bodies");
}

/// Whoever is still sending hears why it is in vain, whether the reason is the length or the sender.
#[tokio::test]
async fn what_is_really_sent_is_answered() {
    let service = start().await;
    let (small, large) = (vec![b' '; 1024 * 1024], vec![b' '; 30 * 1024 * 1024]);
    let hook =
        |body: &[u8], signature| Webhook::of_bytes("push", body).call("/hooks/hook", SECRET, signature);
    for _ in 0..2 {
        let order = service.send_as_scheduler(post("/jobs/order").body(large.clone())).await;
        assert_problem(&order, 413, "invalid", &["larger than 6291456"]);
        let order = service.send(post("/jobs/order").body(large.clone())).await;
        assert_problem(&order, 401, "untrusted", &["Authorization: Bearer"]);
        let unknown = service.send(post("/jobs/unknown").body(small.clone())).await;
        assert_problem(&unknown, 404, "invalid", &["there is no job"]);
        let event = service.send(post("/events").body(small.clone())).await;
        service.assert_unknown(&event, SEE_LOG, &["no caller may send this"]).await;
        assert_problem(&service.send(hook(&large, Signature::Right)).await, 413, "invalid", &["larger than"]);
        assert_problem(
            &service.send(hook(&small, Signature::Missing)).await,
            401,
            "untrusted",
            &["not signed"],
        );
    }
    service.assert_untouched("huge bodies");
}

#[tokio::test]
async fn what_fits_is_taken() {
    let service = start().await;
    let mut body = vec![b' '; LIMIT - 2];
    body.extend(b"{}");
    let webhook = Webhook::of_bytes("push", body);
    let answer = service.send(webhook.call("/hooks/hook", SECRET, Signature::Right)).await;
    assert_eq!((answer.status, status(&answer).as_str()), (201, "created"), "{}", answer.text());
    let empty = service.send_as_scheduler(HttpCall::post_json("/jobs/order", &serde_json::Value::Null)).await;
    assert_eq!(empty.status, 201, "{}", empty.text());
}
