//! What keeps the service from starting, and how it says so.

use std::net::{Ipv4Addr, TcpListener};

use crate::support::{SCHEDULED, Setup, TICK};

/// Asserts that the service does not start with this file and variable, and that one line says all `words`.
async fn assert_refused(config: &str, variable: Option<(&str, &str)>, words: &[&str]) {
    let setup = Setup::new().await;
    let setup = match variable {
        Some((name, value)) => setup.env(name, value),
        None => setup,
    };
    let lines = setup.refused(config).await;
    let fits = |line: &String| words.iter().all(|word| line.contains(word));
    assert!(lines.iter().any(fits), "{words:?}:\n{}", lines.join("\n"));
}

#[tokio::test]
async fn a_variable_that_cannot_be_used_is_named() {
    let config = format!("{SCHEDULED}{TICK}");
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
    let taken = listener.local_addr().unwrap().port().to_string();
    for (name, value, words) in [
        ("PORT", "eighty", "PORT is `eighty`, which is no port"),
        ("PORT", "70000", "PORT is `70000`, which is no port"),
        ("PORT", "-1", "PORT is `-1`, which is no port"),
        ("PORT", " 8080", "PORT is ` 8080`, which is no port"),
        ("PORT", &taken, "PORT cannot be listened on"),
        ("GATEPASS_CONFIG", "/nowhere/gatepass.yaml", "/nowhere/gatepass.yaml"),
        (
            "GATEPASS_STS_URL",
            "http://sts.example.com",
            "GATEPASS_STS_URL: `http://sts.example.com` is not encrypted",
        ),
        (
            "GATEPASS_GITHUB_API_URL",
            "api.github.com",
            "GATEPASS_GITHUB_API_URL: `api.github.com` is not a URL",
        ),
        (
            "GATEPASS_EXTRA_CA_CERTS",
            "/nowhere/ca.pem",
            "GATEPASS_EXTRA_CA_CERTS: /nowhere/ca.pem cannot be read",
        ),
        ("GATEPASS_LOG", "loud", "GATEPASS_LOG is `loud`: write off, error, warn, info, debug or trace"),
    ] {
        assert_refused(&config, Some((name, value)), &[words]).await;
    }
}

