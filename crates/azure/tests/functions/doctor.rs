//! `gatepass-azure doctor`, and `POST /api/doctor` through the host, forwarded or not.

use gatepass_sandbox::Workload;
use gatepass_sandbox::github::Visibility;
use gatepass_sandbox::hosts::{Child, HttpCall};
use gatepass_sandbox::identity::azure::Assigned;
use serde_json::{Value, json};

use crate::support::{HOSTED, INVOCATION, QUEUE, REPOSITORY, Setup, TICK, assert_problem, post};

const PATH: &str = ".github/chainguard/ops.sts.yaml";
const PERMISSIONS: [(&str, &str); 1] = [("issues", "write")];

async fn healthy() -> Setup {
    let setup = Setup::new().await.with_queue();
    setup.sandbox.github.configure(REPOSITORY, |it| it.visibility = Visibility::Public).unwrap();
    setup
}

async fn examine(setup: &Setup) -> (Option<i32>, Value) {
    let program = setup.program(&format!("{HOSTED}{TICK}")).arg("doctor").arg("--json");
    let child = Child::spawn(&program).unwrap();
    let code = child.exit().await.unwrap().code();
    (code, serde_json::from_str(&child.text()).unwrap_or_else(|error| panic!("{error}\n{}", child.text())))
}

fn named(examination: &Value, state: &str) -> Vec<String> {
    let links = examination["links"].as_array().unwrap();
    let links = links.iter().filter(|link| link["state"] == state);
    links.map(|link| link["link"].as_str().unwrap().to_owned()).collect()
}

fn other(setup: Setup, change: impl FnOnce(&mut Workload)) -> Setup {
    let mut workload = setup.sandbox.azure_function();
    change(&mut workload);
    setup.sandbox.admit(REPOSITORY, "ops", &workload, &PERMISSIONS).unwrap();
    setup
}

/// What is broken, which link that is, what is said of it, and how it is broken.
type Row = (&'static str, &'static str, &'static [&'static str], fn(Setup) -> Setup);

const ROWS: &[Row] = &[
    ("no identity endpoint", "identity", &["could not be reached", "assign a managed identity"], |it| {
        it.env("IDENTITY_ENDPOINT", "http://127.0.0.1:1/msi/token")
    }),
    ("no instance metadata", "identity", &["could not be reached", "assign a managed identity"], |it| {
        it.with_imds().env("AZURE_POD_IDENTITY_AUTHORITY_HOST", "http://127.0.0.1:1")
    }),
    ("no identity is assigned", "token", &["answered 400", "check the identity that is assigned"], |it| {
        it.sandbox.identity.azure.assign(Assigned::None);
        it
    }),
    ("an identity that must be named", "token", &["answered 400", "AZURE_CLIENT_ID"], |it| {
        it.sandbox.identity.azure.assign(Assigned::User);
        it
    }),
    ("the issuer of version 1", "evaluation", &["issuer", "did not match"], |it| {
        let issuer = it.sandbox.identity.azure.issuer_v1().url().to_owned();
        other(it, |workload| workload.issuer = issuer)
    }),
    ("no audience in the policy", "evaluation", &["audience", "did not match", "octo-sts.dev"], |it| {
        other(it, |workload| workload.audience = "octo-sts.dev".into())
    }),
    ("another identity", "evaluation", &["subject", "did not match"], |it| {
        other(it, |workload| workload.subject = "00000000-0000-4000-8000-00000000beef".into())
    }),
    ("too little", "permissions", &["needed: issues: write; the policy gives: issues: read"], |it| {
        let workload = it.sandbox.azure_function();
        it.sandbox.admit(REPOSITORY, "ops", &workload, &[("issues", "read")]).unwrap();
        it
    }),
    ("the App is not installed", "exchange", &["install the Octo STS GitHub App on acme"], |it| {
        it.sandbox.github.uninstall("acme");
        it
    }),
    ("no such queue", "queue", &["QueueNotFound", "create the queue another"], |it| {
        let url = it.queues.url("another");
        it.env("GATEPASS_QUEUE", &url)
    }),
    (
        "no URL of a queue",
        "queue",
        &["GATEPASS_QUEUE", "https://ACCOUNT.queue.core.windows.net/QUEUE"],
        |it| it.env("GATEPASS_QUEUE", "gatepass"),
    ),
];

