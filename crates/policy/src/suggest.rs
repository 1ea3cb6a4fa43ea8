//! The policy that admits exactly one workload.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::format::{self, Violation};
use crate::{Claims, permissions};

/// Why no policy can admit a workload, or none with these permissions.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuggestError {
    /// The server refuses the issuer before it looks at a policy.
    #[error("no policy can admit this token: its issuer {0}")]
    Issuer(Violation),
    /// The server refuses the subject before it compares it.
    #[error("no policy can admit this token: its subject {0}")]
    Subject(Violation),
    /// The server refuses one of the audiences before it compares them.
    #[error("no policy can admit this token: one of its audiences {0}")]
    Audience(Violation),
    /// A policy without `audience` demands the server's domain, and any other demands an audience too.
    #[error("no policy can admit this token: it has no audience")]
    NoAudience,
    /// A claim that must be text is not: no server verifies such a token.
    #[error(
        "no policy can admit this token: `iss` and `sub` must be text, and `aud` text or a list of texts"
    )]
    Malformed,
    /// The server does not know the permission.
    #[error("the server knows no permission `{0}`")]
    Permission(String),
    /// A policy names repositories of its own organisation, without the owner.
    #[error("`{0}` is no repository's name: write it without the owner")]
    Repository(String),
}

/// What a suggested policy grants.
#[derive(Clone, Copy, Debug)]
pub struct Grants<'a> {
    /// GitHub's name of a permission, and `read` or `write`.
    pub permissions: &'a BTreeMap<String, String>,
    /// The repositories of an organisation's policy, by name without the owner. When empty none is written, which is right
    /// in a repository's own policy; an organisation's then reaches all of its repositories.
    pub repositories: &'a [String],
}

impl<'a> From<&'a BTreeMap<String, String>> for Grants<'a> {
    fn from(permissions: &'a BTreeMap<String, String>) -> Self {
        Self { permissions, repositories: &[] }
    }
}

/// Writes the exact-match policy that admits a token with these claims and grants what is wanted.
///
/// Every value is quoted, so no reader takes it for a number or boolean. `audience` is written only when the token
/// is not meant for the server's own `domain`, which is what a policy without it demands. Where the file goes is said
/// by [`Scope::locate`](crate::Scope::locate).
///
/// # Errors
/// When the server would refuse the token whatever the policy says, does not know a permission, or would not find a
/// repository.
pub fn exact_policy<'a>(
    claims: &Claims,
    domain: &str,
    grants: impl Into<Grants<'a>>,
) -> Result<String, SuggestError> {
    let Grants { permissions, repositories } = grants.into();
    if !claims.is_well_formed() {
        return Err(SuggestError::Malformed);
    }
    format::issuer(claims.issuer()).map_err(SuggestError::Issuer)?;
    format::subject(claims.subject()).map_err(SuggestError::Subject)?;
    let audiences = claims.audiences();
    for audience in &audiences {
        format::audience(audience).map_err(SuggestError::Audience)?;
    }
    let first = audiences.first().ok_or(SuggestError::NoAudience)?;

    let mut lines =
        vec![format!("issuer: {}", quote(claims.issuer())), format!("subject: {}", quote(claims.subject()))];
    if !audiences.contains(&domain) {
        lines.push(format!("audience: {}", quote(first)));
    }
    lines.push(if permissions.is_empty() { "permissions: {}" } else { "permissions:" }.to_owned());
    for (key, level) in permissions {
        let key = permissions::known(key).ok_or_else(|| SuggestError::Permission(key.clone()))?;
        lines.push(format!("  {key}: {}", quote(level)));
    }
    if !repositories.is_empty() {
        lines.push("repositories:".to_owned());
    }
    for name in repositories {
        if !is_repository(name) {
            return Err(SuggestError::Repository(name.clone()));
        }
        lines.push(format!("  - {}", quote(name)));
    }
    Ok(lines.join("\n") + "\n")
}

fn is_repository(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
}

