//! The Runtime API (Lambda developer guide, "Using the Lambda runtime API for custom runtimes").

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::{Notify, oneshot, watch};

use super::{FunctionError, InvocationResult};
use crate::faults::Faults;
use crate::identity::{noted, random};
use crate::server::Server;
use crate::trace::Trace;

/// The error type of an invocation that was too slow.
pub(super) const TIMED_OUT: &str = "Sandbox.Timedout";

/// The largest answer of a function: 6 MiB and a little.
const LARGEST_RESPONSE: usize = 6 * 1024 * 1024 + 100;

/// The API that a function's runtime polls. It works without a child, for runtimes that run in-process.
#[derive(Debug)]
pub struct RuntimeApi {
    server: Server,
    shared: Arc<Shared>,
}

struct Shared {
    function_arn: String,
    state: Mutex<Invocations>,
    arrived: Notify,
    /// `None` before the first poll or init error.
    initialised: watch::Sender<Option<Result<(), FunctionError>>>,
}

#[derive(Default)]
struct Invocations {
    queue: VecDeque<Invocation>,
    running: HashMap<String, oneshot::Sender<InvocationResult>>,
}

struct Invocation {
    id: String,
    payload: Bytes,
    deadline_ms: i64,
}

impl RuntimeApi {
    /// Starts the API for the function with this ARN.
    ///
    /// # Errors
    /// What the operating system says when no port can be bound.
    pub async fn start(function_arn: String, trace: Trace) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            function_arn,
            state: Mutex::default(),
            arrived: Notify::new(),
            initialised: watch::Sender::new(None),
        });
        let server =
            Server::start("lambda-runtime", router(Arc::clone(&shared)), Faults::new(), trace).await?;
        Ok(Self { server, shared })
    }

    /// `127.0.0.1:PORT`: the value of `AWS_LAMBDA_RUNTIME_API`.
    pub fn authority(&self) -> &str {
        self.server.url().trim_start_matches("http://")
    }

    /// The function's name.
    pub(super) fn function(&self) -> &str {
        self.shared.function_arn.rsplit(':').next().unwrap_or_default()
    }

    /// Waits until the runtime asks for its first event or reports that it cannot start.
    ///
    /// # Errors
    /// The error the runtime reported.
    pub async fn initialised(&self) -> Result<(), FunctionError> {
        let mut initialised = self.shared.initialised.subscribe();
        match initialised.wait_for(Option::is_some).await.map(|outcome| outcome.clone()) {
            Ok(Some(outcome)) => outcome,
            // The sender lives as long as self.
            _ => Ok(()),
        }
    }

    /// The error the runtime reported instead of starting.
    pub fn init_error(&self) -> Option<FunctionError> {
        self.shared.initialised.borrow().clone()?.err()
    }

    /// Hands `payload` to the runtime and waits for what it answers, at most `timeout`.
    ///
    /// # Errors
    /// The runtime's error, or `Sandbox.Timedout`.
    pub async fn invoke(&self, payload: &[u8], timeout: Duration) -> InvocationResult {
        let (id, (answer, answered)) = (random::uuid(), oneshot::channel());
        let deadline_ms =
            Timestamp::now().as_millisecond() + i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
        {
            let mut state = self.shared.lock();
            state.running.insert(id.clone(), answer);
            let payload = Bytes::copy_from_slice(payload);
            state.queue.push_back(Invocation { id: id.clone(), payload, deadline_ms });
        }
        self.shared.arrived.notify_one();
        match tokio::time::timeout(timeout, answered).await {
            Ok(Ok(outcome)) => outcome,
            _ => {
                self.shared.lock().running.remove(&id);
                let message = format!(
                    "RequestId: {id} Error: Task timed out after {:.2} seconds",
                    timeout.as_secs_f32()
                );
                Err(FunctionError { error_type: TIMED_OUT.to_owned(), message })
            }
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("function_arn", &self.function_arn).finish_non_exhaustive()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Invocations> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the invocation `id`.
    fn settle(&self, id: &str, outcome: InvocationResult) -> Response {
        let note = match &outcome {
            Ok(bytes) => format!("answered {} bytes", bytes.len()),
            Err(error) => format!("function error {}", error.error_type),
        };
        match self.lock().running.remove(id) {
            Some(caller) => {
                // Whoever invoked may have given up already.
                let _ = caller.send(outcome);
                accepted(note)
            }
            None => refuse(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID"),
        }
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/2018-06-01/runtime/invocation/next", get(next))
        .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
        .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
        .route("/2018-06-01/runtime/init/error", post(init_error))
        .layer(DefaultBodyLimit::max(LARGEST_RESPONSE * 2))
        .with_state(shared)
}

async fn next(State(shared): State<Arc<Shared>>) -> Response {
    shared.initialised.send_if_modified(|initialised| {
        let first = initialised.is_none();
        initialised.get_or_insert(Ok(()));
        first
    });
    let invocation = loop {
        let arrived = shared.arrived.notified();
        if let Some(invocation) = shared.lock().queue.pop_front() {
            break invocation;
        }
        arrived.await;
    };
    let root = format!("{:08x}", Timestamp::now().as_second());
    let trace: String = invocation.id.chars().filter(char::is_ascii_hexdigit).take(24).collect();
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", invocation.id.clone()),
        ("lambda-runtime-deadline-ms", invocation.deadline_ms.to_string()),
        ("lambda-runtime-invoked-function-arn", shared.function_arn.clone()),
        ("lambda-runtime-trace-id", format!("Root=1-{root}-{trace};Parent=53995c3f42cd8ad8;Sampled=0")),
    ];
    noted(format!("event of {} bytes", invocation.payload.len()), (headers, invocation.payload))
}

async fn response(State(shared): State<Arc<Shared>>, Path(id): Path<String>, body: Bytes) -> Response {
    if body.len() > LARGEST_RESPONSE {
        let message = format!("Response payload size ({} bytes) exceeded maximum allowed size", body.len());
        let error_type = "Function.ResponseSizeTooLarge";
        shared
            .settle(&id, Err(FunctionError { error_type: error_type.to_owned(), message: message.clone() }));
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, error_type, &message);
    }
    shared.settle(&id, Ok(body.to_vec()))
}

async fn error(
    State(shared): State<Arc<Shared>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    shared.settle(&id, Err(read_error(&headers, &body)))
}

async fn init_error(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let error = read_error(&headers, &body);
    let note = format!("init error {}", error.error_type);
    shared.initialised.send_replace(Some(Err(error)));
    accepted(note)
}

/// `{"errorType","errorMessage"}`; the header says how Lambda classifies it and stands in when the body does not.
fn read_error(headers: &HeaderMap, body: &[u8]) -> FunctionError {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let header = headers.get("lambda-runtime-function-error-type").and_then(|value| value.to_str().ok());
    FunctionError {
        error_type: text("errorType").or(header.map(str::to_owned)).unwrap_or_else(|| "Unhandled".to_owned()),
        message: text("errorMessage").unwrap_or_default(),
    }
}

fn accepted(note: String) -> Response {
    noted(note, (StatusCode::ACCEPTED, Json(json!({ "status": "OK" }))))
}

fn refuse(status: StatusCode, error_type: &str, message: &str) -> Response {
    let body = json!({ "errorType": error_type, "errorMessage": message });
    noted(message, (status, Json(body)))
}
