//! Issuers that look alike.

use super::writing::letter_case;
use super::{Pair, Rule};
use crate::issuers::Issuer;
use crate::names::{Entra, is_uuid};
use crate::show::shown;

pub(super) const RULES: &[Rule] =
    &[slash, scheme, discovery_document, entra, aws_account, enterprise, letter_case, known];

/// What stands after an issuer in the address of its discovery document (OpenID Connect Discovery 1.0, section 4).
const DISCOVERY: &str = ".well-known/openid-configuration";

pub(super) fn slash(pair: &Pair<'_>) -> Option<String> {
    let Pair { expected, actual, .. } = pair;
    if expected.trim_end_matches('/') != actual.trim_end_matches('/') {
        return None;
    }
    Some(if actual.ends_with('/') {
        "a slash at the end counts: the token's has one, the policy's has none".to_owned()
    } else {
        "a slash at the end counts: the policy's has one, the token's has none".to_owned()
    })
}

fn scheme(pair: &Pair<'_>) -> Option<String> {
    let Pair { expected, actual, .. } = pair;
    let host =
        |url: &str| url.split_once("://").map_or(url, |(_, rest)| rest).trim_end_matches('/').to_owned();
    if host(expected) != host(actual) {
        return None;
    }
    Some(match expected.split_once("://") {
        None => "`https://` is missing before the policy's issuer".to_owned(),
        Some((scheme, _)) => format!(
            "the policy's issuer begins with `{scheme}://`, the token's does not: write it as the token does"
        ),
    })
}

fn discovery_document(pair: &Pair<'_>) -> Option<String> {
    let issuer = pair.expected.strip_suffix(DISCOVERY)?;
    (issuer.trim_end_matches('/') == pair.actual.trim_end_matches('/'))
        .then(|| format!("the policy names the issuer's discovery document: leave `{DISCOVERY}` away"))
}

fn entra(pair: &Pair<'_>) -> Option<String> {
    let (expected, actual) = (Entra::of(pair.expected)?, Entra::of(pair.actual)?);
    if !is_uuid(expected.tenant) {
        return None;
    }
    if !expected.tenant.eq_ignore_ascii_case(actual.tenant) {
        return Some("the token is from another tenant than the one that the policy names".to_owned());
    }
    Some(match (expected.is_v2, actual.is_v2) {
        (true, false) => "this is a token of version 1, because the app registration of its audience says so: set its \
                          requestedAccessTokenVersion to 2, or write the issuer as the token has it, slash included"
            .to_owned(),
        (false, true) => "this is a token of version 2, because the app registration of its audience says so \
                          (requestedAccessTokenVersion): write the issuer as the token has it, with `/v2.0`"
            .to_owned(),
        (true, true) => "an issuer of version 2 ends in `/v2.0`: write it as the token has it".to_owned(),
        (false, false) => "an issuer of version 1 ends in a slash: write it as the token has it".to_owned(),
    })
}

fn aws_account(pair: &Pair<'_>) -> Option<String> {
    let is_account = |issuer: &str| Issuer::of(issuer) == Some(Issuer::Aws);
    (is_account(pair.expected) && is_account(pair.actual)).then(|| {
        "this is the issuer of another AWS account, each has its own: \
         `aws iam get-outbound-web-identity-federation-info` tells it"
            .to_owned()
    })
}

fn enterprise(pair: &Pair<'_>) -> Option<String> {
    let below = |issuer: &str, other: &str| {
        issuer.starts_with("https://token.actions.githubusercontent.com")
            && other.strip_prefix(issuer).is_some_and(|rest| rest.starts_with('/'))
    };
    if below(pair.expected, pair.actual) {
        Some("the token's enterprise has an issuer of its own: write it as the token has it".to_owned())
    } else if below(pair.actual, pair.expected) {
        Some(
            "the policy names an enterprise's own issuer, and the token is from the one for everybody"
                .to_owned(),
        )
    } else {
        None
    }
}

/// What the policy names is almost an issuer that we know.
fn known(pair: &Pair<'_>) -> Option<String> {
    let meant = Issuer::near(pair.expected)?;
    Some(format!("the policy's issuer {}: what is meant is {}", meant.why, shown(&meant.meant)))
}
