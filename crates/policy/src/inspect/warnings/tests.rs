//! One row for everything that speaks against a token, and tokens that nothing speaks against.

use super::*;

const NOW: i64 = 1_800_000_000;

fn found(json: &str) -> Vec<Warning> {
    warnings(&Claims::from_json(json.as_bytes()).unwrap(), "octo-sts.dev", NOW)
}

fn token(iss: &str, sub: &str, aud: &str, more: &str) -> String {
    format!(
        r#"{{"iss":"{iss}","sub":"{sub}","aud":{aud},"exp":{},"iat":{},"nbf":{}{more}}}"#,
        NOW + 300,
        NOW - 2,
        NOW - 2
    )
}

#[test]
fn a_sound_token_has_none() {
    let own = r#""octo-sts.dev""#;
    for json in [
        token(
            "https://accounts.google.com",
            "107691503500061500000",
            own,
            r#","email":"a@p.iam.gserviceaccount.com""#,
        ),
        token("https://token.actions.githubusercontent.com", "repo:o/r:ref:refs/heads/main", own, ""),
        token("https://a.example", "x", r#"["y","octo-sts.dev"]"#, ""),
        format!(
            r#"{{"iss":"https://a","sub":"x","aud":"octo-sts.dev","exp":{NOW},"nbf":{},"iat":{}}}"#,
            NOW + 300,
            NOW + 60
        ),
        format!(r#"{{"iss":"https://a","sub":"x","aud":"octo-sts.dev","exp":{}.75}}"#, NOW),
    ] {
        assert_eq!(found(&json), [], "{json}");
    }
}

#[test]
fn what_speaks_against_one_is_said() {
    let own = r#""octo-sts.dev""#;
    let exchange = format!(r#""{}""#, TOKEN_EXCHANGE.1);
    let (v2, v1) = ("https://login.microsoftonline.com/t/v2.0", "https://sts.windows.net/t/");
    let github = "https://token.actions.githubusercontent.com";
    let google = "https://accounts.google.com";
    let aws = "https://u.tokens.sts.global.api.aws";
    let times = |times: &str| format!(r#"{{"iss":"https://a","sub":"x","aud":"octo-sts.dev",{times}}}"#);
    for (json, expected) in [
        (times(&format!(r#""exp":{}"#, NOW - 1)), vec!["expired 1 seconds ago"]),
        (times(&format!(r#""exp":{}"#, NOW - 7300)), vec!["expired 2 hours ago"]),
        (times(r#""iat":1"#), vec!["no time of expiry"]),
        (times(r#""exp":"1800000300""#), vec!["no time of expiry"]),
        (times(&format!(r#""exp":{},"nbf":{}"#, NOW + 900, NOW + 301)), vec!["not valid before 5 minutes"]),
        (times(&format!(r#""exp":{},"iat":{}"#, NOW + 900, NOW + 61)), vec!["61 seconds in the future"]),
        (times(&format!(r#""exp":{},"iat":{}"#, NOW + 1_000_000, NOW)), vec!["lives for 11 days"]),
        (times(r#""exp":1e300,"iat":-1e300"#), vec!["lives for"]),
        (token("http://a", "x", own, ""), vec!["issuer is http"]),
        (token("https://a", "a b", own, ""), vec!["subject has white space"]),
        (token("https://a", "x", r#"["octo-sts.dev","a@b"]"#, ""), vec!["audience has a character"]),
        (token("https://a", "x", "[]", ""), vec!["has no audience"]),
        (token("https://a", "x", r#""https://octo-sts.dev""#, ""), vec![r#"wants "octo-sts.dev""#]),
        (token(v2, "x", &exchange, ""), vec!["a policy without `audience`", "client assertion"]),
        (token(v2, "x", r#""api://AzureADTokenExchange""#, ""), vec!["a policy without", "client assertion"]),
        (token(v1, "x", r#""api://mine""#, ""), vec!["a policy without", "version 1"]),
        (token(aws, "arn:aws:iam::123456789012:role/x", own, ""), vec!["only the role's ARN"]),
        (
            token(google, "1", own, r#","email":"1-compute@developer.gserviceaccount.com""#),
            vec!["default service account"],
        ),
        (
            token(google, "1", own, r#","email":"p@appspot.gserviceaccount.com""#),
            vec!["default service account"],
        ),
        (token(google, "1", own, ""), vec!["e-mail address"]),
        (token(github, "repo:o/r:pull_request", own, ""), vec!["for a pull request"]),
        (
            token(github, "repo:o/r:ref:refs/heads/main", own, r#","event_name":"pull_request_target""#),
            vec!["`pull_request_target`"],
        ),
    ] {
        let found = found(&json);
        assert_eq!(found.len(), expected.len(), "{json}: {found:#?}");
        for (warning, words) in found.iter().zip(expected) {
            assert!(warning.what.contains(words) && !warning.help.is_empty(), "{words}: {warning:?}");
        }
    }
}
