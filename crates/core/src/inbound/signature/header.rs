//! A digest of the body in one header, as GitHub and most others send it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;

use super::{DIGEST, single};
use crate::config::{DigestEncoding, HmacScheme};
use crate::failure::Failure;

/// What GitHub used before SHA-256. It is never compared.
const GITHUB_SHA1: &str = "x-hub-signature";

/// Where the digest stands and how it is written.
///
/// Nothing but the body is signed, so a delivery does not say when it was made: one that comes again, from the sender or
/// from whoever has recorded it, is recognised by the digest of its body, which is the event's id.
#[derive(Clone, Copy, Debug)]
pub(super) struct DigestHeader<'a> {
    name: &'a str,
    prefix: &'a str,
    encoding: DigestEncoding,
}

impl<'a> From<&'a HmacScheme> for DigestHeader<'a> {
    fn from(scheme: &'a HmacScheme) -> Self {
        Self { name: scheme.header.as_str(), prefix: &scheme.prefix, encoding: scheme.encoding }
    }
}

impl DigestHeader<'static> {
    /// Source: GitHub Docs, "Validating webhook deliveries".
    pub(super) const GITHUB: Self =
        Self { name: "X-Hub-Signature-256", prefix: "sha256=", encoding: DigestEncoding::Hex };
}

impl DigestHeader<'_> {
    /// # Errors
    /// Unauthenticated when it is missing, comes twice, or is not of this form.
    pub(super) fn read(self, headers: &HeaderMap) -> Result<[u8; DIGEST], Failure> {
        let Some(value) = single(headers, self.name)? else { return Err(self.missing(headers)) };
        let text = value.to_str().ok().and_then(|text| text.strip_prefix(self.prefix));
        let digest = text.and_then(|text| match self.encoding {
            DigestEncoding::Hex => from_hex(text),
            DigestEncoding::Base64 => from_base64(text),
        });
        digest.ok_or_else(|| {
            let prefix =
                if self.prefix.is_empty() { String::new() } else { format!("`{}` and ", self.prefix) };
            let digits = match self.encoding {
                DigestEncoding::Hex => "64 hexadecimal digits",
                DigestEncoding::Base64 => "the base64 of 32 bytes",
            };
            Failure::unauthenticated(format!("{} is not {prefix}{digits}", self.name))
        })
    }

    fn missing(self, headers: &HeaderMap) -> Failure {
        let is_github = self.name == DigestHeader::GITHUB.name;
        let message = if is_github && headers.contains_key(GITHUB_SHA1) {
            "the delivery has only the SHA-1 signature, which is not accepted; GitHub sends X-Hub-Signature-256 beside it, so something between drops it".into()
        } else if is_github {
            "the delivery is not signed; set the same secret in the webhook's settings and in gatepass.yaml"
                .into()
        } else {
            format!(
                "the delivery is not signed: it has no {}; set the same secret in the sender's settings and in gatepass.yaml",
                self.name
            )
        };
        Failure::unauthenticated(message)
    }
}

/// A digest of base64, with its padding.
pub(super) fn from_base64(text: &str) -> Option<[u8; DIGEST]> {
    STANDARD.decode(text).ok()?.try_into().ok()
}

