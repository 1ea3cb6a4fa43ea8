//! Single values of the file that have rules.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use regex_lite::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer};

use crate::client::ServiceUrl;

/// The JSON Schema of a text value with rules of its own.
macro_rules! text_schema {
    ($name:ident, $schema:tt) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

/// The version of the format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u64")]
pub struct Version;

impl TryFrom<u64> for Version {
    type Error = String;

    fn try_from(version: u64) -> Result<Self, String> {
        if version == 1 {
            Ok(Self)
        } else {
            Err(format!("version {version} is not known; this gatepass reads version 1"))
        }
    }
}

text_schema!(Version, { "const": 1 });

impl<'de> Deserialize<'de> for ServiceUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

text_schema!(ServiceUrl, { "type": "string", "format": "uri" });

/// An OIDC issuer, exactly as its tokens spell it: a slash at the end counts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Issuer(String);

impl Issuer {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Issuer {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        ServiceUrl::parse(&text).map(|_| Self(text))
    }
}

text_schema!(Issuer, { "type": "string", "format": "uri" });

/// An OIDC audience.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Audience(String);

impl Audience {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Audience {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.is_empty() || text.len() > 255 || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("an audience has 1 to 255 characters and no white space".into());
        }
        Ok(Self(text))
    }
}

text_schema!(Audience, { "type": "string", "minLength": 1, "maxLength": 255 });

/// Which logins are our own bots.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct BotPattern(Regex);

impl BotPattern {
    /// The Apps of the hosted Octo STS: consecutive tokens may act as any of them.
    pub const DEFAULT: &str = r"^octo-sts(-\d+)?\[bot\]$";

    /// Whether this login is one of them.
    pub fn matches(&self, login: &str) -> bool {
        self.0.is_match(login)
    }
}

impl TryFrom<String> for BotPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if !(text.starts_with('^') && text.ends_with('$')) {
            return Err(
                "write the whole login's pattern, from ^ to $: whoever matches it may own managed issues"
                    .into(),
            );
        }
        let inner = text.strip_prefix('^').and_then(|text| text.strip_suffix('$')).unwrap_or_default();
        anchored(inner).map(Self)
    }
}

/// Grouped, so that the anchors hold for every alternative; and a pattern by itself, so that it cannot close the group.
fn anchored(pattern: &str) -> Result<Regex, String> {
    Regex::new(pattern)
        .and_then(|_| Regex::new(&format!("^(?:{pattern})$")))
        .map_err(|error| format!("not a regular expression: {error}"))
}

text_schema!(BotPattern, { "type": "string", "format": "regex" });

/// A pattern that a value must match from its beginning to its end, whether or not it says so itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern {
    text: String,
    regex: Regex,
}

impl Pattern {
    /// As the file has it.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether all of `value` matches.
    pub fn matches(&self, value: &str) -> bool {
        self.regex.is_match(value)
    }
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Ok(Self { regex: anchored(&text)?, text })
    }
}

text_schema!(Pattern, { "type": "string", "format": "regex" });

/// Which events.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EventFilter {
    /// The event's source, exactly.
    pub source: String,
    /// The event's type, exactly; any when left out.
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// A span of time: a number and `m`, `h`, `d` or `w`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Span(Duration);

impl Span {
    /// As a duration.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let expected = || format!("`{text}` is no span of time: write a number and m, h, d or w, as in 7d");
        let unit = text.chars().last().ok_or_else(expected)?;
        let seconds = match unit {
            'm' => 60,
            'h' => 3600,
            'd' => 86_400,
            'w' => 7 * 86_400,
            _ => return Err(expected()),
        };
        let digits = text.strip_suffix(unit).unwrap_or_default();
        if digits.is_empty() || digits.len() > 4 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(expected());
        }
        let number: u64 = digits.parse().map_err(|_| expected())?;
        if number == 0 { Err(expected()) } else { Ok(Self(Duration::from_secs(number * seconds))) }
    }
}

text_schema!(Span, { "type": "string", "pattern": "^[1-9][0-9]{0,3}[mhdw]$" });

/// A path relative to the repository, perhaps with `{{ … }}` in single segments and query values.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct ReadPath(String);

