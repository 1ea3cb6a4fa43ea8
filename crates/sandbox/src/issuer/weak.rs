//! An RSA key of 1024 bits, which verifiers must refuse although its signatures are right.
//!
//! ring rightly does not sign with such a key, so the arithmetic is done here: textbook Montgomery
//! multiplication, neither fast nor constant in time. The key is committed and worth nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

/// The name under which the weak key is published.
pub(super) const KID: &str = "weak-1024";

const BYTES: usize = 128;
const LIMBS: usize = BYTES / 4;

static MODULUS: &[u8; BYTES] = include_bytes!("../../keys/weak.modulus");
static EXPONENT: &[u8; BYTES] = include_bytes!("../../keys/weak.exponent");

/// The head of a SHA-256 DigestInfo (RFC 8017, 9.2, note 1).
const DIGEST_INFO: [u8; 19] = [
    0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00,
    0x04, 0x20,
];

/// Little-endian limbs of 32 bits.
type Number = [u32; LIMBS];

/// The public key as a JWK.
pub(super) fn jwk() -> Value {
    let n = URL_SAFE_NO_PAD.encode(MODULUS);
    json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": KID, "n": n, "e": "AQAB" })
}

/// The RSASSA-PKCS1-v1_5 signature with SHA-256 over `message` (RFC 8017, 8.2.1).
pub(super) fn sign(message: &[u8]) -> Vec<u8> {
    let hash = digest(&SHA256, message);
    let mut encoded = [0xff_u8; BYTES];
    let tail = [&[0x00], DIGEST_INFO.as_slice(), hash.as_ref()].concat();
    for (to, from) in encoded.iter_mut().rev().zip(tail.iter().rev()) {
        *to = *from;
    }
    for (to, from) in encoded.iter_mut().zip([0x00, 0x01]) {
        *to = from;
    }
    let field = Field::new(number(MODULUS));
    bytes(&field.power(&number(&encoded), EXPONENT))
}

fn number(big_endian: &[u8; BYTES]) -> Number {
    let mut limbs = [0; LIMBS];
    for (limb, chunk) in limbs.iter_mut().rev().zip(big_endian.chunks(4)) {
        *limb = chunk.iter().fold(0, |limb, byte| limb << 8 | u32::from(*byte));
    }
    limbs
}

fn bytes(number: &Number) -> Vec<u8> {
    number.iter().rev().flat_map(|limb| limb.to_be_bytes()).collect()
}

/// Arithmetic modulo an odd number, in Montgomery form.
struct Field {
    modulus: Number,
    /// The negative inverse of the modulus, modulo 2^32.
    inverse: u32,
}

impl Field {
    fn new(modulus: Number) -> Self {
        let [low, ..] = modulus;
        // Newton: each round doubles the number of right bits.
        let inverse = (0..5).fold(1_u32, |x, _| x.wrapping_mul(2_u32.wrapping_sub(low.wrapping_mul(x))));
        Self { modulus, inverse: inverse.wrapping_neg() }
    }

    fn power(&self, base: &Number, big_endian_exponent: &[u8]) -> Number {
        let mut one = [0; LIMBS];
        if let Some(low) = one.first_mut() {
            *low = 1;
        }
        // R = 2^1024 by doubling one 1024 times, R² by doubling R as often.
        let r = (0..LIMBS * 32).fold(one, |x, _| self.double(&x));
        let r_squared = (0..LIMBS * 32).fold(r, |x, _| self.double(&x));
        let base = self.multiply(base, &r_squared);
        let bits = big_endian_exponent.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
        let power = bits.fold(r, |power, bit| {
            let square = self.multiply(&power, &power);
            if bit == 1 { self.multiply(&square, &base) } else { square }
        });
        self.multiply(&power, &one)
    }

    /// a·b/R mod the modulus.
    fn multiply(&self, a: &Number, b: &Number) -> Number {
        let (mut sum, mut high) = ([0_u32; LIMBS], 0_u32);
        for digit in a {
            let (product, over) = add_scaled(&sum, b, *digit);
            let [low, ..] = product;
            let (reduced, under) = add_scaled(&product, &self.modulus, low.wrapping_mul(self.inverse));
            let top = u64::from(high) + u64::from(over) + u64::from(under);
            // The lowest limb is zero now: move everything down by one.
            for (to, from) in sum.iter_mut().zip(reduced.iter().skip(1).copied().chain([top as u32])) {
                *to = from;
            }
            high = (top >> 32) as u32;
        }
        self.reduce(sum, high)
    }

    fn double(&self, x: &Number) -> Number {
        let (sum, over) = add_scaled(x, x, 1);
        self.reduce(sum, over)
    }

    /// Takes the modulus away once if the number, with `high` above it, is not below it.
    fn reduce(&self, number: Number, high: u32) -> Number {
        let below = number.iter().rev().lt(self.modulus.iter().rev());
        if high == 0 && below {
            return number;
        }
        let (mut difference, mut borrow) = (number, false);
        for (digit, modulus) in difference.iter_mut().zip(self.modulus) {
            let (first, under) = digit.overflowing_sub(modulus);
            let (second, again) = first.overflowing_sub(u32::from(borrow));
            (*digit, borrow) = (second, under || again);
        }
        difference
    }
}

/// a + b·scale, and what runs over at the top.
fn add_scaled(a: &Number, b: &Number, scale: u32) -> (Number, u32) {
    let (mut sum, mut carry) = (*a, 0_u64);
    for (digit, b) in sum.iter_mut().zip(b) {
        let wide = u64::from(*digit) + u64::from(*b) * u64::from(scale) + carry;
        *digit = wide as u32;
        carry = wide >> 32;
    }
    (sum, carry as u32)
}

#[cfg(test)]
mod tests {
    use ring::signature::{
        RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
    };

    use super::*;

    #[test]
    fn the_signature_is_right_and_refused_for_its_length_alone() {
        let key = RsaPublicKeyComponents { n: MODULUS.as_slice(), e: &[1, 0, 1] };
        for message in [b"one".as_slice(), b"another", &[0; 1000]] {
            let signature = sign(message);
            assert_eq!(
                key.verify(&RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, message, &signature),
                Ok(())
            );
            assert!(key.verify(&RSA_PKCS1_2048_8192_SHA256, message, &signature).is_err());
        }
    }
}