fn from_hex(text: &str) -> Option<[u8; DIGEST]> {
    let digits = text.as_bytes();
    let mut bytes = [0; DIGEST];
    if digits.len() != 2 * DIGEST {
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
    use jiff::Timestamp;

    use super::super::Signature;
    use super::super::tests::{headers, secret};
    use crate::config::{DigestEncoding, HmacScheme, Signature as Scheme};

    /// GitHub Docs, "Validating webhook deliveries", testing the signature.
    const SECRET: &str = "It's a Secret to Everybody";
    const BODY: &[u8] = b"Hello, World!";
    const HEX: &str = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    const BASE64: &str = "dXEH6g6yUJ/CESIczphLijdXC211hsIsRvQ3nIsEPhc=";
    const HEADER: &str = "x-hub-signature-256";

    fn read(scheme: &Scheme, pairs: &[(&str, &str)]) -> Result<Signature, crate::failure::Failure> {
        Signature::read(scheme, &headers(pairs), Timestamp::UNIX_EPOCH)
    }

    fn hmac(prefix: &str, encoding: DigestEncoding) -> Scheme {
        Scheme::Hmac(HmacScheme { header: "X-Signature".parse().unwrap(), prefix: prefix.into(), encoding })
    }

    #[test]
    fn githubs_own_example_is_accepted_by_the_right_secret_only() {
        let value = format!("sha256={HEX}");
        let signature = read(&Scheme::Github, &[(HEADER, &value)]).unwrap();
        assert!(signature.is_by_any([&secret(SECRET)], BODY));
        assert!(signature.is_by_any([&secret("next"), &secret(SECRET)], BODY));
        assert!(!signature.is_by_any([&secret("next")], BODY));
        assert!(!signature.is_by_any([], BODY));
        assert!(!signature.is_by_any([&secret(SECRET)], b"Hello, World"));
        assert!(signature.into_stamp().is_none());
    }

    #[test]
    fn every_other_header_of_githubs_is_refused() {
        let right = format!("sha256={HEX}");
        let table: &[&[(&str, &str)]] = &[
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
            let failure = read(&Scheme::Github, pairs).unwrap_err();
            assert_eq!(failure.class.status(), 401, "{pairs:?}");
        }
    }

    #[test]
    fn a_header_of_ones_own_has_a_prefix_and_an_encoding_or_neither() {
        use DigestEncoding::{Base64, Hex};
        for (prefix, encoding, value) in [
            ("", Hex, HEX.to_owned()),
            ("", Hex, HEX.to_uppercase()),
            ("v0=", Hex, format!("v0={HEX}")),
            ("", Base64, BASE64.to_owned()),
            ("hmac ", Base64, format!("hmac {BASE64}")),
        ] {
            let signature = read(&hmac(prefix, encoding), &[("x-signature", &value)]).unwrap();
            assert!(signature.is_by_any([&secret(SECRET)], BODY), "{value}");
            assert!(!signature.is_by_any([&secret("another")], BODY), "{value}");
            assert!(!signature.is_by_any([&secret(SECRET)], b"Hello, World?"), "{value}");
        }
    }

    #[test]
    fn every_other_header_of_ones_own_is_refused_and_says_what_is_wrong() {
        use DigestEncoding::{Base64, Hex};
        let (with_prefix, unpadded) = (format!("v0={HEX}"), BASE64.trim_end_matches('='));
        type Row<'a> = (&'a str, DigestEncoding, &'a [(&'a str, &'a str)], &'a str);
        let table: &[Row<'_>] = &[
            ("", Hex, &[], "it has no X-Signature"),
            ("", Hex, &[(HEADER, HEX)], "it has no X-Signature"),
            ("", Hex, &[("x-signature", HEX), ("x-signature", HEX)], "X-Signature comes twice"),
            ("", Hex, &[("x-signature", "")], "is not 64 hexadecimal digits"),
            ("", Hex, &[("x-signature", BASE64)], "is not 64 hexadecimal digits"),
            ("", Hex, &[("x-signature", &with_prefix)], "is not 64 hexadecimal digits"),
            ("v0=", Hex, &[("x-signature", HEX)], "is not `v0=` and 64 hexadecimal digits"),
            ("V0=", Hex, &[("x-signature", &with_prefix)], "is not `V0=` and 64"),
            ("", Base64, &[("x-signature", HEX)], "is not the base64 of 32 bytes"),
            ("", Base64, &[("x-signature", unpadded)], "is not the base64 of 32 bytes"),
            ("", Base64, &[("x-signature", "AAAA")], "is not the base64 of 32 bytes"),
            ("v0=", Base64, &[("x-signature", BASE64)], "is not `v0=` and the base64 of 32 bytes"),
        ];
        for (prefix, encoding, pairs, words) in table {
            let failure = read(&hmac(prefix, *encoding), pairs).unwrap_err();
            assert_eq!(failure.class.status(), 401, "{pairs:?}");
            assert!(failure.message.contains(words), "{words}: {failure}");
        }
    }
}
