//! Standard Webhooks: the id, the time and the body are signed together.
//!
//! Source: the specification at standardwebhooks.com, "Signature scheme", "Webhook headers" and "Verifying signatures"; the
//! tolerance is the one of its reference libraries. Like them, this takes the headers `webhook-…` alone.

use http::HeaderMap;
use jiff::Timestamp;

use super::header::from_base64;
use super::{Signature, single};
use crate::event::Stamp;
use crate::failure::Failure;

const ID: &str = "webhook-id";
const TIMESTAMP: &str = "webhook-timestamp";
const SIGNATURE: &str = "webhook-signature";

/// The version of a signature that is an HMAC-SHA-256. Others are passed over: `v1a` is made with a private key.
const VERSION: &str = "v1";

/// How far a sender's clock may be from ours, and how old what comes again may be, in seconds.
const TOLERANCE: i64 = 5 * 60;

/// The longest id, in bytes.
const MAX_ID: usize = 256;

/// How many signatures are compared: one for each secret while secrets are rotated.
const MAX_SIGNATURES: usize = 8;

pub(super) fn read(headers: &HeaderMap, now: Timestamp) -> Result<Signature, Failure> {
    let id = text(headers, ID)?;
    // A full stop in it, and the same bytes could be taken apart in two ways.
    if id.is_empty() || id.len() > MAX_ID || !id.bytes().all(|b| b.is_ascii_graphic() && b != b'.') {
        return Err(Failure::unauthenticated(format!(
            "{ID} is not up to {MAX_ID} visible characters without a full stop"
        )));
    }
    let timestamp = text(headers, TIMESTAMP)?;
    let time = time(timestamp).ok_or_else(|| {
        Failure::unauthenticated(format!("{TIMESTAMP} is not a Unix time in whole seconds"))
    })?;
    if now.as_second().abs_diff(time.as_second()) > TOLERANCE.unsigned_abs() {
        return Err(Failure::unauthenticated(format!(
            "{TIMESTAMP} is more than {} minutes from now: the delivery is old, or a clock is wrong",
            TOLERANCE / 60
        )));
    }
    let digests = digests(text(headers, SIGNATURE)?)?;
    let before = format!("{id}.{timestamp}.").into_bytes();
    Ok(Signature { digests, before, stamp: Some(Stamp { id: id.to_owned(), time }) })
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Failure> {
    let value = single(headers, name)?.ok_or_else(|| {
        Failure::unauthenticated(format!(
            "the delivery is not signed: it has no {name}; a sender of Standard Webhooks sends {ID}, {TIMESTAMP} and {SIGNATURE}"
        ))
    })?;
    value.to_str().map_err(|_| Failure::unauthenticated(format!("{name} is not text")))
}

fn time(text: &str) -> Option<Timestamp> {
    let is_number = (1..=12).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok())).flatten()
}

