//! What a GitHub App does: it is installed, it mints tokens, and its tokens expire.

use super::GitHub;
use super::permission::{NotGrantable, Permissions};
use super::tokens::{InstallationToken, Reach, TokenRecord};
use super::user::User;

/// Why no token was minted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MintError {
    /// The App is not installed on this account.
    #[error("the App is not installed on {0:?}")]
    NotInstalled(String),
    /// The App sees no such repository: 422 from GitHub.
    #[error(
        "There is at least one repository that does not exist or is not accessible to the parent installation: {0}"
    )]
    NoSuchRepository(String),
    /// The App does not hold these permissions: 422 from GitHub.
    #[error(transparent)]
    Permissions(#[from] NotGrantable),
    /// The system has no randomness.
    #[error("no randomness for a token")]
    NoRandomness,
}

impl GitHub {
    /// Installs the App on an account. Its spelling counts when Octo STS looks for it.
    pub fn install(&self, owner: &str) {
        self.inner.shared.world().installations.insert(owner.to_owned());
    }

    /// Removes the App from an account.
    pub fn uninstall(&self, owner: &str) {
        self.inner.shared.world().installations.remove(owner);
    }

    /// Whether the App is installed on an account so spelled.
    pub fn is_installed(&self, owner: &str) -> bool {
        self.inner.shared.world().installations.contains(owner)
    }

    /// Mints an installation token that lives one hour and acts as `bot`.
    ///
    /// # Errors
    /// [`MintError`], as GitHub would refuse.
    pub fn mint(
        &self,
        owner: &str,
        reach: Reach,
        permissions: Permissions,
        bot: &str,
    ) -> Result<InstallationToken, MintError> {
        let mut world = self.inner.shared.world();
        if !world.installations.contains(owner) {
            return Err(MintError::NotInstalled(owner.to_owned()));
        }
        if let Reach::Only(names) = &reach
            && let Some(missing) =
                names.iter().find(|name| world.repository(&format!("{owner}/{name}")).is_none())
        {
            return Err(MintError::NoSuchRepository(format!("{owner}/{missing}")));
        }
        let now = world.clock.now();
        let minted = world.tokens.mint(owner, reach, permissions, User::bot(bot), now);
        minted.map_err(|_| MintError::NoRandomness)
    }

    /// Mints a token for one repository, `owner/name`, acting as `octo-sts[bot]`: for tests that need no exchange.
    ///
    /// # Errors
    /// [`MintError`], as GitHub would refuse.
    pub fn mint_for(&self, repository: &str, permissions: &[(&str, &str)]) -> Result<String, MintError> {
        let (owner, name) = repository.split_once('/').unwrap_or((repository, ""));
        let permissions = Permissions::new(permissions.iter().copied())?;
        Ok(self.mint(owner, Reach::one(name), permissions, "octo-sts[bot]")?.expose().to_owned())
    }

    /// What is known of every token ever minted, in order.
    pub fn tokens(&self) -> Vec<TokenRecord> {
        self.inner.shared.world().tokens.all()
    }

    /// Lets every token die now.
    pub fn expire_tokens(&self) {
        let mut world = self.inner.shared.world();
        let now = world.clock.now();
        world.tokens.expire_all(now);
    }
}
