//! What the server says of hundreds of policies, tokens and lists of issuers, and that this crate says the same. The
//! files in `data/verdicts` tell how they were made.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a table that cannot be read has failed")]

use std::fs;
use std::path::Path;

use gatepass_policy::pattern::Server;
use gatepass_policy::{
    Claims, Grant, ParseError, ParseErrorKind, Pattern, Refusal, Scope, TrustPolicy, TrustedIssuers, Verdict,
};
use gatepass_yaml::Node;
use serde_json::{Map, Value};

/// What came out of a policy and a token.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    verdict: String,
    status: Option<u16>,
    message: Option<String>,
}

/// What must come out.
struct Expected {
    verdict: String,
    status: Option<u16>,
    /// One of them, if there is any.
    messages: Vec<String>,
}

impl Expected {
    fn of(case: &Node) -> Self {
        let message = text(case, "message").map(str::to_owned);
        let messages = case.get("messages").map(texts).unwrap_or_default();
        Self {
            verdict: text(case, "verdict").unwrap().to_owned(),
            status: text(case, "status").map(|status| status.parse().unwrap()),
            messages: message.into_iter().chain(messages).collect(),
        }
    }

    fn complains_of(&self, outcome: &Outcome) -> Option<String> {
        let said = match &outcome.message {
            None => self.messages.is_empty(),
            Some(message) => self.messages.contains(message),
        };
        let same = outcome.verdict == self.verdict && outcome.status == self.status && said;
        (!same).then(|| {
            format!("{outcome:?}, but the server: {} {:?} {:?}", self.verdict, self.status, self.messages)
        })
    }
}

#[test]
fn policies_are_judged_as_the_server_judges_them() {
    let (mut judged, mut wrong) = (0, Vec::new());
    for (file, root) in files().iter().filter(|(_, root)| root.get("token").is_some()) {
        for case in root.get("cases").unwrap().elements() {
            judged += 1;
            let complaints = complaints(root, case);
            wrong.extend(complaints.map(|complaint| format!("{file}: {}: {complaint}", name(case))));
        }
    }
    assert!(judged > 700, "{judged} cases");
    assert!(wrong.is_empty(), "{} of {judged}:\n{}", wrong.len(), wrong.join("\n"));
}

fn complaints(root: &Node, case: &Node) -> impl Iterator<Item = String> {
    let scope: Scope = text(case, "scope").or(text(root, "scope")).unwrap().parse().unwrap();
    let policy = TrustPolicy::parse(text(case, "policy").unwrap(), scope.policy_kind());
    let claims = claims(root, case);
    let domain = text(case, "domain").unwrap_or("octo-sts.dev");
    let outcome = |server| match &policy {
        Ok(policy) => judged(policy.evaluate_as(&claims, domain, server)),
        Err(error) => unusable(error.kind, error.server_message("p")),
    };
    let (current, older) = (outcome(Server::Current), outcome(Server::Older));
    let open = |outcome: &Outcome| outcome.verdict == "not judged" && case.get("not judged").is_some();
    let expected = Expected::of(case);
    let expected_of_older = text(case, "older").unwrap_or(&expected.verdict);
    let grants = policy.as_ref().ok().zip(text(case, "grants"));
    [
        (!open(&current)).then(|| expected.complains_of(&current)).flatten(),
        (older.verdict != expected_of_older && !open(&older) && older_is_asked(&policy, &older))
            .then(|| format!("{older:?}, but an older server: {expected_of_older}")),
        grants
            .map(|(policy, theirs)| (self::grants(&scope, policy), theirs))
            .filter(|(ours, theirs)| ours != theirs)
            .map(|(ours, theirs)| format!("grants {ours}, but the server: {theirs}")),
    ]
    .into_iter()
    .flatten()
}

/// A policy is read as the current server reads it, so what it refuses nobody asks an older one; and that an older one
/// refuses a pattern is a reason to judge nothing.
fn older_is_asked(policy: &Result<TrustPolicy, ParseError>, older: &Outcome) -> bool {
    let refused = |pattern: &Pattern| pattern.older_compiles().is_err();
    match policy {
        Ok(policy) => older.verdict != "not judged" || !policy.claim_pattern.values().any(refused),
        Err(error) => error.kind != ParseErrorKind::Uncompilable,
    }
}

fn judged(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Admitted => outcome("admitted", None, None),
        Verdict::Refused(Refusal::Unverified) => outcome("unverified", None, None),
        Verdict::Refused(refusal) => outcome("refused", Some(refusal.status()), Some(refusal.to_string())),
        Verdict::NotJudged(_) => outcome("not judged", None, None),
    }
}

