//! Text as Go prints it, for messages that must be the server's own.

use std::fmt::Write as _;

/// Go's `unicode.IsPrint`: letters, marks, numbers, punctuation, symbols, and of the spaces only the ASCII one.
pub(crate) fn is_print(c: char) -> bool {
    // Rust's debug escapes leave the same characters alone, except the three that quoting needs, and except
    // combining marks at the start of a text.
    matches!(c, '"' | '\'' | '\\') || {
        let text = format!("a{c}");
        text.escape_debug().eq(text.chars())
    }
}

/// Go's `%q` of a string (`strconv.Quote`).
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{b}' => quoted.push_str("\\v"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if is_print(c) => quoted.push(c),
            c => escape(&mut quoted, u32::from(c)),
        }
    }
    quoted.push('"');
    quoted
}

fn escape(quoted: &mut String, code: u32) {
    let written = match code {
        0..0x80 => write!(quoted, "\\x{code:02x}"),
        0x80..0x1_0000 => write!(quoted, "\\u{code:04x}"),
        _ => write!(quoted, "\\U{code:08x}"),
    };
    debug_assert!(written.is_ok(), "a String takes everything");
}

/// Go's `%q` of a list of strings: `["x" "y"]`.
pub(crate) fn quote_list(texts: &[&str]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quote(text)).collect();
    format!("[{}]", quoted.join(" "))
}

/// Go's `strconv.FormatFloat(value, 'g', -1, 32)`: the shortest digits that tell 32-bit floats apart, with an
/// exponent below 1e-4 and from 1e6 on. This is how the server's YAML reader turns a number into text.
#[expect(clippy::cast_possible_truncation, reason = "the loss of precision is the point")]
pub(crate) fn float32(value: f64) -> String {
    let value = value as f32;
    if value.is_nan() {
        return "NaN".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let scientific = format!("{value:e}");
    match scientific.split_once('e').map(|(digits, exponent)| (digits, exponent.parse::<i32>())) {
        Some((digits, Ok(exponent))) if !(-4..=5).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.abs())
        }
        _ => format!("{value}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_as_go_does() {
        for (text, quoted) in [
            ("", r#""""#),
            ("repo:o/r", r#""repo:o/r""#),
            ("a\"b\\c'", r#""a\"b\\c'""#),
            ("\u{0}\u{7}\u{8}\t\n\u{b}\u{c}\r\u{1b}\u{7f}", r#""\x00\a\b\t\n\v\f\r\x1b\x7f""#),
            ("é\u{301}日\u{1f600}", "\"é\u{301}日\u{1f600}\""),
            ("\u{301}", "\"\u{301}\""),
            ("\u{85}\u{a0}\u{200b}\u{2028}\u{feff}\u{e000}", r#""\u0085\u00a0\u200b\u2028\ufeff\ue000""#),
            ("\u{e0001}", r#""\U000e0001""#),
        ] {
            assert_eq!(quote(text), quoted);
        }
        assert_eq!(quote_list(&["x", "y"]), r#"["x" "y"]"#);
        assert_eq!(quote_list(&[]), "[]");
    }

    #[test]
    fn prints_floats_with_32_bits() {
        for (value, text) in [
            (107_691_503_500_061_500_000.0, "1.076915e+20"),
            (8.0, "8"),
            (1.5, "1.5"),
            (1.10, "1.1"),
            (123_456.0, "123456"),
            (999_999.0, "999999"),
            (1_000_000.0, "1e+06"),
            (1_234_567.0, "1.234567e+06"),
            (16_777_217.0, "1.6777216e+07"),
            (0.0001, "0.0001"),
            (0.00001, "1e-05"),
            (-0.0, "-0"),
            (-2.5e-7, "-2.5e-07"),
            (1e300, "+Inf"),
            (-1e300, "-Inf"),
            (1e-300, "0"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(float32(value), text, "{value}");
        }
    }
}
