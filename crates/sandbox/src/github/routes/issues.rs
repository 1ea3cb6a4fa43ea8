//! Issues: list, read, create, change.

use axum::body::Bytes;

use crate::github::fields::{Fields, MAX_BODY, MAX_TITLE};
use crate::github::issue::{Issue, State, StateReason};
use crate::github::json;
use crate::github::permission::{Level, Need};
use crate::github::planning::Plan;
use crate::github::refusal::Refusal;
use crate::github::reply::Reply;
use crate::github::visit::Visit;

/// What a list is sorted by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sort {
    Created,
    Updated,
    Comments,
}

impl Sort {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word {
            "created" => Some(Self::Created),
            "updated" => Some(Self::Updated),
            "comments" => Some(Self::Comments),
            _ => None,
        }
    }
}

/// Which end of a list comes first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Direction {
    Ascending,
    Descending,
}

impl Direction {
    pub(crate) fn parse(word: &str) -> Option<Self> {
        match word {
            "asc" => Some(Self::Ascending),
            "desc" => Some(Self::Descending),
            _ => None,
        }
    }
}

/// `open`, `closed`, or `all`, which is no filter.
pub(crate) fn state_filter(word: &str) -> Option<Option<State>> {
    if word == "all" { Some(None) } else { State::parse(word).map(Some) }
}

pub(crate) fn order(issues: &mut [&Issue], sort: Sort, direction: Direction) {
    issues.sort_by_key(|issue| match sort {
        Sort::Created => (issue.created_at.as_second(), issue.number),
        Sort::Updated => (issue.updated_at.as_second(), issue.number),
        Sort::Comments => (i64::try_from(issue.comments.len()).unwrap_or(i64::MAX), issue.number),
    });
    if direction == Direction::Descending {
        issues.reverse();
    }
}

/// `GET …/issues`: issues and pull requests by `state`, `labels`, `since`, `creator`, `sort`, `direction`.
pub(crate) async fn list(visit: Visit) -> Result<Reply, Refusal> {
    let query = &visit.query;
    let state = query.word("state", Some(State::Open), state_filter)?;
    let sort = query.word("sort", Sort::Created, Sort::parse)?;
    let direction = query.word("direction", Direction::Descending, Direction::parse)?;
    let since = query.timestamp("since")?;
    let labels: Vec<&str> = query
        .get("labels")
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();

    visit.issues(Need::READ_ISSUES, |scene| {
        let listed: Vec<Issue> = scene.repository.issues.list().cloned().collect();
        let mut found: Vec<&Issue> = listed
            .iter()
            .filter(|issue| state.is_none_or(|state| issue.state == state))
            .filter(|issue| labels.iter().all(|label| issue.has_label(label)))
            .filter(|issue| since.is_none_or(|since| issue.updated_at >= since))
            .filter(|issue| query.get("creator").is_none_or(|login| issue.author.login == login))
            .collect();
        order(&mut found, sort, direction);
        let found = found.iter().map(|issue| json::issue(scene.urls, scene.repository, issue)).collect();
        Ok(query.page(found, &scene.list_address("issues"), |page| page))
    })
}

/// `GET …/issues/{number}`.
pub(crate) async fn get(visit: Visit) -> Result<Reply, Refusal> {
    visit.numbered(Level::Read, |scene, number| {
        let issue = scene.repository.issues.get(number).ok_or_else(Refusal::not_found)?;
        Ok(Reply::ok(&json::issue(scene.urls, scene.repository, issue)))
    })
}

/// `POST …/issues`: `title`, `body`, `labels`, and what [`Plan`] reads.
pub(crate) async fn create(visit: Visit, body: Bytes) -> Result<Reply, Refusal> {
    visit.issues(Need::WRITE_ISSUES, |scene| {
        let mut fields = Fields::parse("Issue", &body)?;
        let title = fields.required_text("title", MAX_TITLE);
        let text = fields.text("body", MAX_BODY).flatten();
        let labels = fields.labels().unwrap_or_default();
        let plan = Plan::read(&mut fields, scene);
        fields.finish()?;

        let mut issue = Issue::new(title.trim(), text.as_deref(), scene.actor.clone(), scene.now);
        plan.apply(&mut issue);
        if scene.labels_stick {
            issue.labels = scene.repository.ensure_labels(&labels);
        }
        let issue = scene.repository.issues.add(issue);
        let note = format!("issue #{} created by {}", issue.number, scene.actor.login);
        Ok(Reply::created(&json::issue(scene.urls, scene.repository, &issue)).note(note))
    })
}

/// `PATCH …/issues/{number}`: `title`, `body`, `state` with `state_reason`, `labels`, which replace those there
/// are, and what [`Plan`] reads. What is not sent stays.
pub(crate) async fn update(visit: Visit, body: Bytes) -> Result<Reply, Refusal> {
    visit.numbered(Level::Write, |scene, number| {
        let mut fields = Fields::parse("Issue", &body)?;
        let title = fields.text("title", MAX_TITLE).flatten();
        if title.as_deref().is_some_and(|title| title.trim().is_empty()) {
            fields.error("title", "missing_field", None);
        }
        let text = fields.text("body", MAX_BODY);
        let state = fields.word("state", State::parse);
        let reason = fields.word("state_reason", StateReason::parse);
        let labels = fields.labels();
        let plan = Plan::read(&mut fields, scene);
        fields.finish()?;

        let labels =
            labels.filter(|_| scene.labels_stick).map(|names| scene.repository.ensure_labels(&names));
        let (actor, now) = (scene.actor, scene.now);
        let changed = scene.repository.issues.change(number, now, |issue| {
            if let Some(title) = title {
                issue.title = title.trim().to_owned();
            }
            if let Some(text) = text {
                issue.body = text;
            }
            if let Some(labels) = labels {
                issue.labels = labels;
            }
            plan.apply(issue);
            if let Some(state) = state {
                issue.change_state(state, reason, actor, now);
            }
        });
        let issue = changed.ok_or_else(Refusal::not_found)?;
        let what = match state {
            Some(State::Closed) => "closed",
            Some(State::Open) => "open",
            None => "updated",
        };
        let note = format!("issue #{number} {what} by {}", actor.login);
        Ok(Reply::ok(&json::issue(scene.urls, scene.repository, &issue)).note(note))
    })
}
