//! One row for every near miss, and what is none.

use serde_json::{Value, json};

use super::*;
use crate::Pattern;

const GITHUB: &str = "https://token.actions.githubusercontent.com";
const GOOGLE: &str = "https://accounts.google.com";
const ENTRA: &str = "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0";
const ENTRA_V1: &str = "https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/";
const OTHER_ENTRA: &str = "https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0";
const AWS: &str = "https://9188040d-6c67-4c5b-b112-36a304b66dad.tokens.sts.global.api.aws";
const OTHER_AWS: &str = "https://11111111-2222-3333-4444-555555555555.tokens.sts.global.api.aws";
const ROLE: &str = "arn:aws:iam::123456789012:role/alarms";
const WITH_PATH: &str = "arn:aws:iam::123456789012:role/service-role/alarms";
const PRINCIPAL: &str = "22222222-2222-3333-4444-555555555555";

fn claims(value: &Value) -> Claims {
    Claims::new(value.as_object().unwrap().clone())
}

fn exact(text: &str) -> Matcher {
    Matcher::Exact(text.to_owned())
}

fn pattern(text: &str) -> Matcher {
    Matcher::Pattern(Pattern::compile(text).unwrap())
}

#[track_caller]
fn says(found: Option<String>, words: &str, of: &str) {
    match found {
        Some(hint) => {
            assert!(!words.is_empty() && hint.contains(words), "{of}: {words}: {hint}");
            assert!(!hint.ends_with('.') && !hint.contains(char::is_control), "{of}: {hint}");
        }
        None => assert!(words.is_empty(), "{of}: no hint: {words}"),
    }
}

#[test]
fn issuers() {
    for (expected, actual, words) in [
        ("https://accounts.google.com/", GOOGLE, "the policy's has one"),
        (ENTRA_V1.trim_end_matches('/'), ENTRA_V1, "the token's has one"),
        ("http://accounts.google.com", GOOGLE, "begins with `http://`"),
        ("accounts.google.com", GOOGLE, "`https://` is missing"),
        ("https://Accounts.Google.com", GOOGLE, "letter case"),
        ("https://accounts.google.com\n", GOOGLE, "ends in a line break"),
        (" https://accounts.google.com", GOOGLE, "white space around it"),
        ("https://accounts.google\u{200b}.com", GOOGLE, "cannot be seen"),
        ("https://accounts.google.com/.well-known/openid-configuration", GOOGLE, "discovery document"),
        (ENTRA, ENTRA_V1, "requestedAccessTokenVersion to 2"),
        (ENTRA_V1, ENTRA, "token of version 2"),
        (ENTRA.trim_end_matches("/v2.0"), ENTRA, "ends in `/v2.0`"),
        (OTHER_ENTRA, ENTRA, "another tenant"),
        ("https://login.microsoftonline.com/common/v2.0", ENTRA, "does not have the tenant's id"),
        ("https://account.google.com", GOOGLE, "is spelled differently"),
        ("https://sts.amazonaws.com", AWS, "issues no such tokens"),
        (OTHER_AWS, AWS, "another AWS account"),
        (GITHUB, &format!("{GITHUB}/acme"), "enterprise has an issuer of its own"),
        (&format!("{GITHUB}/acme"), GITHUB, "from the one for everybody"),
        ("https://*.google.com", GOOGLE, "`*` stands for itself"),
        (r"https://accounts\.google\.com", GOOGLE, "is a pattern"),
        (GOOGLE, AWS, ""),
        (GOOGLE, GOOGLE, ""),
    ] {
        says(
            difference(Field::Issuer, &exact(expected), &claims(&json!({ "iss": actual }))),
            words,
            expected,
        );
    }
}

