//! What a bare scalar means to the server's YAML reader: YAML 1.1 as go-yaml v2 understands it, below
//! `sigs.k8s.io/yaml`.

use gatepass_yaml::{Kind, Node};

use crate::go_text;

/// A resolved scalar.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scalar<'a> {
    Null,
    Bool(bool),
    /// Anything from the smallest `i64` to the largest `u64`.
    Integer(i128),
    Float(f64),
    Text(&'a str),
}

/// Why a scalar is not judged.
pub(crate) type Reason = &'static str;

const OVERFLOW: Reason = "servers differ about a number this large that is not decimal: quote it";
const UNUSUAL: Reason = "the number is written in a way that readers take differently: quote it";

impl<'a> Scalar<'a> {
    /// Resolves a scalar node; nothing for a list or mapping. Its tag, if any, must be `!!str`.
    pub(crate) fn of(node: &'a Node) -> Option<Result<Self, Reason>> {
        match &node.kind {
            Kind::Scalar { text, plain } if *plain && node.tag.is_none() => Some(resolve(text)),
            Kind::Scalar { text, .. } => Some(Ok(Self::Text(text))),
            Kind::Sequence(_) | Kind::Mapping(_) => None,
        }
    }

    /// The text that a text field gets where the server coerces. Nothing for null.
    pub(crate) fn coerced(self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Bool(value) => Some(value.to_string()),
            Self::Integer(value) => Some(value.to_string()),
            Self::Float(value) => Some(go_text::float32(value)),
            Self::Text(text) => Some(text.to_owned()),
        }
    }

    /// The text of a key, which is always coerced. Nothing for those that the server refuses: null, and numbers beyond
    /// a signed 64-bit integer that are not floats.
    pub(crate) fn key(self) -> Option<String> {
        match self {
            Self::Integer(value) if value > i128::from(i64::MAX) => None,
            Self::Float(value) if value.is_nan() => Some(".nan".to_owned()),
            Self::Float(value) => Some(match go_text::float32(value).as_str() {
                "+Inf" => ".inf".to_owned(),
                "-Inf" => "-.inf".to_owned(),
                text => text.to_owned(),
            }),
            other => other.coerced(),
        }
    }

    /// What it is, for a message.
    pub(crate) fn noun(self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) | Self::Float(_) => "a number",
            Self::Text(_) => "text",
        }
    }
}

fn resolve(text: &str) -> Result<Scalar<'_>, Reason> {
    if let Some(word) = word(text) {
        return Ok(word);
    }
    match text.as_bytes().first() {
        Some(b'.') => after_a_point(text),
        Some(b'+' | b'-' | b'0'..=b'9') => number(text),
        _ => Ok(Scalar::Text(text)),
    }
}

fn word(text: &str) -> Option<Scalar<'static>> {
    Some(match text {
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Scalar::Bool(false)
        }
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

/// Text that begins with a point goes straight to Go's `ParseFloat`, which also knows underscores.
fn after_a_point(text: &str) -> Result<Scalar<'_>, Reason> {
    match float(text) {
        Some(value) => Ok(Scalar::Float(value)),
        None if text.contains('_') && float(&text.replace('_', "")).is_some() => Err(UNUSUAL),
        None => Ok(Scalar::Text(text)),
    }
}

/// Text that begins with a digit or sign. (Dates come first in Go, but end up as the text they were.)
fn number(text: &str) -> Result<Scalar<'_>, Reason> {
    let plain = text.replace('_', "");
    match integer(&plain) {
        Integer::Fits(value) => return Ok(Scalar::Integer(value)),
        Integer::TooLarge if float(&plain).is_none() => return Err(OVERFLOW),
        Integer::TooLarge | Integer::Not => {}
    }
    if let Some(value) = float(&plain) {
        return Ok(Scalar::Float(value));
    }
    // Go cuts these prefixes off and reads the rest as a signed number of its own.
    if ["0b", "-0b"]
        .iter()
        .any(|prefix| plain.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(['+', '-'])))
    {
        return Err(UNUSUAL);
    }
    Ok(Scalar::Text(text))
}

enum Integer {
    Fits(i128),
    TooLarge,
    Not,
}

