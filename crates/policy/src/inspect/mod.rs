//! What a token says of itself, and what Octo STS can make of it.

mod warnings;

use serde_json::Value;

pub use self::warnings::{Warning, time_warnings, warnings};
use crate::Claims;
use crate::show::shown_value;

/// One claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// Its name.
    pub claim: String,
    /// Its value, as JSON on one line (text without its quotes); long ones are cut.
    pub value: String,
    /// What a policy can do with it.
    pub use_: Use,
}

/// What a policy can do with a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Use {
    /// It is matched by this field of a policy: `issuer`, `subject`, `audience`.
    Field(&'static str),
    /// A `claim_pattern` can match this text.
    Pattern(String),
    /// It can never be matched, and why.
    Never(&'static str),
}

/// What the first claims are, in this order, and the fields that match them.
const FIELDS: [(&str, &str); 3] = [("iss", "issuer"), ("sub", "subject"), ("aud", "audience")];

/// The claims of a token, sorted with `iss`, `sub` and `aud` first.
pub fn inspect(claims: &Claims) -> Vec<Inspected> {
    let mut all: Vec<(&str, &Value)> = claims.iter().collect();
    all.sort_by_key(|(name, _)| {
        (FIELDS.iter().position(|(first, _)| first == name).unwrap_or(FIELDS.len()), *name)
    });
    let inspected = all.into_iter().map(|(name, value)| Inspected {
        claim: name.to_owned(),
        value: shown_value(value),
        use_: use_of(name, value),
    });
    inspected.collect()
}

fn use_of(name: &str, value: &Value) -> Use {
    let field = FIELDS.iter().find(|(claim, _)| *claim == name).map(|(_, field)| *field);
    match (field, value) {
        (Some(field), Value::String(_)) => Use::Field(field),
        (Some("audience"), Value::Array(elements)) if elements.iter().all(Value::is_string) => {
            Use::Field("audience")
        }
        (Some("audience"), _) => Use::Never("an audience is text or a list of texts"),
        (Some(_), _) => Use::Never("it must be text"),
        (None, Value::String(text)) => Use::Pattern(text.clone()),
        (None, Value::Bool(value)) => Use::Pattern(value.to_string()),
        (None, Value::Number(_)) => Use::Never("a number, and Octo STS matches text and booleans only"),
        (None, Value::Null) => Use::Never("null, and Octo STS matches text and booleans only"),
        (None, Value::Array(_)) => Use::Never("a list, and Octo STS matches text and booleans only"),
        (None, Value::Object(_)) => Use::Never("an object, and Octo STS does not look inside"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_claim_has_its_use() {
        let claims = Claims::from_json(
            br#"{"zone":"eu","azp":"x\ny","aud":["a","b"],"exp":7,"sub":"s","iss":"https://a","email_verified":true,
                "https://sts.amazonaws.com/":{"aws_account":"1"},"roles":["r"],"none":null}"#,
        )
        .unwrap();
        let found: Vec<_> =
            inspect(&claims).into_iter().map(|found| (found.claim, found.value, found.use_)).collect();
        let pattern = |text: &str| Use::Pattern(text.to_owned());
        let expected = [
            ("iss", "https://a", Use::Field("issuer")),
            ("sub", "s", Use::Field("subject")),
            ("aud", r#"["a","b"]"#, Use::Field("audience")),
            ("azp", r#""x\ny""#, pattern("x\ny")),
            ("email_verified", "true", pattern("true")),
            ("exp", "7", Use::Never("a number, and Octo STS matches text and booleans only")),
            (
                "https://sts.amazonaws.com/",
                r#"{"aws_account":"1"}"#,
                Use::Never("an object, and Octo STS does not look inside"),
            ),
            ("none", "null", Use::Never("null, and Octo STS matches text and booleans only")),
            ("roles", r#"["r"]"#, Use::Never("a list, and Octo STS matches text and booleans only")),
            ("zone", "eu", pattern("eu")),
        ];
        assert_eq!(found, expected.map(|(name, value, use_)| (name.to_owned(), value.to_owned(), use_)));
    }

    #[test]
    fn claims_of_the_wrong_kind_cannot_be_matched() {
        for (json, reason) in [
            (r#"{"iss":7}"#, "it must be text"),
            (r#"{"sub":null}"#, "it must be text"),
            (r#"{"aud":7}"#, "an audience is text or a list of texts"),
            (r#"{"aud":["a",7]}"#, "an audience is text or a list of texts"),
        ] {
            let claims = Claims::from_json(json.as_bytes()).unwrap();
            assert_eq!(inspect(&claims)[0].use_, Use::Never(reason), "{json}");
        }
    }
}
