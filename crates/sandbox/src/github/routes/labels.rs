//! Labels of a repository and of an issue.

use axum::body::Bytes;
use serde_json::Value;

use crate::github::fields::{Fields, MAX_LABEL};
use crate::github::json;
use crate::github::permission::{Level, Need};
use crate::github::refusal::Refusal;
use crate::github::reply::Reply;
use crate::github::repository::Label;
use crate::github::visit::{Scene, Visit};

/// The longest description of a label, in characters.
const MAX_DESCRIPTION: usize = 100;

/// `GET …/labels`.
pub(crate) async fn list(visit: Visit) -> Result<Reply, Refusal> {
    visit.repository(Need::READ_EITHER, |scene| {
        let labels = scene.repository.labels.iter();
        let labels = labels.map(|label| json::label(scene.urls, scene.repository, label)).collect();
        Ok(visit.query.page(labels, &scene.list_address("labels"), |page| page))
    })
}

/// `POST …/labels`: 422 `already_exists` for one that is there.
pub(crate) async fn create(visit: Visit, body: Bytes) -> Result<Reply, Refusal> {
    visit.repository(Need::WRITE_EITHER, |scene| {
        let mut fields = Fields::parse("Label", &body)?;
        let name = fields.required_text("name", MAX_LABEL);
        let color = fields.word("color", color);
        let description = fields.text("description", MAX_DESCRIPTION).flatten();
        if scene.repository.label(&name).is_some() {
            fields.error("name", "already_exists", None);
        }
        fields.finish()?;

        let label = Label { name, color: color.unwrap_or_else(|| "ededed".to_owned()), description };
        scene.repository.labels.push(label.clone());
        let note = format!("label {:?} created", label.name);
        Ok(Reply::created(&json::label(scene.urls, scene.repository, &label)).note(note))
    })
}

fn color(text: &str) -> Option<String> {
    let is_hex = text.len() == 6 && text.chars().all(|digit| digit.is_ascii_hexdigit());
    is_hex.then(|| text.to_owned())
}

/// `POST …/issues/{number}/labels`: adds to those there are.
pub(crate) async fn add(visit: Visit, body: Bytes) -> Result<Reply, Refusal> {
    visit.numbered(Level::Write, |scene, number| {
        // Both a bare list and an object with `labels` are accepted.
        let body = match serde_json::from_slice(&body) {
            Ok(Value::Array(names)) => Bytes::from(serde_json::json!({ "labels": names }).to_string()),
            _ => body,
        };
        let mut fields = Fields::parse("Issue", &body)?;
        let names = fields.labels().unwrap_or_default();
        if names.is_empty() {
            fields.error("labels", "missing_field", None);
        }
        fields.finish()?;
        if scene.labels_stick {
            let names = scene.repository.ensure_labels(&names);
            scene.repository.issues.change(number, scene.now, |issue| {
                let new: Vec<String> = names.into_iter().filter(|name| !issue.has_label(name)).collect();
                issue.labels.extend(new);
            });
        }
        labels_of(scene, number)
    })
}

/// `DELETE …/issues/{number}/labels/{name}`: answers those that remain.
pub(crate) async fn remove(visit: Visit) -> Result<Reply, Refusal> {
    let name = visit.param("name").to_owned();
    visit.numbered(Level::Write, |scene, number| {
        if !scene.repository.issues.get(number).is_some_and(|issue| issue.has_label(&name)) {
            return Err(Refusal::label_does_not_exist());
        }
        scene.repository.issues.change(number, scene.now, |issue| {
            issue.labels.retain(|label| !label.eq_ignore_ascii_case(&name));
        });
        labels_of(scene, number)
    })
}

fn labels_of(scene: &Scene<'_>, number: u64) -> Result<Reply, Refusal> {
    let issue = scene.repository.issues.get(number).ok_or_else(Refusal::not_found)?;
    let labels = issue.labels.iter().filter_map(|name| scene.repository.label(name));
    let labels: Value = labels.map(|label| json::label(scene.urls, scene.repository, label)).collect();
    Ok(Reply::ok(&labels).note(format!("issue #{number} labelled {}", issue.labels.join(", "))))
}
