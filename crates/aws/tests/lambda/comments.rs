//! The action `comment`: one comment an event, whatever gets lost and whoever else is at work.

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::github::User;
use http::Method;
use serde_json::{Value, json};

use crate::samples::REPOSITORY;
use crate::support::{Deployment, Function, at_once};

const NOTE: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  note:
    triggers: [{ event: { source: notes } }]
    comment: { issue: "{{ event.data.detail.issue }}", body: "Seen: {{ event.data.detail.text }}" }
"#;

const COMMENTS: &str = "/repos/acme/operations/issues/1/comments";

fn note(id: &str, issue: impl Into<Value>) -> Value {
    json!({
        "version": "0", "id": id, "detail-type": "t", "source": "notes", "account": "1", "region": "eu-west-1",
        "time": "2026-11-20T09:00:00Z", "resources": [], "detail": {"issue": issue.into(), "text": "x"},
    })
}

/// With one issue that a person has opened.
async fn deployment() -> Deployment {
    let deployment = Deployment::new(NOTE).await;
    deployment.sandbox.github.add_issue(REPOSITORY, User::person("ada"), "Help", "", &[]).unwrap();
    deployment
}

fn bodies(function: &Function) -> Vec<String> {
    function.sandbox.github.comments(REPOSITORY, 1).into_iter().map(|comment| comment.body).collect()
}

