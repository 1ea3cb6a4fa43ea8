//! The router in this process, with a queue that keeps what it is given.

use std::sync::Mutex;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::app::{Cloud, Setup};
use crate::config::Platform;
use crate::env::Env;
use crate::event::Event;
use crate::id_token::{IdTokenSource, Pending};
use crate::job::Actions;
use crate::queue::{HandOff, Message, Queue, Reached};
use crate::secret::IdToken;

const OURS: &str = "projects/p/subscriptions/queue";
const THEIRS: &str = "projects/p/subscriptions/builds";

/// What Pub/Sub pushes is passed over, so that nothing here reaches GitHub; all else goes to the queue.
const CONFIG: &str = "
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
callers:
  nobody: { host: true, may_send: [another.bucket] }
  grid: { host: true, may_send: [a.bucket, azure.monitor] }
  push: { host: true, may_send: [queue, projects/p/subscriptions/builds] }
jobs:
  watch:
    triggers:
      - event: { source: a.bucket }
      - event: { source: azure.monitor }
      - event: { source: projects/p/subscriptions/builds }
    if: event.type != 'pubsub'
    open_issue: { key: ['{{ event.id }}'], title: watched }
";

struct Kept {
    longest: usize,
    sent: Mutex<Vec<HandOff>>,
}

impl Queue for Kept {
    fn name(&self) -> &str {
        "projects/p/topics/queue"
    }

    fn comes_back_as(&self) -> &str {
        OURS
    }

    fn longest_text(&self) -> usize {
        self.longest
    }

    fn longest_delay(&self) -> Duration {
        Duration::ZERO
    }

    fn send<'a>(&'a self, message: Message<'a>, _: Deadline) -> Pending<'a, Result<(), Failure>> {
        self.sent.lock().unwrap().push(HandOff::decode(message.text).unwrap());
        Box::pin(std::future::ready(Ok(())))
    }

    fn reach<'a>(&'a self, _: Deadline) -> Pending<'a, Result<Reached, Failure>> {
        Box::pin(async { Ok(Reached::There) })
    }
}

struct Nobody;

impl IdTokenSource for Nobody {
    fn name(&self) -> &str {
        "nobody"
    }

    fn id_token<'a>(&'a self, _: &'a str, _: Deadline) -> Pending<'a, Result<IdToken, Failure>> {
        Box::pin(std::future::ready(Err(Failure::refused("nobody"))))
    }
}

struct Service {
    url: String,
    client: reqwest::Client,
    queue: Arc<Kept>,
}

/// The app of a file, with a queue of messages of up to `longest` bytes.
fn app(config: &str, variables: &[(&str, &str)], longest: usize) -> (Arc<App>, Arc<Kept>) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), config).unwrap();
    let path = ("GATEPASS_CONFIG", file.path().to_str().unwrap());
    let setup = Setup::read(&[&[path], variables].concat().into_iter().collect::<Env>()).unwrap();
    let queue = Arc::new(Kept { longest, sent: Mutex::default() });
    let mut cloud = Cloud::new(Some(Platform::Gcp), Ok(Arc::new(Nobody)));
    cloud.queue = Ok(Some(Arc::clone(&queue) as _));
    (Arc::new(setup.into_app(cloud, &Actions::default()).unwrap()), queue)
}

async fn service(longest: usize) -> Service {
    let (app, queue) = app(CONFIG, &[], longest);
    let router = app.router(HostCheck::Passed).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    Service { url, client: app.clients().outbound.clone(), queue }
}

impl Service {
    async fn post(&self, kind: &str, body: &Value) -> (u16, Value) {
        let request = self.client.post(&self.url).header("content-type", kind).body(body.to_string());
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap())
    }

    async fn push(&self, subscription: &str, data: &str) -> (u16, Value) {
        let message =
            json!({"data": STANDARD.encode(data), "messageId": "m", "publishTime": "2026-11-20T09:00:00Z"});
        self.post("application/json", &json!({"subscription": subscription, "message": message})).await
    }

    /// The ids of the events on the queue.
    fn sent(&self) -> Vec<String> {
        self.queue.sent.lock().unwrap().iter().map(|hand_off| hand_off.event.id.clone()).collect()
    }
}

fn event(id: &str, source: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": source, "type": "t", "time": "2026-11-20T09:00:00Z", "data": {"n": 1}})
}

const ONE: &str = "application/cloudevents+json";
const BATCH: &str = "application/cloudevents-batch+json";

#[tokio::test]
async fn what_nobody_sends_again_is_on_the_queue_before_it_is_answered() {
    let service = service(1 << 20).await;
    let (status, answer) = service.post(ONE, &event("1", "a.bucket")).await;
    assert_eq!((status, &answer["results"]), (202, &json!([{"job": "watch", "status": "queued"}])));
    let batch = json!([event("2", "a.bucket"), event("3", "a.bucket")]);
    let (status, answer) = service.post(BATCH, &batch).await;
    assert_eq!((status, answer["results"].as_array().unwrap().len()), (202, 2));
    let essentials =
        json!({"alertId": "4", "monitorCondition": "Fired", "firedDateTime": "2026-11-20T09:00:00Z"});
    let alert = json!({"schemaId": "azureMonitorCommonAlertSchema", "data": {"essentials": essentials}});
    assert_eq!(service.post("application/json", &alert).await.0, 202);
    assert_eq!(service.sent(), ["1", "2", "3", "4#Fired"]);
    assert_eq!(service.post(BATCH, &json!([])).await, (200, json!({"results": []})));
}

