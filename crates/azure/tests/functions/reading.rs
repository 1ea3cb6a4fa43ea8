//! `read_repository`: the answer has GitHub's own field names.

use axum::http::Method;
use gatepass_sandbox::hosts::HttpCall;
use serde_json::{Value, json};

use crate::support::{Function, HOSTED, Setup, assert_problem, result};

const JOBS: &str = "
  widgets:
    triggers: [{ http: { caller: console } }]
    repository: acme/widgets
    trust_policy: reader
    read_repository: { include: [languages, latest_release, open_issues] }
  site:
    triggers: [{ http: { caller: console } }]
    repository: acme/site
    trust_policy: reader
    read_repository: { include: [languages, latest_release, open_issues, open_pulls] }
  bare:
    triggers: [{ http: { caller: console } }]
    repository: acme/widgets
    trust_policy: reader
    read_repository: {}
  denied:
    triggers: [{ http: { caller: console } }]
    repository: acme/widgets
    trust_policy: narrow
    read_repository: { include: [open_issues] }
";

async fn start() -> Function {
    let setup = Setup::unadmitted().await;
    let sandbox = &setup.sandbox;
    let permissions = [("contents", "read"), ("issues", "read"), ("pull_requests", "read")];
    for repository in ["acme/widgets", "acme/site"] {
        sandbox.admit(repository, "reader", &sandbox.azure_function(), &permissions).unwrap();
    }
    sandbox.admit("acme/widgets", "narrow", &sandbox.azure_function(), &[("contents", "read")]).unwrap();
    setup.start(&format!("{HOSTED}{JOBS}")).await
}

fn keys(result: &Value) -> Vec<&str> {
    result.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn a_repository_is_answered_with_what_was_asked_for() {
    let function = start().await;
    for method in [Method::GET, Method::POST] {
        let call = HttpCall::new(method, "/api/jobs/widgets").header("content-length", "0");
        let answer = function.call(call).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
        assert_eq!(answer.json()["results"].as_array().unwrap().len(), 1);
        let result = result(&answer);
        assert_eq!(
            keys(&result),
            ["job", "languages", "latest_release", "open_issues", "repository", "status", "url"]
        );
        assert_eq!((&result["job"], &result["status"]), (&json!("widgets"), &json!("read")));
        let repository = &result["repository"];
        assert_eq!(repository["full_name"], "acme/widgets");
        assert_eq!(repository["description"], "Widgets of every size");
        assert_eq!(
            (&repository["default_branch"], &result["url"]),
            (&json!("main"), &repository["html_url"])
        );
        assert_eq!(result["languages"], json!({"Rust": 182_640, "HCL": 12_904, "Shell": 811}));
        assert_eq!(result["latest_release"]["tag_name"], "v1.4.0");
        let titles: Vec<&str> = result["open_issues"]
            .as_array()
            .unwrap()
            .iter()
            .map(|issue| issue["title"].as_str().unwrap())
            .collect();
        assert_eq!(titles.len(), 2, "pull requests are no issues: {titles:?}");
        assert!(titles.contains(&"Small widgets wobble") && titles.contains(&"Blue widgets, please"));
    }
    assert!(function.sandbox.github.writes().is_empty());
    let exchanges = function.sandbox.trace.hops_of("octo-sts").len();
    assert_eq!(exchanges, 1, "the token is kept");
}

#[tokio::test]
async fn a_repository_without_a_release_has_none() {
    let function = start().await;
    let site = result(&function.call(HttpCall::get("/api/jobs/site")).await);
    assert_eq!((&site["status"], &site["latest_release"]), (&json!("read"), &Value::Null), "{site}");
    assert_eq!((&site["open_issues"], &site["open_pulls"]), (&json!([]), &json!([])));
    assert_eq!(site["languages"], json!({"HTML": 48_112, "CSS": 9_307}));
    assert!(keys(&site).contains(&"latest_release"));

    let bare = result(&function.call(HttpCall::get("/api/jobs/bare")).await);
    assert_eq!(keys(&bare), ["job", "repository", "status", "url"]);
}

#[tokio::test]
async fn a_permission_that_is_missing_is_named() {
    let function = start().await;
    let answer = function.call(HttpCall::get("/api/jobs/denied")).await;
    assert_eq!(answer.status, 502, "{}", answer.text());
    let words = ["GitHub, listing open issues", "issues=read", "trust policy"];
    assert_problem(&answer.json(), 502, "refused", &words);
}
