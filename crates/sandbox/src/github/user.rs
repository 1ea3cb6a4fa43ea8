//! Whoever acts on GitHub: a person, or the bot of an App.

/// The author of an issue or a comment, the owner of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The login, with `[bot]` at the end for an App's bot.
    pub login: String,
    /// What GitHub calls `type`.
    pub kind: UserKind,
}

/// GitHub's `type` of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UserKind {
    /// A person.
    User,
    /// The bot of a GitHub App.
    Bot,
    /// An organisation.
    Organization,
}

impl UserKind {
    /// GitHub's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Bot => "Bot",
            Self::Organization => "Organization",
        }
    }
}

impl User {
    /// A person.
    pub fn person(login: &str) -> Self {
        Self { login: login.to_owned(), kind: UserKind::User }
    }

    /// The bot of an App, for example `octo-sts[bot]`.
    pub fn bot(login: &str) -> Self {
        Self { login: login.to_owned(), kind: UserKind::Bot }
    }

    /// An organisation.
    pub fn organization(login: &str) -> Self {
        Self { login: login.to_owned(), kind: UserKind::Organization }
    }
}
