//! What a job would do with an event, without any network: for `gatepass check`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use minijinja::Value;
use minijinja::value::{Object, ObjectRepr, Serde};

use super::open_issue::Drafted;
use super::{Action, Job, Jobs};
use crate::config::Loaded;
use crate::event::Event;
use crate::failure::Failure;
use crate::github::IssueState;
use crate::names::RepositoryName;

/// What a job would do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rehearsal {
    /// Its `if` does not hold for this event.
    Ignored,
    /// It would keep this issue.
    Issue(Draft),
    /// It would read this repository.
    Read(RepositoryName),
}

/// An issue as the templates describe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Where it would be.
    pub repository: RepositoryName,
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
        let repository = self.repository(job, &seen)?;
        for read in &job.reads {
            read.path(&self.templates, &seen)?;
        }
        let action = match &job.action {
            Action::ReadRepository(_) => return Ok(Rehearsal::Read(repository)),
            Action::OpenIssue(action) => action,
        };
        let reads: Vec<&str> = job.reads.iter().map(|read| read.name.as_str()).collect();
        let seen = self.seen(event, &reads);
        let key = action.key(&self.templates, &seen)?;
        let Drafted { state, title, body, labels } = action.draft(&self.templates, &seen, &job.id)?;
        Ok(Rehearsal::Issue(Draft { repository, key, state, title, body, labels }))
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
"#;

    fn rehearse(job: &str, data: serde_json::Value) -> Result<Rehearsal, Failure> {
        let file = load("gatepass.yaml", FILE).unwrap();
        let (mut jobs, _) = Jobs::compile(&file, None).unwrap();
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
        assert_eq!(draft.repository.as_str(), "acme/widgets");
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
        let expected = Rehearsal::Read("acme/operations".parse().unwrap());
        assert_eq!(rehearse("report", json!({})).unwrap(), expected);
    }
}