/// Go's `strconv.ParseInt(text, 0, 64)`, then `ParseUint`: the prefix says the base, a leading zero means octal.
fn integer(text: &str) -> Integer {
    let (signed, negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, true, text.get(1..)),
        Some(b'+') => (true, false, text.get(1..)),
        _ => (false, false, Some(text)),
    };
    let digits = digits.unwrap_or_default();
    let (radix, digits) = match digits.get(..2) {
        Some("0x" | "0X") => (16, digits.get(2..)),
        Some("0b" | "0B") => (2, digits.get(2..)),
        Some("0o" | "0O") => (8, digits.get(2..)),
        Some(_) if digits.starts_with('0') => (8, digits.get(1..)),
        _ => (10, Some(digits)),
    };
    let digits = digits.unwrap_or_default();
    if digits.is_empty() || !digits.chars().all(|c| c.is_digit(radix)) {
        return Integer::Not;
    }
    let largest = if signed { i128::from(i64::MAX) } else { i128::from(u64::MAX) };
    match i128::from_str_radix(digits, radix) {
        Ok(value) if negative && -value >= i128::from(i64::MIN) => Integer::Fits(-value),
        Ok(value) if !negative && value <= largest => Integer::Fits(value),
        _ => Integer::TooLarge,
    }
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`, within the range of a 64-bit float.
fn float(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let shaped = digits(whole)
        && digits(fraction)
        && !(whole.is_empty() && fraction.is_empty())
        && !mantissa.is_empty()
        && exponent.is_none_or(|exponent| !exponent.is_empty() && digits(exponent));
    shaped.then(|| text.parse::<f64>().ok()).flatten().filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn coerced(text: &str) -> Option<String> {
        resolve(text).unwrap_or_else(|reason| panic!("{text}: {reason}")).coerced()
    }

    #[test]
    fn coerces_as_the_server_does() {
        for (written, read) in [
            ("y", "true"),
            ("Yes", "true"),
            ("on", "true"),
            ("TRUE", "true"),
            ("n", "false"),
            ("NO", "false"),
            ("Off", "false"),
            ("yEs", "yEs"),
            ("tru", "tru"),
            ("0o17", "15"),
            ("0O17", "15"),
            ("017", "15"),
            ("0b11", "3"),
            ("0B11", "3"),
            ("0x1F", "31"),
            ("-0x1f", "-31"),
            ("08", "8"),
            ("0", "0"),
            ("-0", "0"),
            ("+12", "12"),
            ("1_000", "1000"),
            ("0_1", "1"),
            ("0x_f", "15"),
            ("_1", "_1"),
            ("0x", "0x"),
            ("0xg", "0xg"),
            ("0b2", "0b2"),
            ("9223372036854775808", "9223372036854775808"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "1.8446744e+19"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("-9223372036854775809", "-9.223372e+18"),
            ("+18446744073709551615", "1.8446744e+19"),
            ("107691503500061500000", "1.076915e+20"),
            ("1.10", "1.1"),
            ("1.", "1"),
            (".5", "0.5"),
            ("-.5e1", "-5"),
            ("1e3", "1000"),
            ("1e6", "1e+06"),
            ("1e400", "1e400"),
            ("1e", "1e"),
            ("1.2.3", "1.2.3"),
            (".", "."),
            (".e5", ".e5"),
            ("+", "+"),
            ("-", "-"),
            ("+.inf", "+Inf"),
            (".nan", "NaN"),
            ("inf", "inf"),
            ("2026-11-20", "2026-11-20"),
            ("12:30:45", "12:30:45"),
            ("<", "<"),
            ("repo:o/r", "repo:o/r"),
        ] {
            assert_eq!(coerced(written).as_deref(), Some(read), "{written}");
        }
        for nothing in ["", "~", "null", "Null", "NULL"] {
            assert_eq!(coerced(nothing), None, "{nothing:?}");
        }
        for key in [(".inf", ".inf"), ("-.Inf", "-.inf"), (".NAN", ".nan"), ("n", "false"), ("1.0", "1")] {
            assert_eq!(resolve(key.0).unwrap().key().as_deref(), Some(key.1));
        }
        assert_eq!(resolve("9223372036854775808").unwrap().key(), None);
    }

    #[test]
    fn does_not_guess() {
        for text in ["0x1_0000_0000_0000_0000", "-0xffffffffffffffff", "0b-1", "-0b+1", ".5_0"] {
            assert!(resolve(text).is_err(), "{text}");
        }
    }

    #[test]
    fn quotes_and_tags_make_text() {
        let root = gatepass_yaml::parse("['1', \"yes\", !!str 017]").unwrap().first();
        let texts: Vec<_> = root.elements().iter().map(|node| Scalar::of(node).unwrap().unwrap()).collect();
        assert_eq!(texts, [Scalar::Text("1"), Scalar::Text("yes"), Scalar::Text("017")]);
        assert!(Scalar::of(&root).is_none());
    }
}
