//! What messages are taken from.

use std::sync::Arc;
use std::time::Duration;

use gatepass_aws::account::Account;
use gatepass_aws::queue::Sqs;
use gatepass_azure::identity::ManagedIdentity;
use gatepass_azure::storage_queue::StorageQueue;
use gatepass_core::client::Clients;
use gatepass_core::config::AzureIdentity;
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::failure::Failure;
use gatepass_gcp::pubsub::Subscription;

use super::file::Lines;
use super::letter::{Letter, Receipt, Text};
use super::place::{Place, environment, google};

/// For how long nobody else sees what was taken. What was not sent is released sooner, unless this is killed.
const HIDDEN: Duration = Duration::from_secs(300);

/// How long one step may take.
pub(super) const STEP: Duration = Duration::from_secs(30);

/// What gatepass attaches to a hand-off, and what everything begins with that Pub/Sub attaches to a dead letter.
const OWN_ATTRIBUTES: (&str, &str) = ("id", "CloudPubSubDeadLetter");

pub(super) enum Source {
    Sqs(Sqs),
    PubSub(Subscription),
    Storage(StorageQueue),
    File(Lines),
}

impl Source {
    pub(super) fn open(place: Place) -> Result<Self, String> {
        let clients = Clients::new(None)?;
        Ok(match place {
            Place::Sqs(arn) => Self::Sqs(Sqs::new(Account::from_env(&environment(&arn), &clients)?, arn)?),
            Place::Subscription(name) => {
                let env = Env::from_process();
                Self::PubSub(Subscription::new(&name, &env, &clients, google(&env))?)
            }
            Place::Topic(name) => {
                return Err(format!(
                    "{name} is a topic, which keeps nothing; name a subscription of it, projects/PROJECT/subscriptions/NAME"
                ));
            }
            Place::Storage(url) => Self::Storage(storage(&url, &clients)?),
            Place::File(path) => Self::File(Lines::open(path)?),
        })
    }

    /// Takes some messages; none when there are none.
    pub(super) async fn take(&mut self) -> Result<Vec<Letter>, Failure> {
        let deadline = Deadline::after(STEP);
        Ok(match self {
            Self::File(lines) => lines.take(),
            Self::Sqs(queue) => queue.receive(HIDDEN, deadline).await?.into_iter().map(of_sqs).collect(),
            Self::PubSub(queue) => queue.pull(HIDDEN, deadline).await?.into_iter().map(of_pubsub).collect(),
            Self::Storage(queue) => {
                queue.receive(HIDDEN, deadline).await?.into_iter().map(of_storage).collect()
            }
        })
    }

    /// Deletes a message for good.
    pub(super) async fn delete(&mut self, letter: &Letter) -> Result<(), Failure> {
        let deadline = Deadline::after(STEP);
        match (self, &letter.receipt) {
            (Self::Sqs(queue), Receipt::Sqs(receipt)) => queue.delete(receipt, deadline).await,
            (Self::PubSub(queue), Receipt::PubSub(receipt)) => queue.acknowledge(receipt, deadline).await,
            (Self::Storage(queue), Receipt::Storage(message)) => queue.delete(message, deadline).await,
            (Self::File(lines), Receipt::Line(line)) => {
                lines.delete(*line);
                Ok(())
            }
            _ => Err(Failure::refused("this message was taken from somewhere else")),
        }
    }

    /// Lets others see what was taken and not deleted. If that fails, they see it a few minutes later.
    pub(super) async fn release(&self, letters: &[Letter]) {
        for letter in letters {
            let deadline = Deadline::after(STEP);
            let _ = match (self, &letter.receipt) {
                (Self::Sqs(queue), Receipt::Sqs(receipt)) => queue.release(receipt, deadline).await,
                (Self::PubSub(queue), Receipt::PubSub(receipt)) => queue.release(receipt, deadline).await,
                (Self::Storage(queue), Receipt::Storage(message)) => queue.release(message, deadline).await,
                _ => Ok(()),
            };
        }
    }

    /// Ends the taking.
    pub(super) fn finish(&self) -> Result<(), String> {
        match self {
            Self::File(lines) => lines.finish(),
            _ => Ok(()),
        }
    }
}

/// A queue of Queue Storage, as the managed identity of this machine.
pub(super) fn storage(url: &str, clients: &Clients) -> Result<StorageQueue, String> {
    let identity = ManagedIdentity::new(&Env::from_process(), clients, &AzureIdentity::default())?;
    StorageQueue::new(url, clients, Arc::new(identity))
}

fn of_sqs(message: gatepass_aws::queue::Received) -> Letter {
    let (group, has_attributes) = (message.group().map(str::to_owned), message.has_attributes());
    let text = Text::read(message.text);
    Letter { id: message.id, text, group, has_attributes, receipt: Receipt::Sqs(message.receipt) }
}

fn of_pubsub(message: gatepass_gcp::pubsub::Pulled) -> Letter {
    let is_own = |name: &String| name == OWN_ATTRIBUTES.0 || name.starts_with(OWN_ATTRIBUTES.1);
    let has_attributes = message.attributes.keys().any(|name| !is_own(name));
    let text = String::from_utf8(message.data)
        .map_or_else(|_| Text::Unreadable("it holds bytes that are no text".to_owned()), Text::read);
    let group = Some(message.ordering_key).filter(|key| !key.is_empty());
    Letter { id: message.id, text, group, has_attributes, receipt: Receipt::PubSub(message.receipt) }
}

fn of_storage(mut message: gatepass_azure::storage_queue::Received) -> Letter {
    let text = message.text.take().map_or_else(
        || Text::Unreadable("it is not base64 of a text, as the Functions host wants it".to_owned()),
        Text::read,
    );
    let id = message.id.clone();
    Letter { id, text, group: None, has_attributes: false, receipt: Receipt::Storage(message) }
}
