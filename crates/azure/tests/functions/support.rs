//! One function app in one sandbox.

use axum::http::Method;
use gatepass_sandbox::Sandbox;
use gatepass_sandbox::hosts::functions::{
    FunctionsHost, InvocationFailure, Invoked, QueueTrigger, Timer, Triggered,
};
use gatepass_sandbox::hosts::{Child, HttpAnswer, HttpCall, Program};
use gatepass_sandbox::http_client::LoopbackClient;
use gatepass_sandbox::identity::Environment;
use gatepass_sandbox::storage_queue::StorageQueues;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const REPOSITORY: &str = "acme/operations";

/// The function key that the host asks for.
pub(crate) const KEY: &str = "a-function-key";

/// The deployment's own queue, where it has one.
pub(crate) const QUEUE: &str = "gatepass";

/// The id of invocations that are not the sandbox's own host's.
pub(crate) const INVOCATION: &str = "5f0c2a1e-0000-4000-8000-00000000cafe";

/// The start of most files, up to their jobs.
pub(crate) const HOSTED: &str = "
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
callers: { console: { host: true } }
jobs:
";

/// The smallest job, which a timer starts.
pub(crate) const TICK: &str = r#"
  tick:
    triggers: [{ schedule: { cron: "0 2 * * *" } }]
    open_issue: { key: [tick], title: tick }
"#;

/// A sandbox, and what the function is to be started with.
pub(crate) struct Setup {
    pub(crate) sandbox: Sandbox,
    pub(crate) queues: StorageQueues,
    directory: TempDir,
    environment: Environment,
}

impl Setup {
    /// The policy `ops` in acme/operations admits the function, whose identity is the Functions endpoint's.
    pub(crate) async fn new() -> Self {
        let setup = Self::unadmitted().await;
        let sandbox = &setup.sandbox;
        let permissions = [("issues", "write"), ("contents", "read")];
        sandbox.admit(REPOSITORY, "ops", &sandbox.azure_function(), &permissions).unwrap();
        setup
    }

    /// Nothing admits the function yet.
    pub(crate) async fn unadmitted() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let environment = sandbox.identity.azure.env_functions();
        let queues = StorageQueues::start(&sandbox.identity.azure, sandbox.trace.clone()).await.unwrap();
        Self { sandbox, queues, directory: tempfile::tempdir().unwrap(), environment }
    }

    /// A container without the Functions endpoint: only the instance metadata service.
    pub(crate) fn with_imds(mut self) -> Self {
        self.environment = self.sandbox.identity.azure.env_imds();
        self
    }

    /// With [`QUEUE`] as the deployment's own.
    pub(crate) fn with_queue(self) -> Self {
        self.queues.create(QUEUE);
        let url = self.queues.url(QUEUE);
        self.env("GATEPASS_QUEUE", &url)
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    pub(crate) fn program(&self, config: &str) -> Program {
        let file = self.directory.path().join("gatepass.yaml");
        std::fs::write(&file, config).unwrap();
        Program::new(env!("CARGO_BIN_EXE_gatepass-azure"))
            .envs(self.sandbox.env())
            .env("GATEPASS_CONFIG", file.to_str().unwrap())
            .envs(self.environment.clone())
    }

    pub(crate) async fn start(self, config: &str) -> Function {
        let program = self.program(config);
        let Self { sandbox, queues, directory, .. } = self;
        let host =
            FunctionsHost::start(program.clone(), Some(KEY.into()), sandbox.trace.clone()).await.unwrap();
        sandbox.trace.clear();
        Function {
            sandbox,
            queues,
            program,
            host,
            client: LoopbackClient::new().unwrap(),
            _directory: directory,
        }
    }

    /// Starts a binary that must not start, and gives what it says: a line for each problem.
    pub(crate) async fn refused(&self, config: &str) -> String {
        let child = Child::spawn(&self.program(config)).unwrap();
        let status = child.exit().await.unwrap();
        assert_eq!(status.code(), Some(1), "{}", child.text());
        let message = |text: &str| serde_json::from_str::<Value>(text).unwrap()["message"].clone();
        let lines = child.lines();
        let lines = lines.iter().map(|line| message(&line.text).as_str().unwrap().to_owned() + "\n");
        lines.collect()
    }
}

