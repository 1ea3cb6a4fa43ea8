//! The built Lambda binary under AWS's own Runtime Interface Emulator: a peer that nobody here wrote.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a failed test")]

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gatepass_sandbox::Sandbox;
use gatepass_sandbox::http_client::LoopbackClient;
use serde_json::{Value, json};

const CONFIG: &str = r#"
version: 1
jobs:
  alarm-to-issue:
    runs_on: [aws]
    repository: acme/operations
    trust_policy: alarms
    triggers: [{ event: { source: aws.cloudwatch } }]
    open_issue: { key: ["{{ event.data.detail.alarmName }}"], title: "Alarm: {{ event.data.detail.alarmName }}" }
"#;

/// The emulator and, inside it, the function. Killed by its own id.
struct Emulator {
    child: Child,
    address: String,
}

impl Emulator {
    fn start(sandbox: &Sandbox, directory: &Path) -> Self {
        let emulator =
            std::env::var("GATEPASS_RIE").expect("GATEPASS_RIE names the emulator: run `make conformance`");
        let config = directory.join("gatepass.yaml");
        std::fs::write(&config, CONFIG).unwrap();
        let (address, api) = (free_address(), free_address());
        let child = Command::new(emulator)
            .env_clear()
            .envs(sandbox.identity.aws.env_lambda())
            .envs(sandbox.env())
            .env("GATEPASS_CONFIG", config)
            .env("AWS_LAMBDA_FUNCTION_NAME", "gatepass")
            .env("AWS_LAMBDA_FUNCTION_TIMEOUT", "10")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .args(["--log-level", "error", "--runtime-interface-emulator-address", &address])
            .args(["--runtime-api-address", &api, env!("CARGO_BIN_EXE_gatepass-aws")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { child, address }
    }

    /// The emulator takes one invocation at a time, and answers errors with 200 too.
    async fn invoke(&self, payload: &Value) -> Value {
        let client = LoopbackClient::new().unwrap();
        let url = format!("http://{}/2015-03-31/functions/function/invocations", self.address);
        let give_up = Instant::now() + Duration::from_secs(20);
        loop {
            let request = client.request(http::Method::POST, &url).unwrap();
            match request.body(payload.to_string()).send().await {
                Ok(answer) => return serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap(),
                // It says nowhere that it listens, so the first call knocks until it does.
                Err(error) if error.is_connect() && Instant::now() < give_up => {
                    tokio::task::yield_now().await
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

fn alarm(id: &str, minute: u32) -> Value {
    json!({
        "id": id, "detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch",
        "time": format!("2026-11-20T09:{minute:02}:00Z"), "detail": {"alarmName": "cpu"},
    })
}

#[tokio::test]
#[ignore = "needs AWS's emulator: run `make conformance`"]
async fn the_function_answers_under_awss_own_emulator() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.admit("acme/operations", "alarms", &sandbox.lambda(), &[("issues", "write")]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let emulator = Emulator::start(&sandbox, directory.path());

    let created = emulator.invoke(&alarm("e1", 1)).await;
    assert_eq!(created["results"][0]["status"], "created", "{created}");
    let updated = emulator.invoke(&alarm("e2", 2)).await;
    assert_eq!(updated["results"][0]["status"], "updated", "{updated}");
    assert_eq!(sandbox.github.open_issues("acme/operations").len(), 1);

    let health = json!({
        "version": "2.0", "rawPath": "/health", "rawQueryString": "", "headers": {}, "isBase64Encoded": false,
        "requestContext": {"requestId": "r", "http": {"method": "GET", "path": "/health"}},
    });
    let health = emulator.invoke(&health).await;
    assert_eq!(health["statusCode"], 200, "{health}");

    let failed = emulator.invoke(&json!(null)).await;
    assert_eq!(failed["errorType"], "invalid", "{failed}");
    assert!(failed["errorMessage"].as_str().unwrap().contains("null"), "{failed}");
}