/// A double-quoted scalar, on one line, that every YAML reader takes for the same text.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if crate::go_text::is_print(c) => quoted.push(c),
            c => {
                let written = write!(quoted, "\\U{:08X}", u32::from(c));
                debug_assert!(written.is_ok(), "a String takes everything");
            }
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(json: &str) -> Claims {
        Claims::from_json(json.as_bytes()).unwrap()
    }

    fn permissions(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(key, level)| ((*key).to_owned(), (*level).to_owned())).collect()
    }

    #[test]
    fn writes_the_audience_only_when_it_is_needed() {
        let needed = permissions(&[("issues", "write"), ("contents", "read")]);
        let head = "issuer: \"https://a.example/\"\nsubject: \"repo:o/r\"\n";
        let tail = "permissions:\n  contents: \"read\"\n  issues: \"write\"\n";
        for (aud, line) in [
            (r#""octo-sts.dev""#, ""),
            (r#"["x","octo-sts.dev"]"#, ""),
            (r#""api://AzureADTokenExchange""#, "audience: \"api://AzureADTokenExchange\"\n"),
            (r#"["https://octo-sts.dev","y"]"#, "audience: \"https://octo-sts.dev\"\n"),
        ] {
            let claims = claims(&format!(r#"{{"iss":"https://a.example/","sub":"repo:o/r","aud":{aud}}}"#));
            let text = exact_policy(&claims, "octo-sts.dev", &needed).unwrap();
            assert_eq!(text, format!("{head}{line}{tail}"));
        }
        let claims = claims(r#"{"iss":"https://a.example/","sub":"repo:o/r","aud":"octo-sts.dev"}"#);
        let none = exact_policy(&claims, "octo-sts.dev", &BTreeMap::new()).unwrap();
        assert_eq!(none, format!("{head}permissions: {{}}\n"));
    }

    #[test]
    fn says_why_there_is_none() {
        let needed = permissions(&[("issues", "write")]);
        for (json, reason) in [
            (r#"{"sub":"s","aud":"d"}"#, "its issuer is empty"),
            (r#"{"iss":"http://a","sub":"s","aud":"d"}"#, "its issuer is http"),
            (r#"{"iss":"https://a","aud":"d"}"#, "its subject is empty"),
            (r#"{"iss":"https://a","sub":"a b","aud":"d"}"#, "its subject has white space"),
            (r#"{"iss":"https://a","sub":"s"}"#, "it has no audience"),
            (r#"{"iss":"https://a","sub":"s","aud":["d",5]}"#, "a list of texts"),
            (r#"{"iss":"https://a","sub":"s","aud":["d","a@b"]}"#, "one of its audiences has a character"),
        ] {
            let error = exact_policy(&claims(json), "d", &needed).unwrap_err().to_string();
            assert!(error.starts_with("no policy can admit this token") && error.contains(reason), "{error}");
        }
        let good = claims(r#"{"iss":"https://a","sub":"s","aud":"d"}"#);
        let error = exact_policy(&good, "d", &permissions(&[("pull-requests", "read")])).unwrap_err();
        assert_eq!(error.to_string(), "the server knows no permission `pull-requests`");
    }

    #[test]
    fn repositories_are_written_where_they_are_known() {
        let claims = claims(r#"{"iss":"https://a","sub":"s","aud":"d"}"#);
        let needed = permissions(&[("issues", "write")]);
        let names = ["ops".to_owned(), "1".to_owned()];
        let text = exact_policy(&claims, "d", Grants { permissions: &needed, repositories: &names }).unwrap();
        assert!(text.ends_with("  issues: \"write\"\nrepositories:\n  - \"ops\"\n  - \"1\"\n"), "{text}");
        let policy = crate::TrustPolicy::parse(&text, crate::PolicyKind::Organization).unwrap();
        assert_eq!(policy.repositories.as_deref(), Some(&names[..]));
        for bad in ["", "acme/ops", "..", "a b"] {
            let names = [bad.to_owned()];
            let error = exact_policy(&claims, "d", Grants { permissions: &needed, repositories: &names });
            assert!(error.unwrap_err().to_string().contains("without the owner"), "{bad}");
        }
    }

    #[test]
    fn quotes_everything() {
        assert_eq!(quote("a\"b\\c\n\u{1f600}\u{feff}"), "\"a\\\"b\\\\c\\U0000000A\u{1f600}\\U0000FEFF\"");
    }
}
