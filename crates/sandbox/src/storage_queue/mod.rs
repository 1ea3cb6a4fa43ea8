//! Azure Queue Storage: one storage account and its queues.
//!
//! Put, get, peek, update and delete over HTTP, with a token of the tenant for `https://storage.azure.com`; time passes when
//! [`StorageQueues::advance`] says so. Source: "Queue Storage REST API" and "Authorize with Microsoft Entra ID".

mod admission;
mod queue;
mod routes;
mod xml;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::faults::Faults;
use crate::identity::azure::Azure;
use crate::issuer::Issuer;
use crate::server::Server;
use crate::trace::Trace;

pub use queue::Message;

/// The storage account.
pub const ACCOUNT: &str = "acmestorage";

/// The service.
#[derive(Debug)]
pub struct StorageQueues {
    server: Server,
    faults: Faults,
    account: Arc<Account>,
}

struct Account {
    issuers: [Issuer; 2],
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    queues: BTreeMap<String, VecDeque<Message>>,
    deny: bool,
    later: SignedDuration,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("issuers", &self.issuers).finish_non_exhaustive()
    }
}

impl Account {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn now(&self) -> Timestamp {
        Timestamp::now().saturating_add(self.later).unwrap_or(Timestamp::MAX)
    }
}

impl StorageQueues {
    /// The queues of an account in `azure`'s tenant, none to begin with.
    ///
    /// # Errors
    /// What the operating system says when no port can be bound.
    pub async fn start(azure: &Azure, trace: Trace) -> io::Result<Self> {
        let issuers = [azure.issuer_v1().clone(), azure.issuer().clone()];
        let account = Arc::new(Account { issuers, state: Mutex::default() });
        let faults = Faults::new();
        let router = routes::router(Arc::clone(&account));
        let server = Server::start("storage-queue", router, faults.clone(), trace).await?;
        Ok(Self { server, faults, account })
    }

    /// The address of a queue, as Azurite would have it: below the account's name.
    pub fn url(&self, queue: &str) -> String {
        format!("{}/{ACCOUNT}/{queue}", self.server.url())
    }

    /// What can be made to go wrong with it.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Makes a queue.
    pub fn create(&self, queue: &str) {
        self.account.lock().queues.entry(queue.to_owned()).or_default();
    }

    /// Takes every role on the queues away from everybody, or gives them back.
    pub fn deny(&self, deny: bool) {
        self.account.lock().deny = deny;
    }

    /// Lets time pass, for what is not visible yet.
    pub fn advance(&self, time: Duration) {
        let time = SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
        let mut state = self.account.lock();
        state.later = state.later.saturating_add(time);
    }

    /// What time it is here.
    pub fn now(&self) -> Timestamp {
        self.account.lock().now()
    }

    /// All messages of a queue, visible or not; none when there is no such queue.
    pub fn messages(&self, queue: &str) -> Vec<Message> {
        self.account.lock().queues.get(queue).map(|queue| queue.iter().cloned().collect()).unwrap_or_default()
    }

    /// Puts a message with this text on a queue, which is made if it is not there, and gives its id.
    pub fn put(&self, queue: &str, text: impl Into<String>) -> String {
        let mut state = self.account.lock();
        let message = Message::new(text.into(), state.now(), Duration::ZERO);
        let id = message.id.clone();
        state.queues.entry(queue.to_owned()).or_default().push_back(message);
        id
    }

    /// Takes the first visible message and hides it for `hidden`.
    pub fn take(&self, queue: &str, hidden: Duration) -> Option<Message> {
        let mut state = self.account.lock();
        let now = state.now();
        let message = state.queues.get_mut(queue)?.iter_mut().find(|message| message.visible <= now)?;
        message.hand_out(now, hidden);
        Some(message.clone())
    }

    /// Shows a message again after `hidden`.
    pub fn release(&self, queue: &str, id: &str, hidden: Duration) {
        let mut state = self.account.lock();
        let now = state.now();
        let found =
            state.queues.get_mut(queue).and_then(|queue| queue.iter_mut().find(|message| message.id == id));
        if let Some(message) = found {
            message.hide(now, hidden);
        }
    }

    /// Takes a message away for good.
    pub fn delete(&self, queue: &str, id: &str) {
        if let Some(queue) = self.account.lock().queues.get_mut(queue) {
            queue.retain(|message| message.id != id);
        }
    }
}
