//! One look at a policy: what is read of it, and what is found.

use std::collections::BTreeMap;

use gatepass_yaml::{MAX_PROBLEMS, Path, Position, Problem};

use super::{Code, Finding, Settings, Severity, sample};
use crate::issuers::Issuer;
use crate::{Pattern, PolicyKind, Sketch, Spot};

/// Patterns that are heavier together are not looked into: a text takes so many steps for each of its characters.
const MAX_WEIGHT: u64 = 10_000;

/// What the rules look at, and where they leave what they find.
pub(super) struct Look<'a> {
    pub(super) kind: PolicyKind,
    pub(super) settings: &'a Settings,
    pub(super) sketch: &'a Sketch,
    /// Whose tokens the policy is about, if that is one that we know: the one that is meant, where it is misspelled.
    pub(super) issuer: Option<Issuer>,
    patterns: BTreeMap<Path, Known>,
    found: Vec<Finding>,
}

/// A pattern, and what keeps it from being looked into.
#[derive(Clone)]
pub(super) struct Known {
    pub(super) pattern: Pattern,
    /// As in "the pattern …".
    pub(super) doubt: Option<String>,
}

/// What a finding says.
pub(super) struct Says<'a> {
    pub(super) message: String,
    pub(super) help: String,
    pub(super) why: &'a str,
}

impl<'a> Look<'a> {
    pub(super) fn new(kind: PolicyKind, settings: &'a Settings, sketch: &'a Sketch) -> Self {
        let fields = ["issuer_pattern", "subject_pattern", "audience_pattern"];
        let spots = fields.iter().filter_map(|name| sketch.text(name)).chain(&sketch.claims);
        let mut total = 0_u64;
        let known = |spot: &Spot| {
            let pattern = Pattern::compile(spot.text.clone()).ok()?;
            total = total.saturating_add(sample::weight(&pattern));
            let heavy = (total > MAX_WEIGHT).then(|| "is too large to be looked into".to_owned());
            let doubt = pattern.doubt().map(ToString::to_string).or(heavy);
            Some((spot.path.clone(), Known { pattern, doubt }))
        };
        let patterns = spots.filter_map(known).collect();
        Self { kind, settings, sketch, issuer: None, patterns, found: Vec::new() }
    }

    /// The field of this name, if nothing is wrong with it yet.
    pub(super) fn sound(&self, name: &str) -> Option<&'a Spot> {
        self.sketch.text(name).filter(|spot| !self.is_troubled(&spot.path))
    }

    /// The entries of `claim_pattern` with which nothing is wrong yet.
    pub(super) fn sound_claims(&self) -> Vec<&'a Spot> {
        self.sketch.claims.iter().filter(|spot| !self.is_troubled(&spot.path)).collect()
    }

    /// Whether something is wrong at this place, or below it: what else there is to say is most likely a consequence. Not
    /// after a warning, which must not hide who else gets in.
    pub(super) fn is_troubled(&self, path: &Path) -> bool {
        let everything = self.sketch.problems.iter().chain(&self.found);
        let errors = everything.filter(|finding| finding.code.severity() == Severity::Error);
        errors.into_iter().any(|finding| finding.problem.path.starts_with(path))
    }

    /// Whether anything has been said of this place already, if only a warning.
    pub(super) fn is_marked(&self, path: &Path) -> bool {
        self.found.iter().any(|finding| finding.problem.path.starts_with(path))
    }

    /// Whether this field could be read, so that it is really missing if it is not there.
    pub(super) fn is_read(&self, name: &str) -> bool {
        !self.sketch.unread.contains(&name) && !self.is_troubled(&Path::root().key(name))
    }

    /// The pattern of a spot, if all that it matches is known: not when it leaves the server's group, or is in doubt.
    pub(super) fn pattern(&self, spot: &Spot) -> Option<Pattern> {
        let known =
            self.known(spot).filter(|known| known.doubt.is_none() && !known.pattern.leaves_its_group());
        known.map(|known| known.pattern.clone())
    }

    /// The pattern of a spot, whatever is known of it.
    pub(super) fn known(&self, spot: &Spot) -> Option<&Known> {
        self.patterns.get(&spot.path)
    }

    /// The only text that a pattern matches, or the text of a field that is compared as it is.
    pub(super) fn literal(&self, spot: &Spot) -> Option<String> {
        if ["issuer", "subject", "audience"].contains(&spot.name.as_str()) {
            return Some(spot.text.clone());
        }
        self.pattern(spot).and_then(|pattern| pattern.literal())
    }

    /// Whether `issuer` is one that we know, so that its subjects are known too.
    pub(super) fn issuer_is_known(&self) -> bool {
        self.sketch.text("issuer").is_some_and(|spot| Issuer::of(&spot.text).is_some())
    }

    /// How much has been found so far.
    pub(super) fn count(&self) -> usize {
        self.found.len()
    }

    /// Whether so much has been found that nobody needs more.
    pub(super) fn is_full(&self) -> bool {
        self.found.len() >= MAX_PROBLEMS
    }

    pub(super) fn at_value(&mut self, code: Code, spot: &Spot, says: Says<'_>) {
        self.report(code, spot.value, spot.path.clone(), says);
    }

    pub(super) fn at_key(&mut self, code: Code, spot: &Spot, says: Says<'_>) {
        self.report(code, spot.key, spot.path.clone(), says);
    }

    pub(super) fn report(&mut self, code: Code, position: Position, path: Path, says: Says<'_>) {
        if self.is_full() {
            return;
        }
        let help = (!says.help.is_empty()).then_some(says.help);
        let problem = Problem { position, path, message: says.message, help };
        self.found.push(Finding { code, problem, why: says.why.to_owned() });
    }

    /// Everything, in the order of the text.
    pub(super) fn finish(self) -> Vec<Finding> {
        let mut all = self.sketch.problems.clone();
        all.extend(self.found);
        all.sort_by_key(|finding| (finding.position(), finding.code));
        all
    }
}
