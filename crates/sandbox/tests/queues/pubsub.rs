//! Publishing, and push subscriptions.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass_sandbox::hosts::{HttpAnswer, HttpCall};
use gatepass_sandbox::http_client::LoopbackClient;
use gatepass_sandbox::identity::gcp::{Gcp, PUBSUB_PUSHER};
use gatepass_sandbox::jwt::{Jwks, Jwt};
use gatepass_sandbox::pubsub::{Form, PubSub, Subscription};
use gatepass_sandbox::trace::Trace;
use serde_json::{Value, json};

use crate::endpoint::Endpoint;

const TOPIC: &str = "projects/acme-sandbox/topics/alarms";
const DEAD: &str = "projects/acme-sandbox/topics/dead";
const SUBSCRIPTION: &str = "projects/acme-sandbox/subscriptions/alarms";

struct Stand {
    gcp: Gcp,
    service: PubSub,
    endpoint: Endpoint,
}

impl Stand {
    async fn new(statuses: &[u16]) -> Self {
        let trace = Trace::new();
        let gcp = Gcp::start(trace.clone()).await.unwrap();
        let service = PubSub::start(&gcp, trace).await.unwrap();
        service.create_topic(TOPIC);
        service.create_topic(DEAD);
        Self { gcp, service, endpoint: Endpoint::start(statuses).await }
    }

    fn subscription(&self) -> Subscription {
        Subscription::new(SUBSCRIPTION, TOPIC, self.endpoint.url())
    }

    async fn push(&self) -> Vec<(u32, u16, bool)> {
        let pushed = self.service.push(SUBSCRIPTION).await.unwrap();
        pushed.iter().map(|pushed| (pushed.attempt, pushed.answer.status, pushed.dead)).collect()
    }

