//! Verifying an OIDC token that somebody knocks with.
//!
//! Pinned: issuer, audience, subject or e-mail, and the algorithm family. `exp`, `nbf` and `iat` are checked. There is no
//! `alg: none`; a key comes from the pinned issuer's own document and never from the token; a header's `jku`, `jwk` or
//! `x5u` is not even read, and `crit` is refused. Source: RFC 7515, RFC 7519, RFC 8725.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use ring::signature::{
    self, ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey,
};
use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::{Map, Value};

use super::keys::Jwk;
use crate::secret::MAX_TOKEN_LEN;

/// How far a caller's clock may be from ours, in seconds.
const LEEWAY: i64 = 60;

/// What Cloud Run puts in the place of the signature when it has verified a token itself.
pub const SIGNATURE_REMOVED: &str = "SIGNATURE_REMOVED_BY_GOOGLE";

/// What to do about it.
pub const SIGNATURE_REMOVED_HINT: &str = "its signature was removed by Google: this service is private and Cloud Run has verified the token already, so make this caller `host: true`";

/// A token that has been taken apart and not yet verified.
#[derive(Debug)]
pub struct Unverified {
    /// Which key.
    pub kid: Option<String>,
    algorithm: Algorithm,
    signed: String,
    signature: Vec<u8>,
    claims: Map<String, Value>,
}

/// The algorithms that are accepted: asymmetric ones alone.
#[derive(Clone, Copy, Debug)]
enum Algorithm {
    Rsa(&'static RsaParameters, &'static str),
    Es256,
    Es384,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<serde::de::IgnoredAny>,
}

impl Algorithm {
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "RS256" => Self::Rsa(&RSA_PKCS1_2048_8192_SHA256, "RS256"),
            "RS384" => Self::Rsa(&RSA_PKCS1_2048_8192_SHA384, "RS384"),
            "RS512" => Self::Rsa(&RSA_PKCS1_2048_8192_SHA512, "RS512"),
            "PS256" => Self::Rsa(&RSA_PSS_2048_8192_SHA256, "PS256"),
            "PS384" => Self::Rsa(&RSA_PSS_2048_8192_SHA384, "PS384"),
            "PS512" => Self::Rsa(&RSA_PSS_2048_8192_SHA512, "PS512"),
            "ES256" => Self::Es256,
            "ES384" => Self::Es384,
            _ => return None,
        })
    }

    fn name(self) -> &'static str {
        match self {
            Self::Rsa(_, name) => name,
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
        }
    }
}

impl Unverified {
    /// Takes a token apart.
    ///
    /// # Errors
    /// What is wrong with it, without anything of it.
    pub fn read(token: &str) -> Result<Self, &'static str> {
        if token.len() > MAX_TOKEN_LEN {
            return Err("it is longer than any OIDC token");
        }
        let parts: Vec<&str> = token.split('.').collect();
        let [header, payload, signature] = parts.as_slice() else { return Err("it has not three parts") };
        if *signature == SIGNATURE_REMOVED {
            return Err(SIGNATURE_REMOVED_HINT);
        }
        let header_bytes = URL_SAFE_NO_PAD.decode(header).map_err(|_| "its header is not base64url")?;
        let decoded: Header =
            serde_json::from_slice(&header_bytes).map_err(|_| "its header is not understood")?;
        if decoded.crit.is_some() {
            return Err("it has a critical extension");
        }
        let algorithm = Algorithm::named(&decoded.alg)
            .ok_or("its algorithm is not one of RS, PS 256 to 512, ES256 and ES384")?;
        let claims = URL_SAFE_NO_PAD.decode(payload).map_err(|_| "its payload is not base64url")?;
        let Claims(claims) = serde_json::from_slice(&claims).map_err(|_| "its payload is not understood")?;
        let bytes = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "its signature is not base64url")?;
        if bytes.is_empty() {
            return Err("it is not signed");
        }
        Ok(Self {
            kid: decoded.kid,
            algorithm,
            signed: format!("{header}.{payload}"),
            signature: bytes,
            claims,
        })
    }

    /// The issuer that it names, to find whose keys to try; it proves nothing.
    pub fn issuer(&self) -> Option<&str> {
        self.claims.get("iss").and_then(Value::as_str)
    }

    /// Verifies the signature by `key` and the times against `now`, and gives the claims.
    ///
    /// # Errors
    /// What is wrong.
    pub fn verify(self, key: &Jwk, now: Timestamp) -> Result<Map<String, Value>, &'static str> {
        if key.alg.as_deref().is_some_and(|name| name != self.algorithm.name()) {
            return Err("its algorithm is not the one of its key");
        }
        let message = self.signed.as_bytes();
        let valid = match (self.algorithm, key.kty.as_str()) {
            (Algorithm::Rsa(parameters, _), "RSA") => {
                let (n, e) = key.rsa().ok_or("its key is broken")?;
                // ring refuses moduli below 2048 bits.
                RsaPublicKeyComponents { n, e }.verify(parameters, message, &self.signature).is_ok()
            }
            (Algorithm::Es256, "EC") => {
                verify_ec(key, "P-256", &ECDSA_P256_SHA256_FIXED, message, &self.signature)?
            }
            (Algorithm::Es384, "EC") => {
                verify_ec(key, "P-384", &ECDSA_P384_SHA384_FIXED, message, &self.signature)?
            }
            _ => return Err("its algorithm is not the one of its key"),
        };
        if !valid {
            return Err("its signature is wrong");
        }
        check_times(&self.claims, now.as_second())?;
        Ok(self.claims)
    }
}

fn verify_ec(
    key: &Jwk,
    curve: &str,
    algorithm: &'static dyn signature::VerificationAlgorithm,
    message: &[u8],
    bytes: &[u8],
) -> Result<bool, &'static str> {
    let point = key.point(curve).ok_or("its key is broken")?;
    Ok(UnparsedPublicKey::new(algorithm, point).verify(message, bytes).is_ok())
}

fn check_times(claims: &Map<String, Value>, now: i64) -> Result<(), &'static str> {
    let time = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(value) => value
            .as_i64()
            .or_else(|| value.as_f64().filter(|f| f.is_finite()).map(|f| f as i64))
            .map(Some)
            .ok_or("one of its times is no number"),
    };
    let expires = time("exp")?.ok_or("it never expires")?;
    if expires.saturating_add(LEEWAY) <= now {
        return Err("it has expired");
    }
    if time("nbf")?.is_some_and(|at| at.saturating_sub(LEEWAY) > now) {
        return Err("it is not valid yet");
    }
    if time("iat")?.is_some_and(|at| at.saturating_sub(LEEWAY) > now) {
        return Err("it was issued in the future");
    }
    Ok(())
}

/// A JSON object that has no key twice: two readers could take different ones.
struct Claims(Map<String, Value>);

impl<'de> Deserialize<'de> for Claims {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Unique;

        impl<'de> Visitor<'de> for Unique {
            type Value = Claims;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Claims, A::Error> {
                let mut claims = Map::new();
                while let Some((key, value)) = map.next_entry::<String, Value>()? {
                    if claims.insert(key, value).is_some() {
                        return Err(serde::de::Error::custom("a claim comes twice"));
                    }
                }
                Ok(Claims(claims))
            }
        }

        deserializer.deserialize_map(Unique)
    }
}
