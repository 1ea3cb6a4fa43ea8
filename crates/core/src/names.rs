//! Names that have rules: they are checked once, when they are read, and are types from then on.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Makes a validated text type: what it is, the pattern it follows, and what to say when it does not.
macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $pattern:literal, $valid:expr, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The pattern that every value follows.
            pub const PATTERN: &str = $pattern;

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let valid: fn(&str) -> bool = $valid;
                if valid(&text) { Ok(Self(text)) } else { Err(format!(concat!("`{}` is not ", $expected), text)) }
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                Self::try_from(text.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

name!(
    /// The name of a job, as the file, a URL and a label have it.
    JobId,
    "^[a-z][a-z0-9-]{0,39}$",
    |s| {
        s.len() <= 40
            && s.starts_with(|c: char| c.is_ascii_lowercase())
            && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    },
    "a job name: start with a lower-case letter, then up to 39 of a-z, 0-9 and -"
);

name!(
    /// The name of an entry of `callers`.
    CallerName,
    "^[A-Za-z0-9._-]{1,64}$",
    |s| (1..=64).contains(&s.len()) && s.bytes().all(is_name_byte),
    "a caller name: use up to 64 of A-Z, a-z, 0-9, ., _ and -"
);

name!(
    /// The name of a trust policy: `alarms` stands for `.github/chainguard/alarms.sts.yaml`. Octo STS calls it
    /// `identity`.
    TrustPolicyName,
    "^[A-Za-z0-9._-]{1,100}$",
    |s| (1..=100).contains(&s.len()) && s.bytes().all(is_name_byte),
    "a trust policy name: write only the name, as in `alarms` for .github/chainguard/alarms.sts.yaml"
);

name!(
    /// The name of an environment variable.
    VariableName,
    "^[A-Za-z_][A-Za-z0-9_]{0,127}$",
    |s| {
        s.len() <= 128
            && s.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    },
    "the name of an environment variable"
);

name!(
    /// A repository, `owner/name`. It is also the scope that is asked for at Octo STS.
    RepositoryName,
    "^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$",
    |s| {
        let Some((owner, name)) = s.split_once('/') else { return false };
        (1..=39).contains(&owner.len())
            && !owner.starts_with('-')
            && owner.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && (1..=100).contains(&name.len())
            && name.bytes().all(is_name_byte)
            && name != "."
            && name != ".."
    },
    "a repository: write owner/name, as in `acme/operations`"
);

impl RepositoryName {
    /// The part before the slash.
    pub fn owner(&self) -> &str {
        self.0.split_once('/').map_or("", |(owner, _)| owner)
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: std::str::FromStr>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(text.parse::<T>().is_ok(), "{text} was refused");
        }
        for text in bad {
            assert!(text.parse::<T>().is_err(), "{text} was accepted");
        }
    }

    #[test]
    fn names_follow_their_rules() {
        let long = "a".repeat(41);
        check::<JobId>(
            &["a", "alarm-to-issue", &"a".repeat(40)],
            &["", "A", "1a", "-a", "a_b", "a.b", "ä", &long],
        );
        check::<TrustPolicyName>(&["alarms", "a.B_c-1"], &["", "a/b", "../x", "a b", "{{ x }}"]);
        check::<RepositoryName>(
            &["acme/operations", "a/.github", "A-1/b_c.d"],
            &[
                "acme",
                "acme/",
                "/x",
                "a/b/c",
                "-a/b",
                "a_b/c",
                "a/..",
                "a/.",
                "a/b c",
                "https://github.com/a/b",
            ],
        );
        check::<CallerName>(&["scheduler"], &["", "a b", &"x".repeat(65)]);
        check::<VariableName>(&["TEAM", "_x1"], &["", "1A", "A-B", "A B"]);
    }

    #[test]
    fn the_error_shows_how_to_write_it() {
        let error = "acme".parse::<RepositoryName>().unwrap_err();
        assert_eq!(error, "`acme` is not a repository: write owner/name, as in `acme/operations`");
    }
}
