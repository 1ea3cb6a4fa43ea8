//! Queue Storage over its REST API.

use std::time::Duration;

use gatepass_sandbox::hosts::{HttpAnswer, HttpCall};
use gatepass_sandbox::http_client::LoopbackClient;
use gatepass_sandbox::identity::azure::{APP_V1, Azure, STORAGE, SYSTEM};
use gatepass_sandbox::storage_queue::StorageQueues;
use gatepass_sandbox::trace::Trace;
use http::Method;
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::json;

const QUEUE: &str = "orders";

struct Stand {
    azure: Azure,
    service: StorageQueues,
}

impl Stand {
    async fn new() -> Self {
        let trace = Trace::new();
        let azure = Azure::start(trace.clone()).await.unwrap();
        let service = StorageQueues::start(&azure, trace).await.unwrap();
        service.create(QUEUE);
        Self { azure, service }
    }

    async fn token(&self, resource: &str) -> String {
        let call = HttpCall::get("/metadata/identity/oauth2/token").header("metadata", "true");
        let call = call.query(format!("api-version=2018-02-01&resource={resource}"));
        let answer = call.send(&LoopbackClient::new().unwrap(), self.azure.imds.url()).await.unwrap();
        answer.json()["access_token"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
    }

    /// With the headers that are right.
    async fn call(&self, method: Method, rest: &str, query: &str, body: &str) -> HttpAnswer {
        let token = self.token(STORAGE.id_uri).await;
        self.send(call(method, query, body).header("authorization", &format!("Bearer {token}")), rest).await
    }

    async fn send(&self, call: HttpCall, rest: &str) -> HttpAnswer {
        let base = format!("{}/messages{rest}", self.service.url(QUEUE));
        call.send(&LoopbackClient::new().unwrap(), &base).await.unwrap()
    }
}

fn call(method: Method, query: &str, body: &str) -> HttpCall {
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now()).unwrap();
    let call = HttpCall::new(method, "").query(query).body(body);
    call.header("x-ms-version", "2021-12-02").header("x-ms-date", &date)
}

fn document(text: &str) -> String {
    format!("<QueueMessage><MessageText>{text}</MessageText></QueueMessage>")
}

fn field(answer: &HttpAnswer, name: &str) -> String {
    let text = answer.text();
    let (_, rest) = text.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name}: {text}"));
    rest.split_once(&format!("</{name}>")).unwrap().0.to_owned()
}

#[tokio::test]
async fn a_message_is_put_got_updated_and_deleted() {
    let stand = Stand::new().await;
    let put = stand.call(Method::POST, "", "messagettl=-1", &document("a &amp; b")).await;
    assert_eq!(put.status, 201, "{}", put.text());
    let id = field(&put, "MessageId");

    let peeked = stand.call(Method::GET, "", "peekonly=true", "").await;
    assert_eq!(
        (field(&peeked, "MessageText").as_str(), field(&peeked, "DequeueCount").as_str()),
        ("a &amp; b", "0")
    );
    assert!(!peeked.text().contains("PopReceipt"));
    let got = stand.call(Method::GET, "", "visibilitytimeout=60", "").await;
    assert_eq!((field(&got, "MessageId"), field(&got, "DequeueCount")), (id.clone(), "1".to_owned()));
    assert!(!stand.call(Method::GET, "", "", "").await.text().contains("<QueueMessage>"), "it is hidden");

    let place = format!("/{id}");
    let receipt = format!("popreceipt={}", field(&got, "PopReceipt"));
    assert_eq!(stand.call(Method::DELETE, &place, "popreceipt=x", "").await.status, 400);
    let updated =
        stand.call(Method::PUT, &place, &format!("{receipt}&visibilitytimeout=0"), &document("c")).await;
    assert_eq!(updated.status, 204);
    assert_eq!(stand.call(Method::DELETE, &place, &receipt, "").await.status, 400, "somebody else's now");
    assert_eq!(stand.service.messages(QUEUE)[0].text, "c");
    let receipt = format!("popreceipt={}", updated.header("x-ms-popreceipt").unwrap());
    assert_eq!(stand.call(Method::DELETE, &place, &receipt, "").await.status, 204);
    assert_eq!(stand.call(Method::DELETE, &place, &receipt, "").await.status, 404);
    assert!(stand.service.messages(QUEUE).is_empty());
}

