//! Tests of a policy: tokens that must pass and tokens that must not. `docs/policy/cases.md` is for those who write them.

use std::collections::BTreeSet;

use gatepass_yaml::{Kind, Node, Path, Problem};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{Claims, TrustPolicy, Verdict, format};

/// A file of cases.
#[derive(Clone, Debug)]
pub struct Cases {
    /// The policy's file, relative to the cases' own; when nothing, the one of the same name.
    pub policy: Option<String>,
    /// The server's domain, where it is not the usual one.
    pub domain: Option<String>,
    /// The cases, in the order of the file: those that must pass first.
    pub cases: Vec<Case>,
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    /// What it is about.
    pub name: String,
    /// What the token says.
    pub claims: Claims,
    /// Whether it must be admitted.
    pub must_pass: bool,
    /// What the server's refusal must contain.
    pub because: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    policy: Option<String>,
    domain: Option<String>,
    #[serde(default)]
    claims: Map<String, Value>,
    #[serde(default)]
    pass: Vec<Pass>,
    #[serde(default)]
    fail: Vec<Fail>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Pass {
    name: String,
    #[serde(default)]
    claims: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fail {
    name: String,
    #[serde(default)]
    claims: Map<String, Value>,
    because: Option<String>,
}

/// What all cases share may take at most so many bytes, written out for each of them.
const MAX_SHARED: usize = 16 << 20;

impl Cases {
    /// Reads a file of cases.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(text: &str) -> Result<Self, Vec<Problem>> {
        let root = gatepass_yaml::parse(text).and_then(gatepass_yaml::Document::single).map_err(|error| {
            vec![Problem { position: error.position, path: Path::root(), message: error.message, help: None }]
        })?;
        let mut check = Check { root: &root, problems: Vec::new() };
        check.numbers();
        let file = gatepass_yaml::read::<File>(&root).map_err(|found| check.problems.extend(found)).ok();
        let cases = file.map(|file| check.cases(file));
        let mut problems = check.problems;
        problems.sort_by_key(|problem| problem.position);
        match cases {
            Some(cases) if problems.is_empty() => Ok(cases),
            _ => Err(problems),
        }
    }
}

impl Case {
    /// Judges the case: nothing when it is as it must be, or what happened instead. What cannot be judged is never as it must
    /// be.
    pub fn judge(&self, policy: &TrustPolicy, domain: &str) -> Option<Verdict> {
        let verdict = policy.evaluate(&self.claims, domain);
        let as_it_must_be = match &verdict {
            Verdict::Admitted => self.must_pass,
            Verdict::Refused(refusal) => {
                !self.must_pass
                    && self.because.as_ref().is_none_or(|because| refusal.to_string().contains(because))
            }
            Verdict::NotJudged(_) => false,
        };
        (!as_it_must_be).then_some(verdict)
    }
}

/// Looks for what the types alone do not tell.
struct Check<'a> {
    root: &'a Node,
    problems: Vec<Problem>,
}

