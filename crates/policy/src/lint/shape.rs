//! What a text looks like: a pattern, a glob, a plain text.

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

/// A text for a message: on one line, and not endless.
pub(super) fn shown(text: &str) -> String {
    let mut shown: String =
        text.chars().take(160).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().count() > 160 {
        shown.push('…');
    }
    shown
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
    fn shows_one_short_line() {
        assert_eq!(shown("a\nb"), "a\u{fffd}b");
        assert_eq!(shown(&"x".repeat(500)).chars().count(), 161);
    }
}
