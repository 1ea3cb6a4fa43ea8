//! The deployment's own queue: what is accepted is put on it, and done when it comes back.

use std::fmt::Write as _;
use std::time::Duration;

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::hosts::HttpAnswer;
use gatepass_sandbox::hosts::lambda::Entrance;
use gatepass_sandbox::hosts::webhook::{Signature, Webhook};
use serde_json::{Value, json};

use crate::samples::{ALARM, ISSUES, alarm, call};
use crate::support::{Deployment, Function, problem};

const SECRET: &str = "a shared secret of some length";

const HOOK: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  released:
    triggers: [{ webhook: { signature: github, events: [release.published], secrets: [{ env: WEBHOOK_SECRET }] } }]
    open_issue:
      key: ["{{ event.data.release.tag_name }}"]
      title: "Announce {{ event.data.release.tag_name }}"
"#;

/// A function with a queue of its own, and that queue's ARN.
async fn queued(config: impl AsRef<[u8]>, queue: &str) -> (Deployment, String) {
    let deployment = Deployment::new(config).await.set("WEBHOOK_SECRET", SECRET);
    let arn = deployment.sandbox.identity.aws.sqs.create(queue);
    (deployment.set("GATEPASS_QUEUE", &arn), arn)
}

fn release(tag: &str, notes: &str) -> Webhook {
    let release = json!({
        "action": "published", "release": {"tag_name": tag, "body": notes}, "repository": {"full_name": "acme/site"},
        "sender": {"login": "ada"},
    });
    Webhook::new("release", &release)
}

async fn deliver(function: &Function, hook: &Webhook) -> HttpAnswer {
    let call = hook.call("/hooks/released", SECRET, Signature::Right);
    function.host.http(Entrance::FunctionUrl(None), &call).await.unwrap()
}

/// [`ALARM`], done at once where it can be.
fn direct() -> String {
    ALARM.replace("    if: ", "    delivery: direct\n    if: ")
}

#[tokio::test]
async fn a_webhook_is_answered_first_and_done_from_the_queue() {
    let (deployment, arn) = queued(HOOK, "gatepass").await;
    let function = deployment.start().await;
    let sqs = &function.sandbox.identity.aws.sqs;
    let answer = deliver(&function, &release("v1", "")).await;
    assert_eq!((answer.status, &answer.json()["results"][0]["status"]), (202, &json!("queued")));
    assert_eq!((function.exchanges(), function.open(), sqs.messages(&arn).len()), (0, 0, 1));
    let text = sqs.messages(&arn)[0].body.clone();
    assert!(function.poll(&arn, 10).await.unwrap().is_empty());
    assert_eq!((function.open(), sqs.messages(&arn).len()), (1, 0));

    // A queue may bring a message twice.
    sqs.put(&arn, &text, None);
    assert!(function.poll(&arn, 10).await.unwrap().is_empty());
    assert_eq!((function.open(), sqs.messages(&arn).len()), (1, 0));
    let second = |record: &Value| record["status"] == "unchanged";
    function.log_until("outcome", second).await;
}

#[tokio::test]
async fn an_event_that_no_condition_wants_is_not_queued() {
    let (deployment, arn) = queued(ALARM, "gatepass").await;
    let function = deployment.start().await;
    assert_eq!(function.status(&alarm("e1", 1, "INSUFFICIENT_DATA")).await, "ignored");
    assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, "queued");
    assert_eq!(function.sandbox.identity.aws.sqs.messages(&arn).len(), 1);
    assert!(function.poll(&arn, 10).await.unwrap().is_empty());
    assert_eq!(function.open(), 1);
}

#[tokio::test]
async fn a_fifo_queue_takes_the_same_delivery_once_and_keeps_its_order() {
    let (deployment, arn) = queued(HOOK, "gatepass.fifo").await;
    let function = deployment.start().await;
    let sqs = &function.sandbox.identity.aws.sqs;
    for _ in 0..2 {
        assert_eq!(deliver(&function, &release("v1", "")).await.status, 202);
    }
    let messages = sqs.messages(&arn);
    assert_eq!(messages.len(), 1);
    let is_hex = |text: &Option<String>| text.as_ref().is_some_and(|text| text.len() == 64);
    assert!(is_hex(&messages[0].group) && is_hex(&messages[0].deduplication_id), "{messages:?}");
    assert!(function.poll(&arn, 10).await.unwrap().is_empty());
    assert_eq!((function.open(), sqs.messages(&arn).len()), (1, 0));
}

