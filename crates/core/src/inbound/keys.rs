//! The keys of the issuers that callers are pinned to.
//!
//! Keys come from the `jwks_uri` of the pinned issuer's own discovery document: https, no redirects, bounded. An unknown
//! `kid` makes them be fetched again, at most once a minute, and a failure is remembered for a moment, so that a stranger
//! cannot make us hammer an issuer.
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
use url::Url;

use crate::client::{describe, is_encrypted_or_loopback, read_body};
use crate::clock::age;
use crate::config::Issuer;
use crate::deadline::Deadline;
use crate::event::MAX_BODY;
use crate::failure::Failure;

/// How long keys are used before they are fetched again.
const LIFETIME: Duration = Duration::from_secs(3600);

/// How often they are fetched again because of an unknown `kid`.
const REFETCH: Duration = Duration::from_secs(60);

/// How long an issuer in trouble is left alone: its failure is everybody's answer meanwhile.
const RETRY: Duration = Duration::from_secs(5);

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
    slots: Mutex<HashMap<String, Arc<Mutex<Slot>>>>,
}

/// What is known of one issuer.
#[derive(Debug, Default)]
struct Slot {
    held: Option<Held>,
    failed: Option<Failed>,
}

#[derive(Debug)]
struct Held {
    keys: Vec<Jwk>,
    fetched: Timestamp,
}

#[derive(Debug)]
struct Failed {
    failure: Failure,
    at: Timestamp,
}

impl Held {
    fn find(&self, kid: Option<&str>) -> Option<Jwk> {
        let mut fitting = self.keys.iter().filter(|key| kid.is_none() || key.kid.as_deref() == kid);
        let first = fitting.next()?;
        // Without a kid, only a single key can be meant.
        (kid.is_some() || fitting.next().is_none()).then(|| first.clone())
    }
}

impl Slot {
    /// What can be said without asking the issuer.
    fn answer(&self, kid: Option<&str>) -> Option<Result<Option<Jwk>, Failure>> {
        let now = Timestamp::now();
        if let Some(held) = &self.held {
            let found = held.find(kid).filter(|_| age(held.fetched, now) < LIFETIME);
            if found.is_some() || age(held.fetched, now) < REFETCH {
                return Some(Ok(found));
            }
        }
        let failed = self.failed.as_ref().filter(|failed| age(failed.at, now) < RETRY)?;
        Some(Err(failed.failure.clone()))
    }

    /// Keeps what came of asking.
    fn keep(&mut self, fetched: Result<Vec<Jwk>, Failure>) {
        let at = Timestamp::now();
        match fetched {
            Ok(keys) => *self = Self { held: Some(Held { keys, fetched: at }), failed: None },
            Err(failure) => self.failed = Some(Failed { failure, at }),
        }
    }
}

impl KeyStore {
    /// With nothing fetched yet.
    pub fn new(client: Client) -> Self {
        Self { client, slots: Mutex::default() }
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
        let asking = async {
            let slot = Arc::clone(self.slots.lock().await.entry(issuer.as_str().to_owned()).or_default());
            let mut slot = slot.lock_owned().await;
            if let Some(answer) = slot.answer(kid) {
                return answer;
            }
            // Not a part of this request: one whose sender hangs up, or that has little time, must neither be the way
            // to make us ask again and again, nor pass for the issuer's failure.
            let (client, issuer, kid) = (self.client.clone(), issuer.clone(), kid.map(str::to_owned));
            let fetching = tokio::spawn(async move {
                let fetched = fetch(&client, &issuer).await;
                let failure = fetched.as_ref().err().cloned();
                slot.keep(fetched);
                match failure {
                    Some(failure) => Err(failure),
                    None => Ok(slot.held.as_ref().and_then(|held| held.find(kid.as_deref()))),
                }
            });
            fetching.await.unwrap_or_else(|_| Err(Failure::bug()))
        };
        deadline.run(&keys_of(issuer), asking).await
    }
}

