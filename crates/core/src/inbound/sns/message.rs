//! A message of SNS, and what of it is signed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Map;

use super::{MARK, refused};
use crate::event::SnsNotification;
use crate::failure::Failure;
use crate::names::TopicArn;

/// What says that a message's envelope, and with it the signature, has been left out.
const RAW: &str = "x-amz-sns-rawdelivery";

/// What a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Somebody has published something.
    Notification,
    /// This endpoint has been subscribed, and is asked whether it agrees.
    SubscriptionConfirmation,
    /// This endpoint is no longer subscribed.
    UnsubscribeConfirmation,
}

impl Kind {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "Notification" => Self::Notification,
            "SubscriptionConfirmation" => Self::SubscriptionConfirmation,
            "UnsubscribeConfirmation" => Self::UnsubscribeConfirmation,
            _ => return None,
        })
    }
}

/// A message that has been taken apart and not yet verified.
#[derive(Debug)]
pub struct Unverified {
    /// What it is for.
    pub kind: Kind,
    /// The topic that it names.
    pub topic: TopicArn,
    pub(super) timestamp: Timestamp,
    pub(super) version: String,
    pub(super) certificate: String,
    pub(super) signature: Vec<u8>,
    /// What is signed of it.
    pub(super) signed: String,
    envelope: Envelope,
}

/// A message whose signature has been verified.
#[derive(Debug)]
pub enum Message {
    /// Somebody has published something. Its attributes are left out: they are not signed.
    Notification(SnsNotification),
    /// This endpoint has been subscribed.
    Confirmation(Confirmation),
    /// This endpoint is no longer subscribed to this topic.
    Unsubscribed(TopicArn),
}

/// How to agree to a subscription.
#[derive(Debug)]
pub struct Confirmation {
    /// The topic.
    pub topic: TopicArn,
    pub(super) token: String,
    pub(super) url: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Envelope {
    #[serde(rename = "Type")]
    kind: String,
    message_id: String,
    topic_arn: String,
    message: String,
    timestamp: String,
    #[serde(default)]
    subject: Option<String>,
    #[serde(default)]
    token: Option<String>,
    #[serde(default, rename = "SubscribeURL")]
    subscribe_url: Option<String>,
    signature_version: String,
    signature: String,
    #[serde(rename = "SigningCertURL")]
    signing_cert_url: String,
}

impl Unverified {
    /// Takes a message apart.
    ///
    /// # Errors
    /// Unauthenticated, saying what is wrong without anything of it: nobody has proved to be SNS yet.
    pub fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self, Failure> {
        if headers.contains_key(RAW) {
            return Err(refused(
                "raw message delivery is on for its subscription, and such a message is not signed; switch it off",
            ));
        }
        let envelope: Envelope = serde_json::from_slice(body).map_err(|error| {
            refused(&format!(
                "it is not the JSON of a signed message (line {}, column {})",
                error.line(),
                error.column()
            ))
        })?;
        let kind = Kind::named(&envelope.kind).ok_or_else(|| refused("its Type is none that SNS has"))?;
        let mut marks = headers.get_all(MARK).iter();
        let mark = marks.next().and_then(|value| value.to_str().ok());
        if mark != Some(envelope.kind.as_str()) || marks.next().is_some() {
            return Err(refused(&format!("the header {MARK} is not its Type")));
        }
        let topic =
            envelope.topic_arn.parse().map_err(|_| refused("its TopicArn is not the ARN of a topic"))?;
        let timestamp =
            envelope.timestamp.parse().map_err(|_| refused("its Timestamp is not an RFC 3339 time"))?;
        let signature =
            STANDARD.decode(&envelope.signature).map_err(|_| refused("its Signature is not base64"))?;
        let signed = envelope.signed(kind).map_err(|why| refused(&why))?;
        Ok(Self {
            kind,
            topic,
            timestamp,
            version: envelope.signature_version.clone(),
            certificate: envelope.signing_cert_url.clone(),
            signature,
            signed,
            envelope,
        })
    }

    /// What it says, once its signature is verified.
    ///
    /// # Errors
    /// Unauthenticated when a field is missing that its kind has; its signature covers it, so it was refused before.
    pub(super) fn verified(self) -> Result<Message, Failure> {
        let Self { kind, topic, timestamp, envelope, .. } = self;
        let Envelope { message_id, message, subject, token, subscribe_url, .. } = envelope;
        Ok(match kind {
            Kind::Notification => Message::Notification(SnsNotification {
                topic_arn: topic,
                message_id,
                timestamp,
                subject,
                message,
                message_attributes: Map::new(),
            }),
            Kind::SubscriptionConfirmation => {
                let (Some(token), Some(url)) = (token, subscribe_url) else {
                    return Err(refused("it has no Token and SubscribeURL"));
                };
                Message::Confirmation(Confirmation { topic, token, url })
            }
            Kind::UnsubscribeConfirmation => Message::Unsubscribed(topic),
        })
    }
}

impl Envelope {
    /// The fields that are signed, in the order of their names, each name and value on a line of its own.
    ///
    /// Only `Message` may have line breaks. If another could, the same bytes could be taken apart in two ways.
    fn signed(&self, kind: Kind) -> Result<String, String> {
        let mut fields = vec![("Message", Some(&self.message)), ("MessageId", Some(&self.message_id))];
        if kind == Kind::Notification {
            fields.extend([("Subject", self.subject.as_ref()), ("Timestamp", Some(&self.timestamp))]);
        } else {
            for (name, value) in [("SubscribeURL", &self.subscribe_url), ("Token", &self.token)] {
                if value.is_none() {
                    return Err(format!("it has no {name}"));
                }
            }
            fields.extend([
                ("SubscribeURL", self.subscribe_url.as_ref()),
                ("Timestamp", Some(&self.timestamp)),
                ("Token", self.token.as_ref()),
            ]);
        }
        fields.extend([("TopicArn", Some(&self.topic_arn)), ("Type", Some(&self.kind))]);
        let mut signed = String::new();
        for (name, value) in fields {
            let Some(value) = value else { continue };
            if name != "Message" && value.contains(['\n', '\r']) {
                return Err(format!("its {name} has a line break"));
            }
            signed.extend([name, "\n", value, "\n"]);
        }
        Ok(signed)
    }
}
