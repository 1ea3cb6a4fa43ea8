//! What a bare scalar means in YAML 1.2 (the core schema, <https://yaml.org/spec/1.2.2/#103-core-schema>).

/// A resolved bare scalar.
#[derive(Debug, PartialEq)]
pub(crate) enum Value<'a> {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'a str),
}

pub(crate) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// Resolves a bare scalar. An integer beyond 64 bits becomes a float, as in JSON.
pub(crate) fn resolve(text: &str) -> Value<'_> {
    if is_null(text) {
        return Value::Null;
    }
    match text {
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    for (prefix, radix) in [("0x", 16), ("0o", 8)] {
        if let Some(digits) = text.strip_prefix(prefix) {
            let valid = digits.bytes().all(|b| char::from(b).is_digit(radix));
            return match u64::from_str_radix(digits, radix) {
                Ok(number) if valid => Value::Unsigned(number),
                _ => Value::Text(text),
            };
        }
    }
    if is_integer(text) {
        let digits = text.strip_prefix('+').unwrap_or(text);
        if let Ok(number) = digits.parse() {
            return Value::Unsigned(number);
        }
        if let Ok(number) = digits.parse() {
            return Value::Signed(number);
        }
    }
    float(text).map_or(Value::Text(text), Value::Float)
}

/// A decimal integer without leading zeros (which other readers take for octal), as the typed readers want it.
pub(crate) fn decimal<T: std::str::FromStr>(text: &str) -> Option<T> {
    let digits = unsigned(text);
    let plain = is_integer(text) && (digits == "0" || !digits.starts_with('0'));
    plain.then(|| text.strip_prefix('+').unwrap_or(text).parse().ok()).flatten()
}

/// A number with or without a fraction, or `.inf` or `.nan`.
pub(crate) fn float(text: &str) -> Option<f64> {
    let number = unsigned(text);
    match number {
        ".inf" | ".Inf" | ".INF" if text.starts_with('-') => return Some(f64::NEG_INFINITY),
        ".inf" | ".Inf" | ".INF" => return Some(f64::INFINITY),
        ".nan" | ".NaN" | ".NAN" if number == text => return Some(f64::NAN),
        _ => {}
    }
    // Rust also reads `inf`, `nan` and `infinity`, which are text here.
    let first = number.trim_start_matches('.').chars().next()?;
    let rest = number.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-'));
    (first.is_ascii_digit() && rest).then(|| text.parse().ok()).flatten()
}

fn is_integer(text: &str) -> bool {
    let digits = unsigned(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolves_the_core_schema() {
        for (text, value) in [
            ("", Value::Null),
            ("~", Value::Null),
            ("null", Value::Null),
            ("nULL", Value::Text("nULL")),
            ("true", Value::Bool(true)),
            ("False", Value::Bool(false)),
            ("yes", Value::Text("yes")),
            ("on", Value::Text("on")),
            ("0", Value::Unsigned(0)),
            ("+7", Value::Unsigned(7)),
            ("-7", Value::Signed(-7)),
            ("0123", Value::Unsigned(123)),
            ("0x1F", Value::Unsigned(31)),
            ("0o17", Value::Unsigned(15)),
            ("0x", Value::Text("0x")),
            ("0x+1", Value::Text("0x+1")),
            ("0o8", Value::Text("0o8")),
            ("18446744073709551615", Value::Unsigned(u64::MAX)),
            ("18446744073709551616", Value::Float(18446744073709551616.0)),
            ("1.5", Value::Float(1.5)),
            (".5", Value::Float(0.5)),
            ("-1e3", Value::Float(-1000.0)),
            (".inf", Value::Float(f64::INFINITY)),
            ("-.INF", Value::Float(f64::NEG_INFINITY)),
            ("inf", Value::Text("inf")),
            ("nan", Value::Text("nan")),
            (".", Value::Text(".")),
            ("-", Value::Text("-")),
            ("1.2.3", Value::Text("1.2.3")),
            ("1_000", Value::Text("1_000")),
            ("2026-11-20", Value::Text("2026-11-20")),
            ("e5", Value::Text("e5")),
        ] {
            assert_eq!(resolve(text), value, "{text}");
        }
        assert!(matches!(resolve(".nan"), Value::Float(x) if x.is_nan()));
    }

    #[test]
    fn decimals_are_plain() {
        for (text, value) in [("0", Some(0)), ("12", Some(12)), ("-3", Some(-3)), ("+3", Some(3))] {
            assert_eq!(decimal::<i64>(text), value, "{text}");
        }
        for text in ["", "-", "012", "0x1", "1.0", "1_0", "1e3", "99999999999999999999", "one", " 1"] {
            assert_eq!(decimal::<i64>(text), None, "{text}");
        }
    }
}
