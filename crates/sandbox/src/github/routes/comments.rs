//! Comments on issues and pull requests.

use axum::body::Bytes;

use crate::github::fields::{Fields, MAX_BODY};
use crate::github::json;
use crate::github::permission::Level;
use crate::github::refusal::Refusal;
use crate::github::reply::Reply;
use crate::github::visit::Visit;

/// `GET …/issues/{number}/comments`: `since`, by when they were changed last; oldest first.
pub(crate) async fn list(visit: Visit) -> Result<Reply, Refusal> {
    let since = visit.query.timestamp("since")?;
    visit.numbered(Level::Read, |scene, number| {
        let issue = scene.repository.issues.get(number).ok_or_else(Refusal::not_found)?;
        let comments = issue.comments.iter();
        let comments = comments.filter(|comment| since.is_none_or(|since| comment.updated_at >= since));
        let comments =
            comments.map(|comment| json::comment(scene.urls, scene.repository, number, comment)).collect();
        let address = scene.list_address(&format!("issues/{number}/comments"));
        Ok(visit.query.page(comments, &address, |page| page))
    })
}

/// `POST …/issues/{number}/comments`.
pub(crate) async fn create(visit: Visit, body: Bytes) -> Result<Reply, Refusal> {
    visit.numbered(Level::Write, |scene, number| {
        let mut fields = Fields::parse("IssueComment", &body)?;
        let text = fields.required_text("body", MAX_BODY);
        fields.finish()?;
        let comment = scene
            .repository
            .comment(number, &text, scene.actor.clone(), scene.now)
            .ok_or_else(Refusal::not_found)?;
        let note = format!("issue #{number} commented by {}", comment.author.login);
        Ok(Reply::created(&json::comment(scene.urls, scene.repository, number, &comment)).note(note))
    })
}

/// `GET …/issues/comments/{id}`.
pub(crate) async fn get(visit: Visit) -> Result<Reply, Refusal> {
    visit.commented(Level::Read, |scene, number, id| {
        let issue = scene.repository.issues.get(number).ok_or_else(Refusal::not_found)?;
        let comment = issue.comments.iter().find(|comment| comment.id == id);
        let comment = comment.ok_or_else(Refusal::not_found)?;
        Ok(Reply::ok(&json::comment(scene.urls, scene.repository, number, comment)))
    })
}

/// `PATCH …/issues/comments/{id}`.
pub(crate) async fn update(visit: Visit, body: Bytes) -> Result<Reply, Refusal> {
    visit.commented(Level::Write, |scene, number, id| {
        let mut fields = Fields::parse("IssueComment", &body)?;
        let text = fields.required_text("body", MAX_BODY);
        fields.finish()?;
        let comment =
            scene.repository.rewrite_comment(id, &text, scene.now).ok_or_else(Refusal::not_found)?;
        let note = format!("comment on issue #{number} changed by {}", scene.actor.login);
        Ok(Reply::ok(&json::comment(scene.urls, scene.repository, number, &comment)).note(note))
    })
}

/// `DELETE …/issues/comments/{id}`.
pub(crate) async fn delete(visit: Visit) -> Result<Reply, Refusal> {
    visit.commented(Level::Write, |scene, number, id| {
        scene.repository.delete_comment(id, scene.now).ok_or_else(Refusal::not_found)?;
        Ok(Reply::no_content().note(format!("comment on issue #{number} deleted by {}", scene.actor.login)))
    })
}
