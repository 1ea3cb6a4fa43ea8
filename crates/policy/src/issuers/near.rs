//! Issuers that are almost one that we know.

use super::{Issuer, is_uuid};

/// The issuer that was probably meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NearMiss {
    /// As the tokens spell it. Where a part is not known, `<tenant id>` and the like stand for it.
    pub meant: String,
    /// How it differs: a phrase that goes on after the wrong one ("lacks …").
    pub why: &'static str,
}

impl NearMiss {
    /// Whose issuer was meant.
    pub fn issuer(&self) -> Option<Issuer> {
        let filled =
            self.meant.replace("<tenant id>", "00000000-0000-0000-0000-000000000000").replace("<uuid>", "0");
        Issuer::of(&filled)
    }
}

/// What the tenant's id is not.
const TENANT_WORDS: [&str; 3] = ["common", "organizations", "consumers"];

/// Hosts that have no issuer, and the issuer that people mean by them.
const MISTAKEN_HOSTS: &[(&str, &str)] = &[
    ("google.com", "https://accounts.google.com"),
    ("www.google.com", "https://accounts.google.com"),
    ("cloud.google.com", "https://accounts.google.com"),
    ("www.googleapis.com", "https://accounts.google.com"),
    ("oauth2.googleapis.com", "https://accounts.google.com"),
    ("sts.googleapis.com", "https://accounts.google.com"),
    ("iamcredentials.googleapis.com", "https://accounts.google.com"),
    ("metadata.google.internal", "https://accounts.google.com"),
    ("github.com", "https://token.actions.githubusercontent.com"),
    ("api.github.com", "https://token.actions.githubusercontent.com"),
    ("actions.githubusercontent.com", "https://token.actions.githubusercontent.com"),
    ("token.actions.github.com", "https://token.actions.githubusercontent.com"),
    ("sts.amazonaws.com", "https://<uuid>.tokens.sts.global.api.aws"),
    ("tokens.sts.global.api.aws", "https://<uuid>.tokens.sts.global.api.aws"),
    ("sts.global.api.aws", "https://<uuid>.tokens.sts.global.api.aws"),
];

/// Hosts that are long enough for a slip of the pen to be told from another host.
const LONG_HOSTS: [&str; 3] =
    ["accounts.google.com", "token.actions.githubusercontent.com", "login.microsoftonline.com"];

pub(super) fn miss(issuer: &str) -> Option<NearMiss> {
    if Issuer::of(issuer).is_some() {
        return None;
    }
    // What is wrong in two ways is named by the second: the first alone would not make it known.
    let https = as_https(issuer);
    let (url, scheme) = https.as_ref().map_or((issuer, None), |(url, why)| (url.as_str(), Some(*why)));
    let found = known(url)
        .map(|meant| NearMiss { meant, why: "" })
        .or_else(|| by_path(url))
        .or_else(|| by_host(url))?;
    let why = match (found.why, scheme) {
        ("", Some(scheme)) => scheme,
        (why, _) => why,
    };
    (!why.is_empty()).then_some(NearMiss { why, ..found })
}

fn known(url: &str) -> Option<String> {
    Issuer::of(url).map(|_| url.to_owned())
}

fn as_https(issuer: &str) -> Option<(String, &'static str)> {
    if let Some(rest) = issuer.strip_prefix("http://") {
        return Some((format!("https://{rest}"), "is http where the tokens say https"));
    }
    let bare = !issuer.contains("://") && issuer.contains('.');
    bare.then(|| (format!("https://{issuer}"), "lacks its `https://`"))
}

/// A slash, a version or a document's name too many or too few.
fn by_path(url: &str) -> Option<NearMiss> {
    let of_known = |url: String, why| Issuer::of(&url).map(|_| NearMiss { meant: url, why });
    if let Some(found) = url
        .strip_suffix('/')
        .and_then(|url| of_known(url.to_owned(), "has a slash at its end that the tokens do not have"))
    {
        return Some(found);
    }
    if let Some(found) = of_known(format!("{url}/"), "lacks the slash at its end") {
        return Some(found);
    }
    if let Some(base) = url.strip_suffix("/.well-known/openid-configuration") {
        let found = of_known(base.to_owned(), "is the address of its discovery document");
        return found.or_else(|| of_known(format!("{base}/"), "is the address of its discovery document"));
    }
    entra(url)
}

fn entra(url: &str) -> Option<NearMiss> {
    let (host, path) =
        url.strip_prefix("https://")?.split_once('/').unwrap_or((url.strip_prefix("https://")?, ""));
    let host = host.to_ascii_lowercase();
    if !matches!(host.as_str(), "login.microsoftonline.com" | "sts.windows.net" | "login.windows.net") {
        return None;
    }
    let mut segments = path.split('/');
    let tenant = segments.next().unwrap_or_default();
    let rest: Vec<&str> = segments.filter(|segment| !segment.is_empty()).collect();
    let lower = tenant.to_ascii_lowercase();
    if TENANT_WORDS.contains(&lower.as_str()) || tenant.is_empty() || !is_uuid(&lower) {
        return Some(NearMiss {
            meant: "https://login.microsoftonline.com/<tenant id>/v2.0".to_owned(),
            why: "does not have the tenant's id, which the tokens say",
        });
    }
    let v2 = format!("https://login.microsoftonline.com/{lower}/v2.0");
    let v1 = format!("https://sts.windows.net/{lower}/");
    let (meant, why) = match (host.as_str(), rest.as_slice()) {
        ("login.microsoftonline.com" | "sts.windows.net", &["v2.0"] | &[]) if lower != tenant => {
            (if host.starts_with("sts") { v1 } else { v2 }, "has capital letters where the tokens have none")
        }
        ("sts.windows.net", &["v2.0"]) => (v2, "mixes the issuers of versions 1 and 2"),
        ("login.microsoftonline.com", &["v1.0"]) => (v1, "is not how version 1 is written"),
        ("login.microsoftonline.com", &[]) => (v2, "lacks the version `/v2.0`"),
        _ => (v2, "is not what the tokens say"),
    };
    Some(NearMiss { meant, why })
}

