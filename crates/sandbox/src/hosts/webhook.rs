//! Senders of webhooks: GitHub, those that follow standardwebhooks.com, and the rest.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use ring::hmac;
use serde_json::Value;

use super::{HostError, HttpAnswer, HttpCall};
use crate::http_client::LoopbackClient;
use crate::identity::random;
use crate::trace::{Hop, Trace};

/// How a delivery is signed: rightly, or in one of the ways nobody must accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signature {
    /// SHA-256 and, beside it, the old SHA-1, as GitHub sends both.
    Right,
    /// No signature at all, as from a webhook without a secret.
    Missing,
    /// The SHA-1 signature alone.
    Sha1Only,
    /// A right start, cut in half.
    TooShort,
    /// The right digits, twice.
    TooLong,
    /// Of the right form, for another body.
    Wrong,
    /// The right digits without `sha256=`.
    WithoutPrefix,
    /// `sha256=` and letters that are no digits.
    NotHex,
}

impl Signature {
    /// Every way of signing that must be refused.
    pub const WRONG: [Self; 7] = [
        Self::Missing,
        Self::Sha1Only,
        Self::TooShort,
        Self::TooLong,
        Self::Wrong,
        Self::WithoutPrefix,
        Self::NotHex,
    ];
}

/// One delivery of a webhook (GitHub docs, "Webhook events and payloads: delivery headers").
#[derive(Clone, Debug)]
pub struct Webhook {
    event: String,
    delivery: String,
    body: Vec<u8>,
}

impl Webhook {
    /// A delivery of `event` (`release`, `push`, `ping`, …) with a GUID of its own.
    pub fn new(event: impl Into<String>, payload: &Value) -> Self {
        Self::of_bytes(event, payload.to_string())
    }

    /// The same with these very bytes for a body.
    pub fn of_bytes(event: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { event: event.into(), delivery: random::uuid(), body: body.into() }
    }

    /// Sets `X-GitHub-Delivery`, which a redelivery keeps.
    pub fn delivery(mut self, guid: impl Into<String>) -> Self {
        self.delivery = guid.into();
        self
    }

    /// The request GitHub makes to `path`, signed with `secret`.
    pub fn call(&self, path: &str, secret: &str, signature: Signature) -> HttpCall {
        let call = HttpCall::new(Method::POST, path)
            .header("accept", "*/*")
            .header("content-type", "application/json")
            .header("user-agent", "GitHub-Hookshot/044aadd")
            .header("x-github-delivery", &self.delivery)
            .header("x-github-event", &self.event)
            .header("x-github-hook-id", "292430182")
            .header("x-github-hook-installation-target-id", "79929171")
            .header("x-github-hook-installation-target-type", "repository")
            .body(self.body.clone());
        let mac = |algorithm| hex_mac(algorithm, secret, &self.body);
        let right = mac(hmac::HMAC_SHA256);
        let sha1 = format!("sha1={}", mac(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY));
        let sha256 = |digits: &str| call.clone().header("x-hub-signature-256", &format!("sha256={digits}"));
        match signature {
            Signature::Right => sha256(&right).header("x-hub-signature", &sha1),
            Signature::Missing => call,
            Signature::Sha1Only => call.header("x-hub-signature", &sha1),
            Signature::TooShort => sha256(right.get(..32).unwrap_or_default()),
            Signature::TooLong => sha256(&right.repeat(2)),
            Signature::Wrong => sha256(&hex_mac(hmac::HMAC_SHA256, secret, b"another body")),
            Signature::WithoutPrefix => call.header("x-hub-signature-256", &right),
            Signature::NotHex => sha256(&"z".repeat(64)),
        }
    }

    /// Delivers to `path` at `base`, rightly signed, and records the hop.
    ///
    /// # Errors
    /// As [`HttpCall::send`].
    pub async fn send(
        &self,
        client: &LoopbackClient,
        base: &str,
        path: &str,
        secret: &str,
        trace: &Trace,
    ) -> Result<HttpAnswer, HostError> {
        let answer = self.call(path, secret, Signature::Right).send(client, base).await?;
        trace.record(Hop {
            service: "github-webhook",
            method: "POST".to_owned(),
            path: path.to_owned(),
            status: Some(answer.status),
            note: Some(format!("{} delivered", self.event)),
        });
        Ok(answer)
    }
}

