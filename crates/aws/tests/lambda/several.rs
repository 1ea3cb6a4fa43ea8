//! One job for several repositories.

use std::time::Duration;

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::github::User;
use serde_json::{Value, json};

use crate::samples::alarm;
use crate::support::{Deployment, Function};

const LISTED: &str = "
version: 1
jobs:
  tell:
    triggers: [{ event: { source: aws.cloudwatch } }]
    repositories: [acme/operations, acme/site]
    trust_policy: alarms
    open_issue: { key: [x], title: x, state: \"{{ 'closed' if event.data.detail.state.value == 'OK' else 'open' }}\" }
";

async fn results(function: &Function, event: &Value) -> Vec<Value> {
    let answer = function.host.invoke(event.to_string().as_bytes()).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    answer["results"].as_array().unwrap().clone()
}

#[tokio::test]
async fn each_repository_has_its_own_issue_and_result() {
    let deployment = Deployment::new(LISTED).await;
    let sandbox = &deployment.sandbox;
    sandbox.admit("acme/site", "alarms", &sandbox.lambda(), &[("issues", "write")]).unwrap();
    let function = deployment.start().await;
    for (id, minute, state, status, open) in
        [("e1", 1, "ALARM", "created", 1), ("e1", 1, "ALARM", "unchanged", 1), ("e2", 2, "OK", "closed", 0)]
    {
        let found = results(&function, &alarm(id, minute, state)).await;
        for (result, repository) in found.iter().zip(["acme/operations", "acme/site"]) {
            assert_eq!((&result["repository"], &result["status"]), (&json!(repository), &json!(status)));
            let issues = sandbox.github.open_issues(repository);
            let ours = issues.iter().filter(|issue| issue.author.login.starts_with("octo-sts"));
            assert_eq!(ours.count(), open, "{repository}");
        }
        assert_eq!(found.len(), 2);
    }
}

const ORGANIZATION: &str = "
version: 1
jobs:
  tell:
    triggers: [{ event: { source: aws.cloudwatch } }]
    repositories: { organization: acme, name: 's.*|widgets' }
    trust_policy: everywhere
    comment: { issue: '1', body: seen }
";

/// Admitted by the organisation's policy, to three repositories.
async fn organization(config: &str) -> Deployment {
    let deployment = Deployment::stranger(config).await;
    let github = &deployment.sandbox.github;
    github.add_repository("acme/.github").unwrap();
    let workload = deployment.sandbox.lambda();
    let policy = format!(
        "issuer: {}\nsubject: {}\naudience: {}\npermissions: {{ issues: write }}\nrepositories: [site, widgets, operations]\n",
        workload.issuer, workload.subject, workload.audience
    );
    github.put_file("acme/.github", ".github/chainguard/everywhere.sts.yaml", policy).unwrap();
    for repository in ["acme/site", "acme/operations"] {
        github.add_issue(repository, User::person("ada"), "Help", "", &[]).unwrap();
    }
    deployment
}

#[tokio::test]
async fn an_organisations_repositories_are_those_that_the_filter_takes() {
    let deployment = organization(ORGANIZATION).await;
    let github = &deployment.sandbox.github;
    let function = deployment.start().await;
    for status in ["created", "unchanged"] {
        let mut found = results(&function, &alarm("e1", 1, "ALARM")).await;
        found.sort_by_key(|result| result["repository"].to_string());
        let shown: Vec<_> = found.iter().map(|result| (&result["repository"], &result["status"])).collect();
        let status = json!(status);
        assert_eq!(shown, [(&json!("acme/site"), &status), (&json!("acme/widgets"), &status)]);
    }
    assert_eq!(function.exchanges(), 1, "one token reaches them all");
    assert_eq!(github.comments("acme/operations", 1).len(), 0);
}

/// The same with the deployment's own queue, and what it is called.
fn queued(deployment: Deployment) -> (Deployment, String) {
    let arn = deployment.sandbox.identity.aws.sqs.create("gatepass");
    (deployment.set("GATEPASS_QUEUE", &arn), arn)
}

#[tokio::test]
async fn what_no_condition_wants_is_neither_listed_nor_queued() {
    let condition = "    if: event.data.detail.state.value == 'OK'\n    trust_policy";
    for route in ["", "    delivery: direct\n"] {
        let config = ORGANIZATION.replace("    trust_policy", &format!("{route}{condition}"));
        let (deployment, arn) = queued(organization(&config).await);
        let function = deployment.start().await;
        assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "ignored");
        assert_eq!((function.exchanges(), deployment.sandbox.identity.aws.sqs.messages(&arn).len()), (0, 0));
        assert_eq!(function.status(&alarm("e2", 2, "OK")).await, "queued");
    }
    // Without a queue neither.
    let config = ORGANIZATION.replace("    trust_policy", condition);
    let function = organization(&config).await.start().await;
    assert_eq!(
        (function.status(&alarm("e1", 1, "ALARM")).await.as_str(), function.exchanges()),
        ("ignored", 0)
    );
}

