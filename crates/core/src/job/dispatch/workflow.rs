//! The action `dispatch_workflow`: runs a workflow, once an event.

use std::collections::BTreeMap;
use std::time::Duration;

use gatepass_yaml::Path;
use jiff::Timestamp;
use minijinja::Value;

use super::input::Inputs;
use super::too_old;
use crate::config::{self, Span};
use crate::failure::Failure;
use crate::github::{CallError, GitHub, StartedRun, WorkflowDispatch, WorkflowRun};
use crate::job::memory::Topic;
use crate::job::situation::Situation;
use crate::job::template::{Compiler, Templates};
use crate::names::{GitRef, InputName, WorkflowFile};
use crate::report::{Done, Status};

/// GitHub's limit. REST API, "Create a workflow dispatch event".
const MAX_INPUTS: usize = 25;

/// GitHub's limit of all inputs together, in characters. GitHub Docs, "Events that trigger workflows".
const MAX_CHARACTERS: usize = 65_535;

/// How many runs are looked through, the latest first.
const MAX_RUNS: usize = 500;

/// How long to wait before each look for a run whose start was not answered: lists show it after some seconds.
const LOOKS: [Duration; 3] =
    [Duration::from_millis(250), Duration::from_millis(750), Duration::from_millis(2000)];

/// How far GitHub's clock may be behind ours when one of our own runs is looked for.
const DRIFT: Duration = Duration::from_secs(2);

/// A compiled `dispatch_workflow`.
#[derive(Debug)]
pub(in crate::job) struct DispatchWorkflow {
    workflow: WorkflowFile,
    reference: GitRef,
    inputs: Inputs,
    once_by: Option<InputName>,
    max_age: Option<Duration>,
}

/// A run as an event's templates describe it.
pub(in crate::job) struct DraftedRun {
    pub(in crate::job) workflow: WorkflowFile,
    pub(in crate::job) reference: GitRef,
    pub(in crate::job) inputs: BTreeMap<String, String>,
}

impl DispatchWorkflow {
    /// `None` when something was reported.
    pub(in crate::job) fn compile(
        compiler: &mut Compiler<'_>,
        place: &Path,
        action: &config::DispatchWorkflow,
        reads: &[&str],
    ) -> Option<Self> {
        if let Some(name) = action.once_by.as_ref().filter(|name| action.inputs.contains_key(name)) {
            compiler.report(
                &place.key("once_by"),
                format!("the input {name} has a value already"),
                "take it out of inputs: it is given the event's fingerprint",
            );
        }
        let most = MAX_INPUTS - usize::from(action.once_by.is_some());
        let inputs = Inputs::compile(compiler, &place.key("inputs"), &action.inputs, most, reads)?;
        Some(Self {
            workflow: action.workflow.clone(),
            reference: action.reference.clone(),
            inputs,
            once_by: action.once_by.clone(),
            max_age: action.max_age.map(Span::duration),
        })
    }

    /// What is to be run for this event.
    pub(in crate::job) fn draft(
        &self,
        templates: &Templates,
        scope: &Value,
        fingerprint: &str,
    ) -> Result<DraftedRun, Failure> {
        let mut inputs = self.inputs.render(templates, scope)?;
        if let Some(name) = &self.once_by {
            inputs.insert(name.to_string(), fingerprint.to_owned());
        }
        let characters: usize =
            inputs.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
        if characters > MAX_CHARACTERS {
            return Err(Failure::invalid(format!(
                "the inputs for this event have {characters} characters, and GitHub takes no more than {MAX_CHARACTERS}; narrow the patterns of dispatch_workflow.inputs"
            )));
        }
        Ok(DraftedRun { workflow: self.workflow.clone(), reference: self.reference.clone(), inputs })
    }

