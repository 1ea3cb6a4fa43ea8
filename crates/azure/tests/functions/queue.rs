//! The deployment's own queue: what is accepted is put there, and done from there, whatever happens in between.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::hosts::HttpAnswer;
use gatepass_sandbox::hosts::functions::{InvocationFailure, Invoked, Triggered};
use gatepass_sandbox::hosts::webhook::{Signature, Webhook};
use gatepass_sandbox::identity::azure::Assigned;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::support::{Function, QUEUE, REPOSITORY, Setup, assert_problem, result};

const SECRET: &str = "the webhook's secret";

const CONFIG: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
jobs:
  announce:
    triggers: [{ webhook: { signature: github, secrets: [{ env: WEBHOOK_SECRET }] } }]
    open_issue: { key: ["{{ event.data.tag }}"], title: "Release {{ event.data.tag }}" }
  order:
    triggers: [{ event: { source: orders, type: azure.queue } }]
    open_issue: { key: ["{{ event.data.order }}"], title: "Order {{ event.data.order }}, try {{ event.attributes.dequeue_count }}" }
  tick:
    triggers: [{ schedule: { cron: "0 2 * * *" } }]
    open_issue: { key: [tick], title: tick }
"#;

async fn start() -> Function {
    Setup::new().await.with_queue().env("WEBHOOK_SECRET", SECRET).start(CONFIG).await
}

fn release(tag: &str) -> Webhook {
    let payload = json!({"action": "published", "tag": tag, "sender": {"login": "ada"}, "repository": {"full_name": "acme/widgets"}});
    Webhook::new("release", &payload)
}

async fn deliver(function: &Function, webhook: &Webhook) -> HttpAnswer {
    function.call(webhook.call("/api/hooks/announce", SECRET, Signature::Right)).await
}

fn invoked(triggered: Option<Triggered>) -> Invoked {
    triggered.unwrap().outcome.unwrap().unwrap()
}

