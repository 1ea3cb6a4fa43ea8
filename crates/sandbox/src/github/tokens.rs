//! Installation tokens: minted, looked up by their hash, expired, revoked.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};
use ring::digest;
use ring::rand::{SecureRandom, SystemRandom};

use super::permission::Permissions;
use super::user::User;

/// How long GitHub lets an installation token live.
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);

/// A token's text. It shows itself to nobody who does not ask for it by name.
#[derive(Clone, PartialEq, Eq)]
pub struct InstallationToken(String);

impl InstallationToken {
    fn random() -> Result<Self, ring::error::Unspecified> {
        const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789xy";
        let mut bytes = [0_u8; 36];
        SystemRandom::new().fill(&mut bytes)?;
        let letters = bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte & 63)));
        Ok(Self(format!("ghs_{}", letters.map(|letter| char::from(*letter)).collect::<String>())))
    }

    /// The text, for an `Authorization` header or an answer.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The hash by which GitHub's audit log names it.
    pub fn hashed(&self) -> String {
        hashed_token(&self.0)
    }
}

impl fmt::Debug for InstallationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InstallationToken(***)")
    }
}

/// Base64 of the SHA-256 of a token, as `hashed_token` in GitHub's audit log.
pub fn hashed_token(token: &str) -> String {
    STANDARD.encode(digest::digest(&digest::SHA256, token.as_bytes()))
}

/// Which repositories of the owner a token reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Every one.
    All,
    /// These names.
    Only(BTreeSet<String>),
}

impl Reach {
    /// One repository.
    pub fn one(name: &str) -> Self {
        Self::Only(BTreeSet::from([name.to_owned()]))
    }

    pub(crate) fn includes(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|known| known.eq_ignore_ascii_case(name)),
        }
    }
}

/// What GitHub knows of a token, which is not the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRecord {
    /// Its hash, see [`hashed_token`].
    pub hashed: String,
    /// The account the App is installed on.
    pub owner: String,
    /// Which of its repositories it reaches.
    pub reach: Reach,
    /// What it may do there.
    pub permissions: Permissions,
    /// Whom it acts as.
    pub actor: User,
    /// When it dies by itself.
    pub expires_at: Timestamp,
    /// Whether it was revoked.
    pub revoked: bool,
}

impl TokenRecord {
    /// Of who sends no token: it reaches nothing, so it reads what is public.
    pub(crate) fn of_stranger() -> Self {
        Self {
            hashed: String::new(),
            owner: String::new(),
            reach: Reach::Only(BTreeSet::new()),
            permissions: Permissions::none(),
            actor: User::person("ghost"),
            expires_at: Timestamp::MAX,
            revoked: false,
        }
    }
}

/// All tokens ever minted, by hash, and in the order of their minting.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    records: BTreeMap<String, TokenRecord>,
    order: Vec<String>,
}

impl Tokens {
    pub(crate) fn mint(
        &mut self,
        owner: &str,
        reach: Reach,
        permissions: Permissions,
        actor: User,
        now: Timestamp,
    ) -> Result<InstallationToken, ring::error::Unspecified> {
        let token = InstallationToken::random()?;
        let hashed = token.hashed();
        let record = TokenRecord {
            hashed: hashed.clone(),
            owner: owner.to_owned(),
            reach,
            permissions,
            actor,
            expires_at: now.saturating_add(LIFETIME).unwrap_or(now),
            revoked: false,
        };
        self.order.push(hashed.clone());
        self.records.insert(hashed, record);
        Ok(token)
    }

    /// The record of a token that is alive.
    pub(crate) fn find(&self, token: &str, now: Timestamp) -> Option<&TokenRecord> {
        self.records.get(&hashed_token(token)).filter(|record| !record.revoked && now < record.expires_at)
    }

    pub(crate) fn revoke(&mut self, hashed: &str) {
        if let Some(record) = self.records.get_mut(hashed) {
            record.revoked = true;
        }
    }

    pub(crate) fn expire_all(&mut self, now: Timestamp) {
        for record in self.records.values_mut() {
            record.expires_at = record.expires_at.min(now);
        }
    }

    pub(crate) fn all(&self) -> Vec<TokenRecord> {
        self.order.iter().filter_map(|hashed| self.records.get(hashed)).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mint(tokens: &mut Tokens, now: Timestamp) -> InstallationToken {
        let nothing = Permissions::new::<&str, &str>([]).unwrap();
        tokens.mint("acme", Reach::All, nothing, User::bot("octo-sts[bot]"), now).unwrap()
    }

    #[test]
    fn a_token_lives_one_hour_unless_it_is_revoked_or_expired() {
        let mut tokens = Tokens::default();
        let start = Timestamp::UNIX_EPOCH;
        let (first, second) = (mint(&mut tokens, start), mint(&mut tokens, start));
        assert_ne!(first, second);
        let after = |seconds| Timestamp::from_second(seconds).unwrap();
        assert!(tokens.find(first.expose(), after(3599)).is_some());
        assert!(tokens.find(first.expose(), after(3600)).is_none());
        tokens.revoke(&first.hashed());
        assert!(tokens.find(first.expose(), start).is_none());
        tokens.expire_all(after(10));
        assert!(tokens.find(second.expose(), after(9)).is_some());
        assert!(tokens.find(second.expose(), after(10)).is_none());
        assert!(tokens.find("ghs_unknown", start).is_none());
    }

    #[test]
    fn a_token_looks_like_one_and_never_shows_itself() {
        let mut tokens = Tokens::default();
        let token = mint(&mut tokens, Timestamp::UNIX_EPOCH);
        let text = token.expose().to_owned();
        assert!(text.starts_with("ghs_") && text.len() == 40 && text[4..].chars().all(char::is_alphanumeric));
        assert!(!format!("{token:?} {tokens:?} {:?}", tokens.all()).contains(&text[4..]));
        assert_eq!(hashed_token("abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    }

    #[test]
    fn reach_ignores_letter_case() {
        assert!(Reach::one("widgets").includes("Widgets") && !Reach::one("widgets").includes("site"));
        assert!(Reach::All.includes("anything"));
    }
}
