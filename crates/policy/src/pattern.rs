//! The patterns of a policy. They are Go's RE2 expressions, and Rust's readers take some of them differently; so
//! here only a pattern that is nothing but literal text is understood.

/// A pattern as the policy spells it. The server matches it against the whole value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// A pattern of this text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The pattern as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The only text that the pattern matches, if it has no operator: `octo-sts\.dev` matches `octo-sts.dev`.
    pub fn literal(&self) -> Option<String> {
        let mut literal = String::new();
        let mut chars = self.0.chars();
        while let Some(c) = chars.next() {
            match c {
                // In RE2 a backslash before ASCII punctuation takes its meaning away; before anything else it adds one.
                '\\' => literal.push(chars.next().filter(char::is_ascii_punctuation)?),
                '.' | '+' | '*' | '?' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '^' | '$' => return None,
                c => literal.push(c),
            }
        }
        Some(literal)
    }

    /// Whether the pattern matches the whole of `value`; nothing if that is not judged.
    pub(crate) fn matches(&self, value: &str) -> Option<bool> {
        self.literal().map(|literal| literal == value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn understands_literals_only() {
        for (pattern, literal) in [
            ("", Some("")),
            ("main", Some("main")),
            (r"octo-sts\.dev", Some("octo-sts.dev")),
            (r"\(a\)\[b\]\\\/\_", Some(r"(a)[b]\/_")),
            ("repo:o/r é", Some("repo:o/r é")),
            (r"a\nb", None),
            (r"\d", None),
            (r"\Qa\E", None),
            (r"\<", Some("<")),
            (r"trailing\", None),
            (r"\é", None),
            ("a.b", None),
            ("a|b", None),
            ("a+", None),
            ("a*", None),
            ("a?", None),
            ("(a)", None),
            ("[a]", None),
            ("a]", None),
            ("a{2}", None),
            ("a}", None),
            ("^a", None),
            ("a$", None),
        ] {
            assert_eq!(Pattern::new(pattern).literal().as_deref(), literal, "{pattern}");
        }
    }
}
