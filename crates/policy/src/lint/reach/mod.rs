//! Who else gets in. A finding stands on a token that the patterns really match and that a stranger can have: it is made
//! from the pattern's tree, and judged.

mod github;
mod google;
mod issuers;
mod others;

use super::look::{Look, Says};
use super::{Code, issuer, sample};
use crate::issuers::{Issuer, is_uuid};
use crate::show::shown;
use crate::{Pattern, Spot};

/// Looks at whom the patterns admit.
pub(super) fn check(look: &mut Look<'_>) {
    issuers::check(look);
    audience(look);
    let issuer = ["issuer", "issuer_pattern"].iter().any(|name| look.sound(name).is_some());
    let Some(demands) = Demands::of(look).filter(|_| issuer) else { return };
    let kinds = match look.issuer {
        Some(issuer) => vec![issuer],
        None => issuer::kinds(look),
    };
    if kinds.is_empty() {
        others::check(look, &demands, None);
    }
    let before = look.count();
    for issuer in kinds {
        match issuer {
            Issuer::GitHub | Issuer::GitHubServer => github::check(look, &demands),
            Issuer::Google => google::check(look, &demands),
            issuer => others::check(look, &demands, Some(issuer)),
        }
        if look.count() > before {
            return;
        }
    }
}

/// A UUID that nobody has written by chance.
const UUID: &str = "66666666-6666-4666-8666-666666666666";

/// An id of GitHub, or another number, that is a stranger's.
const NUMBER: &str = "66666666";

/// A commit that a stranger has made.
const HASH: &str = "6666666666666666666666666666666666666666";

/// Words of which one stands in no policy.
const WORDS: [&str; 5] = ["evil", "mallory", "stranger", "somebody", "whoever"];

/// Whether a UUID has been made up here, also where its parts are open one by one.
fn is_made_up(uuid: &str) -> bool {
    is_uuid(uuid) && (uuid == UUID || uuid.ends_with("-111111111111") || uuid.ends_with("-666666666666"))
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
        let marker = WORDS.into_iter().find(|word| !written(word) && !written(NUMBER))?;
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

    /// Whether a claim demands nothing of a stranger: a name, a number, an id or a hash that nobody has written passes.
    fn is_open(&self, pattern: &Pattern) -> bool {
        let strange = |text: &str| {
            let mut characters = text.chars();
            let first = characters.next();
            let same = text.len() >= 4 && characters.all(|c| Some(c) == first);
            text == self.marker || same || is_made_up(text)
        };
        let texts = sample::texts(pattern, &[self.marker, NUMBER, UUID, HASH].map(str::to_owned));
        pattern.literal().is_none()
            && texts.iter().any(|text| {
                strange(text) && !pattern.as_str().contains(text) && sample::admits(pattern, text)
            })
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
    let strangers = ["https://evil.example", "api://evil.example", "evil.example", UUID].map(str::to_owned);
    let mut fills = strangers.to_vec();
    fills.push("//evil.example".to_owned());
    let texts = sample::texts(&pattern, &fills);
    let Some(witness) = texts
        .iter()
        .find(|text| (strangers.contains(text) || is_made_up(text)) && sample::admits(&pattern, text))
    else {
        return;
    };
    let domain = look.settings.domain.clone();
    look.at_value(
        Code::AnyAudience,
        spot,
        Says {
            message: format!("this also admits tokens that are meant for others, such as `{}`", shown(witness)),
            help: format!("leave it out: without an audience the token must be for `{domain}`; or write `audience: <the one that is asked for>`"),
            why: "Every service that the workload sends a token to could use that token here, in its name.",
        },
    );
}
