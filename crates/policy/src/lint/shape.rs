//! What a text looks like: a pattern, a glob, a plain text; and how it is written in a policy.

use gatepass_yaml::{Document, Kind, parse};

use crate::go_text::is_print;
use crate::show::shown;
use crate::suggest::quote;
use crate::yaml11::Scalar;

/// Whether nobody would write this for anything but a regular expression.
pub(super) fn is_pattern(text: &str) -> bool {
    let signs = [".*", ".+", "\\", "(?", "[^", "[0-9", "[a-z", "[A-Z", "]+", "]*", "]{"];
    let alternation = text.contains('|') && text.contains('(') && text.contains(')');
    alternation
        || text.starts_with('^')
        || text.ends_with('$')
        || signs.iter().any(|sign| text.contains(sign))
}

/// The regular expression that means what a glob means to its writer.
pub(crate) fn glob_as_pattern(glob: &str) -> String {
    let mut pattern = String::with_capacity(glob.len() + 8);
    for c in glob.chars() {
        match c {
            '*' if pattern.ends_with(".*") => {}
            '*' => pattern.push_str(".*"),
            '?' => pattern.push('.'),
            c => push_escaped(&mut pattern, c),
        }
    }
    pattern
}

/// The regular expression that matches this text alone.
pub(crate) fn escaped(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len() + 8);
    text.chars().for_each(|c| push_escaped(&mut pattern, c));
    pattern
}

fn push_escaped(pattern: &mut String, c: char) {
    if "\\.+*?()|[]{}^$".contains(c) {
        pattern.push('\\');
    }
    pattern.push(c);
}

/// The line of a policy that says this, in quotes where it would be read as something else without.
pub(super) fn line(name: &str, text: &str) -> String {
    let bare = format!("{name}: {text}");
    let root = parse(&bare).and_then(Document::single).ok();
    let is_text = root.as_ref().and_then(|root| root.get(name)).is_some_and(|node| {
        let whole = matches!(&node.kind, Kind::Scalar { text: read, plain: true } if read == text);
        whole && matches!(Scalar::of(node), Some(Ok(Scalar::Text(_))))
    });
    if is_text {
        format!("{name}: {}", shown(text))
    } else if text.chars().all(is_print) {
        format!("{name}: '{}'", shown(&text.replace('\'', "''")))
    } else {
        format!("{name}: {}", quote(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_patterns_from_texts() {
        for pattern in ["a.*", "a.+b", r"a\.b", "[0-9]+", "(a|b)", "^a", "a$", "[0-9]{21}", "[a-z]"] {
            assert!(is_pattern(pattern), "{pattern}");
        }
        for text in
            ["repo:o/r:ref:refs/heads/main", "auth0|123", "a.b", "repo:o/*", "arn:aws:iam::1:role/x+y", ""]
        {
            assert!(!is_pattern(text), "{text}");
        }
    }

    #[test]
    fn globs_become_patterns() {
        for (glob, pattern) in
            [("repo:o/*", "repo:o/.*"), ("a.b/**", r"a\.b/.*"), ("v?", "v."), ("a+b", r"a\+b")]
        {
            assert_eq!(glob_as_pattern(glob), pattern);
        }
        assert_eq!(escaped("a.b*"), r"a\.b\*");
    }

    #[test]
    fn lines_read_back() {
        for (text, written) in [
            ("repo:o/r", "a: repo:o/r"),
            (r"(a|b)\.c", r"a: (a|b)\.c"),
            ("[0-9]+", "a: '[0-9]+'"),
            ("107", "a: '107'"),
            ("yes", "a: 'yes'"),
            ("*.x", "a: '*.x'"),
            ("it's: x", "a: 'it''s: x'"),
            ("a #b", "a: 'a #b'"),
            ("a\nb", r#"a: "a\U0000000Ab""#),
        ] {
            assert_eq!(line("a", text), written);
            let root = parse(written).and_then(Document::single).unwrap();
            assert_eq!(root.get("a").and_then(gatepass_yaml::Node::text), Some(text));
        }
    }
}
