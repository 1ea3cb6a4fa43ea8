//! Further claims: which the token does not have, has in another kind, or with another value.

use gatepass_yaml::nearest;
use serde_json::Value;

use super::{Pair, pattern, writing};
use crate::show::{kind, shown};
use crate::{Claims, Pattern};

/// Why a claim does not match; with a pattern, also how its value differs.
pub(crate) fn difference(name: &str, expected: Option<&Pattern>, claims: &Claims) -> Option<String> {
    match claims.get(name) {
        None => Some(missing(name, claims)),
        Some(Value::String(text)) => value(name, expected?, text, claims),
        Some(Value::Bool(value)) => {
            let expected =
                expected?.literal().filter(|text| text.eq_ignore_ascii_case(&value.to_string()))?;
            let fine = expected == value.to_string();
            (!fine).then(|| format!("a boolean is compared as `{value}`, in small letters"))
        }
        Some(other) => Some(format!(
            "the claim is {}, and Octo STS matches text and booleans only: no pattern can match it",
            kind(other)
        )),
    }
}

fn missing(name: &str, claims: &Claims) -> String {
    let inside =
        claims.iter().find(|(_, value)| value.as_object().is_some_and(|object| object.contains_key(name)));
    if let Some((outer, _)) = inside {
        return format!(
            "the token has it inside `{}`, and Octo STS sees only what stands at the top: no pattern can match it",
            shown(outer)
        );
    }
    if let Some(near) = nearest(name, claims.iter().map(|(name, _)| name)) {
        return format!(
            "the token has no such claim, but `{}`: names are compared letter by letter",
            shown(near)
        );
    }
    match name {
        "environment" => "only the tokens of jobs with an `environment:` have it".to_owned(),
        "email" | "email_verified" => {
            "Google's metadata server gives it only when it is asked with `format=full`".to_owned()
        }
        _ => "the token has no such claim".to_owned(),
    }
}

fn value(key: &str, expected: &Pattern, actual: &str, claims: &Claims) -> Option<String> {
    let Some(expected) = expected.literal() else { return pattern::difference("claim", expected, actual) };
    let pair = Pair { key, expected: &expected, actual, claims };
    let rules = [
        writing::white_space,
        writing::invisible,
        writing::rounded,
        writing::letter_case,
        writing::only_the_end,
    ];
    rules.into_iter().find_map(|rule| rule(&pair)).filter(|_| expected != actual)
}
