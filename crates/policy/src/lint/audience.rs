//! The audience of a policy: whether a token of its issuer can have it, and whether it is asked for.

use super::Code;
use super::look::{Look, Says};
use crate::format;
use crate::hint::TOKEN_EXCHANGE;
use crate::issuers::Issuer;
use crate::show::shown;

/// Looks at `audience`, or at an `audience_pattern` that is plain text, or at what its absence means.
pub(super) fn check(look: &mut Look<'_>) {
    let written = look.sketch.text("audience").or_else(|| look.sketch.text("audience_pattern"));
    let Some(spot) = written else { return missing(look) };
    if look.is_troubled(&spot.path) {
        return;
    }
    let Some(audience) = look.literal(spot) else { return };
    let domain = look.settings.domain.clone();
    if let Err(violation) = format::audience(&audience) {
        look.at_value(
            Code::ImpossibleAudience,
            spot,
            Says {
                message: format!("the audience {violation}"),
                help: "write one of the token's `aud` as it stands there".to_owned(),
                why: "Octo STS refuses tokens with such an audience with 400 `invalid audience in token`, whatever the policy says.",
            },
        );
    } else if let Some(issuer) = look.issuer.filter(|issuer| !issuer.can_carry(&audience)) {
        look.at_value(
            Code::AudienceForm,
            spot,
            Says {
                message: format!("tokens of this issuer never have the audience `{}`", shown(&audience)),
                help: entra_help(issuer, &audience),
                why: "Entra decides the audience: in tokens of version 2 it is the id of the application that the token is for. Octo \
                      STS answers 403 `trust policy: audience … did not match any of …`.",
            },
        );
    } else if is_url_of(&audience, &domain) || (audience != domain && asks_for_the_domain(look.issuer)) {
        look.at_value(
            Code::AudienceNotDomain,
            spot,
            Says {
                message: format!("`{}` is not the audience that tokens are asked for, `{domain}`", shown(&audience)),
                help: "leave `audience` out, unless the workload asks for this very text".to_owned(),
                why: "The workload chooses the audience of its tokens, and clients of Octo STS choose its bare domain. A token \
                      for another audience may also be one that was meant for another service.",
            },
        );
    }
}

fn missing(look: &mut Look<'_>) {
    let sketch = look.sketch;
    let missing = ["audience", "audience_pattern"].iter().all(|name| look.is_read(name));
    let domain = look.settings.domain.clone();
    let issuer = look.issuer.filter(|issuer| !issuer.can_carry(&domain) && missing);
    let spot = sketch.text("issuer").or_else(|| sketch.text("issuer_pattern"));
    let (Some(issuer), Some(spot)) = (issuer, spot) else { return };
    look.at_key(
        Code::AudienceMissing,
        spot,
        Says {
            message: format!("`audience` is missing, so Octo STS demands `{domain}`, which no token of Entra has"),
            help: entra_help(issuer, ""),
            why: "Without `audience` a token must be meant for the service's own domain. Entra decides the audience itself: it is \
                  the application that the token is for.",
        },
    );
}

fn entra_help(issuer: Issuer, audience: &str) -> String {
    let (resource, id) = TOKEN_EXCHANGE;
    if audience.eq_ignore_ascii_case(resource) {
        return format!(
            "write `audience: {id}`, which is what tokens for `{audience}` have (`gatepass token` shows it)"
        );
    }
    match issuer {
        Issuer::EntraV1 => "add `audience: <the App ID URI that the token is asked for>`".to_owned(),
        _ => format!(
            "write `audience: <client id of the app registration that the token is for>`, or `audience: {id}` for tokens of \
             `{resource}`"
        ),
    }
}

/// Where gatepass and other clients can ask for the domain, and nothing speaks against it.
fn asks_for_the_domain(issuer: Option<Issuer>) -> bool {
    matches!(issuer, Some(Issuer::Aws | Issuer::Google))
}

fn is_url_of(audience: &str, domain: &str) -> bool {
    let rest = audience.strip_prefix("https://").or_else(|| audience.strip_prefix("http://"));
    rest.is_some_and(|rest| rest.split('/').next() == Some(domain))
}
