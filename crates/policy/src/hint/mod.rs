//! How two values differ that look alike, and what is probably meant.

mod audience;
mod claim;
mod issuer;
mod pattern;
mod subject;
mod writing;

pub(crate) use self::audience::TOKEN_EXCHANGE;
pub(crate) use self::claim::difference as claim_difference;
use crate::evaluate::Refusal;
use crate::format::{self, Violation};
use crate::{Claims, Matcher};

/// Which value of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// `iss`.
    Issuer,
    /// `sub`.
    Subject,
    /// `aud`.
    Audience,
}

/// An exact text of a policy, and what the token has instead.
struct Pair<'a> {
    /// The policy's key.
    key: &'a str,
    expected: &'a str,
    actual: &'a str,
    /// Everything that is known of the token.
    claims: &'a Claims,
}

/// Recognises one way to differ. The first one that does counts.
type Rule = fn(&Pair<'_>) -> Option<String>;

impl Field {
    /// All of them, in the server's order.
    pub const ALL: [Self; 3] = [Self::Issuer, Self::Subject, Self::Audience];

    /// What to do about a token whose value the server refuses before it looks at any policy.
    pub const fn mend(self) -> &'static str {
        match self {
            Self::Issuer => "use an identity whose issuer is an https URL without query or fragment",
            Self::Subject => {
                "rename the identity: white space, quotes, brackets and $&;<>\\ are not taken in a subject"
            }
            Self::Audience => {
                "ask for another audience: white space, quotes, brackets, | and @ are not taken in one"
            }
        }
    }

    /// The key of a policy that is compared with it exactly.
    pub fn key(self) -> &'static str {
        match self {
            Self::Issuer => "issuer",
            Self::Subject => "subject",
            Self::Audience => "audience",
        }
    }

    /// What a token has in it.
    pub(crate) fn values(self, claims: &Claims) -> Vec<&str> {
        match self {
            Self::Issuer => vec![claims.issuer()],
            Self::Subject => vec![claims.subject()],
            Self::Audience => claims.audiences(),
        }
    }

    /// The first value of a token that breaks the server's format for this field.
    pub fn violation(self, claims: &Claims) -> Option<(&str, Violation)> {
        let check = match self {
            Self::Issuer => format::issuer,
            Self::Subject => format::subject,
            Self::Audience => format::audience,
        };
        self.values(claims)
            .into_iter()
            .find_map(|value| check(value).err().map(|violation| (value, violation)))
    }

    fn rules(self) -> &'static [Rule] {
        match self {
            Self::Issuer => issuer::RULES,
            Self::Subject => subject::RULES,
            Self::Audience => audience::RULES,
        }
    }
}

/// What probably went wrong where a token's value does not match what a policy expects: a slash, a version, letter case, a
/// glob, a rounded number, GitHub's old form, a URL for a domain … A sentence without a full stop; nothing where nothing is
/// recognised.
pub fn difference(field: Field, expected: &Matcher, claims: &Claims) -> Option<String> {
    compare(field, expected, &field.values(claims), claims)
}

impl Refusal {
    /// What probably went wrong, as far as the refusal itself and these claims of the token tell. It may hold values of
    /// both the token and the policy.
    pub fn hint(&self, claims: &Claims) -> Option<String> {
        let broken = |field: Field| {
            field.violation(claims).map(|(_, violation)| format!("the token's {} {violation}", field.key()))
        };
        match self {
            Self::Unverified => {
                Some("`iss` and `sub` must be text, and `aud` text or a list of texts".to_owned())
            }
            Self::InvalidIssuer => broken(Field::Issuer),
            Self::InvalidSubject => broken(Field::Subject),
            Self::InvalidAudience => broken(Field::Audience),
            Self::Issuer { token, policy } => compare(Field::Issuer, policy, &[token], claims),
            Self::Subject { token, policy } => compare(Field::Subject, policy, &[token], claims),
            Self::Audience { token, policy } => {
                let token: Vec<&str> = token.iter().map(String::as_str).collect();
                compare(Field::Audience, policy, &token, claims)
            }
            Self::ClaimMissing(name) | Self::ClaimNotText(name) => claim_difference(name, None, claims),
            Self::Claim { name, pattern } => claim_difference(name, Some(pattern), claims),
        }
    }
}

/// At most so many audiences are held against a policy's: a token may list thousands.
const MOST_VALUES: usize = 16;

fn compare(field: Field, expected: &Matcher, actual: &[&str], claims: &Claims) -> Option<String> {
    let looked_at = actual.get(..MOST_VALUES).unwrap_or(actual);
    let (key, expected) = match expected {
        Matcher::Exact(text) => (field.key(), text.clone()),
        Matcher::Pattern(pattern) => match pattern.literal() {
            Some(text) => (field.key(), text),
            None => {
                return looked_at.iter().find_map(|actual| pattern::difference(field.key(), pattern, actual));
            }
        },
    };
    if actual.contains(&expected.as_str()) {
        return None;
    }
    if field == Field::Audience && actual.is_empty() {
        return Some("the token has no audience: ask for one where the token is made".to_owned());
    }
    let judge = |rule: Rule| {
        looked_at.iter().find_map(|actual| rule(&Pair { key, expected: &expected, actual, claims }))
    };
    writing::RULES.iter().chain(field.rules()).copied().find_map(judge)
}

#[cfg(test)]
mod tests;
