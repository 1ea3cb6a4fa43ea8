//! `gatepass replay`: nothing is lost, whatever happens in the middle.

mod stand_in;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass_core::event::Event;
use gatepass_core::queue::HandOff;
use gatepass_sandbox::Sandbox;
use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::identity::Environment;
use gatepass_sandbox::pubsub::PubSub;
use gatepass_sandbox::storage_queue::StorageQueues;
use http::Method;
use jiff::Timestamp;
use serde_json::{Map, json};

use self::stand_in::Queue;
use crate::support::{Run, finish, gatepass};

const POISON: &str = "gatepass-poison";

/// Where a Storage Queue is given its messages.
const PUT: &str = "/acmestorage/gatepass/messages";

fn hand_off(number: usize) -> HandOff {
    let event = Event {
        id: format!("e-{number}"),
        source: "aws.cloudwatch".into(),
        kind: "Alarm".into(),
        time: "2026-11-20T09:17:23Z".parse().unwrap(),
        subject: None,
        attributes: Map::new(),
        data: json!({ "private": "nobody's business" }),
    };
    let not_before = Some(Timestamp::MAX);
    HandOff { job: "alarm".parse().unwrap(), repository: None, not_before, deferrals: 50, event }
}

fn text(number: usize) -> String {
    hand_off(number).encode(1 << 20).unwrap()
}

/// What came through: the numbers, each of whose hand-offs starts afresh.
fn numbers<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<usize> {
    let number = |text: &str| {
        let sent = HandOff::decode(text).unwrap();
        let number = sent.event.id.trim_start_matches("e-").parse().unwrap();
        assert_eq!(sent, HandOff { not_before: None, deferrals: 0, ..hand_off(number) });
        number
    };
    texts.into_iter().map(number).collect()
}

fn command(environment: &Environment, arguments: &[&str]) -> Command {
    let mut command = gatepass();
    command.arg("replay").args(arguments).envs(environment);
    command
}

fn replay(environment: &Environment, arguments: &[&str]) -> Run {
    let run = finish(&mut command(environment, arguments), Duration::from_secs(60));
    assert!(!run.out.contains("nobody's business") && !run.err.contains("nobody's business"));
    run
}

/// Five hand-offs among the poison of a queue of Queue Storage.
struct Poison {
    sandbox: Sandbox,
    queues: StorageQueues,
}

impl Poison {
    async fn new() -> Self {
        let sandbox = Sandbox::start().await.unwrap();
        let queues = StorageQueues::start(&sandbox.identity.azure, sandbox.trace.clone()).await.unwrap();
        queues.create("gatepass");
        for number in 0..5 {
            queues.put(POISON, STANDARD.encode(text(number)));
        }
        Self { sandbox, queues }
    }

    fn environment(&self) -> Environment {
        self.sandbox.identity.azure.env_imds()
    }

    fn replay(&self, more: &[&str]) -> Run {
        let (from, to) = (self.queues.url(POISON), self.queues.url("gatepass"));
        replay(&self.environment(), &[&["--from", &from, "--to", &to], more].concat())
    }

    /// What can be taken from the poison now.
    fn visible(&self) -> usize {
        self.queues.messages(POISON).iter().filter(|message| message.visible <= self.queues.now()).count()
    }