#[tokio::test]
async fn a_webhook_that_the_queue_does_not_keep_is_not_accepted() {
    let (deployment, arn) = queued(HOOK, "gatepass").await;
    let function = deployment.start().await;
    let aws = &function.sandbox.identity.aws;
    let error =
        |code: &str| json!({ "__type": format!("com.amazonaws.sqs#{code}"), "message": "no" }).to_string();
    let any = || Fault::on_any("/");
    let allow = format!("allow sqs:SendMessage on {arn}");
    let table: &[(Fault, u16, &str, &[&str])] = &[
        (any().status(500).body(error("InternalFailure")), 503, "deferred", &["InternalFailure", "again"]),
        (any().html().status(503), 503, "deferred", &["503", "Unexpected"]),
        (any().status(400).body(error("ThrottlingException")), 503, "deferred", &["ThrottlingException"]),
        (any().reset(), 503, "deferred", &["broke off"]),
        (any().status(400).body(error("AccessDenied")), 502, "refused", &[&allow]),
        (any().status(400).body(error("QueueDoesNotExist")), 502, "refused", &["check GATEPASS_QUEUE"]),
        (any().status(403).html(), 502, "refused", &["stands between"]),
    ];
    for (index, (fault, status, class, words)) in table.iter().enumerate() {
        let injected = aws.sqs.faults().inject(fault.clone().always());
        let answer = deliver(&function, &release(&format!("v{index}"), "")).await;
        problem(&answer, *status, class, words);
        assert_eq!(answer.header("retry-after").is_some(), *status == 503);
        assert_eq!(injected.used() > 1, *status == 503, "what may pass is tried again");
        aws.sqs.faults().clear();
    }
    assert!(aws.sqs.messages(&arn).is_empty());
    let log = function.log_until("not queued", |_| true).await;
    assert_eq!(log.iter().filter(|record| record["message"] == "not queued").count(), table.len());
    assert_eq!(function.open(), 0, "nothing was done of what was not accepted");

    let passing = aws.sqs.faults().inject(any().status(500).body(error("InternalFailure")).times(2));
    assert_eq!(deliver(&function, &release("v9", "")).await.status, 202);
    assert_eq!((passing.used(), aws.sqs.messages(&arn).len()), (2, 1), "GitHub would not send it again");

    let nowhere = deployment.set("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1").start().await;
    let answer = deliver(&nowhere, &release("v1", "")).await;
    problem(&answer, 503, "deferred", &["Amazon SQS (SendMessage)", "could not be reached"]);
}

#[tokio::test]
async fn an_event_that_cannot_be_done_now_waits_on_the_queue() {
    let (deployment, arn) = queued(direct(), "gatepass").await;
    let function = deployment.start().await;
    let sqs = &function.sandbox.identity.aws.sqs;
    let limited = |seconds: &str| Fault::on_any(ISSUES).status(403).header("retry-after", seconds);
    function.sandbox.github.faults().inject(limited("600"));
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "queued");
    let away = sqs.invisible_for(&sqs.messages(&arn)[0]);
    assert!((570..=600).contains(&away), "{away}");
    assert_eq!(function.poll(&arn, 10).await, None, "not before GitHub has asked for it");
    sqs.pass(Duration::from_secs(601));
    // For another instance of the function: this one knows that GitHub's time has not come.
    let later = deployment.start().await;
    assert!(later.poll(&arn, 10).await.unwrap().is_empty());
    assert_eq!((later.open(), sqs.messages(&arn).len()), (1, 0));
}

/// EventBridge Scheduler does not wait for the answer, and Lambda drops what has failed three times.
#[tokio::test]
async fn a_tick_that_cannot_be_done_now_waits_on_the_queue() {
    let config = "version: 1\ndefaults: { repository: acme/operations, trust_policy: alarms }\njobs:\n  tick: { triggers: [{ schedule: { cron: 0 2 * * * } }], open_issue: { key: [tick], title: tick } }\n  tell: { triggers: [{ schedule: { cron: 0 2 * * * } }], comment: { issue: '1', body: seen } }\n  read: { triggers: [{ schedule: { cron: 0 2 * * * } }], read_repository: {} }\n";
    let (deployment, arn) = queued(config, "gatepass").await;
    let function = deployment.start().await;
    let sqs = &function.sandbox.identity.aws.sqs;
    assert_eq!(function.status(&call("tell")).await, "queued", "it would show if it were done twice");
    let before = sqs.messages(&arn).len();
    function.sandbox.github.faults().inject(Fault::on_any("/repos").status(403).header("retry-after", "600"));
    assert_eq!(function.status(&call("tick")).await, "queued");
    let away = sqs.invisible_for(sqs.messages(&arn).last().unwrap());
    assert!((570..=600).contains(&away), "{away}");
    function.fails(&call("read"), "deferred", &["over a rate limit"]).await;
    assert_eq!(sqs.messages(&arn).len(), before + 1, "what only reads is for whoever waits for it");
    sqs.pass(Duration::from_secs(601));
    let later = deployment.start().await;
    later.poll(&arn, 10).await.unwrap();
    assert_eq!(later.open(), 1);
}

