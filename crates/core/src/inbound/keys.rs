//! The keys of the issuers that callers are pinned to.
//!
//! Keys come from the `jwks_uri` of the pinned issuer's own discovery document: https, no redirects, bounded. An unknown
//! `kid` makes them be fetched again, at most once a minute, so that a stranger cannot make us hammer an issuer.
//! Source: OpenID Connect Discovery 1.0, RFC 7517.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use reqwest::Client;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::Mutex;

use crate::client::{ServiceUrl, describe, read_body};
use crate::config::Issuer;
use crate::deadline::Deadline;
use crate::event::MAX_BODY;
use crate::failure::Failure;

/// How long keys are used before they are fetched again.
const LIFETIME: Duration = Duration::from_secs(3600);

/// How often they are fetched again because of an unknown `kid`.
const REFETCH: Duration = Duration::from_secs(60);

/// How long one document may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// One public key of a JWKS.
#[derive(Clone, Debug, Deserialize)]
pub struct Jwk {
    /// Its family.
    pub kty: String,
    /// Its name.
    pub kid: Option<String>,
    /// The one algorithm that it is for.
    pub alg: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

impl Jwk {
    /// Modulus and exponent.
    pub(super) fn rsa(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        Some((decode(self.n.as_deref()?)?, decode(self.e.as_deref()?)?))
    }

    /// The uncompressed point of a key on `curve`.
    pub(super) fn point(&self, curve: &str) -> Option<Vec<u8>> {
        let (x, y) = (decode(self.x.as_deref()?)?, decode(self.y.as_deref()?)?);
        let length = if curve == "P-256" { 32 } else { 48 };
        let fits = self.crv.as_deref() == Some(curve) && x.len() == length && y.len() == length;
        fits.then(|| [vec![4], x, y].concat())
    }

    fn signs(&self) -> bool {
        self.usage.as_deref().is_none_or(|usage| usage == "sig")
    }
}

fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok()
}

#[derive(Deserialize)]
struct Discovery {
    issuer: String,
    jwks_uri: String,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<serde_json::Value>,
}

/// Fetches and keeps the keys of issuers.
#[derive(Debug)]
pub struct KeyStore {
    client: Client,
    held: Mutex<HashMap<String, Arc<Mutex<Option<Held>>>>>,
}

#[derive(Debug)]
struct Held {
    keys: Vec<Jwk>,
    fetched: Timestamp,
}

impl Held {
    fn age(&self) -> Duration {
        let age = Timestamp::now().duration_since(self.fetched);
        if age.is_negative() { Duration::MAX } else { age.unsigned_abs() }
    }

    fn find(&self, kid: Option<&str>) -> Option<Jwk> {
        let mut fitting = self.keys.iter().filter(|key| kid.is_none() || key.kid.as_deref() == kid);
        let first = fitting.next()?;
        // Without a kid, only a single key can be meant.
        (kid.is_some() || fitting.next().is_none()).then(|| first.clone())
    }
}

impl KeyStore {
    /// With nothing fetched yet.
    pub fn new(client: Client) -> Self {
        Self { client, held: Mutex::default() }
    }

    /// The key `kid` of `issuer`; `None` when the issuer has no such key.
    ///
    /// # Errors
    /// Deferred when the issuer cannot be asked: never Untrusted, because the caller may well be who it says.
    pub async fn key(
        &self,
        issuer: &Issuer,
        kid: Option<&str>,
        deadline: Deadline,
    ) -> Result<Option<Jwk>, Failure> {
        let slot = Arc::clone(self.held.lock().await.entry(issuer.as_str().to_owned()).or_default());
        let mut slot = slot.lock().await;
        if let Some(held) = slot.as_ref() {
            let found = held.find(kid).filter(|_| held.age() < LIFETIME);
            if found.is_some() || held.age() < REFETCH {
                return Ok(found);
            }
        }
        let keys = self.fetch(issuer, deadline).await?;
        let held = slot.insert(Held { keys, fetched: Timestamp::now() });
        Ok(held.find(kid))
    }

    async fn fetch(&self, issuer: &Issuer, deadline: Deadline) -> Result<Vec<Jwk>, Failure> {
        let base = issuer.as_str().trim_end_matches('/');
        let discovery: Discovery =
            self.document(&format!("{base}/.well-known/openid-configuration"), issuer, deadline).await?;
        if discovery.issuer != issuer.as_str() {
            return Err(Failure::refused(format!(
                "the discovery document of {} says that its issuer is another; write the issuer in callers exactly as its tokens do",
                issuer.as_str()
            )));
        }
        let set: KeySet = self.document(&discovery.jwks_uri, issuer, deadline).await?;
        // A key of a kind that is not known here must not hide the others.
        let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
        Ok(keys.filter(Jwk::signs).collect())
    }

