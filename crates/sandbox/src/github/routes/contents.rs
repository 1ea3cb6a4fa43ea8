//! Files on the default branch.

use http::{HeaderMap, header};

use crate::github::json;
use crate::github::permission::Need;
use crate::github::refusal::Refusal;
use crate::github::reply::Reply;
use crate::github::visit::Visit;

/// `GET …/contents/{path}`: a file, a directory, or with the raw media type a file as it is.
pub(crate) async fn get(visit: Visit, headers: HeaderMap) -> Result<Reply, Refusal> {
    let path = visit.param("path").trim_matches('/').to_owned();
    let raw = headers
        .get_all(header::ACCEPT)
        .iter()
        .any(|accept| accept.to_str().is_ok_and(|accept| accept.contains("application/vnd.github.raw")));
    visit.repository(Need::READ_CONTENTS, |scene| {
        let branch = visit.query.get("ref").map(|name| name.strip_prefix("refs/heads/").unwrap_or(name));
        if branch.is_some_and(|branch| branch != scene.repository.default_branch) {
            return Err(Refusal::not_found());
        }
        match scene.repository.files.get(&path) {
            Some(content) if raw => Ok(Reply::raw(content.clone())),
            Some(content) => Ok(Reply::ok(&json::file(scene.urls, scene.repository, &path, content))),
            None => json::directory(scene.urls, scene.repository, &path)
                .map(|entries| Reply::ok(&entries))
                .ok_or_else(Refusal::not_found),
        }
    })
}
