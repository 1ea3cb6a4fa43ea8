//! The REST API of messages.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, Query, State as Shared};
use axum::response::Response;
use axum::routing::{delete, post};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;

use super::xml::{self, Shown};
use super::{ACCOUNT, Account, Message};
use crate::identity::noted;

/// The longest text of a message, in bytes.
const LONGEST_TEXT: usize = 64 * 1024;

/// The longest that a message can be hidden: seven days, in seconds.
const LONGEST_HIDDEN: u64 = 7 * 24 * 60 * 60;

/// How long a message is hidden when a get says nothing, in seconds.
const HIDDEN: u64 = 30;

type Parameters = HashMap<String, String>;

pub(super) fn router(account: Arc<Account>) -> Router {
    Router::new()
        .route("/{account}/{queue}", axum::routing::get(metadata))
        .route("/{account}/{queue}/messages", post(put).get(get))
        .route("/{account}/{queue}/messages/{id}", delete(remove).put(update))
        .layer(DefaultBodyLimit::disable())
        .with_state(account)
}

/// What `change` makes of the queue at the present time, for whoever may.
fn with_queue(
    account: &Account,
    names: (&str, &str),
    headers: &HeaderMap,
    change: impl FnOnce(&mut VecDeque<Message>, Timestamp, &str) -> Response,
) -> Response {
    let who = match account.admit(headers) {
        Ok(who) => who,
        Err(refused) => return *refused,
    };
    let mut state = account.lock();
    let now = state.now();
    match state.queues.get_mut(names.1).filter(|_| names.0 == ACCOUNT) {
        Some(queue) => change(queue, now, &who),
        None => xml::error(StatusCode::NOT_FOUND, "QueueNotFound", "The specified queue does not exist."),
    }
}

/// A parameter in seconds, at most seven days.
fn hidden(parameters: &Parameters, default: u64) -> Result<Duration, Box<Response>> {
    let seconds = match parameters.get("visibilitytimeout") {
        Some(text) => text.parse().ok().filter(|seconds| *seconds <= LONGEST_HIDDEN),
        None => Some(default),
    };
    seconds.map(Duration::from_secs).ok_or_else(|| {
        let message = "visibilitytimeout is not within 0 and 604800";
        Box::new(xml::error(StatusCode::BAD_REQUEST, "OutOfRangeQueryParameterValue", message))
    })
}

/// `Get Queue Metadata`.
async fn metadata(
    Shared(account): Shared<Arc<Account>>,
    Path((name, queue)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    if parameters.get("comp").map(String::as_str) != Some("metadata") {
        return xml::error(
            StatusCode::BAD_REQUEST,
            "UnsupportedQueryParameter",
            "only comp=metadata is known",
        );
    }
    with_queue(&account, (&name, &queue), &headers, |queue, _, who| {
        let headers = [("x-ms-approximate-messages-count", queue.len().to_string())];
        noted(format!("{who} reads the metadata"), (StatusCode::OK, headers))
    })
}

async fn put(
    Shared(account): Shared<Arc<Account>>,
    Path((name, queue)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    with_queue(&account, (&name, &queue), &headers, |queue, now, who| {
        let hidden = match hidden(&parameters, 0) {
            Ok(hidden) => hidden,
            Err(refused) => return *refused,
        };
        let lives =
            parameters.get("messagettl").map_or(Some(i64::from(7 * 24 * 60 * 60)), |text| text.parse().ok());
        if !lives.is_some_and(|seconds: i64| seconds == -1 || seconds > hidden.as_secs().cast_signed()) {
            let message = "messagettl is neither -1 nor longer than visibilitytimeout";
            return xml::error(StatusCode::BAD_REQUEST, "OutOfRangeQueryParameterValue", message);
        }
        let document = String::from_utf8_lossy(&body);
        let Some(text) = xml::text(&document, "MessageText").filter(|_| document.contains("<QueueMessage>"))
        else {
            return xml::error(
                StatusCode::BAD_REQUEST,
                "InvalidXmlDocument",
                "there is no QueueMessage with a MessageText",
            );
        };
        if text.len() > LONGEST_TEXT {
            let message = "The request body is too large and exceeds the maximum permissible limit.";
            return xml::error(StatusCode::PAYLOAD_TOO_LARGE, "RequestBodyTooLarge", message);
        }
        let message = Message::new(text, now, hidden);
        queue.push_back(message.clone());
        let note = format!("{who} puts a message, visible in {} s", hidden.as_secs());
        xml::list(StatusCode::CREATED, note, &[message], Shown::Put)
    })
}

async fn get(
    Shared(account): Shared<Arc<Account>>,
    Path((name, queue)): Path<(String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    with_queue(&account, (&name, &queue), &headers, |queue, now, who| {
        let hidden = match hidden(&parameters, HIDDEN) {
            Ok(hidden) => hidden,
            Err(refused) => return *refused,
        };
        let count = parameters.get("numofmessages").and_then(|text| text.parse().ok()).unwrap_or(1);
        let visible = queue.iter_mut().filter(|message| message.visible <= now).take(count);
        let (messages, shown): (Vec<Message>, _) = match parameters.get("peekonly").map(String::as_str) {
            Some("true") => (visible.map(|message| message.clone()).collect(), Shown::Peeked),
            _ => {
                let taken = visible.map(|message| {
                    message.hand_out(now, hidden);
                    message.clone()
                });
                (taken.collect(), Shown::Got)
            }
        };
        xml::list(StatusCode::OK, format!("{who} gets {} message(s)", messages.len()), &messages, shown)
    })
}

/// The message with this id, for whoever shows its receipt.
fn held<'a>(
    queue: &'a mut VecDeque<Message>,
    id: &str,
    parameters: &Parameters,
) -> Result<&'a mut Message, Box<Response>> {
    let error = |status, code, message| Box::new(xml::error(status, code, message));
    let found = queue.iter_mut().find(|message| message.id == id);
    let message =
        found.ok_or_else(|| error(StatusCode::NOT_FOUND, "MessageNotFound", "there is no such message"))?;
    match parameters.get("popreceipt") == Some(&message.receipt) {
        true => Ok(message),
        false => {
            Err(error(StatusCode::BAD_REQUEST, "PopReceiptMismatch", "somebody else has the message now"))
        }
    }
}

async fn remove(
    Shared(account): Shared<Arc<Account>>,
    Path((name, queue, id)): Path<(String, String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
) -> Response {
    with_queue(&account, (&name, &queue), &headers, |queue, _, who| {
        if let Err(refused) = held(queue, &id, &parameters) {
            return *refused;
        }
        queue.retain(|message| message.id != id);
        noted(format!("{who} deletes a message"), StatusCode::NO_CONTENT)
    })
}

async fn update(
    Shared(account): Shared<Arc<Account>>,
    Path((name, queue, id)): Path<(String, String, String)>,
    Query(parameters): Query<Parameters>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    with_queue(&account, (&name, &queue), &headers, |queue, now, who| {
        let (hidden, message) = match (hidden(&parameters, 0), held(queue, &id, &parameters)) {
            (Ok(hidden), Ok(message)) => (hidden, message),
            (Err(refused), _) | (_, Err(refused)) => return *refused,
        };
        if let Some(text) = xml::text(&String::from_utf8_lossy(&body), "MessageText") {
            message.text = text;
        }
        message.hide(now, hidden);
        let headers = [("x-ms-popreceipt", message.receipt.clone())];
        noted(format!("{who} updates a message"), (StatusCode::NO_CONTENT, headers))
    })
}
