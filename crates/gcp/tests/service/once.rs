//! `run JOB`: a Cloud Run job or a virtual machine, with the metadata server and none of a service's variables.

use gatepass_sandbox::hosts::{Child, Program};
use serde_json::{Value, json};

use crate::support::{REPOSITORY, SCHEDULED, Setup, TICK};

/// How it ended, and the last line that it wrote.
async fn run(setup: &Setup, variables: &[(&str, &str)]) -> (Option<i32>, Value) {
    let config = format!("{SCHEDULED}{TICK}").replace("ISSUER", setup.sandbox.identity.gcp.issuer().url());
    let program = Program::new(env!("CARGO_BIN_EXE_gatepass-gcp"))
        .envs(setup.sandbox.env())
        .env("GATEPASS_CONFIG", setup.file("gatepass.yaml", config))
        .env("GCE_METADATA_HOST", setup.sandbox.identity.gcp.metadata.authority())
        .arg("run")
        .arg("tick");
    let program = variables.iter().fold(program, |program, (name, value)| program.env(*name, *value));
    let child = Child::spawn(&program).unwrap();
    let code = child.exit().await.unwrap().code();
    (code, serde_json::from_str(&child.lines().last().unwrap().text).unwrap())
}

#[tokio::test]
async fn a_job_is_run_once_with_the_machines_identity() {
    let setup = Setup::new().await;
    let (code, answer) = run(&setup, &[]).await;
    assert_eq!((code, &answer["results"][0]["status"]), (Some(0), &json!("created")), "{answer}");
    assert_eq!(setup.sandbox.trace.hops_of("gcp-metadata").len(), 1);
    assert_eq!(setup.sandbox.github.issues(REPOSITORY).len(), 1);
}

/// Nothing goes through the queue, and a task that is tried again is the same event.
#[tokio::test]
async fn a_task_that_is_tried_again_does_nothing_again() {
    let setup = Setup::new().await;
    let variables = [
        ("CLOUD_RUN_EXECUTION", "nightly-x7k2p"),
        ("GATEPASS_QUEUE", "projects/acme-sandbox/topics/gatepass"),
    ];
    for status in ["created", "unchanged"] {
        let (code, answer) = run(&setup, &variables).await;
        assert_eq!((code, &answer["results"][0]["status"]), (Some(0), &json!(status)), "{answer}");
    }
}

#[tokio::test]
async fn without_a_metadata_server_it_says_what_to_set() {
    let setup = Setup::new().await;
    let (code, answer) = run(&setup, &[("GCE_METADATA_HOST", "127.0.0.1:1")]).await;
    assert_eq!(code, Some(1));
    let detail = answer["results"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("set id_token.google.service_account"), "{answer}");
}
