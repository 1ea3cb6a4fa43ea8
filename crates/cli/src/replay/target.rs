//! What messages are sent to.

use gatepass_aws::account::Account;
use gatepass_aws::queue::Sqs;
use gatepass_core::client::Clients;
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::failure::Failure;
use gatepass_core::queue::{Message, Queue};
use gatepass_gcp::pubsub::PubSub;
use std::time::Duration;

use super::file::Sheet;
use super::letter::Letter;
use super::place::{Place, environment, google};
use super::source::{STEP, storage};

pub(super) enum Target {
    Queue(Box<dyn Queue>),
    File(Sheet),
}

/// Why a message was not taken.
pub(super) enum NotSent {
    /// Because of what it is.
    Message(String),
    /// The target takes none.
    Target(String),
}

impl Target {
    pub(super) fn open(place: Place) -> Result<Self, String> {
        let clients = Clients::new(None)?;
        Ok(Self::Queue(match place {
            Place::File(path) => return Sheet::open(path).map(Self::File),
            Place::Sqs(arn) => Box::new(Sqs::new(Account::from_env(&environment(&arn), &clients)?, arn)?),
            Place::Topic(name) => {
                let env = Env::from_process();
                Box::new(PubSub::new(&name, &env, &clients, google(&env))?)
            }
            Place::Subscription(name) => {
                return Err(format!(
                    "{name} is a subscription, which is taken from; name the topic, projects/PROJECT/topics/NAME"
                ));
            }
            Place::Storage(url) => Box::new(storage(&url, &clients)?),
        }))
    }

    /// Sends a message, and comes back only when the target keeps it.
    pub(super) async fn send(&self, letter: &Letter) -> Result<(), NotSent> {
        let limit = match self {
            Self::Queue(queue) => queue.longest_text(),
            Self::File(_) => usize::MAX,
        };
        let text = letter.outgoing(limit).map_err(NotSent::Message)?;
        match self {
            Self::File(sheet) => sheet.write(&text).map_err(NotSent::Target),
            Self::Queue(queue) => {
                let (group, id) = (letter.group_hex(), letter.id_hex());
                let message = Message { text: &text, group: &group, id: &id, delay: Duration::ZERO };
                queue.send(message, Deadline::after(STEP)).await.map_err(judge)
            }
        }
    }
}

/// What is invalid or too large is the message's fault, everything else lasts.
fn judge(failure: Failure) -> NotSent {
    match failure.class.name() {
        "invalid" => NotSent::Message(failure.message),
        _ => NotSent::Target(failure.message),
    }
}
