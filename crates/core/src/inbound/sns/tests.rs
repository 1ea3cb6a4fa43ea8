use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::*;
use crate::client::Clients;

const PEM: &str = include_str!("../../../../sandbox/keys/sns.pem");
const KEY: &[u8] = include_bytes!("../../../../sandbox/keys/sns.pk8");
const STRANGER: &[u8] = include_bytes!("../../../../sandbox/keys/stranger.pk8");
const TOPIC: &str = "arn:aws:sns:eu-central-1:123456789012:alarms";
const HOST: &str = "https://sns.eu-central-1.amazonaws.com";

/// The endpoint of SNS, on loopback: it counts what it is asked for.
struct Peer {
    door: SnsDoor,
    asked: Arc<AtomicU32>,
    status: Arc<AtomicU16>,
}

async fn peer() -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (asked, status) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU16::new(200)));
    let (count, answer) = (Arc::clone(&asked), Arc::clone(&status));
    let serve = async move |request: Request| {
        count.fetch_add(1, Ordering::SeqCst);
        let status = StatusCode::from_u16(answer.load(Ordering::SeqCst)).unwrap();
        let is_other = request.uri().path() == "/other.pem";
        (status, if is_other { "<html>".to_owned() } else { PEM.to_owned() })
    };
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(serve)).await });
    let env = Env::from_iter([("AWS_ENDPOINT_URL_SNS", url)]);
    Peer { door: SnsDoor::new(Clients::new(None).unwrap().outbound, &env).unwrap(), asked, status }
}

impl Peer {
    async fn verify(&self, message: &Value) -> Result<Message, Failure> {
        let message = read(message)?;
        self.door.verify(message, Deadline::after(Duration::from_secs(5))).await
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }
}

fn headers(kind: &str) -> HeaderMap {
    HeaderMap::from_iter([(MARK.parse().unwrap(), kind.parse().unwrap_or(HeaderValue::from_static("?")))])
}

fn read(message: &Value) -> Result<Unverified, Failure> {
    Unverified::read(&headers(message["Type"].as_str().unwrap_or("?")), message.to_string().as_bytes())
}

fn notification() -> Value {
    json!({
        "Type": "Notification", "MessageId": "22b80b92-fdea-4c2c-8f9d-bdfb0c7bf324", "TopicArn": TOPIC,
        "Subject": "My First Message", "Message": "Hello\nworld!", "Timestamp": Timestamp::now().to_string(),
        "SignatureVersion": "2", "SigningCertURL": format!("{HOST}/SimpleNotificationService-f3ec.pem"),
        "UnsubscribeURL": format!("{HOST}/?Action=Unsubscribe"),
        "MessageAttributes": {"team": {"Type": "String", "Value": "ops"}},
    })
}

fn confirmation() -> Value {
    let mut message = notification();
    message["Type"] = json!("SubscriptionConfirmation");
    message["Token"] = json!("2336412f37");
    message["SubscribeURL"] =
        json!(format!("{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37"));
    message.as_object_mut().unwrap().remove("Subject");
    message
}

/// Signs as the documentation prescribes, each field by its name.
fn signed_by(mut message: Value, key: &[u8]) -> Value {
    let fields: &[&str] = if message["Type"] == "Notification" {
        &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
    } else {
        &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    };
    let lines = fields.iter().filter_map(|name| Some(format!("{name}\n{}\n", message.get(*name)?.as_str()?)));
    let text: String = lines.collect();
    let key = RsaKeyPair::from_pkcs8(key).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
    message["Signature"] = json!(STANDARD.encode(signature));
    message
}

fn signed(message: Value) -> Value {
    signed_by(message, KEY)
}

fn with(mut message: Value, name: &str, value: Value) -> Value {
    message[name] = value;
    message
}

#[tokio::test]
async fn a_notification_is_what_is_signed_of_it() {
    let peer = peer().await;
    for subject in [json!("My First Message"), Value::Null] {
        let message = signed(with(notification(), "Subject", subject.clone()));
        let Message::Notification(notification) = peer.verify(&message).await.unwrap() else {
            panic!("another kind")
        };
        assert_eq!(notification.subject.as_deref(), subject.as_str());
        assert!(notification.message_attributes.is_empty(), "attributes are not signed");
        let event = notification.into_event();
        assert_eq!((event.source.as_str(), event.data), (TOPIC, json!("Hello\nworld!")));
    }
    assert_eq!(peer.asked(), 1, "a certificate is fetched once");
}

