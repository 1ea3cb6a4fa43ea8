//! `gatepass send` to the built programs, each under its host.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use gatepass_sandbox::hosts::cloud_run::CloudRun;
use gatepass_sandbox::hosts::functions::FunctionsHost;
use gatepass_sandbox::hosts::lambda::LambdaHost;
use gatepass_sandbox::hosts::{Child, Program};
use gatepass_sandbox::identity::Environment;
use gatepass_sandbox::{Sandbox, Workload};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::support::{Run, finish, gatepass, programs, run};

const SECRET: &str = "whsec_bm90IGEgc2VjcmV0IGF0IGFsbA==";

const FILE: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
callers:
  robot:
    oidc: { issuer: ISSUER, audience: [https://jobs.example.com], email: scheduler@acme-sandbox.iam.gserviceaccount.com }
    may_send:
      - schedule
      - http
      - google.monitoring
      - azure.monitor
      - projects/acme-prod/subscriptions/gatepass-findings
      - //storage.googleapis.com/projects/_/buckets/acme-reports
      - BLOBS
jobs:
  hook:
    triggers: [{ webhook: { signature: github, secrets: [{ env: HOOK_SECRET }] } }]
    open_issue: ISSUE
  standard:
    triggers: [{ webhook: { signature: standard_webhooks, secrets: [{ env: HOOK_SECRET }] } }]
    open_issue: ISSUE
  mine:
    triggers: [{ webhook: { signature: { hmac: { header: X-Mine, prefix: "v1=", encoding: base64 } }, secrets: [{ env: HOOK_SECRET }] } }]
    open_issue: ISSUE
  tick:
    triggers: [{ schedule: { cron: "0 2 * * *", caller: robot } }]
    open_issue: ISSUE
  call:
    triggers: [{ http: { caller: robot } }]
    open_issue: ISSUE
  events:
    triggers:
      - event: { source: google.monitoring }
      - event: { source: azure.monitor }
      - event: { source: projects/acme-prod/subscriptions/gatepass-findings }
      - event: { source: //storage.googleapis.com/projects/_/buckets/acme-reports }
      - event: { source: BLOBS }
    open_issue: ISSUE
  alarms:
    runs_on: [aws]
    triggers:
      - event: { source: aws.cloudwatch }
      - event: { source: "arn:aws:sqs:eu-west-1:111122223333:findings" }
    open_issue: ISSUE
  queued:
    runs_on: [azure]
    triggers: [{ event: { source: findings, type: azure.queue } }]
    open_issue: ISSUE
"#;

const BLOBS: &str = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/exports/providers/Microsoft.Storage/storageAccounts/acmeexports";

/// A sandbox that lets one workload in, and a file for it.
struct Place {
    sandbox: Sandbox,
    directory: TempDir,
}

impl Place {
    async fn new(workload: impl Fn(&Sandbox) -> Workload) -> Self {
        programs();
        let sandbox = Sandbox::start().await.unwrap();
        sandbox.admit("acme/operations", "ops", &workload(&sandbox), &[("issues", "write")]).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let file = FILE
            .replace("ISSUER", sandbox.identity.gcp.issuer().url())
            .replace("ISSUE", r#"{ key: ["{{ event.id }}"], title: "{{ event.source }} {{ event.type }}", max_open: 1000 }"#)
            .replace("BLOBS", BLOBS);
        fs::write(directory.path().join("gatepass.yaml"), file).unwrap();
        Self { sandbox, directory }
    }

    /// A program with this in its environment and what every one needs.
    fn program(&self, name: &str, environment: Environment) -> Program {
        let path = Path::new(env!("CARGO_BIN_EXE_gatepass")).parent().unwrap().join(name);
        let file = self.directory.path().join("gatepass.yaml");
        Program::new(path)
            .envs(environment)
            .envs(self.sandbox.env())
            .env("HOOK_SECRET", SECRET)
            .env("GATEPASS_CONFIG", file.to_str().unwrap())
    }

    /// Sends from where the file is, with a token of the caller at hand.
    fn send(&self, arguments: &[&str]) -> Run {
        let token = self.sandbox.identity.gcp.mint_scheduler_token("https://jobs.example.com");
        let mut command = gatepass();
        command.arg("send").args(arguments).current_dir(self.directory.path());
        let run = finish(command.env("TOKEN", token).env("HOOK_SECRET", SECRET), Duration::from_secs(60));
        let printed = format!("{}{}", run.out, run.err);
        for secret in [SECRET, "eyJ", "v1=", "sha256="] {
            assert!(!printed.contains(secret), "{secret} was printed");
        }
        run
    }

    /// The titles of the issues that were opened since the last time.
    fn titles(&self) -> Vec<String> {
        self.sandbox.github.issues("acme/operations").into_iter().map(|issue| issue.title).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_over_http_reaches_a_service_and_its_job() {
    let place = Place::new(Sandbox::cloud_run).await;
    let program = place.program("gatepass-gcp", place.sandbox.identity.gcp.env());
    let service = CloudRun::start(program, place.sandbox.trace.clone()).await.unwrap();
    let url = service.url().to_owned();
    for (kind, job, title) in [
        ("github-release", "hook", "github.com/acme/widgets com.github.release.published"),
        ("github-push", "hook", "github.com/acme/widgets com.github.push"),
        ("github-issue", "hook", "github.com/acme/widgets com.github.issues.opened"),
        ("standard-webhook", "standard", "standard invoice.paid"),
        ("hmac-webhook", "mine", "mine webhook"),
        ("schedule", "tick", "gatepass.schedule schedule"),
        ("http", "call", "robot http"),
        (
            "cloudevent",
            "events",
            "//storage.googleapis.com/projects/_/buckets/acme-reports google.cloud.storage.object.v1.finalized",
        ),
        ("cloudevent-structured", "events", "//storage.googleapis.com"),
        ("cloudevent-batch", "events", "//storage.googleapis.com"),
        ("event-grid", "events", "storageAccounts/acmeexports Microsoft.Storage.BlobCreated"),
        ("pubsub", "events", "projects/acme-prod/subscriptions/gatepass-findings pubsub"),
        ("pubsub-incident", "events", "google.monitoring incident"),
        ("azure-alert", "events", "azure.monitor alert"),
    ] {
        let before = place.titles().len();
        let run = place.send(&[kind, "--to", &url, "--token-env", "TOKEN"]).ended(0);
        assert!(run.out.starts_with(&format!("{kind} → {url}/")), "{}", run.out);
        assert!(
            run.out.contains("201 Created") && run.out.contains(&format!("   {job} created http://")),
            "{}",
            run.out
        );
        let titles = place.titles();
        let new = titles.iter().filter(|known| known.contains(title)).count();
        assert!(titles.len() == before + 1 && new > 0, "{kind}: {titles:?}");
    }

    // Every one is an event of its own, unless it is said otherwise.
    let again = ["pubsub", "--to", &url, "--token-env", "TOKEN", "--set", "message.messageId=\"7\""];
    for (status, line) in [("created", "201 Created"), ("unchanged", "200 OK")] {
        let run = place.send(&again).ended(0);
        assert!(
            run.out.contains(line) && run.out.contains(&format!("   events {status} http://")),
            "{}",
            run.out
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_accepted_ends_with_1_and_says_why() {
    let place = Place::new(Sandbox::cloud_run).await;
    let program = place.program("gatepass-gcp", place.sandbox.identity.gcp.env());
    let service = CloudRun::start(program, place.sandbox.trace.clone()).await.unwrap();
    let url = service.url().to_owned();
    fs::write(place.directory.path().join("wrong"), "another\n").unwrap();
    fs::write(place.directory.path().join("event.json"), "[]").unwrap();
    for (arguments, words) in [
        (&["github-push", "--secret-file", "wrong"] as &[&str], "untrusted"),
        (&["http"], "401 Unauthorized"),
        (&["schedule", "--token-file", "wrong"], "untrusted"),
        (&["github-push", "--file", "event.json"], "422"),
        (
            &["pubsub", "--token-env", "TOKEN", "--set", "message.messageId=7"],
            "   invalid\n   the message of Pub/Sub",
        ),
        (&["cloudevent-structured", "--token-env", "TOKEN", "--set", "source=elsewhere"], "403 Forbidden"),
    ] {
        let run = place.send(&[arguments, &["--to", &url]].concat()).ended(1);
        assert!(run.out.contains(words), "{words}: {}", run.out);
    }
    assert!(place.titles().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_lambda_reaches_a_function_and_its_job() {
    let place = Place::new(Sandbox::lambda).await;
    let program = place.program("gatepass-aws", place.sandbox.identity.aws.env_lambda());
    let lambda = Arc::new(LambdaHost::start(program, place.sandbox.trace.clone()).await.unwrap());
    // As an emulator has it.
    let invoke = move |body: Bytes| {
        let lambda = Arc::clone(&lambda);
        async move {
            lambda.invoke(&body).await.unwrap_or_else(|error| {
                json!({ "errorType": error.error_type, "errorMessage": error.message })
                    .to_string()
                    .into_bytes()
            })
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().route("/2015-03-31/functions/function/invocations", post(invoke));
    let emulator = tokio::spawn(async move { axum::serve(listener, router).await });
    let bearer = ["--token-env", "TOKEN"];
    for (kind, more, words, title) in [
        (
            "alarm",
            &[] as &[&str],
            "   alarms created http://",
            "aws.cloudwatch CloudWatch Alarm State Change",
        ),
        ("alarm-action", &[], "   alarms created http://", "aws.cloudwatch CloudWatch Alarm Action"),
        ("sns", &[], "   alarms created http://", "aws.cloudwatch CloudWatch Alarm Notification"),
        ("sqs", &[], "accepted; nothing failed", "arn:aws:sqs:eu-west-1:111122223333:findings sqs"),
        ("call", &[], "   tick created http://", "gatepass.schedule schedule"),
        ("function-url", &bearer, "   call created http://", "robot http"),
        ("api-gateway", &bearer, "   call created http://", "robot http"),
        ("load-balancer", &bearer, "   call created http://", "robot http"),
    ] {
        let run = place.send(&[&[kind, "--to", &url], more].concat()).ended(0);
        assert!(run.out.contains(words), "{kind}: {}", run.out);
        assert!(place.titles().iter().any(|known| known == title), "{kind}: {:?}", place.titles());
    }
    let run = place.send(&["load-balancer", "--to", &url]).ended(1);
    assert!(run.out.contains("401 Unauthorized") && run.out.contains("untrusted"), "{}", run.out);
    let run = place.send(&["alarm", "--to", &url, "--set", "time=noon"]).ended(1);
    assert!(run.out.contains("RFC 3339"), "{}", run.out);
    emulator.abort();
}

/// Where the custom handler listens, as it says itself.
fn port(child: &Child) -> u64 {
    let lines = child.lines();
    let records = lines.iter().filter_map(|line| serde_json::from_str::<Value>(&line.text).ok());
    records.filter_map(|record| record["port"].as_u64()).next().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timer_and_a_queue_reach_a_custom_handler() {
    let place = Place::new(Sandbox::azure_function).await;
    let program = place.program("gatepass-azure", place.sandbox.identity.azure.env_functions());
    let host = FunctionsHost::start(program, None, place.sandbox.trace.clone()).await.unwrap();
    let handler = format!("http://127.0.0.1:{}", port(host.child()));

    let run = place.send(&["timer", "--to", &handler]).ended(0);
    assert!(run.out.contains("   tick created http://"), "{}", run.out);
    let run = place.send(&["queue", "--to", &handler, "--queue", "findings"]).ended(0);
    assert!(
        run.out.contains("/findings-queue") && run.out.contains("   queued created http://"),
        "{}",
        run.out
    );
    let run = place.send(&["http", "--to", &format!("{}/api", host.url()), "--token-env", "TOKEN"]).ended(0);
    assert!(run.out.contains("/api/jobs/call\n201 Created"), "{}", run.out);
    assert_eq!(place.titles().len(), 3);
    // What no job asks for is accepted all the same.
    let run = place.send(&["queue", "--to", &handler, "--queue", "orders"]).ended(0);
    assert!(run.out.contains("accepted; nothing failed"), "{}", run.out);
}

#[test]
fn the_list_has_every_sample_and_says_what_cannot_be_sent() {
    let run = run(&["send", "--list"]).ended(0);
    for line in [
        "  github-release         GitHub's webhook",
        "  sqs                    two messages",
        "a key that only AWS has",
    ] {
        assert!(run.out.contains(line), "{line}\n{}", run.out);
    }
    assert_eq!(run.out.lines().filter(|line| line.starts_with("  ")).count(), 24);
}

#[test]
fn a_command_that_cannot_be_meant_says_what_can() {
    let directory = tempfile::tempdir().unwrap();
    let file = FILE
        .replace("ISSUER", "https://idp.example.com")
        .replace("ISSUE", "{ key: [a], title: a }")
        .replace("BLOBS", BLOBS);
    fs::write(directory.path().join("gatepass.yaml"), file).unwrap();
    let to = "http://127.0.0.1:1";
    for (arguments, words) in [
        (&["release", "--to", to] as &[&str], "did you mean github-release?"),
        (&["nothing", "--to", to], "--list` shows all"),
        (&["http"], "--to <URL>"),
        (&["sns", "--to", "http://127.0.0.1:1/events"], "a key that only AWS has"),
        (&["http", "--to", "http://jobs.example.com"], "write https"),
        (
            &["http", "--to", to, "--job", "nothing"],
            "there is no job nothing in gatepass.yaml; it has alarms, call, events",
        ),
        (&["http", "--to", to, "--config", "other.yaml"], "other.yaml"),
        (&["github-push", "--to", to], "--secret-env NAME"),
        (&["hmac-webhook", "--to", to, "--job", "hook", "--secret-env", "S"], "in another way"),
        (&["github-push", "--to", to, "--secret-env", "NOT_SET"], "NOT_SET"),
        (&["http", "--to", to, "--set", "x"], "PATH=VALUE"),
        (&["http", "--to", to], "is the program running there?"),
    ] {
        let mut command = gatepass();
        command.arg("send").args(arguments).current_dir(directory.path()).env("S", "s");
        let run = finish(&mut command, Duration::from_secs(60));
        assert!(
            matches!(run.code, Some(1 | 2)) && run.err.contains(words),
            "{words}: {}{}",
            run.out,
            run.err
        );
    }
    // Without a file, nobody knows the job.
    let run =
        crate::support::run_in(tempfile::tempdir().unwrap().path(), &["send", "http", "--to", to]).ended(2);
    assert!(run.err.contains("--job NAME"), "{}", run.err);
}
