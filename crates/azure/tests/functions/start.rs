//! What keeps the handler from starting, and how it says so.

use crate::support::{HOSTED, Setup, TICK};

const PORT: (&str, &str) = ("FUNCTIONS_CUSTOMHANDLER_PORT", "0");

#[tokio::test]
async fn a_variable_that_cannot_be_used_is_named() {
    let config = format!("{HOSTED}{TICK}");
    let host = "started by the Azure Functions host, as its custom handler";
    for (variables, words) in [
        (&[][..], ["FUNCTIONS_CUSTOMHANDLER_PORT holds no port", host]),
        (&[("FUNCTIONS_CUSTOMHANDLER_PORT", "eighty")], ["FUNCTIONS_CUSTOMHANDLER_PORT holds no port", host]),
        (&[("FUNCTIONS_CUSTOMHANDLER_PORT", "70000")], ["FUNCTIONS_CUSTOMHANDLER_PORT holds no port", host]),
        (
            &[PORT, ("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://imds.example.com")],
            ["AZURE_POD_IDENTITY_AUTHORITY_HOST: `http://imds.example.com`", "is not encrypted"],
        ),
        (&[PORT, ("IDENTITY_ENDPOINT", "nonsense")], ["managed identity: ", "IDENTITY_ENDPOINT"]),
        (&[PORT, ("GATEPASS_LOG", "loud")], ["GATEPASS_LOG is `loud`", "debug or trace"]),
        (
            &[PORT, ("GATEPASS_CONFIG", "/nowhere/gatepass.yaml")],
            ["/nowhere/gatepass.yaml", "GATEPASS_CONFIG"],
        ),
    ] {
        let setup = variables.iter().fold(Setup::new().await, |setup, (name, value)| setup.env(name, value));
        let lines = setup.refused(&config).await;
        assert!(words.iter().all(|word| lines.contains(word)), "{words:?}:\n{lines}");
    }
}

#[tokio::test]
async fn a_webhook_beside_a_host_caller_is_refused() {
    let jobs = "
  order:
    triggers: [{ http: { caller: console } }]
    open_issue: { key: [order], title: order }
  hook:
    triggers: [{ webhook: { signature: github, secrets: [{ env: WEBHOOK_SECRET }] } }]
    open_issue: { key: [hook], title: hook }
";
    let setup = Setup::new().await.env(PORT.0, PORT.1).env("WEBHOOK_SECRET", "the webhook's secret");
    let lines = setup.refused(&format!("{HOSTED}{jobs}")).await;
    for words in ["callers.console.host", "a webhook opens the whole service on azure to everybody", "oidc"] {
        assert!(lines.contains(words), "{words}:\n{lines}");
    }
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_stops_the_start() {
    let config = "
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
jobs:
  hook:
    triggers: [{ webhook: { signature: github, secrets: [{ env: WEBHOOK_SECRET }, { file: /nowhere/secret }] } }]
    open_issue: { key: [hook], title: hook }
";
    let setup = Setup::new().await.env(PORT.0, PORT.1);
    let lines = setup.refused(config).await;
    assert!(lines.contains("jobs.hook: the environment variable WEBHOOK_SECRET holds no secret"), "{lines}");
    let setup = setup.env("WEBHOOK_SECRET", "the webhook's secret");
    let lines = setup.refused(config).await;
    assert!(lines.contains("jobs.hook: the secret's file /nowhere/secret cannot be read"), "{lines}");
}