/// The status and the problem document of an invocation that failed.
fn failed(triggered: &Triggered) -> (u16, Value) {
    match &triggered.outcome {
        Some(Err(InvocationFailure::Status { status, body })) => {
            (*status, serde_json::from_str(body).unwrap())
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_webhook_is_accepted_and_done_from_the_queue_once() {
    let function = start().await;
    let webhook = release("v1");
    for _ in 0..2 {
        let answer = deliver(&function, &webhook).await;
        assert_eq!((answer.status, &result(&answer)["status"]), (202, &json!("queued")), "{}", answer.text());
    }
    assert_eq!(function.queues.messages(QUEUE).len(), 2);
    assert!(function.sandbox.trace.hops_of("github").is_empty(), "{}", function.sandbox.trace);
    let first = invoked(function.poll(QUEUE).await);
    assert!(first.logs[0].starts_with("announce: created http"), "{first:?}");
    let second = invoked(function.poll(QUEUE).await);
    assert!(second.logs[0].starts_with("announce: unchanged"), "{second:?}");
    assert!(function.poll(QUEUE).await.is_none());
    let issues = function.sandbox.github.issues(REPOSITORY);
    assert_eq!((issues.len(), issues[0].title.as_str()), (1, "Release v1"));
    let queued = function.record("queued", |_| true).await;
    assert_eq!((&queued["job"], &queued["queue"]), (&json!("announce"), &json!(function.queues.url(QUEUE))));
}

#[tokio::test]
async fn what_the_queue_does_not_keep_is_not_accepted() {
    let on = || Fault::on_any("/acmestorage").always();
    for (fault, status, class, words) in [
        (
            on().status(403).header("x-ms-error-code", "AuthorizationPermissionMismatch"),
            502,
            "refused",
            "Storage Queue Data Message Sender",
        ),
        (
            on().status(404).header("x-ms-error-code", "QueueNotFound"),
            502,
            "refused",
            "create the queue gatepass",
        ),
        (on().status(503).header("x-ms-error-code", "ServerBusy"), 503, "deferred", "503: ServerBusy"),
        (on().reset(), 503, "deferred", "Queue Storage"),
        (on().status(201), 503, "deferred", "no message id"),
    ] {
        let function = start().await;
        function.queues.faults().inject(fault);
        let answer = deliver(&function, &release("v1")).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_problem(&answer.json(), status, class, &[words]);
        assert_eq!(answer.header("retry-after").is_some(), status == 503);
        let record = function.record("not queued", |_| true).await;
        assert!(record["reason"].as_str().unwrap().contains(words), "{record}");
        assert!(function.sandbox.trace.hops_of("github").is_empty());
    }
    let function = start().await;
    function.sandbox.identity.azure.assign(Assigned::None);
    let answer = deliver(&function, &release("v1")).await;
    assert_problem(&answer.json(), 502, "refused", &["Azure's identity endpoint answered 400"]);
    assert!(function.queues.messages(QUEUE).is_empty());
}

#[tokio::test]
async fn a_put_whose_answer_is_lost_has_one_effect() {
    let function = start().await;
    function.queues.faults().inject(Fault::on_any("/acmestorage").after_effect().reset());
    assert_eq!(deliver(&function, &release("v1")).await.status, 202);
    assert_eq!(function.queues.messages(QUEUE).len(), 2, "it is put again: who sent it never comes again");
    for _ in 0..2 {
        invoked(function.poll(QUEUE).await);
    }
    assert_eq!(function.sandbox.github.issues(REPOSITORY).len(), 1);
}

#[tokio::test]
async fn what_is_deferred_comes_back_when_github_asked_and_not_before() {
    let mut function = start().await;
    deliver(&function, &release("v1")).await;
    let limited = Fault::on_any("/repos/").status(429).header("retry-after", "3600");
    function.sandbox.github.faults().inject(limited);
    let deferred = invoked(function.poll(QUEUE).await);
    assert_eq!(deferred.logs, ["announce: queued "]);
    let kept = function.queues.messages(QUEUE);
    let wait = kept[0].visible.duration_since(Timestamp::now()).as_secs();
    assert!(kept.len() == 1 && (3590..=3600).contains(&wait), "{wait}: {kept:?}");

    assert!(function.poll(QUEUE).await.is_none());
    function.queues.advance(Duration::from_secs(3600));
    function.restart().await;
    let done = invoked(function.poll(QUEUE).await);
    assert!(done.logs[0].starts_with("announce: created"), "{done:?}");
    assert_eq!(function.sandbox.github.issues(REPOSITORY).len(), 1);
    assert!(function.queues.messages(QUEUE).is_empty());
}

#[tokio::test]
async fn what_cannot_be_put_back_fails_and_is_tried_again() {
    let function = start().await;
    deliver(&function, &release("v1")).await;
    function
        .sandbox
        .github
        .faults()
        .inject(Fault::on_any("/repos/").status(429).header("retry-after", "3600"));
    function.queues.deny(true);
    let (status, problem) = failed(&function.poll(QUEUE).await.unwrap());
    assert_eq!(status, 503, "{problem}");
    assert_eq!(function.queues.messages(QUEUE).len(), 1);
    function.queues.deny(false);
    assert_eq!(invoked(function.poll(QUEUE).await).logs, ["announce: queued "]);
    assert_eq!(function.queues.messages(QUEUE).len(), 1);
}

#[tokio::test]
async fn a_tick_that_is_deferred_goes_onto_the_queue() {
    let mut function = start().await;
    function
        .sandbox
        .github
        .faults()
        .inject(Fault::on_any("/repos/").status(429).header("retry-after", "120"));
    assert_eq!(function.tick("tick").await.unwrap().logs, ["tick: queued "]);
    function.queues.advance(Duration::from_secs(121));
    function.restart().await;
    let done = invoked(function.poll(QUEUE).await);
    assert!(done.logs[0].starts_with("tick: created"), "{done:?}");
    assert_eq!(function.sandbox.github.issues(REPOSITORY).len(), 1);
}

#[tokio::test]
async fn poison_ends_in_the_poison_queue_and_the_log_says_why() {
    for (text, reason) in [
        ("rubbish", "no hand-off: it is not base64"),
        ("{\"job\":\"announce\"}", "no hand-off: it is not base64"),
        ("aGVsbG8=", "no hand-off: it is not gzip"),
    ] {
        let function = start().await;
        function.queues.put(QUEUE, STANDARD.encode(text));
        for attempt in 1..=5 {
            let triggered = function.poll(QUEUE).await.unwrap();
            assert_eq!((triggered.message.dequeued, triggered.poison), (attempt, attempt == 5));
            let (status, problem) = failed(&triggered);
            assert_problem(&problem, status, "invalid", &[reason, "let nothing else write to the queue"]);
        }
        assert!(function.poll(QUEUE).await.is_none());
        assert_eq!(function.queues.messages("gatepass-poison")[0].text, STANDARD.encode(text));
        let record = function.record("an invocation failed", |_| true).await;
        assert!(
            record["function"] == "gatepass-queue" && record["reason"].as_str().unwrap().contains(reason),
            "{record}"
        );
        function.assert_untouched("poison");
    }
}

/// The queue's name decides, and nothing that a message holds.
#[tokio::test]
async fn a_hand_off_from_another_queue_is_an_event() {
    let function = start().await;
    deliver(&function, &release("v1")).await;
    let hand_off = function.queues.messages(QUEUE).pop().unwrap().text;
    function.sandbox.trace.clear();
    for queue in ["others", "gatepass-poison"] {
        function.queues.put(queue, hand_off.clone());
        assert!(invoked(function.poll(queue).await).logs.is_empty());
        let record = function.record("no job wants this event", |line| line["event_source"] == queue).await;
        assert_eq!(record["kind"], "azure.queue");
    }
    function.assert_untouched("hand-offs that are events");
}

#[tokio::test]
async fn a_message_of_another_queue_is_an_event() {
    let function = start().await;
    for text in [r#"{"order":7}"#, r#"{"order":7,"more":"x"}"#] {
        function.queues.put("orders", STANDARD.encode(text));
        let done = invoked(function.poll("orders").await);
        assert!(done.logs[0].starts_with("order: "), "{done:?}");
    }
    let issues = function.sandbox.github.issues(REPOSITORY);
    assert_eq!((issues.len(), issues[0].title.as_str()), (1, "Order 7, try 1"));

    function.queues.put("orders", STANDARD.encode("not JSON"));
    for _ in 0..5 {
        let (status, _) = failed(&function.poll("orders").await.unwrap());
        assert_eq!(status, 422);
    }
    assert_eq!(function.queues.messages("orders-poison").len(), 1);
}

#[tokio::test]
async fn without_a_queue_no_message_is_a_hand_off() {
    let queued = start().await;
    deliver(&queued, &release("v1")).await;
    let hand_off = queued.queues.messages(QUEUE).pop().unwrap().text;
    let function = Setup::new().await.env("WEBHOOK_SECRET", SECRET).start(CONFIG).await;
    function.queues.put(QUEUE, hand_off);
    assert!(invoked(function.poll(QUEUE).await).logs.is_empty());
    function.assert_untouched("a hand-off without a queue");
}

#[tokio::test]
async fn what_is_too_large_for_the_queue_is_said_to_be() {
    let function = start().await;
    // What does not compress: the digits of one number.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let noise: String = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        format!("{state:016x}")
    })
    .take(8_000)
    .collect();
    let answer = deliver(&function, &release(&noise)).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert_problem(
        &answer.json(),
        413,
        "invalid",
        &["takes 49152 bytes after compression", "delivery: direct"],
    );
    assert_eq!(deliver(&function, &release(&noise[..40_000])).await.status, 202);
}

#[tokio::test]
async fn a_queue_that_is_none_stops_the_start() {
    for (url, words) in [
        ("gatepass", "https://ACCOUNT.queue.core.windows.net/QUEUE"),
        ("http://acme.queue.core.windows.net/gatepass", "not encrypted"),
        ("https://acme.queue.core.windows.net/gatepass?sig=c2VjcmV0", "leave it out"),
        ("https://example.com/gatepass", "which is no queue"),
        ("projects/acme/topics/gatepass", "https://ACCOUNT.queue.core.windows.net/QUEUE"),
    ] {
        let setup = Setup::new().await.env("WEBHOOK_SECRET", SECRET).env("GATEPASS_QUEUE", url);
        let said = setup.refused(CONFIG).await;
        assert!(
            said.contains("GATEPASS_QUEUE") && said.contains(words) && !said.contains("c2VjcmV0"),
            "{said}"
        );
    }
}
