//! Jobs for several repositories.

use std::collections::BTreeMap;

use super::template::Scope;
use super::{Action, Job, Jobs, Target};
use crate::config::OrganizationFilter;
use crate::deadline::Deadline;
use crate::event::Event;
use crate::exchange::{Access, Scope as TokenScope};
use crate::failure::Failure;
use crate::github::{Gateway, GitHub, RepositoryListed};
use crate::names::{OrganizationName, RepositoryName};
use crate::queue::digest_of;

impl Jobs {
    /// The repositories of a job that is for several.
    ///
    /// # Errors
    /// As the exchange and GitHub fail when an organisation is asked for its repositories.
    pub(crate) async fn repositories(
        &self,
        job: &Job,
        gateway: &Gateway,
        deadline: Deadline,
    ) -> Result<Vec<RepositoryName>, Failure> {
        match &job.target {
            Target::Listed(list) => Ok(list.clone()),
            Target::Organization(filter) => job.of_organization(filter, gateway, deadline).await,
            Target::Fixed(_) | Target::Chosen { .. } => Err(Failure::bug()),
        }
    }
}

impl Jobs {
    /// What must be done one after the other: what is about the same issue, where the event alone tells which; else all of
    /// a job's events.
    pub(crate) fn group(&self, job: &Job, event: &Event, repository: Option<&RepositoryName>) -> String {
        let scope = Scope { event, vars: &self.vars, reads: BTreeMap::new() }.value();
        let key = match &job.action {
            Action::OpenIssue(action) => action.key(&self.templates, &scope).unwrap_or_default(),
            _ => Vec::new(),
        };
        let repository = repository.map_or("", RepositoryName::as_str);
        let parts: Vec<&str> =
            [job.id.as_str(), repository].into_iter().chain(key.iter().map(String::as_str)).collect();
        digest_of(&parts)
    }
}

impl Job {
    /// What a token for `repository` is asked for: an organisation's policy admits to all of its repositories at once.
    pub(super) fn token_scope(&self, repository: &RepositoryName) -> TokenScope {
        match &self.target {
            Target::Organization(filter) => TokenScope::Organization(filter.organization.clone()),
            _ => TokenScope::Repository(repository.clone()),
        }
    }

    /// What tokens are asked for, as far as the file tells: one scope for each repository, or one for an organisation. The
    /// trust policy must stand in the home of every one.
    pub fn scopes(&self) -> Vec<TokenScope> {
        match &self.target {
            Target::Fixed(name) => vec![TokenScope::Repository(name.clone())],
            Target::Chosen { allowed: list, .. } | Target::Listed(list) => {
                list.iter().cloned().map(TokenScope::Repository).collect()
            }
            Target::Organization(filter) => vec![TokenScope::Organization(filter.organization.clone())],
        }
    }

    /// `repository`, if the job is for it: a hand-off may be older than the file.
    pub(super) fn still_for<'a>(
        &self,
        repository: &'a RepositoryName,
    ) -> Result<&'a RepositoryName, Failure> {
        let is_it = |name: &RepositoryName| name.as_str().eq_ignore_ascii_case(repository.as_str());
        let is_for = match &self.target {
            Target::Fixed(name) => is_it(name),
            Target::Listed(list) => list.iter().any(is_it),
            Target::Organization(filter) => is_named(filter, repository),
            Target::Chosen { .. } => false,
        };
        is_for.then_some(repository).ok_or_else(|| {
            Failure::invalid(format!(
                "the job {} is no longer for {repository}; name that among its `repositories` again, or drop this event",
                self.name
            ))
        })
    }

    async fn of_organization(
        &self,
        filter: &OrganizationFilter,
        gateway: &Gateway,
        deadline: Deadline,
    ) -> Result<Vec<RepositoryName>, Failure> {
        let scope = TokenScope::Organization(filter.organization.clone());
        // The policy's own: the list is below no repository.
        let home = policy_home(&filter.organization)?;
        let access = Access {
            job: &self.name,
            scope: &scope,
            trust_policy: &self.trust_policy,
            permissions: &BTreeMap::from([("metadata".to_owned(), "read".to_owned())]),
        };
        let github = GitHub::new(gateway, access, &home, deadline, false);
        let listed = github.reachable_repositories().await?;
        Ok(listed.into_iter().filter(|found| wants(filter, found)).map(|found| found.full_name).collect())
    }
}

fn policy_home(organization: &OrganizationName) -> Result<RepositoryName, Failure> {
    format!("{organization}/.github").parse().map_err(|_| Failure::bug())
}

fn wants(filter: &OrganizationFilter, found: &RepositoryListed) -> bool {
    is_named(filter, &found.full_name)
        && (filter.archived || !found.archived)
        && (filter.forks || !found.fork)
        && filter.topics.iter().all(|topic| found.topics.contains(topic))
}

/// As far as a name alone can tell.
fn is_named(filter: &OrganizationFilter, repository: &RepositoryName) -> bool {
    let (owner, name) = repository.as_str().split_once('/').unwrap_or_default();
    owner.eq_ignore_ascii_case(filter.organization.as_str())
        && filter.name.as_ref().is_none_or(|pattern| pattern.matches(name))
}
