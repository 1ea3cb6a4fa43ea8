//! What the token may do, against what the jobs need.

use std::collections::BTreeMap;

use gatepass_policy::TrustPolicy;
use gatepass_policy::permissions::rank;

use super::chain::Errand;
use super::examination::{Link, Name};
use super::github::{Api, JSON};
use super::policy::{AIDS, place};
use crate::client::Answer;
use crate::deadline::Deadline;
use crate::exchange::{Refused, Scope};
use crate::secret::InstallationToken;

/// A list whose reading needs nothing but the permission to read.
fn list_of(permission: &str) -> Option<&'static str> {
    Some(match permission {
        "issues" => "issues?per_page=1",
        "contents" => "contents/",
        "pull_requests" => "pulls?per_page=1",
        "actions" => "actions/workflows?per_page=1",
        _ => return None,
    })
}

/// As in `contents: read, issues: write`.
fn shown<'a>(permissions: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let each: Vec<String> = permissions.into_iter().map(|(name, level)| format!("{name}: {level}")).collect();
    if each.is_empty() { "none".to_owned() } else { each.join(", ") }
}

/// By the policy's text: a token has what its policy says, or GitHub refuses to make it. Every token may read metadata.
pub(super) fn compare(errand: &Errand, policy: &TrustPolicy) -> Link {
    let lacks = |(name, level): &(&String, &String)| {
        let held = policy.permissions.get(*name).and_then(|held| rank(held));
        rank(level) > held && *name != "metadata"
    };
    let lacking: BTreeMap<&String, &String> = errand.permissions.iter().filter(lacks).collect();
    let (needed, held) = (shown(&errand.permissions), shown(&policy.permissions));
    if lacking.is_empty() {
        return Link::ok(Name::Permissions, format!("needed: {needed}; the policy gives: {held}"));
    }
    let lines: Vec<String> = lacking.iter().map(|(name, level)| format!("  {name}: {level}")).collect();
    Link::wrong(Name::Permissions, format!("needed: {needed}; the policy gives: {held}"))
        .why(format!("without {}, GitHub refuses what the jobs do with 403", shown(lacking)))
        .mend(set(errand, &lines))
}

fn set(errand: &Errand, lines: &[String]) -> String {
    format!("set under `permissions` in {}:\n{}", place(errand), lines.join("\n"))
}

/// By GitHub's refusal to make such a token.
pub(super) fn refused(refused: &Refused, policy: Option<&TrustPolicy>) -> Link {
    let held = policy
        .map(|policy| format!("; the policy gives: {}", shown(&policy.permissions)))
        .unwrap_or_default();
    let found = format!("Octo STS answers {}: {}{held}", refused.status, refused.message);
    Link::wrong(Name::Permissions, found)
        .why(refused.why())
        .mend(refused.next_step.clone())
        .notes(refused.policy.as_ref().map(|policy| format!("the policy:\n{}", policy.trim_end())))
}

/// By reading what each permission lets one read. That a token may write is not proven so, because nothing is written.
pub(super) async fn probe(
    errand: &Errand,
    api: Option<&Api<'_>>,
    token: &InstallationToken,
    deadline: Deadline,
) -> Link {
    let needed = shown(&errand.permissions);
    let (Some(api), Scope::Repository(repository)) = (api, &errand.scope) else {
        return untold(&needed, &[]);
    };
    let (mut proven, mut denied) = (Vec::new(), Vec::new());
    for (permission, level) in &errand.permissions {
        let Some(list) = list_of(permission) else { continue };
        let path = format!("repos/{repository}/{list}");
        match api.get(&path, JSON, Some(token), deadline).await {
            Ok(answer) if answer.status == 200 => proven.push((permission.as_str(), level.as_str())),
            Ok(answer) if is_denied(&answer) => denied.push(format!("  {permission}: {level}")),
            _ => {}
        }
    }
    if !denied.is_empty() {
        return Link::wrong(
            Name::Permissions,
            format!("needed: {needed}; GitHub lets the token not even read all of that"),
        )
        .why("GitHub answers 403: the trust policy does not give it")
        .mend(set(errand, &denied));
    }
    if proven.len() == errand.permissions.len() && proven.iter().all(|(_, level)| *level == "read") {
        return Link::ok(Name::Permissions, format!("needed: {needed}; the token has read all of that"));
    }
    let proven: Vec<&str> = proven.into_iter().map(|(permission, _)| permission).collect();
    untold(&needed, &proven)
}

fn untold(needed: &str, proven: &[&str]) -> Link {
    let proven = if proven.is_empty() {
        "nothing is proven".to_owned()
    } else {
        format!("proven: it may read {}", proven.join(", "))
    };
    Link::doubtful(Name::Permissions, format!("needed: {needed}; {proven}"))
        .why("GitHub does not tell what a token may do, nothing is written for an examination, and the policy's text cannot be read here")
        .mend(format!("compare `permissions` in the trust policy with what is needed; or {AIDS}"))
}

/// Not for want of calls that are left.
fn is_denied(answer: &Answer) -> bool {
    let is_spent = answer.headers.get("x-ratelimit-remaining").is_some_and(|left| left == "0");
    answer.status == 403 && !is_spent && !answer.headers.contains_key("retry-after")
}

#[cfg(test)]
mod tests {
    use gatepass_policy::PolicyKind;

    use super::super::State;
    use super::*;

    fn errand(needed: &[(&str, &str)]) -> Errand {
        Errand {
            jobs: vec!["a".parse().unwrap()],
            scope: Scope::Repository("acme/operations".parse().unwrap()),
            trust_policy: "ops".parse().unwrap(),
            permissions: needed.iter().map(|&(name, level)| (name.to_owned(), level.to_owned())).collect(),
        }
    }

    #[test]
    fn a_policy_gives_enough_or_says_what_it_lacks() {
        let policy =
            "issuer: https://a.example\nsubject: s\npermissions:\n  issues: write\n  contents: read\n";
        let policy = TrustPolicy::parse(policy, PolicyKind::Repository).unwrap();
        let compare = |needed: &[(&str, &str)]| compare(&errand(needed), &policy);
        for enough in [
            &[][..],
            &[("issues", "write")],
            &[("issues", "read"), ("contents", "read"), ("metadata", "read")],
        ] {
            assert_eq!(compare(enough).state, State::Ok, "{enough:?}");
        }
        let link = compare(&[("issues", "write"), ("contents", "write"), ("actions", "write")]);
        assert_eq!(link.state, State::Wrong);
        let mend = link.mend.unwrap();
        assert!(mend.ends_with(":\n  actions: write\n  contents: write"), "{mend}");
        assert!(mend.contains(".github/chainguard/ops.sts.yaml in acme/operations"), "{mend}");
    }
}
