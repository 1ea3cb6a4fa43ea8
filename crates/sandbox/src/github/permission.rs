//! What an installation token may do, in GitHub's names.

use std::collections::BTreeMap;
use std::fmt;

use gatepass_policy::permissions::{HOSTED_READ, HOSTED_WRITE};

/// How much of a permission is held. A higher level includes the lower ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Read.
    Read,
    /// Read and write.
    Write,
    /// Everything.
    Admin,
}

impl Level {
    /// GitHub's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    /// Reads GitHub's word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Read, Self::Write, Self::Admin].into_iter().find(|level| level.as_str() == word)
    }
}

/// The highest level that the hosted Octo STS Apps can grant on a repository.
fn grantable(name: &str) -> Option<Level> {
    if HOSTED_WRITE.contains(&name) {
        Some(Level::Write)
    } else if HOSTED_READ.contains(&name) || name == METADATA {
        Some(Level::Read)
    } else {
        None
    }
}

/// Which every App has.
const METADATA: &str = "metadata";

/// The permissions of a token, by name. Every installation token can read metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permissions(BTreeMap<String, Level>);

/// GitHub refuses to mint with these permissions: 422.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("The permissions requested are not granted to this installation: {name}={level}")]
pub struct NotGrantable {
    name: String,
    level: String,
}

impl Permissions {
    /// None at all.
    pub(crate) fn none() -> Self {
        Self(BTreeMap::new())
    }

    /// Reads names and levels as a trust policy writes them.
    ///
    /// # Errors
    /// The first that the App does not hold, or that GitHub does not know.
    pub fn new<N: AsRef<str>, L: AsRef<str>>(
        pairs: impl IntoIterator<Item = (N, L)>,
    ) -> Result<Self, NotGrantable> {
        let mut held = BTreeMap::from([(METADATA.to_owned(), Level::Read)]);
        for (name, level) in pairs {
            let (name, word) = (name.as_ref(), level.as_ref());
            match (Level::parse(word), grantable(name)) {
                (Some(level), Some(most)) if level <= most => held.insert(name.to_owned(), level),
                _ => return Err(NotGrantable { name: name.to_owned(), level: word.to_owned() }),
            };
        }
        Ok(Self(held))
    }

    /// Names and levels, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Level)> {
        self.0.iter().map(|(name, level)| (name.as_str(), *level))
    }

    pub(crate) fn satisfy(&self, need: Need) -> bool {
        need.0.iter().any(|(name, level)| self.0.get(*name).is_some_and(|held| held >= level))
    }
}

/// What a route demands: any one of these.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Need(&'static [(&'static str, Level)]);

impl Need {
    pub(crate) const METADATA: Self = Self(&[(METADATA, Level::Read)]);
    pub(crate) const READ_CONTENTS: Self = Self(&[("contents", Level::Read)]);
    pub(crate) const WRITE_CONTENTS: Self = Self(&[("contents", Level::Write)]);
    pub(crate) const READ_ACTIONS: Self = Self(&[("actions", Level::Read)]);
    pub(crate) const WRITE_ACTIONS: Self = Self(&[("actions", Level::Write)]);
    pub(crate) const READ_PULLS: Self = Self(&[("pull_requests", Level::Read)]);
    pub(crate) const READ_ISSUES: Self = Self(&[("issues", Level::Read)]);
    pub(crate) const WRITE_ISSUES: Self = Self(&[("issues", Level::Write)]);
    /// Comments and labels are shared by issues and pull requests.
    pub(crate) const READ_EITHER: Self = Self(&[("issues", Level::Read), ("pull_requests", Level::Read)]);
    pub(crate) const WRITE_EITHER: Self = Self(&[("issues", Level::Write), ("pull_requests", Level::Write)]);

    /// Whether nothing can be changed with it.
    pub(crate) fn is_read(self) -> bool {
        self.0.iter().all(|(_, level)| *level == Level::Read)
    }
}

/// As in `x-accepted-github-permissions`: alternatives with a semicolon between.
impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alternatives = self.0.iter().map(|(name, level)| format!("{name}={}", level.as_str()));
        f.write_str(&alternatives.collect::<Vec<_>>().join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_app_holds_can_be_granted() {
        for (name, level, granted) in [
            ("issues", "write", true),
            ("issues", "read", true),
            ("issues", "admin", false),
            ("contents", "writ", false),
            ("pull-requests", "write", false),
            ("secrets", "read", false),
            ("administration", "read", true),
            ("administration", "write", false),
        ] {
            assert_eq!(Permissions::new([(name, level)]).is_ok(), granted, "{name}: {level}");
        }
    }

    #[test]
    fn write_includes_read_and_metadata_is_always_there() {
        let writer = Permissions::new([("issues", "write")]).unwrap();
        let reader = Permissions::new([("issues", "read")]).unwrap();
        let nothing = Permissions::new::<&str, &str>([]).unwrap();
        assert!(writer.satisfy(Need::READ_ISSUES) && writer.satisfy(Need::WRITE_EITHER));
        assert!(reader.satisfy(Need::READ_EITHER) && !reader.satisfy(Need::WRITE_ISSUES));
        assert!(nothing.satisfy(Need::METADATA) && !nothing.satisfy(Need::READ_ISSUES));
        assert!(Need::READ_EITHER.is_read() && !Need::WRITE_ACTIONS.is_read());
        assert_eq!(Need::WRITE_EITHER.to_string(), "issues=write; pull_requests=write");
    }
}
