//! The format that the server demands of a token's issuer, subject and audiences, whatever the policy says.

use std::net::Ipv6Addr;

use crate::go_text::is_print;

/// How a value breaks the format: a phrase that goes on after its name ("is empty").
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Violation(&'static str);

/// At most so many characters, for all three.
const LONGEST: usize = 255;

/// At most so many bytes between two slashes of an issuer's path.
const LONGEST_SEGMENT: usize = 150;

/// Checks an issuer: an https URL (http for loopback) of a host, an optional port and a plain path.
///
/// # Errors
/// The first rule that the issuer breaks.
pub fn issuer(issuer: &str) -> Result<(), Violation> {
    length(issuer)?;
    if issuer.contains(['?', '#']) {
        return Err(Violation("has a query or fragment"));
    }
    if issuer.chars().any(|c| c.is_ascii_control()) {
        return Err(Violation("has a control character"));
    }
    let Some((scheme, rest)) = issuer.split_once("://") else {
        return Err(Violation("is not an https URL"));
    };
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    if authority.contains('@') {
        return Err(Violation("has user information before its host"));
    }
    let host = host(authority).ok_or(Violation("has no valid host"))?;
    let loopback = matches!(host, "localhost" | "127.0.0.1" | "::1");
    match scheme.to_ascii_lowercase().as_str() {
        "https" => {}
        "http" if loopback => {}
        "http" => return Err(Violation("is http, which is allowed for localhost, 127.0.0.1 and ::1 only")),
        _ => return Err(Violation("is not an https URL")),
    }
    self::path(&percent_decoded(path).ok_or(Violation("has a broken % escape in its path"))?)
}

/// Checks a subject: 1 to 255 printable characters, no white space, nothing that shells or markup give a meaning.
///
/// # Errors
/// The first rule that the subject breaks.
pub fn subject(subject: &str) -> Result<(), Violation> {
    length(subject)?;
    characters(subject, "\"'`\\<>;&$(){}[]")
}

/// Checks an audience: as a subject, and also no `|` and no `@`.
///
/// # Errors
/// The first rule that the audience breaks.
pub fn audience(audience: &str) -> Result<(), Violation> {
    length(audience)?;
    characters(audience, "\"'`\\<>;|&$(){}[]@")
}

fn length(text: &str) -> Result<(), Violation> {
    match text.chars().count() {
        0 => Err(Violation("is empty")),
        1..=LONGEST => Ok(()),
        _ => Err(Violation("is longer than 255 characters")),
    }
}

fn characters(text: &str, refused: &str) -> Result<(), Violation> {
    if text.contains(' ') || !text.chars().all(is_print) {
        return Err(Violation("has white space or characters that cannot be printed"));
    }
    if text.contains(|c| refused.contains(c)) {
        return Err(Violation(
            "has a character that the server refuses (quotes, brackets, `\\`, `;`, `&`, `$` …)",
        ));
    }
    Ok(())
}

/// What a host may consist of besides letters and digits, to Go.
const HOST: &str = "-._~!$&'()*+,;=<>\"]";

/// The host of `host`, `host:port` or `[address]:port`, without brackets.
fn host(authority: &str) -> Option<&str> {
    let (host, port, valid) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.rsplit_once(']')?;
            (host, port.strip_prefix(':').or(port.is_empty().then_some(""))?, is_address(host))
        }
        None => {
            let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
            (host, port, is_name(host))
        }
    };
    (valid && port.bytes().all(|b| b.is_ascii_digit())).then_some(host)
}

/// Of all `%` escapes a name may have that of the `%` itself.
fn is_name(host: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || HOST.contains(c);
    !host.is_empty() && host.split("%25").all(|part| part.chars().all(plain))
}

/// An IPv6 address, perhaps with a zone.
fn is_address(host: &str) -> bool {
    let (address, zone) =
        host.split_once("%25").map_or((host, None), |(address, zone)| (address, Some(zone)));
    let address: Option<Ipv6Addr> = address.parse().ok();
    address.is_some_and(|address| zone.is_none_or(|zone| is_name(zone) && address.to_ipv4_mapped().is_none()))
}

/// The rules are applied to the path after its `%` escapes are undone.
fn percent_decoded(path: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            let code = digit()? * 16 + digit()?;
            decoded.push(u8::try_from(code).ok()?);
        } else {
            decoded.push(byte);
        }
    }
    Some(decoded)
}

