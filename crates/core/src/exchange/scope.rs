use std::fmt;

use gatepass_policy::{PolicyKind, policy_path};

use crate::names::{OrganizationName, RepositoryName, TrustPolicyName};

/// What a token is for, in the words of Octo STS.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// One repository, which holds the trust policy itself.
    Repository(RepositoryName),
    /// The repositories that an organisation's trust policy names, which stands in its repository `.github`.
    Organization(OrganizationName),
}

impl Scope {
    /// As the parameter `scope`.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Repository(name) => name.as_str(),
            Self::Organization(name) => name.as_str(),
        }
    }

    /// The account that the App must be installed on.
    pub fn owner(&self) -> &str {
        match self {
            Self::Repository(name) => name.owner(),
            Self::Organization(name) => name.as_str(),
        }
    }

    /// The repositories that the trust policy must name to give no more than this. One that stands in an organisation's
    /// `.github` and names none gives all of the organisation to whoever asks for that with it.
    pub fn named(&self) -> Vec<String> {
        match self {
            Self::Repository(_) if self.policy_kind() == PolicyKind::Organization => {
                vec![".github".to_owned()]
            }
            Self::Repository(_) | Self::Organization(_) => Vec::new(),
        }
    }

    /// By which rules Octo STS reads the trust policy.
    pub fn policy_kind(&self) -> PolicyKind {
        match self {
            Self::Repository(name) if !name.as_str().ends_with("/.github") => PolicyKind::Repository,
            Self::Repository(_) | Self::Organization(_) => PolicyKind::Organization,
        }
    }

    /// Where a trust policy stands, for people.
    pub fn locate(&self, policy: &TrustPolicyName) -> String {
        format!("{} in {}", policy_path(policy.as_str()), self.home())
    }

    /// The repository that holds the trust policy.
    pub fn home(&self) -> String {
        match self {
            Self::Repository(name) => name.to_string(),
            Self::Organization(name) => format!("{name}/.github"),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