fn digests(list: &str) -> Result<Vec<[u8; super::DIGEST]>, Failure> {
    let refused = |why: &str| Err(Failure::unauthenticated(format!("{SIGNATURE} {why}")));
    let mut digests = Vec::new();
    for entry in list.split(' ').filter(|entry| !entry.is_empty()) {
        let Some((version, digest)) = entry.split_once(',') else {
            return refused("is not a list of versions and signatures, as in `v1,…`");
        };
        if version != VERSION {
            continue;
        }
        match from_base64(digest) {
            Some(digest) if digests.len() < MAX_SIGNATURES => digests.push(digest),
            Some(_) => return refused("has more signatures than any sender has secrets"),
            None => return refused("has a `v1` signature that is not the base64 of 32 bytes"),
        }
    }
    if digests.is_empty() {
        return refused("has no `v1` signature: let the sender sign with a shared secret (HMAC-SHA-256)");
    }
    Ok(digests)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use ring::hmac;

    use super::super::tests::{headers, secret};
    use super::*;
    use crate::config::Signature as Scheme;
    use crate::secret::WebhookSecret;

    /// From the reference libraries' tests.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const MESSAGE: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const RIGHT: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn key() -> WebhookSecret {
        secret(SECRET).of_standard_webhooks().unwrap()
    }

    fn read(pairs: &[(&str, &str)], now: i64) -> Result<Signature, Failure> {
        Signature::read(&Scheme::StandardWebhooks, &headers(pairs), Timestamp::from_second(now).unwrap())
    }

    fn signed<'a>(id: &'a str, time: &'a str, signature: &'a str) -> [(&'a str, &'a str); 3] {
        [(ID, id), (TIMESTAMP, time), (SIGNATURE, signature)]
    }

    #[test]
    fn the_reference_libraries_own_example_is_accepted_and_its_stamp_is_signed() {
        let several = format!("v1,{} v1a,zzz {RIGHT} v2,x", STANDARD.encode([0; 32]));
        for list in [RIGHT, &several, &format!(" {RIGHT}  ")] {
            let signature = read(&signed(MESSAGE, "1614265330", list), AT).unwrap();
            assert!(signature.is_by_any([&secret("another"), &key()], BODY), "{list}");
            assert!(!signature.is_by_any([&secret(SECRET), &secret("another")], BODY), "{list}");
            assert!(!signature.is_by_any([&key()], b"{}"), "{list}");
            let stamp = signature.into_stamp().unwrap();
            assert_eq!((stamp.id.as_str(), stamp.time.as_second()), (MESSAGE, AT));
        }
        // Whatever else is signed cannot be changed either.
        for pairs in [signed("msg_other", "1614265330", RIGHT), signed(MESSAGE, "1614265331", RIGHT)] {
            assert!(!read(&pairs, AT).unwrap().is_by_any([&key()], BODY), "{pairs:?}");
        }
    }

    #[test]
    fn a_clock_may_be_five_minutes_off_either_way() {
        for (now, accepted) in
            [(AT, true), (AT + 300, true), (AT - 300, true), (AT + 301, false), (AT - 301, false), (0, false)]
        {
            let result = read(&signed(MESSAGE, "1614265330", RIGHT), now);
            assert_eq!(result.is_ok(), accepted, "{now}");
            if let Err(failure) = result {
                assert!(failure.message.contains("more than 5 minutes from now"), "{failure}");
            }
        }
    }

    #[test]
    fn every_other_header_is_refused_and_says_what_is_wrong() {
        let time = "1614265330";
        let long = "x".repeat(257);
        let [v1a, upper, unpadded] =
            [RIGHT.replace("v1", "v1a"), RIGHT.replace("v1", "V1"), RIGHT.replace('=', "")];
        let (nine, short) = ([RIGHT; 9].join(" "), format!("v1,{}", STANDARD.encode([0; 31])));
        let table: Vec<(Vec<(&str, &str)>, &str)> = vec![
            (vec![], "it has no webhook-id"),
            (signed(MESSAGE, time, RIGHT)[1..].to_vec(), "it has no webhook-id"),
            (vec![(ID, MESSAGE), (SIGNATURE, RIGHT)], "it has no webhook-timestamp"),
            (signed(MESSAGE, time, RIGHT)[..2].to_vec(), "it has no webhook-signature"),
            (
                vec![("svix-id", MESSAGE), ("svix-timestamp", time), ("svix-signature", RIGHT)],
                "it has no webhook-id",
            ),
            ([&signed(MESSAGE, time, RIGHT)[..], &[(ID, MESSAGE)]].concat(), "webhook-id comes twice"),
            (
                [&signed(MESSAGE, time, RIGHT)[..], &[(TIMESTAMP, time)]].concat(),
                "webhook-timestamp comes twice",
            ),
            (
                [&signed(MESSAGE, time, RIGHT)[..], &[(SIGNATURE, RIGHT)]].concat(),
                "webhook-signature comes twice",
            ),
            (signed("", time, RIGHT).to_vec(), "without a full stop"),
            (signed("a.b", time, RIGHT).to_vec(), "without a full stop"),
            (signed("a b", time, RIGHT).to_vec(), "without a full stop"),
            (signed(&long, time, RIGHT).to_vec(), "without a full stop"),
            (signed(MESSAGE, "", RIGHT).to_vec(), "not a Unix time"),
            (signed(MESSAGE, "+1614265330", RIGHT).to_vec(), "not a Unix time"),
            (signed(MESSAGE, "-1614265330", RIGHT).to_vec(), "not a Unix time"),
            (signed(MESSAGE, "1614265330.0", RIGHT).to_vec(), "not a Unix time"),
            (signed(MESSAGE, "2021-02-25T15:02:10Z", RIGHT).to_vec(), "not a Unix time"),
            (signed(MESSAGE, "1614265330000", RIGHT).to_vec(), "not a Unix time"),
            (signed(MESSAGE, time, "").to_vec(), "no `v1` signature"),
            (signed(MESSAGE, time, &v1a).to_vec(), "no `v1` signature"),
            (signed(MESSAGE, time, &upper).to_vec(), "no `v1` signature"),
            (signed(MESSAGE, time, &RIGHT[3..]).to_vec(), "not a list"),
            (signed(MESSAGE, time, "v1,").to_vec(), "not the base64 of 32 bytes"),
            (signed(MESSAGE, time, &short).to_vec(), "not the base64 of 32 bytes"),
            (signed(MESSAGE, time, &unpadded).to_vec(), "not the base64 of 32 bytes"),
            (signed(MESSAGE, time, &nine).to_vec(), "more signatures"),
        ];
        for (pairs, words) in table {
            let failure = read(&pairs, AT).unwrap_err();
            assert_eq!(failure.class.status(), 401, "{pairs:?}");
            assert!(failure.message.contains(words), "{words}: {failure}");
        }
    }

    proptest! {
        #[test]
        fn what_is_signed_is_accepted_and_any_change_is_not(
            id in "[!-~&&[^.]]{1,40}",
            other in "[!-~&&[^.]]{1,40}",
            at in 0_i64..99_999_999_999,
            body in prop::collection::vec(any::<u8>(), 1..60),
            place in any::<prop::sample::Index>(),
        ) {
            let key = hmac::Key::new(hmac::HMAC_SHA256, b"secret");
            let content = [format!("{id}.{at}.").as_bytes(), &body].concat();
            let signature = format!("v1,{}", STANDARD.encode(hmac::sign(&key, &content)));
            let is_accepted = |id: &str, at: i64, body: &[u8]| {
                read(&signed(id, &at.to_string(), &signature), at).unwrap().is_by_any([&secret("secret")], body)
            };
            prop_assert!(is_accepted(&id, at, &body));
            prop_assert!(!is_accepted(&id, at + 1, &body));
            prop_assert!(id == other || !is_accepted(&other, at, &body));
            let mut tampered = body.clone();
            tampered[place.index(body.len())] ^= 1;
            prop_assert!(!is_accepted(&id, at, &tampered));
            prop_assert!(!is_accepted(&id, at, &body[1..]));
        }
    }
}
