//! One service in one sandbox.

use std::time::{SystemTime, UNIX_EPOCH};

use axum::http::Method;
use gatepass_sandbox::hosts::cloud_run::CloudRun;
use gatepass_sandbox::hosts::{Child, HttpAnswer, HttpCall, Program};
use gatepass_sandbox::http_client::LoopbackClient;
use gatepass_sandbox::identity::gcp::SCHEDULER;
use gatepass_sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const REPOSITORY: &str = "acme/operations";

/// What callers ask a token for.
pub(crate) const AUDIENCE: &str = "https://jobs.example.com";

/// What a stranger hears who made none of the mistakes that betray nothing.
pub(crate) const SEE_LOG: &str =
    "the log says why: compare it with the callers of this route in gatepass.yaml";

/// The start of most files, up to their jobs. `ISSUER` stands for Google's.
pub(crate) const SCHEDULED: &str = "
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
callers:
  scheduler:
    oidc: { issuer: ISSUER, audience: [https://jobs.example.com], email: scheduler@acme-sandbox.iam.gserviceaccount.com }
    may_send: [schedule, http]
jobs:
";

/// The smallest job, which Cloud Scheduler starts.
pub(crate) const TICK: &str = r#"
  tick:
    triggers: [{ schedule: { cron: "0 2 * * *", caller: scheduler } }]
    open_issue: { key: [tick], title: tick }
"#;

/// A sandbox, and what the service is to be started with.
pub(crate) struct Setup {
    pub(crate) sandbox: Sandbox,
    directory: TempDir,
    variables: Vec<(String, String)>,
}

impl Setup {
    /// The policy `ops` in acme/operations admits the service.
    pub(crate) async fn new() -> Self {
        Self::of(Options::default()).await
    }

    pub(crate) async fn of(options: Options) -> Self {
        let sandbox = Sandbox::start_with(options).await.unwrap();
        let permissions = [("issues", "write"), ("contents", "read"), ("pull_requests", "read")];
        sandbox.admit(REPOSITORY, "ops", &sandbox.cloud_run(), &permissions).unwrap();
        Self { sandbox, directory: tempfile::tempdir().unwrap(), variables: Vec::new() }
    }

    pub(crate) fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.into(), value.into()));
        self
    }

    /// Writes a file and gives its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.directory.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn program(&self, config: &str) -> Program {
        let config = config.replace("ISSUER", self.sandbox.identity.gcp.issuer().url());
        let program = Program::new(env!("CARGO_BIN_EXE_gatepass-gcp"))
            .envs(self.sandbox.identity.gcp.env())
            .envs(self.sandbox.env())
            .env("GATEPASS_CONFIG", self.file("gatepass.yaml", config));
        self.variables.iter().fold(program, |program, (name, value)| program.env(name, value))
    }

    pub(crate) async fn start(self, config: &str) -> Service {
        let program = self.program(config);
        let Self { sandbox, directory, .. } = self;
        let run = CloudRun::start(program, sandbox.trace.clone()).await.unwrap();
        Service { sandbox, run, client: LoopbackClient::new().unwrap(), _directory: directory }
    }

    /// Starts a binary that must not start, and gives what it says: a line for each problem.
    pub(crate) async fn refused(&self, config: &str) -> Vec<String> {
        let child = Child::spawn(&self.program(config)).unwrap();
        let status = child.exit().await.unwrap();
        assert_eq!(status.code(), Some(1), "{}", child.text());
        let message = |text: &str| serde_json::from_str::<Value>(text).unwrap()["message"].clone();
        child.lines().iter().map(|line| message(&line.text).as_str().unwrap().to_owned()).collect()
    }
}

pub(crate) struct Service {
    pub(crate) sandbox: Sandbox,
    pub(crate) run: CloudRun,
    pub(crate) client: LoopbackClient,
    _directory: TempDir,
}

impl Service {
    /// With the jobs `jobs`, which may name the caller `scheduler`.
    pub(crate) async fn with_jobs(jobs: &str) -> Self {
        Setup::new().await.start(&format!("{SCHEDULED}{jobs}")).await
    }

    /// Sends a request straight to the container.
    pub(crate) async fn send(&self, call: HttpCall) -> HttpAnswer {
        call.send(&self.client, self.run.url()).await.unwrap()
    }

