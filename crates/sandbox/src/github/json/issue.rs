//! Issues, pull requests, labels and comments as JSON.

use serde_json::{Value, json};

use super::planning::{issue_type, milestone};
use super::{Urls, commit_id, id_of, node_id, user};
use crate::github::issue::{Comment, Issue, Pull};
use crate::github::repository::{Label, Repository};
use crate::github::user::User;

pub(crate) fn label(urls: &Urls, repository: &Repository, label: &Label) -> Value {
    let full_name = repository.full_name();
    let id = id_of(&format!("{full_name} {}", label.name.to_lowercase()));
    let segment = percent_encoding::utf8_percent_encode(&label.name, percent_encoding::NON_ALPHANUMERIC);
    json!({
        "id": id,
        "node_id": node_id("Label", id),
        "url": format!("{}/labels/{segment}", urls.repository(&full_name)),
        "name": label.name,
        "color": label.color,
        "default": false,
        "description": label.description,
    })
}

fn labels(urls: &Urls, repository: &Repository, issue: &Issue) -> Vec<Value> {
    let known = issue.labels.iter().filter_map(|name| repository.label(name));
    known.map(|known| label(urls, repository, known)).collect()
}

fn assignees(urls: &Urls, issue: &Issue) -> Vec<Value> {
    issue.assignees.iter().map(|login| user(urls, &User::person(login))).collect()
}

/// GitHub's word for how an author stands to the repository.
fn association(author: &User, repository: &Repository) -> &'static str {
    if author.login == repository.owner { "OWNER" } else { "CONTRIBUTOR" }
}

pub(crate) fn issue(urls: &Urls, repository: &Repository, issue: &Issue) -> Value {
    let full_name = repository.full_name();
    let url = urls.issue(&full_name, issue.number);
    let id = u64::from(id_of(&format!("{full_name}#{}", issue.number)));
    let kind = if issue.pull.is_some() { "pull" } else { "issues" };
    let mut value = json!({
        "id": id,
        "node_id": node_id("Issue", id),
        "url": url,
        "repository_url": urls.repository(&full_name),
        "labels_url": format!("{url}/labels{{/name}}"),
        "comments_url": format!("{url}/comments"),
        "events_url": format!("{url}/events"),
        "timeline_url": format!("{url}/timeline"),
        "html_url": urls.page(&format!("{full_name}/{kind}/{}", issue.number)),
        "number": issue.number,
        "state": issue.state.as_str(),
        "state_reason": issue.state_reason.map(|reason| reason.as_str()),
        "title": issue.title,
        "body": issue.body,
        "user": user(urls, &issue.author),
        "labels": labels(urls, repository, issue),
        "assignee": assignees(urls, issue).into_iter().next(),
        "assignees": assignees(urls, issue),
        "milestone": issue.milestone.and_then(|number| milestone(urls, repository, number)),
        "type": issue.issue_type.as_deref().map(|name| issue_type(&repository.owner, name)),
        "locked": false,
        "active_lock_reason": null,
        "comments": issue.comments.len(),
        "created_at": issue.created_at,
        "updated_at": issue.updated_at,
        "closed_at": issue.closed_at,
        "closed_by": issue.closed_by.as_ref().map(|person| user(urls, person)),
        "author_association": association(&issue.author, repository),
        "performed_via_github_app": null,
    });
    if let (Some(pull), Some(fields)) = (&issue.pull, value.as_object_mut()) {
        let page = urls.page(&format!("{full_name}/pull/{}", issue.number));
        let links = json!({
            "url": format!("{}/pulls/{}", urls.repository(&full_name), issue.number),
            "html_url": page,
            "diff_url": format!("{page}.diff"),
            "patch_url": format!("{page}.patch"),
            "merged_at": null,
        });
        fields.insert("pull_request".to_owned(), links);
        fields.insert("draft".to_owned(), pull.draft.into());
    }
    value
}

pub(crate) fn comment(urls: &Urls, repository: &Repository, number: u64, comment: &Comment) -> Value {
    let full_name = repository.full_name();
    json!({
        "id": comment.id,
        "node_id": node_id("IssueComment", comment.id),
        "url": format!("{}/issues/comments/{}", urls.repository(&full_name), comment.id),
        "html_url": urls.page(&format!("{full_name}/issues/{number}#issuecomment-{}", comment.id)),
        "issue_url": urls.issue(&full_name, number),
        "body": comment.body,
        "user": user(urls, &comment.author),
        "created_at": comment.created_at,
        "updated_at": comment.updated_at,
        "author_association": association(&comment.author, repository),
        "performed_via_github_app": null,
    })
}

/// A pull request as `GET /pulls` lists it; `None` for an issue.
pub(crate) fn pull(urls: &Urls, repository: &Repository, issue: &Issue) -> Option<Value> {
    let pull = issue.pull.as_ref()?;
    let full_name = repository.full_name();
    let (root, number) = (urls.repository(&full_name), issue.number);
    let url = format!("{root}/pulls/{number}");
    let page = urls.page(&format!("{full_name}/pull/{number}"));
    let issue_url = urls.issue(&full_name, number);
    let statuses = format!("{root}/statuses/{}", head_commit(repository, pull));
    let id = id_of(&format!("{full_name}!{number}"));
    let link = |href: &str| json!({ "href": href });
    let links = json!({
        "self": link(&url),
        "html": link(&page),
        "issue": link(&issue_url),
        "comments": link(&format!("{issue_url}/comments")),
        "review_comments": link(&format!("{url}/comments")),
        "review_comment": link(&format!("{root}/pulls/comments{{/number}}")),
        "commits": link(&format!("{url}/commits")),
        "statuses": link(&statuses),
    });
    Some(json!({
        "id": id,
        "node_id": node_id("PullRequest", id),
        "url": url,
        "html_url": page,
        "diff_url": format!("{page}.diff"),
        "patch_url": format!("{page}.patch"),
        "issue_url": issue_url,
        "commits_url": format!("{url}/commits"),
        "review_comments_url": format!("{url}/comments"),
        "review_comment_url": format!("{root}/pulls/comments{{/number}}"),
        "comments_url": format!("{issue_url}/comments"),
        "statuses_url": statuses,
        "number": number,
        "state": issue.state.as_str(),
        "locked": false,
        "active_lock_reason": null,
        "title": issue.title,
        "body": issue.body,
        "user": user(urls, &issue.author),
        "labels": labels(urls, repository, issue),
        "milestone": issue.milestone.and_then(|number| milestone(urls, repository, number)),
        "assignee": assignees(urls, issue).into_iter().next(),
        "assignees": assignees(urls, issue),
        "requested_reviewers": [],
        "requested_teams": [],
        "created_at": issue.created_at,
        "updated_at": issue.updated_at,
        "closed_at": issue.closed_at,
        "merged_at": null,
        "merge_commit_sha": null,
        "draft": pull.draft,
        "auto_merge": null,
        "author_association": association(&issue.author, repository),
        "head": branch_end(urls, repository, &pull.head, &issue.author),
        "base": branch_end(urls, repository, &pull.base, &User::organization(&repository.owner)),
        "_links": links,
    }))
}

fn head_commit(repository: &Repository, pull: &Pull) -> String {
    commit_id(&format!("{} {}", repository.full_name(), pull.head))
}

fn branch_end(urls: &Urls, repository: &Repository, branch: &str, owner: &User) -> Value {
    json!({
        "label": format!("{}:{branch}", repository.owner),
        "ref": branch,
        "sha": commit_id(&format!("{} {branch}", repository.full_name())),
        "user": user(urls, owner),
        "repo": super::repository(urls, repository),
    })
}
