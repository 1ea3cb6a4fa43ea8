//! The golden rows through the built custom handler: a timer, a queue's message, and what the Functions host forwards.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass_sandbox::Sandbox;
use gatepass_sandbox::golden::{self, Arrival};
use gatepass_sandbox::hosts::functions::{FunctionsHost, QueueTrigger, Timer};
use gatepass_sandbox::hosts::process::Program;
use gatepass_sandbox::http_client::LoopbackClient;
use gatepass_sandbox::storage_queue::StorageQueues;

#[tokio::test]
async fn every_row_becomes_its_event() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.admit("acme/operations", "golden", &sandbox.azure_function(), &[("issues", "write")]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("gatepass.yaml");
    std::fs::write(&file, golden::config(&sandbox).unwrap()).unwrap();
    let program = Program::new(env!("CARGO_BIN_EXE_gatepass-azure"))
        .envs(sandbox.identity.azure.env_functions())
        .envs(sandbox.env())
        .envs(golden::env())
        .env("GATEPASS_CONFIG", file.to_str().unwrap());
    let host = FunctionsHost::start(program, None, sandbox.trace.clone()).await.unwrap();
    let client = LoopbackClient::new().unwrap();
    let queues = StorageQueues::start(&sandbox.identity.azure, sandbox.trace.clone()).await.unwrap();
    for row in golden::rows().unwrap() {
        match row.arrival(&sandbox).unwrap() {
            Arrival::Timer(function) => {
                host.timer(&Timer::new(function)).await.unwrap();
            }
            Arrival::Queue(queue, text) => {
                queues.put(&queue, STANDARD.encode(text));
                let triggered = host.poll(&queues, &QueueTrigger::new(queue)).await.unwrap();
                assert!(matches!(triggered.outcome, Some(Ok(_))), "{}: {triggered:?}", row.name);
            }
            Arrival::Http(mut call) => {
                call.path = format!("/api{}", call.path);
                let answer = call.send(&client, host.url()).await.unwrap();
                assert_eq!(answer.status, 201, "{}: {answer:?}", row.name);
            }
            Arrival::Lambda(_) => continue,
        }
        row.check(&sandbox).unwrap();
    }
}
