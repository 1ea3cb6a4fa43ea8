//! Comments on issues and pull requests.

use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

use super::issues::User;
use super::pages::Items;
use super::{CallError, GitHub};
use crate::failure::Failure;

/// A comment on an issue or a pull request.
#[derive(Clone, Debug, Deserialize)]
pub struct IssueComment {
    /// Unique on GitHub; a later comment has a larger one.
    pub id: u64,
    /// Its place on the issue's page.
    pub html_url: String,
    /// The text.
    #[serde(default)]
    pub body: Option<String>,
    #[serde(default)]
    user: Option<User>,
}

impl IssueComment {
    /// The login of its author; empty for a deleted account.
    pub fn author(&self) -> &str {
        self.user.as_ref().map_or("", |user| &user.login)
    }
}

impl GitHub<'_> {
    /// Lists the comments on an issue or a pull request that were made or changed at `since` or later, the oldest first, at
    /// most `most`.
    ///
    /// # Errors
    /// As [`GitHub::get`].
    pub async fn comments(
        &self,
        number: u64,
        since: Timestamp,
        most: usize,
    ) -> Result<Items<IssueComment>, Failure> {
        let what = format!("listing the comments on #{number} of {}", self.repository);
        let mut url = self.repository_url(&format!("issues/{number}/comments"))?;
        url.query_pairs_mut().append_pair("since", &since.to_string()).append_pair("per_page", "100");
        self.list(url, most, &what).await
    }

    /// Comments on an issue or a pull request. `body` has at most 65,536 characters.
    ///
    /// # Errors
    /// [`CallError::Unknown`] when the comment may have been made all the same.
    pub async fn create_comment(&self, number: u64, body: &str) -> Result<IssueComment, CallError> {
        let what = format!("commenting on #{number} of {}", self.repository);
        let url = self.repository_url(&format!("issues/{number}/comments")).map_err(CallError::Failed)?;
        let answer = self.post(url, &json!({ "body": body }), &what).await?;
        answer.read(&what).map_err(CallError::Unknown)
    }

    /// Deletes a comment, or finds that it is not there.
    ///
    /// # Errors
    /// As [`GitHub::get`].
    pub async fn delete_comment(&self, id: u64) -> Result<(), Failure> {
        let what = format!("deleting the comment {id} in {}", self.repository);
        let url = self.repository_url(&format!("issues/comments/{id}"))?;
        match self.repeatable(&Method::DELETE, url, None, &what).await {
            Ok(_) | Err(CallError::Missing(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