fn unusable(kind: ParseErrorKind, message: Option<String>) -> Outcome {
    match kind {
        ParseErrorKind::Unreadable => panic!("the table holds text"),
        ParseErrorKind::Unparseable => {
            assert_eq!(message.as_deref(), Some("unable to parse trust policy found for \"p\""));
            outcome("unparseable", None, None)
        }
        ParseErrorKind::Uncompilable => {
            assert_eq!(message.as_deref(), Some("unable to compile trust policy found for \"p\""));
            outcome("uncompilable", None, None)
        }
        ParseErrorKind::NotJudged => outcome("not judged", None, None),
    }
}

fn outcome(verdict: &str, status: Option<u16>, message: Option<String>) -> Outcome {
    Outcome { verdict: verdict.to_owned(), status, message }
}

/// As in `contents=read, issues=write on widgets, site`.
fn grants(scope: &Scope, policy: &TrustPolicy) -> String {
    let permissions: Vec<_> =
        policy.permissions.iter().map(|(name, level)| format!("{name}={level}")).collect();
    let repositories = match scope.grant(policy) {
        Grant::Every => "every repository".to_owned(),
        Grant::Only(names) => names.join(", "),
    };
    format!("{} on {repositories}", permissions.join(", "))
}

fn claims(root: &Node, case: &Node) -> Claims {
    let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap();
    let mut claims = object(text(case, "token").or(text(root, "token")).unwrap());
    for name in case.get("without").map(texts).unwrap_or_default() {
        assert!(claims.remove(&name).is_some(), "the token has no {name}");
    }
    claims.extend(text(case, "with").map(object).unwrap_or_default());
    Claims::new(claims)
}

#[test]
fn lists_of_issuers_are_judged_as_the_server_judges_them() {
    let files = files();
    let (_, root) = files.iter().find(|(file, _)| file == "trusted_issuers.yaml").unwrap();
    let cases = root.get("cases").unwrap().elements();
    let wrong: Vec<_> = cases
        .iter()
        .filter_map(|case| Some(format!("{}: {}", name(case), wrong_list(root, case)?)))
        .collect();
    assert!(cases.len() > 60, "{} cases", cases.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

fn wrong_list(root: &Node, case: &Node) -> Option<String> {
    let list = match TrustedIssuers::parse(text(case, "list").unwrap()) {
        Ok(list) => list,
        Err(error) => {
            let open = error.kind == ParseErrorKind::NotJudged;
            let right = if open { case.get("not judged").is_some() } else { case.get("invalid").is_some() };
            return (!right).then(|| format!("{:?} {error}", error.kind));
        }
    };
    if let Some(reason) = text(case, "invalid") {
        return Some(format!("taken, but {reason}"));
    }
    let mode = if list.audit { "audit" } else { "enforce" };
    if text(case, "mode") != Some(mode) {
        return Some(format!("the mode is {mode}"));
    }
    let issuers = texts(case.get("issuers").or(root.get("issuers")).unwrap());
    let expected = texts(case.get("lists").unwrap());
    let listed: Vec<_> = issuers.into_iter().filter(|issuer| list.lists(issuer).unwrap()).collect();
    (listed != expected).then(|| format!("lists {listed:?}"))
}

/// Every file of the table, by its name.
fn files() -> Vec<(String, Node)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/verdicts");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let text = fs::read_to_string(entry.path()).unwrap();
            let root = gatepass_yaml::parse(&text).unwrap().single().unwrap();
            (entry.file_name().into_string().unwrap(), root)
        })
        .collect();
    files.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (file, root) in &files {
        for case in root.get("cases").unwrap().elements() {
            let known = |key: &str| FIELDS.contains(&key);
            let unknown = case.entries().iter().find(|(key, _)| !key.text().is_some_and(known));
            assert!(unknown.is_none(), "{file}: {}: {unknown:?}", name(case));
        }
    }
    files
}

/// Every field of a case.
const FIELDS: [&str; 19] = [
    "name",
    "scope",
    "policy",
    "domain",
    "token",
    "with",
    "without",
    "verdict",
    "status",
    "message",
    "messages",
    "older",
    "grants",
    "not judged",
    "list",
    "issuers",
    "invalid",
    "mode",
    "lists",
];

fn name(case: &Node) -> &str {
    text(case, "name").unwrap()
}

fn text<'a>(node: &'a Node, key: &str) -> Option<&'a str> {
    node.get(key).map(|value| value.text().unwrap())
}

fn texts(node: &Node) -> Vec<String> {
    node.elements().iter().map(|element| element.text().unwrap().to_owned()).collect()
}