#[tokio::test]
async fn an_event_for_no_repository_says_so() {
    let function = organization(&ORGANIZATION.replace("s.*|widgets", "none")).await.start().await;
    let found = results(&function, &alarm("e1", 1, "ALARM")).await;
    assert_eq!((found.len(), &found[0]["status"]), (1, &json!("ignored")));
    assert_eq!(function.outcome("e1").await["reason"], found[0]["reason"]);
}

#[tokio::test]
async fn an_event_whose_repositories_cannot_be_listed_now_waits_on_the_queue() {
    let config = ORGANIZATION.replace("    trust_policy", "    delivery: direct\n    trust_policy");
    let (deployment, arn) = queued(organization(&config).await);
    let function = deployment.start().await;
    let (sqs, github) = (&deployment.sandbox.identity.aws.sqs, &deployment.sandbox.github);
    let limited = Fault::on_any("/installation/repositories").status(403).header("retry-after", "600");
    github.faults().inject(limited);
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "queued");
    let away = sqs.invisible_for(&sqs.messages(&arn)[0]);
    assert!((570..=600).contains(&away), "{away}");
    sqs.pass(Duration::from_secs(601));
    // For another instance: this one knows that GitHub's time has not come.
    let later = deployment.start().await;
    assert!(later.poll(&arn, 10).await.unwrap().is_empty());
    assert_eq!(sqs.messages(&arn).len(), 2, "one for each repository");
    sqs.pass(Duration::from_secs(2));
    assert!(later.poll(&arn, 10).await.unwrap().is_empty());
    assert_eq!((github.comments("acme/site", 1).len(), sqs.messages(&arn).len()), (1, 0));
}

#[tokio::test]
async fn a_hand_off_for_a_repository_that_the_file_no_longer_names_is_not_done() {
    let (deployment, arn) = queued(Deployment::new(LISTED).await);
    let sandbox = &deployment.sandbox;
    sandbox.admit("acme/site", "alarms", &sandbox.lambda(), &[("issues", "write")]).unwrap();
    let function = deployment.start().await;
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "queued");
    assert!(function.poll(&arn, 10).await.unwrap().is_empty());
    sandbox.identity.aws.sqs.pass(Duration::from_secs(2));
    let fewer = deployment.with_config(LISTED.replace(", acme/site", "")).start().await;
    assert_eq!(fewer.poll(&arn, 10).await.unwrap().len(), 1);
    let log = fewer.log_until("outcome", |record| record["status"] == "invalid").await;
    let said = |record: &Value| {
        record["reason"].as_str().is_some_and(|reason| reason.contains("no longer for acme/site"))
    };
    assert!(log.iter().any(said), "{log:?}");
    let open = |repository| sandbox.github.open_issues(repository).len();
    assert_eq!((open("acme/operations"), open("acme/site")), (1, 0));
}
