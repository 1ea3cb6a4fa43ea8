//! `run JOB`: a container or a virtual machine, with IMDS and none of the Functions host's variables.

use gatepass_sandbox::hosts::{Child, Program};
use gatepass_sandbox::identity::Environment;
use serde_json::{Value, json};

use crate::support::{HOSTED, REPOSITORY, Setup, TICK};

/// How it ended, and the last line that it wrote.
async fn run(setup: &Setup, environment: Environment) -> (Option<i32>, Value) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gatepass.yaml");
    std::fs::write(&file, format!("{HOSTED}{TICK}")).unwrap();
    let program = Program::new(env!("CARGO_BIN_EXE_gatepass-azure"))
        .envs(setup.sandbox.env())
        .envs(environment)
        .env("GATEPASS_CONFIG", file.to_str().unwrap())
        .arg("run")
        .arg("tick");
    let child = Child::spawn(&program).unwrap();
    let code = child.exit().await.unwrap().code();
    (code, serde_json::from_str(&child.lines().last().unwrap().text).unwrap())
}

#[tokio::test]
async fn a_job_is_run_once_with_the_containers_identity() {
    let setup = Setup::new().await;
    let mut environment = setup.sandbox.identity.azure.env_imds();
    environment.insert("GATEPASS_QUEUE".into(), "https://acme.queue.core.windows.net/gatepass".into());
    let (code, answer) = run(&setup, environment).await;
    assert_eq!((code, &answer["results"][0]["status"]), (Some(0), &json!("created")), "{answer}");
    assert_eq!(setup.sandbox.trace.hops_of("azure-imds").len(), 1);
    assert_eq!(setup.sandbox.github.issues(REPOSITORY).len(), 1);
}

#[tokio::test]
async fn without_an_identity_it_says_what_to_assign() {
    let setup = Setup::new().await;
    let nobody = ("AZURE_POD_IDENTITY_AUTHORITY_HOST".to_owned(), "http://127.0.0.1:1".to_owned());
    let (code, answer) = run(&setup, Environment::from([nobody])).await;
    assert_eq!(code, Some(1));
    let detail = answer["results"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("assign a managed identity to this function or container"), "{answer}");
}
