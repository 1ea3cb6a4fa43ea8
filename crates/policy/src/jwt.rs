//! The payload of a JWT, unverified, and what a text is that is no JWT. No reason holds anything of the text.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};

/// The longest token that is looked at, in bytes: it travels in one header, of which servers take 8 to 16 KiB.
pub const MAX_TOKEN_LEN: usize = 16 * 1024;

/// The longest JSON that is looked into to say what it is instead, in bytes: read in milliseconds.
const MAX_JSON_LEN: usize = 1024 * 1024;

/// As Go's `base64.RawURLEncoding`, by which servers read it (RFC 7515, section 2): no padding.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::RequireNone)
        .with_decode_allow_trailing_bits(true),
);

/// How other secrets start, and what they are. Whoever passes one by mistake must learn so without seeing it again.
const OTHERS: &[(&str, &str)] = &[
    ("ghs_", "a GitHub installation token, the one that an OIDC token is exchanged for"),
    ("ghp_", "a GitHub personal access token"),
    ("github_pat_", "a GitHub personal access token"),
    ("gho_", "a GitHub OAuth token"),
    ("ghu_", "a GitHub user token"),
    ("AKIA", "an AWS access key"),
    ("ASIA", "a temporary AWS access key"),
    ("ya29.", "a Google access token; ask for an ID token instead"),
    ("-----BEGIN", "a key or certificate"),
];

/// Where the endpoints of the clouds and of GitHub Actions put the token in their answers.
const ANSWERS: [&str; 4] = ["access_token", "id_token", "token", "value"];

/// The claims in a JWT's payload.
pub(crate) fn payload(text: &str) -> Result<Map<String, Value>, String> {
    let token = unwrapped(text);
    if token.is_empty() {
        return Err("the token is empty".to_owned());
    }
    if token.starts_with('{') {
        return Err(of_json(token));
    }
    if let Some((_, what)) = OTHERS.iter().find(|(start, _)| token.starts_with(start)) {
        return Err(format!("this is no OIDC token but {what}"));
    }
    if token.len() > MAX_TOKEN_LEN {
        return Err(format!(
            "the token has {} bytes, and no server takes one of more than {MAX_TOKEN_LEN}",
            token.len()
        ));
    }
    if token.contains(char::is_whitespace) {
        return Err("the token has white space inside: pass it on one line, and only one".to_owned());
    }
    let parts: Vec<&str> = token.split('.').collect();
    let [_, payload, _] = parts.as_slice() else { return Err(of_parts(parts.len())) };
    if payload.is_empty() {
        return Err("the token's second part is empty, where its claims belong".to_owned());
    }
    let json = BASE64URL.decode(payload).map_err(|_| {
        "the token's second part is not base64url (letters, digits, `-` and `_`): it was cut or changed when it was copied"
            .to_owned()
    })?;
    match serde_json::from_slice(&json) {
        Ok(Value::Object(claims)) => Ok(claims),
        Ok(_) => Err("the token's second part is JSON, but not an object of claims".to_owned()),
        // What serde_json says could hold a piece of the token.
        Err(error) => Err(format!(
            "the token's second part is not JSON that Octo STS reads: look at column {} of what it decodes to",
            error.column()
        )),
    }
}

/// Without what gets around a token when it is copied: white space, quotes, the name of the authorization scheme.
fn unwrapped(text: &str) -> &str {
    let bare = |text| str::trim(text).trim_matches(['"', '\'', '`']).trim();
    let text = bare(text);
    match text.split_once(' ') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") => bare(rest),
        _ => text,
    }
}

fn of_json(text: &str) -> String {
    let small = text.len() <= MAX_JSON_LEN;
    let Some(document) = small.then(|| serde_json::from_str::<Map<String, Value>>(text).ok()).flatten()
    else {
        return "this begins like JSON and is no token".to_owned();
    };
    if document.contains_key("iss") || document.contains_key("sub") {
        return "this is claims JSON and no token: pass it with --claims".to_owned();
    }
    match ANSWERS.into_iter().find(|key| document.contains_key(*key)) {
        Some(key) => format!("this is the JSON around a token: pass only the text of its `{key}`"),
        None => "this is JSON and no token".to_owned(),
    }
}

