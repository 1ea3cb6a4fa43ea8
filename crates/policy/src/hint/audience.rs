//! Audiences that look alike.

use super::writing::letter_case;
use super::{Pair, Rule};
use crate::issuers::Issuer;
use crate::suggest::quote;

pub(super) const RULES: &[Rule] = &[token_exchange, azure, github_default, url, letter_case];

/// The resource for which Entra gives client assertions, and the id that its tokens of version 2 carry instead.
pub(crate) const TOKEN_EXCHANGE: (&str, &str) =
    ("api://AzureADTokenExchange", "fb60f99c-7a34-4190-8149-302f77469936");

fn token_exchange(pair: &Pair<'_>) -> Option<String> {
    let (resource, id) = TOKEN_EXCHANGE;
    match (pair.expected, pair.actual) {
        (expected, actual) if expected == resource && actual == id => Some(format!(
            "the policy names the resource that the token is asked for, and the token carries its id: write `audience: {}`",
            quote(id)
        )),
        (expected, actual) if expected == id && actual == resource => Some(
            "the token carries the resource's name and not its id: write it as the token does".to_owned(),
        ),
        _ => None,
    }
}

/// Nobody can register the server's domain at Entra.
fn azure(pair: &Pair<'_>) -> Option<String> {
    let Pair { expected, actual, claims, .. } = pair;
    let issuer = Issuer::of(claims.issuer()).filter(|issuer| !issuer.can_carry(expected))?;
    Some(format!(
        "a token of {} is for an app registration and never for {}: set `audience: {}`",
        issuer.name(),
        quote(expected),
        quote(actual)
    ))
}

fn github_default(pair: &Pair<'_>) -> Option<String> {
    let owner = pair.actual.strip_prefix("https://github.com/")?;
    let is_default = !owner.contains('/') && Issuer::of(pair.claims.issuer()) == Some(Issuer::GitHub);
    is_default.then(|| {
        format!(
            "the workflow asked for no audience and got GitHub's default one: ask for it, `&audience={}`",
            crate::show::shown(pair.expected)
        )
    })
}

/// A URL on one side, its bare host on the other.
fn url(pair: &Pair<'_>) -> Option<String> {
    let bare =
        |text: &str| text.split_once("://").map_or(text, |(_, rest)| rest).trim_end_matches('/').to_owned();
    let Pair { expected, actual, .. } = pair;
    if bare(expected) != bare(actual) {
        return None;
    }
    Some(match (expected.contains("://"), actual.contains("://")) {
        (false, true) => format!(
            "the token is for a URL, the policy for the bare domain: ask for the audience {}, or write `audience: {}`",
            quote(expected),
            quote(actual)
        ),
        (true, false) => format!(
            "the policy is for a URL, the token for the bare domain: write `audience: {}`",
            quote(actual)
        ),
        (true, true) if expected.trim_end_matches('/') != actual.trim_end_matches('/') => {
            "one of them is http, the other https: write it as the token does".to_owned()
        }
        _ => "a slash at the end counts: write it as the token does".to_owned(),
    })
}
