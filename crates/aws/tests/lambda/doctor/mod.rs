//! `gatepass-aws doctor`, and the invocation `{"doctor": true}`: each link of the chain is broken in turn, and that link is
//! named, and no other.

mod rows;

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::github::Visibility;
use gatepass_sandbox::identity::aws::Refusal;
use serde_json::{Value, json};

use self::rows::{CONFIG, LINKS, ROWS, admit, healthy};
use crate::samples::REPOSITORY;
use crate::support::{Deployment, at_once};

fn named(examination: &Value, state: &str) -> Vec<String> {
    let links = examination["links"].as_array().unwrap();
    let links = links.iter().filter(|link| link["state"] == state);
    links.map(|link| link["link"].as_str().unwrap().to_owned()).collect()
}

/// Nothing was written on GitHub, and no token is left.
fn is_untouched(deployment: &Deployment, what: &str) {
    let github = &deployment.sandbox.github;
    let mut writes = github.writes();
    // Where it stands in the place of Octo STS, it refuses.
    writes.retain(|hop| hop.status.is_none_or(|status| status < 400));
    assert!(writes.iter().all(|hop| hop.path == "/installation/token"), "{what}: {writes:?}");
    assert!(deployment.sandbox.identity.aws.sqs.messages("gatepass").is_empty(), "{what}");
    let alive = github.tokens().iter().filter(|token| !token.revoked).count();
    let is_deaf = [
        "GitHub out of reach",
        "another service in GitHub's place",
        "GitHub's pages in place of its API",
        "no calls left",
    ]
    .contains(&what);
    assert_eq!(alive > 0, is_deaf, "{what}");
}

#[tokio::test]
async fn every_link_that_is_broken_is_named_and_no_other() {
    let first: Vec<&str> = ROWS.iter().map(|(_, link, ..)| *link).collect();
    assert!(LINKS.iter().all(|link| first.contains(link)), "a link is never broken");
    at_once(ROWS.iter().map(|(what, link, words, broken)| async move {
        let deployment = broken(healthy().await);
        let (code, text) = deployment.doctor(&["--json"]).await;
        let examination: Value =
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{what}: {error}\n{text}"));
        assert_eq!(named(&examination, "wrong"), [*link], "{what}: {examination:#}");
        assert_eq!((code, &examination["healthy"]), (Some(1), &json!(false)), "{what}");
        let wrong =
            examination["links"].as_array().unwrap().iter().find(|it| it["state"] == "wrong").unwrap();
        let said: String = ["found", "why", "mend", "job"]
            .iter()
            .filter_map(|key| wrong[key].as_str())
            .collect::<Vec<_>>()
            .join("\n");
        let notes = wrong["notes"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join("\n");
        let said = format!("{said}\n{notes}");
        for word in *words {
            assert!(said.contains(word), "{what}: {word:?} is not in {said}");
        }
        assert!(wrong["mend"].as_str().is_some_and(|mend| !mend.is_empty()), "{what}: {wrong}");
        for skipped in examination["links"].as_array().unwrap() {
            assert!(skipped["state"] != "skipped" || skipped["why"].is_string(), "{what}: {skipped}");
        }
        is_untouched(&deployment, what);
    }))
    .await;
}

#[tokio::test]
async fn when_all_is_well_every_link_is_ok() {
    let deployment = healthy().await;
    let (code, text) = deployment.doctor(&["--json"]).await;
    let examination: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &examination["healthy"]), (Some(0), &json!(true)), "{examination:#}");
    assert_eq!(named(&examination, "ok"), LINKS, "{examination:#}");
    is_untouched(&deployment, "all is well");
    assert_eq!(deployment.sandbox.octo_sts.requests().len(), 2, "both jobs share one exchange");

    let (code, text) = deployment.doctor(&[]).await;
    assert_eq!(code, Some(0));
    assert!(text.contains("ok        trust policy (alarms in acme/operations)\n"), "{text}");
    assert!(text.ends_with("no link is broken\n"), "{text}");
}

#[tokio::test]
async fn a_private_policy_leaves_doubts_and_no_alarm() {
    let deployment = healthy().await;
    deployment.sandbox.github.configure(REPOSITORY, |it| it.visibility = Visibility::Private).unwrap();
    let examine =
        async || -> Value { serde_json::from_str(&deployment.doctor(&["--json"]).await.1).unwrap() };
    let examination = examine().await;
    assert_eq!(
        (&examination["healthy"], named(&examination, "doubtful")),
        (&json!(true), vec!["permissions".to_owned()])
    );
    assert_eq!(named(&examination, "skipped"), ["evaluation"], "{examination:#}");
    // With the right to read it, the job's own token does.
    let workload = deployment.sandbox.lambda();
    admit(&deployment, &workload, &[("issues", "write"), ("contents", "read")]);
    let examination = examine().await;
    assert_eq!(named(&examination, "ok"), LINKS, "{examination:#}");
    is_untouched(&deployment, "private");
}

