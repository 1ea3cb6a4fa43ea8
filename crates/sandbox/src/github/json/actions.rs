//! Workflow runs as JSON.

use serde_json::{Value, json};

use super::{Urls, commit_id, id_of, node_id, user};
use crate::github::actions::{Run, Workflow};
use crate::github::repository::Repository;

impl Workflow {
    /// Its number in addresses, where its file will do as well.
    pub(crate) fn id(&self, repository: &Repository) -> u32 {
        id_of(&format!("{} {}", repository.full_name(), self.file))
    }
}

/// Where a run is read, and where people see it.
fn addresses(urls: &Urls, repository: &Repository, run: &Run) -> (String, String) {
    let full_name = repository.full_name();
    let url = format!("{}/actions/runs/{}", urls.repository(&full_name), run.id);
    (url, urls.page(&format!("{full_name}/actions/runs/{}", run.id)))
}

/// What a dispatch answers when it was asked for the run.
pub(crate) fn run_details(urls: &Urls, repository: &Repository, run: &Run) -> Value {
    let (url, page) = addresses(urls, repository, run);
    json!({ "workflow_run_id": run.id, "run_url": url, "html_url": page })
}

pub(crate) fn run(urls: &Urls, repository: &Repository, workflow: &Workflow, run: &Run) -> Value {
    let (url, page) = addresses(urls, repository, run);
    let full_name = repository.full_name();
    let root = urls.repository(&full_name);
    let workflow_id = workflow.id(repository);
    let suite = id_of(&page);
    let actor = user(urls, &run.actor);
    let repository = super::repository(urls, repository);
    json!({
        "id": run.id,
        "node_id": node_id("WorkflowRun", run.id),
        "name": workflow.name,
        "display_title": run.title,
        "path": format!(".github/workflows/{}", workflow.file),
        "workflow_id": workflow_id,
        "workflow_url": format!("{root}/actions/workflows/{workflow_id}"),
        "run_number": run.number,
        "run_attempt": 1,
        "event": run.event,
        "status": "queued",
        "conclusion": null,
        "head_branch": run.branch,
        "head_sha": commit_id(&format!("{full_name} {}", run.branch)),
        "head_commit": null,
        "check_suite_id": suite,
        "check_suite_node_id": node_id("CheckSuite", suite),
        "check_suite_url": format!("{root}/check-suites/{suite}"),
        "url": url,
        "html_url": page,
        "jobs_url": format!("{url}/jobs"),
        "logs_url": format!("{url}/logs"),
        "artifacts_url": format!("{url}/artifacts"),
        "cancel_url": format!("{url}/cancel"),
        "rerun_url": format!("{url}/rerun"),
        "previous_attempt_url": null,
        "pull_requests": [],
        "referenced_workflows": [],
        "actor": actor,
        "triggering_actor": actor,
        "created_at": run.created_at,
        "updated_at": run.created_at,
        "run_started_at": run.created_at,
        "repository": repository,
        "head_repository": repository,
    })
}
