//! Every hop × every fault, as async Lambda hears it (`docs/fault-matrix.md`).

use std::time::Duration;

use gatepass_sandbox::fault_matrix::{self, Cell, Platform, Told, event_time};
use gatepass_sandbox::faults::Faults;
use gatepass_sandbox::hosts::lambda::{FunctionError, LambdaHost};
use gatepass_sandbox::hosts::process::Program;
use gatepass_sandbox::identity::{Environment, Service};
use gatepass_sandbox::{Sandbox, Workload};
use serde_json::{Value, json};
use tempfile::TempDir;

struct Lambda;

struct Function {
    host: LambdaHost,
    _directory: TempDir,
}

/// The error's type, or what the first job did.
fn told(outcome: Result<Vec<u8>, FunctionError>) -> Told {
    match outcome {
        Ok(answer) => {
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            let status = answer["results"][0]["status"].as_str().unwrap_or("nothing");
            Told { shown: status.to_owned(), is_done: true }
        }
        Err(error) => Told { shown: error.error_type, is_done: false },
    }
}

impl Platform for Lambda {
    const NAME: &'static str = "AWS Lambda, invoked by EventBridge";
    const SECTION: &'static str = "aws";
    const QUEUED: &'static str = "queued";
    const HAS_SHORT_DEADLINES: bool = true;

    /// The queue's ARN.
    type Queue = String;
    type Instance = Function;

    fn workload(sandbox: &Sandbox) -> Workload {
        sandbox.lambda()
    }

    fn identity(sandbox: &Sandbox) -> &Service {
        &sandbox.identity.aws.sts
    }

    fn environment(sandbox: &Sandbox, at_once: usize) -> Environment {
        let mut environment = sandbox.identity.aws.env_lambda();
        environment.insert("AWS_LAMBDA_MAX_CONCURRENCY".into(), at_once.to_string());
        environment
    }

    async fn start_queue(sandbox: &Sandbox) -> String {
        sandbox.identity.aws.sqs.create("gatepass")
    }

    fn queue<'a>(sandbox: &'a Sandbox, queue: &'a String) -> (&'a Faults, String, Environment) {
        let sqs = &sandbox.identity.aws.sqs;
        let variables = Environment::from([("GATEPASS_QUEUE".to_owned(), queue.clone())]);
        (sqs.faults(), sqs.url().trim_start_matches("http://").to_owned(), variables)
    }

    fn head(_: &Sandbox) -> String {
        "version: 1\n".into()
    }

    fn triggers(cell: &Cell) -> String {
        format!("[{{ event: {{ source: matrix, type: {} }} }}]", cell.job())
    }

    async fn start(
        sandbox: &Sandbox,
        environment: Environment,
        file: &str,
        patience: Option<Duration>,
    ) -> Function {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gatepass.yaml");
        std::fs::write(&path, file).unwrap();
        let program = Program::new(env!("CARGO_BIN_EXE_gatepass-aws"))
            .env("GATEPASS_CONFIG", path.to_str().unwrap())
            .envs(environment);
        let host = LambdaHost::start(program, sandbox.trace.clone()).await.unwrap();
        let host = match patience {
            Some(patience) => host.with_timeout(patience),
            None => host,
        };
        Function { host, _directory: directory }
    }

    async fn deliver(function: &Function, _: &Sandbox, cell: &Cell, event: u32) -> Told {
        let event = json!({
            "version": "0", "id": format!("{}-{event}", cell.job()), "detail-type": cell.job(), "source": "matrix",
            "account": "111122223333", "region": "eu-west-1", "time": event_time(event), "resources": [],
            "detail": {},
        });
        told(function.host.invoke(event.to_string().as_bytes()).await)
    }

    async fn drain(function: &Function, sandbox: &Sandbox, queue: &String) {
        while let Some(outcome) = function.host.poll(&sandbox.identity.aws.sqs, queue, 10).await {
            let answer: Value = serde_json::from_slice(&outcome.unwrap()).unwrap();
            assert_eq!(answer["batchItemFailures"], json!([]), "{}", function.host.child().text());
        }
    }
}

#[tokio::test]
async fn every_fault_of_every_hop_is_told_and_loses_and_doubles_nothing() {
    let verdicts = fault_matrix::run::<Lambda>().await.unwrap();
    fault_matrix::compare::<Lambda>(&verdicts).unwrap_or_else(|difference| panic!("{difference}"));
}
