//! A repository and what belongs to it as a whole.

use serde_json::json;

use crate::github::json;
use crate::github::permission::Need;
use crate::github::refusal::Refusal;
use crate::github::reply::Reply;
use crate::github::visit::Visit;

/// `GET /repos/{owner}/{repo}`.
pub(crate) async fn get(visit: Visit) -> Result<Reply, Refusal> {
    visit.repository(Need::METADATA, |scene| Ok(Reply::ok(&json::repository(scene.urls, scene.repository))))
}

/// `GET …/languages`.
pub(crate) async fn languages(visit: Visit) -> Result<Reply, Refusal> {
    visit.repository(Need::METADATA, |scene| Ok(Reply::ok(&json!(scene.repository.languages))))
}

/// `GET …/releases/latest`.
pub(crate) async fn latest_release(visit: Visit) -> Result<Reply, Refusal> {
    visit.repository(Need::READ_CONTENTS, |scene| {
        let latest = scene.repository.releases.last().ok_or_else(Refusal::not_found)?;
        Ok(Reply::ok(&json::release(scene.urls, scene.repository, latest)))
    })
}

/// `GET …/branches`.
pub(crate) async fn branches(visit: Visit) -> Result<Reply, Refusal> {
    visit.repository(Need::READ_CONTENTS, |scene| {
        let branches = scene.repository.branches();
        let branches = branches.map(|name| json::branch(scene.urls, scene.repository, name)).collect();
        Ok(visit.query.page(branches, &scene.list_address("branches"), |page| page))
    })
}

/// `GET …/tags`, the latest first.
pub(crate) async fn tags(visit: Visit) -> Result<Reply, Refusal> {
    visit.repository(Need::METADATA, |scene| {
        let releases = scene.repository.releases.iter().rev();
        let tags = releases.map(|release| json::tag(scene.urls, scene.repository, release)).collect();
        Ok(visit.query.page(tags, &scene.list_address("tags"), |page| page))
    })
}
