//! The HTTP surface, the same on every cloud (`docs/contract.md`, "HTTP").
//!
//! `GET /health` · `POST /hooks/{job}` · `POST /jobs/{job}`, and `GET` for jobs that only read · `POST /events` ·
//! `OPTIONS /events` ·
//! `POST /doctor`. Verification comes first and parsing second, over bodies of bounded size.

mod answer;
mod body;
mod correlation;
mod doctor;
mod events;
mod hooks;
mod jobs;
mod marks;
mod sns;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, Path, Request};
use axum::http::{HeaderMap, Method, Uri};
use axum::routing::{get, post};
use futures_util::future::join_all;

pub use self::answer::HttpAnswer;
pub use self::body::RequestBody;
pub use self::correlation::trace_id;
use crate::app::{App, StartError};
use crate::deadline::Deadline;
use crate::failure::Failure;
use crate::inbound::callers::Door;
pub use crate::inbound::callers::HostCheck;
use crate::inbound::keys::KeyStore;
use crate::inbound::secrets::Secrets;
use crate::inbound::sns::SnsDoor;
use crate::names::JobId;
use crate::report::Report;
use crate::telemetry::TARGET;

/// How long the secrets may take at the start: Lambda gives ten seconds to all of it.
const START: Duration = Duration::from_secs(7);

/// The host's own id of a request, as a request extension. Without one, a random one serves.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

/// What every route needs.
pub(crate) struct Surface {
    app: Arc<App>,
    door: Door,
    sns: SnsDoor,
    secrets: BTreeMap<JobId, Secrets>,
    host: HostCheck,
}

impl App {
    /// The router. `host` says what this host has checked of a request that has no [`HostCheck`] of its own among its
    /// extensions. A [`Deadline`] among them is kept.
    ///
    /// # Errors
    /// All webhooks' secrets that cannot be read: the start stops rather than leave a route open or dead. An endpoint of
    /// SNS that is set to what may not be asked.
    pub async fn router(self: &Arc<Self>, host: HostCheck) -> Result<Router, StartError> {
        let secrets = self.secrets().await?;
        let keys = KeyStore::new(self.clients().outbound.clone());
        let sns =
            SnsDoor::new(self.clients().outbound.clone(), self.env()).map_err(StartError::Environment)?;
        let surface = Arc::new(Surface { app: Arc::clone(self), door: Door::new(keys), sns, secrets, host });
        let mut router = Router::new();
        // Without anybody who may ask, there is nothing to be found at this path.
        if self.jobs().callers().values().any(doctor::may_ask) {
            router = router.route("/doctor", post(doctor::examine));
        }
        Ok(router
            .route("/health", get(health))
            .route("/hooks/{job}", post(hooks::deliver))
            .route("/jobs/{job}", post(jobs::start).get(jobs::start))
            .route("/events", post(events::deliver).options(events::handshake))
            .fallback(not_found)
            .method_not_allowed_fallback(wrong_method)
            .layer(axum::middleware::from_fn(correlation::correlate))
            .with_state(surface))
    }

    /// Every webhook's, read at once.
    async fn secrets(&self) -> Result<BTreeMap<JobId, Secrets>, StartError> {
        let deadline = Deadline::after(START);
        let webhooks = self.jobs().iter().filter_map(|job| Some((job.name(), job.webhook()?)));
        let reading = webhooks.map(async |(name, webhook)| {
            (name, Secrets::read(webhook, self.env(), self.secret_store(), deadline).await)
        });
        let (mut secrets, mut problems) = (BTreeMap::new(), Vec::new());
        for (name, result) in join_all(reading).await {
            match result {
                Ok(read) => {
                    secrets.insert(name.clone(), read);
                }
                Err(messages) => {
                    problems.extend(messages.iter().map(|message| format!("jobs.{name}: {message}")))
                }
            }
        }
        if problems.is_empty() { Ok(secrets) } else { Err(StartError::Environment(problems.join("\n"))) }
    }
}

async fn health() -> HttpAnswer {
    HttpAnswer::new(200, serde_json::json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

async fn not_found(uri: Uri) -> HttpAnswer {
    let path: String = uri.path().chars().take(100).collect();
    Failure::not_found(format!(
        "there is nothing at {path:?}; the routes are /health, /hooks/JOB, /jobs/JOB and /events (on Azure below /api)"
    ))
    .into()
}

async fn wrong_method(method: Method, uri: Uri) -> HttpAnswer {
    let path: String = uri.path().chars().take(100).collect();
    HttpAnswer::from(Failure::not_found(format!("{method} is not what {path:?} takes"))).with_status(405)
}

/// The answer to a delivery, and whether whoever sent it may see what is for the log. What has no job has no record
/// `outcome`, so why it was not taken is logged here.
fn taken(refusal: &str, job: Option<&str>, result: Result<(Report, bool), Failure>) -> HttpAnswer {
    match result {
        Ok((report, details)) => HttpAnswer::report(&report, details),
        Err(failure) => {
            tracing::warn!(
                target: TARGET, message = refusal, job, status = failure.class.name(), reason = failure.message,
                details = failure.details,
            );
            failure.into()
        }
    }
}

/// The job that a path names.
pub(crate) type JobInPath = Result<Path<String>, PathRejection>;

/// Its name, as far as a log record needs it, which is more than any job's name has. What is not UTF-8 is the name of
/// no job.
fn name_of(job: JobInPath) -> String {
    job.map_or_else(|_| char::REPLACEMENT_CHARACTER.to_string(), |Path(name)| name.chars().take(60).collect())
}

/// A request, in parts; its body is read when it is wanted.
pub(crate) struct Arrival {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    host: Option<HostCheck>,
    deadline: Option<Deadline>,
    body: RequestBody,
}

impl<S: Send + Sync> FromRequest<S> for Arrival {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, _: &S) -> Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        let (host, deadline) = (parts.extensions.get().copied(), parts.extensions.get().copied());
        let body = body.into();
        Ok(Self { method: parts.method, uri: parts.uri, headers: parts.headers, host, deadline, body })
    }
}

impl Arrival {
    /// When the answer must be there: by the host's own deadline, and within `budget`.
    fn deadline(&self, budget: Duration) -> Deadline {
        self.deadline.map_or_else(|| Deadline::after(budget), |deadline| deadline.at_most(budget))
    }
}

#[cfg(test)]
mod tests;
