//! The sandbox's own RSA keys.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use serde_json::{Value, json};

/// What stands before the PKCS#1 key in the SubjectPublicKeyInfo of every 2048-bit RSA key with exponent 65537
/// (RFC 3279, 2.3.1): two lengths, the algorithm, the head of a bit string.
const SPKI_PREFIX: [u8; 24] = [
    0x30, 0x82, 0x01, 0x22, 0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01,
    0x05, 0x00, 0x03, 0x82, 0x01, 0x0f, 0x00,
];

/// The committed key pairs (`keys/README.md`). Nothing outside the sandbox trusts any of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Key {
    /// The AWS account's issuer.
    Aws,
    /// The same after a rotation.
    AwsNext,
    /// Google's issuer.
    Google,
    /// The same after a rotation.
    GoogleNext,
    /// Microsoft Entra.
    Azure,
    /// The same after a rotation.
    AzureNext,
    /// A Google service account's own key.
    ServiceAccount,
    /// Amazon SNS, which signs messages with it.
    Sns,
    /// Nobody's: no issuer publishes it.
    Stranger,
}

impl Key {
    /// The key an issuer changes to when it rotates. [`Key::ServiceAccount`] and [`Key::Stranger`] follow each
    /// other, and [`Key::Sns`] itself: they sign for no issuer.
    pub fn next(self) -> Self {
        match self {
            Self::Aws => Self::AwsNext,
            Self::AwsNext => Self::Aws,
            Self::Google => Self::GoogleNext,
            Self::GoogleNext => Self::Google,
            Self::Azure => Self::AzureNext,
            Self::AzureNext => Self::Azure,
            Self::ServiceAccount => Self::Stranger,
            Self::Stranger => Self::ServiceAccount,
            Self::Sns => Self::Sns,
        }
    }

    fn pkcs8(self) -> &'static [u8] {
        match self {
            Self::Aws => include_bytes!("../../keys/aws.pk8"),
            Self::AwsNext => include_bytes!("../../keys/aws-next.pk8"),
            Self::Google => include_bytes!("../../keys/google.pk8"),
            Self::GoogleNext => include_bytes!("../../keys/google-next.pk8"),
            Self::Azure => include_bytes!("../../keys/azure.pk8"),
            Self::AzureNext => include_bytes!("../../keys/azure-next.pk8"),
            Self::ServiceAccount => include_bytes!("../../keys/service-account.pk8"),
            Self::Sns => include_bytes!("../../keys/sns.pk8"),
            Self::Stranger => include_bytes!("../../keys/stranger.pk8"),
        }
    }

    /// The key, ready to sign.
    #[expect(clippy::expect_used, reason = "the file is compiled in, and a test loads every one")]
    pub fn load(self) -> SigningKey {
        let pair = RsaKeyPair::from_pkcs8(self.pkcs8()).expect("a committed key is a PKCS#8 RSA key");
        let kid = digest(&SHA256, pair.public().as_ref()).as_ref().iter().take(10).map(hex).collect();
        SigningKey { key: self, pair, kid }
    }
}

fn hex(byte: &u8) -> String {
    format!("{byte:02x}")
}

/// An RSA key of 2048 bits that can sign.
pub struct SigningKey {
    key: Key,
    pair: RsaKeyPair,
    kid: String,
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("key", &self.key).finish_non_exhaustive()
    }
}

impl SigningKey {
    /// The name under which the key is published: the start of the hash of the public key.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The RSASSA-PKCS1-v1_5 signature with SHA-256 over `message`.
    #[expect(clippy::expect_used, reason = "fails only when the system has no randomness or memory")]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).expect("RSA signs");
        signature
    }

    /// A JWT with this header and these claims, signed with this key whatever the header says.
    pub fn sign_jwt(&self, header: &Value, claims: &Value) -> String {
        compact(&header.to_string(), &claims.to_string(), |input| self.sign(input))
    }

    /// The public key as a JWK (RFC 7517).
    pub fn jwk(&self) -> Value {
        let public = RsaPublicKeyComponents::<Vec<u8>>::from(self.pair.public());
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256", "kid": self.kid,
            "n": URL_SAFE_NO_PAD.encode(public.n),
            "e": URL_SAFE_NO_PAD.encode(public.e),
        })
    }

    /// The public key as SubjectPublicKeyInfo in DER.
    pub fn public_der(&self) -> Vec<u8> {
        [&SPKI_PREFIX, self.pair.public().as_ref()].concat()
    }

    /// The public key as SubjectPublicKeyInfo in PEM, the form in which it is usually pasted somewhere.
    pub fn public_pem(&self) -> String {
        pem("PUBLIC KEY", &self.public_der())
    }

    /// The private key as PKCS#8 in PEM, as Google puts it into a service-account key file.
    pub fn private_pem(&self) -> String {
        pem("PRIVATE KEY", self.key.pkcs8())
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let (mut rest, mut lines) = (text.as_str(), String::new());
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        lines.push_str(line);
        lines.push('\n');
        rest = after;
    }
    format!("-----BEGIN {label}-----\n{lines}-----END {label}-----\n")
}

/// The compact form of a token, from JSON texts taken as they are (so that a claim may appear twice).
pub(super) fn compact(header: &str, claims: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = URL_SAFE_NO_PAD.encode(sign(input.as_bytes()));
    format!("{input}.{signature}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Key; 9] = [
        Key::Aws,
        Key::AwsNext,
        Key::Google,
        Key::GoogleNext,
        Key::Azure,
        Key::AzureNext,
        Key::ServiceAccount,
        Key::Sns,
        Key::Stranger,
    ];

    #[test]
    fn every_committed_key_loads_signs_and_differs_from_the_others() {
        let mut kids: Vec<String> = ALL.iter().map(|key| key.load().kid().to_owned()).collect();
        assert!(ALL.iter().all(|key| key.load().sign(b"message").len() == 256));
        kids.sort();
        kids.dedup();
        assert_eq!(kids.len(), ALL.len());
        assert!(ALL.iter().all(|key| key.next().next() == *key));
    }

    /// `openssl pkey -inform der -in keys/aws.pk8 -pubout -outform der | sha256sum`
    #[test]
    fn the_public_key_is_the_one_openssl_derives() {
        let key = Key::Aws.load();
        let hash: String = digest(&SHA256, &key.public_der()).as_ref().iter().map(hex).collect();
        assert_eq!(hash, "3d999937b5347cc2329aecef6234cf553dd6865d2685ab1e1ceeafd9f2b6ba78");
        let pem = key.public_pem();
        assert!(pem.starts_with("-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQ"), "{pem}");
        assert!(pem.lines().all(|line| line.len() <= 64));
    }
}
