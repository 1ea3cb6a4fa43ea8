//! The issuer of a policy: which one it is, and whether a token can have it.

use super::look::{Look, Says};
use super::{Code, sample, shape};
use crate::format;
use crate::issuers::{Issuer, NearMiss};
use crate::show::shown;

/// Texts that an open place of an issuer's pattern may hold.
const PARTS: [&str; 6] = [
    "66666666-6666-4666-8666-666666666666",
    "66666666666666666666666666666666",
    "us-east-1",
    "acme",
    "66666666-6666-4666-8666-666666666666/v2.0",
    "",
];

/// Finds out whose tokens the policy is about, and looks at `issuer`, or at an `issuer_pattern` that is plain text.
pub(super) fn check(look: &mut Look<'_>) {
    let written = look.sketch.text("issuer").or_else(|| look.sketch.text("issuer_pattern"));
    let Some(spot) = written else { return };
    let Some(text) = look.literal(spot) else {
        look.issuer = match kinds(look).as_slice() {
            &[issuer] => Some(issuer),
            _ => None,
        };
        return;
    };
    let trimmed = text.trim();
    let near = Issuer::near(trimmed);
    look.issuer = Issuer::of(trimmed).or_else(|| near.as_ref().and_then(NearMiss::issuer));
    if look.is_troubled(&spot.path) {
        return;
    }
    if let Some(NearMiss { meant, why }) = near {
        let field = &spot.name;
        let meant = if field == "issuer" { meant } else { shape::escaped(&meant) };
        look.at_value(
            Code::IssuerNearMiss,
            spot,
            Says {
                message: format!("the issuer `{}` {why}", shown(&text)),
                help: format!("write `{}`", shape::line(field, &meant)),
                why: "Issuers are compared letter by letter, slash by slash: no token has this one, and Octo STS answers 403 \
                      `trust policy: issuer … did not match …`.",
            },
        );
    } else if let Err(violation) = format::issuer(&text) {
        look.at_value(
            Code::ImpossibleIssuer,
            spot,
            Says {
                message: format!("the issuer {violation}"),
                help: "write the token's `iss` as it stands there".to_owned(),
                why: "Octo STS refuses tokens with such an issuer with 400 `invalid issuer format`, before it looks at a policy.",
            },
        );
    }
}

/// The issuers that an `issuer_pattern` lets in, as far as we know them.
pub(super) fn kinds(look: &Look<'_>) -> Vec<Issuer> {
    let pattern = look.sketch.text("issuer_pattern").and_then(|spot| look.pattern(spot));
    let Some(pattern) = pattern else { return Vec::new() };
    let mut kinds = Vec::new();
    for text in sample::texts(&pattern, &PARTS.map(str::to_owned)) {
        let kind = Issuer::of(&text).filter(|kind| !kinds.contains(kind));
        kinds.extend(kind.filter(|_| sample::admits(&pattern, &text)));
    }
    kinds
}