fn by_host(url: &str) -> Option<NearMiss> {
    let rest = url.strip_prefix("https://")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let lower = host.to_ascii_lowercase();
    if lower != host
        && let Some(found) = known(&format!("https://{lower}{}", rest.strip_prefix(host)?))
    {
        return Some(NearMiss { meant: found, why: "has capital letters where the tokens have none" });
    }
    let regional = lower.strip_prefix("sts.").and_then(|rest| rest.strip_suffix(".amazonaws.com"));
    if regional.is_some_and(|region| !region.is_empty()) {
        let meant = "https://<uuid>.tokens.sts.global.api.aws".to_owned();
        return Some(NearMiss { meant, why: "is where tokens are fetched, not who issues them" });
    }
    if path.is_empty()
        && let Some((_, meant)) = MISTAKEN_HOSTS.iter().find(|(mistaken, _)| *mistaken == lower)
    {
        return Some(NearMiss { meant: (*meant).to_owned(), why: "issues no such tokens" });
    }
    let meant = LONG_HOSTS.iter().find(|known| within_two_edits(&lower, known))?;
    let meant = format!("https://{meant}{}", rest.strip_prefix(host)?);
    known(&meant).map(|meant| NearMiss { meant, why: "is spelled differently from the one we know" })
}

/// Whether one to two letters are added, left out or changed.
fn within_two_edits(word: &str, known: &str) -> bool {
    if word == known || word.len().abs_diff(known.len()) > 2 {
        return false;
    }
    let mut row: Vec<usize> = (0..=known.len()).collect();
    for (i, a) in word.bytes().enumerate() {
        let mut next = vec![i + 1];
        for (b, pair) in known.bytes().zip(row.windows(2)) {
            let &[diagonal, above] = pair else { continue };
            let left = next.last().copied().unwrap_or_default();
            next.push((diagonal + usize::from(a != b)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().is_some_and(|distance| *distance <= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_was_meant() {
        const V2: &str = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0";
        const V1: &str = "https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/";
        const ANY: &str = "https://login.microsoftonline.com/<tenant id>/v2.0";
        const GOOGLE: &str = "https://accounts.google.com";
        const GITHUB: &str = "https://token.actions.githubusercontent.com";
        const AWS: &str = "https://<uuid>.tokens.sts.global.api.aws";
        for (issuer, meant, why) in [
            (
                "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad",
                V2,
                "lacks the version",
            ),
            (
                "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/",
                V2,
                "lacks the version",
            ),
            ("https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0/", V2, "slash"),
            ("https://login.microsoftonline.com/9188040D-6C67-4C5B-B112-36A304B66DAD/v2.0", V2, "capital"),
            (
                "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/oauth2/v2.0",
                V2,
                "is not what",
            ),
            ("https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v1.0", V1, "version 1"),
            ("https://login.microsoftonline.com/common/v2.0", ANY, "tenant's id"),
            ("https://login.microsoftonline.com/contoso.onmicrosoft.com/v2.0", ANY, "tenant's id"),
            ("https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad", V1, "lacks the slash"),
            ("sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/", V1, "lacks its `https://`"),
            ("https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0", V2, "mixes"),
            ("accounts.google.com", GOOGLE, "lacks its `https://`"),
            ("http://accounts.google.com", GOOGLE, "is http"),
            ("https://accounts.google.com/", GOOGLE, "slash"),
            ("https://Accounts.Google.com", GOOGLE, "capital"),
            ("https://account.google.com", GOOGLE, "spelled"),
            ("https://oauth2.googleapis.com", GOOGLE, "issues no"),
            ("https://accounts.google.com/.well-known/openid-configuration", GOOGLE, "discovery"),
            ("https://token.actions.githubusercontent.com/", GITHUB, "slash"),
            ("https://tokens.actions.githubusercontent.com", GITHUB, "spelled"),
            ("https://github.com", GITHUB, "issues no"),
            ("https://sts.amazonaws.com", AWS, "issues no"),
            ("https://sts.eu-west-1.amazonaws.com", AWS, "is where tokens are fetched"),
            ("https://a1b2.tokens.sts.global.api.aws/", "https://a1b2.tokens.sts.global.api.aws", "slash"),
            ("https://gitlab.com/", "https://gitlab.com", "slash"),
            ("https://ghe.example/_services/token/", "https://ghe.example/_services/token", "slash"),
        ] {
            let miss = Issuer::near(issuer).expect(issuer);
            assert_eq!(miss.meant, meant, "{issuer}");
            assert!(miss.issuer().is_some(), "{issuer}");
            assert!(miss.why.contains(why), "{issuer}: {}", miss.why);
        }
    }

    #[test]
    fn leaves_others_alone() {
        for issuer in [
            "https://accounts.google.com",
            "https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/",
            "https://issuer.enforce.dev",
            "https://gitlab.example.com",
            "https://gitlab.co",
            "https://github.com/login/oauth",
            "https://keycloak.example.com/realms/x/",
            "http://localhost:8080",
            "a",
            "",
        ] {
            assert_eq!(Issuer::near(issuer), None, "{issuer}");
        }
    }
}