    fn arrived(&self) -> Vec<usize> {
        let texts: Vec<String> = self
            .queues
            .messages("gatepass")
            .iter()
            .map(|message| String::from_utf8(STANDARD.decode(&message.text).unwrap()).unwrap())
            .collect();
        numbers(texts.iter().map(String::as_str))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_is_shown_copied_and_sent() {
    let poison = Poison::new().await;
    let run = poison.replay(&["--dry-run"]).ended(0);
    assert!(
        run.out.contains("alarm · aws.cloudwatch · Alarm · 2026-11-20T09:17:23Z · e-3 · deferred 50 times"),
        "{}",
        run.out
    );
    assert!(run.out.ends_with("5 messages there\n"), "{}", run.out);
    assert_eq!((poison.visible(), poison.arrived().len()), (5, 0));

    let run = poison.replay(&["--keep", "--max", "2"]).ended(0);
    assert!(run.out.contains("2 messages sent; all are still there\nstopped at --max"), "{}", run.out);
    assert_eq!((poison.visible(), poison.arrived()), (5, vec![0, 1]));

    poison.queues.put(POISON, "no base64");
    let run = poison.replay(&[]).ended(1);
    assert!(
        run.out.contains("base64") && run.out.contains("5 messages sent, 1 failed and left where it was"),
        "{}",
        run.out
    );
    assert_eq!((poison.visible(), poison.arrived()), (1, vec![0, 1, 0, 1, 2, 3, 4]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_refuses_in_the_middle_ends_the_run_and_nothing_is_lost() {
    let poison = Poison::new().await;
    poison.queues.faults().inject(Fault::on(Method::POST, PUT).skip(2).status(403));
    let run = poison.replay(&[]).ended(1);
    assert!(run.out.contains("2 messages sent, 1 failed and left where it was"), "{}", run.out);
    assert!(
        run.out.contains("Storage Queue Data Message Sender") && run.err.contains("takes no messages now"),
        "{}",
        run.err
    );
    assert_eq!((poison.visible(), poison.arrived()), (3, vec![0, 1]));

    poison.replay(&[]).ended(0);
    assert_eq!((poison.queues.messages(POISON).len(), poison.arrived()), (0, vec![0, 1, 2, 3, 4]));
    assert!(poison.replay(&[]).ended(0).out.contains("no messages sent"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_deleted_comes_again_and_is_told() {
    let poison = Poison::new().await;
    poison.queues.faults().inject(Fault::on(Method::DELETE, "/acmestorage").skip(1).status(500));
    let run = poison.replay(&[]).ended(1);
    assert!(
        run.out.contains("5 messages sent, 1 failed") && run.out.contains("may come twice"),
        "{}",
        run.out
    );
    assert_eq!((poison.visible(), poison.arrived()), (1, vec![0, 1, 2, 3, 4]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_in_the_middle_nothing_is_lost() {
    for after_effect in [false, true] {
        let poison = Poison::new().await;
        let fault = Fault::on(Method::POST, PUT).skip(2).hang();
        let fault = if after_effect { fault.after_effect() } else { fault };
        let hanging = poison.queues.faults().inject(fault);
        let (from, to) = (poison.queues.url(POISON), poison.queues.url("gatepass"));
        let mut command = command(&poison.environment(), &["--from", &from, "--to", &to]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        hanging.hangs().await;
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(
            (poison.queues.messages(POISON).len(), poison.visible()),
            (3, 0),
            "the rest is hidden for a while"
        );

        poison.queues.advance(Duration::from_secs(301));
        poison.replay(&[]).ended(0);
        let arrived = poison.arrived();
        assert_eq!(BTreeSet::from_iter(arrived.iter().copied()), BTreeSet::from_iter(0..5));
        assert_eq!(arrived.len(), if after_effect { 6 } else { 5 }, "{arrived:?}");
        assert_eq!(poison.queues.messages(POISON).len(), 0);
    }
}

/// From `source`, which holds two hand-offs and an event with attributes, to a file.
fn to_file(environment: &Environment, source: &str, queue: &Queue, file: &str) {
    let shown = replay(environment, &["--from", source, "--dry-run"]).ended(0);
    assert!(
        shown.out.contains("an event of another queue, 11 bytes")
            && shown.out.ends_with("3 messages there\n"),
        "{}",
        shown.out
    );
    assert_eq!(queue.visible(), 3);
    let run = replay(environment, &["--from", source, "--to", file]).ended(1);
    assert!(run.out.contains("2 messages sent, 1 failed and left where it was"), "{}", run.out);
    assert!(run.out.contains("it has attributes, which would be lost"), "{}", run.out);
    assert_eq!((queue.len(), queue.visible()), (1, 1));
}

fn fill(queue: &Queue) {
    queue.put(&text(0), false);
    queue.put("{\"order\":7}", true);
    queue.put(&text(1), false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqs_to_a_file_and_from_the_file_to_sqs() {
    let sandbox = Sandbox::start().await.unwrap();
    let aws = &sandbox.identity.aws;
    let (queue, directory) = (Queue::default(), tempfile::tempdir().unwrap());
    let file = directory.path().join("letters.jsonl").display().to_string();
    let mut environment = aws.env_lambda();
    fill(&queue);
    let receiving = queue.serve_sqs(&environment).await;
    environment.insert("AWS_ENDPOINT_URL_SQS".into(), receiving.url.clone());
    to_file(&environment, "arn:aws:sqs:eu-west-1:111122223333:dead", &queue, &file);

    let arn = aws.sqs.create("gatepass");
    let environment = aws.env_lambda();
    let before = fs::read_to_string(&file).unwrap();
    let refused =
        replay(&environment, &["--from", &file, "--to", "arn:aws:sqs:eu-west-1:111122223333:other"]).ended(1);
    assert!(refused.out.contains("QueueDoesNotExist"), "{}", refused.out);
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    assert!(replay(&environment, &["--from", &file, "--to", &arn]).ended(0).out.contains("2 messages sent"));
    let bodies: Vec<String> = aws.sqs.messages(&arn).into_iter().map(|message| message.body).collect();
    assert_eq!(numbers(bodies.iter().map(String::as_str)), [0, 1]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pubsub_to_a_file_and_from_the_file_to_pubsub() {
    let sandbox = Sandbox::start().await.unwrap();
    let (queue, directory) = (Queue::default(), tempfile::tempdir().unwrap());
    let file = directory.path().join("letters.jsonl").display().to_string();
    fill(&queue);
    let pulling = queue.serve_pubsub().await;
    let host = pulling.url.trim_start_matches("http://").to_owned();
    let environment = Environment::from([("PUBSUB_EMULATOR_HOST".to_owned(), host)]);
    to_file(&environment, "projects/acme/subscriptions/dead", &queue, &file);

    let service = PubSub::start(&sandbox.identity.gcp, sandbox.trace.clone()).await.unwrap();
    service.create_topic("projects/acme/topics/gatepass");
    let mut environment = sandbox.identity.gcp.env();
    environment.extend(service.env());
    let topic = "projects/acme/topics/gatepass";
    assert!(replay(&environment, &["--from", &file, "--to", topic]).ended(0).out.contains("2 messages sent"));
    let sent: Vec<String> =
        service.messages(topic).into_iter().map(|m| String::from_utf8(m.data).unwrap()).collect();
    assert_eq!(numbers(sent.iter().map(String::as_str)), [0, 1]);
}

#[test]
fn a_place_that_cannot_be_meant_says_what_can() {
    let none = Environment::new();
    let queue = "arn:aws:sqs:eu-west-1:111122223333:dead";
    for (arguments, code, words) in [
        (&["--from", "nothing.jsonl", "--to", queue] as &[&str], 1, "nothing.jsonl cannot be read"),
        (&["--from", "arn:aws:sns:eu-west-1:111122223333:t", "--to", queue], 2, "write the queue's ARN"),
        (&["--from", queue, "--to", queue], 2, "the same place"),
        (&["--from", queue], 2, "--to <TARGET>"),
        (&["--from", "projects/p-1/topics/abc", "--dry-run"], 1, "keeps nothing; name a subscription"),
        (
            &["--from", "projects/p-1/subscriptions/a/b", "--dry-run"],
            1,
            "projects/PROJECT/subscriptions/NAME",
        ),
        (
            &["--from", "https://example.com/q", "--dry-run"],
            1,
            "https://ACCOUNT.queue.core.windows.net/QUEUE",
        ),
    ] {
        let run = replay(&none, arguments).ended(code);
        assert!(run.err.contains(words), "{words}: {}", run.err);
    }
}
