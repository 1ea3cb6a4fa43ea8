//! `gatepass token`.

use std::fs;
use std::time::Duration;

use axum::extract::Request;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gatepass_sandbox::Sandbox;
use gatepass_sandbox::identity::Environment;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::support::{Run, finish, gatepass};

/// Runs `gatepass token` in a folder without a configuration. Whatever it prints, no token is in it.
fn token(environment: &Environment, arguments: &[&str]) -> Run {
    let directory = tempfile::tempdir().unwrap();
    let mut command = gatepass();
    command.arg("token").args(arguments).envs(environment).current_dir(directory.path());
    let run = finish(&mut command, Duration::from_secs(60));
    for text in [&run.out, &run.err] {
        assert!(!text.contains("eyJ"), "a token was printed: {text}");
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text:?}");
    }
    run
}

fn jwt(claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{}", part(&json!({"alg": "RS256"})), part(claims), part(&json!({"s": "ig"})))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_cloud_is_detected_and_shows_its_claims() {
    let sandbox = Sandbox::start().await.unwrap();
    let identity = &sandbox.identity;
    for (environment, name, by, subject) in [
        (
            identity.aws.env_lambda(),
            "AWS",
            "AWS_LAMBDA_FUNCTION_NAME",
            "arn:aws:iam::111122223333:role/gatepass-function",
        ),
        (
            identity.aws.env_ecs(),
            "AWS",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            "arn:aws:iam::111122223333:role/",
        ),
        (identity.gcp.env(), "Google Cloud", "K_SERVICE", "email_verified"),
        (
            identity.azure.env_functions(),
            "Azure",
            "IDENTITY_ENDPOINT",
            "5f7b1c9e-3a52-4c0d-9d61-0b7a2f4e8c11",
        ),
    ] {
        let run = token(&environment, &[]).ended(0);
        assert!(
            run.out.starts_with(&format!("the token of {name}, detected by {by}\nexpires in ")),
            "{}",
            run.out
        );
        for words in ["iss ", "a policy matches it by issuer", "a policy matches it by subject", subject] {
            assert!(run.out.contains(words), "{words}\n{}", run.out);
        }
        assert!(run.err.is_empty(), "{}", run.err);
    }
    let run = token(&identity.aws.env_lambda(), &[]).ended(0);
    assert!(run.out.contains("never matched: "), "AWS's further claims are nested: {}", run.out);
    let run = token(&identity.azure.env_functions(), &[]).ended(0);
    assert!(run.out.contains("warning: "), "an Entra client assertion can be replayed: {}", run.out);

    let run = token(&identity.gcp.env(), &["--audience", "sts.acme.example", "--format", "json"]).ended(0);
    let document: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(document["version"], 1);
    assert_eq!((&document["source"], &document["detected_by"]), (&json!("gcp"), &json!("K_SERVICE")));
    assert_eq!(document["audience"], json!(["sts.acme.example"]));
    assert!(document["expires_in"].as_i64().unwrap() > 60, "{document}");
    let claims = document["claims"].as_array().unwrap();
    assert_eq!(claims[0]["claim"], "iss");
    assert_eq!((&claims[0]["use"], &claims[0]["detail"]), (&json!("field"), &json!("issuer")));
    assert!(!document["warnings"].as_array().unwrap().is_empty(), "another audience than Octo STS's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_workflow_shows_the_token_of_its_job() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/oidc?api-version=2.0", listener.local_addr().unwrap());
    let answer = async |request: Request| {
        let query = request.uri().query().unwrap_or_default();
        let audience = query.split("audience=").nth(1).unwrap_or_default().to_owned();
        let claims = json!({
            "iss": "https://token.actions.githubusercontent.com",
            "sub": "repo:acme@1/ops@2:ref:refs/heads/main",
            "aud": audience,
            "ref": "refs/heads/main",
            "exp": 1_000,
        });
        Json(json!({ "value": jwt(&claims) }))
    };
    let serving = tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
    let environment = Environment::from([
        ("ACTIONS_ID_TOKEN_REQUEST_URL".to_owned(), url),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN".to_owned(), "runners-own-secret".to_owned()),
    ]);
    let run = token(&environment, &[]).ended(0);
    for words in
        ["GitHub Actions", "repo:acme@1/ops@2:ref:refs/heads/main", "aud  octo-sts.dev", "expired ", " ago"]
    {
        assert!(run.out.contains(words), "{words}\n{}", run.out);
    }
    assert!(!run.out.contains("runners-own-secret"), "{}", run.out);
    serving.abort();
}

