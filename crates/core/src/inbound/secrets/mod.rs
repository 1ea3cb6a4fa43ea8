//! The secrets of one webhook: several while one is rotated.

mod source;

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;

use self::source::{Reader, Trouble};
use super::signature::Signature;
use crate::clock::age;
use crate::config::WebhookTrigger;
use crate::deadline::Deadline;
use crate::env::Env;
use crate::failure::Failure;
use crate::secret::WebhookSecret;
use crate::secret_store::SecretStore;
use crate::telemetry::TARGET;

/// How often secrets are read again because a signature fits none of them. Anybody can send such a signature, so this is
/// also how often a stranger can make us ask a store.
const REREAD: Duration = Duration::from_secs(60);

/// How long one reading of all of them may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where a webhook's secrets are, and what they were when they were last read.
#[derive(Debug)]
pub struct Secrets {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    reader: Reader,
    /// One a source, in the same order. Held for no longer than it takes to look.
    held: RwLock<Arc<[WebhookSecret]>>,
    /// Locked while they are read again: once for all who wait.
    last: Arc<Mutex<Reading>>,
}

/// The last reading.
#[derive(Debug)]
struct Reading {
    at: Timestamp,
    /// Whether a store did not answer, so that a secret that fits may be there.
    undecided: bool,
}

impl Secrets {
    /// Reads them all: a secret that is named and cannot be read stops the start, because the route would be shut or,
    /// worse, open.
    ///
    /// # Errors
    /// A sentence for each that cannot be read, which names the source and never its content.
    pub async fn read(
        webhook: &WebhookTrigger,
        env: &Env,
        store: Option<&Arc<dyn SecretStore>>,
        deadline: Deadline,
    ) -> Result<Self, Vec<String>> {
        let reader = Reader::new(webhook, env, store);
        let (mut secrets, mut problems) = (Vec::new(), Vec::new());
        for result in reader.read_all(deadline).await {
            match result {
                Ok(secret) => secrets.push(secret),
                Err(trouble) => problems.push(trouble.message),
            }
        }
        if !problems.is_empty() {
            return Err(problems);
        }
        let last = Reading { at: Timestamp::now(), undecided: false };
        let held = RwLock::new(secrets.into());
        Ok(Self { shared: Arc::new(Shared { reader, held, last: Arc::new(Mutex::new(last)) }) })
    }

    /// Accepts a signature that one of the secrets made over `body`. On a miss they are read again, at most once a minute:
    /// one may have been rotated. Deliveries that fit meanwhile do not wait for that.
    ///
    /// # Errors
    /// Unauthenticated when none of them did. Deferred when the store did not answer, and so may keep one that did: whoever
    /// comes again is told when that can be known.
    pub async fn verify(
        &self,
        signature: &Signature,
        body: &[u8],
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let before = self.shared.held();
        if signature.is_by_any(before.iter(), body) {
            return Ok(());
        }
        let asking = async {
            let last = Arc::clone(&self.shared.last).lock_owned().await;
            if self.shared.reader.is_fixed() || age(last.at, Timestamp::now()) < REREAD {
                return Ok(last.answer());
            }
            // Not a part of this delivery: a sender that hangs up must not be the way to ask the store again and again.
            let shared = Arc::clone(&self.shared);
            let reading = tokio::spawn(async move {
                let mut last = last;
                *last = Reading { at: Timestamp::now(), undecided: shared.read_again().await };
                last.answer()
            });
            reading.await.map_err(|_| Failure::bug())
        };
        let answer = deadline.run("reading the webhook's secrets again", asking).await?;
        let now = self.shared.held();
        if !Arc::ptr_eq(&before, &now) && signature.is_by_any(now.iter(), body) {
            return Ok(());
        }
        Err(answer)
    }
}

impl Shared {
    fn held(&self) -> Arc<[WebhookSecret]> {
        Arc::clone(&self.held.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Reads them again; what cannot be read stays what it was, as while a file is being replaced. Says whether a store
    /// did not answer.
    async fn read_again(&self) -> bool {
        let mut secrets = self.held().to_vec();
        let mut undecided = false;
        let read = self.reader.read_all(Deadline::after(TIMEOUT)).await;
        for (secret, result) in secrets.iter_mut().zip(read) {
            match result {
                Ok(new) => *secret = new,
                Err(Trouble { message, is_passing }) => {
                    undecided |= is_passing;
                    tracing::warn!(target: TARGET, message = "a webhook's secret cannot be read again", reason = message);
                }
            }
        }
        *self.held.write().unwrap_or_else(PoisonError::into_inner) = secrets.into();
        undecided
    }
}

impl Reading {
    /// What a signature hears that fits none.
    fn answer(&self) -> Failure {
        if self.undecided {
            let wait = REREAD.saturating_sub(age(self.at, Timestamp::now()));
            return Failure::deferred(
                wait,
                "the signature fits none of this webhook's secrets as they were last read, and where they are kept does not answer now",
            );
        }
        Failure::unauthenticated(
            "the signature fits none of this webhook's secrets; compare the webhook's settings with `secrets` in gatepass.yaml",
        )
    }
}

#[cfg(test)]
mod tests;
