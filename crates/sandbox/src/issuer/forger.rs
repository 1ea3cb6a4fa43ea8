//! Tokens that nobody must accept, for the negative tests of everything that verifies tokens.

use ring::hmac;
use serde_json::{Value, json};

use super::key::compact;
use super::{Issuer, Key, weak};

/// What stands where Cloud Run has removed a signature it has verified.
pub const REMOVED_SIGNATURE: &str = "SIGNATURE_REMOVED_BY_GOOGLE";

/// Two hours, in seconds: beyond every leeway a verifier may allow.
const FAR: i64 = 7200;

/// Makes tokens that are right in everything but one thing.
///
/// The claims are the caller's; [`Forger::honest`] shows that they would be accepted, so that a refusal is for
/// the one thing.
#[derive(Debug, Clone)]
pub struct Forger {
    issuer: Issuer,
    claims: Value,
}

impl Forger {
    pub(super) fn new(issuer: Issuer, claims: Value) -> Self {
        Self { issuer, claims }
    }

    /// The token as the issuer would sign it.
    pub fn honest(&self) -> String {
        self.issuer.mint(&self.claims)
    }

    /// Every forgery here, with a name for the test's message; but not [`Forger::weak_key`], which changes what the
    /// issuer publishes.
    pub fn all(&self) -> Vec<(&'static str, String)> {
        vec![
            ("expired", self.expired()),
            ("not valid yet", self.not_yet_valid()),
            ("issued in the future", self.issued_in_the_future()),
            ("without exp", self.without("exp")),
            ("alg none", self.alg_none()),
            ("HS256 keyed with the public key in PEM", self.hs256_with_public_pem()),
            ("HS256 keyed with the public key in DER", self.hs256_with_public_der()),
            ("unknown kid", self.unknown_kid()),
            ("signature removed by Google", self.signature_removed()),
            ("signature empty", self.signature_empty()),
            ("signature altered", self.signature_altered()),
            ("claims altered", self.claims_altered()),
            ("signed by a stranger under our kid", self.signed_by_stranger()),
            ("duplicate sub", self.duplicate_claim("sub", &json!("somebody else"))),
            ("crit", self.critical_header()),
            ("its own key in the header", self.own_key_in_header()),
            ("another issuer", self.with("iss", json!("https://issuer.example.com"))),
        ]
    }

    /// A claim replaced or added, signed for real.
    pub fn with(&self, claim: &str, value: Value) -> String {
        self.issuer.mint(&self.changed(claim, Some(value)))
    }

    /// A claim left out, signed for real.
    pub fn without(&self, claim: &str) -> String {
        self.issuer.mint(&self.changed(claim, None))
    }

    /// `exp` two hours ago.
    pub fn expired(&self) -> String {
        self.with("exp", json!(now() - FAR))
    }

    /// `nbf` in two hours.
    pub fn not_yet_valid(&self) -> String {
        self.with("nbf", json!(now() + FAR))
    }

    /// `iat` in two hours.
    pub fn issued_in_the_future(&self) -> String {
        self.with("iat", json!(now() + FAR))
    }

    /// `alg: none` and an empty signature (RFC 7519, 6.1).
    pub fn alg_none(&self) -> String {
        self.compact(&json!({ "alg": "none", "typ": "JWT" }), |_| Vec::new())
    }

    /// HMAC, with the issuer's public key in PEM as the secret.
    pub fn hs256_with_public_pem(&self) -> String {
        self.hs256(self.issuer.signing().public_pem().as_bytes())
    }

    /// HMAC, with the issuer's public key in DER as the secret.
    pub fn hs256_with_public_der(&self) -> String {
        self.hs256(&self.issuer.signing().public_der())
    }

    /// A `kid` that is not published.
    pub fn unknown_kid(&self) -> String {
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": "no-such-key" });
        Key::Stranger.load().sign_jwt(&header, &self.claims)
    }

