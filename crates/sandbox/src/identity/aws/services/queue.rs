//! One queue: what is in it, what is in flight, and what may be received now.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::identity::aws::{ACCOUNT, REGION};
use crate::identity::random;

/// How long a FIFO queue knows what it was sent.
const REMEMBERED: SignedDuration = SignedDuration::from_mins(5);

/// A message in a queue, as a test sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Given by the queue.
    pub id: String,
    /// Its text.
    pub body: String,
    /// Of a FIFO queue.
    pub group: Option<String>,
    /// Of a FIFO queue.
    pub deduplication_id: Option<String>,
    /// How often it was received.
    pub receives: u32,
    /// When it may be received again, or at all.
    pub visible_at: Timestamp,
    /// When it was sent.
    pub sent: Timestamp,
    pub(super) receipt: Option<String>,
    pub(super) attributes: Value,
}

/// A queue.
#[derive(Debug)]
pub(super) struct Queue {
    pub(super) name: String,
    pub(super) messages: Vec<Message>,
    pub(super) visibility: SignedDuration,
    /// The queue of those that were received too often, and how often that is.
    pub(super) dead_letters: Option<(String, u32)>,
    pub(super) longest: usize,
    /// What a FIFO queue was sent, and when.
    remembered: Vec<(String, Timestamp, String)>,
}

impl Queue {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            messages: Vec::new(),
            visibility: SignedDuration::from_secs(30),
            dead_letters: None,
            longest: 1_048_576,
            remembered: Vec::new(),
        }
    }

    pub(super) fn arn(&self) -> String {
        format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{}", self.name)
    }

    pub(super) fn is_fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }

    /// Keeps a message, unless it was sent a moment ago; the id is the same then.
    pub(super) fn keep(&mut self, now: Timestamp, delay: SignedDuration, message: Message) -> String {
        self.remembered.retain(|(_, sent, _)| now.duration_since(*sent) < REMEMBERED);
        if let Some(again) = &message.deduplication_id {
            if let Some((_, _, id)) = self.remembered.iter().find(|(known, _, _)| known == again) {
                return id.clone();
            }
            self.remembered.push((again.clone(), now, message.id.clone()));
        }
        let id = message.id.clone();
        self.messages.push(Message { sent: now, visible_at: now + delay, ..message });
        id
    }

    /// Receives what is visible; of a FIFO queue's group only what nothing before it holds up.
    pub(super) fn receive(&mut self, now: Timestamp, at_most: usize) -> Vec<Message> {
        let is_fifo = self.is_fifo();
        let (mut received, mut held_up) = (Vec::new(), Vec::new());
        for message in &mut self.messages {
            let is_held_up = is_fifo && held_up.contains(&message.group);
            if message.visible_at > now || is_held_up {
                held_up.push(message.group.clone());
            } else if received.len() < at_most {
                message.receives += 1;
                message.receipt = Some(random::secret());
                message.visible_at = now + self.visibility;
                received.push(message.clone());
            }
        }
        received
    }

    /// A message in flight, by the receipt of its last receipt.
    pub(super) fn in_flight(&mut self, receipt: &str, now: Timestamp) -> Option<&mut Message> {
        let is_it =
            |message: &&mut Message| message.receipt.as_deref() == Some(receipt) && message.visible_at > now;
        self.messages.iter_mut().find(is_it)
    }

    /// Takes out those that were received too often.
    pub(super) fn take_dead(&mut self, now: Timestamp) -> Vec<Message> {
        let Some((_, most)) = self.dead_letters else { return Vec::new() };
        let is_dead = |message: &mut Message| message.receives >= most && message.visible_at <= now;
        self.messages.extract_if(.., is_dead).collect()
    }
}

impl Message {
    pub(super) fn new(body: &str) -> Self {
        Self {
            id: random::uuid(),
            body: body.to_owned(),
            group: None,
            deduplication_id: None,
            receives: 0,
            visible_at: Timestamp::UNIX_EPOCH,
            sent: Timestamp::UNIX_EPOCH,
            receipt: None,
            attributes: json!({}),
        }
    }
}
