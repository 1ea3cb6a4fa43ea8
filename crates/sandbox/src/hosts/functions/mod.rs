//! The Azure Functions host: starts a custom handler, waits for it, forwards HTTP, and invokes timers and queue functions.

mod invocation;
mod queue_trigger;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use http::{StatusCode, header};
use serde_json::Value;
use tokio::time::timeout;

use super::http::remove_connection_headers;
use super::{Child, HostError, HttpAnswer, HttpCall, Program, free_port, is_taken};
use crate::faults::Faults;
use crate::http_client::LoopbackClient;
use crate::identity::{noted, random};
use crate::server::Server;
use crate::storage_queue::StorageQueues;
use crate::trace::{Hop, Trace};

pub use invocation::{InvocationFailure, Invoked, Timer, TimerStatus};
pub use queue_trigger::{Encoding, QueueTrigger, Triggered};

/// Between two polls of a handler that is not ready yet.
const POLL: Duration = Duration::from_millis(25);

/// How long the host polls.
const START: Duration = Duration::from_secs(30);

/// The largest request the host takes.
const LARGEST_REQUEST: usize = 100 * 1024 * 1024;

/// How often another port is tried when somebody takes the one that was free.
const ATTEMPTS: usize = 5;

/// A custom handler under its host.
#[derive(Debug)]
pub struct FunctionsHost {
    child: Child,
    front: Front,
}

impl FunctionsHost {
    /// Starts the handler with `FUNCTIONS_CUSTOMHANDLER_PORT`, waits until it answers `GET /` with any status, and
    /// opens the HTTP front. The rest of the environment is
    /// [`crate::identity::azure::Azure::env_functions`] and the app settings. `key` is the function key that HTTP
    /// functions ask for; `None` is `authLevel: anonymous`.
    ///
    /// # Errors
    /// [`HostError::Ended`] when it ends instead, [`HostError::Timeout`] after thirty seconds.
    pub async fn start(program: Program, key: Option<String>, trace: Trace) -> Result<Self, HostError> {
        let client = LoopbackClient::new()?;
        let mut attempt = 1;
        let (child, handler) = loop {
            let port = free_port()?;
            let child = Child::spawn(&program.clone().env("FUNCTIONS_CUSTOMHANDLER_PORT", port.to_string()))?;
            let handler = format!("http://127.0.0.1:{port}");
            match ready(&child, &client, &handler).await {
                Ok(()) => break (child, handler),
                Err(HostError::Ended { .. }) if attempt < ATTEMPTS && is_taken(port) => attempt += 1,
                Err(error) => return Err(error),
            }
        };
        Ok(Self { child, front: Front::start(handler, key, trace).await? })
    }

    /// The app's address, under which HTTP functions live at `/api/…`.
    pub fn url(&self) -> &str {
        self.front.url()
    }

    /// The handler's process.
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// Invokes a timer function.
    ///
    /// # Errors
    /// [`InvocationFailure`], which says what the host would make of it.
    pub async fn timer(&self, timer: &Timer) -> Result<Invoked, InvocationFailure> {
        self.front.timer(timer).await
    }

    /// Looks at a queue once, as [`Front::poll`].
    pub async fn poll(&self, queues: &StorageQueues, trigger: &QueueTrigger) -> Option<Triggered> {
        self.front.poll(queues, trigger).await
    }
}

/// Polls until the handler answers, as the host does.
async fn ready(child: &Child, client: &LoopbackClient, handler: &str) -> Result<(), HostError> {
    let poll = async {
        while HttpCall::get("/").send(client, handler).await.is_err() {
            tokio::time::sleep(POLL).await;
        }
    };
    tokio::select! {
        biased;
        status = child.end() => Err(child.ended_error(status, "before it answered GET /")),
        polled = timeout(START, poll) => polled.map_err(|_| child.timeout_error("answer GET /", START)),
    }
}

/// The host's side that faces the world and the handler; needs no child.
#[derive(Debug)]
pub struct Front {
    server: Server,
    handler: Arc<Handler>,
    trace: Trace,
}

struct Handler {
    client: LoopbackClient,
    url: String,
    key: Option<String>,
}

impl fmt::Debug for Handler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handler").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Front {
    /// Opens the front of the handler at `handler`.
    ///
    /// # Errors
    /// What the operating system says when no port can be bound.
    pub async fn start(handler: String, key: Option<String>, trace: Trace) -> Result<Self, HostError> {
        let handler = Arc::new(Handler { client: LoopbackClient::new()?, url: handler, key });
        let router = Router::new().fallback(forward).with_state(Arc::clone(&handler));
        let server = Server::start("azure-functions", router, Faults::new(), trace.clone()).await?;
        Ok(Self { server, handler, trace })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// Invokes a timer function.
    ///
    /// # Errors
    /// [`InvocationFailure`], which says what the host would make of it.
    pub async fn timer(&self, timer: &Timer) -> Result<Invoked, InvocationFailure> {
        self.invoke("azure-timer", &timer.function, &timer.body()).await
    }

    /// Invokes any function without forwarding, under the name `service` in the trace.
    async fn invoke(
        &self,
        service: &'static str,
        function: &str,
        body: &Value,
    ) -> Result<Invoked, InvocationFailure> {
        let path = format!("/{function}");
        let call = HttpCall::post_json(&path, body).header("x-azure-functions-invocationid", &random::uuid());
        let answer = call.send(&self.handler.client, &self.handler.url).await;
        let outcome = answer
            .map_err(|error| InvocationFailure::NoAnswer(error.to_string()))
            .and_then(|answer| invocation::judge(&answer));
        self.trace.record(Hop {
            service,
            method: "POST".to_owned(),
            path,
            status: outcome.as_ref().map_or_else(InvocationFailure::status, |_| Some(200)),
            note: Some(match &outcome {
                Ok(_) => "invocation succeeded".to_owned(),
                Err(failure) => format!("invocation failed: {}", failure.kind()),
            }),
        });
        outcome
    }
}

/// Forwards an HTTP function's request unchanged, and its answer straight back.
async fn forward(State(handler): State<Arc<Handler>>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    if !parts.uri.path().starts_with("/api/") {
        return noted("no HTTP function here", StatusCode::NOT_FOUND);
    }
    if let Some(key) = &handler.key {
        let query = parts.uri.query().unwrap_or_default();
        let code = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "code");
        let header = parts.headers.get("x-functions-key").map(|value| value.as_bytes());
        if header != Some(key.as_bytes())
            && code.as_ref().map(|(_, value)| value.as_bytes()) != Some(key.as_bytes())
        {
            return noted("the function key is missing or wrong", StatusCode::UNAUTHORIZED);
        }
    }
    // Under forwarding, a body of unknown length is lost.
    let body = match parts.headers.contains_key(header::CONTENT_LENGTH) {
        true => to_bytes(body, LARGEST_REQUEST).await,
        false => Ok(Bytes::new()),
    };
    let Ok(body) = body else {
        return noted("the request is too large", StatusCode::PAYLOAD_TOO_LARGE);
    };
    remove_connection_headers(&mut parts.headers);
    let mut call = HttpCall::new(parts.method, parts.uri.path()).body(body);
    call.query = parts.uri.query().unwrap_or_default().to_owned();
    call.headers = parts.headers;
    let call = call.header("x-azure-functions-invocationid", &random::uuid());
    match call.send(&handler.client, &handler.url).await.map(HttpAnswer::into_response) {
        Ok(answer) => noted("forwarded", answer),
        Err(error) => noted(error.to_string(), StatusCode::BAD_GATEWAY),
    }
}