    /// The signature replaced by [`REMOVED_SIGNATURE`], as Cloud Run hands tokens to a private service.
    pub fn signature_removed(&self) -> String {
        remove_signature(&self.honest())
    }

    /// Nothing after the last dot.
    pub fn signature_empty(&self) -> String {
        format!("{}.", unsigned(&self.honest()))
    }

    /// One bit of the signature turned.
    pub fn signature_altered(&self) -> String {
        self.compact(&self.header(), |input| {
            let mut signature = self.issuer.signing().sign(input);
            if let Some(byte) = signature.first_mut() {
                *byte ^= 1;
            }
            signature
        })
    }

    /// A claim added after signing.
    pub fn claims_altered(&self) -> String {
        let altered = self.with("forged", json!(true));
        let signature = self.honest().rsplit('.').next().unwrap_or_default().to_owned();
        format!("{}.{signature}", unsigned(&altered))
    }

    /// The issuer's `kid`, but another key's signature.
    pub fn signed_by_stranger(&self) -> String {
        Key::Stranger.load().sign_jwt(&self.header(), &self.claims)
    }

    /// A claim that is there twice: first `value`, then the true one, which is what careless parsers see.
    pub fn duplicate_claim(&self, claim: &str, value: &Value) -> String {
        let claims = self.claims.to_string();
        let rest = claims.strip_prefix('{').unwrap_or(&claims);
        let doubled = format!("{{{}:{value},{rest}", json!(claim));
        compact(&self.header().to_string(), &doubled, |input| self.issuer.signing().sign(input))
    }

    /// A header that demands an extension to be understood (RFC 7515, 4.1.11).
    pub fn critical_header(&self) -> String {
        let mut header = self.header();
        extend(&mut header, json!({ "crit": ["b64"], "b64": true }));
        self.issuer.signing().sign_jwt(&header, &self.claims)
    }

    /// A stranger's signature, with the stranger's key for it in the header (`jwk`) and where to fetch it (`jku`).
    pub fn own_key_in_header(&self) -> String {
        let stranger = Key::Stranger.load();
        let mut header = json!({ "alg": "RS256", "typ": "JWT", "kid": stranger.kid() });
        extend(&mut header, json!({ "jwk": stranger.jwk(), "jku": "http://127.0.0.1:9/jwks" }));
        stranger.sign_jwt(&header, &self.claims)
    }

    /// A right signature of a key of 1024 bits, which the issuer publishes from now on.
    pub fn weak_key(&self) -> String {
        self.issuer.publish_weak_key();
        self.compact(&json!({ "alg": "RS256", "typ": "JWT", "kid": weak::KID }), weak::sign)
    }

    fn header(&self) -> Value {
        json!({ "alg": "RS256", "typ": "JWT", "kid": self.issuer.kid() })
    }

    fn hs256(&self, secret: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
        let header = json!({ "alg": "HS256", "typ": "JWT", "kid": self.issuer.kid() });
        self.compact(&header, |input| hmac::sign(&key, input).as_ref().to_vec())
    }

    fn compact(&self, header: &Value, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
        compact(&header.to_string(), &self.claims.to_string(), sign)
    }

    fn changed(&self, claim: &str, value: Option<Value>) -> Value {
        let mut claims = self.claims.clone();
        if let Some(object) = claims.as_object_mut() {
            match value {
                Some(value) => object.insert(claim.to_owned(), value),
                None => object.remove(claim),
            };
        }
        claims
    }
}

/// The token with [`REMOVED_SIGNATURE`] for its signature.
pub fn remove_signature(token: &str) -> String {
    format!("{}.{REMOVED_SIGNATURE}", unsigned(token))
}

fn unsigned(token: &str) -> &str {
    token.rsplit_once('.').map_or(token, |(unsigned, _)| unsigned)
}

fn extend(object: &mut Value, more: Value) {
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
}

fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}