#[tokio::test]
async fn an_event_is_commented_on_once() {
    let deployment = deployment().await;
    let (one, other) = (deployment.start().await, deployment.start().await);
    let result = one.send(&note("e1", 1)).await;
    assert_eq!(result["status"], "created");
    assert!(result["url"].as_str().unwrap().contains("/acme/operations/issues/1#issuecomment-"), "{result}");
    assert_eq!(one.github_calls(), 3, "look, comment, look again");
    for process in [&one, &other] {
        let again = process.send(&note("e1", 1)).await;
        assert_eq!((&again["status"], &again["url"]), (&json!("unchanged"), &result["url"]));
    }
    let body = bodies(&one).pop().unwrap();
    let id = body.strip_prefix("Seen: x\n\n<!-- gatepass:v1 comment job=note id=").unwrap();
    assert_eq!(id.strip_suffix(" -->").unwrap().len(), 16);
    assert_eq!(other.status(&note("e2", "1")).await, "created");
    assert_eq!(bodies(&one).len(), 2);
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_comment() {
    let say = || Fault::on(Method::POST, COMMENTS);
    let table = [
        ("5xx before", say().status(500)),
        ("5xx after", say().status(502).after_effect()),
        ("reset before", say().reset()),
        ("reset after", say().reset().after_effect()),
        ("half an answer", say().reset_mid_body().after_effect()),
        ("garbage", say().garbage().status(201).after_effect()),
        ("HTML 200", say().html().after_effect()),
    ];
    let function = deployment().await.start().await;
    for (index, (name, fault)) in table.into_iter().enumerate() {
        let injected = function.sandbox.github.faults().inject(fault);
        let event = note(&format!("e{index}"), 1);
        assert_eq!(function.status(&event).await, "created", "{name}");
        assert_eq!((injected.used(), bodies(&function).len()), (1, index + 1), "{name}");
        assert_eq!(function.status(&event).await, "unchanged", "{name}");
    }
}

#[tokio::test]
async fn a_comment_that_does_not_get_through_is_left_for_the_next_delivery() {
    let deployment = deployment().await;
    let function = deployment.start().await;
    let faults = function.sandbox.github.faults();
    let injected = faults.inject(Fault::on(Method::POST, COMMENTS).status(503).times(2));
    function.fails(&note("e1", 1), "deferred", &["commenting on #1", "deliver it again"]).await;
    assert_eq!((injected.used(), bodies(&function).len()), (2, 0));
    // Killed between the comment and the look after it.
    let hanging = faults.inject(Fault::on(Method::POST, COMMENTS).after_effect().hang());
    let event = note("e1", 1);
    let killing = async {
        hanging.hangs().await;
        function.host.child().kill().await
    };
    tokio::join!(function.fails(&event, "Runtime.ExitError", &[]), killing);
    let next = deployment.start().await;
    assert_eq!(next.status(&event).await, "unchanged");
    assert_eq!(bodies(&next).len(), 1);
}

#[tokio::test]
async fn deliveries_at_the_same_time_come_to_rest_at_one_comment() {
    let deployment = deployment().await;
    let (one, other) = (deployment.start().await, deployment.start().await);
    for round in 0..8 {
        let late = Fault::on_any(COMMENTS).skip(round % 4).delay(std::time::Duration::from_millis(10));
        deployment.sandbox.github.faults().inject(late);
        let event = note(&format!("e{round}"), 1);
        tokio::join!(one.status(&event), other.status(&event));
        deployment.sandbox.github.faults().clear();
        assert_eq!(one.status(&event).await, "unchanged");
        assert_eq!(bodies(&one).len(), round + 1, "{}", deployment.sandbox.trace);
    }
}

#[tokio::test]
async fn of_several_the_oldest_stays() {
    let deployment = deployment().await;
    let (one, other) = (deployment.start().await, deployment.start().await);
    // Both looked before either had written.
    let looks = Fault::on(Method::GET, COMMENTS).times(2).body("[]");
    deployment.sandbox.github.faults().inject(looks);
    let event = note("e1", 1);
    one.status(&event).await;
    let first = deployment.sandbox.github.comments(REPOSITORY, 1)[0].id;
    // The first look after it saw nothing either.
    assert_eq!(other.status(&event).await, "unchanged");
    deployment.sandbox.github.faults().inject(Fault::on(Method::GET, COMMENTS).body("[]"));
    assert_eq!(other.status(&event).await, "created", "it is told as made, and is the one that was there");
    let ids: Vec<u64> = one.sandbox.github.comments(REPOSITORY, 1).iter().map(|comment| comment.id).collect();
    assert_eq!(ids, [first]);
}

#[tokio::test]
async fn a_marker_that_somebody_else_wrote_or_that_is_quoted_counts_for_nothing() {
    let deployment = deployment().await;
    let github = &deployment.sandbox.github;
    let function = deployment.start().await;
    function.status(&note("e1", 1)).await;
    let body = bodies(&function).pop().unwrap();
    let id = body.rsplit_once("id=").unwrap().1.to_owned();
    github.comment_as_person(REPOSITORY, 1, &body.replace(&id, "0000000000000000 -->")).unwrap();
    let marker = body.lines().last().unwrap().to_owned();
    github.comment_as_person(REPOSITORY, 1, &marker).unwrap();
    assert_eq!(function.status(&note("e1", 1)).await, "unchanged");
    assert_eq!(function.status(&note("e2", 1)).await, "created");
    assert_eq!(bodies(&function).len(), 4, "theirs stay");
}

#[tokio::test]
async fn two_deployments_on_one_repository_each_make_their_own() {
    let deployment = deployment().await;
    for (namespace, status) in
        [("", "created"), ("one", "created"), ("other", "created"), ("one", "unchanged")]
    {
        let config = format!("{NOTE}namespace: '{namespace}'\n");
        let function = deployment.with_config(config).start().await;
        assert_eq!(function.status(&note("e1", 1)).await, status, "{namespace}");
    }
    assert_eq!(deployment.sandbox.github.comments(REPOSITORY, 1).len(), 3);
}

#[tokio::test]
async fn what_cannot_be_commented_on_is_told() {
    let deployment = deployment().await;
    let function = deployment.start().await;
    for wrong in [json!(0), json!(-1), json!("#1"), json!("one"), json!(1.5), json!(""), json!(null)] {
        let words = ["comment.issue gave", "the number of an issue"];
        function.fails(&note("e1", wrong), "invalid", &words).await;
    }
    assert_eq!(function.github_calls(), 0, "none of them costs anything");
    function.fails(&note("e1", 7), "refused", &["#7 of acme/operations", "not there"]).await;
    deployment.sandbox.github.configure(REPOSITORY, |repository| repository.has_issues = false).unwrap();
    function.fails(&note("e1", 1), "refused", &["switched off or gone"]).await;
}

#[tokio::test]
async fn a_dry_run_looks_and_says_what_it_would_do() {
    let deployment = deployment().await.set("GATEPASS_DRY_RUN", "1");
    let function = deployment.start().await;
    for _ in 0..2 {
        let result = function.send(&note("e1", 1)).await;
        assert_eq!((&result["status"], &result["dry_run"]), (&json!("created"), &json!(true)));
    }
    assert_eq!(function.sandbox.github.writes().len(), 0);
}

#[tokio::test]
async fn what_cannot_be_meant_stops_the_start() {
    let table = [
        (NOTE.replace("\"{{ event.data.detail.issue }}\"", "first"), "comment.issue", "not the number"),
        (NOTE.replace("\"{{ event.data.detail.issue }}\"", "'0'"), "comment.issue", "not the number"),
        (NOTE.replace("{{ event.data.detail.text }}", "{{ text }}"), "comment.body", "`text` is not defined"),
        (NOTE.replace("issue: \"{{ event.data.detail.issue }}\", ", ""), "comment", "issue"),
    ];
    at_once(table.map(|(config, place, words)| async move {
        let said = Deployment::new(&config).await.start_error().await.join("\n");
        assert!(said.contains(place) && said.contains(words), "{place} {words}: {said}");
    }))
    .await;
}