#[tokio::test]
async fn what_must_wait_for_longer_than_the_queue_holds_is_held_back_again() {
    let (deployment, arn) = queued(direct(), "gatepass").await;
    let function = deployment.start().await;
    let sqs = &function.sandbox.identity.aws.sqs;
    function.sandbox.github.faults().inject(Fault::on_any(ISSUES).status(403).header("retry-after", "3600"));
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "queued");
    let away = sqs.invisible_for(&sqs.messages(&arn)[0]);
    assert!((890..=900).contains(&away), "{away}");
    let calls = function.sandbox.github.requests().len();
    sqs.pass(Duration::from_secs(901));
    // The queue's clock is ahead of the function's: for that one no time has passed.
    assert_eq!(function.poll(&arn, 10).await.unwrap().len(), 1);
    let away = sqs.invisible_for(&sqs.messages(&arn)[0]);
    assert!((3500..=3600).contains(&away), "{away}");
    assert_eq!(function.sandbox.github.requests().len(), calls, "GitHub was not asked");
}

#[tokio::test]
async fn what_is_too_large_for_the_queue_is_told_so() {
    let (deployment, arn) = queued(HOOK, "gatepass").await;
    let function = deployment.start().await;
    let sqs = &function.sandbox.identity.aws.sqs;
    // Text that does not get small: each word is the last one's square.
    let (mut noise, mut number) = (String::new(), 0x9e37_79b9_7f4a_7c15_u64);
    while noise.len() < 2_400_000 {
        number = number.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(0x1405_7b7e_f767_814f);
        write!(noise, "{:08x}", number >> 32).unwrap();
    }
    let answer = deliver(&function, &release("v1", &noise)).await;
    problem(&answer, 413, "invalid", &["too large for the queue", "delivery: direct"]);
    sqs.set_longest(&arn, 100);
    let answer = deliver(&function, &release("v1", "")).await;
    problem(&answer, 413, "invalid", &["Message must be shorter than 100 bytes"]);
    assert_eq!((sqs.messages(&arn).len(), function.open()), (0, 0));
    sqs.set_longest(&arn, 1 << 20);
    assert_eq!(deliver(&function, &release("v1", &"easy ".repeat(400_000))).await.status, 202);
}

#[tokio::test]
async fn what_is_no_hand_off_ends_among_the_dead_letters_with_the_reason_in_the_log() {
    let (deployment, arn) = queued(HOOK, "gatepass").await;
    let function = deployment.start().await;
    let sqs = &function.sandbox.identity.aws.sqs;
    let dead = sqs.create_dead_letters(&arn, 1);
    assert_eq!(deliver(&function, &release("v1", "")).await.status, 202);
    for poison in ["{}", "aGVsbG8=", r#"{"job":"released"}"#] {
        sqs.put(&arn, poison, None);
    }
    assert_eq!(function.poll(&arn, 10).await.unwrap().len(), 3);
    assert_eq!(function.open(), 1, "the hand-off beside them was done");
    let reason = |record: &Value| {
        record["queue"] == json!(arn) && record["reason"].as_str().is_some_and(|why| why.contains("not gzip"))
    };
    function.log_until("an SQS message was not taken", reason).await;
    sqs.pass(Duration::from_secs(31));
    assert_eq!(function.poll(&arn, 10).await, None);
    assert_eq!((sqs.messages(&arn).len(), sqs.messages(&dead).len()), (0, 3));
}

#[tokio::test]
async fn a_hand_off_from_another_queue_is_none() {
    let (deployment, arn) = queued(HOOK, "gatepass").await;
    let function = deployment.start().await;
    let sqs = &function.sandbox.identity.aws.sqs;
    assert_eq!(deliver(&function, &release("v1", "")).await.status, 202);
    let text = sqs.messages(&arn)[0].body.clone();
    let other = sqs.create("gatepass-2");
    sqs.put(&other, &text, None);
    assert!(function.poll(&other, 10).await.unwrap().is_empty());
    function.log_until("no job wants this event", |record| record["event_source"] == json!(other)).await;
    assert_eq!((function.open(), function.exchanges()), (0, 0));
}

#[tokio::test]
async fn a_hand_off_for_a_job_that_is_gone_is_told() {
    let (deployment, arn) = queued(HOOK, "gatepass").await;
    let function = deployment.start().await;
    assert_eq!(deliver(&function, &release("v1", "")).await.status, 202);
    drop(function);
    let renamed = deployment.with_config(HOOK.replace("released:", "announce:")).start().await;
    assert_eq!(renamed.poll(&arn, 10).await.unwrap().len(), 1);
    let gone =
        |record: &Value| record["reason"].as_str().is_some_and(|why| why.contains("no job \"released\""));
    renamed.log_until("an SQS message was not taken", gone).await;
}
