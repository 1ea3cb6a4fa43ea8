//! What a job would do with an event, without any network: for `gatepass check`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr, Serde};
use serde_json::json;

use super::dispatch::{DraftedEvent, DraftedRun};
use super::open_issue::Drafted;
use super::situation::run_id;
use super::{Action, Job, Jobs, Target};
use crate::config::Loaded;
use crate::event::Event;
use crate::failure::Failure;
use crate::github::IssueState;
use crate::names::{OrganizationName, RepositoryName};

/// What a job would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rehearsal {
    /// Its `if` does not hold for this event.
    Ignored,
    /// It would keep this issue.
    Issue(Box<Draft>),
    /// It would read this repository.
    Read(Where),
    /// It would make this comment.
    Comment {
        /// Where the issue is.
        repository: Where,
        /// The number of the issue or pull request.
        issue: u64,
        /// The comment, without its marker.
        body: String,
    },
    /// It would run this workflow.
    Workflow {
        /// Where the workflow is.
        repository: Where,
        /// Its file.
        workflow: String,
        /// The branch or tag.
        reference: String,
        /// The inputs.
        inputs: BTreeMap<String, String>,
    },
    /// It would raise this event.
    Event {
        /// Where.
        repository: Where,
        /// Its type.
        event_type: String,
        /// Its payload, as JSON.
        payload: String,
    },
    /// It would call this action, which was written in Rust.
    Custom {
        /// Where.
        repository: Where,
        /// What the file calls it.
        action: String,
    },
}

/// The repository or repositories that a job would be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Where {
    /// This one.
    One(RepositoryName),
    /// Each of these.
    Each(Vec<RepositoryName>),
    /// Each of those of this organisation that the file's filter takes.
    Organization(OrganizationName),
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One(name) => write!(f, "{name}"),
            Self::Each(list) => {
                let names: Vec<&str> = list.iter().map(RepositoryName::as_str).collect();
                write!(f, "each of {}", names.join(", "))
            }
            Self::Organization(name) => write!(f, "each repository of {name} that `repositories` takes"),
        }
    }
}

/// An issue as the templates describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Where it would be.
    pub repository: Where,
    /// What makes it the same issue.
    pub key: Vec<String>,
    /// Open or closed.
    pub state: IssueState,
    /// The title.
    pub title: String,
    /// The managed part of the body, without its marker.
    pub body: String,
    /// The labels; the job's own first.
    pub labels: Vec<String>,
    /// Whom a new issue would be assigned to.
    pub assignees: Vec<String>,
    /// What would be said of an issue that is open already: that the event repeats it, or closes it.
    pub comment: Option<String>,
}

impl Jobs {
    /// Gives every variable of `vars` that has no value its own name for one, as `<TEAM>`.
    pub fn stand_in_vars(&mut self, file: &Loaded) {
        for name in &file.config.vars {
            self.vars.entry(name.to_string()).or_insert_with(|| format!("<{name}>"));
        }
    }

    /// Evaluates `if`, `repository` and the action's templates of `job` for `event`. What the job would read is an
    /// empty list whose fields print their own names, as `<release.tag_name>`.
    ///
    /// # Errors
    /// As the job itself would fail: Invalid when a template or the condition cannot be evaluated for this event.
    pub fn rehearse(&self, job: &Job, event: &Event) -> Result<Rehearsal, Failure> {
        let seen = self.seen(event, &[]);
        if let Some(condition) = &job.condition
            && !self.templates.holds(condition, &seen)?
        {
            return Ok(Rehearsal::Ignored);
        }
        let repository = match &job.target {
            Target::Listed(list) => Where::Each(list.clone()),
            Target::Organization(filter) => Where::Organization(filter.organization.clone()),
            Target::Fixed(_) | Target::Chosen { .. } => Where::One(self.repository(job, &seen)?),
        };
        for read in &job.reads {
            read.path(&self.templates, &seen)?;
        }
        let reads: Vec<&str> = job.reads.iter().map(|read| read.name.as_str()).collect();
        let (templates, seen) = (&self.templates, self.seen(event, &reads));
        Ok(match &job.action {
            Action::ReadRepository(_) => Rehearsal::Read(repository),
            Action::OpenIssue(action) => {
                let key = action.key(templates, &seen)?;
                let Drafted { state, title, body, labels, assignees, comment } =
                    action.draft(templates, &seen, &job.id)?;
                let draft = Draft { repository, key, state, title, body, labels, assignees, comment };
                Rehearsal::Issue(Box::new(draft))
            }
            Action::Comment(action) => {
                let drafted = action.draft(templates, &seen)?;
                Rehearsal::Comment { repository, issue: drafted.issue, body: drafted.body }
            }
            Action::DispatchWorkflow(action) => {
                let id = run_id(&self.namespace, &job.id, event);
                let DraftedRun { workflow, reference, inputs } = action.draft(templates, &seen, &id)?;
                let (workflow, reference) = (workflow.to_string(), reference.to_string());
                Rehearsal::Workflow { repository, workflow, reference, inputs }
            }
            Action::DispatchRepository(action) => {
                let DraftedEvent { event_type, payload } = action.draft(templates, &seen, event)?;
                Rehearsal::Event { repository, event_type, payload: json!(payload).to_string() }
            }
            Action::Custom(action) => Rehearsal::Custom { repository, action: action.name().to_owned() },
        })
    }