impl Check<'_> {
    fn cases(&mut self, file: File) -> Cases {
        let File { policy, domain, claims: shared, pass, fail } = file;
        if policy.as_ref().is_some_and(|path| path.is_empty() || path.starts_with('/')) {
            self.report(
                &Path::root().key("policy"),
                "not a relative path",
                "write where the policy is from this file's folder",
            );
        }
        if domain.as_ref().is_some_and(|domain| domain.contains('/') || format::audience(domain).is_err()) {
            self.report(&Path::root().key("domain"), "not a bare domain", "write it as in `octo-sts.dev`");
        }
        if pass.is_empty() && fail.is_empty() {
            self.report(&Path::root(), "no cases", "write at least one under `pass` or `fail`");
        }
        let shared_size = Value::Object(shared.clone()).to_string().len();
        if shared_size.saturating_mul(pass.len() + fail.len()) > MAX_SHARED {
            self.report(
                &Path::root().key("claims"),
                "the shared claims are more than 16 MB, written out for every case",
                "share fewer, or put the cases into several files",
            );
            return Cases { policy, domain, cases: Vec::new() };
        }
        let passes = pass.into_iter().map(|Pass { name, claims }| (true, name, claims, None));
        let fails = fail.into_iter().map(|Fail { name, claims, because }| (false, name, claims, because));
        let places = (0..passes.len()).map(|index| Path::root().key("pass").index(index));
        let places: Vec<Path> =
            places.chain((0..fails.len()).map(|index| Path::root().key("fail").index(index))).collect();

        let mut names = BTreeSet::new();
        let mut cases = Vec::new();
        for (place, (must_pass, name, claims, because)) in places.iter().zip(passes.chain(fails)) {
            if name.trim().is_empty() || !names.insert(name.clone()) {
                self.report(
                    &place.key("name"),
                    "a name that is empty or another case's",
                    "say in a few words what the case is about",
                );
            }
            let claims = merged(&shared, claims);
            for required in ["iss", "sub", "aud"].into_iter().filter(|name| !claims.contains_key(*name)) {
                let message = format!("the case has no `{required}`, and every token has one");
                self.report(place, &message, "write it under `claims`, there or at the top for all cases");
            }
            cases.push(Case { name, claims: Claims::new(claims), must_pass, because });
        }
        Cases { policy, domain, cases }
    }

    /// Numbers in claims that JSON or YAML would change on the way.
    fn numbers(&mut self) {
        let root = self.root;
        let below = |list: &'static str| {
            let cases = root.get(list).map_or(&[][..], Node::elements);
            cases.iter().enumerate().map(move |(index, case)| (Path::root().key(list).index(index), case))
        };
        for (place, node) in [(Path::root(), root)].into_iter().chain(below("pass")).chain(below("fail")) {
            for (claim, value) in node.get("claims").map_or(&[][..], Node::entries) {
                let name = claim.text().unwrap_or_default();
                self.number(name, &place.key("claims").key(name), value);
            }
        }
    }

    fn number(&mut self, claim: &str, place: &Path, node: &Node) {
        for (index, element) in node.elements().iter().enumerate() {
            self.number(claim, &place.index(index), element);
        }
        for (key, value) in node.entries() {
            self.number("", &place.key(key.text().unwrap_or_default()), value);
        }
        let Kind::Scalar { text, plain: true } = &node.kind else { return };
        if node.tag.is_some() {
            return;
        }
        let is_text_in_tokens = matches!(claim, "iss" | "sub" | "aud");
        match number(text) {
            Some(Number::Rounded) => {
                self.report_at(node, place, "a number of so many digits is rounded", "quote it")
            }
            Some(Number::Endless) => {
                self.report_at(node, place, "no number that a token can hold", "quote it if text is meant")
            }
            Some(Number::Fits) if is_text_in_tokens => {
                self.report_at(
                    node,
                    place,
                    &format!("`{claim}` is text in every token, and bare this is a number"),
                    "quote it",
                );
            }
            Some(Number::Fits) | None => {}
        }
    }

    fn report(&mut self, path: &Path, message: &str, help: &str) {
        let position = self.root.position_of(path);
        self.problems.push(Problem {
            position,
            path: path.clone(),
            message: message.to_owned(),
            help: Some(help.to_owned()),
        });
    }

    fn report_at(&mut self, node: &Node, path: &Path, message: &str, help: &str) {
        let (message, help) = (message.to_owned(), Some(help.to_owned()));
        self.problems.push(Problem { position: node.position, path: path.clone(), message, help });
    }
}

/// What becomes of a bare number.
enum Number {
    Fits,
    Rounded,
    Endless,
}

fn number(text: &str) -> Option<Number> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if !digits.trim_start_matches('.').starts_with(|c: char| c.is_ascii_digit()) {
        return matches!(digits.to_ascii_lowercase().as_str(), ".inf" | ".nan").then_some(Number::Endless);
    }
    let value: f64 = text.parse().ok()?;
    let is_whole = digits.bytes().all(|b| b.is_ascii_digit());
    Some(if !value.is_finite() && !is_whole {
        Number::Endless
    } else if is_whole && text.parse::<i64>().is_err() && digits.parse::<u64>().is_err() {
        Number::Rounded
    } else {
        Number::Fits
    })
}

/// The claims of a case over those that all share; null takes one away.
fn merged(shared: &Map<String, Value>, own: Map<String, Value>) -> Map<String, Value> {
    let mut claims = shared.clone();
    for (name, value) in own {
        match value {
            Value::Null => claims.remove(&name),
            value => claims.insert(name, value),
        };
    }
    claims
}

#[cfg(test)]
mod tests;