fn hex_mac(algorithm: hmac::Algorithm, secret: &str, body: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), body);
    tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One delivery as the specification at standardwebhooks.com has it.
#[derive(Clone, Debug)]
pub struct StandardWebhook {
    /// `webhook-id`, which a redelivery keeps.
    pub id: String,
    /// `webhook-timestamp`, in seconds since 1970.
    pub timestamp: i64,
    /// The body's bytes.
    pub body: Vec<u8>,
}

impl StandardWebhook {
    /// A delivery that is made now, with an id of its own.
    pub fn new(payload: &Value) -> Self {
        let id = format!("msg_{}", random::uuid());
        Self { id, timestamp: jiff::Timestamp::now().as_second(), body: payload.to_string().into_bytes() }
    }

    /// The signature with a secret of the form `whsec_` and base64; with any other text as it is.
    pub fn signature(&self, secret: &str) -> String {
        let decoded = secret.strip_prefix("whsec_").and_then(|text| STANDARD.decode(text).ok());
        let key = decoded.unwrap_or_else(|| secret.as_bytes().to_vec());
        let signed = [format!("{}.{}.", self.id, self.timestamp).as_bytes(), &self.body].concat();
        format!("v1,{}", STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), &signed)))
    }

    /// The request to `path`, with these signatures.
    pub fn call(&self, path: &str, signatures: &str) -> HttpCall {
        HttpCall::new(Method::POST, path)
            .header("content-type", "application/json")
            .header("webhook-id", &self.id)
            .header("webhook-timestamp", &self.timestamp.to_string())
            .header("webhook-signature", signatures)
            .body(self.body.clone())
    }
}

/// The base64 of a body's HMAC-SHA-256, as some senders put it into a header of their own.
pub fn base64_mac(secret: &str, body: &[u8]) -> String {
    STANDARD.encode(hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// GitHub docs, "Validating webhook deliveries: testing the webhook payload validation".
    #[test]
    fn the_documented_example_is_signed_as_documented() {
        let call = Webhook::of_bytes("ping", "Hello, World!").call(
            "/",
            "It's a Secret to Everybody",
            Signature::Right,
        );
        assert_eq!(
            call.headers.get("x-hub-signature-256").unwrap(),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
        assert_eq!(call.headers.get("x-github-event").unwrap(), "ping");
    }

    #[test]
    fn wrong_signatures_are_wrong_each_in_its_way() {
        let webhook = Webhook::of_bytes("push", "{}");
        let header = |signature| {
            let call = webhook.call("/", "secret", signature);
            let text = |name: &str| call.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
            (text("x-hub-signature-256"), text("x-hub-signature").is_some())
        };
        let (right, both) = header(Signature::Right);
        let right = right.unwrap();
        assert!(both);
        for (signature, length, sha1) in [
            (Signature::Missing, None, false),
            (Signature::Sha1Only, None, true),
            (Signature::TooShort, Some(39), false),
            (Signature::TooLong, Some(135), false),
            (Signature::Wrong, Some(71), false),
            (Signature::WithoutPrefix, Some(64), false),
            (Signature::NotHex, Some(71), false),
        ] {
            let (sha256, old) = header(signature);
            assert_eq!((sha256.as_ref().map(String::len), old), (length, sha1), "{signature:?}");
            assert_ne!(sha256.as_ref(), Some(&right), "{signature:?}");
        }
    }
    /// From the tests of the specification's reference libraries.
    #[test]
    fn a_standard_webhook_is_signed_as_the_reference_libraries_do() {
        let body = br#"{"test": 2432232314}"#.to_vec();
        let webhook =
            StandardWebhook { id: "msg_p5jXN8AQM9LWM0D4loKWxJek".into(), timestamp: 1_614_265_330, body };
        let signature = webhook.signature("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let call = webhook.call("/", &signature);
        assert_eq!(call.headers.get("webhook-timestamp").unwrap(), "1614265330");
        assert_eq!(call.headers.get("webhook-id").unwrap(), "msg_p5jXN8AQM9LWM0D4loKWxJek");
    }
}