#[tokio::test]
async fn a_repository_that_is_renamed_is_told() {
    let deployment = healthy().await;
    let contents = format!("/repos/{REPOSITORY}/contents/{}", rows::PATH);
    let moved = Fault::on_any(&contents).status(301).header("x-github-request-id", "1").always();
    deployment.sandbox.github.faults().inject(moved);
    let examine =
        async || -> Value { serde_json::from_str(&deployment.doctor(&["--json"]).await.1).unwrap() };
    let examination = examine().await;
    assert_eq!(named(&examination, "doubtful"), ["policy", "permissions"], "{examination:#}");
    let text = examination.to_string();
    assert!(
        text.contains("acme/operations has another name now") && text.contains("--jq .full_name"),
        "{text}"
    );
    is_untouched(&deployment, "renamed");

    deployment.sandbox.github.delete_file(REPOSITORY, rows::PATH).unwrap();
    let examination = examine().await;
    assert_eq!(named(&examination, "wrong"), ["policy"], "{examination:#}");
    assert!(examination.to_string().contains("acme/operations has another name now"), "{examination:#}");
}

#[tokio::test]
async fn a_queue_that_does_not_tell_is_doubtful() {
    let deployment = healthy().await;
    let body = r#"{"__type":"com.amazonaws.sqs#AccessDenied","message":"no"}"#;
    deployment.sandbox.identity.aws.sqs.faults().inject(Fault::on_any("/").status(400).body(body).always());
    let (code, text) = deployment.doctor(&["--json"]).await;
    let examination: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (code, named(&examination, "doubtful")),
        (Some(0), vec!["queue".to_owned()]),
        "{examination:#}"
    );
    assert!(text.contains("sqs:GetQueueAttributes on arn:aws:sqs:"), "{text}");
}

#[tokio::test]
async fn one_job_is_examined_alone() {
    let two = format!(
        "{CONFIG}  other:\n    triggers: [{{ schedule: {{ cron: 0 2 * * * }} }}]\n    repository: acme/widgets\n    open_issue: {{ key: [x], title: x }}\n"
    );
    let deployment = healthy().await.with_config(two);
    let (code, text) = deployment.doctor(&["--json", "--job", "alarm"]).await;
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = deployment.doctor(&["--json", "--job", "other"]).await;
    let examination: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, named(&examination, "wrong")), (Some(1), vec!["policy".to_owned()]), "{examination:#}");
    let policy =
        examination["links"].as_array().unwrap().iter().find(|link| link["link"] == "policy").unwrap();
    assert_eq!((&policy["scope"], &policy["trust_policy"]), (&json!("acme/widgets"), &json!("alarms")));
    let (code, text) = deployment.doctor(&["--job", "nope"]).await;
    assert!(
        code == Some(1) && text.contains("there is no job nope; there are: alarm, other, released"),
        "{text}"
    );
    assert!(text.contains("mend: name a job that runs here") && !text.contains("does not start"), "{text}");
    let (code, text) = deployment.doctor(&["--jobs"]).await;
    assert!(code == Some(2) && text.contains("perhaps with `--job JOB` and `--json`"), "{text}");
}

#[tokio::test]
async fn whoever_may_invoke_the_function_may_have_it_examined() {
    let function = healthy().await.start().await;
    let invoke = async |payload: Value| -> Value {
        serde_json::from_slice(&function.host.invoke(payload.to_string().as_bytes()).await.unwrap()).unwrap()
    };
    let examination = invoke(json!({ "doctor": true })).await;
    assert_eq!(named(&examination, "ok"), LINKS, "{examination:#}");

    // What the function remembers does not count.
    let aws = &function.sandbox.identity.aws;
    aws.refuse(Some(Refusal::FederationDisabled));
    let examination = invoke(json!({ "doctor": true, "job": "alarm" })).await;
    assert_eq!(named(&examination, "wrong"), ["token"], "{examination:#}");
    aws.refuse(None);
    let mut workload = function.sandbox.lambda();
    workload.subject += "-2";
    function.sandbox.admit(REPOSITORY, "alarms", &workload, &[("issues", "write")]).unwrap();
    let examination = invoke(json!({ "doctor": true })).await;
    assert_eq!(named(&examination, "wrong"), ["evaluation"], "{examination:#}");

    let how = "{\"doctor\": true}";
    for wrong in
        [json!({ "doctor": false }), json!({ "doctor": "yes" }), json!({ "doctor": true, "jobs": 1 })]
    {
        function.fails(&wrong, "invalid", &[how]).await;
    }
    function
        .fails(&json!({ "doctor": true, "job": "nope" }), "invalid", &["there is no job \"nope\" here"])
        .await;
}
