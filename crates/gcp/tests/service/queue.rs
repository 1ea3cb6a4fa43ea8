//! The deployment's own queue: what is accepted is published, and done when Pub/Sub pushes it back, whatever happens in between.

use std::time::Duration;

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::hosts::HttpAnswer;
use gatepass_sandbox::hosts::webhook::{Signature, Webhook};
use gatepass_sandbox::identity::gcp::{KEY_HOLDER, SCHEDULER, WORKLOAD};
use gatepass_sandbox::pubsub::{PubSub, Pushed, Subscription};
use serde_json::json;

use crate::support::{AUDIENCE, REPOSITORY, Service, Setup, assert_problem, status};

const SECRET: &str = "the webhook's secret";
const TOPIC: &str = "projects/acme-sandbox/topics/gatepass";
const SUBSCRIPTION: &str = "projects/acme-sandbox/subscriptions/gatepass";
const OTHER: &str = "projects/acme-sandbox/subscriptions/other";
const DEAD: &str = "projects/acme-sandbox/topics/dead";

const CONFIG: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
callers:
  pubsub:
    oidc: { issuer: ISSUER, audience: [https://jobs.example.com], email: pubsub-push@acme-sandbox.iam.gserviceaccount.com }
    may_send: [queue]
  scheduler:
    oidc: { issuer: ISSUER, audience: [https://jobs.example.com], email: scheduler@acme-sandbox.iam.gserviceaccount.com }
    may_send: [projects/acme-sandbox/subscriptions/other, google.monitoring, schedule]
jobs:
  nightly:
    triggers: [{ schedule: { cron: "0 2 * * *", caller: scheduler } }]
    open_issue: { key: [nightly], title: Nightly }
  announce:
    triggers: [{ webhook: { signature: github, secrets: [{ env: WEBHOOK_SECRET }] } }]
    open_issue: { key: ["{{ event.data.tag }}"], title: "Release {{ event.data.tag }}" }
  incident:
    triggers: [{ event: { source: google.monitoring, type: incident } }]
    open_issue:
      key: ["{{ event.data.incident.incident_id }}"]
      state: "{{ event.data.incident.state }}"
      title: "{{ event.data.incident.policy_name }}"
"#;

/// A service, and the project's Pub/Sub, whose subscription pushes to it.
struct Stand {
    service: Service,
    pubsub: PubSub,
}

impl Stand {
    async fn new() -> Self {
        let setup = Setup::new().await.env("WEBHOOK_SECRET", SECRET).env("GATEPASS_QUEUE", TOPIC);
        let pubsub = PubSub::start(&setup.sandbox.identity.gcp, setup.sandbox.trace.clone()).await.unwrap();
        Self::with(setup, pubsub).await
    }

    async fn with(setup: Setup, pubsub: PubSub) -> Self {
        pubsub.create_topic(TOPIC);
        pubsub.create_topic(DEAD);
        let setup = pubsub.env().into_iter().fold(setup, |setup, (name, value)| setup.env(&name, value));
        let stand = Self { service: setup.start(CONFIG).await, pubsub };
        stand.subscribe(SUBSCRIPTION, |own| own.dead_letters(DEAD, 5));
        stand
    }

    /// With the account of the caller `pubsub`, unless `change` says something else.
    fn subscribe(&self, name: &str, change: impl FnOnce(Subscription) -> Subscription) {
        let subscription = Subscription::new(name, TOPIC, self.service.run.url()).audience(AUDIENCE);
        self.pubsub.subscribe(change(subscription));
    }

    async fn deliver(&self, webhook: &Webhook) -> HttpAnswer {
        self.service.send(webhook.call("/hooks/announce", SECRET, Signature::Right)).await
    }

    async fn accept(&self, tag: &str) {
        let answer = self.deliver(&release(tag)).await;
        assert_eq!((answer.status, status(&answer).as_str()), (202, "queued"), "{}", answer.text());
    }

    async fn push(&self, subscription: &str) -> Pushed {
        let mut pushed = self.pubsub.push(subscription).await.unwrap();
        assert_eq!(pushed.len(), 1, "{pushed:?}");
        pushed.pop().unwrap()
    }

    fn issues(&self) -> usize {
        self.service.sandbox.github.issues(REPOSITORY).len()
    }
}

fn release(tag: &str) -> Webhook {
    release_with(tag, "")
}

/// With a text that no template uses.
fn release_with(tag: &str, notes: &str) -> Webhook {
    let payload = json!({"action": "published", "tag": tag, "notes": notes, "sender": {"login": "ada"}, "repository": {"full_name": "acme/widgets"}});
    Webhook::new("release", &payload)
}

#[tokio::test]
async fn a_webhook_is_accepted_and_done_when_it_is_pushed_back_once() {
    let stand = Stand::new().await;
    let webhook = release("v1");
    for _ in 0..2 {
        assert_eq!(stand.deliver(&webhook).await.status, 202);
    }
    assert!(!stand.service.hops().contains(&"github"), "{}", stand.service.sandbox.trace);
    let pushed = stand.pubsub.push(SUBSCRIPTION).await.unwrap();
    let statuses: Vec<(u16, String)> =
        pushed.iter().map(|pushed| (pushed.answer.status, status(&pushed.answer))).collect();
    assert_eq!(statuses, [(201, "created".into()), (200, "unchanged".into())]);
    assert_eq!((stand.pubsub.waiting(SUBSCRIPTION), stand.issues()), (0, 1));
    let queued = stand.service.record("queued", |_| true).await;
    assert_eq!((&queued["job"], &queued["queue"]), (&json!("announce"), &json!(TOPIC)));
    let kept = stand.pubsub.messages(TOPIC);
    assert_eq!((kept[0].attributes["id"].len(), kept[0].ordering_key.len()), (64, 64));
}

#[tokio::test]
async fn what_the_topic_does_not_keep_is_not_accepted() {
    let on = || Fault::on_any("/v1/projects").always();
    let denied = r#"{"error":{"code":403,"message":"User not authorized to perform this action.","status":"PERMISSION_DENIED"}}"#;
    for (fault, code, class, words) in [
        (
            on().status(403).body(denied),
            502,
            "refused",
            "roles/pubsub.publisher on projects/acme-sandbox/topics/gatepass",
        ),
        (on().status(404), 502, "refused", "push subscription of the same name"),
        (on().status(401), 502, "refused", "a new access token is not taken either"),
        (on().status(503), 503, "deferred", "Pub/Sub answered 503"),
        (on().status(429), 503, "deferred", "Pub/Sub answered 429"),
        (on().reset(), 503, "deferred", "Pub/Sub"),
        (on().html(), 503, "deferred", "no message id"),
    ] {
        let stand = Stand::new().await;
        stand.pubsub.faults().inject(fault);
        let answer = stand.deliver(&release("v1")).await;
        assert_problem(&answer, code, class, &[words]);
        let record = stand.service.record("not queued", |_| true).await;
        assert!(record["reason"].as_str().unwrap().contains(words), "{record}");
        assert_eq!((stand.pubsub.waiting(SUBSCRIPTION), stand.issues()), (0, 0));
    }
    let stand = Stand::new().await;
    stand
        .service
        .sandbox
        .identity
        .gcp
        .metadata
        .faults()
        .inject(Fault::on_any("/computeMetadata").status(500).always());
    assert_problem(
        &stand.deliver(&release("v1")).await,
        503,
        "deferred",
        &["Google's metadata server answered 500"],
    );
}

#[tokio::test]
async fn a_publication_whose_answer_is_lost_has_one_effect() {
    let stand = Stand::new().await;
    stand.pubsub.faults().inject(Fault::on_any("/v1/projects").after_effect().reset());
    stand.accept("v1").await;
    assert_eq!(stand.pubsub.push(SUBSCRIPTION).await.unwrap().len(), 2);
    assert_eq!(stand.issues(), 1);
}

#[tokio::test]
async fn only_who_may_bring_the_queue_back_does() {
    for account in [SCHEDULER, WORKLOAD] {
        let stand = Stand::new().await;
        stand.subscribe(SUBSCRIPTION, |own| own.account(account));
        stand.accept("v1").await;
        let pushed = stand.push(SUBSCRIPTION).await;
        let (code, words) = match account {
            SCHEDULER => (403, "add queue to callers.scheduler.may_send"),
            _ => (401, "this request is not accepted"),
        };
        assert_problem(&pushed.answer, code, "untrusted", &[words]);
        assert_eq!((stand.pubsub.waiting(SUBSCRIPTION), stand.issues()), (1, 0), "it is not acknowledged");
    }
}

/// The subscription's name decides, and nothing that a message holds.
#[tokio::test]
async fn a_hand_off_from_another_subscription_is_an_event() {
    let stand = Stand::new().await;
    stand.subscribe(OTHER, |other| other.account(SCHEDULER));
    stand.accept("v1").await;
    let pushed = stand.push(OTHER).await;
    assert_eq!((pushed.answer.status, &pushed.answer.json()["results"]), (200, &json!([])));
    let record = stand.service.record("no job wants this event", |_| true).await;
    assert_eq!((&record["event_source"], &record["kind"]), (&json!(OTHER), &json!("pubsub")));
    assert_eq!(stand.issues(), 0);

    // And the queue's own caller may send nothing else.
    stand.subscribe(OTHER, |other| other);
    stand.accept("v2").await;
    assert_problem(&stand.push(OTHER).await.answer, 403, "untrusted", &["may not send events of the source"]);
}

#[tokio::test]
async fn what_is_deferred_is_delivered_again() {
    let stand = Stand::new().await;
    stand.accept("v1").await;
    stand.service.sandbox.github.faults().inject(Fault::on_any("/repos/").status(502).times(3));
    let pushed = stand.push(SUBSCRIPTION).await;
    assert_problem(&pushed.answer, 503, "deferred", &[]);
    assert_eq!(stand.pubsub.messages(TOPIC).len(), 1, "Pub/Sub keeps it: nothing is put back");
    stand.pubsub.advance(Duration::from_secs(10));
    assert_eq!(stand.push(SUBSCRIPTION).await.answer.status, 201);
    assert_eq!((stand.pubsub.waiting(SUBSCRIPTION), stand.issues()), (0, 1));
}

#[tokio::test]
async fn a_tick_that_cannot_be_done_now_is_done_from_the_queue() {
    let stand = Stand::new().await;
    // Cloud Scheduler does not try again unless it is told to.
    stand.service.sandbox.octo_sts.faults().inject(Fault::on_any("/").status(503).times(3));
    let answer = stand.service.start("nightly").await;
    assert_eq!((answer.status, status(&answer).as_str()), (202, "queued"), "{}", answer.text());
    assert!(stand.service.sandbox.github.open_issues(REPOSITORY).is_empty());
    assert_eq!(stand.pubsub.messages(TOPIC).len(), 1);
}

#[tokio::test]
async fn poison_ends_among_the_dead_letters_and_the_log_says_why() {
    for (data, reason) in [
        ("rubbish", "it is not base64"),
        ("aGVsbG8=", "it is not gzip"),
        ("{\"job\":\"announce\"}", "it is not base64"),
    ] {
        let stand = Stand::new().await;
        stand.pubsub.publish(TOPIC, data, &[]).unwrap();
        for attempt in 1..=5 {
            let pushed = stand.push(SUBSCRIPTION).await;
            assert_problem(&pushed.answer, 422, "invalid", &[reason, "let nothing else write to the queue"]);
            assert_eq!((pushed.attempt, pushed.dead), (attempt, attempt == 5));
            let record = stand.service.record_of(&pushed.answer.json()["correlation_id"]).await;
            assert!(record["reason"].as_str().unwrap().contains(reason), "{record}");
            stand.pubsub.advance(Duration::from_secs(600));
        }
        assert_eq!((stand.pubsub.waiting(SUBSCRIPTION), stand.pubsub.messages(DEAD).len()), (0, 1));
        stand.service.assert_untouched("poison");
    }
}

#[tokio::test]
async fn what_is_too_large_for_the_queue_is_said_to_be() {
    let stand = Stand::new().await;
    // What does not compress: the digits of one number, at random one of 64.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut noise = String::with_capacity(6_000_000);
    while noise.len() < 6_000_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        noise.push(char::from(b';' + u8::try_from(state >> 58).unwrap()));
    }
    let noise = noise.replace('\\', "!");
    let answer = stand.deliver(&release_with("v1", &noise)).await;
    assert_problem(&answer, 413, "invalid", &["bytes after compression", "delivery: direct"]);
    assert!(stand.pubsub.messages(TOPIC).is_empty());
    // What fits on the queue fits into what this service reads, when it comes back.
    assert_eq!(stand.deliver(&release_with("v1", &noise[..4_500_000])).await.status, 202);
    assert!(stand.pubsub.messages(TOPIC)[0].data.len() > 4_000_000);
    let pushed = stand.push(SUBSCRIPTION).await;
    assert_eq!(pushed.answer.status, 201, "{}", pushed.answer.text());
}

#[tokio::test]
async fn an_incident_of_cloud_monitoring_is_opened_and_closed() {
    let stand = Stand::new().await;
    stand.subscribe(OTHER, |other| other.account(SCHEDULER));
    for (state, code, expected) in [("open", 201, "created"), ("closed", 200, "closed")] {
        let incident = json!({"version": "1.2", "incident": {"incident_id": "0.a", "policy_name": "CPU", "state": state}});
        stand.pubsub.publish(TOPIC, incident.to_string(), &[]).unwrap();
        let pushed = stand.push(OTHER).await;
        assert_eq!(
            (pushed.answer.status, status(&pushed.answer).as_str()),
            (code, expected),
            "{}",
            pushed.answer.text()
        );
    }
    assert_eq!(stand.service.sandbox.github.issues(REPOSITORY)[0].title, "CPU");
}

#[tokio::test]
async fn the_emulator_is_enough_for_development() {
    let setup = Setup::new().await.env("WEBHOOK_SECRET", SECRET).env("GATEPASS_QUEUE", TOPIC);
    let pubsub = PubSub::emulator(setup.sandbox.trace.clone()).await.unwrap();
    let stand = Stand::with(setup, pubsub).await;
    stand.accept("v1").await;
    assert_eq!(stand.service.hops(), ["pubsub"], "no token is asked for");
}

/// Away from the platform the credentials publish, and prove who we are for a service account.
#[tokio::test]
async fn credentials_from_a_file_publish() {
    let setup = Setup::new().await.env("WEBHOOK_SECRET", SECRET).env("GATEPASS_QUEUE", TOPIC);
    let gcp = &setup.sandbox.identity.gcp;
    let pubsub = PubSub::start(gcp, setup.sandbox.trace.clone()).await.unwrap();
    pubsub.create_topic(TOPIC);
    let (key, endpoint) = (gcp.service_account_key_json(), gcp.iam_credentials.url().to_owned());
    let file = setup.file("credentials.json", key);
    let setup = setup
        .env("GCE_METADATA_HOST", "127.0.0.1:1")
        .env("GOOGLE_APPLICATION_CREDENTIALS", file)
        .env("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", endpoint)
        .env("CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB", pubsub.url());
    let account = format!("id_token: {{ google: {{ service_account: {} }} }}\n{CONFIG}", WORKLOAD.email);
    let stand = Stand { service: setup.start(&account).await, pubsub };
    stand.subscribe(SUBSCRIPTION, |own| own);
    stand.accept("v1").await;
    stand.accept("v2").await;
    let trace = &stand.service.sandbox.trace;
    assert_eq!(stand.service.hops(), ["gcp-oauth", "pubsub"]);
    assert_eq!((trace.hops_of("gcp-oauth").len(), trace.hops_of("pubsub").len()), (1, 2), "{trace}");
    assert!(trace.hops_of("pubsub")[0].note.as_ref().unwrap().contains(KEY_HOLDER.email), "{trace}");
    let pushed = stand.pubsub.push(SUBSCRIPTION).await.unwrap();
    assert!(pushed.iter().all(|pushed| pushed.answer.status == 201), "{pushed:?}");
}

#[tokio::test]
async fn a_topic_that_is_none_stops_the_start() {
    for queue in [
        "gatepass",
        "projects/acme/topics/",
        "projects/acme/subscriptions/gatepass",
        "https://acme.queue.core.windows.net/gatepass",
    ] {
        let setup = Setup::new().await.env("WEBHOOK_SECRET", SECRET).env("GATEPASS_QUEUE", queue);
        let said = setup.refused(CONFIG).await.join("\n");
        assert!(said.contains("GATEPASS_QUEUE") && said.contains("projects/PROJECT/topics/TOPIC"), "{said}");
    }
}
