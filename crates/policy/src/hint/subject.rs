//! Subjects that look alike.

use super::writing::{letter_case, only_the_end};
use super::{Pair, Rule};
use crate::issuers::Issuer;
use crate::names::{Arn, Entra, RunContext, RunSubject, is_uuid};
use crate::show::shown;

pub(super) const RULES: &[Rule] =
    &[run, session, role, entra_id, other_claim, letter_case, only_the_end, form];

/// Two runs of GitHub Actions: the repository, and what the run is for.
fn run(pair: &Pair<'_>) -> Option<String> {
    let (expected, actual) = (RunSubject::parse(pair.expected)?, RunSubject::parse(pair.actual)?);
    if pair.expected.eq_ignore_ascii_case(pair.actual) {
        return None;
    }
    let parts: Vec<String> = [repository(&expected, &actual), context(&expected.context, &actual.context)]
        .into_iter()
        .flatten()
        .collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn repository(expected: &RunSubject<'_>, actual: &RunSubject<'_>) -> Option<String> {
    let (wanted, found) = (expected.repository(), actual.repository());
    if !wanted.eq_ignore_ascii_case(&found) {
        return Some(format!(
            "the run is of the repository {}, the policy names {}",
            shown(&found),
            shown(&wanted)
        ));
    }
    match (expected.ids, actual.ids) {
        (None, Some(_)) => Some(
            "the policy has GitHub's older form of the subject; repositories made, renamed or transferred since 2026-07-15 \
             have their owner's id and their own in it"
                .to_owned(),
        ),
        (Some(_), None) => Some(
            "the policy has GitHub's newer form of the subject, with ids, and this repository's tokens still have the older one"
                .to_owned(),
        ),
        (Some(wanted), Some(found)) if wanted != found => Some(
            "the ids are of another owner or repository than the policy's: one of the same name that was made anew"
                .to_owned(),
        ),
        _ => None,
    }
}

fn context(expected: &RunContext<'_>, actual: &RunContext<'_>) -> Option<String> {
    use RunContext::{Branch, Environment, PullRequest, Tag};
    if expected == actual {
        return None;
    }
    let why = match (expected, actual) {
        (_, Environment(_)) if !matches!(expected, Environment(_)) => {
            ": a job with an environment has that in its subject, and no branch"
        }
        (Environment(_), _) if !matches!(actual, Environment(_)) => {
            ": the job has no `environment:`, or another workflow ran"
        }
        (Branch(_) | Tag(_), PullRequest) => ": a run for a pull request has no branch in its subject",
        (Tag(_), Branch(_)) => ": it was not started by a tag",
        (Branch(_), Tag(_)) => ": it was started by a tag",
        _ => "",
    };
    Some(format!("the run is {}, the policy wants one {}{why}", described(actual), described(expected)))
}

fn described(context: &RunContext<'_>) -> String {
    match context {
        RunContext::Branch(branch) => format!("of the branch {}", shown(branch)),
        RunContext::Tag(tag) => format!("of the tag {}", shown(tag)),
        RunContext::Environment(name) => format!("for the environment {}", shown(name)),
        RunContext::PullRequest => "for a pull request".to_owned(),
        RunContext::Other("") => "whose subject ends after the repository".to_owned(),
        RunContext::Other(other) => format!("with {} in its subject", shown(other)),
    }
}

/// A session's ARN where the role's belongs.
fn session(pair: &Pair<'_>) -> Option<String> {
    let (expected, actual) = (Arn::parse(pair.expected)?, Arn::parse(pair.actual)?);
    let (session, (_, name)) = (expected.session()?, actual.role()?);
    Some(if session == name && expected.account == actual.account {
        "the policy names a session of the role (`assumed-role`), and the token's subject is the role's own ARN: write that".to_owned()
    } else {
        "the policy names a session (`assumed-role`), and a token's subject is always the ARN of a role, here of another one".to_owned()
    })
}

fn role(pair: &Pair<'_>) -> Option<String> {
    let (expected, actual) = (Arn::parse(pair.expected)?, Arn::parse(pair.actual)?);
    let ((wanted_path, wanted), (path, name)) = (expected.role()?, actual.role()?);
    Some(if expected.account != actual.account {
        format!(
            "the role is in the account {}, the policy names {}",
            shown(actual.account),
            shown(expected.account)
        )
    } else if expected.partition != actual.partition {
        format!(
            "the role's ARN begins with `arn:{}`, the policy's with `arn:{}`",
            actual.partition, expected.partition
        )
    } else if wanted == name && wanted_path.is_empty() {
        format!("the role has the path `/{path}`, which belongs into its ARN")
    } else if wanted == name && wanted_path != path {
        format!("the role has {} path, the policy's another", if path.is_empty() { "no" } else { "one" })
    } else if wanted.eq_ignore_ascii_case(name) {
        return None;
    } else {
        format!("the workload runs as the role {}, the policy names {}", shown(name), shown(wanted))
    })
}

/// One of the other ids of Entra.
fn entra_id(pair: &Pair<'_>) -> Option<String> {
    let Pair { expected, actual, claims, .. } = pair;
    let is = |name: &str| claims.get(name).and_then(|claim| claim.as_str()) == Some(expected);
    let principal =
        "a token's subject is its principal (object) id: `az identity show … --query principalId`";
    Entra::of(claims.issuer())?;
    if is("azp") || is("appid") {
        Some(format!("the policy names the identity's client id, and {principal}"))
    } else if is("tid") || Entra::of(claims.issuer())?.tenant == *expected {
        Some(format!("the policy names the tenant, and {principal}"))
    } else if is_uuid(expected) && is_uuid(actual) && !expected.eq_ignore_ascii_case(actual) {
        Some(format!("this is another identity, or another id of this one: {principal}"))
    } else {
        None
    }
}

/// What the policy expects stands in another claim.
fn other_claim(pair: &Pair<'_>) -> Option<String> {
    let (name, _) = pair.claims.iter().find(|(name, value)| {
        !matches!(*name, "iss" | "sub" | "aud") && value.as_str().is_some_and(|text| text == pair.expected)
    })?;
    let subject = Issuer::of(pair.claims.issuer()).and_then(|issuer| issuer.subject_problem(pair.expected));
    let is = subject.map(|problem| format!(", which is {}", problem.expected)).unwrap_or_default();
    Some(format!("the policy names what the token has in `{}`, not in `sub`{is}", shown(name)))
}

/// No token of this issuer has what the policy expects.
fn form(pair: &Pair<'_>) -> Option<String> {
    let problem = Issuer::of(pair.claims.issuer())?.subject_problem(pair.expected)?;
    Some(format!("the policy's subject {}; this issuer's tokens have {}", problem.what, problem.expected))
}
