//! Every route of this GitHub, asked well and badly.

use std::collections::BTreeSet;

use gatepass_sandbox::github::{Edition, Exchange, GitHub, Permissions, Reach, Release, User, Workflow};
use gatepass_sandbox::http_client::LoopbackClient;
use gatepass_sandbox::openapi::Part;
use gatepass_sandbox::trace::Trace;
use http::Method;
use serde_json::{Value, json};

use crate::{document, nothing_found};

const HERE: &str = "/repos/acme/widgets";
const EVERYTHING: [(&str, &str); 4] =
    [("issues", "write"), ("pull_requests", "write"), ("contents", "write"), ("actions", "write")];

/// The operations that there are routes for.
const OPERATIONS: [&str; 26] = [
    "DELETE /installation/token",
    "DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}",
    "DELETE /repos/{owner}/{repo}/issues/{issue_number}/labels/{name}",
    "GET /installation/repositories",
    "GET /rate_limit",
    "GET /repos/{owner}/{repo}",
    "GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs",
    "GET /repos/{owner}/{repo}/branches",
    "GET /repos/{owner}/{repo}/contents/{path}",
    "GET /repos/{owner}/{repo}/issues",
    "GET /repos/{owner}/{repo}/issues/comments/{comment_id}",
    "GET /repos/{owner}/{repo}/issues/{issue_number}",
    "GET /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "GET /repos/{owner}/{repo}/labels",
    "GET /repos/{owner}/{repo}/languages",
    "GET /repos/{owner}/{repo}/pulls",
    "GET /repos/{owner}/{repo}/releases/latest",
    "GET /repos/{owner}/{repo}/tags",
    "PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}",
    "PATCH /repos/{owner}/{repo}/issues/{issue_number}",
    "POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches",
    "POST /repos/{owner}/{repo}/dispatches",
    "POST /repos/{owner}/{repo}/issues",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/comments",
    "POST /repos/{owner}/{repo}/issues/{issue_number}/labels",
    "POST /repos/{owner}/{repo}/labels",
];

/// A GitHub with something of everything in it, which records.
struct World {
    github: GitHub,
    client: LoopbackClient,
    token: String,
}

impl World {
    async fn start() -> Self {
        let github = GitHub::start(Edition::DotCom, Trace::new()).await.unwrap();
        github.install("acme");
        github.add_repository("acme/widgets").unwrap();
        github.add_repository("acme/site").unwrap();
        let published_at = github.now();
        let changed = github.configure("acme/widgets", |widgets| {
            widgets.description = Some("Widgets".to_owned());
            widgets.topics = vec!["alarms".to_owned()];
            widgets.languages.insert("Rust".to_owned(), 900);
            widgets.files.insert("docs/README.md".to_owned(), b"# Widgets".to_vec());
            widgets.releases.push(Release { tag: "v1".to_owned(), name: "one".to_owned(), published_at });
        });
        changed.unwrap();
        github.add_milestone("acme/widgets", "Spring").unwrap();
        github.add_assignable("acme/widgets", "ada").unwrap();
        github.add_issue_type("acme", "Bug");
        let workflow = Workflow::new("deploy.yml").input("version").run_name("Deploy ${{ inputs.version }}");
        github.add_workflow("acme/widgets", workflow).unwrap();
        github.add_issue("acme/widgets", User::person("ada"), "one", "body", &["bug"]).unwrap();
        github.add_pull("acme/widgets", User::person("ada"), "two", "feature").unwrap();
        github.comment_as_person("acme/widgets", 1, "me too").unwrap();
        let permissions = Permissions::new(EVERYTHING).unwrap();
        let token = github.mint("acme", Reach::All, permissions, "octo-sts[bot]").unwrap();
        let token = token.expose().to_owned();
        github.record_exchanges(500);
        Self { github, client: LoopbackClient::new().unwrap(), token }
    }

    /// Sends it, and answers what was recorded of it.
    async fn send(&self, method: Method, path: &str, body: Value) -> Exchange {
        let url = format!("{}{path}", self.github.api_url());
        let request = self.client.request(method, &url).unwrap();
        let request = request.bearer_auth(&self.token).header("user-agent", "gatepass-test");
        let request = if body.is_null() { request } else { request.body(body.to_string()) };
        request.send().await.unwrap().bytes().await.unwrap();
        self.github.recording().exchanges.last().unwrap().clone()
    }

