//! Google's own emulator of Pub/Sub: a peer that nobody here wrote.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{Method, StatusCode};
use gatepass_sandbox::faults::{Fault, Faults};
use gatepass_sandbox::hosts::HttpCall;
use gatepass_sandbox::hosts::webhook::{Signature, Webhook};
use gatepass_sandbox::http_client::LoopbackClient;
use gatepass_sandbox::identity::gcp::SCHEDULER;
use gatepass_sandbox::server::Server;
use serde_json::{Value, json};

use crate::support::{AUDIENCE, REPOSITORY, Service, Setup};

const SECRET: &str = "the webhook's secret";
const TOPIC: &str = "projects/acme-sandbox/topics/gatepass";
const SUBSCRIPTION: &str = "projects/acme-sandbox/subscriptions/gatepass";

const CONFIG: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
callers:
  pubsub:
    oidc: { issuer: ISSUER, audience: [https://jobs.example.com], email: scheduler@acme-sandbox.iam.gserviceaccount.com }
    may_send: [queue]
jobs:
  announce:
    triggers: [{ webhook: { signature: github, secrets: [{ env: WEBHOOK_SECRET }] } }]
    open_issue: { key: ["{{ event.data.tag }}"], title: "Release {{ event.data.tag }}" }
"#;

/// How long it may take until it listens.
const START: Duration = Duration::from_secs(60);

/// The emulator. Killed by its own id.
struct Emulator {
    child: Child,
    address: String,
    client: LoopbackClient,
}

impl Emulator {
    async fn start() -> Self {
        let program = std::env::var("GATEPASS_PUBSUB_EMULATOR").unwrap_or_else(|_| {
            panic!("GATEPASS_PUBSUB_EMULATOR names the emulator: run `make conformance`")
        });
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        // The program is a script that becomes Java.
        let child = Command::new(program)
            .args(["--host=127.0.0.1", &format!("--port={port}")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let emulator =
            Self { child, address: format!("127.0.0.1:{port}"), client: LoopbackClient::new().unwrap() };
        let give_up = Instant::now() + START;
        // It says nowhere that it listens, so it is asked until it does.
        while HttpCall::get("/").send(&emulator.client, &emulator.url()).await.is_err() {
            assert!(Instant::now() < give_up, "the emulator does not listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        emulator
    }

    fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    async fn put(&self, name: &str, body: &Value) {
        let call =
            HttpCall::new(Method::PUT, format!("/v1/{name}")).header("content-type", "application/json");
        let answer = call.body(body.to_string()).send(&self.client, &self.url()).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Adds what the emulator leaves out of its pushes: the token.
async fn signing(service: &Service) -> Server {
    let token = service.sandbox.identity.gcp.mint(SCHEDULER, AUDIENCE);
    let (client, base) = (service.client.clone(), service.run.url().to_owned());
    let router = Router::new().fallback(async move |request: Request| {
        let (parts, body) = request.into_parts();
        let body: Bytes = to_bytes(body, usize::MAX).await.unwrap();
        let call = HttpCall { headers: parts.headers, ..HttpCall::new(parts.method, "/events").body(body) };
        let call = call.header("authorization", &format!("Bearer {token}"));
        let answer = call.send(&client, &base).await.unwrap();
        (StatusCode::from_u16(answer.status).unwrap(), answer.body)
    });
    Server::start("push", router, Faults::new(), service.sandbox.trace.clone()).await.unwrap()
}

#[tokio::test]
#[ignore = "needs Google's emulator: run `make conformance`"]
async fn a_hand_off_goes_through_googles_own_emulator() {
    let emulator = Emulator::start().await;
    let setup = Setup::new().await.env("WEBHOOK_SECRET", SECRET).env("GATEPASS_QUEUE", TOPIC);
    let service = setup.env("PUBSUB_EMULATOR_HOST", &emulator.address).start(CONFIG).await;
    let payload = json!({"action": "published", "tag": "v1", "sender": {"login": "ada"}, "repository": {"full_name": "acme/widgets"}});
    let webhook = Webhook::new("release", &payload);
    let deliver = async || service.send(webhook.call("/hooks/announce", SECRET, Signature::Right)).await;

    let absent = deliver().await;
    assert!(absent.status == 502 && absent.text().contains("Pub/Sub answered 404"), "{}", absent.text());

    let push = signing(&service).await;
    emulator.put(TOPIC, &json!({})).await;
    let endpoint = format!("{}/events", push.url());
    let subscription =
        json!({ "topic": TOPIC, "pushConfig": { "pushEndpoint": endpoint }, "enableMessageOrdering": true });
    emulator.put(SUBSCRIPTION, &subscription).await;
    // Not done at the first push, so that the emulator must push again.
    service.sandbox.github.faults().inject(Fault::on_any("/repos/").status(502).times(3));
    assert_eq!(deliver().await.status, 202);
    service.sandbox.trace.wait_for(|hop| hop.service == "push" && hop.status == Some(503)).await.unwrap();
    service.sandbox.trace.wait_for(|hop| hop.service == "push" && hop.status == Some(201)).await.unwrap();
    assert_eq!(service.sandbox.github.issues(REPOSITORY).len(), 1);
    drop(emulator);
}
