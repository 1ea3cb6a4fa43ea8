//! Identifiers and secrets that differ from start to start.

use ring::rand::{SecureRandom, SystemRandom};

/// `N` random bytes.
#[expect(clippy::expect_used, reason = "fails only when the system has no randomness")]
fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).expect("the system has randomness");
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// 64 hexadecimal digits.
pub(crate) fn secret() -> String {
    hex(&bytes::<32>())
}

/// A version 4 UUID (RFC 9562, 5.4).
pub(crate) fn uuid() -> String {
    let random = u128::from_be_bytes(bytes::<16>());
    let version = random & !(0xf << 76) | 0x4 << 76;
    let variant = version & !(0x3 << 62) | 0x2 << 62;
    let digits = format!("{variant:032x}");
    let (a, rest) = digits.split_at(8);
    let (b, rest) = rest.split_at(4);
    let (c, rest) = rest.split_at(4);
    let (d, e) = rest.split_at(4);
    format!("{a}-{b}-{c}-{d}-{e}")
}

/// `length` characters of AWS's key id alphabet.
pub(crate) fn key_id(length: usize) -> String {
    const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let random = bytes::<32>();
    let letters = random.iter().cycle().take(length);
    letters.filter_map(|byte| ALPHABET.get(usize::from(byte % 32)).copied().map(char::from)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_has_its_form_and_differs_from_the_next() {
        let uuid = uuid();
        let parts: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(parts, [8, 4, 4, 4, 12]);
        assert_eq!(&uuid[14..15], "4");
        assert!("89ab".contains(&uuid[19..20]));
        assert_ne!(uuid, super::uuid());
    }

    #[test]
    fn secrets_and_key_ids_have_their_length() {
        assert_eq!((secret().len(), key_id(16).len()), (64, 16));
        assert_ne!(key_id(16), key_id(16));
    }
}
