//! The action `read_repository`: answers with what the repository is, in GitHub's field names.

use serde_json::{Map, Value};

use crate::config::{self, Include};
use crate::failure::Failure;
use crate::github::{GitHub, IssueQuery, IssueState, Items};
use crate::report::{Done, Status};

/// The most issues or pull requests that are answered.
const MAX_ITEMS: usize = 500;

/// A compiled `read_repository`.
#[derive(Debug)]
pub(super) struct ReadRepository {
    include: Vec<Include>,
}

impl ReadRepository {
    pub(super) fn compile(action: &config::ReadRepository) -> Self {
        Self { include: action.include.clone() }
    }

    /// The permissions that it needs to read, in the words of a trust policy.
    pub(super) fn permissions(&self) -> impl Iterator<Item = &'static str> {
        let included = self.include.iter().map(|include| match include {
            Include::Languages | Include::LatestRelease => "contents",
            Include::OpenIssues => "issues",
            Include::OpenPulls => "pull_requests",
        });
        std::iter::once("contents").chain(included)
    }

    pub(super) async fn run(&self, github: &GitHub<'_>) -> Result<Done, Failure> {
        let repository = github.document("").await?;
        let url = repository.get("html_url").and_then(Value::as_str).map(str::to_owned);
        let mut fields = Map::from_iter([("repository".to_owned(), repository)]);
        for include in &self.include {
            fields.insert(include.name().to_owned(), read(*include, github).await?);
        }
        Ok(Done { url, fields, ..Done::new(Status::Read) })
    }
}

async fn read(include: Include, github: &GitHub<'_>) -> Result<Value, Failure> {
    match include {
        Include::Languages => github.document("languages").await,
        Include::LatestRelease => {
            // The repository has just been read, so a 404 means that there is none.
            let what = "reading the latest release";
            let release = github.find(github.repository_url("releases/latest")?, what).await?;
            release.map_or(Ok(Value::Null), |release| release.read(what))
        }
        Include::OpenIssues => {
            let url = github.issues_url(&IssueQuery { state: IssueState::Open, label: None, since: None })?;
            let is_issue = |issue: &Value| issue.get("pull_request").is_none();
            all(include, github.list_wanted(url, MAX_ITEMS, "listing open issues", is_issue).await?)
        }
        Include::OpenPulls => {
            let url = github.repository_url("pulls?state=open&per_page=100")?;
            all(include, github.list(url, MAX_ITEMS, "listing open pull requests").await?)
        }
    }
}

/// A part of a list would look like the whole.
fn all(include: Include, items: Items<Value>) -> Result<Value, Failure> {
    if items.more {
        return Err(Failure::refused(format!(
            "there are more than {MAX_ITEMS} {}; take it out of read_repository.include",
            include.name()
        )));
    }
    Ok(Value::Array(items.items))
}
