//! `projects.topics.publish`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::json;

use super::Shared;
use crate::identity::gcp::api_error;
use crate::identity::noted;

/// The largest publish request (Pub/Sub, "Quotas and limits": 10 MB).
const LARGEST_REQUEST: usize = 10_000_000;

#[derive(Deserialize)]
struct Request {
    messages: Vec<Sent>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    #[serde(default)]
    data: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    #[serde(default)]
    ordering_key: String,
}

pub(super) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/projects/{project}/topics/{topic_and_verb}", post(publish))
        .layer(DefaultBodyLimit::disable())
        .with_state(shared)
}

async fn publish(
    State(shared): State<Arc<Shared>>,
    Path((project, topic_and_verb)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(topic) = topic_and_verb.strip_suffix(":publish") else {
        return api_error(StatusCode::NOT_FOUND, "NOT_FOUND", "Method not found.");
    };
    let publisher = match &shared.accounts {
        None => "anybody",
        Some(accounts) => {
            let bearer =
                headers.get("authorization").and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
            let Some(account) = bearer.and_then(|token| accounts.holder(token)) else {
                let message =
                    "Request had invalid authentication credentials. Expected OAuth 2 access token.";
                return api_error(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", message);
            };
            account.email
        }
    };
    if shared.lock().deny {
        let message = "User not authorized to perform this action.";
        return api_error(StatusCode::FORBIDDEN, "PERMISSION_DENIED", message);
    }
    let invalid = |message: &str| api_error(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", message);
    if body.len() > LARGEST_REQUEST {
        return invalid("The request is larger than 10 MB.");
    }
    let Ok(request) = serde_json::from_slice::<Request>(&body) else {
        return invalid("Invalid JSON payload received.");
    };
    let mut messages = Vec::new();
    for Sent { data, attributes, ordering_key } in request.messages {
        match STANDARD.decode(&data) {
            Ok(data) if !(data.is_empty() && attributes.is_empty()) && ordering_key.len() <= 1024 => {
                messages.push((data, attributes, ordering_key));
            }
            Ok(_) => return invalid("A message is empty, or its ordering key too long."),
            Err(_) => {
                return invalid("Invalid value at 'messages[0].data' (TYPE_BYTES), Base64 decoding failed");
            }
        }
    }
    let topic = format!("projects/{project}/topics/{topic}");
    let mut ids = Vec::new();
    for (data, attributes, ordering_key) in messages {
        match shared.lock().publish(&topic, data, attributes, ordering_key) {
            Some(id) => ids.push(id),
            None => {
                let message = format!("Resource not found (resource={topic}).");
                return api_error(StatusCode::NOT_FOUND, "NOT_FOUND", &message);
            }
        }
    }
    noted(format!("{publisher} publishes {} message(s)", ids.len()), Json(json!({ "messageIds": ids })))
}
