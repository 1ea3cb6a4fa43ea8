//! The metadata server, as far as identity goes.

use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Google, PROJECT, PROJECT_NUMBER, WORKLOAD};
use crate::identity::noted;

const FLAVOR: &str = "metadata-flavor";

pub(super) fn router(google: Arc<Google>) -> Router {
    Router::new()
        .route("/", get("computeMetadata/\n"))
        .route("/computeMetadata/v1/project/project-id", get(PROJECT))
        .route("/computeMetadata/v1/project/numeric-project-id", get(PROJECT_NUMBER.to_string()))
        .route("/computeMetadata/v1/instance/service-accounts/{account}/email", get(email))
        .route("/computeMetadata/v1/instance/service-accounts/{account}/identity", get(identity))
        .route("/computeMetadata/v1/instance/service-accounts/{account}/token", get(token))
        .layer(middleware::from_fn(flavor))
        .with_state(google)
}

/// No answer without the request header that a forged redirect cannot set, nor through a proxy; and the same
/// header on every answer, by which a client knows that it talks to the metadata server.
async fn flavor(request: Request, next: Next) -> Response {
    let asked = request.headers().get(FLAVOR).is_some_and(|value| value == "Google");
    let mut response = if request.headers().contains_key("x-forwarded-for") {
        noted("X-Forwarded-For: refused", (StatusCode::FORBIDDEN, "X-Forwarded-For is not allowed\n"))
    } else if asked {
        next.run(request).await
    } else {
        let text = "Missing required header: Metadata-Flavor: Google\n";
        noted("Metadata-Flavor missing: refused", (StatusCode::FORBIDDEN, text))
    };
    response.headers_mut().insert(FLAVOR, HeaderValue::from_static("Google"));
    response.headers_mut().insert("server", HeaderValue::from_static("Metadata Server for VM"));
    response
}

#[derive(Deserialize)]
struct IdentityQuery {
    #[serde(default)]
    audience: String,
    format: Option<String>,
}

async fn identity(
    State(google): State<Arc<Google>>,
    Path(account): Path<String>,
    Query(query): Query<IdentityQuery>,
) -> Response {
    if !is_known(&account) {
        return absent();
    }
    if query.audience.is_empty() {
        let text = "non-empty audience parameter required\n";
        return noted("audience missing", (StatusCode::BAD_REQUEST, text));
    }
    let full = match query.format.as_deref() {
        None | Some("standard") => false,
        Some("full") => true,
        Some(_) => {
            let text = "format must be standard or full\n";
            return noted("unknown format", (StatusCode::BAD_REQUEST, text));
        }
    };
    let more = if full { instance() } else { Value::Null };
    let token = google.id_token(WORKLOAD, &query.audience, full, more);
    let note = format!("token for {}, sub={}", query.audience, WORKLOAD.unique_id);
    noted(note, ([("content-type", "text/html")], token))
}

/// What `format=full` adds. Octo STS cannot match it: it is an object.
fn instance() -> Value {
    json!({ "google": { "compute_engine": {
        "instance_creation_timestamp": 1_795_166_488,
        "instance_id": "4416213874620951837",
        "instance_name": "gatepass",
        "project_id": PROJECT,
        "project_number": PROJECT_NUMBER,
        "zone": "europe-west1-b",
    } } })
}

async fn token(State(google): State<Arc<Google>>, Path(account): Path<String>) -> Response {
    if !is_known(&account) {
        return absent();
    }
    noted(format!("access token for {}", WORKLOAD.email), Json(google.access_token(WORKLOAD)))
}

async fn email(Path(account): Path<String>) -> Response {
    if is_known(&account) { WORKLOAD.email.into_response() } else { absent() }
}

fn is_known(account: &str) -> bool {
    account == "default" || account == WORKLOAD.email
}

fn absent() -> Response {
    noted("no such account on this instance", (StatusCode::NOT_FOUND, "Not Found\n"))
}
