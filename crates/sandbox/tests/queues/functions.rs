//! Queue functions under the Functions host.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass_sandbox::hosts::functions::{Encoding, Front, QueueTrigger};
use gatepass_sandbox::identity::azure::Azure;
use gatepass_sandbox::storage_queue::StorageQueues;
use gatepass_sandbox::trace::Trace;

use crate::endpoint::Endpoint;

struct Stand {
    queues: StorageQueues,
    handler: Endpoint,
    front: Front,
    trace: Trace,
}

impl Stand {
    async fn new(statuses: &[u16]) -> Self {
        let trace = Trace::new();
        let azure = Azure::start(trace.clone()).await.unwrap();
        let queues = StorageQueues::start(&azure, trace.clone()).await.unwrap();
        let handler = Endpoint::start(statuses).await;
        let front = Front::start(handler.url().to_owned(), None, trace.clone()).await.unwrap();
        Self { queues, handler, front, trace }
    }
}

#[tokio::test]
async fn a_message_is_decoded_and_sent_in_the_hosts_form() {
    let stand = Stand::new(&[]).await;
    let id = stand.queues.put("orders", STANDARD.encode(r#"{"order":"7"}"#));
    let trigger = QueueTrigger::new("orders");
    let triggered = stand.front.poll(&stand.queues, &trigger).await.unwrap();
    assert!(matches!(triggered.outcome, Some(Ok(_))) && !triggered.poison);
    let arrived = stand.handler.take().pop().unwrap();
    let body = arrived.json();
    assert_eq!(arrived.path, "/orders-queue");
    assert!(arrived.headers.contains_key("x-azure-functions-invocationid"));
    assert_eq!(body["Data"]["message"], r#""{\"order\":\"7\"}""#);
    let metadata = &body["Metadata"];
    assert_eq!(
        (metadata["DequeueCount"].as_str(), metadata["Id"].as_str()),
        (Some("1"), Some(&*format!("\"{id}\"")))
    );
    let inserted = metadata["InsertionTime"].as_str().unwrap();
    assert!(inserted.ends_with("+00:00") && inserted.parse::<jiff::Timestamp>().is_ok(), "{inserted}");
    assert_eq!(metadata["sys"]["MethodName"], "orders-queue");
    assert!(stand.queues.messages("orders").is_empty());
    assert!(stand.front.poll(&stand.queues, &trigger).await.is_none());
}

#[tokio::test]
async fn a_failed_message_is_tried_five_times_at_once_and_then_poison() {
    let stand = Stand::new(&[500, 503, 422, 404, 502]).await;
    stand.queues.put("orders", STANDARD.encode("x"));
    let trigger = QueueTrigger::new("orders");
    for attempt in 1..=5 {
        let triggered = stand.front.poll(&stand.queues, &trigger).await.unwrap();
        assert_eq!((triggered.message.dequeued, triggered.poison), (attempt, attempt == 5));
    }
    assert!(stand.front.poll(&stand.queues, &trigger).await.is_none());
    let poison = stand.queues.messages("orders-poison");
    assert_eq!(poison[0].text, STANDARD.encode("x"));
    assert_eq!((poison.len(), stand.handler.take().len()), (1, 5));
    assert!(
        stand.trace.to_string().contains("/orders-poison (no answer): poison after 5 tries"),
        "{}",
        stand.trace
    );
}

#[tokio::test]
async fn host_json_says_when_a_failed_message_is_seen_again() {
    let stand = Stand::new(&[503]).await;
    stand.queues.put("orders", STANDARD.encode("x"));
    let trigger = QueueTrigger { visibility_timeout: Duration::from_secs(60), ..QueueTrigger::new("orders") };
    stand.front.poll(&stand.queues, &trigger).await.unwrap();
    assert!(stand.front.poll(&stand.queues, &trigger).await.is_none());
    stand.queues.advance(Duration::from_secs(60));
    let again = stand.front.poll(&stand.queues, &trigger).await.unwrap();
    assert!(again.message.dequeued == 2 && matches!(again.outcome, Some(Ok(_))));
}

#[tokio::test]
async fn a_text_that_is_not_encoded_is_poison_unless_host_json_says_so() {
    let stand = Stand::new(&[]).await;
    stand.queues.put("orders", "not base64!");
    let triggered = stand.front.poll(&stand.queues, &QueueTrigger::new("orders")).await.unwrap();
    assert!(triggered.outcome.is_none() && triggered.poison);
    assert!(stand.handler.take().is_empty());
    let plain = QueueTrigger { encoding: Encoding::None, ..QueueTrigger::new("orders-poison") };
    let triggered = stand.front.poll(&stand.queues, &plain).await.unwrap();
    assert!(matches!(triggered.outcome, Some(Ok(_))));
    assert_eq!(stand.handler.take()[0].json()["Data"]["message"], "\"not base64!\"");
}
