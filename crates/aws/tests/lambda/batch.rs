//! Batches of SQS messages: each is an event, and each fails by itself.

use std::time::Duration;

use gatepass_sandbox::faults::Fault;
use serde_json::{Value, json};

use crate::samples::{ISSUES, REPOSITORY};
use crate::support::{Deployment, Function};

/// A job for what is on a queue; `QUEUE` is its ARN.
const FINDINGS: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  finding:
    triggers: [{ event: { source: "QUEUE", type: sqs } }]
    open_issue:
      key: ["{{ event.data.n }}"]
      title: "Finding {{ event.data.n }} of {{ event.attributes.team }}"
"#;

async fn deployment(name: &str) -> (Deployment, String) {
    let arn = format!("arn:aws:sqs:eu-west-1:111122223333:{name}");
    let deployment = Deployment::new(FINDINGS.replace("QUEUE", &arn)).await;
    assert_eq!(deployment.sandbox.identity.aws.sqs.create(name), arn);
    (deployment, arn)
}

async fn start(name: &str) -> (Function, String) {
    let (deployment, arn) = deployment(name).await;
    (deployment.start().await, arn)
}

fn put(function: &Function, arn: &str, body: &str, group: Option<&str>) {
    let team = json!({"team": {"stringValue": "ops", "dataType": "String"}});
    function.sandbox.identity.aws.sqs.put_with(arn, body, group, &team);
}

fn left(function: &Function, arn: &str) -> Vec<String> {
    function.sandbox.identity.aws.sqs.messages(arn).into_iter().map(|message| message.body).collect()
}

#[tokio::test]
async fn only_what_fails_comes_back() {
    let (function, arn) = start("findings").await;
    for n in 0..12 {
        put(&function, &arn, &json!({ "n": n }).to_string(), None);
    }
    for bad in ["no json", "{}", ""] {
        put(&function, &arn, bad, None);
    }
    // The stand-in takes no empty message over HTTP; a sender inside AWS may leave one.
    let failed = function.poll(&arn, 20).await.unwrap();
    assert_eq!(failed, ["no json", "{}", ""]);
    assert_eq!((function.open(), left(&function, &arn)), (12, failed));
    let titles: Vec<String> =
        function.sandbox.github.open_issues(REPOSITORY).into_iter().map(|issue| issue.title).collect();
    assert!(titles.contains(&"Finding 11 of ops".to_owned()), "{titles:?}");
    let log = function.log_until("outcome", |record| record["status"] == "invalid").await;
    let why = log.iter().find(|record| record["status"] == "invalid").unwrap();
    assert!(why["reason"].as_str().unwrap().contains("event.data.n"), "{why}");
}

#[tokio::test]
async fn what_can_never_succeed_ends_among_the_dead_letters() {
    let (function, arn) = start("findings").await;
    let sqs = &function.sandbox.identity.aws.sqs;
    let dead = sqs.create_dead_letters(&arn, 3);
    put(&function, &arn, "{}", None);
    for _ in 0..3 {
        assert_eq!(function.poll(&arn, 10).await.unwrap(), ["{}"]);
        sqs.pass(Duration::from_secs(31));
    }
    assert_eq!(function.poll(&arn, 10).await, None);
    assert_eq!((sqs.messages(&arn).len(), sqs.messages(&dead).len()), (0, 1));
    assert_eq!((function.open(), function.exchanges()), (0, 0));
}