    /// The same, for a request that must succeed.
    async fn good(&self, method: Method, path: &str, body: Value) -> Value {
        let exchange = self.send(method.clone(), path, body).await;
        assert!(exchange.status < 300, "{method} {path}: {exchange:?}");
        serde_json::from_slice(&exchange.answer).unwrap_or_default()
    }

    async fn get(&self, path: &str) -> Value {
        self.good(Method::GET, path, Value::Null).await
    }
}

async fn ask_everything_well(world: &World) {
    let here = |rest: &str| format!("{HERE}{rest}");
    for path in [
        "",
        "/languages",
        "/releases/latest",
        "/branches?per_page=1",
        "/tags",
        "/contents",
        "/contents/docs/",
        "/contents/docs/README.md?ref=main",
        "/labels?per_page=1&page=1",
        "/pulls?state=all&sort=updated",
        "/issues?state=all&labels=bug&since=2020-01-01T00:00:00Z&per_page=1",
        "/issues/1",
        "/issues/2",
        "/issues/1/comments?since=2020-01-01T00:00:00Z&per_page=100",
    ] {
        world.get(&here(path)).await;
    }
    world.get("/rate_limit").await;
    world.get("/installation/repositories?per_page=1&page=2").await;
    let id = world.get(HERE).await["id"].clone();
    world.get(&format!("/repositories/{id}/issues?page=2&per_page=1")).await;

    let plan = json!({
        "title": "t", "body": "b", "labels": ["bug"], "assignees": ["ada"], "milestone": 1, "type": "Bug",
    });
    let number = world.good(Method::POST, &here("/issues"), plan).await["number"].clone();
    let issue = here(&format!("/issues/{number}"));
    let closed = json!({ "state": "closed", "state_reason": "completed" });
    for change in
        [closed, json!({ "state": "open" }), json!({ "milestone": null, "type": null, "labels": [] })]
    {
        world.good(Method::PATCH, &issue, change).await;
    }
    world.good(Method::POST, &format!("{issue}/labels"), json!({ "labels": ["ui", "a/b"] })).await;
    world.good(Method::DELETE, &format!("{issue}/labels/a%2Fb"), Value::Null).await;
    world.good(Method::POST, &here("/labels"), json!({ "name": "x", "color": "d73a4a" })).await;
    let comment = world.good(Method::POST, &format!("{issue}/comments"), json!({ "body": "c" })).await;
    let comment = here(&format!("/issues/comments/{}", comment["id"]));
    world.get(&comment).await;
    world.good(Method::PATCH, &comment, json!({ "body": "d" })).await;
    world.good(Method::DELETE, &comment, Value::Null).await;

    let workflow = here("/actions/workflows/deploy.yml");
    let dispatch = format!("{workflow}/dispatches");
    world.good(Method::POST, &dispatch, json!({ "ref": "main", "inputs": { "version": "v1" } })).await;
    world.good(Method::POST, &dispatch, json!({ "ref": "v1", "return_run_details": true })).await;
    world.get(&format!("{workflow}/runs?event=workflow_dispatch&created=%3E2020-01-01&per_page=1")).await;
    let payload = json!({ "event_type": "deploy", "client_payload": { "version": "v1" } });
    world.good(Method::POST, &here("/dispatches"), payload).await;
    world.good(Method::DELETE, "/installation/token", Value::Null).await;
}

#[tokio::test]
#[ignore = "needs GitHub's OpenAPI document: run `make conformance`"]
async fn every_route_asked_well_answers_as_documented() {
    let world = World::start().await;
    ask_everything_well(&world).await;
    let recording = world.github.recording();
    nothing_found(&document().check(&recording));
    let asked: BTreeSet<String> =
        recording.exchanges.iter().filter_map(|exchange| document().operation(exchange)).collect();
    assert_eq!(asked, BTreeSet::from(OPERATIONS.map(str::to_owned)));
}