#[tokio::test]
async fn whatever_is_changed_of_what_is_signed_is_refused() {
    let peer = peer().await;
    let (first, second) = (signed(notification()), signed(confirmation()));
    let other = format!("{HOST}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=x");
    for (message, name, value) in [
        (&first, "Message", json!("Hello\nworld")),
        (&first, "MessageId", json!("22b80b92-fdea-4c2c-8f9d-bdfb0c7bf325")),
        (&first, "Subject", json!("Another")),
        (&first, "Subject", Value::Null),
        (&first, "Timestamp", json!(Timestamp::now().to_string())),
        (&first, "TopicArn", json!("arn:aws:sns:eu-central-1:123456789012:others")),
        (&first, "Type", json!("UnsubscribeConfirmation")),
        (&first, "Signature", json!("")),
        (&first, "Signature", json!(STANDARD.encode([0; 256]))),
        (&second, "Token", json!("x")),
        (&second, "SubscribeURL", json!(other)),
        (&second, "Type", json!("UnsubscribeConfirmation")),
        (&second, "Message", json!("")),
    ] {
        let failure = peer.verify(&with(message.clone(), name, value)).await.unwrap_err();
        assert_eq!(failure.class.status(), 401, "{name}");
    }
    let stranger = peer.verify(&signed_by(notification(), STRANGER)).await.unwrap_err();
    assert!(stranger.message.contains("its signature is wrong"), "{stranger}");
}

#[tokio::test]
async fn what_is_not_of_version_2_or_of_now_or_of_the_topics_endpoint_makes_us_ask_nobody() {
    let peer = peer().await;
    let at = |seconds: i64| {
        json!(Timestamp::from_second(Timestamp::now().as_second() + seconds).unwrap().to_string())
    };
    for (name, value, words) in [
        ("SignatureVersion", json!("1"), "set the topic's attribute SignatureVersion to 2"),
        ("SignatureVersion", json!("3"), "not of version 2"),
        ("Timestamp", at(-MAX_AGE - 5), "older than SNS tries to deliver it"),
        ("Timestamp", at(LEEWAY + 5), "from the future"),
        ("SigningCertURL", json!("https://evil.example/a.pem"), "its topic's own endpoint"),
        ("SigningCertURL", json!("https://sns.us-east-1.amazonaws.com/a.pem"), "its topic's own endpoint"),
        ("SigningCertURL", json!(format!("{HOST}/?Action=x&a.pem")), "not that of a certificate"),
        ("TopicArn", json!("arn:aws-iso:sns:eu-central-1:123456789012:alarms"), "aws-iso"),
    ] {
        let failure = peer.verify(&signed(with(notification(), name, value))).await.unwrap_err();
        assert_eq!(failure.class.status(), 401, "{name}");
        assert!(failure.message.contains(words), "{words}: {failure}");
    }
    assert_eq!(peer.asked(), 0);
    for seconds in [-3600, LEEWAY - 5] {
        assert!(
            peer.verify(&signed(with(notification(), "Timestamp", at(seconds)))).await.is_ok(),
            "{seconds}"
        );
    }
}

