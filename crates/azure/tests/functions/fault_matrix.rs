//! Every hop × every fault, as the Functions host hears it of a timer (`docs/fault-matrix.md`).

use std::time::Duration;

use gatepass_sandbox::fault_matrix::{self, Cell, Platform, Told, event_time};
use gatepass_sandbox::faults::Faults;
use gatepass_sandbox::hosts::functions::{FunctionsHost, QueueTrigger};
use gatepass_sandbox::hosts::{HttpCall, Program};
use gatepass_sandbox::http_client::LoopbackClient;
use gatepass_sandbox::identity::{Environment, Service};
use gatepass_sandbox::storage_queue::StorageQueues;
use gatepass_sandbox::{Sandbox, Workload};
use serde_json::{Value, json};
use tempfile::TempDir;

const QUEUE: &str = "gatepass";

struct Functions;

struct App {
    host: FunctionsHost,
    client: LoopbackClient,
    handler: String,
    _directory: TempDir,
}

impl Platform for Functions {
    const NAME: &'static str = "Azure Functions, a timer";
    const SECTION: &'static str = "azure";
    const QUEUED: &'static str = "queued";
    const HAS_SHORT_DEADLINES: bool = false;

    type Queue = StorageQueues;
    type Instance = App;

    fn workload(sandbox: &Sandbox) -> Workload {
        sandbox.azure_function()
    }

    fn identity(sandbox: &Sandbox) -> &Service {
        &sandbox.identity.azure.functions
    }

    fn environment(sandbox: &Sandbox, _: usize) -> Environment {
        sandbox.identity.azure.env_functions()
    }

    async fn start_queue(sandbox: &Sandbox) -> StorageQueues {
        let queues = StorageQueues::start(&sandbox.identity.azure, sandbox.trace.clone()).await.unwrap();
        queues.create(QUEUE);
        queues
    }

    fn queue<'a>(_: &'a Sandbox, queues: &'a StorageQueues) -> (&'a Faults, String, Environment) {
        let url = queues.url(QUEUE);
        let authority = url.trim_start_matches("http://").split('/').next().unwrap().to_owned();
        (queues.faults(), authority, Environment::from([("GATEPASS_QUEUE".to_owned(), url)]))
    }

    fn head(_: &Sandbox) -> String {
        "version: 1\n".into()
    }

    fn triggers(_: &Cell) -> String {
        "[{ schedule: { cron: 0 2 * * * } }]".into()
    }

    async fn start(sandbox: &Sandbox, environment: Environment, file: &str, _: Option<Duration>) -> App {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gatepass.yaml");
        std::fs::write(&path, file).unwrap();
        let program = Program::new(env!("CARGO_BIN_EXE_gatepass-azure"))
            .env("GATEPASS_CONFIG", path.to_str().unwrap())
            .envs(environment);
        let host = FunctionsHost::start(program, None, sandbox.trace.clone()).await.unwrap();
        let is_it = |text: &str| {
            serde_json::from_str(text).ok().filter(|line: &Value| line["message"] == "listening")
        };
        let line = host.child().wait_for_line(|line| is_it(&line.text).is_some()).await.unwrap();
        let handler = format!("http://127.0.0.1:{}", is_it(&line.text).unwrap()["port"]);
        App { host, client: LoopbackClient::new().unwrap(), handler, _directory: directory }
    }

    /// As the host invokes a timer, at the event's time.
    async fn deliver(app: &App, _: &Sandbox, cell: &Cell, event: u32) -> Told {
        let function = format!("{}-timer", cell.job());
        let sys = json!({ "MethodName": function, "UtcNow": event_time(event), "RandGuid": "" });
        let timer =
            json!({ "Schedule": { "AdjustForDST": true }, "ScheduleStatus": null, "IsPastDue": false });
        let body = json!({ "Data": { "timer": timer }, "Metadata": { "sys": sys } });
        let call = HttpCall::post_json(format!("/{function}"), &body)
            .header("x-azure-functions-invocationid", &format!("{}-{event}", cell.job()));
        let answer = call.send(&app.client, &app.handler).await.unwrap();
        let document = answer.json();
        if answer.status != 200 {
            return Told { shown: document["class"].as_str().unwrap().to_owned(), is_done: false };
        }
        let log = document["Logs"][0].as_str().unwrap();
        let (job, did) = log.split_once(": ").unwrap();
        assert_eq!(job, cell.job(), "{document}");
        Told { shown: did.split(' ').next().unwrap().to_owned(), is_done: true }
    }

    async fn drain(app: &App, _: &Sandbox, queues: &StorageQueues) {
        while let Some(triggered) = app.host.poll(queues, &QueueTrigger::new(QUEUE)).await {
            assert!(matches!(triggered.outcome, Some(Ok(_))), "{triggered:?}");
        }
    }
}

#[tokio::test]
async fn every_fault_of_every_hop_is_told_and_loses_and_doubles_nothing() {
    let verdicts = fault_matrix::run::<Functions>().await.unwrap();
    fault_matrix::compare::<Functions>(&verdicts).unwrap_or_else(|difference| panic!("{difference}"));
}
