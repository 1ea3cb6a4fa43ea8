//! The receiving half of two queues: a list of messages, and what SQS and Pub/Sub let one do with them.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass_sandbox::identity::Environment;
use gatepass_sandbox::identity::aws::REGION;
use gatepass_sandbox::sigv4::{Credentials, Received, Verifier};
use http::{HeaderMap, Method, StatusCode, Uri};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

#[derive(Clone, Default)]
pub(super) struct Queue(Arc<Mutex<Vec<Message>>>);

#[derive(Clone)]
struct Message {
    id: usize,
    text: String,
    has_attributes: bool,
    hidden: bool,
}

/// Stops when dropped.
pub(super) struct Served {
    pub(super) url: String,
    task: JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(router: Router) -> Served {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    Served { url, task: tokio::spawn(async move { axum::serve(listener, router).await.unwrap() }) }
}

impl Queue {
    pub(super) fn put(&self, text: &str, has_attributes: bool) {
        let mut messages = self.0.lock().unwrap();
        let id = messages.len();
        messages.push(Message { id, text: text.to_owned(), has_attributes, hidden: false });
    }

    pub(super) fn len(&self) -> usize {
        self.0.lock().unwrap().len()
    }

    pub(super) fn visible(&self) -> usize {
        self.0.lock().unwrap().iter().filter(|message| !message.hidden).count()
    }

    /// Two at a time, so that there are several batches.
    fn take(&self) -> Vec<Message> {
        let mut messages = self.0.lock().unwrap();
        let taken = messages.iter_mut().filter(|message| !message.hidden).take(2);
        taken
            .map(|message| {
                message.hidden = true;
                message.clone()
            })
            .collect()
    }

    fn delete(&self, receipt: &str) {
        self.0.lock().unwrap().retain(|message| receipt != message.receipt());
    }

    fn hide(&self, receipt: &str, seconds: u64) {
        for message in self.0.lock().unwrap().iter_mut().filter(|message| receipt == message.receipt()) {
            message.hidden = seconds > 0;
        }
    }

    /// As SQS, for whoever signs with the credentials of this environment.
    pub(super) async fn serve_sqs(&self, environment: &Environment) -> Served {
        let credentials = Credentials {
            access_key_id: environment["AWS_ACCESS_KEY_ID"].clone(),
            secret_access_key: environment["AWS_SECRET_ACCESS_KEY"].clone(),
            session_token: environment.get("AWS_SESSION_TOKEN").cloned(),
            expires: None,
        };
        let state = (self.clone(), Arc::new(credentials));
        serve(Router::new().route("/", post(sqs)).with_state(state)).await
    }

    /// As Google's emulator of Pub/Sub.
    pub(super) async fn serve_pubsub(&self) -> Served {
        serve(Router::new().fallback(pubsub).with_state(self.clone())).await
    }
}

impl Message {
    fn receipt(&self) -> String {
        format!("receipt-{}", self.id)
    }
}

async fn sqs(
    State((queue, credentials)): State<(Queue, Arc<Credentials>)>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let received =
        Received { method: &Method::POST, path: uri.path(), query: "", headers: &headers, body: &body };
    let verifier = Verifier { region: REGION.to_owned(), service: "sqs" };
    let lookup = |id: &str| (id == credentials.access_key_id).then(|| (*credentials).clone());
    if let Err(rejection) = verifier.verify(received, Timestamp::now(), lookup) {
        return (StatusCode::FORBIDDEN, rejection.to_string()).into_response();
    }
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert!(body["QueueUrl"].as_str().unwrap().ends_with("/111122223333/dead"));
    let receipt = body["ReceiptHandle"].as_str().unwrap_or_default();
    let answer = match headers["x-amz-target"].to_str().unwrap() {
        "AmazonSQS.ReceiveMessage" => {
            assert!(
                body["VisibilityTimeout"].as_u64() > Some(60) && body["WaitTimeSeconds"].as_u64() > Some(0)
            );
            let messages: Vec<Value> = queue.take().iter().map(sqs_message).collect();
            // Where there is none, SQS leaves the list out.
            if messages.is_empty() { json!({}) } else { json!({ "Messages": messages }) }
        }
        "AmazonSQS.DeleteMessage" => {
            queue.delete(receipt);
            json!({})
        }
        "AmazonSQS.ChangeMessageVisibility" => {
            queue.hide(receipt, body["VisibilityTimeout"].as_u64().unwrap());
            json!({})
        }
        other => panic!("{other}"),
    };
    ([("content-type", "application/x-amz-json-1.0")], answer.to_string()).into_response()
}

fn sqs_message(message: &Message) -> Value {
    let mut value = json!({
        "MessageId": format!("m-{}", message.id), "ReceiptHandle": message.receipt(), "Body": message.text,
        "MD5OfBody": "0", "Attributes": { "MessageGroupId": "g" },
    });
    if message.has_attributes {
        value["MessageAttributes"] = json!({ "team": { "DataType": "String", "StringValue": "ops" } });
    }
    value
}

async fn pubsub(State(queue): State<Queue>, uri: Uri, body: Bytes) -> String {
    let body: Value = serde_json::from_slice(&body).unwrap();
    let receipts: Vec<&str> =
        body["ackIds"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match uri.path().strip_prefix("/v1/projects/acme/subscriptions/dead:").unwrap() {
        "pull" => {
            let messages: Vec<Value> = queue.take().iter().map(pubsub_message).collect();
            return if messages.is_empty() {
                "{}".into()
            } else {
                json!({ "receivedMessages": messages }).to_string()
            };
        }
        "acknowledge" => receipts.iter().for_each(|receipt| queue.delete(receipt)),
        "modifyAckDeadline" => {
            let seconds = body["ackDeadlineSeconds"].as_u64().unwrap();
            receipts.iter().for_each(|receipt| queue.hide(receipt, seconds));
        }
        other => panic!("{other}"),
    }
    "{}".into()
}

fn pubsub_message(message: &Message) -> Value {
    // What the service attaches to a dead letter, and what gatepass does.
    let mut attributes = json!({ "id": "0", "CloudPubSubDeadLetterSourceDeliveryCount": "5" });
    if message.has_attributes {
        attributes["team"] = json!("ops");
    }
    json!({ "ackId": message.receipt(), "message": {
        "data": STANDARD.encode(&message.text), "attributes": attributes, "messageId": format!("m-{}", message.id),
        "publishTime": "2026-11-20T09:17:23Z", "orderingKey": "k",
    }})
}
