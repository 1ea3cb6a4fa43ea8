//! Requests and answers with their bodies, for whoever wants to hold them against a description of the API.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};

use super::GitHub;
use super::world::Shared;

/// More than the largest body that anything here takes or gives.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// One answered request. Headers that could hold a credential are left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The request's method.
    pub method: String,
    /// Its path below the API's root, with the repository by its name and not by its id.
    pub path: String,
    /// Its query, as it was sent.
    pub query: String,
    /// Its body.
    pub request: Bytes,
    /// The answer's status.
    pub status: u16,
    /// The answer's media type, with its parameters; empty when there is none.
    pub media_type: String,
    /// Its body.
    pub answer: Bytes,
}

/// The first exchanges since recording began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recording {
    /// In the order in which they were answered.
    pub exchanges: Vec<Exchange>,
    /// How many came when the recording was full.
    pub missed: usize,
}

/// A recording, and how long it may become.
#[derive(Debug)]
pub(crate) struct Recorder {
    recording: Recording,
    most: usize,
}

impl GitHub {
    /// Records the next `most` exchanges, and forgets earlier ones. What a fault answers, or spoils after it was
    /// answered, is recorded as this GitHub would have answered it, if it was asked at all.
    pub fn record_exchanges(&self, most: usize) {
        self.inner.shared.world().recorder = Some(Recorder { recording: Recording::default(), most });
    }

    /// What was recorded since [`GitHub::record_exchanges`]; nothing when it was never called.
    pub fn recording(&self) -> Recording {
        let world = self.inner.shared.world();
        world.recorder.as_ref().map(|recorder| recorder.recording.clone()).unwrap_or_default()
    }
}

/// The layer around all routes. It does nothing until a recording was asked for.
pub(crate) async fn record(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    if shared.world().recorder.is_none() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let Ok(sent) = to_bytes(body, MAX_BODY).await else { return StatusCode::BAD_REQUEST.into_response() };
    let (method, uri) = (parts.method.to_string(), parts.uri.clone());
    let response = next.run(Request::from_parts(parts, Body::from(sent.clone()))).await;

    let (parts, body) = response.into_parts();
    let Ok(answer) = to_bytes(body, MAX_BODY).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let exchange = Exchange {
        method,
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        request: sent,
        status: parts.status.as_u16(),
        media_type: media_type(&parts.headers),
        answer: answer.clone(),
    };
    if let Some(Recorder { recording, most }) = &mut shared.world().recorder {
        if recording.exchanges.len() < *most {
            recording.exchanges.push(exchange);
        } else {
            recording.missed += 1;
        }
    }
    Response::from_parts(parts, Body::from(answer))
}

fn media_type(headers: &HeaderMap) -> String {
    headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default().to_owned()
}
