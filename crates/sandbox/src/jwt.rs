//! JSON Web Tokens in compact form, taken apart and verified (RFC 7515, 7517, 7518).
//!
//! The stand-ins verify what they are handed as the real services do: asymmetric algorithms only, the key
//! found by `kid`, no belief in anything the token says about itself.

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, URL_SAFE_NO_PAD};
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig};
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use thiserror::Error;

/// Base64url without padding is the rule; Google's token endpoint also takes padding (`gcp_auth` sends it).
const PADDING_OPTIONAL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// go-oidc's allowance on `nbf`, which Octo STS inherits. `exp` has none.
const NOT_BEFORE_LEEWAY_SECONDS: i64 = 300;

/// Why a token is not believed. No variant carries any part of the token but the names it gives to things.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JwtError {
    /// The text is not `header.claims.signature` in base64url with JSON objects.
    #[error("not a JWT: {0}")]
    Malformed(&'static str),
    /// The header asks for `none`, an HMAC, or something unknown.
    #[error("algorithm {0:?} is not an accepted asymmetric algorithm")]
    Algorithm(String),
    /// No published key has the header's `kid` and suits its algorithm.
    #[error("no published key {0:?} for this algorithm")]
    UnknownKey(String),
    /// The signature does not verify under the key.
    #[error("the signature does not verify")]
    Signature,
    /// The header lists extensions that must be understood (RFC 7515, 4.1.11); none are.
    #[error("the header has crit")]
    Critical,
    /// A time claim is missing, is no number, or says no.
    #[error("{0}")]
    Time(&'static str),
    /// The key set is not a JWK set.
    #[error("not a JWK set: {0}")]
    Keys(String),
}

/// A token taken apart. Nothing in it is true before [`Jwks::verify`] says so.
#[derive(Clone)]
pub struct Jwt {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    signing_input: String,
    signature: Vec<u8>,
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt").field("iss", &self.text("iss")).finish_non_exhaustive()
    }
}

impl Jwt {
    /// Takes a token apart, strictly as RFC 7515 has it.
    ///
    /// # Errors
    /// [`JwtError::Malformed`] names the part that cannot be read.
    pub fn decode(token: &str) -> Result<Self, JwtError> {
        Self::decode_with(token, &URL_SAFE_NO_PAD)
    }

    /// The same, with base64 padding tolerated, as Google's token endpoint does.
    ///
    /// # Errors
    /// [`JwtError::Malformed`] names the part that cannot be read.
    pub fn decode_padded(token: &str) -> Result<Self, JwtError> {
        Self::decode_with(token, &PADDING_OPTIONAL)
    }

    fn decode_with(token: &str, engine: &GeneralPurpose) -> Result<Self, JwtError> {
        let (signing_input, signature) =
            token.rsplit_once('.').ok_or(JwtError::Malformed("it has no signature part"))?;
        let (header, claims) =
            signing_input.split_once('.').ok_or(JwtError::Malformed("it has fewer than three parts"))?;
        let object = |part: &str, what| {
            let bytes = engine.decode(part).map_err(|_| JwtError::Malformed(what))?;
            serde_json::from_slice(&bytes).map_err(|_| JwtError::Malformed(what))
        };
        Ok(Self {
            header: object(header, "its header is not a base64url JSON object")?,
            claims: object(claims, "its claims are not a base64url JSON object")?,
            signature: engine
                .decode(signature)
                .map_err(|_| JwtError::Malformed("its signature is not base64url"))?,
            signing_input: signing_input.to_owned(),
        })
    }

    /// The header's `alg`, or an empty text.
    pub fn algorithm(&self) -> &str {
        self.header.get("alg").and_then(Value::as_str).unwrap_or_default()
    }

    /// The header's `kid`, if it has one.
    pub fn kid(&self) -> Option<&str> {
        self.header.get("kid").and_then(Value::as_str)
    }

