//! Whoever is slow is not waited for. One test, so that the waits pass side by side.

use std::time::{Duration, Instant};

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::identity::gcp::WORKLOAD;

use crate::support::{SCHEDULED, Setup, TICK, assert_problem};

const SECRET: &str = "the webhook's secret";

/// An identity endpoint has five seconds.
const PATIENCE: Duration = Duration::from_secs(9);

/// GitHub drops a webhook after ten seconds.
const GITHUB: Duration = Duration::from_secs(10);

#[tokio::test]
async fn nobody_is_waited_for_longer_than_there_is_time() {
    tokio::join!(metadata(), discovery(), impersonation(), body());
}

async fn metadata() {
    let service = Setup::new().await.start(&format!("{SCHEDULED}{TICK}")).await;
    service.sandbox.identity.gcp.metadata.faults().inject(Fault::on_any("/computeMetadata").hang());
    let started = Instant::now();
    let answer = service.start("tick").await;
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    assert_problem(&answer, 503, "deferred", &["Google's metadata server", "deliver it again"]);
    assert_eq!(service.start("tick").await.status, 201);
}

async fn discovery() {
    let service = Setup::new().await.start(&format!("{SCHEDULED}{TICK}")).await;
    let issuer = service.sandbox.identity.gcp.issuer().url().to_owned();
    service.sandbox.identity.gcp.openid.faults().inject(Fault::on_any("/google").hang());
    let started = Instant::now();
    let answer = service.start("tick").await;
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    assert_problem(&answer, 503, "deferred", &["the keys of the issuer", &issuer]);
    // Nobody waits for it a second time at once.
    let started = Instant::now();
    assert_problem(&service.start("tick").await, 503, "deferred", &["the keys of the issuer", &issuer]);
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
}

async fn impersonation() {
    let setup = Setup::new().await;
    let gcp = &setup.sandbox.identity.gcp;
    let key = setup.file("credentials.json", gcp.service_account_key_json());
    let endpoint = gcp.iam_credentials.url().to_owned();
    gcp.oauth.faults().inject(Fault::on_any("/token").hang());
    let account = WORKLOAD.email;
    let start = SCHEDULED.trim_start();
    let config = format!("id_token: {{ google: {{ service_account: {account} }} }}\n{start}{TICK}");
    let setup = setup.env("GOOGLE_APPLICATION_CREDENTIALS", key);
    let service = setup.env("CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS", endpoint).start(&config).await;
    let started = Instant::now();
    let answer = service.start("tick").await;
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    assert_problem(&answer, 503, "deferred", &["getting a Google access token"]);
    assert_eq!(service.start("tick").await.status, 201);
}

/// A webhook's body that stops in the middle is given up while GitHub still listens.
async fn body() {
    let config = "
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
jobs:
  hook:
    triggers: [{ webhook: { signature: github, secrets: [{ env: WEBHOOK_SECRET }] } }]
    open_issue: { key: [hook], title: hook }
";
    let service = Setup::new().await.env("WEBHOOK_SECRET", SECRET).start(config).await;
    let signature = "0".repeat(64);
    let half = format!(
        "POST /hooks/hook HTTP/1.1\r\nhost: jobs.example.com\r\nx-hub-signature-256: sha256={signature}\r\n\
         content-length: 1000\r\n\r\n{{\"action\":"
    );
    let started = Instant::now();
    let answer = service.send_bytes(half.as_bytes()).await;
    assert!(started.elapsed() < GITHUB, "{:?}", started.elapsed());
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("reading the body"), "{answer}");
    assert!(answer.contains("retry-after: 1"), "{answer}");
    service.assert_untouched("half a body");
}