#[tokio::test]
async fn a_batch_is_refused_as_a_whole_when_one_of_it_may_not_be_sent() {
    let service = service(1 << 20).await;
    let batch = json!([event("1", "a.bucket"), event("2", "a.third.bucket"), event("3", "a.bucket")]);
    let (status, answer) = service.post(BATCH, &batch).await;
    assert_eq!(status, 403, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("a.third.bucket"), "{answer}");
    // Nobody is told to list what would let them bring back hand-offs.
    for word in ["queue", "http", "schedule"] {
        let (status, answer) = service.post(ONE, &event("1", word)).await;
        let detail = answer["detail"].as_str().unwrap();
        assert!(
            status == 403 && detail.contains("a word of may_send") && !detail.contains("add it"),
            "{detail}"
        );
    }
    let broken = json!([event("1", "a.bucket"), {"specversion": "1.0"}]);
    assert_eq!(service.post(BATCH, &broken).await.0, 422);
    // Each of a batch may be from another of the callers that fit.
    let (status, answer) =
        service.post(BATCH, &json!([event("4", "another.bucket"), event("5", "a.bucket")])).await;
    assert_eq!(status, 202, "{answer}");
    assert_eq!(service.sent(), ["5"]);
}

#[tokio::test]
async fn what_does_not_fit_into_the_queue_is_too_large() {
    let service = service(100).await;
    let (status, answer) = service.post(ONE, &event("1", "a.bucket")).await;
    assert_eq!((status, &answer["class"], &answer["job"]), (413, &json!("invalid"), &json!("watch")));
    assert!(answer["detail"].as_str().unwrap().contains("100 bytes"), "{answer}");
    assert!(service.sent().is_empty());
}

#[tokio::test]
async fn what_comes_back_from_the_queue_is_known_by_where_it_comes_from() {
    let service = service(1 << 20).await;
    assert_eq!(service.post(ONE, &event("1", "a.bucket")).await.0, 202);
    let mut hand_off = service.queue.sent.lock().unwrap()[0].clone();
    assert_eq!(hand_off.job.as_str(), "watch");
    hand_off.event.kind = "pubsub".into();
    let text = hand_off.encode(1 << 20).unwrap();
    let ignored = json!({"results": [{"job": "watch", "status": "ignored"}]});
    assert_eq!(service.push(OURS, &text).await, (200, ignored.clone()));
    // The same from elsewhere is an event of its own.
    assert_eq!(service.push(THEIRS, &text).await, (200, ignored));
    assert_eq!(service.push("projects/p/subscriptions/others", &text).await.0, 403);
    assert_eq!(service.push(OURS, "hello").await.0, 422);
    hand_off.job = "gone".parse().unwrap();
    assert_eq!(service.push(OURS, &hand_off.encode(1 << 20).unwrap()).await.0, 404);
    assert_eq!(service.sent(), ["1"]);
}

#[tokio::test]
async fn only_who_may_brings_back_what_is_on_the_queue() {
    let config = CONFIG
        .replace("[queue, projects", "[projects")
        .replace("[another.bucket]", "[projects/p/subscriptions/queue]");
    let (app, _) = app(&config, &[], 1 << 20);
    let router = app.router(HostCheck::Passed).await.unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let queue = Arc::new(Kept { longest: 0, sent: Mutex::default() });
    let service = Service { url, client: app.clients().outbound.clone(), queue };
    let job = "watch".parse().unwrap();
    let event: Event = serde_json::from_value(event("1", "a.bucket")).unwrap();
    let hand_off = HandOff { job, repository: None, not_before: None, deferrals: 0, event };
    let (status, answer) = service.push(OURS, &hand_off.encode(1 << 20).unwrap()).await;
    assert_eq!(status, 403, "{answer}");
    assert!(answer["detail"].as_str().unwrap().contains("add queue to callers."), "{answer}");
}

#[tokio::test]
async fn a_start_names_all_that_cannot_be_read() {
    let hook = |source: &str| {
        format!(
            "{{ triggers: [{{ webhook: {{ signature: github, secrets: [{source}] }} }}], open_issue: {{ key: [x], title: x }} }}"
        )
    };
    let config = format!(
        "version: 1\ndefaults: {{ repository: a/b, trust_policy: t }}\njobs:\n  one: {}\n  two: {}\n",
        hook("{ env: UNSET }, { env: UNSET_TOO }"),
        hook("{ file: /nowhere/secret }"),
    );
    let start = async |config: &str, variables: &[(&str, &str)]| {
        app(config, variables, 0).0.router(HostCheck::Missing).await.unwrap_err().to_string()
    };
    let message = start(&config, &[]).await;
    let lines: Vec<_> = message.lines().collect();
    for (line, words) in lines.iter().zip([
        "jobs.one: the environment variable UNSET",
        "jobs.one: the environment variable UNSET_TOO",
        "jobs.two: the secret's file /nowhere/secret",
    ]) {
        assert!(line.contains(words), "{words}: {message}");
    }
    assert_eq!(lines.len(), 3, "{message}");
    let message = start(CONFIG, &[("AWS_ENDPOINT_URL_SNS", "http://sns.example.com")]).await;
    assert!(message.starts_with("AWS_ENDPOINT_URL_SNS: "), "{message}");
}
