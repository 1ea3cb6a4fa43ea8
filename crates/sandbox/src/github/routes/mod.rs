//! The routes, by what they are about.

mod account;
mod actions;
mod comments;
mod contents;
mod issues;
mod labels;
mod pulls;
mod repositories;

use axum::Router;
use axum::routing::{delete, get, post};
use http::Uri;
use tower::ServiceExt;

use super::gate::gate;
use super::recorder::record;
use super::refusal::Refusal;
use super::world::Shared;

/// Everything under `prefix`, which is empty or `/api/v3`.
pub(crate) fn router(shared: &Shared, prefix: &str) -> Router {
    let api = Router::new()
        .route("/rate_limit", get(account::rate_limit))
        .route("/installation/token", delete(account::revoke))
        .route("/installation/repositories", get(account::repositories))
        .route("/repos/{owner}/{repo}", get(repositories::get))
        .route("/repos/{owner}/{repo}/languages", get(repositories::languages))
        .route("/repos/{owner}/{repo}/releases/latest", get(repositories::latest_release))
        .route("/repos/{owner}/{repo}/branches", get(repositories::branches))
        .route("/repos/{owner}/{repo}/tags", get(repositories::tags))
        .route("/repos/{owner}/{repo}/contents", get(contents::get))
        .route("/repos/{owner}/{repo}/contents/", get(contents::get))
        .route("/repos/{owner}/{repo}/contents/{*path}", get(contents::get))
        .route("/repos/{owner}/{repo}/pulls", get(pulls::list))
        .route("/repos/{owner}/{repo}/issues", get(issues::list).post(issues::create))
        .route("/repos/{owner}/{repo}/issues/{number}", get(issues::get).patch(issues::update))
        .route("/repos/{owner}/{repo}/issues/{number}/comments", get(comments::list).post(comments::create))
        .route(
            "/repos/{owner}/{repo}/issues/comments/{comment}",
            get(comments::get).patch(comments::update).delete(comments::delete),
        )
        .route("/repos/{owner}/{repo}/issues/{number}/labels", post(labels::add))
        .route("/repos/{owner}/{repo}/issues/{number}/labels/{name}", delete(labels::remove))
        .route("/repos/{owner}/{repo}/labels", get(labels::list).post(labels::create))
        .route("/repos/{owner}/{repo}/actions/workflows/{workflow}/dispatches", post(actions::dispatch))
        .route("/repos/{owner}/{repo}/actions/workflows/{workflow}/runs", get(actions::runs))
        .route("/repos/{owner}/{repo}/dispatches", post(actions::dispatch_repository))
        // GitHub answers a wrong method as a wrong path.
        .fallback(|| async { Refusal::not_found() })
        .method_not_allowed_fallback(|| async { Refusal::not_found() })
        .layer(axum::middleware::from_fn_with_state(shared.clone(), gate))
        .layer(axum::middleware::from_fn_with_state(shared.clone(), record))
        .with_state(shared.clone());

    let by_id = shared.clone();
    let api = api.map_request(move |mut request: axum::extract::Request| {
        if let Some(uri) = by_name(&by_id, request.uri()) {
            *request.uri_mut() = uri;
        }
        request
    });
    if prefix.is_empty() {
        Router::new().fallback_service(api)
    } else {
        Router::new().nest_service(prefix, api).fallback(|| async { Refusal::not_found() })
    }
}

/// `/repositories/{id}/…`, which GitHub's own links use, as `/repos/{owner}/{name}/…`.
fn by_name(shared: &Shared, uri: &Uri) -> Option<Uri> {
    let rest = uri.path_and_query()?.as_str().strip_prefix("/repositories/")?;
    let (id, rest) = rest.split_once('/')?;
    let id: u64 = id.parse().ok()?;
    let full_name = shared.world().repositories().find(|repository| repository.id == id)?.full_name();
    format!("/repos/{full_name}/{rest}").parse().ok()
}
