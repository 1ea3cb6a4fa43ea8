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
    /// The name of a workflow's input, or of a field of an event's payload.
    InputName,
    "^[A-Za-z_][A-Za-z0-9_-]{0,99}$",
    |s| {
        s.len() <= 100
            && s.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && s.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    },
    "the name of an input: start with a letter or _, then letters, digits, _ and -"
);

name!(
    /// The file of a workflow, below `.github/workflows`.
    WorkflowFile,
    "^[A-Za-z0-9._-]{1,95}\\.ya?ml$",
    |s| {
        let stem = s.strip_suffix(".yml").or_else(|| s.strip_suffix(".yaml"));
        stem.is_some_and(|stem| (1..=95).contains(&stem.len()) && stem.bytes().all(is_name_byte))
    },
    "a workflow: write its file's name alone, as in `deploy.yml` for .github/workflows/deploy.yml"
);

name!(
    /// A branch or a tag. Source: git-check-ref-format(1).
    GitRef,
    "^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$",
    |s| {
        s.len() <= 200
            && s.starts_with(|c: char| c.is_ascii_alphanumeric())
            && s.bytes().all(|b| is_name_byte(b) || b == b'/')
            && !s.contains("..")
            && !s.contains("//")
            && !s.ends_with(['/', '.'])
            && !s.ends_with(".lock")
    },
    "a branch or a tag: write its name, as in `main`"
);

name!(
    /// The name of a request header, in any case.
    HeaderField,
    "^[A-Za-z0-9-]{1,64}$",
    |s| (1..=64).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'),
    "the name of a header: use letters, digits and -"
);

name!(
    /// The ARN of a topic of Amazon SNS.
    TopicArn,
    "^arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_.-]{1,256}$",
    |s| {
        let Some((partition, rest)) = s.strip_prefix("arn:").and_then(|s| s.split_once(":sns:")) else { return false };
        let parts: Vec<&str> = rest.split(':').collect();
        let &[region, account, name] = parts.as_slice() else { return false };
        let is_word = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        partition.starts_with("aws")
            && is_word(partition)
            && !region.is_empty()
            && is_word(region)
            && account.len() == 12
            && account.bytes().all(|b| b.is_ascii_digit())
            && (1..=256).contains(&name.len())
            && name.bytes().all(is_name_byte)
    },
    "an SNS topic: write its ARN, as in `arn:aws:sns:eu-central-1:123456789012:alarms`"
);

name!(
    /// The login of an organisation, or of a user.
    OrganizationName,
    "^[A-Za-z0-9][A-Za-z0-9-]{0,38}$",
    |s| (1..=39).contains(&s.len()) && !s.starts_with('-') && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'),
    "an organisation: write its login, as in `acme`"
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

impl TopicArn {
    /// The region that it is in.
    pub fn region(&self) -> &str {
        self.0.split(':').nth(3).unwrap_or_default()
    }

    /// The partition, as `aws` or `aws-cn`.
    pub fn partition(&self) -> &str {
        self.0.split(':').nth(1).unwrap_or_default()
    }
}

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
        check::<InputName>(&["version", "dry-run", "_x"], &["", "1a", "a b", "a.b"]);
        check::<WorkflowFile>(
            &["deploy.yml", "a.b-c_d.yaml"],
            &["", ".yml", "deploy", "x/deploy.yml", "../deploy.yml", "{{ x }}.yml", "1234"],
        );
        check::<GitRef>(
            &["main", "release/1.x", "v1.0.0"],
            &["", "-x", "/main", "a..b", "a//b", "a/", "a.", "a.lock", "a b", "a~1", "{{ x }}"],
        );
        check::<HeaderField>(&["X-Signature"], &["", "x y", "x:", "x_y"]);
        check::<TopicArn>(
            &[
                "arn:aws:sns:eu-central-1:123456789012:alarms",
                "arn:aws-cn:sns:cn-north-1:123456789012:a.fifo",
            ],
            &[
                "",
                "alarms",
                "arn:aws:sqs:eu-central-1:123456789012:alarms",
                "arn:aws:sns:evil.example/x:123456789012:alarms",
                "arn:aws:sns::123456789012:alarms",
                "arn:aws:sns:eu-central-1:12345:alarms",
                "arn:aws:sns:eu-central-1:123456789012:alarms:7c0f",
                "arn:evil:sns:eu-central-1:123456789012:alarms",
            ],
        );
        check::<OrganizationName>(&["acme", "A-1"], &["", "-a", "a/b", "a_b", &long]);
        check::<CallerName>(&["scheduler"], &["", "a b", &"x".repeat(65)]);
        check::<VariableName>(&["TEAM", "_x1"], &["", "1A", "A-B", "A B"]);
    }

    #[test]
    fn the_error_shows_how_to_write_it() {
        let error = "acme".parse::<RepositoryName>().unwrap_err();
        assert_eq!(error, "`acme` is not a repository: write owner/name, as in `acme/operations`");
    }
}
