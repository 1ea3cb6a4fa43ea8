//! Comments on issues and pull requests.

use axum::body::Bytes;

use crate::github::fields::{Fields, MAX_BODY};
use crate::github::json;
use crate::github::permission::Level;
use crate::github::refusal::Refusal;
use crate::github::reply::Reply;
use crate::github::visit::Visit;

/// `GET …/issues/{number}/comments`, oldest first.
pub(crate) async fn list(visit: Visit) -> Result<Reply, Refusal> {
    visit.numbered(Level::Read, |scene, number| {
        let issue = scene.repository.issues.get(number).ok_or_else(Refusal::not_found)?;
        let comments = issue.comments.iter();
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
