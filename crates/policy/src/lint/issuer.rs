//! The issuer of a policy: which one it is, and whether a token can have it.

use super::look::{Look, Says};
use super::{Code, sample, shape};
use crate::format;
use crate::issuers::{Issuer, NearMiss};

/// Texts that an open place of an issuer's pattern may hold.
const PARTS: [&str; 5] =
    ["66666666-6666-4666-8666-666666666666", "66666666666666666666666666666666", "us-east-1", "acme", ""];

/// Finds out whose tokens the policy is about, and looks at `issuer`, or at an `issuer_pattern` that is plain text.
pub(super) fn check(look: &mut Look<'_>) {
    let written = look.sketch.text("issuer").or_else(|| look.sketch.text("issuer_pattern"));
    let Some(spot) = written else { return };
    let Some(text) = look.literal(spot) else {
        look.issuer = of_pattern(look);
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
                message: format!("the issuer `{}` {why}", shape::shown(&text)),
                help: format!("write `{field}: {meant}`"),
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

/// Whose tokens an `issuer_pattern` lets in, if that is one kind.
fn of_pattern(look: &Look<'_>) -> Option<Issuer> {
    let pattern = look.pattern(look.sketch.text("issuer_pattern")?)?;
    let texts = sample::texts(&pattern, &PARTS.map(str::to_owned));
    let mut kinds =
        texts.iter().filter_map(|text| Issuer::of(text).filter(|_| sample::admits(&pattern, text)));
    let first = kinds.next()?;
    kinds.all(|kind| kind == first).then_some(first)
}
