//! OpenID Connect issuers: discovery, keys, and tokens signed for real.
//!
//! An issuer is a path on some loopback server, so that several live side by side
//! (`http://127.0.0.1:PORT/google`). It signs with a key committed under `keys/`, which nothing outside the
//! sandbox trusts, and counts who asked for its documents.

mod forger;
mod key;
mod weak;

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::routing::get;
use axum::{Extension, Json, Router};
use serde_json::{Map, Value, json};

pub use forger::{Forger, REMOVED_SIGNATURE, remove_signature};
pub use key::{Key, SigningKey};

use crate::trace::Note;

/// An OpenID Connect issuer. Clones share its keys and counters.
#[derive(Clone)]
pub struct Issuer {
    inner: Arc<Inner>,
}

struct Inner {
    url: String,
    keys: [Arc<SigningKey>; 2],
    ring: Mutex<KeyRing>,
    discoveries: AtomicUsize,
    key_requests: AtomicUsize,
}

struct KeyRing {
    signing: Arc<SigningKey>,
    published: Vec<Value>,
}

/// Which keys an issuer publishes after a rotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Publish {
    /// The new key beside the old one, as a careful issuer does.
    Both,
    /// The new key alone: tokens signed before are dead.
    NewOnly,
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").field("url", &self.inner.url).finish_non_exhaustive()
    }
}

impl Issuer {
    /// An issuer at `url`, which signs with `key` first and with [`Key::next`] after a rotation.
    ///
    /// A slash at the end of `url` is part of the issuer's name (Entra's version 1 tokens have one) and not of
    /// the addresses below it.
    pub fn new(url: impl Into<String>, key: Key) -> Self {
        let keys = [key, key.next()].map(|key| Arc::new(key.load()));
        let [signing, _] = &keys;
        let ring = KeyRing { signing: Arc::clone(signing), published: vec![signing.jwk()] };
        Self {
            inner: Arc::new(Inner {
                url: url.into(),
                keys,
                ring: Mutex::new(ring),
                discoveries: AtomicUsize::new(0),
                key_requests: AtomicUsize::new(0),
            }),
        }
    }

    /// The issuer's name: the `iss` of its tokens, exactly.
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// The `kid` of the key that signs now.
    pub fn kid(&self) -> String {
        self.signing().kid().to_owned()
    }

    /// Signs `claims` with RS256, exactly as they are: nothing is added.
    pub fn mint(&self, claims: &Value) -> String {
        let key = self.signing();
        key.sign_jwt(&json!({ "alg": "RS256", "typ": "JWT", "kid": key.kid() }), claims)
    }

    /// A toolbox that makes tokens with these claims which nobody must accept.
    pub fn forge(&self, claims: Value) -> Forger {
        Forger::new(self.clone(), claims)
    }

    /// Changes to the other of the issuer's two keys.
    pub fn rotate(&self, publish: Publish) {
        let mut ring = self.lock();
        let [first, second] = &self.inner.keys;
        let next = if ring.signing.kid() == first.kid() { second } else { first };
        if publish == Publish::NewOnly {
            ring.published.clear();
        }
        ring.published.retain(|jwk| jwk.get("kid").and_then(Value::as_str) != Some(next.kid()));
        ring.published.push(next.jwk());
        ring.signing = Arc::clone(next);
    }

    /// Publishes an RSA key of 1024 bits too, for [`Forger::weak_key`]. Not done unasked, because a verifier may
    /// rightly refuse the whole set.
    pub fn publish_weak_key(&self) {
        self.lock().published.push(weak::jwk());
    }

    /// The JWK set as it is published now.
    pub fn jwks(&self) -> Value {
        json!({ "keys": self.lock().published })
    }

    /// The discovery document.
    pub fn discovery(&self) -> Value {
        json!({
            "issuer": self.url(),
            "jwks_uri": format!("{}/.well-known/jwks", self.base()),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        })
    }

    /// How often the discovery document was fetched.
    pub fn discovery_requests(&self) -> usize {
        self.inner.discoveries.load(Ordering::SeqCst)
    }

    /// How often the key set was fetched.
    pub fn key_requests(&self) -> usize {
        self.inner.key_requests.load(Ordering::SeqCst)
    }

