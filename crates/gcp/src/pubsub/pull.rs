//! Taking messages from a subscription by hand. Pub/Sub pushes to this service by itself: this is for `gatepass replay`.
//!
//! Source: Pub/Sub REST API, `projects.subscriptions.pull`, `.acknowledge` and `.modifyAckDeadline`.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass_core::client::{Clients, describe, read_body};
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::failure::Failure;
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{PLACE, parse, service, told};
use crate::identity::AccessTokens;

/// How many messages are pulled at once.
const AT_ONCE: u32 = 10;

/// The largest answer that is read, in bytes: ten of the largest messages, in base64.
const MAX_ANSWER: usize = 160 * 1024 * 1024;

/// How long the service may wait for a message to come before there is none.
const PATIENCE: Duration = Duration::from_secs(15);

/// The longest acknowledgement deadline that Pub/Sub takes, in seconds.
const LONGEST_HIDDEN: u64 = 600;

/// A subscription that is pulled from.
pub struct Subscription {
    client: Client,
    url: String,
    name: String,
    /// None for the emulator.
    tokens: Option<AccessTokens>,
}

/// A message, as it was pulled.
#[derive(Debug)]
pub struct Pulled {
    /// The same every time that it is delivered.
    pub id: String,
    /// What acknowledges or releases it.
    pub receipt: String,
    /// What was published.
    pub data: Vec<u8>,
    /// What the publisher attached.
    pub attributes: BTreeMap<String, String>,
    /// What must be delivered one after the other; else empty.
    pub ordering_key: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    received_messages: Vec<Received>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Received {
    ack_id: String,
    message: Published,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Published {
    message_id: String,
    #[serde(default)]
    data: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    ordering_key: String,
}

impl Subscription {
    /// The subscription `projects/P/subscriptions/S`, reached as [`super::PubSub::new`] reaches a topic.
    ///
    /// # Errors
    /// A sentence that says what is wrong, and the right form.
    pub fn new(
        name: &str,
        env: &Env,
        clients: &Clients,
        service_account: Option<&str>,
    ) -> Result<Self, String> {
        let as_topic = name.replacen("/subscriptions/", "/topics/", 1);
        if !name.contains("/subscriptions/") || parse(&as_topic).is_none() {
            return Err(format!(
                "`{name}` is no subscription: write it as projects/PROJECT/subscriptions/NAME"
            ));
        }
        let (base, tokens) = service(env, clients, service_account)?;
        let url = format!("{}/v1/{name}", base.as_str());
        Ok(Self { client: clients.outbound.clone(), url, name: name.to_owned(), tokens })
    }

    /// Pulls up to ten messages, which nobody else gets for `hidden`; none when there are none.
    ///
    /// # Errors
    /// Deferred when Pub/Sub or the identity cannot answer now, Refused when it says no.
    pub async fn pull(&self, hidden: Duration, deadline: Deadline) -> Result<Vec<Pulled>, Failure> {
        let answer = self.post("pull", &json!({ "maxMessages": AT_ONCE }), deadline, Some(PATIENCE)).await?;
        // It may wait for a message for longer than anybody wants to.
        let Some(answer) = answer else { return Ok(Vec::new()) };
        let unreadable =
            || Failure::refused(format!("{PLACE} answered with something that is no list of messages"));
        let answer: Answer = serde_json::from_value(answer).map_err(|_| unreadable())?;
        let mut pulled = Vec::with_capacity(answer.received_messages.len());
        for Received { ack_id, message } in answer.received_messages {
            let Published { message_id, data, attributes, ordering_key } = message;
            let data = STANDARD.decode(data).map_err(|_| unreadable())?;
            pulled.push(Pulled { id: message_id, receipt: ack_id, data, attributes, ordering_key });
        }
        if !pulled.is_empty() {
            let receipts: Vec<&str> = pulled.iter().map(|message| message.receipt.as_str()).collect();
            self.hold(&receipts, hidden.as_secs().min(LONGEST_HIDDEN), deadline).await?;
        }
        Ok(pulled)
    }

    /// Acknowledges a message: it does not come again.
    ///
    /// # Errors
    /// As [`Subscription::pull`]; the message then comes again.
    pub async fn acknowledge(&self, receipt: &str, deadline: Deadline) -> Result<(), Failure> {
        self.post("acknowledge", &json!({ "ackIds": [receipt] }), deadline, None).await.map(drop)
    }

    /// Lets others get a message that was pulled.
    ///
    /// # Errors
    /// As [`Subscription::pull`]; they then get it when its time is up.
    pub async fn release(&self, receipt: &str, deadline: Deadline) -> Result<(), Failure> {
        self.hold(&[receipt], 0, deadline).await
    }

    async fn hold(&self, receipts: &[&str], seconds: u64, deadline: Deadline) -> Result<(), Failure> {
        let body = json!({ "ackIds": receipts, "ackDeadlineSeconds": seconds });
        self.post("modifyAckDeadline", &body, deadline, None).await.map(drop)
    }

    /// The answer, or none where `patience` is over before it comes.
    async fn post(
        &self,
        verb: &str,
        body: &Value,
        deadline: Deadline,
        patience: Option<Duration>,
    ) -> Result<Option<Value>, Failure> {
        let mut request = self.client.post(format!("{}:{verb}", self.url)).json(body);
        if let Some(tokens) = &self.tokens {
            request = request.bearer_auth(tokens.get(deadline).await?.expose());
        }
        if let Some(patience) = patience {
            request = request.timeout(patience);
        }
        let later = |why: String| Failure::deferred(Duration::ZERO, format!("{PLACE} {why}"));
        let asking = async {
            let response = match request.send().await {
                Err(error) if patience.is_some() && error.is_timeout() && !error.is_connect() => {
                    return Ok(None);
                }
                response => response.map_err(|error| later(describe(&error)))?,
            };
            let status = response.status().as_u16();
            let body = read_body(response, MAX_ANSWER).await.map_err(|error| later(error.to_string()))?;
            Ok(Some((status, body)))
        };
        match deadline.run(PLACE, asking).await? {
            None => Ok(None),
            Some((200, body)) => serde_json::from_slice(&body)
                .map(Some)
                .map_err(|_| later("answered with something that is no JSON".into())),
            Some((status, body)) => Err(self.judge(status, &body)),
        }
    }

    fn judge(&self, status: u16, body: &[u8]) -> Failure {
        let message = told(status, body);
        let name = &self.name;
        match status {
            408 | 429 | 499 | 500..=599 => Failure::deferred(Duration::ZERO, message),
            403 => Failure::refused(format!("{message}; you need roles/pubsub.subscriber on {name}")),
            404 => Failure::refused(format!("{message}; there is no subscription {name}")),
            400 => Failure::refused(format!("{message}; is {name} one that is pulled from, and not pushed?")),
            _ => Failure::refused(format!("{message}; check who you are to Google, with `gcloud auth list`")),
        }
    }
}