#[tokio::test]
async fn a_file_that_would_open_the_service_is_refused() {
    let hook = "
  hook:
    triggers: [{ webhook: { signature: github, secrets: [{ env: WEBHOOK_SECRET }] } }]
    open_issue: { key: [hook], title: hook }
";
    let host_beside = format!(
        "version: 1
defaults: {{ repository: acme/operations, trust_policy: ops }}
callers: {{ console: {{ host: true }} }}
jobs:
  order:
    triggers: [{{ http: {{ caller: console }} }}]
    open_issue: {{ key: [order], title: order }}
{hook}"
    );
    let secret = Some(("WEBHOOK_SECRET", "a secret that is set"));
    let words = [
        "callers.console.host",
        "a webhook opens the whole service on gcp to everybody",
        "verify this caller with oidc",
    ];
    assert_refused(&host_beside, secret, &words).await;

    let no_caller = TICK.replace(", caller: scheduler", "");
    let words = [
        "jobs.tick.triggers[0].schedule",
        "no caller: on gcp a schedule knocks over HTTP",
        "add caller: NAME",
    ];
    assert_refused(&format!("{SCHEDULED}{no_caller}"), None, &words).await;

    let unpinned = SCHEDULED.replace(", email: scheduler@acme-sandbox.iam.gserviceaccount.com", "");
    let words = [
        "callers.scheduler.oidc",
        "anybody with a token of this issuer could call",
        "add email: or subject:",
    ];
    assert_refused(&format!("{unpinned}{TICK}"), None, &words).await;

    let passed_on = SCHEDULED.replace("https://jobs.example.com", "octo-sts.dev");
    let words = ["callers.scheduler.oidc.audience[0]", "`octo-sts.dev` is the audience of Octo STS"];
    assert_refused(&format!("{passed_on}{TICK}"), None, &words).await;

    let may_not = SCHEDULED.replace("[schedule, http]", "[http]");
    let words =
        ["the caller `scheduler` may not send schedule", "add schedule to callers.scheduler.may_send"];
    assert_refused(&format!("{may_not}{TICK}"), None, &words).await;

    let misspelt = TICK.replace("caller: scheduler", "caller: sheduler");
    let words = ["there is no caller `sheduler`", "did you mean `scheduler`?"];
    assert_refused(&format!("{SCHEDULED}{misspelt}"), None, &words).await;
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_stops_the_start() {
    let setup = Setup::new().await.env("EMPTY_SECRET", "");
    let empty = setup.file("empty", "\n");
    let hook = |name: &str, secret: &str| {
        format!(
            "  {name}:
    triggers: [{{ webhook: {{ signature: github, secrets: [{{ env: GOOD_SECRET }}, {{ {secret} }}] }} }}]
    open_issue: {{ key: [x], title: x }}
"
        )
    };
    let jobs = [
        hook("one", "env: WEBHOOK_SECRET"),
        hook("two", "env: EMPTY_SECRET"),
        hook("three", "file: /nowhere/secret"),
        hook("four", &format!("file: {empty}")),
    ]
    .concat();
    let setup = setup.env("GOOD_SECRET", "a secret that is set");
    let lines = setup.refused(&format!("{SCHEDULED}{jobs}")).await;
    for words in [
        "jobs.one: the environment variable WEBHOOK_SECRET holds no secret: set it for this function",
        "jobs.two: the environment variable EMPTY_SECRET holds no secret",
        "jobs.three: the secret's file /nowhere/secret cannot be read",
        &format!("jobs.four: the secret's file {empty} is empty"),
    ] {
        assert!(lines.iter().any(|line| line.contains(words)), "{words}:\n{}", lines.join("\n"));
    }
}

#[tokio::test]
async fn an_identity_that_is_misspelt_is_named() {
    let start = SCHEDULED.trim_start();
    for account in
        ["gatepass", "gatepass@", "@acme.iam.gserviceaccount.com", "a/b@acme.iam.gserviceaccount.com"]
    {
        let config = format!("id_token: {{ google: {{ service_account: '{account}' }} }}\n{start}{TICK}");
        let words = ["id_token.google.service_account", account, "jobs@project.iam.gserviceaccount.com"];
        assert_refused(&config, None, &words).await;
    }
    let config =
        format!("id_token: {{ google: {{ service_account: a@b.iam.gserviceaccount.com }} }}\n{start}{TICK}");
    let name = "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS";
    assert_refused(&config, Some((name, "http://iam.example.com")), &[name, "is not encrypted"]).await;
}

#[tokio::test]
async fn every_problem_of_a_file_is_told_at_once() {
    let config =
        format!("{SCHEDULED}{TICK}").replace("title: tick", "titel: tick").replace("0 2 * * *", "0 25 * * *");
    let lines = Setup::new().await.refused(&config).await;
    let all = lines.join("\n");
    for words in ["titel", "title", "`25` is no hour", "gatepass.yaml:"] {
        assert!(all.contains(words), "{words}:\n{all}");
    }
    for (content, words) in [
        (&b""[..], "is empty"),
        (b"version: 1\njobs: {}\n", "there is no job"),
        (b"- 1\n", "1:1"),
        (b"version: 1\n\xff\xfe: x\n", "is not UTF-8 (line 2)"),
        (&[b' '; 1024 * 1024 + 1], "is larger than 1 MiB"),
    ] {
        let setup = Setup::new().await;
        let file = setup.file("other.yaml", content);
        let lines = setup.env("GATEPASS_CONFIG", file).refused("").await.join("\n");
        assert!(lines.contains(words) && lines.contains("other.yaml"), "{words}:\n{lines}");
    }
}