#[tokio::test]
async fn in_a_fifo_queue_nothing_overtakes_what_has_failed() {
    let (function, arn) = start("findings.fifo").await;
    for (n, group) in [(1, "a"), (2, "a"), (3, "b"), (4, "a"), (5, "b")] {
        let body = if n == 2 { json!({ "bad": n }) } else { json!({ "n": n }) };
        put(&function, &arn, &body.to_string(), Some(group));
    }
    let failed = function.poll(&arn, 10).await.unwrap();
    assert_eq!(failed, [r#"{"bad":2}"#, r#"{"n":4}"#]);
    assert_eq!((function.open(), left(&function, &arn)), (3, failed));
    assert_eq!(function.poll(&arn, 10).await, None, "the group waits for its first");
}

#[tokio::test]
async fn what_is_deferred_comes_back_when_github_asked_for_it() {
    let (deployment, arn) = deployment("findings").await;
    let function = deployment.start().await;
    let aws = &function.sandbox.identity.aws;
    let body = json!({ "n": 1 }).to_string();
    put(&function, &arn, &body, None);
    function.sandbox.github.faults().inject(Fault::on_any(ISSUES).status(403).header("retry-after", "3600"));
    assert_eq!(function.poll(&arn, 10).await.unwrap(), [body.as_str()]);
    let away = aws.sqs.invisible_for(&aws.sqs.messages(&arn)[0]);
    assert!((3500..=3600).contains(&away), "{away}");
    function.log_until("held back", |record| record["seconds"].as_u64().is_some_and(|s| s > 3500)).await;

    // Nobody can be told: it comes back after the queue's own visibility timeout.
    aws.sqs.pass(Duration::from_secs(3601));
    let denied = json!({ "__type": "com.amazonaws.sqs#AccessDenied", "message": "no" });
    aws.sqs.faults().inject(Fault::on_any("/").status(400).body(denied.to_string()));
    assert_eq!(function.poll(&arn, 10).await.unwrap(), [body.as_str()]);
    let away = aws.sqs.invisible_for(&aws.sqs.messages(&arn)[0]);
    assert!((0..=30).contains(&away), "{away}");
    let named = |record: &Value| {
        let allow = format!("allow sqs:ChangeMessageVisibility on {arn}");
        record["reason"].as_str().is_some_and(|reason| reason.contains(&allow))
    };
    function.log_until("not held back", named).await;

    // By another instance of the function: this one knows that GitHub's time has not come.
    aws.sqs.pass(Duration::from_secs(31));
    let later = deployment.start().await;
    assert!(later.poll(&arn, 10).await.unwrap().is_empty());
    assert_eq!((later.open(), left(&later, &arn).len()), (1, 0));
}

#[tokio::test]
async fn an_outage_leaves_the_queues_own_visibility_timeout() {
    let (function, arn) = start("findings").await;
    let aws = &function.sandbox.identity.aws;
    put(&function, &arn, r#"{"n":1}"#, None);
    function.sandbox.octo_sts.faults().inject(Fault::on_any("/").status(503).always());
    assert_eq!(function.poll(&arn, 10).await.unwrap().len(), 1);
    let away = aws.sqs.invisible_for(&aws.sqs.messages(&arn)[0]);
    assert!((0..=30).contains(&away), "{away}");
    assert!(function.sandbox.trace.hops_of("aws-sqs").is_empty(), "nobody has said when");
}

#[tokio::test]
async fn when_the_time_is_up_what_is_not_done_comes_back() {
    let (deployment, arn) = deployment("findings").await;
    let function = deployment.timeout(Duration::from_millis(2500)).start().await;
    for n in 0..12 {
        put(&function, &arn, &json!({ "n": n }).to_string(), None);
    }
    function.sandbox.github.faults().inject(Fault::on_any(ISSUES).hang().always());
    assert_eq!(function.poll(&arn, 20).await.unwrap().len(), 12);
    assert_eq!(left(&function, &arn).len(), 12);
    let untouched =
        |record: &Value| record["reason"].as_str().is_some_and(|reason| reason.contains("its turn"));
    function.log_until("an SQS message was not taken", untouched).await;
    function.sandbox.github.faults().clear();
    function.sandbox.identity.aws.sqs.pass(Duration::from_secs(31));
    assert!(function.poll(&arn, 20).await.unwrap().is_empty());
    assert_eq!(function.open(), 12);
}
