//! One function in one sandbox: how it is deployed, what it is sent, and what it is asked about.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use gatepass_sandbox::hosts::lambda::{FunctionError, LambdaHost};
use gatepass_sandbox::hosts::process::{Child, Line, Program, Stream};
use gatepass_sandbox::hosts::{HostError, HttpAnswer};
use gatepass_sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;

use crate::samples::REPOSITORY;

/// A function as it is configured: start it as often as you like.
pub(crate) struct Deployment {
    pub(crate) sandbox: Arc<Sandbox>,
    config: Option<Vec<u8>>,
    environment: BTreeMap<String, String>,
    timeout: Option<Duration>,
}

impl Deployment {
    /// With this file, in a sandbox of its own, admitted by the policy `alarms` in acme/operations.
    pub(crate) async fn new(config: impl AsRef<[u8]>) -> Self {
        Self::new_with(config, Options::default()).await
    }

    /// The same, with a choice about the sandbox.
    pub(crate) async fn new_with(config: impl AsRef<[u8]>, options: Options) -> Self {
        let deployment = Self::stranger_with(config, options).await;
        let sandbox = &deployment.sandbox;
        sandbox.admit(REPOSITORY, "alarms", &sandbox.lambda(), &[("issues", "write")]).unwrap();
        deployment
    }

    /// As [`Deployment::new`], admitted by no policy.
    pub(crate) async fn stranger(config: impl AsRef<[u8]>) -> Self {
        Self::stranger_with(config, Options::default()).await
    }

    async fn stranger_with(config: impl AsRef<[u8]>, options: Options) -> Self {
        let sandbox = Arc::new(Sandbox::start_with(options).await.unwrap());
        let mut environment = sandbox.identity.aws.env_lambda();
        environment.extend(sandbox.env());
        Self { sandbox, config: Some(config.as_ref().to_vec()), environment, timeout: None }
    }

    /// With another file, in the same sandbox.
    pub(crate) fn with_config(&self, config: impl AsRef<[u8]>) -> Self {
        Self {
            sandbox: Arc::clone(&self.sandbox),
            config: Some(config.as_ref().to_vec()),
            environment: self.environment.clone(),
            timeout: self.timeout,
        }
    }

    /// Without any file.
    pub(crate) fn without_config(mut self) -> Self {
        self.config = None;
        self
    }

    pub(crate) fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn set_all(mut self, variables: BTreeMap<String, String>) -> Self {
        self.environment.extend(variables);
        self
    }

    pub(crate) fn unset(mut self, names: &[&str]) -> Self {
        self.environment.retain(|name, _| !names.contains(&name.as_str()));
        self
    }

    /// How long Lambda lets an event take.
    pub(crate) fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    pub(crate) async fn start(&self) -> Function {
        let directory = tempfile::tempdir().unwrap();
        let host = self.launch(&directory).await.unwrap();
        let host = match self.timeout {
            Some(timeout) => host.with_timeout(timeout),
            None => host,
        };
        Function { sandbox: Arc::clone(&self.sandbox), host, _directory: directory }
    }

    /// What it says instead of starting, which must be log records that end with exit code 1.
    pub(crate) async fn start_error(&self) -> Vec<String> {
        let directory = tempfile::tempdir().unwrap();
        match self.launch(&directory).await {
            Err(HostError::Ended { status, output, .. }) => {
                assert_eq!(status.code(), Some(1), "{output}");
                let directory = format!("{}/", directory.path().display());
                let records: Vec<Value> = output.lines().map(|line| record(line).unwrap()).collect();
                assert!(records.iter().all(|record| record["level"] == "ERROR"), "{output}");
                let message = |record: &Value| record["message"].as_str().unwrap().replace(&directory, "");
                records.iter().map(message).collect()
            }
            Err(other) => panic!("{other}"),
            Ok(host) => panic!("it started: {}", host.child().text()),
        }
    }

    /// Runs it outside any host: its exit code, and what it says.
    pub(crate) async fn run_by_hand(&self) -> (Option<i32>, Vec<String>) {
        let directory = tempfile::tempdir().unwrap();
        let child = Child::spawn(&self.program(&directory)).unwrap();
        let status = child.exit().await.unwrap();
        let message = |line: &Line| record(&line.text).unwrap()["message"].as_str().unwrap().to_owned();
        (status.code(), child.lines().iter().map(message).collect())
    }

    /// Examines it outside any host: its exit code, and what it writes to standard output.
    pub(crate) async fn doctor(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let directory = tempfile::tempdir().unwrap();
        let program = self.program(&directory).arg("doctor");
        let program = arguments.iter().fold(program, |program, argument| program.arg(*argument));
        let child = Child::spawn(&program).unwrap();
        let status = child.exit().await.unwrap();
        assert!(child.lines().iter().all(|line| line.stream == Stream::Stdout), "{}", child.text());
        (status.code(), child.text().replace(&format!("{}/", directory.path().display()), ""))
    }

    async fn launch(&self, directory: &TempDir) -> Result<LambdaHost, HostError> {
        LambdaHost::start(self.program(directory), self.sandbox.trace.clone()).await
    }

    fn program(&self, directory: &TempDir) -> Program {
        let file = directory.path().join("gatepass.yaml");
        if let Some(config) = &self.config {
            std::fs::write(&file, config).unwrap();
        }
        Program::new(env!("CARGO_BIN_EXE_gatepass-aws"))
            .env("GATEPASS_CONFIG", file.to_str().unwrap())
            .envs(self.environment.clone())
    }
}

