//! Amazon SNS as a sender over HTTPS: it signs messages, publishes the certificate, and waits for subscriptions to be confirmed.

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::routing::get;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::faults::Faults;
use crate::hosts::HttpCall;
use crate::identity::random;
use crate::issuer::{Key, SigningKey};
use crate::server::Server;
use crate::trace::Trace;

/// The topic that it publishes to.
pub const TOPIC: &str = "arn:aws:sns:eu-central-1:111122223333:alarms";

/// The endpoint that its messages name, whatever port it really listens on.
const ENDPOINT: &str = "https://sns.eu-central-1.amazonaws.com";

/// A certificate that it publishes, by the name of its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certificate {
    /// The right one.
    Valid,
    /// One that has expired.
    Expired,
    /// One whose time has not come.
    Early,
    /// One of another name.
    OtherName,
}

impl Certificate {
    const ALL: [Self; 4] = [Self::Valid, Self::Expired, Self::Early, Self::OtherName];

    fn file(self) -> &'static str {
        match self {
            Self::Valid => "SimpleNotificationService-0000000000000000000000000000001a.pem",
            Self::Expired => "SimpleNotificationService-0000000000000000000000000000002b.pem",
            Self::Early => "SimpleNotificationService-0000000000000000000000000000003c.pem",
            Self::OtherName => "SimpleNotificationService-0000000000000000000000000000004d.pem",
        }
    }

    fn pem(self) -> &'static str {
        match self {
            Self::Valid => include_str!("../keys/sns.pem"),
            Self::Expired => include_str!("../keys/sns-expired.pem"),
            Self::Early => include_str!("../keys/sns-early.pem"),
            Self::OtherName => include_str!("../keys/sns-other-name.pem"),
        }
    }

    /// Where its messages say that it is.
    pub fn url(self) -> String {
        format!("{ENDPOINT}/{}", self.file())
    }
}

/// SNS, running. It stops when it is dropped.
#[derive(Debug)]
pub struct Sns {
    server: Server,
    key: SigningKey,
    /// What can go wrong with it.
    pub faults: Faults,
    confirmed: Arc<Mutex<BTreeSet<String>>>,
}

impl Sns {
    /// Starts it on any free loopback port.
    ///
    /// # Errors
    /// What the operating system says when no port can be bound.
    pub async fn start(trace: Trace) -> io::Result<Self> {
        let (faults, confirmed) = (Faults::new(), Arc::default());
        let router = Router::new()
            .route("/", get(confirm))
            .route("/{file}", get(certificate))
            .with_state(Arc::clone(&confirmed));
        let server = Server::start("sns", router, faults.clone(), trace).await?;
        Ok(Self { server, key: Key::Sns.load(), faults, confirmed })
    }

    /// The variable that leads a gatepass binary to it.
    pub fn env(&self) -> [(String, String); 1] {
        [("AWS_ENDPOINT_URL_SNS".to_owned(), self.server.url().to_owned())]
    }

    /// The tokens by which subscriptions of [`TOPIC`] were confirmed.
    pub fn confirmed(&self) -> Vec<String> {
        self.confirmed.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// A notification of [`TOPIC`], not yet signed.
    pub fn notification(message: &str) -> Message {
        Message::new("Notification", message).with("Subject", "sandbox")
    }

    /// The question whether this endpoint may be subscribed to [`TOPIC`], not yet signed.
    pub fn confirmation(token: &str) -> Message {
        let url = format!("{ENDPOINT}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token={token}");
        Message::new("SubscriptionConfirmation", "You have chosen to subscribe to the topic.")
            .with("Token", token)
            .with("SubscribeURL", &url)
    }

    /// The request that it makes to `path`, signed by its own key.
    pub fn call(&self, path: &str, message: &Message) -> HttpCall {
        message.call(path, &self.key)
    }
}

/// A message's fields.
#[derive(Clone, Debug)]
pub struct Message(Map<String, Value>);

impl Message {
    fn new(kind: &str, message: &str) -> Self {
        let fields = json!({
            "Type": kind, "MessageId": random::uuid(), "TopicArn": TOPIC, "Message": message,
            "Timestamp": format!("{:.3}", jiff::Timestamp::now()), "SignatureVersion": "2",
            "SigningCertURL": Certificate::Valid.url(),
        });
        Self(fields.as_object().cloned().unwrap_or_default())
    }