pub(crate) struct Function {
    pub(crate) sandbox: Sandbox,
    pub(crate) queues: StorageQueues,
    program: Program,
    pub(crate) host: FunctionsHost,
    pub(crate) client: LoopbackClient,
    _directory: TempDir,
}

impl Function {
    /// Ends the handler and starts it again, as when there was nothing to do for a while: what it knew is forgotten.
    pub(crate) async fn restart(&mut self) {
        let trace = self.sandbox.trace.clone();
        self.host = FunctionsHost::start(self.program.clone(), Some(KEY.into()), trace).await.unwrap();
    }

    /// Invokes the timer of a job.
    pub(crate) async fn tick(&self, job: &str) -> Result<Invoked, InvocationFailure> {
        self.host.timer(&Timer::new(format!("{job}-timer"))).await
    }

    /// Invokes the timer of a job that is to fail, and gives the status and the problem document.
    pub(crate) async fn failed_tick(&self, job: &str) -> (u16, Value) {
        match self.tick(job).await {
            Err(InvocationFailure::Status { status, body }) => (status, serde_json::from_str(&body).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    /// Lets the host look once at a queue; `None` when nothing can be seen there.
    pub(crate) async fn poll(&self, queue: &str) -> Option<Triggered> {
        self.host.poll(&self.queues, &QueueTrigger::new(queue)).await
    }

    /// Calls an HTTP function through the host, with the function key.
    pub(crate) async fn call(&self, call: HttpCall) -> HttpAnswer {
        self.call_without_key(call.header("x-functions-key", KEY)).await
    }

    pub(crate) async fn call_without_key(&self, call: HttpCall) -> HttpAnswer {
        call.send(&self.client, self.host.url()).await.unwrap()
    }

    /// Sends a request straight to the handler, as the host would.
    pub(crate) async fn send(&self, call: HttpCall) -> HttpAnswer {
        let call = call.header("x-azure-functions-invocationid", INVOCATION);
        let port = self.record("listening", |_| true).await["port"].as_u64().unwrap();
        call.send(&self.client, &format!("http://127.0.0.1:{port}")).await.unwrap()
    }

    /// The stand-ins that were asked, each once, in the order of their first answers.
    pub(crate) fn hops(&self) -> Vec<&'static str> {
        let mut services = Vec::new();
        for hop in self.sandbox.trace.hops() {
            if !services.contains(&hop.service) {
                services.push(hop.service);
            }
        }
        services
    }

    /// No identity was asked for, no token exchanged, and nothing done on GitHub.
    pub(crate) fn assert_untouched(&self, what: &str) {
        let hops = self.hops();
        let touched = ["azure-identity", "azure-imds", "octo-sts", "github"];
        assert!(!touched.iter().any(|service| hops.contains(service)), "{what}:\n{}", self.sandbox.trace);
    }

    /// The first log record with this message for which `wanted` holds, past or future.
    pub(crate) async fn record(&self, message: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let fits = |text: &str| Some(parse(text)).filter(|line| line["message"] == message && wanted(line));
        let line = self.host.child().wait_for_line(|line| fits(&line.text).is_some()).await.unwrap();
        parse(&line.text)
    }
}

pub(crate) fn post(path: &str) -> HttpCall {
    // Forwarding loses a body without a length.
    HttpCall::new(Method::POST, path).header("content-length", "0")
}

/// The first result.
pub(crate) fn result(answer: &HttpAnswer) -> Value {
    answer.json()["results"][0].clone()
}

/// Asserts that this is a problem document (RFC 9457) whose detail holds all `words`.
pub(crate) fn assert_problem(problem: &Value, status: u16, class: &str, words: &[&str]) {
    assert_eq!((&problem["status"], &problem["class"]), (&json!(status), &json!(class)), "{problem}");
    assert!(problem["correlation_id"].as_str().is_some_and(|id| id.len() >= 32), "{problem}");
    for word in words {
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(word)), "{word}: {problem}");
    }
}
