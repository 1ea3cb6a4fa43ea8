//! Deliveries of GitHub's webhooks: what is taken, what is passed over, and what is refused.

use gatepass_sandbox::hosts::webhook::{Signature, Webhook};
use gatepass_sandbox::hosts::{HttpAnswer, HttpCall};
use serde_json::{Value, json};

use crate::support::{REPOSITORY, Service, Setup, assert_problem, status};

const NEW: &str = "the new webhook secret";
const OLD: &str = "the old webhook secret";
const OTHER: &str = "another hook's webhook secret";

/// Two hooks: one for releases and pushes with two secrets while they are rotated, one for everything, our own bots
/// included.
async fn start() -> Service {
    let setup = Setup::new().await.env("WEBHOOK_SECRET", NEW).env("OTHER_WEBHOOK_SECRET", OTHER);
    let old = setup.file("old", format!("{OLD}\n"));
    let config = format!(
        r#"
version: 1
defaults: {{ repository: acme/operations, trust_policy: ops }}
jobs:
  announce:
    triggers:
      - webhook:
          signature: github
          events: [release.published, push]
          secrets: [{{ env: WEBHOOK_SECRET }}, {{ file: {old} }}]
    open_issue: {{ key: ["{{{{ event.id }}}}"], title: "{{{{ event.type }}}} {{{{ event.data.n }}}}" }}
  everything:
    from_self: true
    triggers: [{{ webhook: {{ signature: github, secrets: [{{ env: OTHER_WEBHOOK_SECRET }}] }} }}]
    open_issue: {{ key: ["{{{{ event.id }}}}"], title: "{{{{ event.type }}}}" }}
"#
    );
    setup.start(&config).await
}

fn payload(action: &str, sender: &str) -> Value {
    json!({"action": action, "n": 1, "sender": {"login": sender}, "repository": {"full_name": "acme/widgets"}})
}

fn release() -> Webhook {
    Webhook::new("release", &payload("published", "ada"))
}

async fn deliver(service: &Service, webhook: &Webhook, secret: &str) -> HttpAnswer {
    service.send(webhook.call("/hooks/announce", secret, Signature::Right)).await
}

#[tokio::test]
async fn a_delivery_that_is_not_rightly_signed_is_refused() {
    let service = start().await;
    for signature in Signature::WRONG {
        let answer = service.send(release().call("/hooks/announce", NEW, signature)).await;
        let words = match signature {
            Signature::Missing => "set the same secret in the webhook's settings and in gatepass.yaml",
            Signature::Sha1Only => "only the SHA-1 signature",
            Signature::Wrong => "compare the webhook's settings with `secrets` in gatepass.yaml",
            _ => "not `sha256=` and 64 hexadecimal digits",
        };
        assert_problem(&answer, 401, "untrusted", &[words]);
    }
    let right = release().call("/hooks/announce", NEW, Signature::Right);
    let altered = HttpCall { body: payload("published", "mallory").to_string().into(), ..right.clone() };
    let cut = HttpCall { body: right.body[..right.body.len() - 1].to_vec(), ..right.clone() };
    let mut spaced = right.clone();
    spaced.body.push(b'\n');
    let elsewhere = HttpCall { path: "/hooks/everything".into(), ..right.clone() };
    let by_another = release().call("/hooks/announce", OTHER, Signature::Right);
    for call in [altered, cut, spaced, elsewhere, by_another] {
        assert_problem(&service.send(call).await, 401, "untrusted", &["fits none of this webhook's secrets"]);
    }
    let mut twice = right.clone();
    let value = twice.headers["x-hub-signature-256"].clone();
    twice.headers.append("x-hub-signature-256", value);
    assert_problem(&service.send(twice).await, 401, "untrusted", &["comes twice"]);
    service.assert_untouched("deliveries that are not signed");

    assert_eq!(service.send(right).await.status, 201);
    let record = service.record("a webhook delivery was not taken", |_| true).await;
    assert_eq!((&record["job"], &record["status"]), (&json!("announce"), &json!("untrusted")));
}

#[tokio::test]
async fn both_secrets_of_a_rotation_are_good() {
    let service = start().await;
    for (secret, n) in [(NEW, 1), (OLD, 2)] {
        let webhook = Webhook::new("push", &json!({"n": n}));
        let answer = deliver(&service, &webhook, secret).await;
        assert_eq!((answer.status, status(&answer).as_str()), (201, "created"), "{}", answer.text());
    }
    let issues = service.sandbox.github.issues(REPOSITORY);
    let titles: Vec<&str> = issues.iter().map(|issue| issue.title.as_str()).collect();
    assert_eq!(titles, ["com.github.push 1", "com.github.push 2"]);
}

