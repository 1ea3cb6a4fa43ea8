use jiff::Timestamp;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use super::pages::Items;
use super::{CallError, GitHub};
use crate::failure::Failure;

/// Open or closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IssueState {
    /// Open.
    Open,
    /// Closed.
    Closed,
}

impl IssueState {
    /// As GitHub spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// Why an issue has its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StateReason {
    /// Done.
    Completed,
    /// A person does not want it.
    NotPlanned,
    /// Open again.
    Reopened,
    /// The same as another.
    Duplicate,
    /// One that this version does not know.
    #[serde(other)]
    Other,
}

/// An issue, or a pull request: GitHub lists both.
#[derive(Clone, Debug, Deserialize)]
pub struct Issue {
    /// Its number in the repository.
    pub number: u64,
    /// Its page.
    pub html_url: String,
    /// The title.
    pub title: String,
    /// The body; GitHub says null for an empty one.
    #[serde(default)]
    pub body: Option<String>,
    /// Open or closed.
    pub state: IssueState,
    /// Why.
    #[serde(default)]
    pub state_reason: Option<StateReason>,
    /// When it was closed.
    #[serde(default)]
    pub closed_at: Option<Timestamp>,
    #[serde(default)]
    user: Option<User>,
    #[serde(default)]
    labels: Vec<Label>,
    #[serde(default)]
    pull_request: Option<serde::de::IgnoredAny>,
}

/// An account.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct User {
    pub(super) login: String,
}

/// GitHub lists labels as objects; its older answers have plain names.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Label {
    Object { name: Option<String> },
    Name(String),
}

impl Issue {
    /// The login of its author; empty for a deleted account.
    pub fn author(&self) -> &str {
        self.user.as_ref().map_or("", |user| &user.login)
    }

    /// The names of its labels.
    pub fn labels(&self) -> impl Iterator<Item = &str> {
        self.labels.iter().filter_map(|label| match label {
            Label::Object { name } => name.as_deref(),
            Label::Name(name) => Some(name.as_str()),
        })
    }

    /// Whether it has this label. GitHub compares names without regard to case.
    pub fn has_label(&self, name: &str) -> bool {
        self.labels().any(|label| label.eq_ignore_ascii_case(name))
    }

    /// Whether it is a pull request.
    pub fn is_pull_request(&self) -> bool {
        self.pull_request.is_some()
    }
}

/// Which issues to list: open ones by age, the oldest first; closed ones by their last change, the newest first.
#[derive(Clone, Debug)]
pub struct IssueQuery<'a> {
    /// Open or closed.
    pub state: IssueState,
    /// All have this label.
    pub label: Option<&'a str>,
    /// Updated at this time or later.
    pub since: Option<Timestamp>,
}

/// An issue to open.
#[derive(Clone, Debug, Default, Serialize)]
pub struct NewIssue<'a> {
    /// At most 256 characters.
    pub title: &'a str,
    /// At most 65,536 characters.
    pub body: &'a str,
    /// Created by GitHub where they do not exist.
    pub labels: &'a [String],
    /// Logins, at most ten.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub assignees: &'a [String],
    /// The number of a milestone of the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milestone: Option<u32>,
    /// The name of an issue type of the organisation.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'a str>,
}

/// What to change of an issue; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IssuePatch {
    /// The title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The whole body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Open or closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<IssueState>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_reason: Option<StateReason>,
}

impl GitHub<'_> {
    /// Lists issues, at most `most`. Pull requests, which GitHub lists among them, are left out and do not count.
    ///
    /// # Errors
    /// As [`GitHub::get`].
    pub async fn issues(&self, query: &IssueQuery<'_>, most: usize) -> Result<Items<Issue>, Failure> {
        let what = format!("listing the issues of {}", self.repository);
        let is_issue = |issue: &Issue| !issue.is_pull_request();
        self.list_wanted(self.issues_url(query)?, most, &what, is_issue).await
    }

    /// Where to list issues.
    ///
    /// # Errors
    /// As [`GitHub::repository_url`].
    pub fn issues_url(&self, query: &IssueQuery<'_>) -> Result<Url, Failure> {
        let mut url = self.repository_url("issues")?;
        {
            let mut pairs = url.query_pairs_mut();
            pairs.append_pair("state", query.state.name());
            if let Some(label) = query.label {
                pairs.append_pair("labels", label);
            }
            if let Some(since) = query.since {
                pairs.append_pair("since", &since.to_string());
            }
            let (sort, direction) = match query.state {
                IssueState::Open => ("created", "asc"),
                IssueState::Closed => ("updated", "desc"),
            };
            pairs
                .append_pair("sort", sort)
                .append_pair("direction", direction)
                .append_pair("per_page", "100");
        }
        Ok(url)
    }

    /// Reads one issue as it is now, where a list may lag behind; `None` when it is not there or no longer.
    ///
    /// # Errors
    /// As [`GitHub::get`].
    pub async fn issue(&self, number: u64) -> Result<Option<Issue>, Failure> {
        let what = format!("reading issue #{number} of {}", self.repository);
        let answer = self.find(self.repository_url(&format!("issues/{number}"))?, &what).await?;
        answer.map(|answer| answer.read(&what)).transpose()
    }

    /// Opens an issue.
    ///
    /// # Errors
    /// [`CallError::Unknown`] when it may have been opened all the same.
    pub async fn create_issue(&self, issue: &NewIssue<'_>) -> Result<Issue, CallError> {
        let what = format!("opening an issue in {}", self.repository);
        let url = self.repository_url("issues").map_err(CallError::Failed)?;
        let answer = self.post(url, &json!(issue), &what).await?;
        answer.read(&what).map_err(CallError::Unknown)
    }

    /// Changes an issue.
    ///
    /// # Errors
    /// As [`GitHub::patch`].
    pub async fn update_issue(&self, number: u64, patch: &IssuePatch) -> Result<Issue, Failure> {
        let what = format!("changing issue #{number} of {}", self.repository);
        let url = self.repository_url(&format!("issues/{number}"))?;
        self.patch(url, &json!(patch), &what).await?.read(&what)
    }

    /// Adds labels to an issue; those that others have given stay.
    ///
    /// # Errors
    /// As [`GitHub::get`].
    pub async fn add_labels(&self, number: u64, labels: &[&str]) -> Result<(), Failure> {
        let what = format!("labelling issue #{number} of {}", self.repository);
        let url = self.repository_url(&format!("issues/{number}/labels"))?;
        self.repeatable(&Method::POST, url, Some(&json!({ "labels": labels })), &what).await?;
        Ok(())
    }
}