fn of_parts(count: usize) -> String {
    match count {
        1 => "this is no JWT: it has no dots, and a JWT is three parts with dots between them".to_owned(),
        2 => "the token has 2 parts between dots, and a JWT has 3: its signature was cut off".to_owned(),
        5 => "the token has 5 parts between dots: it is an encrypted JWT, which Octo STS cannot read"
            .to_owned(),
        count => format!("the token has {count} parts between dots, and a JWT has 3"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jwt(payload: &str) -> String {
        format!("e30.{}.c2ln", BASE64URL.encode(payload))
    }

    #[test]
    fn reads_what_is_around_it_too() {
        let token = jwt(r#"{"sub":"me"}"#);
        for text in [
            token.clone(),
            format!("{token}\n"),
            format!(" \r\n{token}\r\n"),
            format!("Bearer {token}"),
            format!("bearer  {token}\n"),
            format!("\"{token}\"\n"),
            format!("'Bearer {token}'"),
            format!("Bearer '{token}'"),
        ] {
            assert_eq!(payload(&text).unwrap()["sub"], "me", "{text}");
        }
    }

    #[test]
    fn says_what_it_is_instead_and_nothing_of_it() {
        let long = "S3CRET".repeat(MAX_TOKEN_LEN);
        let megabyte = jwt(&format!(r#"{{"sub":"{}"}}"#, "S3CRET".repeat(200_000)));
        let deep = jwt(&format!("{}1{}", "[".repeat(5000), "]".repeat(5000)));
        for (text, reason) in [
            ("", "is empty"),
            (" \n", "is empty"),
            ("\"\"", "is empty"),
            ("S3CRET", "no dots"),
            (&long, "bytes"),
            (&megabyte, "bytes"),
            ("e30.S3CRET", "2 parts"),
            ("Bearer e30.S3CRET", "2 parts"),
            ("e30.S3CRET.a.b", "4 parts"),
            ("e30.S3CRET.a.b.c", "encrypted"),
            ("e30..S3CRET", "second part is empty"),
            ("e30.S3C*RET.a", "not base64url"),
            ("e30.e30=.a", "not base64url"),
            ("e30.S3CRET\nS3CRET.a", "white space inside"),
            (&jwt("S3CRET"), "not JSON"),
            (&jwt(r#"{"sub":"S3CRET"#), "not JSON"),
            (&jwt(r#"{"S3CRET":1e999}"#), "not JSON that Octo STS reads"),
            (&jwt(r#""S3CRET""#), "not an object"),
            (&jwt(r#"["S3CRET"]"#), "not an object"),
            (&deep, "not JSON"),
            (r#"{"iss":"S3CRET"}"#, "pass it with --claims"),
            (r#" {"sub":"S3CRET"}"#, "pass it with --claims"),
            (r#"{"value":"S3CRET"}"#, "the text of its `value`"),
            (r#"{"access_token":"S3CRET"}"#, "the text of its `access_token`"),
            (r#"{"S3CRET":1}"#, "JSON and no token"),
            ("{S3CRET", "begins like JSON"),
            ("ghs_S3CRET", "GitHub installation token"),
            ("ghp_S3CRET", "personal access token"),
            ("github_pat_S3CRET", "personal access token"),
            ("AKIAS3CRET", "AWS access key"),
            ("ASIAS3CRET", "temporary AWS access key"),
            ("ya29.S3CRET", "Google access token"),
            ("-----BEGIN S3CRET", "key or certificate"),
        ] {
            let error = payload(text).unwrap_err();
            assert!(error.contains(reason), "{reason}: {error}");
            assert!(!error.contains("S3C"), "{error}");
        }
    }

    #[test]
    fn claims_of_every_kind_are_kept() {
        let claims = payload(&jwt(
            r#"{"aud":["a","b"],"n":12345678901234567890123,"o":{"a":[null]},"sub":"first","sub":"second"}"#,
        ))
        .unwrap();
        assert_eq!(claims["aud"].as_array().unwrap().len(), 2);
        assert!(claims["n"].is_number() && claims["o"]["a"][0].is_null());
        assert_eq!(claims["sub"], "second", "the last one counts, as in Go");
    }
}
