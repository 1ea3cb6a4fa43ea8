//! One function in one sandbox.

use gatepass_sandbox::Sandbox;
use gatepass_sandbox::hosts::lambda::LambdaHost;
use gatepass_sandbox::hosts::process::Program;
use serde_json::{Value, json};
use tempfile::TempDir;

pub const REPOSITORY: &str = "acme/operations";

/// A file with one alarm job, as the README has it.
pub const ALARM: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  alarm-to-issue:
    runs_on: [aws]
    triggers:
      - event: { source: aws.cloudwatch, type: CloudWatch Alarm State Change }
    if: event.data.detail.state.value in ["ALARM", "OK"]
    open_issue:
      key: ["{{ event.data.account }}", "{{ event.data.region }}", "{{ event.data.detail.alarmName }}"]
      state: "{{ 'closed' if event.data.detail.state.value == 'OK' else 'open' }}"
      title: "Alarm: {{ event.data.detail.alarmName }}"
      body: "{{ event.data.detail.state.reason }}"
      labels: [alarm]
      reopen_within: 7d
      max_open: 50
"#;

pub struct Function {
    pub sandbox: Sandbox,
    pub host: LambdaHost,
    _directory: TempDir,
}

impl Function {
    /// Starts the binary with `config`, admitted by the policy `alarms` in acme/operations.
    pub async fn start(config: &str) -> Self {
        Self::start_with(config, &[]).await
    }

    pub async fn start_with(config: &str, variables: &[(&str, &str)]) -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        sandbox.admit(REPOSITORY, "alarms", &sandbox.lambda(), &[("issues", "write")]).unwrap();
        Self::start_in(sandbox, config, variables).await
    }

    pub async fn start_in(sandbox: Sandbox, config: &str, variables: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("gatepass.yaml");
        std::fs::write(&file, config).unwrap();
        let mut program = Program::new(env!("CARGO_BIN_EXE_gatepass-aws"))
            .envs(sandbox.identity.aws.env_lambda())
            .envs(sandbox.env())
            .env("GATEPASS_CONFIG", file.to_str().unwrap());
        for (name, value) in variables {
            program = program.env(*name, *value);
        }
        let host = LambdaHost::start(program, sandbox.trace.clone()).await.unwrap();
        Self { sandbox, host, _directory: directory }
    }

    /// Sends an event and gives the first result.
    pub async fn send(&self, event: &Value) -> Value {
        let answer = self.host.invoke(event.to_string().as_bytes()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        answer["results"][0].clone()
    }

    pub async fn status(&self, event: &Value) -> String {
        self.send(event).await["status"].as_str().unwrap_or_default().to_owned()
    }

    /// The calls that reached GitHub since this was last asked.
    pub fn github_calls(&self) -> usize {
        let calls = self.sandbox.github.requests().len();
        self.sandbox.trace.clear();
        calls
    }
}

/// An alarm's state change, as EventBridge sends it.
pub fn alarm(id: &str, minute: u32, state: &str) -> Value {
    json!({
        "version": "0", "id": id, "detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch",
        "account": "111122223333", "region": "eu-west-1", "time": format!("2026-11-20T09:{minute:02}:00Z"),
        "resources": ["arn:aws:cloudwatch:eu-west-1:111122223333:alarm:cpu"],
        "detail": {"alarmName": "cpu", "state": {"value": state, "reason": format!("Threshold crossed at {minute}")}},
    })
}
