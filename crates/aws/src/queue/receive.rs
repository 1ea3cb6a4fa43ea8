//! Taking messages off a queue by hand. Lambda does so by itself: this is for `gatepass replay`.
//!
//! Source: Amazon SQS API reference (AWS JSON 1.0), "ReceiveMessage" and "DeleteMessage".

use std::time::Duration;

use gatepass_core::deadline::Deadline;
use gatepass_core::event::Event;
use gatepass_core::failure::Failure;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::Sqs;
use crate::events::SqsMessage;

/// The most messages that SQS gives at once.
const AT_ONCE: u32 = 10;

/// With a wait, SQS asks all of its servers; without, a message may be overlooked. In seconds.
const WAIT: u32 = 1;

/// A message, as it was received.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Received {
    /// The same every time that it is received.
    #[serde(rename = "MessageId")]
    pub id: String,
    /// What deletes or releases it.
    #[serde(rename = "ReceiptHandle")]
    pub receipt: String,
    /// Its text.
    #[serde(rename = "Body", default)]
    pub text: String,
    #[serde(default)]
    attributes: Map<String, Value>,
    #[serde(default)]
    message_attributes: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default)]
    messages: Vec<Received>,
}

impl Received {
    /// Of a FIFO queue: what must be done one after the other.
    pub fn group(&self) -> Option<&str> {
        self.attributes.get("MessageGroupId").and_then(Value::as_str)
    }

    /// Whether its sender attached anything to the text.
    pub fn has_attributes(&self) -> bool {
        !self.message_attributes.is_empty()
    }
}

impl Sqs {
    /// Receives up to ten messages, which nobody else sees for `hidden`; none when none can be seen.
    ///
    /// # Errors
    /// Deferred when SQS or the credentials cannot answer now, else Refused, with what to change.
    pub async fn receive(&self, hidden: Duration, deadline: Deadline) -> Result<Vec<Received>, Failure> {
        let body = json!({
            "QueueUrl": self.url, "MaxNumberOfMessages": AT_ONCE, "VisibilityTimeout": hidden.as_secs(),
            "WaitTimeSeconds": WAIT, "MessageSystemAttributeNames": ["MessageGroupId"], "MessageAttributeNames": ["All"],
        });
        let place = "Amazon SQS (ReceiveMessage)";
        let answer =
            self.call(place, "AmazonSQS.ReceiveMessage", "sqs:ReceiveMessage", &body, deadline).await?;
        let answer: Answer = serde_json::from_value(answer).map_err(|_| {
            Failure::refused(format!("{place} answered with something that is no list of messages"))
        })?;
        Ok(answer.messages)
    }

    /// Deletes a message that was received.
    ///
    /// # Errors
    /// As [`Sqs::receive`]; the message then comes again.
    pub async fn delete(&self, receipt: &str, deadline: Deadline) -> Result<(), Failure> {
        let body = json!({ "QueueUrl": self.url, "ReceiptHandle": receipt });
        let place = "Amazon SQS (DeleteMessage)";
        self.call(place, "AmazonSQS.DeleteMessage", "sqs:DeleteMessage", &body, deadline).await.map(drop)
    }

    /// Lets others see a message again that was received.
    ///
    /// # Errors
    /// As [`Sqs::receive`]; they then see it when its time is up.
    pub async fn release(&self, receipt: &str, deadline: Deadline) -> Result<(), Failure> {
        self.hold_back(receipt, 0, deadline).await
    }
}

impl SqsMessage {
    /// The event that the message is for a function, unless it comes from the deployment's own queue.
    ///
    /// # Errors
    /// None at present.
    pub fn into_event(self) -> Result<Event, Failure> {
        self.into_delivery(None).map(|delivery| delivery.event)
    }
}