    fn seen(&self, event: &Event, reads: &[&str]) -> Value {
        let known = [("event", Value::from(Serde(event))), ("vars", Value::from(Serde(&self.vars)))];
        let reads = reads.iter().map(|&name| (name, Value::from_object(StandIn(name.to_owned()))));
        Value::from(known.into_iter().chain(reads).collect::<BTreeMap<&str, Value>>())
    }
}

/// Stands for what GitHub would answer: a list without elements, or an object whose every field is another one of
/// these. It prints as the way that leads to it.
#[derive(Debug)]
struct StandIn(String);

impl Object for StandIn {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let way = match key.as_str() {
            Some(name) => format!("{}.{name}", self.0),
            None => format!("{}[{key}]", self.0),
        };
        Some(Value::from_object(Self(way)))
    }

    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.0)
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Map, json};

    use super::*;
    use crate::config::load;
    use crate::job::Actions;

    const FILE: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
vars: [TEAM]
jobs:
  alarm:
    triggers: [{ event: { source: aws.cloudwatch } }]
    if: event.data.state != "INSUFFICIENT_DATA"
    repository: "acme/{{ event.data.service }}"
    repositories: [acme/widgets, acme/site]
    read: { pulls: "pulls?state=open", release: releases/latest }
    open_issue:
      key: ["{{ event.data.service }}"]
      state: "{{ 'closed' if event.data.state == 'OK' else 'open' }}"
      title: "{{ vars.TEAM }}: {{ pulls | length }} pulls since {{ release.tag_name }}"
      body: "{% for p in pulls %}never{% endfor %}{{ release.assets[0].name }} by {{ event.data.by }}"
      labels: [alarm, Alarm]
  report:
    triggers: [{ event: { source: aws.cloudwatch } }]
    read_repository: {}
  repeat:
    triggers: [{ event: { source: aws.cloudwatch } }]
    repositories: [acme/widgets, acme/site]
    open_issue: { key: [x], title: x, on_repeat: comment, repeat_comment: "Again: {{ event.data.by }}", assignees: [ada] }
  note:
    triggers: [{ event: { source: aws.cloudwatch } }]
    repositories: { organization: acme }
    comment: { issue: "{{ event.data.issue }}", body: "by {{ event.data.by }}" }
  deploy:
    triggers: [{ event: { source: aws.cloudwatch } }]
    dispatch_workflow:
      workflow: deploy.yml
      ref: main
      inputs: { version: { value: "{{ event.data.by }}", pattern: '@\w+' } }
      once_by: event
      max_age: 1h
  raise:
    triggers: [{ event: { source: aws.cloudwatch } }]
    dispatch_repository: { event_type: alarm, payload: { where: here } }
  own:
    triggers: [{ event: { source: aws.cloudwatch } }]
    custom: { action: paint }
