//! Who else gets in. A finding stands on a token that the patterns really match and that a stranger can have: it is made
//! from the pattern's tree, and judged.

mod github;
mod google;
mod issuers;
mod others;

use super::look::{Look, Says};
use super::{Code, sample, shape};
use crate::issuers::Issuer;
use crate::{Pattern, Spot};

/// Looks at whom the patterns admit.
pub(super) fn check(look: &mut Look<'_>) {
    issuers::check(look);
    audience(look);
    let issuer = ["issuer", "issuer_pattern"].iter().any(|name| look.sound(name).is_some());
    let Some(demands) = Demands::of(look).filter(|_| issuer) else { return };
    match look.issuer {
        Some(Issuer::GitHub | Issuer::GitHubServer) => github::check(look, &demands),
        Some(Issuer::Google) => google::check(look, &demands),
        issuer => others::check(look, &demands, issuer),
    }
}

/// What a policy with a `subject_pattern` demands of a token, beside its issuer and audience.
struct Demands<'a> {
    spot: &'a Spot,
    subject: Pattern,
    claims: Vec<(&'a str, Pattern)>,
    /// A word that stands nowhere in the policy, so where it turns up a stranger may choose.
    marker: &'static str,
}

impl<'a> Demands<'a> {
    /// Nothing where the subject is compared as it is, or something cannot be judged or is wrong anyway.
    fn of(look: &Look<'a>) -> Option<Self> {
        let spot = look.sound("subject_pattern")?;
        let subject = look.pattern(spot)?;
        let sketch = look.sketch;
        let claims: Option<Vec<_>> =
            sketch.claims.iter().map(|spot| Some((spot.name.as_str(), look.pattern(spot)?))).collect();
        let written = |word: &str| {
            spot.text.contains(word) || sketch.claims.iter().any(|claim| claim.text.contains(word))
        };
        let marker = ["evil", "mallory"].into_iter().find(|word| !written(word))?;
        Some(Self { spot, subject, claims: claims?, marker })
    }

    fn admits(&self, subject: &str) -> bool {
        sample::admits(&self.subject, subject) && crate::format::subject(subject).is_ok()
    }

    /// Subjects that the pattern may match, with these texts in its open places.
    fn subjects(&self, fills: &[String]) -> Vec<String> {
        sample::texts(&self.subject, fills)
    }

    fn claim(&self, name: &str) -> Option<&Pattern> {
        self.claims.iter().find_map(|(claim, pattern)| (*claim == name).then_some(pattern))
    }

    /// Whether a claim lets anything pass, so that it demands nothing but that there is one.
    fn is_open(&self, pattern: &Pattern) -> bool {
        [self.marker, "1", "x/y@z"].iter().all(|text| sample::admits(pattern, text))
    }

    /// Whether no claim but these demands anything.
    fn only_demands(&self, names: &[&str]) -> bool {
        self.claims.iter().all(|(name, pattern)| names.contains(name) || self.is_open(pattern))
    }

    fn report(&self, look: &mut Look<'_>, code: Code, says: Says<'_>) {
        look.at_value(code, self.spot, says);
    }
}

/// An `audience_pattern` that lets tokens for any service pass.
fn audience(look: &mut Look<'_>) {
    let Some(spot) = look.sound("audience_pattern") else { return };
    let Some(pattern) = look.pattern(spot) else { return };
    let strangers = ["https://evil.example", "api://evil.example", "evil.example"].map(str::to_owned);
    let mut fills = strangers.to_vec();
    fills.push("//evil.example".to_owned());
    let texts = sample::texts(&pattern, &fills);
    let Some(witness) = texts.iter().find(|text| strangers.contains(text) && sample::admits(&pattern, text))
    else {
        return;
    };
    let domain = look.settings.domain.clone();
    look.at_value(
        Code::AnyAudience,
        spot,
        Says {
            message: format!("this also admits tokens that are meant for others, such as `{}`", shape::shown(witness)),
            help: format!("leave it out: without an audience the token must be for `{domain}`; or write `audience: <the one that is asked for>`"),
            why: "Every service that the workload sends a token to could use that token here, in its name.",
        },
    );
}
