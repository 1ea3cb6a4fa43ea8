//! Nothing a child prints may hold a credential: neither the secrets it was given nor anything that looks like one.

use std::fmt;

use super::process::Line;
use crate::identity::Environment;

/// Looks for credentials in what a child prints.
#[derive(Clone)]
pub(super) struct Watch(Vec<String>);

/// Never the secrets.
impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watch({} secrets)", self.0.len())
    }
}

impl Watch {
    /// Knows the secrets among a child's variables by their names.
    pub(super) fn over(environment: &Environment) -> Self {
        let is_secret = |name: &str| {
            let names = ["SECRET", "TOKEN", "PASSWORD", "IDENTITY_HEADER"];
            names.iter().any(|part| name.contains(part)) && !name.ends_with("_FILE")
        };
        let secrets = environment.iter().filter(|(name, value)| is_secret(name) && value.len() >= 8);
        Self(secrets.map(|(_, value)| value.clone()).collect())
    }

    /// What the first line that leaks holds, without showing it.
    pub(super) fn find(&self, lines: &[Line]) -> Option<&'static str> {
        lines.iter().find_map(|line| self.in_text(&line.text))
    }

    fn in_text(&self, text: &str) -> Option<&'static str> {
        if self.0.iter().any(|secret| text.contains(secret.as_str())) {
            return Some("a secret from its environment");
        }
        if after(text, "ghs_").any(|rest| run(rest, is_word) >= 16) {
            return Some("an installation token");
        }
        if after(text, "eyJ").any(is_jwt) {
            return Some("a JWT");
        }
        if text.contains("AWS4-HMAC-SHA256 Credential=") {
            return Some("an AWS signature");
        }
        if after(text, "sha256=").any(|rest| run(rest, |b| b.is_ascii_hexdigit()) >= 64) {
            return Some("a webhook signature");
        }
        None
    }
}

/// What follows each place where `mark` stands.
fn after<'a>(text: &'a str, mark: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(mark).filter_map(move |(at, _)| text.get(at + mark.len()..))
}

fn run(text: &str, wanted: fn(&u8) -> bool) -> usize {
    text.bytes().take_while(wanted).count()
}

fn is_word(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

/// A header of some length, a dot, and a payload of some length.
fn is_jwt(rest: &str) -> bool {
    let header = run(rest, is_word);
    let payload = rest.get(header..).and_then(|rest| rest.strip_prefix('.'));
    header >= 13 && payload.is_some_and(|payload| run(payload, is_word) >= 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_found_and_harmless_lines_are_not() {
        let environment = Environment::from([
            ("WEBHOOK_SECRET".to_owned(), "hunter2hunter2".to_owned()),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE".to_owned(), "/run/token-file".to_owned()),
        ]);
        let watch = Watch::over(&environment);
        let hex = "a".repeat(64);
        for leak in [
            "x hunter2hunter2 y".to_owned(),
            "token ghs_0123456789abcdefXYZ".to_owned(),
            "Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9abcdef.c2ln".to_owned(),
            "authorization: AWS4-HMAC-SHA256 Credential=AKID/x".to_owned(),
            format!("sha256={hex}"),
        ] {
            assert!(watch.in_text(&leak).is_some(), "{leak}");
        }
        for fine in [
            "ghs_short",
            "eyJhbGciOiJSUzI1NiJ9",
            "/run/token-file",
            "sha256=abc",
            "hashed_token ungWv48Bz+pBQUDe",
            "",
        ] {
            assert_eq!(watch.in_text(fine), None, "{fine}");
        }
    }
}