impl ReadPath {
    /// The text, a template.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for ReadPath {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        check_relative(&text).map_err(|why| {
            format!("`{text}` {why}; write a path below the repository, as in pulls?state=open")
        })?;
        Ok(Self(text))
    }
}

text_schema!(ReadPath, { "type": "string" });

/// Whether a path stays below where it is put: no scheme or host, no `..`, no `//`, no backslash, nothing that
/// decodes to one of them.
pub(crate) fn check_relative(path: &str) -> Result<(), &'static str> {
    let (path, _) = path.split_once('?').unwrap_or((path, ""));
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8().map_err(|_| "is not UTF-8")?;
    for text in [path, decoded.as_ref()] {
        if text.contains("://") || text.starts_with("//") {
            return Err("names a host");
        }
        if text.contains("//") {
            return Err("has an empty segment");
        }
        if text.contains('\\') {
            return Err("has a backslash");
        }
        if text.split('/').any(|segment| matches!(segment.trim(), "." | "..")) {
            return Err("climbs out with a dot segment");
        }
        if text.contains('#') {
            return Err("has a fragment");
        }
    }
    Ok(())
}

impl fmt::Display for ReadPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check<T: TryFrom<String>>(good: &[&str], bad: &[&str]) {
        for text in good {
            assert!(T::try_from((*text).to_owned()).is_ok(), "{text:?} was refused");
        }
        for text in bad {
            assert!(T::try_from((*text).to_owned()).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn values_follow_their_rules() {
        check::<Span>(
            &["7d", "30m", "12h", "2w"],
            &["", "7", "d", "0d", "-1d", "7 d", "7days", "99999d", "1.5h", "7D", "7ddd"],
        );
        check::<Audience>(&["octo-sts.dev", "https://x/y"], &["", "a b", "a\n"]);
        check::<BotPattern>(&[BotPattern::DEFAULT, "^(a|b)$", r"^x\$$"], &["octo", "^octo", "octo$", "^[$"]);
        check::<Issuer>(
            &["https://accounts.google.com", "https://sts.windows.net/x/", "http://127.0.0.1:1/google"],
            &["", "accounts.google.com", "http://x"],
        );
        check::<ReadPath>(
            &["pulls?state=open", "contents/{{ event.data.path }}", "", "commits/main/status"],
            &[
                "https://evil.example/x",
                "//evil.example",
                "a//b",
                "../x",
                "a/../../b",
                "a/%2e%2e/b",
                "a\\b",
                "a%5cb",
                "a/./b",
                "a#b",
            ],
        );
    }

    #[test]
    fn a_bot_pattern_is_anchored_in_every_alternative() {
        let bots = BotPattern::try_from("^a|b$".to_owned()).unwrap();
        assert!(bots.matches("a") && bots.matches("b"));
        assert!(!bots.matches("ax") && !bots.matches("xb"));
        let hosted = BotPattern::try_from(BotPattern::DEFAULT.to_owned()).unwrap();
        assert!(hosted.matches("octo-sts[bot]") && hosted.matches("octo-sts-12[bot]"));
        assert!(
            !hosted.matches("octo-sts-x[bot]")
                && !hosted.matches("octo-sts")
                && !hosted.matches("xocto-sts[bot]")
        );
    }

    #[test]
    fn a_pattern_holds_for_the_whole_value() {
        for (pattern, value, expected) in [
            (r"^v\d+$", "v1", true),
            (r"v\d+", "v1", true),
            (r"v\d+", "xv1", false),
            (r"v\d+", "v1; rm", false),
            (r"^v\d+$", "v1\n", false),
            (r"^v\d+$", "v1\nx", false),
            ("a|b", "ab", false),
            ("(?m)^a$", "x\na", false),
        ] {
            let pattern = Pattern::try_from(pattern.to_owned()).unwrap();
            assert_eq!(pattern.matches(value), expected, "{pattern:?} {value:?}");
        }
        for bad in ["(", "a)|(b"] {
            assert!(Pattern::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_span_is_a_duration() {
        assert_eq!(Span::try_from("7d".to_owned()).unwrap().duration(), Duration::from_secs(604_800));
    }
}