    /// All claims.
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// A claim that is a text.
    pub fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }

    /// A claim that is a number of seconds since 1970.
    pub fn seconds(&self, claim: &str) -> Option<i64> {
        self.claims.get(claim).and_then(Value::as_i64)
    }

    /// `aud`, which may be one text or a list of them.
    pub fn audiences(&self) -> Vec<&str> {
        match self.claims.get("aud") {
            Some(Value::String(one)) => vec![one],
            Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Judges `exp` (no leeway) and `nbf` (five minutes) at `now`, seconds since 1970, as Octo STS does.
    ///
    /// # Errors
    /// [`JwtError::Time`] names the claim.
    pub fn check_times(&self, now: i64) -> Result<(), JwtError> {
        let expires = self.seconds("exp").ok_or(JwtError::Time("exp is missing or not a number"))?;
        if expires <= now {
            return Err(JwtError::Time("the token has expired"));
        }
        match self.claims.get("nbf").map(Value::as_i64) {
            Some(None) => Err(JwtError::Time("nbf is not a number")),
            Some(Some(nbf)) if nbf > now + NOT_BEFORE_LEEWAY_SECONDS => {
                Err(JwtError::Time("the token is not valid yet"))
            }
            _ => Ok(()),
        }
    }
}

/// The keys an issuer publishes (RFC 7517).
#[derive(Debug, Clone, Deserialize)]
pub struct Jwks {
    keys: Vec<Jwk>,
}

#[derive(Debug, Clone, Deserialize)]
struct Jwk {
    kid: Option<String>,
    kty: String,
    alg: Option<String>,
    #[serde(default)]
    crv: String,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
    #[serde(default)]
    x: String,
    #[serde(default)]
    y: String,
}

impl Jwks {
    /// Reads a JWK set.
    ///
    /// # Errors
    /// [`JwtError::Keys`] says what is wrong with it.
    pub fn from_value(value: &Value) -> Result<Self, JwtError> {
        Self::deserialize(value).map_err(|error| JwtError::Keys(error.to_string()))
    }

    /// Verifies the signature of `jwt` with the key its `kid` names, or, without a `kid`, with any.
    ///
    /// # Errors
    /// Everything but [`JwtError::Time`]: times are judged by [`Jwt::check_times`].
    pub fn verify(&self, jwt: &Jwt) -> Result<(), JwtError> {
        if jwt.header.contains_key("crit") {
            return Err(JwtError::Critical);
        }
        let algorithm = Algorithm::named(jwt.algorithm())?;
        let candidates: Vec<&Jwk> = self
            .keys
            .iter()
            .filter(|key| jwt.kid().is_none_or(|kid| key.kid.as_deref() == Some(kid)))
            .filter(|key| key.suits(jwt.algorithm(), &algorithm))
            .collect();
        if candidates.is_empty() {
            return Err(JwtError::UnknownKey(jwt.kid().unwrap_or_default().to_owned()));
        }
        match candidates.into_iter().any(|key| key.verifies(&algorithm, jwt)) {
            true => Ok(()),
            false => Err(JwtError::Signature),
        }
    }
}

impl Jwk {
    fn suits(&self, name: &str, algorithm: &Algorithm) -> bool {
        let family = match algorithm {
            Algorithm::Rsa(_) => self.kty == "RSA",
            Algorithm::Ec(_, curve) => self.kty == "EC" && self.crv == *curve,
            Algorithm::Ed25519 => self.kty == "OKP" && self.crv == "Ed25519",
        };
        family && self.alg.as_deref().is_none_or(|alg| alg == name)
    }

    fn verifies(&self, algorithm: &Algorithm, jwt: &Jwt) -> bool {
        let field = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        let message = jwt.signing_input.as_bytes();
        match algorithm {
            Algorithm::Rsa(parameters) => RsaPublicKeyComponents { n: field(&self.n), e: field(&self.e) }
                .verify(parameters, message, &jwt.signature)
                .is_ok(),
            Algorithm::Ec(curve, _) => {
                let point = [vec![0x04], field(&self.x), field(&self.y)].concat();
                UnparsedPublicKey::new(*curve, point).verify(message, &jwt.signature).is_ok()
            }
            Algorithm::Ed25519 => {
                UnparsedPublicKey::new(&ED25519, field(&self.x)).verify(message, &jwt.signature).is_ok()
            }
        }
    }
}

/// The algorithms a discovery document may name and Octo STS accepts: RS/PS/ES 256 to 512 and EdDSA, less
/// ES512, which ring does not have and none of the issuers here uses.
enum Algorithm {
    Rsa(&'static RsaParameters),
    Ec(&'static signature::EcdsaVerificationAlgorithm, &'static str),
    Ed25519,
}

impl Algorithm {
    fn named(name: &str) -> Result<Self, JwtError> {
        Ok(match name {
            "RS256" => Self::Rsa(&RSA_PKCS1_2048_8192_SHA256),
            "RS384" => Self::Rsa(&RSA_PKCS1_2048_8192_SHA384),
            "RS512" => Self::Rsa(&RSA_PKCS1_2048_8192_SHA512),
            "PS256" => Self::Rsa(&RSA_PSS_2048_8192_SHA256),
            "PS384" => Self::Rsa(&RSA_PSS_2048_8192_SHA384),
            "PS512" => Self::Rsa(&RSA_PSS_2048_8192_SHA512),
            "ES256" => Self::Ec(&ECDSA_P256_SHA256_FIXED, "P-256"),
            "ES384" => Self::Ec(&ECDSA_P384_SHA384_FIXED, "P-384"),
            "EdDSA" => Self::Ed25519,
            other => return Err(JwtError::Algorithm(other.to_owned())),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::issuer::{Issuer, Key};

    fn issuer_and_claims() -> (Issuer, Value) {
        let now = jiff::Timestamp::now().as_second();
        let issuer = Issuer::new("http://127.0.0.1:1/google", Key::Google);
        (issuer, json!({ "iss": "http://127.0.0.1:1/google", "sub": "me", "aud": "you", "exp": now + 60 }))
    }

    fn verify(issuer: &Issuer, token: &str) -> Result<(), JwtError> {
        let jwt = Jwt::decode(token)?;
        Jwks::from_value(&issuer.jwks())?.verify(&jwt)?;
        jwt.check_times(jiff::Timestamp::now().as_second())
    }

    #[test]
    fn tokens_made_by_openssl_verify_and_altered_ones_do_not() {
        let made: Value = serde_json::from_str(include_str!("../keys/openssl-tokens.json")).unwrap();
        let keys = Jwks::from_value(&made).unwrap();
        let tokens = made["tokens"].as_object().unwrap();
        assert_eq!(tokens.len(), 9);
        for (algorithm, token) in tokens {
            let token = token.as_str().unwrap();
            let jwt = Jwt::decode(token).unwrap();
            assert_eq!((jwt.algorithm(), jwt.text("sub")), (algorithm.as_str(), Some(algorithm.as_str())));
            assert_eq!(keys.verify(&jwt), Ok(()), "{algorithm}");
            let altered = Jwt { signing_input: format!("{} ", jwt.signing_input), ..jwt };
            assert_eq!(keys.verify(&altered), Err(JwtError::Signature), "{algorithm}");
        }
    }

    #[test]
    fn an_honest_token_verifies_with_or_without_a_kid() {
        let (issuer, claims) = issuer_and_claims();
        assert_eq!(verify(&issuer, &issuer.mint(&claims)), Ok(()));
        let nameless = Key::Google.load().sign_jwt(&json!({ "alg": "RS256" }), &claims);
        assert_eq!(verify(&issuer, &nameless), Ok(()));
    }

    #[test]
    fn forgeries_are_refused_for_their_own_reason() {
        let (issuer, claims) = issuer_and_claims();
        let forger = issuer.forge(claims);
        let expired = JwtError::Time("the token has expired");
        for (token, reason) in [
            (forger.expired(), expired),
            (forger.not_yet_valid(), JwtError::Time("the token is not valid yet")),
            (forger.without("exp"), JwtError::Time("exp is missing or not a number")),
            (forger.with("nbf", json!("tomorrow")), JwtError::Time("nbf is not a number")),
            (forger.alg_none(), JwtError::Algorithm("none".into())),
            (forger.hs256_with_public_pem(), JwtError::Algorithm("HS256".into())),
            (forger.hs256_with_public_der(), JwtError::Algorithm("HS256".into())),
            (forger.unknown_kid(), JwtError::UnknownKey("no-such-key".into())),
            (forger.signature_removed(), JwtError::Signature),
            (forger.signature_empty(), JwtError::Signature),
            (forger.signature_altered(), JwtError::Signature),
            (forger.claims_altered(), JwtError::Signature),
            (forger.signed_by_stranger(), JwtError::Signature),
            (forger.weak_key(), JwtError::Signature),
            (forger.critical_header(), JwtError::Critical),
            (forger.own_key_in_header(), JwtError::UnknownKey(Key::Stranger.load().kid().into())),
        ] {
            assert_eq!(verify(&issuer, &token), Err(reason));
        }
    }

    #[test]
    fn what_is_no_token_is_malformed() {
        for text in
            ["", "a", "a.b", "a.b.c", "e30.e30", "e30.W10.", "bnVsbA.e30.", "e30.e30.!", "e30.e30.e30.e30"]
        {
            assert!(matches!(Jwt::decode(text), Err(JwtError::Malformed(_))), "{text}");
        }
    }

    #[test]
    fn padding_is_tolerated_only_where_it_is_asked_for() {
        let padded = "eyJhIjoxfQ==.eyJiIjoyfQ==.c2ln";
        assert!(Jwt::decode(padded).is_err());
        assert_eq!(Jwt::decode_padded(padded).unwrap().seconds("b"), Some(2));
    }

    #[test]
    fn a_token_does_not_show_itself() {
        let (issuer, claims) = issuer_and_claims();
        let token = issuer.mint(&claims);
        let shown = format!("{:?}", Jwt::decode(&token).unwrap());
        assert_eq!(shown, r#"Jwt { iss: Some("http://127.0.0.1:1/google"), .. }"#);
    }

    #[test]
    fn audiences_are_one_or_many() {
        let audiences = |aud: Value| {
            let claims = json!({ "aud": aud });
            let token = Key::Stranger.load().sign_jwt(&json!({ "alg": "RS256" }), &claims);
            Jwt::decode(&token).unwrap().audiences().join(",")
        };
        assert_eq!(audiences(json!("a")), "a");
        assert_eq!(audiences(json!(["a", "b", 3])), "a,b");
        assert_eq!(audiences(json!(3)), "");
    }
}
