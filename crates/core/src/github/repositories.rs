use serde::Deserialize;

use super::GitHub;
use crate::failure::Failure;
use crate::names::RepositoryName;

/// How many repositories a job can be for.
const MOST: usize = 5000;

/// A repository that a token reaches.
#[derive(Clone, Debug, Deserialize)]
pub struct RepositoryListed {
    /// `owner/name`.
    pub full_name: RepositoryName,
    /// Whether nobody can write to it.
    #[serde(default)]
    pub archived: bool,
    /// Whether it is a fork.
    #[serde(default)]
    pub fork: bool,
    /// Its topics.
    #[serde(default)]
    pub topics: Vec<String>,
}

/// A page of them.
#[derive(Deserialize)]
struct Page {
    repositories: Vec<RepositoryListed>,
}

impl GitHub<'_> {
    /// The repositories that the token reaches.
    ///
    /// # Errors
    /// As [`GitHub::get`]; Refused when there are more than a job can be for.
    pub async fn reachable_repositories(&self) -> Result<Vec<RepositoryListed>, Failure> {
        let what = format!("listing the repositories that {} may reach", self.access.scope);
        let mut url = self.gateway.api.with_path("installation/repositories")?;
        url.query_pairs_mut().append_pair("per_page", "100");
        let listed = self.list_pages(url, MOST, &what, |page: Page| page.repositories, |_| true).await?;
        if listed.more {
            return Err(Failure::refused(format!(
                "GitHub, {what}: there are more than {MOST}; name fewer in the trust policy's `repositories`"
            )));
        }
        Ok(listed.items)
    }
}