#[test]
fn subjects() {
    let main = "repo:acme/ops:ref:refs/heads/main";
    let with_ids = "repo:acme@1/ops@2:ref:refs/heads/main";
    for (expected, actual, words) in [
        // GitHub.
        (main, with_ids, "older form"),
        (with_ids, main, "newer form"),
        ("repo:acme@1/ops@3:ref:refs/heads/main", with_ids, "made anew"),
        (
            main,
            "repo:acme/other:ref:refs/heads/main",
            "of the repository acme/other, the policy names acme/ops",
        ),
        (
            main,
            "repo:acme/ops:ref:refs/heads/dev",
            "of the branch dev, the policy wants one of the branch main",
        ),
        (main, "repo:acme/ops:pull_request", "has no branch in its subject"),
        (main, "repo:acme/ops:environment:prod", "for the environment prod"),
        (main, "repo:acme/ops:ref:refs/tags/v1", "started by a tag"),
        ("repo:acme/ops:ref:refs/tags/v1", main, "not started by a tag"),
        ("repo:acme/ops:environment:prod", main, "no `environment:`"),
        ("repo:acme/ops:environment:prod", "repo:acme/ops:environment:dev", "for the environment dev"),
        ("repo:acme/ops", main, "ends after the repository"),
        (main, "repo:acme@1/ops@2:pull_request", "older form of the subject"),
        ("repo:Acme/ops:ref:refs/heads/main", main, "letter case"),
        ("repo:acme/*", main, "`*` stands for itself"),
        ("repo:acme/ops:.*", main, "is a pattern"),
        (r"repo:acme/ops:(ref|pull_request).+", main, "is a pattern"),
        ("repo:acme/ops:ref:refs/heads/main\n", main, "ends in a line break"),
        ("main", main, "only the end"),
        // AWS.
        ("arn:aws:sts::123456789012:assumed-role/alarms/i-1", ROLE, "`assumed-role`"),
        ("arn:aws:sts::123456789012:assumed-role/other/i-1", ROLE, "here of another one"),
        (ROLE, WITH_PATH, "the path `/service-role/`"),
        (WITH_PATH, ROLE, "no path"),
        ("arn:aws:iam::999999999999:role/alarms", ROLE, "in the account 123456789012"),
        ("arn:aws-cn:iam::123456789012:role/alarms", ROLE, "`arn:aws`"),
        ("arn:aws:iam::123456789012:role/other", ROLE, "runs as the role alarms"),
        ("arn:aws:iam::123456789012:role/Alarms", ROLE, "letter case"),
        (
            "arn:aws:lambda:eu-west-1:123456789012:function:alarms",
            ROLE,
            "is the ARN of something else than a role",
        ),
        ("alarms", ROLE, "only the end"),
        ("arn:aws:iam::123456789012:role/*", ROLE, "`*` stands for itself"),
        // Google.
        ("1.076915e+20", "107691503500061500000", r#"in quotes, `subject: "107691503500061500000"`"#),
        ("2.5e+20", "107691503500061500000", "can never match"),
        ("alarms@p.iam.gserviceaccount.com", "107691503500061500000", "numeric unique id"),
        ("123", "107691503500061500000", ""),
        ("projects/p/serviceAccounts/a", "107691503500061500000", "is a name of a resource"),
        (main, main, ""),
    ] {
        let issuer = match actual.split_once(':') {
            Some(("repo", _)) => GITHUB,
            Some(("arn", _)) => AWS,
            _ => GOOGLE,
        };
        let claims = claims(&json!({ "iss": issuer, "sub": actual }));
        says(difference(Field::Subject, &exact(expected), &claims), words, expected);
    }
}

#[test]
fn subjects_that_are_another_claim() {
    let entra = claims(&json!({"iss": ENTRA, "sub": PRINCIPAL, "azp": "c", "tid": "t", "name": "n"}));
    let v1 = claims(&json!({"iss": ENTRA_V1, "sub": PRINCIPAL, "appid": "c"}));
    let google = claims(&json!({"iss": GOOGLE, "sub": "7", "email": "a@b", "azp": "9"}));
    let stranger = claims(&json!({"iss": "https://a.example", "sub": "y"}));
    for (expected, claims, words) in [
        ("c", &entra, "client id"),
        ("c", &v1, "client id"),
        ("t", &entra, "names the tenant"),
        ("9188040d-6c67-4c5b-b112-36a304b66dad", &v1, "names the tenant"),
        ("11111111-2222-3333-4444-555555555555", &entra, "another identity, or another id"),
        (&PRINCIPAL.replace('2', "A"), &v1, "another identity"),
        ("n", &entra, "in `name`, not in `sub`, which is the identity's principal"),
        ("9", &google, "in `azp`, not in `sub`"),
        ("a@b", &google, "in `email`, not in `sub`, which is the service account's numeric"),
        ("8", &google, ""),
        ("x", &stranger, ""),
    ] {
        says(difference(Field::Subject, &exact(expected), claims), words, expected);
    }
}

#[test]
fn audiences() {
    let (resource, id) = TOKEN_EXCHANGE;
    for (issuer, expected, actual, words) in [
        (AWS, "octo-sts.dev", json!("https://octo-sts.dev"), "for a URL, the policy for the bare domain"),
        (AWS, "https://octo-sts.dev", json!("octo-sts.dev"), "for the bare domain"),
        (AWS, "https://octo-sts.dev/", json!(["x", "https://octo-sts.dev"]), "a slash at the end"),
        (AWS, "octo-sts.dev/", json!("octo-sts.dev"), "a slash at the end"),
        (AWS, "http://octo-sts.dev", json!("https://octo-sts.dev"), "one of them is http"),
        (AWS, "Octo-STS.dev", json!("octo-sts.dev"), "letter case"),
        (AWS, "octo-sts.dev", json!([]), "no audience"),
        (AWS, "octo-sts.dev", json!("sts.amazonaws.com"), ""),
        (AWS, "octo-sts.dev", json!(["x", "octo-sts.dev"]), ""),
        (ENTRA, "octo-sts.dev", json!(id), "never for \"octo-sts.dev\""),
        (ENTRA, resource, json!(id), "carries its id"),
        (ENTRA, id, json!(resource), "resource's name and not its id"),
        (ENTRA, "api://mine", json!(PRINCIPAL), "never for \"api://mine\""),
        (ENTRA_V1, "octo-sts.dev", json!("api://mine"), "set `audience: \"api://mine\"`"),
        (ENTRA_V1, "api://other", json!("api://mine"), ""),
        (ENTRA, PRINCIPAL, json!(id), ""),
        (GITHUB, "octo-sts.dev", json!("https://github.com/acme"), "GitHub's default one"),
        (GITHUB, "octo-sts.dev", json!("https://github.com/acme/ops"), ""),
    ] {
        let claims = claims(&json!({ "iss": issuer, "aud": actual }));
        says(difference(Field::Audience, &exact(expected), &claims), words, expected);
    }
}

#[test]
fn patterns() {
    let main = "repo:acme/ops:ref:refs/heads/main";
    for (expected, actual, words) in [
        (r"repo:acme/ops:ref:refs/heads/Main", main, "letter case"),
        ("repo:acme/ops:ref:refs/heads/main\n", main, "ends in a line break"),
        ("x.*", main, ""),
        ("refs/heads/(main|dev)", main, "matches only a part"),
        ("repo:acme/*", main, r#""repo:acme/.*" would match"#),
        ("repo:acme/op.:ref:.*", "repo:acme@1/ops@2:ref:refs/heads/main", "GitHub's older form"),
        ("repo:acme/OPS:.*", main, "letter case"),
        ("repo:acme/.*", main, ""),
    ] {
        says(
            difference(Field::Subject, &pattern(expected), &claims(&json!({ "sub": actual }))),
            words,
            expected,
        );
    }
}

#[test]
fn a_slash_in_a_pattern() {
    for (expected, actual, words) in [
        (r"https://sts\.windows\.net/[^/]+", ENTRA_V1, "slash at the end"),
        (r"https://accounts\.(google|example)\.com/", GOOGLE, "slash at the end"),
    ] {
        says(
            difference(Field::Issuer, &pattern(expected), &claims(&json!({ "iss": actual }))),
            words,
            expected,
        );
    }
}

#[test]
fn further_claims() {
    let token = claims(&json!({
        "ref": "refs/heads/main", "flag": true, "run": 7, "aws": {"account": "1"}, "Name": "x", "id": "107691503500061500000",
    }));
    for (name, expected, words) in [
        ("ref", "main", "only the end"),
        ("ref", "refs/heads/Main", "letter case"),
        ("ref", "refs/heads/main\n", "ends in a line break"),
        ("ref", "dev", ""),
        ("ref", "refs/heads/main", ""),
        ("id", r"1\.076915e\+20", "in quotes"),
        ("flag", "True", "in small letters"),
        ("flag", "false", ""),
        ("flag", "true", ""),
        ("run", "7", "the claim is a number"),
        ("aws", "1", "the claim is an object"),
        ("account", "1", "inside `aws`"),
        ("name", "x", "but `Name`"),
        ("environment", "prod", "`environment:`"),
        ("email", "a@b", "format=full"),
        ("something", "x", "no such claim"),
    ] {
        let expected = Pattern::compile(expected).unwrap();
        says(claim_difference(name, Some(&expected), &token), words, name);
    }
}

#[test]
fn a_refusal_has_the_hint_of_what_it_names() {
    let token = claims(
        &json!({"iss": "http://a", "sub": "a b", "aud": ["d", "a@b"], "run": 7, "ref": "refs/heads/main"}),
    );
    let owned = str::to_owned;
    for (refusal, words) in [
        (Refusal::Unverified, "must be text"),
        (Refusal::InvalidIssuer, "issuer is http"),
        (Refusal::InvalidSubject, "subject has white space"),
        (Refusal::InvalidAudience, "audience has a character"),
        (
            Refusal::Issuer { token: owned(GOOGLE), policy: exact("accounts.google.com") },
            "`https://` is missing",
        ),
        (Refusal::Subject { token: owned(WITH_PATH), policy: exact(ROLE) }, "/service-role/"),
        (Refusal::Audience { token: vec![owned("https://d")], policy: exact("d") }, "bare domain"),
        (Refusal::ClaimMissing(owned("environment")), "environment"),
        (Refusal::ClaimNotText(owned("run")), "a number"),
        (Refusal::Claim { name: owned("ref"), pattern: Pattern::compile("main").unwrap() }, "only the end"),
        (Refusal::Subject { token: owned("a"), policy: exact("b") }, ""),
    ] {
        says(refusal.hint(&token), words, &refusal.to_string());
    }
}
