//! Token types that redact themselves.
//!
//! No token, JWT, secret or signature ever reaches a log line, an error, a panic message or a `Debug`. These
//! types keep that promise: the only way to the text is a method called `expose`, and nothing that formats
//! them prints it.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use gatepass_policy::Claims;
use ring::digest;
use secrecy::{ExposeSecret, SecretSlice, SecretString};

/// The longest token that is accepted from an identity endpoint or a caller, in bytes.
pub const MAX_TOKEN_LEN: usize = gatepass_policy::MAX_TOKEN_LEN;

/// A cloud's OIDC token: the proof of who this workload is.
#[derive(Clone)]
pub struct IdToken(SecretString);

impl IdToken {
    /// Takes the compact form of a JWT. Whether it is one shows when its claims are read.
    pub fn new(jwt: impl Into<String>) -> Self {
        Self(SecretString::from(jwt.into()))
    }

    /// The JWT itself, for an `Authorization` header and nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The claims, without any verification: to be logged and explained, never to be trusted.
    ///
    /// `None` when this is not a JWT with a JSON object as its payload.
    pub fn unverified_claims(&self) -> Option<Claims> {
        Claims::from_jwt(self.expose()).ok()
    }
}

impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdToken(redacted)")
    }
}

/// A GitHub installation token, as Octo STS mints it.
#[derive(Clone)]
pub struct InstallationToken(SecretString);

impl InstallationToken {
    /// Takes the token's text.
    pub fn new(token: impl Into<String>) -> Self {
        Self(SecretString::from(token.into()))
    }

    /// The token itself, for an `Authorization` header and nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Base64 of the token's SHA-256: what GitHub's audit log calls `hashed_token`, so that one token can be
    /// followed from our log into GitHub's.
    pub fn hashed(&self) -> String {
        STANDARD.encode(digest::digest(&digest::SHA256, self.expose().as_bytes()))
    }
}

impl fmt::Debug for InstallationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstallationToken(redacted)")
    }
}

/// A webhook's shared secret. It can only prove who is knocking.
#[derive(Clone)]
pub struct WebhookSecret(SecretSlice<u8>);

impl WebhookSecret {
    /// What stands before a secret of Standard Webhooks that is written in base64.
    const ENCODED: &str = "whsec_";

    /// Takes the secret's text. `None` when it is empty: an empty key would accept anybody.
    pub fn new(secret: impl Into<String>) -> Option<Self> {
        Self::of_bytes(secret.into().into_bytes())
    }

    fn of_bytes(key: Vec<u8>) -> Option<Self> {
        (!key.is_empty()).then(|| Self(SecretSlice::from(key)))
    }

    /// The key that this text stands for at senders of Standard Webhooks: what follows `whsec_` is base64, with padding or
    /// without; every other text is the key itself. Source: the specification at standardwebhooks.com, "Signature scheme",
    /// and its reference libraries.
    ///
    /// # Errors
    /// What is wrong with it, without anything of it.
    pub fn of_standard_webhooks(self) -> Result<Self, &'static str> {
        const BASE64: GeneralPurpose = GeneralPurpose::new(
            &alphabet::STANDARD,
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
        );
        let Some(encoded) = self.expose().strip_prefix(Self::ENCODED.as_bytes()) else { return Ok(self) };
        let key = BASE64.decode(encoded).map_err(|_| "what follows `whsec_` is not base64")?;
        Self::of_bytes(key).ok_or("nothing follows `whsec_`")
    }

    /// The key's bytes, for an HMAC and nothing else.
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    #[test]
    fn nothing_that_formats_a_secret_shows_it() {
        let shown = format!(
            "{:?} {:?} {:?}",
            IdToken::new("eyJhbGciOi.eyJzdWIi.c2ln"),
            InstallationToken::new("ghs_sixteenchars"),
            WebhookSecret::new("It's a Secret").unwrap(),
        );
        for secret in ["eyJ", "ghs_", "It's"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }

    #[test]
    fn an_empty_webhook_secret_is_none() {
        assert!(WebhookSecret::new("").is_none());
    }

    #[test]
    fn a_secret_of_standard_webhooks_is_decoded_where_it_says_that_it_is_encoded() {
        let key = |text: &str| WebhookSecret::new(text).unwrap().of_standard_webhooks();
        for (text, bytes) in
            [("whsec_AAEC/w==", &[0, 1, 2, 255][..]), ("whsec_AAEC/w", &[0, 1, 2, 255]), ("AAEC", b"AAEC")]
        {
            assert_eq!(key(text).unwrap().expose(), bytes, "{text}");
        }
        for text in ["whsec_", "whsec_=", "whsec_not base64", "whsec_AAE*", "whsec_whsec_"] {
            let reason = key(text).unwrap_err();
            assert!(reason.contains("`whsec_`") && !reason.contains("AAE"), "{reason}");
        }
    }

    #[test]
    fn the_hash_is_the_one_of_githubs_audit_log() {
        // printf abc | openssl dgst -sha256 -binary | base64
        assert_eq!(InstallationToken::new("abc").hashed(), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }

    #[test]
    fn claims_are_read_and_garbage_is_none() {
        let token = IdToken::new(format!("e30.{}.x", URL_SAFE_NO_PAD.encode(r#"{"sub":"me"}"#)));
        assert_eq!(token.unverified_claims().unwrap().subject(), "me");
        for garbage in ["", "a", "a.b", "e30.e30", "..", "e30.W10.x"] {
            let claims = IdToken::new(garbage).unverified_claims();
            assert!(claims.is_none_or(|claims| claims.subject().is_empty()), "{garbage}");
        }
    }
}
