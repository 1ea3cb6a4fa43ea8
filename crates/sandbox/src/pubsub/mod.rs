//! Google Pub/Sub, as far as publishing over REST and push subscriptions go.
//!
//! Topics and subscriptions are made from outside. What is published waits until [`PubSub::push`] delivers it, so that a
//! test decides when and how often; time passes when [`PubSub::advance`] says so. Source: Pub/Sub documentation, "Push
//! subscriptions", "Handle message failures", "Payload unwrapping", and the REST reference.

mod publish;
mod push;
mod subscription;

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::faults::Faults;
use crate::http_client::LoopbackClient;
use crate::identity::Environment;
use crate::identity::gcp::{Accounts, Gcp};
use crate::server::Server;
use crate::trace::Trace;

pub use push::Pushed;
pub use subscription::{DeadLetters, Form, Subscription};

use subscription::Backlog;

/// A message as a topic keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The service's id of it.
    pub id: String,
    /// When it was published.
    pub published: Timestamp,
    /// The payload.
    pub data: Vec<u8>,
    /// What the publisher attached.
    pub attributes: BTreeMap<String, String>,
    /// What must be delivered one after the other, where the subscription sees to it; else empty.
    pub ordering_key: String,
}

/// The service.
#[derive(Debug)]
pub struct PubSub {
    server: Server,
    faults: Faults,
    shared: Arc<Shared>,
    client: LoopbackClient,
    trace: Trace,
}

struct Shared {
    /// Who may publish; an emulator asks nobody.
    accounts: Option<Accounts>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Everything that was ever published, a list a topic.
    topics: BTreeMap<String, Vec<Message>>,
    subscriptions: BTreeMap<String, Backlog>,
    published: u64,
    deny: bool,
    later: SignedDuration,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("accounts", &self.accounts).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn now(&self) -> Timestamp {
        Timestamp::now().saturating_add(self.later).unwrap_or(Timestamp::MAX)
    }

    /// Keeps a message for every subscription of the topic, and gives its id. `None` when there is no such topic.
    fn publish(
        &mut self,
        topic: &str,
        data: Vec<u8>,
        attributes: BTreeMap<String, String>,
        ordering_key: String,
    ) -> Option<String> {
        let published = self.now();
        let kept = self.topics.get_mut(topic)?;
        self.published += 1;
        let id = format!("{}", 13_000_000_000_000_000_u64 + self.published);
        let message = Message { id: id.clone(), published, data, attributes, ordering_key };
        kept.push(message.clone());
        for backlog in self.subscriptions.values_mut().filter(|backlog| backlog.of(topic)) {
            backlog.add(message.clone());
        }
        Some(id)
    }
}

impl PubSub {
    /// The service of the project, where `gcp`'s access tokens say who publishes.
    ///
    /// # Errors
    /// What the operating system says when no port can be bound.
    pub async fn start(gcp: &Gcp, trace: Trace) -> io::Result<Self> {
        Self::serve(Some(gcp.accounts()), trace).await
    }

    /// As Google's emulator: whoever reaches it may publish.
    ///
    /// # Errors
    /// What the operating system says when no port can be bound.
    pub async fn emulator(trace: Trace) -> io::Result<Self> {
        Self::serve(None, trace).await
    }

    async fn serve(accounts: Option<Accounts>, trace: Trace) -> io::Result<Self> {
        let shared = Arc::new(Shared { accounts, state: Mutex::default() });
        let faults = Faults::new();
        let router = publish::router(Arc::clone(&shared));
        let server = Server::start("pubsub", router, faults.clone(), trace.clone()).await?;
        let client = LoopbackClient::new().map_err(io::Error::other)?;
        Ok(Self { server, faults, shared, client, trace })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// What leads a program here: gcloud's own override of the API's address, or the emulator's variable.
    pub fn env(&self) -> Environment {
        let (name, value) = match self.shared.accounts {
            Some(_) => ("CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB", self.url()),
            None => ("PUBSUB_EMULATOR_HOST", self.url().trim_start_matches("http://")),
        };
        Environment::from([(name.to_owned(), value.to_owned())])
    }

    /// What can be made to go wrong with publishing.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Makes the topic `projects/P/topics/T`.
    pub fn create_topic(&self, topic: &str) {
        self.shared.lock().topics.entry(topic.to_owned()).or_default();
    }

    /// Makes a subscription: it gets what is published from now on.
    pub fn subscribe(&self, subscription: Subscription) {
        self.shared.lock().subscriptions.insert(subscription.name.clone(), Backlog::new(subscription));
    }

    /// Takes `roles/pubsub.publisher` away from everybody, or gives it back.
    pub fn deny_publishing(&self, deny: bool) {
        self.shared.lock().deny = deny;
    }

    /// Publishes from inside the project, as Cloud Monitoring and others do; gives the message's id, or `None` when there
    /// is no such topic.
    pub fn publish(
        &self,
        topic: &str,
        data: impl Into<Vec<u8>>,
        attributes: &[(&str, &str)],
    ) -> Option<String> {
        let attributes =
            attributes.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        self.shared.lock().publish(topic, data.into(), attributes, String::new())
    }

    /// Everything that was ever published to a topic.
    pub fn messages(&self, topic: &str) -> Vec<Message> {
        self.shared.lock().topics.get(topic).cloned().unwrap_or_default()
    }

    /// How many messages of a subscription are not acknowledged.
    pub fn waiting(&self, subscription: &str) -> usize {
        self.shared.lock().subscriptions.get(subscription).map_or(0, Backlog::len)
    }

    /// Lets time pass, for what is to be delivered again.
    pub fn advance(&self, time: Duration) {
        let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
        let mut state = self.shared.lock();
        state.later = state.later.saturating_add(time);
    }
}
