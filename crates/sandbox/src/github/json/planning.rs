//! Milestones and issue types as JSON.

use serde_json::{Value, json};

use super::{Urls, id_of, node_id, user};
use crate::github::issue::State;
use crate::github::repository::Repository;
use crate::github::user::User;

/// A milestone of the repository; `None` when there is none with this number.
pub(crate) fn milestone(urls: &Urls, repository: &Repository, number: u64) -> Option<Value> {
    let milestone = repository.milestones.iter().find(|milestone| milestone.number == number)?;
    let full_name = repository.full_name();
    let url = format!("{}/milestones/{number}", urls.repository(&full_name));
    let id = id_of(&format!("{full_name} milestone {number}"));
    let in_state = |state| {
        let issues = repository.issues.all().filter(|issue| issue.milestone == Some(number));
        issues.filter(|issue| issue.state == state).count()
    };
    Some(json!({
        "id": id,
        "node_id": node_id("Milestone", id),
        "url": url,
        "html_url": urls.page(&format!("{full_name}/milestone/{number}")),
        "labels_url": format!("{url}/labels"),
        "number": number,
        "state": "open",
        "title": milestone.title,
        "description": null,
        "creator": user(urls, &User::organization(&repository.owner)),
        "open_issues": in_state(State::Open),
        "closed_issues": in_state(State::Closed),
        "created_at": milestone.created_at,
        "updated_at": milestone.created_at,
        "closed_at": null,
        "due_on": null,
    }))
}

pub(crate) fn issue_type(owner: &str, name: &str) -> Value {
    let id = id_of(&format!("{owner} type {name}"));
    json!({
        "id": id,
        "node_id": node_id("IssueType", id),
        "name": name,
        "description": null,
        "color": null,
        "is_enabled": true,
    })
}