    /// The issuer's documents, at their full paths: merge the routers of several issuers and serve them at the
    /// origin of their URLs.
    pub fn router(&self) -> Router {
        let path = url::Url::parse(self.base()).map(|url| url.path().to_owned()).unwrap_or_default();
        let path = path.trim_end_matches('/');
        let (discovery, keys) = (self.clone(), self.clone());
        Router::new()
            .route(
                &format!("{path}/.well-known/openid-configuration"),
                get(async move || {
                    discovery.inner.discoveries.fetch_add(1, Ordering::SeqCst);
                    (Extension(Note::new("discovery document")), Json(discovery.discovery()))
                }),
            )
            .route(
                &format!("{path}/.well-known/jwks"),
                get(async move || {
                    keys.inner.key_requests.fetch_add(1, Ordering::SeqCst);
                    let set = keys.jwks();
                    let count = set.get("keys").and_then(Value::as_array).map_or(0, Vec::len);
                    (Extension(Note::new(format!("{count} public key(s)"))), Json(set))
                }),
            )
    }

    fn base(&self) -> &str {
        self.inner.url.trim_end_matches('/')
    }

    fn signing(&self) -> Arc<SigningKey> {
        Arc::clone(&self.lock().signing)
    }

    fn lock(&self) -> MutexGuard<'_, KeyRing> {
        self.inner.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `claims` with `iss` and the times set: valid from now for `seconds`.
pub(crate) fn timed(issuer: &str, seconds: i64, claims: Value) -> Value {
    let now = jiff::Timestamp::now().as_second();
    let mut timed = Map::from_iter([
        ("iss".to_owned(), json!(issuer)),
        ("iat".to_owned(), json!(now)),
        ("exp".to_owned(), json!(now + seconds)),
    ]);
    if let Value::Object(claims) = claims {
        timed.extend(claims);
    }
    Value::Object(timed)
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;
    use crate::faults::Faults;
    use crate::http_client::LoopbackClient;
    use crate::jwt::{Jwks, Jwt, JwtError};
    use crate::server::Bound;
    use crate::trace::Trace;

    async fn fetch(url: &str) -> Value {
        let client = LoopbackClient::new().unwrap();
        client.request(Method::GET, url).unwrap().send().await.unwrap().json().await.unwrap()
    }

    #[tokio::test]
    async fn several_issuers_live_on_one_server_and_count_their_visitors() {
        let bound = Bound::bind(0).await.unwrap();
        let base = bound.url().to_owned();
        let google = Issuer::new(format!("{base}/google"), Key::Google);
        let entra = Issuer::new(format!("{base}/tenant/"), Key::Azure);
        let router = google.router().merge(entra.router());
        let _server = bound.serve("issuers", router, Faults::new(), Trace::new());

        for issuer in [&google, &entra] {
            let base = issuer.url().trim_end_matches('/');
            let discovery = fetch(&format!("{base}/.well-known/openid-configuration")).await;
            assert_eq!(discovery["issuer"], issuer.url());
            let keys = Jwks::from_value(&fetch(discovery["jwks_uri"].as_str().unwrap()).await).unwrap();
            let jwt = Jwt::decode(&issuer.mint(&json!({ "sub": "x" }))).unwrap();
            assert_eq!(keys.verify(&jwt), Ok(()));
            assert_eq!((issuer.discovery_requests(), issuer.key_requests()), (1, 1));
        }
    }

    #[test]
    fn rotation_signs_with_the_other_key_and_publishes_as_asked() {
        let issuer = Issuer::new("http://127.0.0.1:1/aws", Key::Aws);
        let verify = |jwt: &Jwt| Jwks::from_value(&issuer.jwks()).unwrap().verify(jwt);
        let old = Jwt::decode(&issuer.mint(&json!({}))).unwrap();

        issuer.rotate(Publish::Both);
        let new = Jwt::decode(&issuer.mint(&json!({}))).unwrap();
        assert_ne!(old.kid(), new.kid());
        assert_eq!((verify(&old), verify(&new)), (Ok(()), Ok(())));

        issuer.rotate(Publish::NewOnly);
        assert_eq!(verify(&old), Ok(()), "it rotated back to the first key");
        assert_eq!(verify(&new), Err(JwtError::UnknownKey(new.kid().unwrap().to_owned())));
    }

    #[test]
    fn every_forgery_differs_from_the_honest_token() {
        let issuer = Issuer::new("http://127.0.0.1:1/aws", Key::Aws);
        let forger = issuer.forge(timed(issuer.url(), 60, json!({ "sub": "me" })));
        let honest = forger.honest();
        assert!(forger.all().iter().all(|(_, token)| *token != honest));
        let doubled = Jwt::decode(&forger.duplicate_claim("sub", &json!("you"))).unwrap();
        assert_eq!(doubled.text("sub"), Some("me"), "the careless reading is the true one");
        assert_eq!(Jwks::from_value(&issuer.jwks()).unwrap().verify(&doubled), Ok(()));
    }
}