fn keys_of(issuer: &Issuer) -> String {
    format!("asking for the keys of the issuer {}", issuer.as_str())
}

async fn fetch(client: &Client, issuer: &Issuer) -> Result<Vec<Jwk>, Failure> {
    let base = issuer.as_str().trim_end_matches('/');
    let discovery: Discovery =
        document(client, &format!("{base}/.well-known/openid-configuration"), issuer).await?;
    if discovery.issuer != issuer.as_str() {
        return Err(Failure::refused(format!(
            "the discovery document of {} says that its issuer is another; write the issuer in callers exactly as its tokens do",
            issuer.as_str()
        )));
    }
    let set: KeySet = document(client, &discovery.jwks_uri, issuer).await?;
    // A key of a kind that is not known here must not hide the others.
    let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    Ok(keys.filter(Jwk::signs).collect())
}

async fn document<T: DeserializeOwned>(client: &Client, url: &str, issuer: &Issuer) -> Result<T, Failure> {
    let what = format!("the keys of the issuer {}", issuer.as_str());
    let url =
        parse(url).map_err(|why| Failure::refused(format!("{what} are not where they may be: {why}")))?;
    let later = |why: String| Failure::deferred(RETRY, format!("{what} cannot be had now: {why}"));
    let fetching = async {
        let response = client.get(url).send().await.map_err(|error| later(describe(&error)))?;
        let status = response.status();
        if !status.is_success() {
            return Err(later(format!("its answer is {status}")));
        }
        let body = read_body(response, MAX_BODY).await.map_err(|error| later(error.to_string()))?;
        serde_json::from_slice(&body).map_err(|_| later("the answer is not the document".into()))
    };
    Deadline::after(TIMEOUT).run(&keys_of(issuer), fetching).await
}

/// Where an issuer says that its keys are: it is asked there to the letter, its query and last slash too.
fn parse(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("`{text}` is not a URL: {error}"))?;
    if !is_encrypted_or_loopback(&url) {
        return Err(format!("`{}` is not encrypted: https is needed (http only to loopback)", shown(&url)));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(format!("`{}` has user info", shown(&url)));
    }
    Ok(url)
}

