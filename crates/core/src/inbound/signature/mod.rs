//! How a webhook's delivery proves that its sender has the secret: HMAC-SHA-256 over the exact bytes, compared in constant
//! time, before anything of the body is parsed.

mod header;
mod standard;

use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use ring::hmac;
use subtle::{Choice, ConstantTimeEq as _};

use self::header::DigestHeader;
use crate::config::Signature as Scheme;
use crate::event::Stamp;
use crate::failure::Failure;
use crate::secret::WebhookSecret;

/// The length of a digest, in bytes.
const DIGEST: usize = 32;

/// The signatures of a delivery as they stand in its headers, not yet compared.
#[derive(Debug)]
pub struct Signature {
    /// At least one. Several while the sender rotates its secret.
    digests: Vec<[u8; DIGEST]>,
    /// What is signed before the body.
    before: Vec<u8>,
    stamp: Option<Stamp>,
}

impl Signature {
    /// Reads the headers that `scheme` asks for. `now` is what the sender's clock is held against, where it signs the time.
    ///
    /// # Errors
    /// Unauthenticated when one of them is missing, comes twice, or is not of the form that the scheme prescribes.
    pub fn read(scheme: &Scheme, headers: &HeaderMap, now: Timestamp) -> Result<Self, Failure> {
        let header = match scheme {
            Scheme::Github => DigestHeader::GITHUB,
            Scheme::Hmac(scheme) => DigestHeader::from(scheme),
            Scheme::StandardWebhooks => return standard::read(headers, now),
        };
        Ok(Self { digests: vec![header.read(headers)?], before: Vec::new(), stamp: None })
    }

    /// Whether one of the secrets made one of these signatures over `body`. Compares in constant time, and tries all
    /// secrets whichever fits, so that the time tells nothing about which.
    pub fn is_by_any<'a>(&self, secrets: impl IntoIterator<Item = &'a WebhookSecret>, body: &[u8]) -> bool {
        let mut found = Choice::from(0);
        for secret in secrets {
            let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, secret.expose()));
            context.update(&self.before);
            context.update(body);
            let right = context.sign();
            for digest in &self.digests {
                found |= right.as_ref().ct_eq(digest);
            }
        }
        found.into()
    }

    /// What is signed beside the body, once the signature is verified.
    pub fn into_stamp(self) -> Option<Stamp> {
        self.stamp
    }
}

/// The one value of a header; `None` when there is none.
///
/// # Errors
/// Unauthenticated when it comes twice: two readers could take different ones.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a HeaderValue>, Failure> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (_, Some(_)) => Err(Failure::unauthenticated(format!("{name} comes twice"))),
        (value, None) => Ok(value),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{DigestEncoding, HmacScheme};

    pub(super) fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap());
        }
        headers
    }

    pub(super) fn secret(text: &str) -> WebhookSecret {
        WebhookSecret::new(text).unwrap()
    }

    fn schemes() -> [Scheme; 4] {
        let hmac = |encoding| {
            Scheme::Hmac(HmacScheme {
                header: "x-signature".parse().unwrap(),
                prefix: "v0=".into(),
                encoding,
            })
        };
        [Scheme::Github, Scheme::StandardWebhooks, hmac(DigestEncoding::Hex), hmac(DigestEncoding::Base64)]
    }

    fn names() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "x-hub-signature-256",
            "webhook-id",
            "webhook-timestamp",
            "webhook-signature",
            "x-signature",
        ])
    }

    proptest! {
        #[test]
        fn whatever_the_headers_hold_nobody_without_the_secret_gets_in(
            pairs in prop::collection::vec((names(), r"(sha256=|v0=|v1,|v1a,)?[ -~]{0,70}"), 0..6),
            digits in "[0-9a-f]{64}",
            body in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let mut all = headers(&pairs.iter().map(|(name, value)| (*name, value.as_str())).collect::<Vec<_>>());
            for scheme in schemes() {
                if let Ok(signature) = Signature::read(&scheme, &all, Timestamp::UNIX_EPOCH) {
                    prop_assert!(!signature.is_by_any([&secret("secret")], &body));
                }
            }
            all.insert("x-hub-signature-256", format!("sha256={digits}").parse().unwrap());
            let signature = Signature::read(&Scheme::Github, &all, Timestamp::UNIX_EPOCH).unwrap();
            prop_assert!(!signature.is_by_any([&secret("secret")], &body));
        }
    }
}
