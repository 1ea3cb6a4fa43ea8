//! The server's refusals, read back from its messages.

use std::str::FromStr;

use crate::evaluate::Refusal;
use crate::{Matcher, Pattern};

/// A message that is none of the server's about claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no refusal of a trust policy")]
pub struct NotARefusal;

/// Reads what a [`Refusal`] of a verified token displays as, and what older servers say instead (`"^p$"` for a claim's pattern).
impl FromStr for Refusal {
    type Err = NotARefusal;

    fn from_str(message: &str) -> Result<Self, NotARefusal> {
        match message {
            "invalid issuer in token" => Ok(Self::InvalidIssuer),
            "invalid subject in token" => Ok(Self::InvalidSubject),
            "invalid audience in token" => Ok(Self::InvalidAudience),
            _ => message.strip_prefix("trust policy: ").and_then(of_policy).ok_or(NotARefusal),
        }
    }
}

fn of_policy(said: &str) -> Option<Refusal> {
    let mut said = Said(said);
    if said.skip("issuer ") {
        let (token, policy) = said.compared()?;
        return Some(Refusal::Issuer { token, policy });
    }
    if said.skip("subject ") {
        let (token, policy) = said.compared()?;
        return Some(Refusal::Subject { token, policy });
    }
    if said.skip("expected claim ") {
        let name = said.quoted()?;
        return match said.0 {
            " not found in token" => Some(Refusal::ClaimMissing(name)),
            " not a string" => Some(Refusal::ClaimNotText(name)),
            _ => None,
        };
    }
    if said.skip("claim ") {
        let name = said.quoted()?;
        let pattern = said.skip(" did not match ").then(|| said.quoted())??;
        return said.end(Refusal::Claim { name, pattern: unanchored(&pattern)? });
    }
    let policy = if said.skip("audience_pattern ") {
        Matcher::Pattern(Pattern::compile(said.quoted()?).ok()?)
    } else {
        Matcher::Exact(said.skip("audience ").then(|| said.quoted())??)
    };
    let token = said.skip(" did not match any of ").then(|| said.list())??;
    said.end(Refusal::Audience { token, policy })
}

/// The pattern between the anchors that the server puts around it.
fn unanchored(pattern: &str) -> Option<Pattern> {
    let newer = pattern.strip_prefix("^(?:").and_then(|rest| rest.strip_suffix(")$"));
    let older = || pattern.strip_prefix('^').and_then(|rest| rest.strip_suffix('$'));
    Pattern::compile(newer.or_else(older)?).ok()
}

/// What is left of a message.
struct Said<'a>(&'a str);

impl Said<'_> {
    fn skip(&mut self, words: &str) -> bool {
        let rest = self.0.strip_prefix(words);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn end<T>(&self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }

    /// `"token" did not match "text"`, or `pattern "p"`.
    fn compared(&mut self) -> Option<(String, Matcher)> {
        let token = self.quoted()?;
        let matcher = if self.skip(" did not match pattern ") {
            Matcher::Pattern(Pattern::compile(self.quoted()?).ok()?)
        } else {
            Matcher::Exact(self.skip(" did not match ").then(|| self.quoted())??)
        };
        self.end((token, matcher))
    }

    fn list(&mut self) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        if !self.skip("[") {
            return None;
        }
        while !self.skip("]") {
            if !texts.is_empty() && !self.skip(" ") {
                return None;
            }
            texts.push(self.quoted()?);
        }
        Some(texts)
    }

    /// Go's `%q`, undone.
    fn quoted(&mut self) -> Option<String> {
        let mut rest = self.0.strip_prefix('"')?.chars();
        let mut text = String::new();
        loop {
            match rest.next()? {
                '"' => break,
                '\\' => text.push(unescaped(&mut rest)?),
                c => text.push(c),
            }
        }
        self.0 = rest.as_str();
        Some(text)
    }
}

fn unescaped(rest: &mut std::str::Chars<'_>) -> Option<char> {
    let digits = match rest.next()? {
        'a' => return Some('\u{7}'),
        'b' => return Some('\u{8}'),
        'f' => return Some('\u{c}'),
        'n' => return Some('\n'),
        'r' => return Some('\r'),
        't' => return Some('\t'),
        'v' => return Some('\u{b}'),
        c @ ('"' | '\\') => return Some(c),
        'x' => 2,
        'u' => 4,
        'U' => 8,
        _ => return None,
    };
    let (code, after) = rest.as_str().split_at_checked(digits)?;
    *rest = after.chars();
    // `\x80` and above are single bytes of broken UTF-8.
    let code = u32::from_str_radix(code, 16).ok().filter(|code| digits != 2 || *code < 0x80)?;
    char::from_u32(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Matcher {
        Matcher::Pattern(Pattern::compile(text).unwrap())
    }

    fn exact(text: &str) -> Matcher {
        Matcher::Exact(text.to_owned())
    }

    #[test]
    fn every_refusal_is_read_back() {
        let token = || "a\"\\\n\u{1b}\u{200b}é\u{e0001}".to_owned();
        for refusal in [
            Refusal::InvalidIssuer,
            Refusal::InvalidSubject,
            Refusal::InvalidAudience,
            Refusal::Issuer { token: token(), policy: exact("x") },
            Refusal::Issuer { token: token(), policy: pattern(r"x\.y") },
            Refusal::Subject { token: String::new(), policy: exact("pattern \"x\"") },
            Refusal::Subject { token: token(), policy: pattern("x") },
            Refusal::Audience { token: vec![], policy: exact("x") },
            Refusal::Audience { token: vec![token()], policy: pattern("x") },
            Refusal::Audience { token: vec![token(), "] [".to_owned()], policy: exact("x") },
            Refusal::ClaimMissing(token()),
            Refusal::ClaimNotText(token()),
            Refusal::Claim { name: token(), pattern: Pattern::compile("a b").unwrap() },
        ] {
            assert_eq!(refusal.to_string().parse(), Ok(refusal));
        }
        let older = r#"trust policy: claim "ref" did not match "^main$""#.parse();
        assert_eq!(
            older,
            Ok(Refusal::Claim { name: "ref".to_owned(), pattern: Pattern::compile("main").unwrap() })
        );
    }

    #[test]
    fn nothing_else_is() {
        for message in [
            "",
            "invalid issuer format",
            "trust policy: ",
            "trust policy: not compiled",
            r#"trust policy: subject "a did not match "b""#,
            r#"trust policy: subject "a" did not match "b" …"#,
            r#"trust policy: subject "a" did not match "b"#,
            r#"trust policy: subject "\q" did not match "b""#,
            r#"trust policy: subject "\xff" did not match "b""#,
            r#"trust policy: subject "\u12" did not match "b""#,
            r#"trust policy: audience "a" did not match any of ["b" "#,
            r#"trust policy: audience "a" did not match any of ["b""c"]"#,
            r#"trust policy: expected claim "a" is odd"#,
            r#"trust policy: claim "a" did not match "b""#,
            r#"trust policy: trust policy: subject "a" did not match "b""#,
        ] {
            assert_eq!(message.parse::<Refusal>(), Err(NotARefusal), "{message}");
        }
    }
}