/// As much of a URL as may be said.
fn shown(url: &Url) -> String {
    format!("{}://{}{}", url.scheme(), url.host_str().unwrap_or_default(), url.path())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

    use axum::Router;
    use axum::extract::RawQuery;
    use axum::http::StatusCode;
    use axum::routing::get;
    use serde_json::{Value, json};
    use tokio::net::TcpListener;
    use tokio::sync::Semaphore;

    use super::*;
    use crate::client::Clients;

    /// An issuer on loopback that counts how often its keys are fetched, and takes its time.
    struct Peer {
        issuer: Issuer,
        fetched: Arc<AtomicU32>,
        /// Whether it says no.
        trouble: Arc<AtomicBool>,
        /// What its answers wait for.
        gate: Arc<Semaphore>,
    }

    async fn peer(keys: Value, named: Option<&str>) -> Peer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let peer = Peer {
            issuer: Issuer::try_from(url.clone()).unwrap(),
            fetched: Arc::default(),
            trouble: Arc::default(),
            gate: Arc::new(Semaphore::new(1)),
        };
        let (count, trouble, gate) =
            (Arc::clone(&peer.fetched), Arc::clone(&peer.trouble), Arc::clone(&peer.gate));
        // The query and the last slash are a part of where the keys are.
        let discovery = json!({"issuer": named.unwrap_or(&url), "jwks_uri": format!("{url}/keys/?p=b2c")});
        let answer = async move |query: RawQuery| {
            count.fetch_add(1, Ordering::SeqCst);
            let _open = gate.acquire().await.unwrap();
            match (trouble.load(Ordering::SeqCst), query.0.as_deref()) {
                (true, _) => Err(StatusCode::SERVICE_UNAVAILABLE),
                (false, Some("p=b2c")) => Ok(keys.to_string()),
                (false, _) => Err(StatusCode::NOT_FOUND),
            }
        };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(async move || discovery.to_string()))
            .route("/keys/", get(answer));
        tokio::spawn(async move { axum::serve(listener, router).await });
        peer
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
        let slot = Arc::clone(&store.slots.lock().await[peer.issuer.as_str()]);
        let mut slot = slot.lock().await;
        for time in slot.held.iter_mut().map(|held| &mut held.fetched) {
            *time -= by;
        }
        for time in slot.failed.iter_mut().map(|failed| &mut failed.at) {
            *time -= by;
        }
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

    #[tokio::test]
    async fn a_failure_is_everybodys_answer_for_a_moment() {
        let peer = peer(json!({"keys": [{"kty": "RSA", "kid": "a"}]}), None).await;
        let store = store();
        peer.trouble.store(true, Ordering::SeqCst);
        for _ in 0..5 {
            let failure = store.key(&peer.issuer, Some("a"), soon()).await.unwrap_err();
            assert_eq!(failure.class.status(), 503);
            assert!(failure.message.contains("cannot be had now: its answer is 503"), "{failure}");
            assert!(failure.retry_after().is_some_and(|seconds| seconds <= RETRY.as_secs()), "{failure}");
        }
        assert_eq!(peer.fetched.load(Ordering::SeqCst), 1);
        age(&store, &peer, RETRY).await;
        peer.trouble.store(false, Ordering::SeqCst);
        assert!(find(&store, &peer, Some("a")).await);
        assert_eq!(peer.fetched.load(Ordering::SeqCst), 2);

        // While it is in trouble again, whom it is known to have signed for is not shut out by a stranger's kid.
        peer.trouble.store(true, Ordering::SeqCst);
        age(&store, &peer, REFETCH).await;
        assert!(store.key(&peer.issuer, Some("unknown"), soon()).await.is_err());
        assert!(find(&store, &peer, Some("a")).await);
        assert!(store.key(&peer.issuer, Some("unknown"), soon()).await.is_err());
        assert_eq!(peer.fetched.load(Ordering::SeqCst), 3);
    }

    #[tokio::test]
    async fn nobody_waits_for_a_slow_issuer_beyond_their_own_time() {
        let peer = peer(json!({"keys": [{"kty": "RSA", "kid": "a"}]}), None).await;
        let store = store();
        let closed = peer.gate.acquire().await.unwrap();
        let short = Deadline::after(Duration::from_millis(50));
        let ask = || store.key(&peer.issuer, Some("a"), short);
        let (one, two, three) = tokio::join!(ask(), ask(), ask());
        for failure in [one, two, three].map(Result::unwrap_err) {
            assert_eq!(failure.class.status(), 503);
            assert!(failure.message.contains("the keys of the issuer"), "{failure}");
        }
        // What they did not wait for is not lost, and is not asked for again.
        drop(closed);
        assert!(find(&store, &peer, Some("a")).await);
        assert_eq!(peer.fetched.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn keys_are_asked_for_over_tls_or_on_loopback_to_the_letter() {
        for good in [
            "https://login.example.com/keys/",
            "https://login.example.com/keys?p=b2c_1_signin",
            "http://127.0.0.1:1/keys",
            "http://[::1]:1/keys/",
            "http://localhost/keys",
        ] {
            assert_eq!(parse(good).unwrap().as_str(), good);
        }
        for (bad, why) in [
            ("http://login.example.com/keys", "not encrypted"),
            ("http://127.0.0.1.example.com/keys", "not encrypted"),
            ("ftp://localhost/keys", "not encrypted"),
            ("file:///etc/passwd", "not encrypted"),
            ("https://me@login.example.com/keys", "user info"),
            ("https://:hunter2@login.example.com/keys", "user info"),
            ("/keys", "not a URL"),
            ("", "not a URL"),
        ] {
            let error = parse(bad).unwrap_err();
            assert!(error.contains(why) && !error.contains("hunter2"), "{bad}: {error}");
        }
    }
}