    pub(in crate::job) async fn run(
        &self,
        templates: &Templates,
        scope: &Value,
        situation: &Situation<'_>,
        github: &GitHub<'_>,
    ) -> Result<Done, Failure> {
        if let Some(ignored) = too_old(situation, self.max_age) {
            return Ok(ignored);
        }
        let fingerprint = situation.run_id();
        let draft = self.draft(templates, scope, &fingerprint)?;
        let searching = Searching { action: self, situation, github, fingerprint: &fingerprint };
        if self.once_by.is_some()
            && let Some(run) = searching.find(situation.delivered_since()).await?
        {
            return Ok(Done::new(Status::Unchanged).at(run.html_url));
        }
        if situation.dry_run {
            return Ok(Done::dry(Status::Dispatched));
        }
        let dispatch =
            WorkflowDispatch { workflow: &self.workflow, reference: &self.reference, inputs: &draft.inputs };
        let started = self.start(&dispatch, &searching).await?;
        let mut done = Done::new(Status::Dispatched);
        if let Some(run) = started {
            situation.memory.take(Topic::run(github.repository(), run.id));
            done = done.at(run.html_url);
        }
        Ok(done)
    }

    async fn start(
        &self,
        dispatch: &WorkflowDispatch<'_>,
        searching: &Searching<'_>,
    ) -> Result<Option<StartedRun>, Failure> {
        let sent = Timestamp::now();
        let mut is_first = true;
        loop {
            match searching.github.dispatch_workflow(dispatch).await {
                // It may be running: look before trying once more.
                Err(CallError::Unknown(failure)) => {
                    if let Some(WorkflowRun { id, html_url, .. }) = searching.wait_for(sent).await? {
                        return Ok(Some(StartedRun { id, html_url }));
                    }
                    if !is_first {
                        return Err(failure);
                    }
                    is_first = false;
                }
                result => return result.map_err(|error| self.explain(error)),
            }
        }
    }

    /// What the file says is for a person to change; what the event says is not.
    fn explain(&self, error: CallError) -> Failure {
        let (workflow, reference) = (&self.workflow, &self.reference);
        match error {
            CallError::Missing(failure) => Failure {
                message: format!(
                    "GitHub: there is no workflow {workflow}, or the token may not see it; check that .github/workflows/{workflow} is on the default branch, and that the trust policy gives `actions: write`"
                ),
                ..failure
            },
            CallError::Rejected { said, .. } if said.contains("No ref found") => Failure::refused(format!(
                "GitHub: there is no branch or tag {reference} for the workflow {workflow} ({said}); change dispatch_workflow.ref"
            )),
            CallError::Rejected { said, .. } if said.contains("'workflow_dispatch'") => {
                Failure::refused(format!(
                    "GitHub: the workflow {workflow} does not let itself be started ({said}); add workflow_dispatch to its `on` at {reference}"
                ))
            }
            CallError::Rejected { said, .. } => Failure::invalid(format!(
                "GitHub, starting the workflow {workflow}: not accepted ({said}); compare dispatch_workflow.inputs with the inputs of the workflow at {reference}"
            )),
            error => error.into(),
        }
    }
}

/// Looks for a run that an earlier call or delivery has started.
struct Searching<'a> {
    action: &'a DispatchWorkflow,
    situation: &'a Situation<'a>,
    github: &'a GitHub<'a>,
    fingerprint: &'a str,
}

impl Searching<'_> {
    async fn find(&self, since: Timestamp) -> Result<Option<WorkflowRun>, Failure> {
        let runs = self.github.dispatched_runs(&self.action.workflow, since, MAX_RUNS).await?;
        // The first one of several is the one that counts.
        Ok(runs.items.into_iter().rev().find(|run| self.is_ours(run)))
    }

    /// By the event's fingerprint in the run's name; without one, by who has started it.
    fn is_ours(&self, run: &WorkflowRun) -> bool {
        if self.action.once_by.is_some() {
            return run.display_title.as_deref().is_some_and(|title| title.contains(self.fingerprint));
        }
        let topic = Topic::run(self.github.repository(), run.id);
        self.situation.bots.matches(run.actor()) && !self.situation.memory.is_taken(&topic)
    }

    /// Looks for what was started at `sent`, if it was, for as long as lists take to show it.
    async fn wait_for(&self, sent: Timestamp) -> Result<Option<WorkflowRun>, Failure> {
        let since = sent.checked_sub(DRIFT).unwrap_or(sent);
        let since = Timestamp::from_second(since.as_second()).unwrap_or(since);
        for wait in LOOKS {
            // Enough must be left to try once more.
            if wait > self.github.time_left() / 2 {
                break;
            }
            tokio::time::sleep(wait).await;
            if let Some(run) = self.find(since).await? {
                return Ok(Some(run));
            }
        }
        Ok(None)
    }
}