#[test]
fn what_is_no_message_is_refused_and_says_why() {
    let refused = |headers: &HeaderMap, body: &[u8], words: &str| {
        let failure = Unverified::read(headers, body).unwrap_err();
        assert_eq!(failure.class.status(), 401, "{words}");
        assert!(failure.message.contains(words), "{words}: {failure}");
    };
    let right = signed(notification());
    for body in ["", "{", "null", "[]", "\"x\"", "{}"] {
        refused(&headers("Notification"), body.as_bytes(), "not the JSON of a signed message");
    }
    for name in [
        "Type",
        "MessageId",
        "TopicArn",
        "Message",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertURL",
    ] {
        for value in [None, Some(json!(7)), Some(Value::Null)] {
            let mut message = right.clone();
            match value {
                Some(value) => message[name] = value,
                None => drop(message.as_object_mut().unwrap().remove(name)),
            }
            refused(
                &headers("Notification"),
                message.to_string().as_bytes(),
                "not the JSON of a signed message",
            );
        }
    }
    let twice = right.to_string().replacen('{', r#"{"Message":"another","#, 1);
    refused(&headers("Notification"), twice.as_bytes(), "not the JSON of a signed message");
    for (name, value, words) in [
        ("Type", json!("Something"), "none that SNS has"),
        ("TopicArn", json!("alarms"), "its TopicArn"),
        ("TopicArn", json!(format!("{TOPIC}\n")), "its TopicArn"),
        ("Timestamp", json!("noon"), "its Timestamp"),
        ("Signature", json!("*"), "its Signature"),
        ("MessageId", json!("a\nTimestamp"), "its MessageId has a line break"),
        ("Subject", json!("a\r"), "its Subject has a line break"),
    ] {
        let message = with(right.clone(), name, value);
        refused(&headers(message["Type"].as_str().unwrap()), message.to_string().as_bytes(), words);
    }
    for (name, words) in [("Token", "it has no Token"), ("SubscribeURL", "it has no SubscribeURL")] {
        let mut message = confirmation();
        message.as_object_mut().unwrap().remove(name);
        let message = with(message, "Signature", json!(""));
        refused(&headers("SubscriptionConfirmation"), message.to_string().as_bytes(), words);
    }
    refused(&headers("SubscriptionConfirmation"), right.to_string().as_bytes(), "is not its Type");
    refused(&HeaderMap::new(), right.to_string().as_bytes(), "is not its Type");
    let mut twice = headers("Notification");
    twice.append(MARK, "Notification".parse().unwrap());
    refused(&twice, right.to_string().as_bytes(), "is not its Type");
    let mut raw = headers("Notification");
    raw.insert("x-amz-sns-rawdelivery", "true".parse().unwrap());
    refused(&raw, b"hello", "raw message delivery");
}

#[tokio::test]
async fn a_subscription_is_confirmed_at_its_own_endpoint_and_its_answer_counts() {
    let peer = peer().await;
    let soon = || Deadline::after(Duration::from_secs(5));
    let Message::Confirmation(right) = peer.verify(&signed(confirmation())).await.unwrap() else {
        panic!("another kind")
    };
    peer.door.confirm(&right, soon()).await.unwrap();
    assert_eq!(peer.asked(), 2);
    for (status, class) in [(403, "refused"), (404, "refused"), (302, "deferred"), (500, "deferred")] {
        peer.status.store(status, Ordering::SeqCst);
        assert_eq!(peer.door.confirm(&right, soon()).await.unwrap_err().class.name(), class, "{status}");
    }
    let url = format!("https://evil.example/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=2336412f37");
    let elsewhere = Confirmation { url, ..right };
    peer.status.store(200, Ordering::SeqCst);
    assert_eq!(peer.door.confirm(&elsewhere, soon()).await.unwrap_err().class.status(), 401);
    assert_eq!(peer.asked(), 6);
    let gone =
        peer.verify(&signed(with(confirmation(), "Type", json!("UnsubscribeConfirmation")))).await.unwrap();
    assert!(matches!(gone, Message::Unsubscribed(topic) if topic.as_str() == TOPIC));
}

#[tokio::test]
async fn a_certificate_that_cannot_be_had_now_is_no_refusal_and_one_that_is_not_there_is() {
    let peer = peer().await;
    let message = signed(notification());
    for (status, class) in
        [(500, "deferred"), (429, "deferred"), (302, "deferred"), (403, "untrusted"), (404, "untrusted")]
    {
        peer.status.store(status, Ordering::SeqCst);
        assert_eq!(peer.verify(&message).await.unwrap_err().class.name(), class, "{status}");
    }
    peer.status.store(200, Ordering::SeqCst);
    let other = with(message.clone(), "SigningCertURL", json!(format!("{HOST}/other.pem")));
    let failure = peer.verify(&other).await.unwrap_err();
    assert!(failure.message.contains("its answer is not a certificate"), "{failure}");
    assert!(peer.verify(&message).await.is_ok());
}

#[tokio::test]
async fn nobody_can_make_us_ask_for_certificates_again_and_again() {
    let peer = peer().await;
    let message = signed(notification());
    assert!(peer.verify(&message).await.is_ok());
    for place in 0..30 {
        let other = with(message.clone(), "SigningCertURL", json!(format!("{HOST}/other-{place}.pem")));
        let _ = peer.verify(&other).await;
    }
    assert_eq!(peer.asked(), 10);
    let unknown = with(message.clone(), "SigningCertURL", json!(format!("{HOST}/next.pem")));
    assert_eq!(peer.verify(&unknown).await.unwrap_err().class.status(), 503);
    assert!(peer.verify(&message).await.is_ok(), "what is held is not asked for");
}

proptest! {
    #[test]
    fn whatever_is_sent_is_taken_apart_or_refused(body in any::<Vec<u8>>(), text in "[ -~\n]{0,40}", name in "[A-Za-z]{1,12}") {
        let _ = Unverified::read(&headers("Notification"), &body);
        let mut message = with(notification(), "Signature", json!(""));
        message[&name] = json!(text);
        for field in ["Message", "Subject", "Timestamp", "TopicArn", "SigningCertURL", "Type"] {
            let _ = read(&with(message.clone(), field, json!(text)));
        }
    }

    #[test]
    fn two_messages_that_differ_are_not_signed_alike(
        first in "(a|\nMessageId\n|\nSubject\n|\nTimestamp\n|b){0,5}", second in "(a|\nMessageId\n|\nSubject\n|\nTimestamp\n|b){0,5}",
        ids in prop::array::uniform2("[a-z]{0,2}|MessageId|Subject"), subjects in prop::array::uniform2(prop::option::of("[a-z]{0,2}|Subject|MessageId")),
    ) {
        let [one, two] = [(first, &ids[0], &subjects[0]), (second, &ids[1], &subjects[1])].map(|(text, id, subject)| {
            let message = with(with(notification(), "Message", json!(text)), "MessageId", json!(id));
            let message = with(message, "Timestamp", json!("2026-11-20T09:00:00Z"));
            with(with(message, "Subject", json!(subject)), "Signature", json!(""))
        });
        prop_assert_eq!(read(&one).unwrap().signed == read(&two).unwrap().signed, one == two);
    }
}
