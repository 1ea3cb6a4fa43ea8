//! The golden rows through the built Lambda binary: by invocation, and over HTTP through a Function URL.

use gatepass_sandbox::Sandbox;
use gatepass_sandbox::golden::{self, Arrival};
use gatepass_sandbox::hosts::lambda::{Entrance, LambdaHost};
use gatepass_sandbox::hosts::process::Program;

#[tokio::test]
async fn every_row_becomes_its_event() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.admit("acme/operations", "golden", &sandbox.lambda(), &[("issues", "write")]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gatepass.yaml");
    std::fs::write(&file, golden::config(&sandbox).unwrap()).unwrap();
    let program = Program::new(env!("CARGO_BIN_EXE_gatepass-aws"))
        .envs(sandbox.identity.aws.env_lambda())
        .envs(sandbox.env())
        .envs(golden::env())
        .env("GATEPASS_CONFIG", file.to_str().unwrap());
    let host = LambdaHost::start(program, sandbox.trace.clone()).await.unwrap();
    for row in golden::rows().unwrap() {
        match row.arrival(&sandbox).unwrap() {
            Arrival::Lambda(payload) => {
                host.invoke(payload.to_string().as_bytes()).await.unwrap();
            }
            Arrival::Http(call) => {
                let answer = host.http(Entrance::FunctionUrl(None), &call).await.unwrap();
                assert_eq!(answer.status, 201, "{}: {answer:?}", row.name);
            }
            Arrival::Timer(_) | Arrival::Queue(..) => continue,
        }
        row.check(&sandbox).unwrap();
    }
}
