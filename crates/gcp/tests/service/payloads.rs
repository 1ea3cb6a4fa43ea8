//! Every real payload that npm's `@octokit/webhooks-examples` (MIT) has, through the webhook path of the built binary.

use std::collections::BTreeMap;
use std::path::Path;

use gatepass_sandbox::hosts::HttpAnswer;
use gatepass_sandbox::hosts::webhook::{Signature, Webhook};
use serde::Deserialize;
use serde_json::Value;

use crate::support::{REPOSITORY, Setup, status};

const SECRET: &str = "the webhook's secret";

/// One issue, which always shows the event that came last.
const FILE: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
jobs:
  everything:
    from_self: true
    triggers: [{ webhook: { signature: github, secrets: [{ env: WEBHOOK_SECRET }] } }]
    open_issue:
      key: [last]
      title: "{{ event.type | trusted }}"
      body: "{{ event.source }} {{ event.data | tojson }}"
"#;

/// How many examples there are of each event of github.com, in version 7.6.
const EXAMPLES: [(&str, usize); 58] = [
    ("branch_protection_rule", 5),
    ("check_run", 9),
    ("check_suite", 9),
    ("code_scanning_alert", 6),
    ("commit_comment", 5),
    ("create", 5),
    ("delete", 4),
    ("dependabot_alert", 3),
    ("deploy_key", 2),
    ("deployment", 4),
    ("deployment_review", 1),
    ("deployment_status", 4),
    ("discussion", 15),
    ("discussion_comment", 4),
    ("fork", 3),
    ("github_app_authorization", 2),
    ("gollum", 3),
    ("installation", 7),
    ("installation_repositories", 3),
    ("issue_comment", 9),
    ("issues", 29),
    ("label", 6),
    ("marketplace_purchase", 4),
    ("member", 4),
    ("membership", 5),
    ("merge_group", 2),
    ("meta", 2),
    ("milestone", 5),
    ("org_block", 4),
    ("organization", 5),
    ("package", 3),
    ("page_build", 3),
    ("ping", 4),
    ("project", 3),
    ("project_card", 9),
    ("project_column", 4),
    ("projects_v2_item", 7),
    ("public", 3),
    ("pull_request", 29),
    ("pull_request_review", 4),
    ("pull_request_review_comment", 5),
    ("pull_request_review_thread", 3),
    ("push", 7),
    ("release", 13),
    ("repository", 13),
    ("repository_dispatch", 2),
    ("repository_import", 2),
    ("repository_vulnerability_alert", 4),
    ("security_advisory", 4),
    ("sponsorship", 4),
    ("star", 3),
    ("status", 4),
    ("team", 6),
    ("team_add", 3),
    ("watch", 3),
    ("workflow_dispatch", 2),
    ("workflow_job", 8),
    ("workflow_run", 5),
];

/// How many examples there are from Enterprise Server.
const ENTERPRISE: [(&str, usize); 5] =
    [("ghes-31", 49), ("ghes-32", 49), ("ghes-33", 50), ("ghes-34", 124), ("ghes-35", 125)];

/// An entry of an `index.json`.
#[derive(Deserialize)]
struct Entry {
    name: String,
    examples: Vec<Value>,
}

fn entries(edition: &str) -> Vec<Entry> {
    let package = std::env::var("GATEPASS_WEBHOOK_EXAMPLES").unwrap_or_else(|_| {
        panic!("GATEPASS_WEBHOOK_EXAMPLES names the unpacked package: run `make conformance`")
    });
    let index = std::fs::read(Path::new(&package).join(edition).join("index.json")).unwrap();
    serde_json::from_slice(&index).unwrap()
}

/// What is wrong with the answer to an example, if anything.
fn problem(name: &str, kind: &str, answer: &HttpAnswer, title: Option<&str>) -> Option<String> {
    let status = status(answer);
    let is_right = match status.as_str() {
        "created" | "updated" => title == Some(kind),
        // The very same payload, once more.
        "unchanged" => true,
        "ignored" => name == "ping",
        _ => false,
    };
    let is_taken = (200..300).contains(&answer.status);
    (!is_taken || !is_right).then(|| format!("{kind}: {status}, titled {title:?}: {}", answer.text()))
}

#[tokio::test]
#[ignore = "needs npm's @octokit/webhooks-examples: run `make conformance`"]
async fn every_real_payload_is_taken_for_what_it_is() {
    let service = Setup::new().await.env("WEBHOOK_SECRET", SECRET).start(FILE).await;
    let (mut counted, mut problems) = (BTreeMap::new(), Vec::new());
    for edition in ["api.github.com"].into_iter().chain(ENTERPRISE.map(|(edition, _)| edition)) {
        for Entry { name, examples } in entries(edition) {
            *counted.entry((edition, name.clone())).or_insert(0) += examples.len();
            for payload in examples {
                let kind = match payload.get("action").and_then(Value::as_str) {
                    Some(action) => format!("com.github.{name}.{action}"),
                    None => format!("com.github.{name}"),
                };
                let webhook = Webhook::new(name.as_str(), &payload);
                let answer = service.send(webhook.call("/hooks/everything", SECRET, Signature::Right)).await;
                let issue = service.sandbox.github.issues(REPOSITORY).pop();
                let title = issue.as_ref().map(|issue| issue.title.as_str());
                problems.extend(problem(&name, &kind, &answer, title));
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let count = |edition: &str| {
        counted.iter().filter(|((of, _), _)| *of == edition).map(|(_, count)| count).sum::<usize>()
    };
    assert_eq!(ENTERPRISE.map(|(edition, _)| (edition, count(edition))), ENTERPRISE);
    let of_github: BTreeMap<_, _> = counted
        .iter()
        .filter(|((of, _), _)| *of == "api.github.com")
        .map(|((_, name), count)| (name.as_str(), *count))
        .collect();
    assert_eq!(of_github, EXAMPLES.into());
    assert_eq!(service.sandbox.github.issues(REPOSITORY).len(), 1);
}
