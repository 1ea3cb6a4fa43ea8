//! One job for several repositories.

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

#[tokio::test]
async fn an_organisations_repositories_are_those_that_the_filter_takes() {
    let deployment = Deployment::stranger(ORGANIZATION).await;
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
