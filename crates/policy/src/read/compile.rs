//! The rules between the fields of a policy, in the server's order and words.

use std::collections::BTreeMap;

use gatepass_yaml::Path;

use super::fields::Fields;
use super::findings::{Findings, Place};
use super::place::within;
use crate::ParseErrorKind::Uncompilable;
use crate::lint::Code;
use crate::{Matcher, Pattern, PolicyKind, Spot, TrustPolicy};

/// The policy, if nothing is missing.
pub(super) fn compile(fields: &Fields, source: &str, findings: &mut Findings) -> Option<TrustPolicy> {
    let mut rules = Rules { fields, source, findings };
    let issuer = rules.one_of("issuer", "issuer_pattern", Code::NoIssuer);
    if issuer.is_none() {
        rules.neither("issuer", "issuer_pattern", Code::NoIssuer, "the `iss` of the tokens that it admits");
    }
    let subject = rules.one_of("subject", "subject_pattern", Code::NoSubject);
    if subject.is_none() {
        rules.neither(
            "subject",
            "subject_pattern",
            Code::NoSubject,
            "the `sub` of the tokens that it admits",
        );
    }
    let audience = rules.one_of("audience", "audience_pattern", Code::TwoAudiences);
    let mut claim_pattern = BTreeMap::new();
    for (name, spot) in &fields.claims {
        if rules.findings.full() {
            return None;
        }
        // One that is broken is a finding, and then there is no policy.
        claim_pattern.extend(rules.pattern(spot).map(|pattern| (name.clone(), pattern)));
    }
    let texts = |spots: &[Spot]| spots.iter().map(|spot| spot.text.clone()).collect();
    let organization = fields.kind == PolicyKind::Organization && fields.repositories_at.is_some();
    Some(TrustPolicy {
        issuer: issuer??,
        subject: subject??,
        audience: match audience {
            Some(audience) => Some(audience?),
            None => None,
        },
        claim_pattern,
        permissions: fields
            .permissions
            .iter()
            .map(|(name, spot)| (name.clone(), spot.text.clone()))
            .collect(),
        repositories: organization.then(|| texts(&fields.repositories)),
    })
}

struct Rules<'a> {
    fields: &'a Fields,
    source: &'a str,
    findings: &'a mut Findings,
}

impl Rules<'_> {
    /// Nothing if neither is set; nothing inside if what is set cannot be used.
    fn one_of(&mut self, exact: &str, pattern: &str, code: Code) -> Option<Option<Matcher>> {
        let set = |name: &str| self.fields.texts.get(name).filter(|spot| !spot.text.is_empty());
        match (set(exact), set(pattern)) {
            (None, None) => None,
            (Some(spot), None) => Some(Some(Matcher::Exact(spot.text.clone()))),
            (None, Some(spot)) => Some(self.pattern(spot).map(Matcher::Pattern)),
            (Some(_), Some(second)) => {
                let message = format!("trust policy: only one of {exact} or {pattern} can be set, got both");
                let place = Place { position: second.key, path: second.path.clone() };
                self.findings.refuse(Uncompilable, code, &place, message, "remove one of them");
                self.pattern(second);
                Some(None)
            }
        }
    }

    /// Says that neither is set, unless it is known already that one is there and wrong.
    fn neither(&mut self, exact: &str, pattern: &str, code: Code, what: &str) {
        if [exact, pattern].iter().any(|name| self.fields.unread.contains(name)) {
            return;
        }
        let empty = self.fields.texts.get(exact).or_else(|| self.fields.texts.get(pattern));
        let place = match empty {
            Some(spot) => Place { position: spot.key, path: spot.path.clone() },
            None => Place { position: self.fields.root, path: Path::root() },
        };
        let message = format!("trust policy: one of {exact} or {pattern} must be set, got neither");
        let help = format!("set `{exact}` to {what}");
        self.findings.refuse(Uncompilable, code, &place, message, help);
    }

    fn pattern(&mut self, spot: &Spot) -> Option<Pattern> {
        Pattern::compile(spot.text.as_str())
            .map_err(|broken| {
                let position = within(self.source, spot.value, &spot.text, broken.at.start);
                let place = Place { position, path: spot.path.clone() };
                let help = "mend the pattern, it is one of Go's RE2";
                self.findings.refuse(Uncompilable, Code::BrokenPattern, &place, broken.to_string(), help);
            })
            .ok()
    }
}