#[tokio::test]
async fn every_link_that_is_broken_is_named_and_no_other() {
    for (what, link, words, broken) in ROWS {
        let setup = broken(healthy().await);
        let (code, examination) = examine(&setup).await;
        assert_eq!(named(&examination, "wrong"), [*link], "{what}: {examination:#}");
        assert_eq!((code, &examination["healthy"]), (Some(1), &json!(false)), "{what}");
        let wrong =
            examination["links"].as_array().unwrap().iter().find(|it| it["state"] == "wrong").unwrap();
        for word in *words {
            assert!(wrong.to_string().contains(word), "{what}: {word:?} is not in {wrong:#}");
        }
        assert!(wrong["mend"].as_str().is_some_and(|mend| !mend.is_empty()), "{what}: {wrong}");
        assert!(setup.sandbox.github.tokens().iter().all(|token| token.revoked), "{what}");
        assert!(setup.queues.messages(QUEUE).is_empty(), "{what}");
    }
}

#[tokio::test]
async fn when_all_is_well_no_link_is_wrong() {
    for setup in [healthy().await, healthy().await.with_imds().with_queue()] {
        let (code, examination) = examine(&setup).await;
        assert_eq!(code, Some(0), "{examination:#}");
        assert_eq!(named(&examination, "ok").len(), 13, "{examination:#}");
        assert_eq!(named(&examination, "skipped"), ["webhook_secret"], "{examination:#}");
    }
}

#[tokio::test]
async fn a_queue_that_does_not_tell_is_doubtful() {
    let setup = healthy().await;
    setup.queues.deny(true);
    let (code, examination) = examine(&setup).await;
    assert_eq!(
        (code, named(&examination, "doubtful")),
        (Some(0), vec!["queue".to_owned()]),
        "{examination:#}"
    );
    assert!(examination.to_string().contains("Storage Queue Data Reader"), "{examination:#}");
}

#[tokio::test]
async fn a_caller_who_may_see_details_may_have_it_examined_through_the_host() {
    let config = format!("{HOSTED}{TICK}").replace("{ host: true }", "{ host: true, details: true }");
    let function = Setup::new().await.start(&config).await;
    let answer = function.call(post("/api/doctor")).await;
    assert_eq!((answer.status, &answer.json()["healthy"]), (200, &json!(true)), "{}", answer.text());

    let request = json!({ "Url": "https://acme.azurewebsites.net/api/doctor", "Method": "POST", "Headers": {}, "Body": "{\"doctor\":true}" });
    let invocation = json!({ "Data": { "req": request }, "Metadata": {} });
    let call =
        HttpCall::post_json("/all-http", &invocation).header("x-azure-functions-invocationid", INVOCATION);
    let answer = function.send(call).await.json();
    let answer = &answer["Outputs"]["res"];
    assert_eq!(
        (&answer["statusCode"], &answer["body"]["healthy"]),
        (&json!(200), &json!(true)),
        "{answer:#}"
    );

    assert_eq!(function.call_without_key(post("/api/doctor")).await.status, 401);
    function.sandbox.github.delete_file(REPOSITORY, PATH).unwrap();
    let answer = function.call(post("/api/doctor")).await;
    assert_eq!(named(&answer.json(), "wrong"), ["policy"], "{}", answer.text());
}

#[tokio::test]
async fn without_details_there_is_no_such_path() {
    let function = Setup::new().await.start(&format!("{HOSTED}{TICK}")).await;
    let answer = function.call(post("/api/doctor")).await;
    assert_problem(&answer.json(), 404, "invalid", &["there is nothing at \"/doctor\""]);
    function.assert_untouched("no such path");
}