    /// Sets a field before it is signed.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.0.insert(name.to_owned(), json!(value));
        self
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// What is signed. Source: Amazon SNS, "Verifying the signatures of Amazon SNS messages".
    fn signed(&self) -> String {
        let fields: &[&str] = if self.text("Type") == Some("Notification") {
            &["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
        } else {
            &["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
        };
        fields.iter().filter_map(|name| Some(format!("{name}\n{}\n", self.text(name)?))).collect()
    }

    /// The request to `path`, signed by `key`.
    pub fn call(&self, path: &str, key: &SigningKey) -> HttpCall {
        let signature = STANDARD.encode(key.sign(self.signed().as_bytes()));
        let body = Value::Object(self.clone().with("Signature", &signature).0);
        HttpCall::new(Method::POST, path)
            .header("content-type", "text/plain; charset=UTF-8")
            .header("user-agent", "Amazon Simple Notification Service Agent")
            .header("x-amz-sns-message-type", self.text("Type").unwrap_or_default())
            .header("x-amz-sns-message-id", self.text("MessageId").unwrap_or_default())
            .header("x-amz-sns-topic-arn", self.text("TopicArn").unwrap_or_default())
            .body(body.to_string())
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Confirm {
    action: String,
    topic_arn: String,
    token: String,
}

async fn confirm(
    State(confirmed): State<Arc<Mutex<BTreeSet<String>>>>,
    Query(query): Query<Confirm>,
) -> (StatusCode, &'static str) {
    if query.action != "ConfirmSubscription" || query.topic_arn != TOPIC {
        return (StatusCode::BAD_REQUEST, "<ErrorResponse/>");
    }
    confirmed.lock().unwrap_or_else(PoisonError::into_inner).insert(query.token);
    (StatusCode::OK, "<ConfirmSubscriptionResponse/>")
}

async fn certificate(Path(file): Path<String>) -> Result<&'static str, StatusCode> {
    let found = Certificate::ALL.into_iter().find(|certificate| certificate.file() == file);
    found.map(Certificate::pem).ok_or(StatusCode::NOT_FOUND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http_client::LoopbackClient;

    #[test]
    fn what_is_signed_has_every_field_that_the_documentation_names() {
        let notification = Sns::notification("hi").with("MessageId", "m").with("Timestamp", "t");
        assert_eq!(
            notification.signed(),
            format!(
                "Message\nhi\nMessageId\nm\nSubject\nsandbox\nTimestamp\nt\nTopicArn\n{TOPIC}\nType\nNotification\n"
            )
        );
        let confirmation = Sns::confirmation("x").signed();
        for name in ["SubscribeURL\nhttps://sns.", "\nToken\nx\n", "Type\nSubscriptionConfirmation\n"] {
            assert!(confirmation.contains(name), "{confirmation}");
        }
    }

    #[tokio::test]
    async fn it_publishes_its_certificates_and_keeps_who_confirmed() {
        let sns = Sns::start(Trace::new()).await.unwrap();
        let client = LoopbackClient::new().unwrap();
        let [(_, base)] = sns.env();
        let get = async |target: &str| {
            let (path, query) = target.split_once('?').unwrap_or((target, ""));
            HttpCall::get(path).query(query).send(&client, &base).await.unwrap()
        };
        for certificate in Certificate::ALL {
            let answer = get(&format!("/{}", certificate.file())).await;
            assert!(answer.text().starts_with("-----BEGIN CERTIFICATE-----"));
        }
        assert_eq!(get("/other.pem").await.status, 404);
        assert_eq!(get(&format!("/?Action=DeleteTopic&TopicArn={TOPIC}&Token=1")).await.status, 400);
        assert_eq!(get(&format!("/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=1")).await.status, 200);
        assert_eq!(sns.confirmed(), ["1"]);
    }
}