#[test]
fn where_nothing_tells_the_signs_are_listed() {
    let run = token(&Environment::new(), &[]).ended(2);
    for words in
        ["K_SERVICE", "IDENTITY_ENDPOINT", "AWS_LAMBDA_RUNTIME_API", "ACTIONS_ID_TOKEN_REQUEST_URL", "--from"]
    {
        assert!(run.err.contains(words), "{words}\n{}", run.err);
    }
    let here = Environment::from([("GITHUB_ACTIONS".to_owned(), "true".to_owned())]);
    let run = token(&here, &[]).ended(1);
    assert!(run.err.contains("this is GitHub Actions, by GITHUB_ACTIONS; "), "{}", run.err);
    assert!(run.err.contains("id-token: write"), "{}", run.err);
}

#[test]
fn a_token_as_an_argument_is_refused_and_not_shown() {
    let whole = jwt(&json!({ "iss": "https://accounts.google.com" }));
    let named = format!("--file={whole}");
    for (arguments, number) in [
        (&[whole.as_str()] as &[&str], 2),
        (&["--file", &whole], 3),
        (&[&named], 2),
        (&["--from", &whole], 3),
        (&["ghs_0123456789"], 2),
    ] {
        let run = token(&Environment::new(), arguments).ended(2);
        assert!(run.err.starts_with(&format!("error: argument {number} is a token; ")), "{}", run.err);
        assert!(!run.err.contains("ghs_") && run.out.is_empty(), "{}", run.err);
    }
}

#[test]
fn a_file_is_shown_or_what_is_wrong_with_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("token");
    let file = path.to_str().unwrap();
    let claims = json!({
        "iss": "https://cluster.example",
        "sub": "system:serviceaccount:jobs:gatepass",
        "aud": ["octo-sts.dev", "x"],
        "number": 7,
        "nested": { "a": [1, { "b": null }] },
        "esc": "\u{1b}[2J\u{9b}",
    });
    fs::write(&path, jwt(&claims)).unwrap();
    let run = token(&Environment::new(), &["--file", file]).ended(0);
    for words in
        ["the token of ", "does not say when it expires", "system:serviceaccount:jobs:gatepass", "nested"]
    {
        assert!(run.out.contains(words), "{words}\n{}", run.out);
    }
    assert_eq!(run.out.matches("never matched: ").count(), 2, "{}", run.out);
    let run = token(&Environment::new(), &["--file", file, "--format", "json"]).ended(0);
    let document: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(document["expires_in"], Value::Null);
    let esc = document["claims"].as_array().unwrap().iter().find(|it| it["claim"] == "esc").unwrap();
    assert_eq!(esc["value"], claims["esc"]);

    let whole = jwt(&claims);
    let two_parts = whole.rsplit_once('.').unwrap().0;
    let big = jwt(&json!({ "iss": "x".repeat(1024 * 1024) }));
    for text in ["", "nothing", two_parts, &big, "eyJ.eyJ.eyJ"] {
        fs::write(&path, text).unwrap();
        let run = token(&Environment::new(), &["--file", file]).ended(1);
        assert!(run.err.contains(file) && run.out.is_empty(), "{}", run.err);
    }
    let folder = directory.path().to_owned();
    for (path, words) in [(folder.join("none"), "cannot be read"), (folder, "is a directory")] {
        let run = token(&Environment::new(), &["--file", path.to_str().unwrap()]).ended(1);
        assert!(run.err.contains(words), "{}", run.err);
    }
}
