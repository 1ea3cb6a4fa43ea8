//! Whom a policy admits besides the token at hand, as far as it can be said in a sentence.

use crate::issuers::Issuer;
use crate::names::{Arn, Entra, RunContext, RunSubject};
use crate::pattern::Server;
use crate::show::shown;
use crate::{Claims, Matcher, Pattern, TrustPolicy};

/// Values that nobody means. A pattern that matches them all matches anything.
const NOBODY: [&str; 3] = ["https://nobody.invalid/x", "nobody:0", "~"];

/// What `policy`, which admits `claims`, admits besides.
pub(super) fn also(policy: &TrustPolicy, claims: &Claims, removed: &[String]) -> String {
    let mut said = whom(policy, claims);
    if let Some(Matcher::Pattern(pattern)) = &policy.audience {
        let audience = if is_anything(pattern) {
            ", for whatever audience it was made".to_owned()
        } else {
            format!(", for any audience that matches {}", shown(pattern.as_str()))
        };
        said.push_str(&audience);
    }
    if !policy.claim_pattern.is_empty() {
        said.push_str(", as far as `claim_pattern` matches its other claims");
    }
    if !removed.is_empty() {
        let names: Vec<String> = removed.iter().map(|name| format!("`{}`", shown(name))).collect();
        said.push_str(&format!(", whatever it says as {}", names.join(" and ")));
    }
    said
}

fn whom(policy: &TrustPolicy, claims: &Claims) -> String {
    match (&policy.issuer, &policy.subject) {
        (Matcher::Exact(_), Matcher::Exact(_)) => of_one_subject(claims),
        (Matcher::Exact(_), Matcher::Pattern(subject)) if is_anything(subject) => {
            "every token of this issuer with this audience, whoever's it is".to_owned()
        }
        (Matcher::Exact(_), Matcher::Pattern(subject)) => {
            format!("every token of this issuer whose subject matches {}", shown(subject.as_str()))
        }
        (Matcher::Pattern(issuer), _) if is_anything(issuer) => {
            "whoever can get a token for this audience: anybody can run an issuer of their own".to_owned()
        }
        (Matcher::Pattern(issuer), Matcher::Exact(_)) => {
            format!("every token with this subject, of any issuer that matches {}", shown(issuer.as_str()))
        }
        (Matcher::Pattern(issuer), Matcher::Pattern(subject)) => format!(
            "every token whose subject matches {}, of any issuer that matches {}",
            shown(subject.as_str()),
            shown(issuer.as_str())
        ),
    }
}

/// Whose tokens have this one's issuer and subject.
fn of_one_subject(claims: &Claims) -> String {
    let subject = claims.subject();
    if let Some(run) = RunSubject::parse(subject) {
        let repository = shown(&run.repository());
        return match run.context {
            RunContext::Branch(branch) => {
                format!("every workflow run of {repository} on the branch {}", shown(branch))
            }
            RunContext::Tag(tag) => format!("every workflow run of {repository} for the tag {}", shown(tag)),
            RunContext::Environment(name) => {
                format!("every job of {repository} that uses the environment {}", shown(name))
            }
            RunContext::PullRequest => {
                format!("every workflow run of {repository} for a pull request, with what its author changed")
            }
            RunContext::Other(_) => format!("every workflow run of {repository} with this subject"),
        };
    }
    if Arn::parse(subject).is_some_and(|arn| arn.role().is_some()) {
        return "nothing else: the subject is one role, and whatever runs as it gets in".to_owned();
    }
    if Issuer::of(claims.issuer()) == Some(Issuer::Google) {
        return "nothing else: the subject is one account, and whatever runs as it gets in".to_owned();
    }
    if Entra::of(claims.issuer()).is_some() {
        return "nothing else: the subject is one identity of the tenant, and whatever uses it gets in"
            .to_owned();
    }
    if subject.starts_with("system:serviceaccount:") {
        return "every pod of this cluster that runs as this service account".to_owned();
    }
    "every token of this issuer with this subject".to_owned()
}

fn is_anything(pattern: &Pattern) -> bool {
    NOBODY.iter().all(|value| pattern.judge(value, Server::Current) == Ok(true))
}
