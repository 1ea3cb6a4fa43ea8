//! The certificates of SNS, fetched once each.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use reqwest::Client;
use tokio::sync::Mutex as AsyncMutex;
use url::Url;

use super::certificate::Certificate;
use super::endpoint::Origin;
use super::refused;
use crate::client::{describe, read_body};
use crate::clock::age;
use crate::deadline::Deadline;
use crate::failure::{Class, Failure};

/// How many are kept. SNS has one a region, and for a while two when it changes.
const MAX_HELD: usize = 16;

/// How long one is used before it is fetched again.
const LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// How many are asked for in a minute. Whoever knows the name of a topic can name certificates that there are not.
const MAX_FETCHES: usize = 10;
const MINUTE: Duration = Duration::from_secs(60);

/// How long one fetch may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// The largest that is read, in bytes.
const MAX_PEM: usize = 64 * 1024;

#[derive(Debug)]
pub(super) struct Certificates {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    client: Client,
    origin: Origin,
    held: Mutex<VecDeque<Held>>,
    /// When certificates were asked for lately. Locked while one is: what is held already does not wait for that.
    fetches: Arc<AsyncMutex<VecDeque<Timestamp>>>,
}

#[derive(Debug)]
struct Held {
    url: Url,
    certificate: Arc<Certificate>,
    fetched: Timestamp,
}

impl Certificates {
    pub(super) fn new(client: Client, origin: Origin) -> Self {
        let (held, fetches) = (Mutex::default(), Arc::default());
        Self { shared: Arc::new(Shared { client, origin, held, fetches }) }
    }

    /// The certificate at `url`, which must be one that may be asked for.
    ///
    /// One that cannot be fetched again now stays: whoever asks for others all the time must not be the end of it, and for
    /// how long it is valid it says itself.
    ///
    /// # Errors
    /// Unauthenticated when there is none; Deferred when it cannot be had now.
    pub(super) async fn get(&self, url: &Url, deadline: Deadline) -> Result<Arc<Certificate>, Failure> {
        if let Some(certificate) = self.shared.held(url, LIFETIME) {
            return Ok(certificate);
        }
        let asked = self.ask(url, deadline).await;
        asked.or_else(|failure| match failure.class {
            Class::Deferred(_) => self.shared.held(url, Duration::MAX).ok_or(failure),
            _ => Err(failure),
        })
    }

    async fn ask(&self, url: &Url, deadline: Deadline) -> Result<Arc<Certificate>, Failure> {
        let asking = async {
            let mut fetches = Arc::clone(&self.shared.fetches).lock_owned().await;
            if let Some(certificate) = self.shared.held(url, LIFETIME) {
                return Ok(certificate);
            }
            let now = Timestamp::now();
            fetches.retain(|at| age(*at, now) < MINUTE);
            if fetches.len() >= MAX_FETCHES {
                return Err(later("too many were asked for in the last minute"));
            }
            fetches.push_back(now);
            // Not a part of this request: a sender that hangs up must not be the way to ask again and again.
            let (shared, url) = (Arc::clone(&self.shared), url.clone());
            let fetching = tokio::spawn(async move {
                let _alone = fetches;
                shared.fetch(url).await
            });
            fetching.await.unwrap_or_else(|_| Err(Failure::bug()))
        };
        deadline.run("asking for the certificate of SNS", asking).await
    }
}

impl Shared {
    /// The one that was fetched less than `lifetime` ago.
    fn held(&self, url: &Url, lifetime: Duration) -> Option<Arc<Certificate>> {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh =
            held.iter().find(|held| held.url == *url && age(held.fetched, Timestamp::now()) < lifetime)?;
        Some(Arc::clone(&fresh.certificate))
    }

    async fn fetch(&self, url: Url) -> Result<Arc<Certificate>, Failure> {
        let request = self.client.get(self.origin.of(&url)).timeout(TIMEOUT).send();
        let response = request.await.map_err(|error| later(&describe(&error)))?;
        let status = response.status();
        if status.is_client_error() && !matches!(status.as_u16(), 408 | 429) {
            return Err(refused("there is no certificate where its SigningCertURL says"));
        }
        if !status.is_success() {
            return Err(later(&format!("its answer is {status}")));
        }
        let body = read_body(response, MAX_PEM).await.map_err(|error| later(&error.to_string()))?;
        let certificate = Certificate::read(&body).ok_or_else(|| later("its answer is not a certificate"))?;
        let certificate = Arc::new(certificate);
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|held| held.url != url);
        if held.len() >= MAX_HELD {
            held.pop_front();
        }
        held.push_back(Held { url, certificate: Arc::clone(&certificate), fetched: Timestamp::now() });
        Ok(certificate)
    }
}

fn later(why: &str) -> Failure {
    Failure::deferred(Duration::from_secs(20), format!("the certificate of SNS cannot be had now: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Clients;
    use crate::env::Env;

    const PEM: &[u8] = include_bytes!("../../../../sandbox/keys/sns.pem");

    #[tokio::test]
    async fn what_is_held_stays_while_it_cannot_be_fetched_again() {
        // Nobody listens there.
        let origin =
            Origin::from_env(&Env::from_iter([("AWS_ENDPOINT_URL_SNS", "http://127.0.0.1:1")])).unwrap();
        let certificates = Certificates::new(Clients::new(None).unwrap().outbound, origin);
        let url: Url = "https://sns.eu-central-1.amazonaws.com/a.pem".parse().unwrap();
        let get = async || certificates.get(&url, Deadline::after(TIMEOUT)).await;
        assert_eq!(get().await.unwrap_err().class.status(), 503);
        let certificate = Arc::new(Certificate::read(PEM).unwrap());
        let fetched = Timestamp::now() - 2 * LIFETIME;
        let held = Held { url: url.clone(), certificate: Arc::clone(&certificate), fetched };
        certificates.shared.held.lock().unwrap().push_back(held);
        for _ in 0..=MAX_FETCHES {
            assert!(Arc::ptr_eq(&get().await.unwrap(), &certificate));
        }
        assert_eq!(certificates.shared.fetches.lock().await.len(), MAX_FETCHES);
    }
}