#[tokio::test]
async fn a_signed_body_must_be_a_json_object() {
    let service = start().await;
    for (body, words) in [
        ("", "not JSON (line 1"),
        ("payload=%7B%7D", "choose the content type application/json"),
        ("{\"a\":", "not JSON"),
        ("null", "not a JSON object"),
        ("[]", "not a JSON object"),
        ("\"published\"", "not a JSON object"),
        ("{} {}", "not JSON"),
    ] {
        let answer = deliver(&service, &Webhook::of_bytes("release", body), NEW).await;
        assert_problem(&answer, 422, "invalid", &[words]);
    }
    let not_utf8 = Webhook::of_bytes("release", b"{\"a\":\"\xff\"}".to_vec());
    assert_problem(&deliver(&service, &not_utf8, NEW).await, 422, "invalid", &["not JSON"]);
    for name in ["", "Release", "release published", "x".repeat(65).as_str()] {
        let mut call = release().call("/hooks/announce", NEW, Signature::Right);
        call.headers.insert("x-github-event", name.parse().unwrap());
        assert_problem(&service.send(call).await, 422, "invalid", &["X-GitHub-Event"]);
    }
    let mut nameless = release().call("/hooks/announce", NEW, Signature::Right);
    nameless.headers.remove("x-github-event");
    assert_problem(&service.send(nameless).await, 422, "invalid", &["X-GitHub-Event"]);
    service.assert_untouched("bodies that are no delivery");
}

#[tokio::test]
async fn what_a_job_did_not_ask_for_is_passed_over() {
    let service = start().await;
    for (event, payload) in [
        ("ping", json!({"zen": "Keep it logically awesome.", "hook_id": 1})),
        ("release", payload("created", "ada")),
        ("release", json!({"n": 1})),
        ("release", json!({"action": ["published"]})),
        ("issues", payload("opened", "ada")),
        ("push_x", payload("published", "ada")),
        ("release", payload("published", "octo-sts[bot]")),
        ("push", payload("", "octo-sts-7[bot]")),
    ] {
        let answer = deliver(&service, &Webhook::new(event, &payload), NEW).await;
        assert_eq!((answer.status, status(&answer).as_str()), (200, "ignored"), "{event} {payload}");
        assert_eq!(answer.json()["results"][0]["job"], "announce");
    }
    service.assert_untouched("events that nobody asked for");
    for sender in ["octo-sts[bot]x", "dependabot[bot]", "octo-sts"] {
        let answer = deliver(&service, &Webhook::new("push", &payload("", sender)), NEW).await;
        assert_eq!(status(&answer), "created", "{sender}");
    }
}

#[tokio::test]
async fn a_job_may_take_what_our_own_bots_did_but_never_a_ping() {
    let service = start().await;
    let send = async |event: &str, payload: &Value| {
        let call = Webhook::new(event, payload).call("/hooks/everything", OTHER, Signature::Right);
        status(&service.send(call).await)
    };
    assert_eq!(send("ping", &json!({"zen": "Speak like a human."})).await, "ignored");
    assert_eq!(send("issues", &payload("opened", "octo-sts[bot]")).await, "created");
    assert_eq!(service.sandbox.github.issues(REPOSITORY)[0].title, "com.github.issues.opened");
}

/// Its GUID is no part of what is signed, so it decides nothing.
#[tokio::test]
async fn a_delivery_that_comes_again_doubles_nothing() {
    let service = start().await;
    let first = release().delivery("11111111-0000-0000-0000-000000000000");
    let again = release().delivery("22222222-0000-0000-0000-000000000000");
    assert_eq!(status(&deliver(&service, &first, NEW).await), "created");
    assert_eq!(status(&deliver(&service, &first, NEW).await), "unchanged");
    assert_eq!(status(&deliver(&service, &again, OLD).await), "unchanged");
    assert_eq!(service.sandbox.github.issues(REPOSITORY).len(), 1);
    let record =
        service.record("webhook", |line| line["delivery"] == "22222222-0000-0000-0000-000000000000").await;
    let told = (&record["job"], &record["github_event"], &record["action"]);
    assert_eq!(told, (&json!("announce"), &json!("release"), &json!("published")));
}

#[tokio::test]
async fn deliveries_at_once_converge_to_one_open_issue() {
    let service = start().await;
    let webhook = release();
    let send = || deliver(&service, &webhook, NEW);
    let answers = tokio::join!(send(), send(), send(), send());
    for answer in [&answers.0, &answers.1, &answers.2, &answers.3] {
        assert!(answer.status < 300, "{}", answer.text());
    }
    assert_eq!(service.sandbox.github.open_issues(REPOSITORY).len(), 1, "{}", service.sandbox.trace);
}
