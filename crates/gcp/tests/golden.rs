//! The golden rows that come over HTTP, through the built Cloud Run binary.

use gatepass_sandbox::Sandbox;
use gatepass_sandbox::golden::{self, Arrival};
use gatepass_sandbox::hosts::cloud_run::CloudRun;
use gatepass_sandbox::hosts::process::Program;
use gatepass_sandbox::http_client::LoopbackClient;

#[tokio::test]
async fn every_row_becomes_its_event() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.admit("acme/operations", "golden", &sandbox.cloud_run(), &[("issues", "write")]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gatepass.yaml");
    std::fs::write(&file, golden::config(&sandbox).unwrap()).unwrap();
    let program = Program::new(env!("CARGO_BIN_EXE_gatepass-gcp"))
        .envs(sandbox.identity.gcp.env())
        .envs(sandbox.env())
        .envs(golden::env())
        .env("GATEPASS_CONFIG", file.to_str().unwrap());
    let service = CloudRun::start(program, sandbox.trace.clone()).await.unwrap();
    let client = LoopbackClient::new().unwrap();
    for row in golden::rows().unwrap() {
        let Arrival::Http(call) = row.arrival(&sandbox).unwrap() else { continue };
        let answer = call.send(&client, service.url()).await.unwrap();
        assert_eq!(answer.status, 201, "{}: {answer:?}", row.name);
        row.check(&sandbox).unwrap();
    }
}