#[tokio::test]
async fn a_delayed_message_is_seen_in_time() {
    let stand = Stand::new().await;
    let put = stand.call(Method::POST, "", "visibilitytimeout=3600&messagettl=-1", &document("x")).await;
    assert_eq!(put.status, 201);
    assert_eq!(stand.service.take(QUEUE, Duration::ZERO), None);
    stand.service.advance(Duration::from_secs(3600));
    assert_eq!(stand.service.take(QUEUE, Duration::ZERO).unwrap().dequeued, 1);
}

#[tokio::test]
async fn what_the_service_does_not_take_is_refused() {
    let stand = Stand::new().await;
    let (fits, long) = (document(&"x".repeat(65_536)), document(&"x".repeat(65_537)));
    assert_eq!(stand.call(Method::POST, "", "", &fits).await.status, 201);
    for (query, body, status, code) in [
        ("", long.as_str(), 413, "RequestBodyTooLarge"),
        ("", "", 400, "InvalidXmlDocument"),
        ("", "<MessageText>x</MessageText>", 400, "InvalidXmlDocument"),
        ("", "<QueueMessage><MessageText><b>x</b></MessageText></QueueMessage>", 400, "InvalidXmlDocument"),
        ("visibilitytimeout=604801", &fits, 400, "OutOfRangeQueryParameterValue"),
        ("visibilitytimeout=-1", &fits, 400, "OutOfRangeQueryParameterValue"),
        ("visibilitytimeout=60&messagettl=60", &fits, 400, "OutOfRangeQueryParameterValue"),
        ("messagettl=0", &fits, 400, "OutOfRangeQueryParameterValue"),
    ] {
        let answer = stand.call(Method::POST, "", query, body).await;
        assert_eq!((answer.status, answer.header("x-ms-error-code")), (status, Some(code)), "{query}");
        assert_eq!(field(&answer, "Code"), code);
    }
    let token = stand.token(STORAGE.id_uri).await;
    let path = stand.service.url("another") + "/messages";
    let request = call(Method::GET, "", "").header("authorization", &format!("Bearer {token}"));
    let absent = request.send(&LoopbackClient::new().unwrap(), &path).await.unwrap();
    assert_eq!((absent.status, absent.header("x-ms-error-code")), (404, Some("QueueNotFound")));
}

#[tokio::test]
async fn only_a_token_for_storage_is_taken() {
    let stand = Stand::new().await;
    let good = stand.token("https://storage.azure.com/").await;
    let claims = json!({ "aud": STORAGE.id_uri, "oid": SYSTEM.principal_id, "exp": Timestamp::now().as_second() + 600,
                         "iss": stand.azure.issuer_v1().url() });
    let forger = stand.azure.issuer_v1().forge(claims);
    let bearer = |token: &str| call(Method::GET, "", "").header("authorization", &format!("Bearer {token}"));
    assert_eq!(stand.send(bearer(&good), "").await.status, 200);
    assert_eq!(stand.send(bearer(&forger.honest()), "").await.status, 200);
    for (request, status) in [
        (call(Method::GET, "", ""), 401),
        (bearer("nonsense"), 401),
        (bearer(&stand.token(APP_V1.id_uri).await), 401),
        (bearer(&forger.expired()), 401),
        (bearer(&forger.signed_by_stranger()), 401),
        (bearer(&forger.with("iss", json!("https://issuer.example.com"))), 401),
        (bearer(&good).header("x-ms-version", "2015-12-11"), 400),
        (bearer(&good).header("x-ms-date", "Fri, 20 Nov 2020 09:00:00 GMT"), 403),
        (bearer(&good).header("x-ms-date", "2026-11-20T09:00:00Z"), 403),
    ] {
        let answer = stand.send(request, "").await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    stand.service.deny(true);
    let denied = stand.send(bearer(&good), "").await;
    assert_eq!(
        (denied.status, denied.header("x-ms-error-code")),
        (403, Some("AuthorizationPermissionMismatch"))
    );
}
