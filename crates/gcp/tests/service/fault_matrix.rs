//! Every hop × every fault, as Eventarc and any other sender of CloudEvents hears it (`docs/fault-matrix.md`).

use std::time::Duration;

use gatepass_sandbox::fault_matrix::{self, Cell, Platform, Told, event_time};
use gatepass_sandbox::faults::Faults;
use gatepass_sandbox::hosts::cloud_run::CloudRun;
use gatepass_sandbox::hosts::{HttpCall, Program};
use gatepass_sandbox::http_client::LoopbackClient;
use gatepass_sandbox::identity::gcp::{PUBSUB_PUSHER, SCHEDULER};
use gatepass_sandbox::identity::{Environment, Service};
use gatepass_sandbox::pubsub::{PubSub, Subscription};
use gatepass_sandbox::{Sandbox, Workload};
use serde_json::json;
use tempfile::TempDir;

use crate::support::AUDIENCE;

const TOPIC: &str = "projects/acme-sandbox/topics/gatepass";
const SUBSCRIPTION: &str = "projects/acme-sandbox/subscriptions/gatepass";

struct Google;

struct Running {
    run: CloudRun,
    client: LoopbackClient,
    _directory: TempDir,
}

impl Platform for Google {
    const NAME: &'static str = "Cloud Run, called with CloudEvents";
    const SECTION: &'static str = "gcp";
    const QUEUED: &'static str = "202";
    const HAS_SHORT_DEADLINES: bool = false;

    type Queue = PubSub;
    type Instance = Running;

    fn workload(sandbox: &Sandbox) -> Workload {
        sandbox.cloud_run()
    }

    fn identity(sandbox: &Sandbox) -> &Service {
        &sandbox.identity.gcp.metadata
    }

    fn environment(sandbox: &Sandbox, _: usize) -> Environment {
        sandbox.identity.gcp.env()
    }

    async fn start_queue(sandbox: &Sandbox) -> PubSub {
        let pubsub = PubSub::start(&sandbox.identity.gcp, sandbox.trace.clone()).await.unwrap();
        pubsub.create_topic(TOPIC);
        pubsub
    }

    fn queue<'a>(_: &'a Sandbox, pubsub: &'a PubSub) -> (&'a Faults, String, Environment) {
        let mut variables = pubsub.env();
        variables.insert("GATEPASS_QUEUE".into(), TOPIC.into());
        (pubsub.faults(), pubsub.url().trim_start_matches("http://").to_owned(), variables)
    }

    fn head(sandbox: &Sandbox) -> String {
        let issuer = sandbox.identity.gcp.issuer().url();
        let caller = |name: &str, email: &str, may_send: &str| {
            format!(
                "  {name}:\n    oidc: {{ issuer: {issuer}, audience: [{AUDIENCE}], email: {email} }}\n    \
                 may_send: [{may_send}]\n"
            )
        };
        format!(
            "version: 1\ncallers:\n{}{}",
            caller("eventarc", SCHEDULER.email, "matrix"),
            caller("pubsub", PUBSUB_PUSHER.email, "queue")
        )
    }

    fn triggers(cell: &Cell) -> String {
        format!("[{{ event: {{ source: matrix, type: {} }} }}]", cell.job())
    }

    async fn start(sandbox: &Sandbox, environment: Environment, file: &str, _: Option<Duration>) -> Running {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("gatepass.yaml");
        std::fs::write(&path, file).unwrap();
        let program = Program::new(env!("CARGO_BIN_EXE_gatepass-gcp"))
            .env("GATEPASS_CONFIG", path.to_str().unwrap())
            .envs(environment);
        let run = CloudRun::start(program, sandbox.trace.clone()).await.unwrap();
        Running { run, client: LoopbackClient::new().unwrap(), _directory: directory }
    }

    async fn deliver(running: &Running, sandbox: &Sandbox, cell: &Cell, event: u32) -> Told {
        let token = sandbox.identity.gcp.mint_scheduler_token(AUDIENCE);
        let call = HttpCall::post_json("/events", &json!({}))
            .header("authorization", &format!("Bearer {token}"))
            .header("ce-specversion", "1.0")
            .header("ce-id", &format!("{}-{event}", cell.job()))
            .header("ce-source", "matrix")
            .header("ce-type", &cell.job())
            .header("ce-time", &event_time(event));
        let answer = call.send(&running.client, running.run.url()).await.unwrap();
        let minutes =
            answer.header("retry-after").map_or(0, |text| text.parse::<u64>().unwrap().div_ceil(60));
        let asked = answer.header("retry-after").filter(|text| *text != "1" && *text != "0");
        let shown = match asked {
            Some(_) => format!("{} ({minutes} min)", answer.status),
            None => answer.status.to_string(),
        };
        Told { shown, is_done: (200..300).contains(&answer.status) }
    }

    async fn drain(running: &Running, _: &Sandbox, pubsub: &PubSub) {
        // It gets what is published from now on, so what was published before is published to it once more.
        let published = pubsub.messages(TOPIC);
        pubsub.subscribe(Subscription::new(SUBSCRIPTION, TOPIC, running.run.url()).audience(AUDIENCE));
        for message in published {
            pubsub.publish(TOPIC, message.data, &[]).unwrap();
        }
        for pushed in pubsub.push(SUBSCRIPTION).await.unwrap() {
            let answer = pushed.answer;
            assert!((200..300).contains(&answer.status), "{}", answer.text());
        }
        assert_eq!(pubsub.waiting(SUBSCRIPTION), 0);
    }
}

#[tokio::test]
async fn every_fault_of_every_hop_is_told_and_loses_and_doubles_nothing() {
    let verdicts = fault_matrix::run::<Google>().await.unwrap();
    fault_matrix::compare::<Google>(&verdicts).unwrap_or_else(|difference| panic!("{difference}"));
}