"#;

    fn rehearse(job: &str, data: serde_json::Value) -> Result<Rehearsal, Failure> {
        let file = load("gatepass.yaml", FILE).unwrap();
        let (mut jobs, _) = Jobs::compile(&file, None, &Actions::any()).unwrap();
        jobs.stand_in_vars(&file);
        let event = Event {
            id: "1".into(),
            source: "aws.cloudwatch".into(),
            kind: "t".into(),
            time: Timestamp::UNIX_EPOCH,
            subject: None,
            attributes: Map::new(),
            data,
        };
        jobs.rehearse(jobs.get(job).unwrap(), &event)
    }

    #[test]
    fn an_issue_is_drafted_with_stand_ins_for_what_is_not_known_here() {
        let data = json!({ "service": "widgets", "state": "ALARM", "by": "@ada" });
        let Rehearsal::Issue(draft) = rehearse("alarm", data).unwrap() else { panic!("no issue") };
        assert_eq!(draft.repository.to_string(), "acme/widgets");
        assert_eq!((draft.key, draft.state), (vec!["widgets".to_owned()], IssueState::Open));
        assert_eq!(draft.title, "<TEAM>: 0 pulls since <release.tag_name>");
        assert_eq!(draft.body, "<release.assets[0].name> by @\u{200b}ada", "neutralised as in the real run");
        assert_eq!(draft.labels, ["gatepass:alarm", "alarm"]);
    }

    #[test]
    fn the_state_follows_the_event() {
        let data = json!({ "service": "site", "state": "OK", "by": "" });
        let Rehearsal::Issue(draft) = rehearse("alarm", data).unwrap() else { panic!("no issue") };
        assert_eq!(draft.state, IssueState::Closed);
    }

    #[test]
    fn a_condition_that_does_not_hold_comes_first() {
        assert_eq!(rehearse("alarm", json!({ "state": "INSUFFICIENT_DATA" })).unwrap(), Rehearsal::Ignored);
    }

    #[test]
    fn it_fails_as_the_job_would() {
        for (data, words) in [
            (json!({ "service": "widgets", "state": "OK" }), "jobs.alarm.open_issue.body: "),
            (json!({ "service": "other", "by": "" }), "which is not one of its `repositories`"),
        ] {
            let failure = rehearse("alarm", data).unwrap_err();
            assert!(failure.message.contains(words), "{failure}");
        }
    }

    #[test]
    fn reading_names_its_repository() {
        let expected = Rehearsal::Read(Where::One("acme/operations".parse().unwrap()));
        assert_eq!(rehearse("report", json!({})).unwrap(), expected);
    }

    #[test]
    fn a_job_for_several_repositories_says_which() {
        let data = json!({ "by": "@ada", "issue": 7 });
        let Rehearsal::Issue(draft) = rehearse("repeat", data.clone()).unwrap() else { panic!("no issue") };
        assert_eq!(draft.repository.to_string(), "each of acme/widgets, acme/site");
        assert_eq!(draft.comment.as_deref(), Some("Again: @\u{200b}ada"));
        assert_eq!(draft.assignees, ["ada"]);
        let Rehearsal::Comment { repository, issue, body } = rehearse("note", data).unwrap() else {
            panic!("no comment")
        };
        assert_eq!(repository.to_string(), "each repository of acme that `repositories` takes");
        assert_eq!((issue, body.as_str()), (7, "by @\u{200b}ada"));
    }

    #[test]
    fn what_would_be_started_is_shown_with_its_inputs() {
        let data = json!({ "by": "@ada", "issue": 7 });
        let Rehearsal::Workflow { workflow, reference, inputs, .. } =
            rehearse("deploy", data.clone()).unwrap()
        else {
            panic!("no workflow")
        };
        assert_eq!((workflow.as_str(), reference.as_str()), ("deploy.yml", "main"));
        assert_eq!((inputs["version"].as_str(), inputs["event"].len()), ("@ada", 16), "never neutralised");
        let Rehearsal::Event { event_type, payload, .. } = rehearse("raise", data.clone()).unwrap() else {
            panic!("no event")
        };
        assert_eq!(event_type, "alarm");
        assert!(payload.contains("\"where\":\"here\"") && payload.contains("\"gatepass\":{"), "{payload}");
        let Rehearsal::Custom { action, .. } = rehearse("own", data).unwrap() else { panic!("no action") };
        assert_eq!(action, "paint");
    }

    #[test]
    fn what_the_new_actions_would_fail_with_is_told() {
        for (job, data, words) in [
            ("note", json!({ "by": "x", "issue": "x" }), "comment.issue gave \"x\""),
            ("note", json!({ "issue": 1 }), "jobs.note.comment.body: "),
            ("deploy", json!({ "by": "ada" }), "jobs.deploy.dispatch_workflow.inputs.version: "),
            ("deploy", json!({}), "jobs.deploy.dispatch_workflow.inputs.version.value: "),
        ] {
            let failure = rehearse(job, data).unwrap_err();
            assert!(failure.message.contains(words), "{failure}");
        }
    }
}
