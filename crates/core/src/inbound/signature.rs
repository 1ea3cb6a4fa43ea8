//! GitHub's webhook signature: HMAC-SHA-256 of the exact bytes, in `X-Hub-Signature-256`.
//!
//! The SHA-1 header is ignored: a delivery that has only that one is not signed. Source: GitHub Docs, "Validating webhook
//! deliveries".

use http::HeaderMap;
use ring::hmac;

use crate::failure::Failure;
use crate::secret::WebhookSecret;

const HEADER: &str = "x-hub-signature-256";
const PREFIX: &str = "sha256=";

/// A signature as it stands in the header: 32 bytes, not yet compared.
#[derive(Debug)]
pub struct Signature([u8; 32]);

impl Signature {
    /// Reads the header.
    ///
    /// # Errors
    /// Unauthenticated when it is missing, comes twice, or is not `sha256=` and 64 hex digits.
    pub fn read(headers: &HeaderMap) -> Result<Self, Failure> {
        let mut values = headers.get_all(HEADER).iter();
        let value = match (values.next(), values.next()) {
            (Some(value), None) => value,
            (Some(_), Some(_)) => return Err(Failure::unauthenticated("X-Hub-Signature-256 comes twice")),
            (None, _) if headers.contains_key("x-hub-signature") => {
                return Err(Failure::unauthenticated(
                    "the delivery has only the SHA-1 signature, which is not accepted; GitHub sends X-Hub-Signature-256 beside it, so something between drops it",
                ));
            }
            (None, _) => {
                return Err(Failure::unauthenticated(
                    "the delivery is not signed; set the same secret in the webhook's settings and in gatepass.yaml",
                ));
            }
        };
        let hex = value.to_str().ok().and_then(|text| text.strip_prefix(PREFIX));
        hex.and_then(decode).map(Self).ok_or_else(|| {
            Failure::unauthenticated("X-Hub-Signature-256 is not `sha256=` and 64 hexadecimal digits")
        })
    }

    /// Whether one of the secrets made this signature over `body`. Compares in constant time, and tries all secrets
    /// whichever fits, so that the time tells nothing about which.
    pub fn is_by_any<'a>(&self, secrets: impl IntoIterator<Item = &'a WebhookSecret>, body: &[u8]) -> bool {
        secrets.into_iter().fold(false, |found, secret| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
            let fits = hmac::verify(&key, body, &self.0).is_ok();
            found | fits
        })
    }
}

fn decode(hex: &str) -> Option<[u8; 32]> {
    let digits = hex.as_bytes();
    let mut bytes = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let text = str::from_utf8(pair).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
        *byte = u8::from_str_radix(text, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GitHub Docs, "Validating webhook deliveries", testing the signature.
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const HEX: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn secret(text: &str) -> WebhookSecret {
        WebhookSecret::new(text).unwrap()
    }

    #[test]
    fn githubs_own_example_is_accepted_by_the_right_secret_only() {
        let value = format!("sha256={HEX}");
        let signature = Signature::read(&headers(&[(HEADER, &value)])).unwrap();
        assert!(signature.is_by_any([&secret(SECRET)], BODY));
        assert!(signature.is_by_any([&secret("next"), &secret(SECRET)], BODY));
        assert!(!signature.is_by_any([&secret("next")], BODY));
        assert!(!signature.is_by_any([], BODY));
        assert!(!signature.is_by_any([&secret(SECRET)], b"Hello, World"));
    }

    #[test]
    fn every_other_header_is_refused() {
        let right = format!("sha256={HEX}");
        let table: &[&[(&'static str, &str)]] = &[
            &[],
            &[("x-hub-signature", "sha1=0000000000000000000000000000000000000000")],
            &[(HEADER, "")],
            &[(HEADER, HEX)],
            &[(HEADER, &right[..right.len() - 2])],
            &[(HEADER, &format!("{right}00"))],
            &[(HEADER, &right.replace('7', "g"))],
            &[(HEADER, &right.replace("75", "+5"))],
            &[(HEADER, &right.replace("sha256", "sha1"))],
            &[(HEADER, &right), (HEADER, &right)],
        ];
        for pairs in table {
            let failure = Signature::read(&headers(pairs)).unwrap_err();
            assert_eq!(failure.class.status(), 401, "{pairs:?}");
        }
    }
}
