//! A push subscription and what it has not delivered yet.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::Message;
use crate::hosts::HttpCall;
use crate::identity::gcp::{PUBSUB_PUSHER, ServiceAccount};

/// The shortest and the longest wait before a message is delivered again, as the service's own defaults have it.
const BACKOFF: (u64, u64) = (10, 600);

/// How a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// In the JSON of a push request.
    Wrapped,
    /// As it is (`noWrapper`); with `write_metadata` its metadata and attributes are headers.
    Unwrapped {
        /// Whether there are such headers.
        write_metadata: bool,
    },
}

/// Where a message goes that was refused too often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetters {
    /// The topic, `projects/P/topics/T`.
    pub topic: String,
    /// After how many deliveries; the service takes 5 to 100.
    pub max_attempts: u32,
}

/// A push subscription.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// `projects/P/subscriptions/S`.
    pub name: String,
    /// `projects/P/topics/T`.
    pub topic: String,
    /// The endpoint's origin, on loopback.
    pub base: String,
    /// The endpoint's path.
    pub path: String,
    /// `oidcToken.serviceAccountEmail`.
    pub account: ServiceAccount,
    /// `oidcToken.audience`; without one, the endpoint.
    pub audience: Option<String>,
    /// How messages are sent.
    pub form: Form,
    /// `enableMessageOrdering`.
    pub ordered: bool,
    /// `deadLetterPolicy`.
    pub dead_letters: Option<DeadLetters>,
}

