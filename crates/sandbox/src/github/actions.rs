//! Workflows that can be started through the API, and what was asked of them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::GitHub;
use super::people::NotThere;
use super::user::User;

/// A workflow on the default branch, as far as the API sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workflow {
    /// The file's name in `.github/workflows`.
    pub file: String,
    /// Its `name`.
    pub name: String,
    /// Whether it has `on: workflow_dispatch`.
    pub dispatchable: bool,
    /// What `workflow_dispatch` declares as inputs.
    pub inputs: Vec<WorkflowInput>,
    /// Its `run-name`, in which `${{ inputs.NAME }}` stands for an input.
    pub run_name: Option<String>,
}

/// One declared input of a workflow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkflowInput {
    /// Its name.
    pub name: String,
    /// Whether a dispatch must give it.
    pub required: bool,
    /// Its value when a dispatch does not give it.
    pub default: Option<String>,
}

impl Workflow {
    /// A workflow with `on: workflow_dispatch`, without inputs, named like its file.
    pub fn new(file: &str) -> Self {
        let (file, name) = (file.to_owned(), file.to_owned());
        Self { file, name, dispatchable: true, inputs: Vec::new(), run_name: None }
    }

    /// Declares an input that may be left out.
    #[must_use]
    pub fn input(mut self, name: &str) -> Self {
        self.inputs.push(WorkflowInput { name: name.to_owned(), required: false, default: None });
        self
    }

    /// Declares an input that must be given.
    #[must_use]
    pub fn required_input(mut self, name: &str) -> Self {
        self.inputs.push(WorkflowInput { name: name.to_owned(), required: true, default: None });
        self
    }

    /// Sets `run-name`.
    #[must_use]
    pub fn run_name(mut self, text: &str) -> Self {
        self.run_name = Some(text.to_owned());
        self
    }

    /// The inputs that a run of it gets, or GitHub's message for why it gets none.
    pub(crate) fn take(&self, given: BTreeMap<String, String>) -> Result<BTreeMap<String, String>, String> {
        if !self.dispatchable {
            return Err("Workflow does not have 'workflow_dispatch' trigger".to_owned());
        }
        let declared = |name: &str| self.inputs.iter().any(|input| input.name == name);
        let unexpected: Vec<&String> = given.keys().filter(|name| !declared(name)).collect();
        if !unexpected.is_empty() {
            return Err(format!("Unexpected inputs provided: {unexpected:?}"));
        }
        let mut inputs = given;
        for input in &self.inputs {
            match (inputs.contains_key(&input.name), &input.default) {
                (true, _) => {}
                (false, Some(default)) => drop(inputs.insert(input.name.clone(), default.clone())),
                (false, None) if input.required => {
                    return Err(format!("Required input '{}' not provided", input.name));
                }
                (false, None) => {}
            }
        }
        Ok(inputs)
    }

    /// What a run with these inputs is called in lists.
    pub(crate) fn title(&self, inputs: &BTreeMap<String, String>) -> String {
        let Some(mut rest) = self.run_name.as_deref() else { return self.name.clone() };
        let mut title = String::new();
        while let Some((before, (expression, after))) =
            rest.split_once("${{").and_then(|(before, after)| Some((before, after.split_once("}}")?)))
        {
            title.push_str(before);
            title.push_str(value(expression.trim(), inputs));
            rest = after;
        }
        title + rest
    }
}

/// Expressions other than the inputs are empty here.
fn value<'a>(expression: &str, inputs: &'a BTreeMap<String, String>) -> &'a str {
    let name = ["inputs.", "github.event.inputs."].iter().find_map(|start| expression.strip_prefix(start));
    name.and_then(|name| inputs.get(name)).map_or("", String::as_str)
}