/// A running function. When it goes, everything it has printed must have been log records.
pub(crate) struct Function {
    pub(crate) sandbox: Arc<Sandbox>,
    pub(crate) host: LambdaHost,
    _directory: TempDir,
}

impl Function {
    /// Starts the binary with `config`, admitted by the policy `alarms` in acme/operations.
    pub(crate) async fn start(config: &str) -> Self {
        Deployment::new(config).await.start().await
    }

    /// Sends an event and gives the first result.
    pub(crate) async fn send(&self, event: &Value) -> Value {
        let answer = self.host.invoke(event.to_string().as_bytes()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{error}\n{}", self.host.child().text()));
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        answer["results"][0].clone()
    }

    pub(crate) async fn status(&self, event: &Value) -> String {
        self.send(event).await["status"].as_str().unwrap_or_default().to_owned()
    }

    /// Sends an event that must fail in this class, with these words in its message.
    pub(crate) async fn fails(&self, event: &Value, class: &str, words: &[&str]) -> FunctionError {
        self.fails_raw(event.to_string().as_bytes(), class, words).await
    }

    /// The same with any bytes.
    pub(crate) async fn fails_raw(&self, payload: &[u8], class: &str, words: &[&str]) -> FunctionError {
        let shown: String = String::from_utf8_lossy(payload).chars().take(200).collect();
        let error = match self.host.invoke(payload).await {
            Err(error) => error,
            Ok(answer) => panic!("{shown}: no error but {}", String::from_utf8_lossy(&answer)),
        };
        assert_eq!(error.error_type, class, "{shown}: {error}\n{}", self.host.child().text());
        for word in words {
            assert!(error.message.contains(word), "{shown}: {word:?} is not in {error}");
        }
        error
    }

    /// Hands the function what is visible on a queue, at most so many messages, and gives the bodies of those that it reports
    /// as failed, in the order of the queue; `None` when nothing is visible.
    pub(crate) async fn poll(&self, queue: &str, at_most: usize) -> Option<Vec<String>> {
        let sqs = &self.sandbox.identity.aws.sqs;
        let before = sqs.messages(queue);
        let answer = self.host.poll(sqs, queue, at_most).await?;
        let answer = answer.unwrap_or_else(|error| panic!("{error}\n{}", self.host.child().text()));
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        let items = answer["batchItemFailures"].as_array().unwrap();
        let ids: Vec<&str> = items.iter().map(|item| item["itemIdentifier"].as_str().unwrap()).collect();
        let failed = before.iter().filter(|message| ids.contains(&message.id.as_str()));
        let failed: Vec<String> = failed.map(|message| message.body.clone()).collect();
        assert_eq!(failed.len(), ids.len(), "{answer}");
        Some(failed)
    }

    /// All log records, at least up to the last one of those `message`s that `wanted` wants.
    pub(crate) async fn log_until(&self, message: &str, wanted: impl Fn(&Value) -> bool) -> Vec<Value> {
        let is_it =
            |line: &str| record(line).is_some_and(|record| record["message"] == message && wanted(&record));
        self.host.child().wait_for_line(|line| is_it(&line.text)).await.unwrap();
        self.host.child().lines().iter().filter_map(|line| record(&line.text)).collect()
    }

    /// The record `outcome` of the event with this id.
    pub(crate) async fn outcome(&self, event: &str) -> Value {
        let is_it = |record: &Value| record["event_id"] == event;
        let log = self.log_until("outcome", is_it).await;
        log.into_iter().rfind(|record| record["message"] == "outcome" && is_it(record)).unwrap()
    }

    /// The last record `exchange` of this job.
    pub(crate) async fn exchange(&self, job: &str) -> Value {
        let is_it = |record: &Value| record["job"] == job;
        let log = self.log_until("exchange", is_it).await;
        log.into_iter().rfind(|record| record["message"] == "exchange" && is_it(record)).unwrap()
    }

    /// How many open issues there are in the repository.
    pub(crate) fn open(&self) -> usize {
        self.sandbox.github.open_issues(REPOSITORY).len()
    }

    /// How many exchanges were asked for.
    pub(crate) fn exchanges(&self) -> usize {
        self.sandbox.octo_sts.requests().len()
    }

    /// The calls that reached GitHub since this was last asked.
    pub(crate) fn github_calls(&self) -> usize {
        let calls = self.sandbox.github.requests().len();
        self.sandbox.trace.clear();
        calls
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for line in self.host.child().lines() {
            let is_record = line.stream == Stream::Stdout && record(&line.text).is_some();
            assert!(is_record, "not a log record: {}", line.text);
        }
    }
}

/// A line of the log.
fn record(line: &str) -> Option<Value> {
    serde_json::from_str(line).ok().filter(Value::is_object)
}

/// Runs all cases at once; what one of them waits for does not hold up the others.
pub(crate) async fn at_once<F: Future<Output = ()> + Send + 'static>(cases: impl IntoIterator<Item = F>) {
    cases.into_iter().collect::<JoinSet<()>>().join_all().await;
}

/// The problem document that an HTTP caller hears: its status twice, its class, and what it says.
pub(crate) fn problem(answer: &HttpAnswer, status: u16, class: &str, words: &[&str]) {
    let document = answer.json();
    assert_eq!(answer.status, status, "{document}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    assert_eq!((&document["status"], &document["class"]), (&json!(status), &json!(class)), "{document}");
    assert!(!document["correlation_id"].as_str().unwrap().is_empty(), "{document}");
    for word in words {
        assert!(document["detail"].as_str().unwrap().contains(word), "{word:?} is not in {document}");
    }
}
