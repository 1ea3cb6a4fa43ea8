//! What a token says, after its signature has been verified elsewhere.

use std::fmt;

use serde_json::{Map, Value};

use crate::jwt;

/// The claims of an ID token. `Debug` shows issuer, subject and audience only.
#[derive(Clone, PartialEq)]
pub struct Claims(Map<String, Value>);

/// Why a text is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAToken(pub String);

impl Claims {
    /// Claims that are parsed already.
    pub fn new(claims: Map<String, Value>) -> Self {
        Self(claims)
    }

    /// Claims as they stand in a token's payload, decoded from base64.
    ///
    /// # Errors
    /// When the text is not a JSON object.
    pub fn from_json(payload: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(payload).map(Self)
    }

    /// The claims of a JWT, without any verification: to be explained, never to be trusted. White space, quotes and `Bearer`
    /// around it are passed over. Of a claim that is given twice the last one counts, as in Go.
    ///
    /// # Errors
    /// What is wrong with it, or what it is instead, without anything of it.
    pub fn from_jwt(token: &str) -> Result<Self, NotAToken> {
        jwt::payload(token).map(Self).map_err(NotAToken)
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// `iss`; empty if there is none, or it is not text.
    pub fn issuer(&self) -> &str {
        self.text("iss")
    }

    /// `sub`; empty if there is none, or it is not text.
    pub fn subject(&self) -> &str {
        self.text("sub")
    }

    /// `aud`, which a token may give as one text or as a list of them. To the server a null is an empty text.
    pub fn audiences(&self) -> Vec<&str> {
        match self.get("aud") {
            Some(Value::Array(audiences)) => audiences.iter().filter_map(text).collect(),
            Some(audience) => text(audience).into_iter().collect(),
            None => Vec::new(),
        }
    }

    /// Whether `iss` and `sub` are text, and `aud` is text or a list of it, as far as they are there: no server reads
    /// another token. Null passes for an empty text.
    pub fn is_well_formed(&self) -> bool {
        let texts = ["iss", "sub"].into_iter().filter_map(|name| self.get(name));
        texts
            .chain(match self.get("aud") {
                Some(Value::Array(audiences)) => audiences.as_slice(),
                audience => audience.map(std::slice::from_ref).unwrap_or_default(),
            })
            .all(|value| text(value).is_some())
    }

    /// Any claim, by its exact top-level name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// A claim that is a time, in seconds since 1970. Some issuers give fractions, which are cut off.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a time that is no time saturates, and is far away either way"
    )]
    pub fn seconds(&self, name: &str) -> Option<i64> {
        let number = self.get(name)?;
        number.as_i64().or_else(|| number.as_f64().map(|seconds| seconds as i64))
    }

    fn text(&self, name: &str) -> &str {
        self.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

/// As the server reads text: null is empty.
fn text(value: &Value) -> Option<&str> {
    if value.is_null() { Some("") } else { value.as_str() }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims")
            .field("iss", &self.issuer())
            .field("sub", &self.subject())
            .field("aud", &self.audiences())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_audiences_in_both_forms() {
        for (json, audiences) in [
            (r#"{"aud":"a"}"#, vec!["a"]),
            (r#"{"aud":["a","b"]}"#, vec!["a", "b"]),
            (r#"{"aud":[]}"#, vec![]),
            (r#"{"aud":7}"#, vec![]),
            (r#"{"aud":null}"#, vec![""]),
            (r#"{"aud":["a",null]}"#, vec!["a", ""]),
            ("{}", vec![]),
        ] {
            assert_eq!(Claims::from_json(json.as_bytes()).unwrap().audiences(), audiences, "{json}");
        }
        assert!(Claims::from_json(b"[]").is_err());
    }

    #[test]
    fn knows_what_no_server_reads() {
        for (json, well_formed) in [
            (r#"{"iss":"i","sub":"s","aud":"a","exp":7}"#, true),
            (r#"{"aud":["a",null]}"#, true),
            (r#"{"iss":null,"sub":null,"aud":null}"#, true),
            ("{}", true),
            (r#"{"iss":7}"#, false),
            (r#"{"sub":["s"]}"#, false),
            (r#"{"aud":true}"#, false),
            (r#"{"aud":{"a":"b"}}"#, false),
            (r#"{"aud":["a",7]}"#, false),
            (r#"{"aud":[["a"]]}"#, false),
        ] {
            assert_eq!(Claims::from_json(json.as_bytes()).unwrap().is_well_formed(), well_formed, "{json}");
        }
    }

    #[test]
    fn debug_shows_no_other_claim() {
        let claims = Claims::from_json(br#"{"iss":"i","sub":"s","email":"who@example.com"}"#).unwrap();
        let shown = format!("{claims:?}");
        assert!(shown.contains("\"i\"") && !shown.contains("who@example.com"), "{shown}");
    }

    #[test]
    fn a_time_is_a_number_of_any_kind() {
        let claims = |json: &str| Claims::from_json(json.as_bytes()).unwrap();
        for (json, expected) in [
            (r#"{"exp":7}"#, Some(7)),
            (r#"{"exp":7.9}"#, Some(7)),
            (r#"{"exp":1e300}"#, Some(i64::MAX)),
            (r#"{"exp":"7"}"#, None),
            ("{}", None),
        ] {
            assert_eq!(claims(json).seconds("exp"), expected, "{json}");
        }
    }
}