impl Subscription {
    /// A subscription of `topic` that pushes wrapped messages to `/events` at `base`, as [`PUBSUB_PUSHER`].
    pub fn new(name: impl Into<String>, topic: impl Into<String>, base: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            topic: topic.into(),
            base: base.into(),
            path: "/events".to_owned(),
            account: PUBSUB_PUSHER,
            audience: None,
            form: Form::Wrapped,
            ordered: false,
            dead_letters: None,
        }
    }

    /// Configures the audience.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// Configures the account whose token is sent.
    pub fn account(mut self, account: ServiceAccount) -> Self {
        self.account = account;
        self
    }

    /// Configures the dead-letter topic.
    pub fn dead_letters(mut self, topic: impl Into<String>, max_attempts: u32) -> Self {
        self.dead_letters = Some(DeadLetters { topic: topic.into(), max_attempts });
        self
    }

    /// Configures how messages are sent.
    pub fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    /// Configures message ordering.
    pub fn ordered(mut self) -> Self {
        self.ordered = true;
        self
    }

    /// The audience of its tokens.
    pub(super) fn token_audience(&self) -> String {
        self.audience.clone().unwrap_or_else(|| format!("{}{}", self.base, self.path))
    }

    /// The request for a delivery of `message`, with `token` for its bearer.
    pub(super) fn call(&self, message: &Message, attempt: u32, token: &str) -> HttpCall {
        let call = match self.form {
            Form::Wrapped => HttpCall::post_json(&self.path, &self.wrapped(message, attempt)),
            Form::Unwrapped { write_metadata } => {
                let call = HttpCall::new(http::Method::POST, &self.path).body(message.data.clone());
                if write_metadata { self.with_metadata(call, message) } else { call }
            }
        };
        call.header("authorization", &format!("Bearer {token}"))
            .header("from", "noreply@google.com")
            .header("user-agent", "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)")
    }

    fn wrapped(&self, message: &Message, attempt: u32) -> Value {
        let published = message.published.to_string();
        let mut inner = object([
            ("data", json!(STANDARD.encode(&message.data))),
            ("messageId", json!(message.id)),
            ("message_id", json!(message.id)),
            ("publishTime", json!(published)),
            ("publish_time", json!(published)),
        ]);
        if !message.attributes.is_empty() {
            inner.insert("attributes".to_owned(), json!(message.attributes));
        }
        if !message.ordering_key.is_empty() {
            inner.insert("orderingKey".to_owned(), json!(message.ordering_key));
        }
        let mut push = object([("message", Value::Object(inner)), ("subscription", json!(self.name))]);
        if self.dead_letters.is_some() {
            push.insert("deliveryAttempt".to_owned(), json!(attempt));
        }
        Value::Object(push)
    }

    fn with_metadata(&self, call: HttpCall, message: &Message) -> HttpCall {
        let call = call
            .header("x-goog-pubsub-subscription-name", &self.name)
            .header("x-goog-pubsub-message-id", &message.id)
            .header("x-goog-pubsub-publish-time", &message.published.to_string());
        let call = match message.ordering_key.as_str() {
            "" => call,
            key => call.header("x-goog-pubsub-ordering-key", key),
        };
        message.attributes.iter().fold(call, |call, (name, value)| call.header(name, value))
    }
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Map<String, Value> {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What is not acknowledged yet.
#[derive(Debug)]
pub(super) struct Backlog {
    pub(super) subscription: Subscription,
    outstanding: Vec<Outstanding>,
}

#[derive(Debug)]
struct Outstanding {
    message: Message,
    attempts: u32,
    due: Timestamp,
}

/// What becomes of a message that was not acknowledged.
pub(super) enum Refused {
    /// It is delivered again.
    Later,
    /// It goes to this topic.
    Dead(String, Message),
}

impl Backlog {
    pub(super) fn new(subscription: Subscription) -> Self {
        Self { subscription, outstanding: Vec::new() }
    }

    pub(super) fn of(&self, topic: &str) -> bool {
        self.subscription.topic == topic
    }

    pub(super) fn len(&self) -> usize {
        self.outstanding.len()
    }

    pub(super) fn add(&mut self, message: Message) {
        self.outstanding.push(Outstanding { due: message.published, message, attempts: 0 });
    }

    /// The ids of what may be delivered at `now`, in the order of publishing. Where messages are ordered, one whose
    /// predecessor is outstanding waits.
    pub(super) fn due(&self, now: Timestamp) -> Vec<String> {
        let mut keys: Vec<&str> = Vec::new();
        let mut due = Vec::new();
        for Outstanding { message, due: from, .. } in &self.outstanding {
            let key = message.ordering_key.as_str();
            let waits = self.subscription.ordered && !key.is_empty() && keys.contains(&key);
            keys.push(key);
            if !waits && *from <= now {
                due.push(message.id.clone());
            }
        }
        due
    }

    /// Counts a delivery, and gives the message and which delivery it is.
    pub(super) fn begin(&mut self, id: &str) -> Option<(Message, u32)> {
        let outstanding = self.outstanding.iter_mut().find(|outstanding| outstanding.message.id == id)?;
        outstanding.attempts += 1;
        Some((outstanding.message.clone(), outstanding.attempts))
    }

    pub(super) fn acknowledge(&mut self, id: &str) {
        self.outstanding.retain(|outstanding| outstanding.message.id != id);
    }

    /// Backs off exponentially, or gives the message up.
    pub(super) fn refuse(&mut self, id: &str, now: Timestamp) -> Refused {
        let Some(outstanding) = self.outstanding.iter_mut().find(|outstanding| outstanding.message.id == id)
        else {
            return Refused::Later;
        };
        if let Some(dead) = &self.subscription.dead_letters
            && outstanding.attempts >= dead.max_attempts
        {
            let (topic, mut message) = (dead.topic.clone(), outstanding.message.clone());
            let name = |full: &str, place: usize| full.split('/').nth(place).unwrap_or_default().to_owned();
            for (key, value) in [
                ("CloudPubSubDeadLetterSourceDeliveryCount", outstanding.attempts.to_string()),
                ("CloudPubSubDeadLetterSourceSubscription", name(&self.subscription.name, 3)),
                ("CloudPubSubDeadLetterSourceSubscriptionProject", name(&self.subscription.name, 1)),
                ("CloudPubSubDeadLetterSourceTopicPublishTime", message.published.to_string()),
            ] {
                message.attributes.insert(key.to_owned(), value);
            }
            self.acknowledge(id);
            return Refused::Dead(topic, message);
        }
        let (shortest, longest) = BACKOFF;
        let wait = shortest.saturating_mul(1 << (outstanding.attempts - 1).min(10)).min(longest);
        let wait = SignedDuration::try_from(Duration::from_secs(wait)).unwrap_or_default();
        outstanding.due = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
        Refused::Later
    }
}
