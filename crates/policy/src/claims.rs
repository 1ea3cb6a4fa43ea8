//! What a token says, after its signature has been verified elsewhere.

use std::fmt;

use serde_json::{Map, Value};

/// The claims of an ID token. `Debug` shows issuer, subject and audience only.
#[derive(Clone, PartialEq)]
pub struct Claims(Map<String, Value>);

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

    /// `iss`; empty if there is none, or it is not text.
    pub fn issuer(&self) -> &str {
        self.text("iss")
    }

    /// `sub`; empty if there is none, or it is not text.
    pub fn subject(&self) -> &str {
        self.text("sub")
    }

    /// `aud`, which a token may give as one text or as a list of them.
    pub fn audiences(&self) -> Vec<&str> {
        match self.get("aud") {
            Some(Value::String(audience)) => vec![audience],
            Some(Value::Array(audiences)) => audiences.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        }
    }

    /// Any claim, by its exact top-level name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    fn text(&self, name: &str) -> &str {
        self.get(name).and_then(Value::as_str).unwrap_or_default()
    }
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
            ("{}", vec![]),
        ] {
            assert_eq!(Claims::from_json(json.as_bytes()).unwrap().audiences(), audiences, "{json}");
        }
        assert!(Claims::from_json(b"[]").is_err());
    }

    #[test]
    fn debug_shows_no_other_claim() {
        let claims = Claims::from_json(br#"{"iss":"i","sub":"s","email":"who@example.com"}"#).unwrap();
        let shown = format!("{claims:?}");
        assert!(shown.contains("\"i\"") && !shown.contains("who@example.com"), "{shown}");
    }
}
