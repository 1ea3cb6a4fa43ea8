//! IAM credentials: `generateIdToken`, with an access token, for programs off the platform.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Google, WORKLOAD, api_error};
use crate::identity::noted;

pub(super) fn router(google: Arc<Google>) -> Router {
    Router::new()
        .route("/v1/projects/-/serviceAccounts/{account_and_verb}", post(generate))
        .with_state(google)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GenerateIdToken {
    #[serde(default)]
    audience: String,
    #[serde(default)]
    include_email: bool,
}

async fn generate(
    State(google): State<Arc<Google>>,
    Path(account_and_verb): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(email) = account_and_verb.strip_suffix(":generateIdToken") else {
        return api_error(StatusCode::NOT_FOUND, "NOT_FOUND", "Method not found.");
    };
    let bearer = headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let Some(caller) = bearer.and_then(|token| google.holder(token)) else {
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access token.";
        return api_error(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message);
    };
    if email != WORKLOAD.email || google.lock().deny_impersonation {
        let message =
            "Permission 'iam.serviceAccounts.getOpenIdToken' denied on resource (or it may not exist).";
        return api_error(StatusCode::FORBIDDEN, "PERMISSION_DENIED", message);
    }
    let Ok(request) = serde_json::from_slice::<GenerateIdToken>(&body) else {
        return api_error(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", "Invalid JSON payload received.");
    };
    if request.audience.is_empty() {
        return api_error(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", "Audience is required.");
    }
    let token = google.id_token(WORKLOAD, &request.audience, request.include_email, Value::Null);
    let note =
        format!("{} impersonates; token for {}, sub={}", caller.email, request.audience, WORKLOAD.unique_id);
    noted(note, Json(json!({ "token": token })))
}
