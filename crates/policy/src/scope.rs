//! Where the server looks for a policy, and what a policy found there may reach.

use std::fmt;
use std::str::FromStr;

use crate::{PolicyKind, TrustPolicy};

/// The repository that holds an organisation's own policies.
const POLICY_REPOSITORY: &str = ".github";

/// The path of a policy in its repository: `.github/chainguard/{name}.sts.yaml`, on the default branch.
pub fn policy_path(name: &str) -> String {
    format!(".github/chainguard/{name}.sts.yaml")
}

/// What a token is asked for: an owner, or one repository. Written `owner` or `owner/repository`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    owner: String,
    repository: Option<String>,
}

/// A text that is neither `owner` nor `owner/repository`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a scope: write `owner` or `owner/repository`")]
pub struct InvalidScope(String);

/// The repositories a token reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Every repository of the owner that the App sees.
    Every,
    /// These, by name without the owner.
    Only(Vec<String>),
}

impl Scope {
    /// The account that the App must be installed on. The server compares its letter case.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The repository, if the scope names one.
    pub fn repository(&self) -> Option<&str> {
        self.repository.as_deref()
    }

    /// The repository where the policy is looked for: `org` and `org/.github` have theirs in `org/.github`.
    pub fn policy_repository(&self) -> &str {
        self.repository().unwrap_or(POLICY_REPOSITORY)
    }

    /// Where the policy is looked for, for people: `.github/chainguard/alarms.sts.yaml in acme/operations`.
    pub fn locate(&self, policy: &str) -> String {
        format!("{} in {}/{}", policy_path(policy), self.owner, self.policy_repository())
    }

    /// By which rules the policy is read.
    pub fn policy_kind(&self) -> PolicyKind {
        if self.policy_repository() == POLICY_REPOSITORY {
            PolicyKind::Organization
        } else {
            PolicyKind::Repository
        }
    }

    /// What a policy found by this scope reaches: an empty `repositories` list means every repository, and so does a
    /// missing one under the scope `org`; otherwise a missing one means the repository of the scope.
    pub fn grant(&self, policy: &TrustPolicy) -> Grant {
        match (&policy.repositories, self.repository()) {
            (Some(repositories), _) if repositories.is_empty() => Grant::Every,
            (Some(repositories), _) => Grant::Only(repositories.clone()),
            (None, Some(repository)) => Grant::Only(vec![repository.to_owned()]),
            (None, None) => Grant::Every,
        }
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;

    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let name = |part: &str| {
            let valid = part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b));
            (valid && !matches!(part, "" | "." | "..")).then(|| part.to_owned())
        };
        let scope = match text.split_once('/') {
            Some((owner, repository)) => name(owner).zip(name(repository)).map(|(o, r)| (o, Some(r))),
            None => name(text).map(|owner| (owner, None)),
        };
        let (owner, repository) = scope.ok_or_else(|| InvalidScope(text.to_owned()))?;
        Ok(Self { owner, repository })
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.repository {
            Some(repository) => write!(f, "{}/{repository}", self.owner),
            None => f.write_str(&self.owner),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_where_a_policy_is_and_what_it_reaches() {
        let only = |names: &[&str]| Grant::Only(names.iter().map(ToString::to_string).collect());
        let (org, repo) = (PolicyKind::Organization, PolicyKind::Repository);
        for (scope, repository, kind, missing) in [
            ("acme", ".github", org, Grant::Every),
            ("acme/.github", ".github", org, only(&[".github"])),
            ("acme/ops", "ops", repo, only(&["ops"])),
        ] {
            let parsed: Scope = scope.parse().unwrap();
            assert_eq!(parsed.to_string(), scope);
            assert_eq!((parsed.owner(), parsed.policy_repository()), ("acme", repository));
            assert_eq!(parsed.policy_kind(), kind);
            let head = "issuer: https://a\nsubject: b\n";
            let grant = |text: &str| parsed.grant(&TrustPolicy::parse(text, kind).unwrap());
            assert_eq!(grant(head), missing, "{scope}");
            if kind == org {
                assert_eq!(grant(&format!("{head}repositories: []")), Grant::Every, "{scope}");
                assert_eq!(grant(&format!("{head}repositories: ")), Grant::Every, "{scope}");
                assert_eq!(grant(&format!("{head}repositories: [a, b]")), only(&["a", "b"]), "{scope}");
            }
        }
        let scope: Scope = "acme/ops".parse().unwrap();
        assert_eq!(scope.locate("alarms"), ".github/chainguard/alarms.sts.yaml in acme/ops");
    }

    #[test]
    fn refuses_what_is_no_scope() {
        for text in
            ["", "/", "a/", "/b", "a/b/c", "a b", "a/..", ".", "a/b\n", "https://github.com/a/b", "ä/b"]
        {
            let error = text.parse::<Scope>().unwrap_err().to_string();
            assert!(error.contains("write `owner` or `owner/repository`"), "{error}");
        }
    }
}
