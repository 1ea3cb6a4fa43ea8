//! A request to something in a repository: who asks, where, and whether they may.

use std::collections::HashMap;

use axum::Extension;
use axum::extract::{FromRequestParts, Path};
use axum::response::{IntoResponse, Response};
use http::request::Parts;
use jiff::Timestamp;

use super::gate::Caller;
use super::json::Urls;
use super::permission::{Level, Need};
use super::query::Query;
use super::refusal::Refusal;
use super::repository::{Repository, Visibility};
use super::tokens::TokenRecord;
use super::user::User;
use super::world::Shared;

/// A request whose token is alive. Routes get at the state only through it, and so only with permission.
#[derive(Debug)]
pub(crate) struct Visit {
    shared: Shared,
    token: TokenRecord,
    params: HashMap<String, String>,
    pub(crate) query: Query,
}

/// A repository that the caller may use, and what goes with it.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) repository: &'a mut Repository,
    pub(crate) urls: &'a Urls,
    pub(crate) actor: &'a User,
    pub(crate) now: Timestamp,
    pub(crate) labels_stick: bool,
    pub(crate) refuse_assignees: bool,
    /// The names of the owner's issue types.
    pub(crate) issue_types: Vec<String>,
}

impl FromRequestParts<Shared> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Response> {
        let Extension(Caller(token)) =
            Extension::from_request_parts(parts, shared).await.map_err(IntoResponse::into_response)?;
        let Path(params) =
            Path::from_request_parts(parts, shared).await.map_err(IntoResponse::into_response)?;
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        Ok(Self { shared: shared.clone(), token, params, query })
    }
}

impl Visit {
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.get(name).map_or("", String::as_str)
    }

    /// The issue's number in the path.
    pub(crate) fn number(&self) -> Result<u64, Refusal> {
        self.param("number").parse().map_err(|_| Refusal::not_found())
    }

    /// Works on the repository in the path: 404 when it is missing or out of the token's reach, 403 without
    /// `need`, and when it is archived and `need` is more than reading.
    pub(crate) fn repository<T>(
        &self,
        need: Need,
        work: impl FnOnce(&mut Scene<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.scene(|scene, token| {
            permit(scene.repository, token, need)?;
            work(scene)
        })
    }

    /// As [`Visit::repository`], and 410 when its issues are disabled.
    pub(crate) fn issues<T>(
        &self,
        need: Need,
        work: impl FnOnce(&mut Scene<'_>) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.repository(need, |scene| {
            if scene.repository.has_issues { work(scene) } else { Err(Refusal::issues_disabled()) }
        })
    }

    /// As [`Visit::issues`], for the issue or pull request in the path; either permission will do for a pull request.
    pub(crate) fn numbered<T>(
        &self,
        level: Level,
        work: impl FnOnce(&mut Scene<'_>, u64) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let number = self.number()?;
        self.on_issue(level, |_| Some(number), work)
    }

    /// As [`Visit::numbered`], for the issue that the comment in the path is on. The work gets the number and
    /// the comment's id.
    pub(crate) fn commented<T>(
        &self,
        level: Level,
        work: impl FnOnce(&mut Scene<'_>, u64, u64) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let id = self.param("comment").parse().map_err(|_| Refusal::not_found())?;
        self.on_issue(level, |repository| repository.commented(id), |scene, number| work(scene, number, id))
    }

    fn on_issue<T>(
        &self,
        level: Level,
        find: impl FnOnce(&Repository) -> Option<u64>,
        work: impl FnOnce(&mut Scene<'_>, u64) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.scene(|scene, token| {
            let number = find(scene.repository);
            let found = number.and_then(|number| scene.repository.issues.get(number));
            let is_pull = found.is_some_and(|issue| issue.pull.is_some());
            let need = match (level, is_pull) {
                (Level::Read, true) => Need::READ_EITHER,
                (Level::Read, false) => Need::READ_ISSUES,
                (_, true) => Need::WRITE_EITHER,
                (_, false) => Need::WRITE_ISSUES,
            };
            permit(scene.repository, token, need)?;
            if !scene.repository.has_issues && !is_pull {
                return Err(Refusal::issues_disabled());
            }
            match found.map(|issue| issue.number) {
                Some(number) => work(scene, number),
                None => Err(Refusal::not_found()),
            }
        })
    }

    fn scene<T>(
        &self,
        work: impl FnOnce(&mut Scene<'_>, &TokenRecord) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        let (owner, name) = (self.param("owner"), self.param("repo"));
        let mut world = self.shared.world();
        let (now, labels_stick, refuse_assignees) =
            (world.clock.now(), world.labels_stick, world.refuse_assignees);
        let issue_types = world.issue_types.get(&owner.to_lowercase()).cloned().unwrap_or_default();
        let repository = world.repository_mut(&format!("{owner}/{name}")).ok_or_else(Refusal::not_found)?;
        let (urls, actor) = (&self.shared.urls, &self.token.actor);
        let scene = &mut Scene { repository, urls, actor, now, labels_stick, refuse_assignees, issue_types };
        work(scene, &self.token)
    }
}

/// What every App can read of a public repository, it can read without being let in.
fn permit(repository: &Repository, token: &TokenRecord, need: Need) -> Result<(), Refusal> {
    let public = repository.visibility == Visibility::Public;
    let reached =
        token.owner.eq_ignore_ascii_case(&repository.owner) && token.reach.includes(&repository.name);
    if !reached && !public {
        return Err(Refusal::not_found());
    }
    if public && need.is_read() {
        return Ok(());
    }
    if !reached || !token.permissions.satisfy(need) {
        return Err(Refusal::no_permission(need));
    }
    if repository.archived && !need.is_read() {
        return Err(Refusal::archived());
    }
    Ok(())
}

impl Scene<'_> {
    /// Where lists of this repository say that their other pages are: by the repository's id, as on GitHub.
    pub(crate) fn list_address(&self, rest: &str) -> String {
        format!("{}/repositories/{}/{rest}", self.urls.api, self.repository.id)
    }
}
