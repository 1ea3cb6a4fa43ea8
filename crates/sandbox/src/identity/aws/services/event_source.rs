//! Lambda's event source mapping for SQS, with `ReportBatchItemFailures` (Lambda developer guide, "Using Lambda with
//! Amazon SQS").

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::queue::Message;
use super::sqs::Sqs;
use crate::identity::aws::REGION;

/// Messages that have been received together, for one invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    queue: String,
    messages: Vec<Message>,
}

impl Batch {
    /// The event that the function receives.
    pub fn event(&self) -> Value {
        let records: Vec<Value> = self.messages.iter().map(|message| self.record(message)).collect();
        json!({ "Records": records })
    }

    /// The ids of its messages.
    pub fn ids(&self) -> Vec<&str> {
        self.messages.iter().map(|message| message.id.as_str()).collect()
    }

    fn record(&self, message: &Message) -> Value {
        let mut attributes = Map::from_iter([
            ("ApproximateFirstReceiveTimestamp".to_owned(), json!(message.sent.as_millisecond().to_string())),
            ("ApproximateReceiveCount".to_owned(), json!(message.receives.to_string())),
            ("SenderId".to_owned(), json!("AIDAIENQZJOLO23YVJ4VO")),
            ("SentTimestamp".to_owned(), json!(message.sent.as_millisecond().to_string())),
        ]);
        if let Some(group) = &message.group {
            attributes.insert("MessageGroupId".to_owned(), json!(group));
            attributes.insert("SequenceNumber".to_owned(), json!("18849496460467696128"));
        }
        json!({
            "messageId": message.id, "receiptHandle": message.receipt, "body": message.body, "attributes": attributes,
            "messageAttributes": message.attributes, "eventSource": "aws:sqs", "eventSourceARN": self.queue,
            "awsRegion": REGION,
        })
    }
}

impl Sqs {
    /// Receives what a queue holds, at most so many messages; none when nothing is visible. What was received too often
    /// goes to the dead letters first.
    pub fn receive(&self, arn: &str, at_most: usize) -> Option<Batch> {
        let mut state = self.queues.lock();
        let now = state.now();
        let queue = state.queue(arn)?;
        let dead = queue.take_dead(now);
        let messages = queue.receive(now, at_most);
        if let Some((grave, _)) = queue.dead_letters.clone()
            && let Some(grave) = state.queue(&grave)
        {
            grave.messages.extend(dead);
        }
        (!messages.is_empty()).then(|| Batch { queue: arn.to_owned(), messages })
    }

    /// Deletes what the function's answer does not report as failed. An answer that is not understood, or that names a
    /// message which is not in the batch, has failed all of them, as an error has.
    pub fn settle(&self, batch: &Batch, answer: Option<&Value>) {
        let failed: BTreeSet<&str> = match answer.and_then(|answer| failures(answer, batch)) {
            Some(failed) => failed,
            None => return,
        };
        if let Some(queue) = self.queues.lock().queue(&batch.queue) {
            let is_done = |message: &Message| {
                batch.messages.iter().any(|other| other.receipt == message.receipt)
                    && !failed.contains(message.id.as_str())
            };
            queue.messages.retain(|message| !is_done(message));
        }
    }
}

/// The ids that an answer names, if each is of the batch. An answer that names none, or is empty, is a success.
fn failures<'a>(answer: &'a Value, batch: &Batch) -> Option<BTreeSet<&'a str>> {
    let items = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return Some(BTreeSet::new()),
        Some(items) => items.as_array()?,
    };
    let ids = batch.ids();
    items.iter().map(|item| item.get("itemIdentifier")?.as_str().filter(|id| ids.contains(id))).collect()
}
