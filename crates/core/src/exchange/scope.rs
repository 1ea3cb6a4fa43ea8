use std::fmt;

use crate::names::{OrganizationName, RepositoryName};

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