    /// Sends these very bytes and nothing more, and gives the answer to them.
    pub(crate) async fn send_bytes(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.run.url().trim_start_matches("http://")).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        // A problem document is one object, which holds a list of objects at most: it ends with the only `}` at its end.
        while !answer.ends_with(b"}") {
            assert_ne!(
                stream.read_buf(&mut answer).await.unwrap(),
                0,
                "{}",
                String::from_utf8_lossy(&answer)
            );
        }
        String::from_utf8(answer).unwrap()
    }

    /// The same as the caller `scheduler`.
    pub(crate) async fn send_as_scheduler(&self, call: HttpCall) -> HttpAnswer {
        let token = self.sandbox.identity.gcp.mint_scheduler_token(AUDIENCE);
        self.send(bearer(call, &token)).await
    }

    /// Starts a job as the caller `scheduler`.
    pub(crate) async fn start(&self, job: &str) -> HttpAnswer {
        self.send_as_scheduler(post(&format!("/jobs/{job}"))).await
    }

    /// The claims of a token that the caller `scheduler` may send.
    pub(crate) fn claims(&self) -> Value {
        json!({ "iss": self.sandbox.identity.gcp.issuer().url(), "aud": AUDIENCE, "sub": SCHEDULER.unique_id,
                "email": SCHEDULER.email, "email_verified": true, "iat": now(), "exp": now() + 600 })
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
        let touched = ["gcp-metadata", "octo-sts", "github"].iter().any(|service| hops.contains(service));
        assert!(!touched, "{what}:\n{}", self.sandbox.trace);
    }

    /// The first log record with this message for which `wanted` holds, past or future.
    pub(crate) async fn record(&self, message: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let fits = |text: &str| Some(parse(text)).filter(|line| line["message"] == message && wanted(line));
        let line = self.run.child().wait_for_line(|line| fits(&line.text).is_some()).await.unwrap();
        parse(&line.text)
    }
}

impl Service {
    /// Asserts that whoever called is told `heard` and nothing of the file, and that the log has all `reasons`.
    pub(crate) async fn assert_unknown(&self, answer: &HttpAnswer, heard: &str, reasons: &[&str]) {
        assert_problem(answer, 401, "untrusted", &["this request is not accepted", heard]);
        let (text, id) = (answer.text(), answer.json()["correlation_id"].clone());
        let record = self.record_of(&id).await;
        let details = record["details"].as_str().unwrap_or_else(|| panic!("no details: {record}"));
        for reason in reasons {
            assert!(details.contains(reason), "{reason}: {record}");
            assert!(heard.contains(reason) || !text.contains(reason), "{reason}: {text}");
        }
    }

    /// The record of the request with this correlation id that was not taken.
    pub(crate) async fn record_of(&self, id: &Value) -> Value {
        let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let fits = |line: &Value| {
            line["correlation_id"] == *id
                && line["message"].as_str().is_some_and(|message| message.ends_with("was not taken"))
        };
        let line = self.run.child().wait_for_line(|line| fits(&parse(&line.text))).await.unwrap();
        parse(&line.text)
    }
}

pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

pub(crate) fn post(path: &str) -> HttpCall {
    HttpCall::new(Method::POST, path)
}

pub(crate) fn bearer(call: HttpCall, token: &str) -> HttpCall {
    call.header("authorization", &format!("Bearer {token}"))
}

/// The status of the first result.
pub(crate) fn status(answer: &HttpAnswer) -> String {
    answer.json()["results"][0]["status"].as_str().unwrap_or_default().to_owned()
}

/// Asserts that this is a problem document (RFC 9457) whose detail holds all `words`.
pub(crate) fn assert_problem(answer: &HttpAnswer, status: u16, class: &str, words: &[&str]) {
    let (problem, text) = (answer.json(), answer.text());
    assert_eq!((answer.status, &problem["status"]), (status, &json!(status)), "{text}");
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{text}");
    assert_eq!((&problem["class"], &problem["type"]), (&json!(class), &json!("about:blank")), "{text}");
    assert!(problem["correlation_id"].as_str().is_some_and(|id| id.len() >= 32), "{text}");
    assert_eq!(answer.header("retry-after").is_some(), status == 503, "{text}");
    for word in words {
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(word)), "{word}: {text}");
    }
}