    async fn access_token(&self) -> String {
        let call = HttpCall::get("/computeMetadata/v1/instance/service-accounts/default/token");
        let call = call.header("metadata-flavor", "Google");
        let answer = call.send(&LoopbackClient::new().unwrap(), self.gcp.metadata.url()).await.unwrap();
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    async fn publish(&self, topic: &str, token: &str, body: &Value) -> HttpAnswer {
        let call = HttpCall::post_json(format!("/v1/{topic}:publish"), body);
        let call = call.header("authorization", &format!("Bearer {token}"));
        call.send(&LoopbackClient::new().unwrap(), self.service.url()).await.unwrap()
    }
}

fn message(data: &str) -> Value {
    json!({ "messages": [{ "data": STANDARD.encode(data), "attributes": { "team": "ops" }, "orderingKey": "k" }] })
}

#[tokio::test]
async fn a_published_message_is_pushed_with_a_token_and_acknowledged() {
    let stand = Stand::new(&[]).await;
    stand.service.subscribe(stand.subscription().audience("https://jobs.example.com"));
    let token = stand.access_token().await;
    let answer = stand.publish(TOPIC, &token, &message("{\"n\":1}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = answer.json()["messageIds"][0].clone();

    assert_eq!(stand.push().await, [(1, 200, false)]);
    let arrived = stand.endpoint.take().pop().unwrap();
    let body = arrived.json();
    assert_eq!((arrived.path.as_str(), &body["subscription"]), ("/events", &json!(SUBSCRIPTION)));
    let message = &body["message"];
    assert_eq!((&message["messageId"], &message["message_id"]), (&id, &id));
    assert_eq!(message["data"], STANDARD.encode("{\"n\":1}"));
    assert_eq!((&message["attributes"], &message["orderingKey"]), (&json!({"team": "ops"}), &json!("k")));
    assert!(message["publishTime"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok());
    assert_eq!(body.get("deliveryAttempt"), None);
    let jwt = Jwt::decode(arrived.header("authorization").strip_prefix("Bearer ").unwrap()).unwrap();
    Jwks::from_value(&stand.gcp.issuer().jwks()).unwrap().verify(&jwt).unwrap();
    assert_eq!(
        (jwt.text("email"), jwt.audiences()),
        (Some(PUBSUB_PUSHER.email), vec!["https://jobs.example.com"])
    );
    assert_eq!((stand.service.waiting(SUBSCRIPTION), stand.push().await), (0, vec![]));
}

#[tokio::test]
async fn only_who_may_publishes_what_is_a_message() {
    let stand = Stand::new(&[]).await;
    let token = stand.access_token().await;
    let huge = json!({ "messages": [{ "data": "A".repeat(10_000_000) }] });
    for (topic, token, body, status) in [
        (TOPIC, "", message("x"), 401),
        (TOPIC, "ya29.stranger", message("x"), 401),
        ("projects/acme-sandbox/topics/none", &token, message("x"), 404),
        (TOPIC, &token, json!({}), 400),
        (TOPIC, &token, json!({ "messages": [{}] }), 400),
        (TOPIC, &token, json!({ "messages": [{ "data": "%" }] }), 400),
        (TOPIC, &token, huge, 400),
    ] {
        let answer = stand.publish(topic, token, &body).await;
        assert_eq!(
            (answer.status, &answer.json()["error"]["code"]),
            (status, &json!(status)),
            "{}",
            answer.text()
        );
    }
    stand.service.deny_publishing(true);
    assert_eq!(stand.publish(TOPIC, &token, &message("x")).await.status, 403);
    assert!(stand.service.messages(TOPIC).is_empty());
}

#[tokio::test]
async fn what_is_refused_comes_back_after_a_while_and_ends_among_the_dead_letters() {
    let stand = Stand::new(&[503, 500, 422, 500, 403]).await;
    stand.service.subscribe(stand.subscription().dead_letters(DEAD, 5));
    stand.service.publish(TOPIC, "poison", &[]).unwrap();
    for (attempt, status, wait) in [(1, 503, 10), (2, 500, 20), (3, 422, 40), (4, 500, 80)] {
        assert_eq!(stand.push().await, [(attempt, status, false)]);
        stand.service.advance(Duration::from_secs(wait - 2));
        assert_eq!(stand.push().await, [], "not before its time");
        stand.service.advance(Duration::from_secs(3));
    }
    assert_eq!(stand.push().await, [(5, 403, true)]);
    assert_eq!(stand.service.waiting(SUBSCRIPTION), 0);
    let dead = stand.service.messages(DEAD).pop().unwrap();
    assert_eq!(dead.data, b"poison");
    assert_eq!(dead.attributes["CloudPubSubDeadLetterSourceSubscription"], "alarms");
    let attempts: Vec<Value> =
        stand.endpoint.take().iter().map(|arrived| arrived.json()["deliveryAttempt"].clone()).collect();
    assert_eq!(attempts, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_status_acknowledges_or_it_does_not() {
    for (status, acknowledged) in
        [(200, true), (201, true), (202, true), (204, true), (203, false), (302, false), (404, false)]
    {
        let stand = Stand::new(&[status]).await;
        stand.service.subscribe(stand.subscription());
        stand.service.publish(TOPIC, "x", &[]).unwrap();
        stand.push().await;
        assert_eq!(stand.service.waiting(SUBSCRIPTION) == 0, acknowledged, "{status}");
    }
}

#[tokio::test]
async fn unwrapped_messages_come_as_they_are() {
    for (write_metadata, id) in [(true, "13000000000000001"), (false, "")] {
        let stand = Stand::new(&[]).await;
        stand.service.subscribe(stand.subscription().form(Form::Unwrapped { write_metadata }));
        stand.service.publish(TOPIC, "plain", &[("team", "ops")]).unwrap();
        stand.push().await;
        let arrived = stand.endpoint.take().pop().unwrap();
        assert_eq!((&arrived.body[..], arrived.header("x-goog-pubsub-message-id")), (&b"plain"[..], id));
        assert_eq!(
            arrived.header("x-goog-pubsub-subscription-name"),
            if write_metadata { SUBSCRIPTION } else { "" }
        );
        assert_eq!(arrived.header("team"), if write_metadata { "ops" } else { "" });
    }
}

#[tokio::test]
async fn ordered_messages_wait_for_their_predecessor() {
    for (ordered, first) in [(true, vec![(1, 503, false)]), (false, vec![(1, 503, false), (1, 200, false)])] {
        let stand = Stand::new(&[503]).await;
        let subscription = stand.subscription();
        stand.service.subscribe(if ordered { subscription.ordered() } else { subscription });
        let token = stand.access_token().await;
        for data in ["one", "two"] {
            assert_eq!(stand.publish(TOPIC, &token, &message(data)).await.status, 200);
        }
        assert_eq!(stand.push().await, first);
        stand.service.advance(Duration::from_secs(10));
        stand.push().await;
        stand.push().await;
        assert_eq!(stand.service.waiting(SUBSCRIPTION), 0);
    }
}
