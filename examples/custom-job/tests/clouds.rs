//! The three programs, each run once and run again on its own cloud's identity.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot get at what it expects has failed"
)]

use gatepass_sandbox::hosts::{Child, Program};
use gatepass_sandbox::identity::Environment;
use gatepass_sandbox::{Sandbox, Workload};
use serde_json::Value;

const REPOSITORY: &str = "acme/operations";

/// Runs the job and gives its exit code and what its answer says that it did.
async fn run(program: &str, environment: &Environment, sandbox: &Sandbox) -> (Option<i32>, String) {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/gatepass.yaml");
    let program = Program::new(program)
        .arg("run")
        .arg("severity-label")
        .envs(environment.clone())
        .envs(sandbox.env())
        .env("GATEPASS_CONFIG", file);
    let child = Child::spawn(&program).unwrap();
    let code = child.exit().await.unwrap().code();
    let last = child.lines().last().map(|line| line.text.clone()).unwrap_or_default();
    let answer: Value = serde_json::from_str(&last).unwrap_or_default();
    (code, answer["results"][0]["status"].as_str().unwrap_or(&child.text()).to_owned())
}

async fn creates_once(
    program: &str,
    environment: impl Fn(&Sandbox) -> Environment,
    workload: impl Fn(&Sandbox) -> Workload,
) {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.admit(REPOSITORY, "labels", &workload(&sandbox), &[("issues", "write")]).unwrap();
    let environment = environment(&sandbox);
    assert_eq!(run(program, &environment, &sandbox).await, (Some(0), "created".into()));
    assert_eq!(run(program, &environment, &sandbox).await, (Some(0), "unchanged".into()));
    let labels = sandbox.github.labels(REPOSITORY);
    assert_eq!(labels.iter().filter(|label| label.name == "severity:high").count(), 1);
}

#[tokio::test]
async fn on_aws() {
    let program = env!("CARGO_BIN_EXE_custom-job-aws");
    creates_once(program, |sandbox| sandbox.identity.aws.env_lambda(), Sandbox::lambda).await;
}

#[tokio::test]
async fn on_google_cloud() {
    let program = env!("CARGO_BIN_EXE_custom-job-gcp");
    creates_once(program, |sandbox| sandbox.identity.gcp.env(), Sandbox::cloud_run).await;
}

#[tokio::test]
async fn on_azure() {
    let program = env!("CARGO_BIN_EXE_custom-job-azure");
    creates_once(program, |sandbox| sandbox.identity.azure.env_functions(), Sandbox::azure_function).await;
}
