//! Dispatching workflows and repositories, and listing the runs.

use gatepass_sandbox::github::{Release, User, Workflow};
use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{REPOSITORY, Setup};

const HERE: &str = "/repos/acme/widgets";
const WORKFLOW: &str = "/repos/acme/widgets/actions/workflows/deploy.yml";

async fn with_workflow() -> Setup {
    let setup = Setup::start(&[("actions", "write")]).await;
    let workflow = Workflow::new("deploy.yml").required_input("version").input("id");
    let workflow = workflow.run_name("Deploy ${{ inputs.version }} [${{ inputs.id }}]");
    setup.github.add_workflow(REPOSITORY, workflow).unwrap();
    setup
}

async fn dispatch(setup: &Setup, body: Value) -> crate::Answer {
    setup.send(Method::POST, &format!("{WORKFLOW}/dispatches"), body).await
}

async fn listed(setup: &Setup, query: &str) -> Vec<String> {
    let answer = setup.get(&format!("{WORKFLOW}/runs{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {:?}", answer.json);
    let runs = answer.json["workflow_runs"].as_array().unwrap();
    runs.iter().map(|run| run["display_title"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_dispatch_starts_a_run_that_is_listed() {
    let setup = with_workflow().await;
    let inputs = json!({ "version": "v1", "id": 7 });
    let answer = dispatch(&setup, json!({ "ref": "main", "inputs": inputs })).await;
    assert_eq!((answer.status, &answer.json), (204, &Value::Null));

    let runs = setup.github.runs(REPOSITORY);
    assert_eq!((runs.len(), runs[0].workflow.as_str(), runs[0].branch.as_str()), (1, "deploy.yml", "main"));
    assert_eq!((runs[0].inputs["version"].as_str(), runs[0].inputs["id"].as_str()), ("v1", "7"));
    assert_eq!(runs[0].actor, User::bot("octo-sts[bot]"));

    let list = setup.get(&format!("{WORKFLOW}/runs")).await.json;
    let run = &list["workflow_runs"][0];
    let expected = json!({
        "id": runs[0].id, "display_title": "Deploy v1 [7]", "event": "workflow_dispatch", "head_branch": "main",
        "path": ".github/workflows/deploy.yml", "status": "queued", "conclusion": null, "run_number": 1,
        "created_at": "2026-11-20T09:00:00Z",
        "html_url": format!("{}/acme/widgets/actions/runs/{}", setup.github.url(), runs[0].id),
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(run[field], *value, "{field}");
    }
    assert_eq!((&list["total_count"], &run["actor"]["login"]), (&json!(1), &json!("octo-sts[bot]")));
    let by_id = format!("{HERE}/actions/workflows/{}/runs", run["workflow_id"]);
    assert_eq!(setup.get(&by_id).await.json, list);
}

#[tokio::test]
async fn a_dispatch_tells_its_run_when_it_is_asked_to() {
    let setup = with_workflow().await;
    let published_at = setup.github.now();
    let release = Release { tag: "v1".to_owned(), name: "one".to_owned(), published_at };
    setup.github.configure(REPOSITORY, |repository| repository.releases.push(release)).unwrap();
    let body = json!({ "ref": "refs/tags/v1", "inputs": { "version": "v1" }, "return_run_details": true });
    let answer = dispatch(&setup, body).await;
    let run = &setup.github.runs(REPOSITORY)[0];
    assert_eq!((run.branch.as_str(), run.title.as_str()), ("v1", "Deploy v1 []"));
    let page = format!("{}/acme/widgets/actions/runs/{}", setup.github.url(), run.id);
    let url = format!("{}{HERE}/actions/runs/{}", setup.github.api_url(), run.id);
    let expected = json!({ "workflow_run_id": run.id, "run_url": url, "html_url": page });
    assert_eq!((answer.status, answer.json), (200, expected));
}

#[tokio::test]
async fn what_github_refuses_to_dispatch_starts_nothing() {
    let setup = with_workflow().await;
    let silent = Workflow { dispatchable: false, ..Workflow::new("silent.yml") };
    setup.github.add_workflow(REPOSITORY, silent).unwrap();
    let many: Value =
        (0..26).map(|n| (format!("i{n}"), json!("x"))).collect::<serde_json::Map<_, _>>().into();
    for (workflow, body, status, message) in [
        ("none.yml", json!({ "ref": "main" }), 404, "Not Found"),
        ("deploy.yml", json!({ "ref": "dev", "inputs": {} }), 422, "No ref found for: dev"),
        ("deploy.yml", json!({}), 422, "\"ref\" wasn't supplied"),
        ("deploy.yml", json!({ "ref": 7 }), 422, "7 is not a string"),
        ("deploy.yml", json!({ "ref": "main" }), 422, "Required input 'version' not provided"),
        (
            "deploy.yml",
            json!({ "ref": "main", "inputs": { "version": "1", "extra": "2" } }),
            422,
            "Unexpected inputs provided: [\"extra\"]",
        ),
        ("deploy.yml", json!({ "ref": "main", "inputs": ["version"] }), 422, "is not an object"),
        ("deploy.yml", json!({ "ref": "main", "inputs": { "version": [] } }), 422, "[] is not a string"),
        ("deploy.yml", json!({ "ref": "main", "inputs": many }), 422, "No more than 25 properties"),
        ("silent.yml", json!({ "ref": "main" }), 422, "does not have 'workflow_dispatch' trigger"),
    ] {
        let path = format!("{HERE}/actions/workflows/{workflow}/dispatches");
        let answer = setup.send(Method::POST, &path, body.clone()).await;
        assert_eq!(answer.status, status, "{body}");
        assert!(answer.message().1.contains(message), "{:?} has no {message:?}", answer.json);
    }
    assert!(setup.github.runs(REPOSITORY).is_empty());
    assert_eq!(setup.get(&format!("{HERE}/actions/workflows/none.yml/runs")).await.status, 404);
}

#[tokio::test]
async fn runs_are_filtered_and_paged() {
    let setup = with_workflow().await;
    setup.github.add_workflow(REPOSITORY, Workflow::new("other.yml")).unwrap();
    for version in ["a", "b", "c"] {
        dispatch(&setup, json!({ "ref": "main", "inputs": { "version": version } })).await;
        setup.github.advance(SignedDuration::from_mins(1));
    }
    let path = format!("{HERE}/actions/workflows/other.yml/dispatches");
    assert_eq!(setup.send(Method::POST, &path, json!({ "ref": "main" })).await.status, 204);
    let all = ["Deploy c []", "Deploy b []", "Deploy a []"];
    for (query, expected) in [
        ("", &all[..]),
        ("?event=workflow_dispatch&actor=octo-sts%5Bbot%5D&branch=main&status=queued", &all[..]),
        ("?event=push", &[]),
        ("?actor=ada", &[]),
        ("?branch=dev", &[]),
        ("?status=completed", &[]),
        ("?created=%3E%3D2026-11-20T09:01:00Z", &all[..2]),
        ("?created=2026-11-20T09:00:00Z..2026-11-20T09:01:00Z", &all[1..]),
        ("?per_page=2", &all[..2]),
        ("?per_page=2&page=2", &all[2..]),
    ] {
        assert_eq!(listed(&setup, query).await, expected, "{query}");
    }
    assert_eq!(setup.get(&format!("{WORKFLOW}/runs?created=soon")).await.status, 422);
    let first = setup.get(&format!("{WORKFLOW}/runs?per_page=2")).await;
    assert_eq!(first.json["total_count"], 3);
    let link = first.header("link").trim_start_matches('<').split('>').next().unwrap().to_owned();
    let second = setup.get(link.strip_prefix(setup.github.api_url()).unwrap()).await;
    assert_eq!(second.json["workflow_runs"][0]["display_title"], "Deploy a []");
}

#[tokio::test]
async fn a_new_run_may_show_late() {
    let setup = with_workflow().await;
    setup.github.lag_runs(REPOSITORY, 1).unwrap();
    dispatch(&setup, json!({ "ref": "main", "inputs": { "version": "a" } })).await;
    assert_eq!(setup.github.runs(REPOSITORY).len(), 1);
    assert_eq!(listed(&setup, "").await, [""; 0]);
    assert_eq!(listed(&setup, "").await, ["Deploy a []"]);
}

#[tokio::test]
async fn a_repository_dispatch_is_kept_as_it_was_sent() {
    let setup = Setup::start(&[("contents", "write")]).await;
    let path = format!("{HERE}/dispatches");
    let payload = json!({ "version": "v1", "more": { "deep": [1, true, null] } });
    let body = json!({ "event_type": "deploy", "client_payload": payload });
    assert_eq!(setup.send(Method::POST, &path, body).await.status, 204);
    assert_eq!(setup.send(Method::POST, &path, json!({ "event_type": "bare" })).await.status, 204);
    let kept = setup.github.repository_dispatches(REPOSITORY);
    assert_eq!((kept.len(), kept[0].event_type.as_str(), &kept[0].client_payload), (2, "deploy", &payload));
    assert_eq!((&kept[1].client_payload, &kept[1].actor), (&Value::Null, &User::bot("octo-sts[bot]")));

    let wide: serde_json::Map<_, _> = (0..11).map(|n| (format!("p{n}"), json!(n))).collect();
    for (body, message) in [
        (json!({}), "\"event_type\" wasn't supplied"),
        (json!({ "event_type": 7 }), "7 is not a string"),
        (json!({ "event_type": "" }), "1 to 100 characters"),
        (json!({ "event_type": "e".repeat(101) }), "1 to 100 characters"),
        (json!({ "event_type": "e", "client_payload": "x" }), "\"x\" is not an object"),
        (
            json!({ "event_type": "e", "client_payload": wide }),
            "No more than 10 properties are allowed; 11 were supplied.",
        ),
        (json!({ "event_type": "e", "client_payload": { "x": "y".repeat(65_536) } }), "too large"),
    ] {
        let answer = setup.send(Method::POST, &path, body).await;
        assert_eq!(answer.status, 422, "{message}");
        assert!(answer.message().1.contains(message), "{:?} has no {message:?}", answer.json);
    }
    assert_eq!(setup.github.repository_dispatches(REPOSITORY).len(), 2);
}
