//! What a token can ask about itself.

use axum::Extension;
use axum::extract::State;
use http::Uri;
use serde_json::json;

use crate::github::gate::Caller;
use crate::github::json;
use crate::github::query::Query;
use crate::github::reply::Reply;
use crate::github::tokens::Reach;
use crate::github::world::Shared;

/// `GET /rate_limit`, which is free.
pub(crate) async fn rate_limit(
    State(shared): State<Shared>,
    Extension(Caller(token)): Extension<Caller>,
) -> Reply {
    let rate = {
        let world = shared.world();
        if token.owner.is_empty() { world.strangers_rate } else { world.rate }
    };
    let core = json!({
        "limit": rate.limit,
        "used": rate.used(),
        "remaining": rate.remaining,
        "reset": rate.reset_at(),
    });
    let search = json!({ "limit": 30, "used": 0, "remaining": 30, "reset": rate.reset_at() });
    Reply::ok(&json!({ "resources": { "core": core, "search": search }, "rate": core }))
}

/// `DELETE /installation/token`.
pub(crate) async fn revoke(
    State(shared): State<Shared>,
    Extension(Caller(token)): Extension<Caller>,
) -> Reply {
    shared.world().tokens.revoke(&token.hashed);
    Reply::no_content().note("token revoked")
}

/// `GET /installation/repositories`.
pub(crate) async fn repositories(
    State(shared): State<Shared>,
    Extension(Caller(token)): Extension<Caller>,
    uri: Uri,
) -> Reply {
    let reached: Vec<_> = {
        let world = shared.world();
        let own =
            world.repositories().filter(|repository| repository.owner.eq_ignore_ascii_case(&token.owner));
        let reached = own.filter(|repository| token.reach.includes(&repository.name));
        reached.map(|repository| json::repository(&shared.urls, repository)).collect()
    };
    let total = reached.len();
    let selection = if token.reach == Reach::All { "all" } else { "selected" };
    let address = format!("{}/installation/repositories", shared.urls.api);
    Query::parse(uri.query().unwrap_or_default()).page(
        reached,
        &address,
        |page| json!({ "total_count": total, "repository_selection": selection, "repositories": page }),
    )
}