fn path(path: &[u8]) -> Result<(), Violation> {
    if !path.iter().all(|b| b.is_ascii_alphanumeric() || b"-._~/".contains(b)) {
        return Err(Violation("has a path with characters other than letters, digits and `-._~/`"));
    }
    let doubled = |pair: [u8; 2]| path.windows(2).any(|window| window == pair);
    if doubled([b'.', b'.']) || doubled([b'/', b'/']) || doubled([b'~', b'~']) || path.ends_with(b"~") {
        return Err(Violation("has a path with `..`, `//`, `~~` or a `~` at its end"));
    }
    if path.split(|b| *b == b'/').any(|segment| segment == b"." || segment == b"~") {
        return Err(Violation("has a path with a segment that is only `.` or `~`"));
    }
    if path.split(|b| *b == b'/').any(|segment| segment.len() > LONGEST_SEGMENT) {
        return Err(Violation("has a path with a segment longer than 150 characters"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn issuers() {
        let long = format!("https://a/{}", ["x".repeat(100), "y".repeat(100)].join("/"));
        for good in [
            "https://accounts.google.com",
            "https://token.actions.githubusercontent.com",
            "https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/",
            "https://oidc.eks.us-west-2.amazonaws.com/id/EXAMPLE_~.D539",
            "HTTPS://example.com:8443/a",
            "https://example.com:/",
            "http://localhost:8080",
            "http://127.0.0.1/a",
            "http://[::1]:80/a",
            "https://[2001:db8::1]",
            "https://[fe80::1%25en0]:8443",
            "https://[::ffff:192.0.2.1]",
            "https://a%25b<c>\"d]",
            "https://example.com/%41",
            &long,
        ] {
            assert_eq!(issuer(good), Ok(()), "{good}");
        }
        let too_long = format!("https://a/{}", "x/".repeat(130));
        let long_segment = format!("https://a/{}", "x".repeat(151));
        for (bad, why) in [
            ("", "is empty"),
            (&too_long, "longer than 255"),
            (&long_segment, "longer than 150"),
            ("accounts.google.com", "not an https URL"),
            ("ftp://example.com", "not an https URL"),
            ("https:example.com", "not an https URL"),
            ("http://example.com", "http, which"),
            ("http://localhost.example.com", "http, which"),
            ("https://a?x", "query"),
            ("https://a#", "query"),
            ("https://u@a", "user information"),
            ("https://u:p@a", "user information"),
            ("https://@a", "user information"),
            ("https://", "valid host"),
            ("https:///a", "valid host"),
            ("https://:80", "valid host"),
            ("https://a:b", "valid host"),
            ("https://a b", "valid host"),
            ("https://ä.example", "valid host"),
            ("https://a\n", "control character"),
            ("https://[::1", "valid host"),
            ("https://[::1]x", "valid host"),
            ("https://[1.2.3.4]", "valid host"),
            ("https://[::1%25]", "valid host"),
            ("https://[::ffff:192.0.2.1%25en0]", "valid host"),
            ("https://a[b", "valid host"),
            ("https://a%41", "valid host"),
            ("https://a%C3%A9", "valid host"),
            ("https://a/../b", "`..`"),
            ("https://a/%2e%2e/b", "`..`"),
            ("https://a//b", "`//`"),
            ("https://a/b~", "`~` at its end"),
            ("https://a/b~~c", "`~~`"),
            ("https://a/./b", "only `.`"),
            ("https://a/~/b", "only `.` or `~`"),
            ("https://a/b c", "other than letters"),
            ("https://a/b|c", "other than letters"),
            ("https://a/%C3%A9", "other than letters"),
            ("https://a/%4", "broken % escape"),
            ("https://a/%zz", "broken % escape"),
        ] {
            let violation = issuer(bad).expect_err(bad);
            assert!(violation.to_string().contains(why), "{bad}: {violation}");
        }
    }

    #[test]
    fn subjects_and_audiences() {
        let long = "é".repeat(255);
        for good in
            ["1", "repo:o/r:ref:refs/heads/main", "arn:aws:iam::1:role/x", "a,b=c~!#%*+?^", "日本", &long]
        {
            assert_eq!(subject(good), Ok(()), "{good}");
            assert_eq!(audience(good), Ok(()), "{good}");
        }
        for only_subject in ["auth0|1", "sa@example.com"] {
            assert_eq!(subject(only_subject), Ok(()), "{only_subject}");
            assert!(audience(only_subject).is_err(), "{only_subject}");
        }
        let too_long = "x".repeat(256);
        for bad in ["", " ", "a b", "a\tb", "a\n", "a\u{a0}b", "a\u{200b}b", "a\u{7f}", &too_long] {
            assert!(subject(bad).is_err() && audience(bad).is_err(), "{bad:?}");
        }
        for c in "\"'`\\<>;&$(){}[]".chars() {
            let bad = format!("a{c}b");
            assert!(subject(&bad).is_err() && audience(&bad).is_err(), "{bad}");
        }
    }
}
