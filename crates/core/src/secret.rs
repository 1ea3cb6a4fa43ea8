//! Token types that redact themselves.
//!
//! No token, JWT, secret or signature ever reaches a log line, an error, a panic message or a `Debug`. These
//! types keep that promise: the only way to the text is a method called `expose`, and nothing that formats
//! them prints it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gatepass_policy::Claims;
use ring::digest;
use secrecy::{ExposeSecret, SecretString};

/// The longest token that is accepted from an identity endpoint or a caller, in bytes.
pub const MAX_TOKEN_LEN: usize = 16 * 1024;

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
        let payload = self.expose().split('.').nth(1)?;
        let bytes = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
        Claims::from_json(&bytes).ok()
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
pub struct WebhookSecret(SecretString);

impl WebhookSecret {
    /// Takes the secret's text. `None` when it is empty: an empty key would accept anybody.
    pub fn new(secret: impl Into<String>) -> Option<Self> {
        let secret = secret.into();
        (!secret.is_empty()).then(|| Self(SecretString::from(secret)))
    }

    /// The key's bytes, for an HMAC and nothing else.
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret().as_bytes()
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(redacted)")
    }
}

#[cfg(test)]
mod tests {
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
