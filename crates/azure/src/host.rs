//! The custom handler's side of the Functions host.
//!
//! The host polls `GET /` until anything answers, forwards HTTP functions as they are, below `/api`, and calls every
//! other function as `POST /{function}`. Source: Azure Functions documentation, "Custom handlers", and the host's source.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use gatepass_core::app::{App, StartError};
use gatepass_core::deadline::Deadline;
use gatepass_core::delivery::Delivery;
use gatepass_core::env::Env;
use gatepass_core::failure::Failure;
use gatepass_core::http::{HostCheck, HttpAnswer, RequestBody, RequestId, trace_id};
use gatepass_core::names::JobId;
use gatepass_core::report::Report;
use gatepass_core::telemetry::{Correlation, TARGET};
use tokio::net::TcpListener;

use crate::invocation::{Invocation, outputs};
use crate::{http_trigger, queue_trigger, timer};

const PORT_VARIABLE: &str = "FUNCTIONS_CUSTOMHANDLER_PORT";

/// The host's id of an invocation, under which Application Insights keeps it.
const INVOCATION_ID: &str = "x-azure-functions-invocationid";

/// Serves until the host ends the process.
///
/// # Errors
/// When a webhook's secret cannot be read, or when this is not started by the Functions host.
pub async fn serve(env: &Env, app: App) -> Result<(), StartError> {
    let port: u16 = env.get(PORT_VARIABLE).and_then(|text| text.parse().ok()).ok_or_else(|| {
        StartError::Environment(format!(
            "{PORT_VARIABLE} holds no port: this program is started by the Azure Functions host, as its custom handler"
        ))
    })?;
    let app = Arc::new(app);
    // A `host` caller is one that the host's own check of the function key has let in.
    let routes = app.router(HostCheck::Passed).await?;
    let handler = Arc::new(Handler { app, routes: routes.clone() });
    let router = Router::new()
        .route("/", get(ready))
        .route("/{function}", post(invoke))
        .with_state(handler)
        .nest("/api", routes.layer(from_fn(forwarded)));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let cannot = |error: std::io::Error| StartError::Environment(format!("{PORT_VARIABLE} {port}: {error}"));
    let listener = TcpListener::bind(address).await.map_err(cannot)?;
    tracing::info!(target: TARGET, message = "listening", port);
    axum::serve(listener, router).await.map_err(cannot)
}

/// What invocations need.
struct Handler {
    app: Arc<App>,
    /// The same as on every cloud.
    routes: Router,
}

/// Any status counts as ready.
async fn ready() -> StatusCode {
    StatusCode::OK
}

/// An HTTP function, forwarded: the same routes as on every cloud.
async fn forwarded(mut request: Request, next: Next) -> Response {
    if let Some(id) = text(request.headers(), INVOCATION_ID) {
        request.extensions_mut().insert(RequestId(id));
    }
    next.run(request).await
}

fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// What a function without forwarding is for. Its name alone says so.
enum Function<'a> {
    /// `JOB-timer`.
    Timer(&'a JobId),
    /// `QUEUE-queue`, of the deployment's own queue.
    HandOffs,
    /// `QUEUE-queue`, of any other.
    Queue(&'a str),
    /// `ANYTHING-http`: a request for the routes.
    Http,
}

impl<'a> Function<'a> {
    /// # Errors
    /// Not found when it is no function of gatepass, or for a job that is not here.
    fn named(name: &'a str, app: &'a App) -> Result<Self, Failure> {
        if let Some(job) = timer::job(name) {
            return Ok(Self::Timer(app.job(job)?.name()));
        }
        if http_trigger::is_one(name) {
            return Ok(Self::Http);
        }
        let queue = queue_trigger::queue(name).ok_or_else(|| {
            Failure::not_found(format!(
                "{name:?} is no function of gatepass; a timer's is called JOB-timer, a queue's QUEUE-queue, and one for HTTP without forwarding ends in -http"
            ))
        })?;
        let own = app.queue().is_some_and(|own| own.comes_back_as() == queue);
        Ok(if own { Self::HandOffs } else { Self::Queue(queue) })
    }

    fn kind(&self) -> &'static str {
        match self {
            Self::Timer(_) => "timer",
            Self::HandOffs | Self::Queue(_) => "queue",
            Self::Http => "HTTP",
        }
    }

    /// `None` for a request, which is verified by the routes first.
    fn delivery(&self, id: &str, invocation: &Invocation) -> Result<Option<Delivery>, Failure> {
        match self {
            Self::Timer(job) => Ok(Some(timer::delivery(job, id, invocation))),
            Self::HandOffs => queue_trigger::hand_off(invocation).map(Some),
            Self::Queue(queue) => queue_trigger::event(queue, id, invocation).map(Some),
            Self::Http => Ok(None),
        }
    }
}

/// A function without forwarding.
async fn invoke(
    State(handler): State<Arc<Handler>>,
    Path(function): Path<String>,
    request: Request,
) -> Response {
    let headers = request.headers();
    let id = text(headers, INVOCATION_ID).unwrap_or_default();
    let trace = trace_id(headers);
    Correlation { id: id.clone(), trace }
        .scope(async {
            match handler.run(&function, &id, request).await {
                Ok(answer) => answer,
                Err(failure) => {
                    tracing::error!(
                        target: TARGET, message = "an invocation failed", function, status = failure.class.name(),
                        reason = failure.message,
                    );
                    HttpAnswer::from(failure).into_response()
                }
            }
        })
        .await
}

impl Handler {
    async fn run(&self, function: &str, id: &str, request: Request) -> Result<Response, Failure> {
        let deadline = Deadline::after(Deadline::DEFAULT);
        let (parts, body) = request.into_parts();
        let body = RequestBody::from(body);
        let function = Function::named(function, &self.app)?;
        let body = deadline.run("reading the body", body.read(&parts.headers)).await?;
        let invocation = Invocation::read(function.kind(), &body)?;
        let Some(delivery) = function.delivery(id, &invocation)? else {
            let outputs = http_trigger::pass_on(self.routes.clone(), id, invocation).await?;
            return Ok(HttpAnswer::new(200, outputs).into_response());
        };
        Ok(answer(&self.app.handle_to_the_end(delivery, deadline).await?))
    }
}

/// A non-2xx is a failed invocation; anything but this document would hang one that succeeded.
fn answer(report: &Report) -> Response {
    match report.worst() {
        Some(_) => HttpAnswer::report(report, false).into_response(),
        None => HttpAnswer::new(200, outputs(report)).into_response(),
    }
}
