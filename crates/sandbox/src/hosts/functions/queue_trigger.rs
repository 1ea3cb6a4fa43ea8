//! Queue functions: what the host takes from Queue Storage, how it calls the handler, and what it does when that fails.
//!
//! Source: the Storage extension's `QueueListener` and `QueueProcessor`; the forms of values from the host's
//! `ScriptInvocationContextExtensions`: a text is a JSON string inside a string, a number is a string, a time has seconds.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::invocation::sys;
use super::{Front, InvocationFailure, Invoked};
use crate::storage_queue::{Message, StorageQueues};
use crate::trace::Hop;

/// How long the host keeps a message for itself, renewed while the function runs.
const HELD: Duration = Duration::from_secs(600);

/// `extensions.queues.messageEncoding` of host.json.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// The default.
    Base64,
    /// The text as it is.
    None,
}

/// A function with a queue trigger, and what host.json says of queues.
#[derive(Clone, Debug)]
pub struct QueueTrigger {
    /// The queue.
    pub queue: String,
    /// The function's name, which is its path.
    pub function: String,
    /// The name of the binding in `function.json`.
    pub binding: String,
    /// How texts are encoded.
    pub encoding: Encoding,
    /// How long a message is hidden after a failure.
    pub visibility_timeout: Duration,
    /// After how many failures a message is poison.
    pub max_dequeue_count: u32,
}

/// What became of a message.
#[derive(Clone, Debug)]
pub struct Triggered {
    /// The message, as it was handed out.
    pub message: Message,
    /// The invocation's end; `None` when the host could not decode the text, and did not call the function.
    pub outcome: Option<Result<Invoked, InvocationFailure>>,
    /// Whether it went to the poison queue.
    pub poison: bool,
}

impl QueueTrigger {
    /// The function `QUEUE-queue` for `queue`, with the host's defaults: base64, five tries at once.
    pub fn new(queue: impl Into<String>) -> Self {
        let queue = queue.into();
        Self {
            function: format!("{queue}-queue"),
            queue,
            binding: "message".to_owned(),
            encoding: Encoding::Base64,
            visibility_timeout: Duration::ZERO,
            max_dequeue_count: 5,
        }
    }

    /// Where poison goes.
    pub fn poison_queue(&self) -> String {
        format!("{}-poison", self.queue)
    }

    fn decode(&self, text: &str) -> Option<String> {
        match self.encoding {
            Encoding::Base64 => String::from_utf8(STANDARD.decode(text).ok()?).ok(),
            Encoding::None => Some(text.to_owned()),
        }
    }

    fn body(&self, message: &Message, text: &str) -> Value {
        let quoted = |text: &str| Value::from(text).to_string();
        json!({
            "Data": { &self.binding: quoted(text) },
            "Metadata": {
                "DequeueCount": message.dequeued.to_string(),
                "ExpirationTime": "9999-12-31T23:59:59+00:00",
                "Id": quoted(&message.id),
                "InsertionTime": time(message.inserted),
                "NextVisibleTime": time(message.visible),
                "PopReceipt": quoted(&message.receipt),
                "sys": sys(&self.function),
            },
        })
    }
}

/// As .NET writes a `DateTimeOffset` that was printed and read again.
fn time(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

impl Front {
    /// Looks at the queue once: takes the first visible message and calls the function. What succeeds is deleted; what fails
    /// is shown again, and is poison after its last try. `None` when nothing can be seen.
    pub async fn poll(&self, queues: &StorageQueues, trigger: &QueueTrigger) -> Option<Triggered> {
        let message = queues.take(&trigger.queue, HELD)?;
        let outcome = match trigger.decode(&message.text) {
            Some(text) => {
                let body = trigger.body(&message, &text);
                Some(self.invoke("azure-queue", &trigger.function, &body).await)
            }
            None => None,
        };
        let succeeded = matches!(outcome, Some(Ok(_)));
        let poison = !succeeded && (outcome.is_none() || message.dequeued >= trigger.max_dequeue_count);
        if poison {
            queues.put(&trigger.poison_queue(), message.text.clone());
            self.trace.record(Hop {
                service: "azure-queue",
                method: "PUT".to_owned(),
                path: format!("/{}", trigger.poison_queue()),
                status: None,
                note: Some(format!("poison after {} tries", message.dequeued)),
            });
        }
        if succeeded || poison {
            queues.delete(&trigger.queue, &message.id);
        } else {
            queues.release(&trigger.queue, &message.id, trigger.visibility_timeout);
        }
        Some(Triggered { message, outcome, poison })
    }
}