    async fn document<T: DeserializeOwned>(
        &self,
        url: &str,
        issuer: &Issuer,
        deadline: Deadline,
    ) -> Result<T, Failure> {
        let what = format!("the keys of the issuer {}", issuer.as_str());
        let url = ServiceUrl::parse(url).map_err(|error| Failure::refused(format!("{what}: {error}")))?;
        let later =
            |why: String| Failure::deferred(Duration::ZERO, format!("{what} cannot be had now: {why}"));
        let fetching = async {
            let response =
                self.client.get(url.as_str()).send().await.map_err(|error| later(describe(&error)))?;
            let status = response.status();
            if !status.is_success() {
                return Err(later(format!("its answer is {status}")));
            }
            let body = read_body(response, MAX_BODY).await.map_err(|error| later(error.to_string()))?;
            serde_json::from_slice(&body).map_err(|_| later("the answer is not the document".into()))
        };
        deadline.at_most(TIMEOUT).run(&what, fetching).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::Router;
    use axum::routing::get;
    use serde_json::{Value, json};
    use tokio::net::TcpListener;

    use super::*;
    use crate::client::Clients;

    /// An issuer on loopback that counts how often its keys are fetched.
    struct Peer {
        issuer: Issuer,
        fetched: Arc<AtomicU32>,
    }

    async fn peer(keys: Value, named: Option<&str>) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let fetched = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&fetched);
        let discovery = json!({"issuer": named.unwrap_or(&url), "jwks_uri": format!("{url}/keys")});
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(async move || discovery.to_string()))
            .route(
                "/keys",
                get(async move || {
                    count.fetch_add(1, Ordering::SeqCst);
                    keys.to_string()
                }),
            );
        tokio::spawn(async move { axum::serve(listener, router).await });
        Peer { issuer: Issuer::try_from(url).unwrap(), fetched }
    }

    fn store() -> KeyStore {
        KeyStore::new(Clients::new(None).unwrap().outbound)
    }

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(5))
    }

    async fn find(store: &KeyStore, peer: &Peer, kid: Option<&str>) -> bool {
        store.key(&peer.issuer, kid, soon()).await.unwrap().is_some()
    }

    async fn age(store: &KeyStore, peer: &Peer, by: Duration) {
        let slot = Arc::clone(&store.held.lock().await[peer.issuer.as_str()]);
        slot.lock().await.as_mut().unwrap().fetched -= by;
    }

    #[tokio::test]
    async fn keys_are_fetched_once_and_again_for_an_unknown_one_after_a_minute() {
        let peer = peer(json!({"keys": [{"kty": "RSA", "kid": "a"}]}), None).await;
        let store = store();
        assert!(find(&store, &peer, Some("a")).await && find(&store, &peer, Some("a")).await);
        for _ in 0..5 {
            assert!(!find(&store, &peer, Some("unknown")).await);
        }
        assert_eq!(peer.fetched.load(Ordering::SeqCst), 1);
        age(&store, &peer, REFETCH).await;
        assert!(!find(&store, &peer, Some("unknown")).await);
        assert_eq!(peer.fetched.load(Ordering::SeqCst), 2);
        age(&store, &peer, LIFETIME).await;
        assert!(find(&store, &peer, Some("a")).await);
        assert_eq!(peer.fetched.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn what_is_no_key_for_signatures_is_passed_over() {
        let keys = json!({"keys": [7, {"kid": "x"}, {"kty": "RSA", "kid": "e", "use": "enc"}, {"kty": "EC", "kid": "s"}]});
        let peer = peer(keys, None).await;
        let store = store();
        assert!(find(&store, &peer, Some("s")).await && !find(&store, &peer, Some("e")).await);
        assert!(find(&store, &peer, None).await, "only one key can be meant");
    }

    #[tokio::test]
    async fn without_a_kid_several_keys_are_none() {
        let keys = json!({"keys": [{"kty": "RSA", "kid": "a"}, {"kty": "RSA", "kid": "b"}]});
        assert!(!find(&store(), &peer(keys, None).await, None).await);
    }

    #[tokio::test]
    async fn another_issuers_document_is_refused() {
        let peer = peer(json!({"keys": []}), Some("https://accounts.google.com")).await;
        let failure = store().key(&peer.issuer, Some("a"), soon()).await.unwrap_err();
        assert!(failure.message.contains("its issuer is another"), "{failure}");
    }
}
