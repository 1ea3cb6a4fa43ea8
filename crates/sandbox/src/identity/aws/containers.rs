//! The container credentials endpoint of ECS (relative and full URI) and EKS Pod Identity.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::json;

use super::{Account, Workload};
use crate::identity::noted;

pub(super) fn router(account: Arc<Account>) -> Router {
    Router::new()
        .route("/v1/credentials", get(with_token))
        .route("/v2/credentials/{id}", get(by_path))
        .with_state(account)
}

/// The full URI: `Authorization` carries the token from the environment or the projected file.
async fn with_token(State(account): State<Arc<Account>>, headers: HeaderMap) -> Response {
    let given = headers.get("authorization").map(|value| value.as_bytes());
    match given {
        None => refuse(StatusCode::UNAUTHORIZED, "AccessDenied", "the Authorization header is missing"),
        Some(token) if token != account.authorization_token.as_bytes() => {
            refuse(StatusCode::FORBIDDEN, "AccessDenied", "the Authorization token is not accepted")
        }
        Some(_) => credentials(&account, "authorization token accepted"),
    }
}

/// The relative URI: knowing the path is enough.
async fn by_path(State(account): State<Arc<Account>>, uri: Uri) -> Response {
    if uri.path() != account.task_path {
        return refuse(
            StatusCode::NOT_FOUND,
            "InvalidIdInRequest",
            "CredentialsV2Request: Credentials not found",
        );
    }
    credentials(&account, "task path accepted")
}

fn credentials(account: &Account, how: &str) -> Response {
    let handed_out = account.hand_out(Workload::Task);
    let role = Workload::Task.role_arn();
    let note = format!("{how}; credentials for {role}");
    noted(
        note,
        Json(json!({
            "RoleArn": role,
            "AccessKeyId": handed_out.access_key_id,
            "SecretAccessKey": handed_out.secret_access_key,
            "Token": handed_out.session_token,
            "Expiration": handed_out.expires.map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        })),
    )
}

fn refuse(status: StatusCode, code: &str, message: &str) -> Response {
    noted(message, (status, Json(json!({ "code": code, "message": message }))).into_response())
}