/// One run of a workflow. It stays queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Unique on this GitHub.
    pub id: u64,
    /// Counted from 1 in the repository.
    pub number: u64,
    /// The workflow's file.
    pub workflow: String,
    /// What it is called in lists: the workflow's `run-name` with the inputs filled in, or its name.
    pub title: String,
    /// What started it: `workflow_dispatch`.
    pub event: String,
    /// The branch or tag it runs on.
    pub branch: String,
    /// Its inputs, those by default included.
    pub inputs: BTreeMap<String, String>,
    /// Who started it.
    pub actor: User,
    /// When it was started.
    pub created_at: Timestamp,
}

/// One accepted `repository_dispatch`.
#[derive(Clone, Debug, PartialEq)]
pub struct RepositoryDispatch {
    /// Its `event_type`.
    pub event_type: String,
    /// Its `client_payload`; null when none was given.
    pub client_payload: Value,
    /// Who sent it.
    pub actor: User,
    /// When it was accepted.
    pub created_at: Timestamp,
}

impl GitHub {
    /// Adds a workflow to the default branch, in place of one with the same file.
    ///
    /// # Errors
    /// When there is no such repository.
    pub fn add_workflow(&self, repository: &str, workflow: Workflow) -> Result<(), NotThere> {
        self.configure(repository, |repository| {
            repository.workflows.retain(|known| known.file != workflow.file);
            repository.workflows.push(workflow);
        })
    }

    /// The runs of all workflows of a repository, oldest first.
    pub fn runs(&self, repository: &str) -> Vec<Run> {
        let world = self.inner.shared.world();
        world
            .repository(repository)
            .map(|repository| repository.runs.all().cloned().collect())
            .unwrap_or_default()
    }

    /// Lets new runs of a repository appear in lists only after `calls` further lists of its runs, as on GitHub,
    /// where it takes some seconds. 0 shows everything at once again.
    ///
    /// # Errors
    /// When there is no such repository.
    pub fn lag_runs(&self, repository: &str, calls: u64) -> Result<(), NotThere> {
        self.configure(repository, |repository| repository.runs.set_lag(calls))
    }

    /// What was sent to `POST /repos/{owner}/{repo}/dispatches` and accepted, oldest first.
    pub fn repository_dispatches(&self, repository: &str) -> Vec<RepositoryDispatch> {
        let world = self.inner.shared.world();
        world.repository(repository).map(|repository| repository.dispatches.clone()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inputs(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn inputs_are_those_that_the_workflow_declares() {
        let mut workflow = Workflow::new("deploy.yml").required_input("version").input("where");
        workflow.inputs.push(WorkflowInput {
            name: "dry".into(),
            required: true,
            default: Some("false".into()),
        });
        for (given, taken) in [
            (vec![("version", "1")], Ok(inputs(&[("version", "1"), ("dry", "false")]))),
            (
                vec![("version", "1"), ("where", "x"), ("dry", "true")],
                Ok(inputs(&[("version", "1"), ("where", "x"), ("dry", "true")])),
            ),
            (vec![], Err("Required input 'version' not provided".to_owned())),
            (
                vec![("version", "1"), ("b", "2"), ("a", "1")],
                Err("Unexpected inputs provided: [\"a\", \"b\"]".to_owned()),
            ),
        ] {
            assert_eq!(workflow.take(inputs(&given)), taken, "{given:?}");
        }
        workflow.dispatchable = false;
        assert!(
            workflow.take(inputs(&[("version", "1")])).unwrap_err().contains("'workflow_dispatch' trigger")
        );
    }

    #[test]
    fn a_run_is_called_by_its_run_name() {
        let given = inputs(&[("version", "v1"), ("id", "a}}b")]);
        for (run_name, title) in [
            (None, "deploy.yml"),
            (Some("Deploy ${{ inputs.version }} (${{github.event.inputs.id}})"), "Deploy v1 (a}}b)"),
            (Some("${{ inputs.none }}${{ github.actor }}!"), "!"),
            (Some("plain ${{ inputs.version"), "plain ${{ inputs.version"),
        ] {
            let mut workflow = Workflow::new("deploy.yml");
            workflow.run_name = run_name.map(str::to_owned);
            assert_eq!(workflow.title(&given), title);
        }
    }
}
