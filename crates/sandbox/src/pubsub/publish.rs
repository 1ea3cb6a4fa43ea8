//! `projects.topics.publish`, and what a publisher can ask of a topic without publishing.

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
        .route("/v1/projects/{project}/topics/{topic_and_verb}", post(act).get(exists))
        .layer(DefaultBodyLimit::disable())
        .with_state(shared)
}

/// `projects.topics.get`, which an emulator answers to everybody; a publisher's role does not allow it.
async fn exists(
    State(shared): State<Arc<Shared>>,
    Path((project, topic)): Path<(String, String)>,
) -> Response {
    let topic = format!("projects/{project}/topics/{topic}");
    let is_there = shared.lock().topics.contains_key(&topic);
    match &shared.accounts {
        Some(_) => api_error(StatusCode::FORBIDDEN, "PERMISSION_DENIED", "User not authorized."),
        None if is_there => noted("it is there", Json(json!({ "name": topic }))),
        None => api_error(StatusCode::NOT_FOUND, "NOT_FOUND", "Resource not found."),
    }
}

async fn act(
    State(shared): State<Arc<Shared>>,
    Path((project, topic_and_verb)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (topic, verb) = topic_and_verb.split_once(':').unwrap_or_default();
    let topic = format!("projects/{project}/topics/{topic}");
    let caller = match &shared.accounts {
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
    match verb {
        "publish" => publish(&shared, &topic, caller, &body),
        "testIamPermissions" if shared.accounts.is_some() => test_permissions(&shared, &topic, &body),
        _ => api_error(StatusCode::NOT_FOUND, "NOT_FOUND", "Method not found."),
    }
}

/// Which of these permissions the caller has: none of them where there is no such topic. Anybody may ask.
fn test_permissions(shared: &Shared, topic: &str, body: &[u8]) -> Response {
    #[derive(Deserialize)]
    struct Asked {
        permissions: Vec<String>,
    }
    let Ok(Asked { mut permissions }) = serde_json::from_slice(body) else {
        return api_error(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", "Invalid JSON payload received.");
    };
    let state = shared.lock();
    let may_publish = !state.deny && state.topics.contains_key(topic);
    permissions.retain(|permission| may_publish && permission == "pubsub.topics.publish");
    let answer = if permissions.is_empty() { json!({}) } else { json!({ "permissions": permissions }) };
    noted("says what the caller may do", Json(answer))
}

fn publish(shared: &Shared, topic: &str, publisher: &str, body: &[u8]) -> Response {
    if shared.lock().deny {
        let message = "User not authorized to perform this action.";
        return api_error(StatusCode::FORBIDDEN, "PERMISSION_DENIED", message);
    }
    let invalid = |message: &str| api_error(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", message);
    if body.len() > LARGEST_REQUEST {
        return invalid("The request is larger than 10 MB.");
    }
    let Ok(request) = serde_json::from_slice::<Request>(body) else {
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
    let mut ids = Vec::new();
    for (data, attributes, ordering_key) in messages {
        match shared.lock().publish(topic, data, attributes, ordering_key) {
            Some(id) => ids.push(id),
            None => {
                let message = format!("Resource not found (resource={topic}).");
                return api_error(StatusCode::NOT_FOUND, "NOT_FOUND", &message);
            }
        }
    }
    noted(format!("{publisher} publishes {} message(s)", ids.len()), Json(json!({ "messageIds": ids })))
}