#[tokio::test]
#[ignore = "needs GitHub's OpenAPI document: run `make conformance`"]
async fn every_refusal_answers_as_documented() {
    let mut world = World::start().await;
    let dispatch = "/actions/workflows/deploy.yml/dispatches";
    let dispatched = |body: Value| (Method::POST, dispatch, body, 422);
    for (method, path, body, status) in [
        (Method::POST, "/issues", json!({}), 422),
        (Method::POST, "/issues", json!([]), 400),
        (Method::POST, "/issues", json!({ "title": "t", "milestone": 9, "type": "None" }), 422),
        (Method::PATCH, "/issues/1", json!({ "state": "shut" }), 422),
        (Method::PATCH, "/issues/99", json!({}), 404),
        (Method::GET, "/issues?since=yesterday", Value::Null, 422),
        (Method::GET, "/issues/99", Value::Null, 404),
        (Method::GET, "/issues/1/comments?since=yesterday", Value::Null, 422),
        (Method::POST, "/issues/1/comments", json!({}), 422),
        (Method::GET, "/issues/comments/9", Value::Null, 404),
        (Method::PATCH, "/issues/comments/9", json!({}), 404),
        (Method::DELETE, "/issues/comments/9", Value::Null, 404),
        (Method::POST, "/issues/1/labels", json!({ "labels": [] }), 422),
        (Method::DELETE, "/issues/1/labels/none", Value::Null, 404),
        (Method::POST, "/labels", json!({ "name": "bug" }), 422),
        (Method::GET, "/pulls?state=shut", Value::Null, 422),
        (Method::GET, "/contents/none", Value::Null, 404),
        dispatched(json!({ "ref": "none" })),
        dispatched(json!({})),
        dispatched(json!({ "ref": "main", "inputs": { "extra": "x" } })),
        (Method::POST, "/actions/workflows/none.yml/dispatches", json!({ "ref": "main" }), 404),
        (Method::GET, "/actions/workflows/none.yml/runs", Value::Null, 404),
        (Method::GET, "/actions/workflows/deploy.yml/runs?created=soon", Value::Null, 422),
        (Method::POST, "/dispatches", json!({}), 422),
    ] {
        let exchange = world.send(method.clone(), &format!("{HERE}{path}"), body).await;
        assert_eq!(exchange.status, status, "{method} {path}");
        nothing_found(&document().check_answer(&exchange));
    }

    world.github.configure("acme/widgets", |widgets| widgets.has_issues = false).unwrap();
    world.github.configure("acme/site", |site| site.archived = true).unwrap();
    for (path, status) in [(HERE, 410), ("/repos/acme/site", 403), ("/repos/acme/none", 404)] {
        let exchange = world.send(Method::POST, &format!("{path}/issues"), json!({ "title": "t" })).await;
        assert_eq!(exchange.status, status, "{path}");
        nothing_found(&document().check_answer(&exchange));
    }
    world.token = world.github.mint_for("acme/widgets", &[]).unwrap();
    let forbidden = world.send(Method::POST, &format!("{HERE}{dispatch}"), json!({ "ref": "main" })).await;
    world.github.set_rate(0, world.github.now() + jiff::SignedDuration::from_secs(60));
    let limited = world.send(Method::GET, HERE, Value::Null).await;
    world.token = "ghs_unknown".to_owned();
    let unknown = world.send(Method::GET, HERE, Value::Null).await;
    for (exchange, status) in [(forbidden, 403), (limited, 403), (unknown, 401)] {
        assert_eq!(exchange.status, status);
        nothing_found(&document().check_answer(&exchange));
    }
}

#[tokio::test]
#[ignore = "needs GitHub's OpenAPI document: run `make conformance`"]
async fn a_wrong_answer_is_found() {
    let world = World::start().await;
    let comment = json!({ "body": "c" });
    let recorded = [
        (world.send(Method::GET, &format!("{HERE}/issues/1"), Value::Null).await, "/number", json!("1")),
        (world.send(Method::GET, &format!("{HERE}/issues/1"), Value::Null).await, "/user/login", json!(7)),
        (world.send(Method::GET, &format!("{HERE}/issues"), Value::Null).await, "/0/state", Value::Null),
        (world.send(Method::GET, HERE, Value::Null).await, "/owner/url", json!("not an address")),
        (
            world.send(Method::POST, &format!("{HERE}/issues/1/comments"), comment).await,
            "/created_at",
            json!("this morning"),
        ),
        (world.send(Method::POST, &format!("{HERE}/issues"), json!({})).await, "/message", json!(7)),
    ];
    for (mut exchange, place, wrong) in recorded {
        nothing_found(&document().check_answer(&exchange));
        let mut answer: Value = serde_json::from_slice(&exchange.answer).unwrap();
        *answer.pointer_mut(place).unwrap() = wrong;
        exchange.answer = answer.to_string().into();
        let findings = document().check_answer(&exchange);
        assert!(findings.iter().any(|finding| finding.part == Part::Answer), "{place}: {findings:?}");
        exchange.status = 207;
        assert_eq!(document().check_answer(&exchange)[0].part, Part::Status);
    }
}
