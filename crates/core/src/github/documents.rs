//! Any part of the API below the repository, as JSON: for actions of one's own.

use serde_json::Value;

use super::{Answer, CallError, GitHub};
use crate::failure::Failure;

impl GitHub<'_> {
    /// Reads one document at a path below the repository, as in `releases/latest`; the repository itself when it is empty.
    ///
    /// # Errors
    /// As [`GitHub::get`].
    pub async fn document(&self, path: &str) -> Result<Value, Failure> {
        let what = match path {
            "" => format!("reading {}", self.repository),
            path => format!("reading {path} of {}", self.repository),
        };
        self.get(self.repository_url(path)?, &what).await?.read(&what)
    }

    /// As [`GitHub::document`], of what need not be there.
    ///
    /// # Errors
    /// As [`GitHub::get`], but 404 is `None`.
    pub async fn find_document(&self, path: &str) -> Result<Option<Value>, Failure> {
        let what = format!("reading {path} of {}", self.repository);
        let answer = self.find(self.repository_url(path)?, &what).await?;
        answer.map(|answer| answer.read(&what)).transpose()
    }

    /// Creates something at a path below the repository, as in `statuses/SHA`, and never blindly again. The answer is null when
    /// GitHub says nothing.
    ///
    /// # Errors
    /// [`CallError::Unknown`] when it may have been created all the same: look for it before another try.
    pub async fn post_document(&self, path: &str, body: &Value) -> Result<Value, CallError> {
        let what = format!("posting to {path} of {}", self.repository);
        let url = self.repository_url(path).map_err(CallError::Failed)?;
        self.post(url, body, &what).await?.value(&what).map_err(CallError::Unknown)
    }

    /// Changes what is at a path below the repository; the same change may be made several times. The answer is null when
    /// GitHub says nothing.
    ///
    /// # Errors
    /// As [`GitHub::get`].
    pub async fn patch_document(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        let what = format!("changing {path} of {}", self.repository);
        self.patch(self.repository_url(path)?, body, &what).await?.value(&what)
    }
}

impl Answer {
    /// Whether GitHub has said nothing, as with 204.
    pub fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    fn value(&self, what: &str) -> Result<Value, Failure> {
        if self.is_empty() { Ok(Value::Null) } else { self.read(what) }
    }
}
