//! Workflows: starting them, and finding what was started.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::issues::User;
use super::pages::Items;
use super::{CallError, GitHub};
use crate::failure::Failure;
use crate::names::{GitRef, WorkflowFile};

/// How a workflow is to be started.
#[derive(Clone, Debug)]
pub struct WorkflowDispatch<'a> {
    /// The file.
    pub workflow: &'a WorkflowFile,
    /// The branch or tag.
    pub reference: &'a GitRef,
    /// At most 25.
    pub inputs: &'a BTreeMap<String, String>,
}

/// What a dispatch has started.
#[derive(Clone, Debug, Deserialize)]
pub struct StartedRun {
    /// The run's id.
    #[serde(rename = "workflow_run_id")]
    pub id: u64,
    /// The run's page.
    pub html_url: String,
}

/// A run of a workflow.
#[derive(Clone, Debug, Deserialize)]
pub struct WorkflowRun {
    /// Unique on GitHub.
    pub id: u64,
    /// Its page.
    pub html_url: String,
    /// The workflow's `run-name`, evaluated; else what GitHub calls it.
    #[serde(default)]
    pub display_title: Option<String>,
    /// When it was started.
    pub created_at: Timestamp,
    #[serde(default)]
    actor: Option<User>,
}

impl WorkflowRun {
    /// The login of whoever started it; empty for a deleted account.
    pub fn actor(&self) -> &str {
        self.actor.as_ref().map_or("", |actor| &actor.login)
    }
}

/// A page of runs.
#[derive(Deserialize)]
struct Page {
    workflow_runs: Vec<WorkflowRun>,
}

/// The body of a dispatch.
#[derive(Serialize)]
struct Request<'a> {
    #[serde(rename = "ref")]
    reference: &'a str,
    inputs: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    return_run_details: Option<bool>,
}

impl GitHub<'_> {
    /// Starts a workflow. A GitHub that is too old to say what it has started answers `None`.
    ///
    /// # Errors
    /// [`CallError::Unknown`] when it may have been started all the same, [`CallError::Missing`] when there is no such workflow
    /// or the token may not see it, [`CallError::Rejected`] for a ref or inputs that it does not take.
    pub async fn dispatch_workflow(
        &self,
        dispatch: &WorkflowDispatch<'_>,
    ) -> Result<Option<StartedRun>, CallError> {
        match self.dispatch_once(dispatch, Some(true)).await {
            // Older servers take no field that they do not know.
            Err(CallError::Rejected { said, .. }) if said.contains("return_run_details") => {
                self.dispatch_once(dispatch, None).await
            }
            result => result,
        }
    }

    async fn dispatch_once(
        &self,
        dispatch: &WorkflowDispatch<'_>,
        return_run_details: Option<bool>,
    ) -> Result<Option<StartedRun>, CallError> {
        let what = format!("starting the workflow {} of {}", dispatch.workflow, self.repository);
        let url = self.workflow_url(dispatch.workflow, "dispatches").map_err(CallError::Failed)?;
        let reference = dispatch.reference.as_str();
        let request = Request { reference, inputs: dispatch.inputs, return_run_details };
        let answer = self.post(url, &json!(request), &what).await?;
        if answer.is_empty() { Ok(None) } else { answer.read(&what).map(Some).map_err(CallError::Unknown) }
    }

    /// Lists the runs of a workflow that dispatches have started at `since` or later, the latest first, at most `most`.
    ///
    /// # Errors
    /// As [`GitHub::get`].
    pub async fn dispatched_runs(
        &self,
        workflow: &WorkflowFile,
        since: Timestamp,
        most: usize,
    ) -> Result<Items<WorkflowRun>, Failure> {
        let what = format!("listing the runs of the workflow {workflow} of {}", self.repository);
        let mut url = self.workflow_url(workflow, "runs")?;
        url.query_pairs_mut()
            .append_pair("event", "workflow_dispatch")
            .append_pair("created", &format!(">={since}"))
            .append_pair("per_page", "100");
        self.list_pages(url, most, &what, |page: Page| page.workflow_runs, |_| true).await
    }

    fn workflow_url(&self, workflow: &WorkflowFile, rest: &str) -> Result<url::Url, Failure> {
        self.repository_url(&format!("actions/workflows/{workflow}/{rest}"))
    }

    /// Raises a `repository_dispatch` event. `event_type` has 1 to 100 characters, `payload` at most ten fields and 64 KB.
    ///
    /// # Errors
    /// [`CallError::Unknown`] when it may have been raised all the same: nothing tells.
    pub async fn dispatch_repository(
        &self,
        event_type: &str,
        payload: &Map<String, Value>,
    ) -> Result<(), CallError> {
        let what = format!("raising {event_type} in {}", self.repository);
        let url = self.repository_url("dispatches").map_err(CallError::Failed)?;
        let body = json!({ "event_type": event_type, "client_payload": payload });
        self.post(url, &body, &what).await.map(drop)
    }
}
