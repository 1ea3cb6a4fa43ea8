//! Starting workflows, and what was started.

use std::collections::BTreeMap;

use axum::body::Bytes;
use serde_json::{Map, Value, json};

use crate::github::actions::{RepositoryDispatch, Run, Workflow};
use crate::github::created::Created;
use crate::github::fields::Fields;
use crate::github::json;
use crate::github::permission::Need;
use crate::github::query::invalid;
use crate::github::refusal::Refusal;
use crate::github::reply::Reply;
use crate::github::repository::Repository;
use crate::github::visit::Visit;

/// What the API starts a workflow with.
const EVENT: &str = "workflow_dispatch";
/// The most inputs of a dispatch.
const MAX_INPUTS: usize = 25;
/// The most properties at the top of a `client_payload`.
const MAX_PROPERTIES: usize = 10;
/// The largest `client_payload`, in bytes of JSON.
const MAX_PAYLOAD: usize = 64 * 1024;
/// The longest `event_type`, in characters.
const MAX_EVENT_TYPE: usize = 100;

/// `POST …/actions/workflows/{workflow}/dispatches`: 204, or 200 with where the run is when that is asked for.
pub(crate) async fn dispatch(visit: Visit, body: Bytes) -> Result<Reply, Refusal> {
    visit.repository(Need::WRITE_ACTIONS, |scene| {
        let workflow = find(scene.repository, visit.param("workflow"))?.clone();
        let fields = Fields::parse("WorkflowDispatch", &body)?;
        let name = text(&fields, "ref")?;
        let branch = scene.repository.resolve_ref(&name);
        let branch = branch.ok_or_else(|| Refusal::unprocessable(format!("No ref found for: {name}")))?;
        let inputs = workflow.take(inputs(&fields)?).map_err(Refusal::unprocessable)?;
        let details = fields.value("return_run_details") == Some(&Value::Bool(true));

        let run = Run {
            id: 0,
            number: 0,
            title: workflow.title(&inputs),
            workflow: workflow.file,
            event: EVENT.to_owned(),
            branch: branch.to_owned(),
            inputs,
            actor: scene.actor.clone(),
            created_at: scene.now,
        };
        let run = scene.repository.runs.add(scene.repository.id, run);
        let reply = if details {
            Reply::ok(&json::run_details(scene.urls, scene.repository, &run))
        } else {
            Reply::no_content()
        };
        Ok(reply.note(format!("workflow {} dispatched as {:?}", run.workflow, run.title)))
    })
}

/// `GET …/actions/workflows/{workflow}/runs`: by `event`, `created`, `actor`, `branch`; the latest first.
pub(crate) async fn runs(visit: Visit) -> Result<Reply, Refusal> {
    let query = &visit.query;
    let created = query.get("created").map(|text| Created::parse(text).ok_or_else(|| invalid("created")));
    let created = created.transpose()?;
    visit.repository(Need::READ_ACTIONS, |scene| {
        let workflow = find(scene.repository, visit.param("workflow"))?.clone();
        let is = |name: &str, value: &str| query.get(name).is_none_or(|wanted| wanted == value);
        let found: Vec<Run> = scene
            .repository
            .runs
            .list()
            .filter(|run| run.workflow == workflow.file)
            .filter(|run| is("event", &run.event) && is("branch", &run.branch))
            .filter(|run| is("actor", &run.actor.login) && is("status", "queued"))
            .filter(|run| created.is_none_or(|created| created.includes(run.created_at)))
            .cloned()
            .collect();
        let total = found.len();
        let found = found.iter().map(|run| json::run(scene.urls, scene.repository, &workflow, run)).collect();
        let address =
            scene.list_address(&format!("actions/workflows/{}/runs", workflow.id(scene.repository)));
        Ok(query.page(found, &address, |page| json!({ "total_count": total, "workflow_runs": page })))
    })
}

/// `POST …/dispatches`.
pub(crate) async fn dispatch_repository(visit: Visit, body: Bytes) -> Result<Reply, Refusal> {
    visit.repository(Need::WRITE_CONTENTS, |scene| {
        let fields = Fields::parse("RepositoryDispatch", &body)?;
        let event_type = text(&fields, "event_type")?;
        if event_type.is_empty() || event_type.chars().count() > MAX_EVENT_TYPE {
            return Err(Refusal::schema(format!(
                "\"event_type\" has to have 1 to {MAX_EVENT_TYPE} characters."
            )));
        }
        let payload = object(&fields, "client_payload")?;
        if let Some(count) = payload.map(Map::len).filter(|count| *count > MAX_PROPERTIES) {
            return Err(Refusal::schema(format!(
                "No more than {MAX_PROPERTIES} properties are allowed; {count} were supplied."
            )));
        }
        let client_payload = payload.cloned().map_or(Value::Null, Value::Object);
        if client_payload.to_string().len() > MAX_PAYLOAD {
            return Err(Refusal::unprocessable("client_payload is too large."));
        }
        let note = format!("repository_dispatch {event_type:?} by {}", scene.actor.login);
        let (actor, created_at) = (scene.actor.clone(), scene.now);
        let dispatch = RepositoryDispatch { event_type, client_payload, actor, created_at };
        scene.repository.dispatches.push(dispatch);
        Ok(Reply::no_content().note(note))
    })
}

/// The workflow with this file or number.
fn find<'a>(repository: &'a Repository, wanted: &str) -> Result<&'a Workflow, Refusal> {
    let is_it =
        |workflow: &&Workflow| workflow.file == wanted || workflow.id(repository).to_string() == wanted;
    repository.workflows.iter().find(is_it).ok_or_else(Refusal::not_found)
}

fn text(fields: &Fields, field: &str) -> Result<String, Refusal> {
    match fields.value(field) {
        Some(Value::String(text)) => Ok(text.clone()),
        Some(other) => Err(Refusal::schema(format!("For 'properties/{field}', {other} is not a string."))),
        None => Err(Refusal::schema(format!("{field:?} wasn't supplied."))),
    }
}

fn object<'a>(fields: &'a Fields, field: &str) -> Result<Option<&'a Map<String, Value>>, Refusal> {
    match fields.value(field) {
        Some(Value::Object(object)) => Ok(Some(object)),
        Some(other) => Err(Refusal::schema(format!("For 'properties/{field}', {other} is not an object."))),
        None => Ok(None),
    }
}

/// Every input as the text that the workflow sees.
fn inputs(fields: &Fields) -> Result<BTreeMap<String, String>, Refusal> {
    let Some(given) = object(fields, "inputs")? else { return Ok(BTreeMap::new()) };
    if given.len() > MAX_INPUTS {
        let problem =
            format!("No more than {MAX_INPUTS} properties are allowed; {} were supplied.", given.len());
        return Err(Refusal::schema(problem));
    }
    let as_text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    let inputs = given.iter().map(|(name, value)| {
        let problem = || Refusal::schema(format!("For 'properties/inputs/{name}', {value} is not a string."));
        Ok((name.clone(), as_text(value).ok_or_else(problem)?))
    });
    inputs.collect()
}
