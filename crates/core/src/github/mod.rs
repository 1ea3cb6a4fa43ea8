//! The part of GitHub's REST API that jobs use.
//!
//! One [`GitHub`] serves one job for one event: it gets its token when the first call needs one, counts its calls, and
//! judges every answer by the table of `answer`. A token goes to the configured API's origin only.

mod answer;
mod comments;
mod documents;
mod error;
mod gate;
mod issues;
mod pages;
mod repositories;
mod workflows;

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use reqwest::header::{ACCEPT, HeaderMap, LOCATION};
use reqwest::{Client, Method};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::Mutex;
use url::Url;

use self::answer::Verdict;
pub use self::comments::IssueComment;
pub use self::error::CallError;
use self::error::Rejection;
use self::gate::Gate;
pub use self::issues::{Issue, IssuePatch, IssueQuery, IssueState, NewIssue, StateReason};
pub use self::pages::{Items, Read};
pub use self::repositories::RepositoryListed;
pub use self::workflows::{StartedRun, WorkflowDispatch, WorkflowRun};
use crate::client::{BodyError, ServiceUrl, describe, read_body};
use crate::deadline::Deadline;
use crate::exchange::{Access, OctoSts};
use crate::failure::{Class, Failure};
use crate::names::RepositoryName;
use crate::retry;
use crate::secret::InstallationToken;
use crate::telemetry::TARGET;

/// The version of the REST API that this client speaks.
pub(crate) const API_VERSION: &str = "2022-11-28";

/// The largest answer that is read, in bytes: a page of a hundred issues, each with the longest body that GitHub takes, in
/// four-byte characters.
const MAX_ANSWER: usize = 32 * 1024 * 1024;

/// How many redirects are followed, all of them to the same origin: a renamed repository answers with one.
const REDIRECTS: u32 = 3;

/// Where GitHub is, and where tokens for it come from.
#[derive(Debug)]
pub struct Gateway {
    /// The HTTP client.
    pub client: Client,
    /// The API's base URL: the only origin that a token is ever sent to.
    pub api: ServiceUrl,
    /// The exchange.
    pub sts: OctoSts,
    gate: Gate,
}

impl Gateway {
    /// To the GitHub at `api`, with tokens from `sts`.
    pub fn new(client: Client, api: ServiceUrl, sts: OctoSts) -> Self {
        Self { client, api, sts, gate: Gate::default() }
    }
}

/// GitHub for one job and one event.
#[derive(Debug)]
pub struct GitHub<'a> {
    gateway: &'a Gateway,
    access: Access<'a>,
    repository: &'a RepositoryName,
    deadline: Deadline,
    revoke: bool,
    token: Mutex<Option<InstallationToken>>,
    calls: AtomicU32,
    rate_left: AtomicI64,
}

/// What GitHub answered.
#[derive(Debug)]
pub struct Answer {
    body: Vec<u8>,
    next: Option<Url>,
}

impl<'a> GitHub<'a> {
    /// Paths are below `repository`, which `access` must reach. With `revoke`, the token is one that nobody else uses, and
    /// [`GitHub::finish`] revokes it.
    pub fn new(
        gateway: &'a Gateway,
        access: Access<'a>,
        repository: &'a RepositoryName,
        deadline: Deadline,
        revoke: bool,
    ) -> Self {
        Self {
            gateway,
            access,
            repository,
            deadline,
            revoke,
            token: Mutex::new(None),
            calls: AtomicU32::new(0),
            rate_left: AtomicI64::new(-1),
        }
    }

    /// The repository that paths are below.
    pub fn repository(&self) -> &RepositoryName {
        self.repository
    }

    /// How much time is left for this event.
    pub fn time_left(&self) -> Duration {
        self.deadline.remaining()
    }

    /// How many calls were made.
    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    /// What GitHub said last about the calls that are left in this hour.
    pub fn rate_left(&self) -> Option<i64> {
        Some(self.rate_left.load(Ordering::Relaxed)).filter(|left| *left >= 0)
    }

    /// Revokes the token if that was asked for. The work is done by then, so a failure is only logged.
    pub async fn finish(&self) {
        if !self.revoke {
            return;
        }
        let Some(token) = self.token.lock().await.take() else { return };
        let Ok(url) = self.gateway.api.with_path("installation/token") else { return };
        let what = "revoking the token";
        if let Err(rejection) = self.once(&Method::DELETE, url, None, &token, what).await {
            tracing::warn!(
                target: TARGET, message = "the token could not be revoked and lives for up to an hour",
                job = self.access.job.as_str(), hashed_token = token.hashed(), reason = Failure::from(rejection.into_error(what)).message,
            );
        }
    }

    /// A path below the job's repository.
    ///
    /// # Errors
    /// Invalid when `path` climbs out of the repository.
    pub fn repository_url(&self, path: &str) -> Result<Url, Failure> {
        let base = format!("repos/{}", self.repository);
        let path = path.trim_start_matches('/');
        let url = self.gateway.api.with_path(&if path.is_empty() {
            base.clone()
        } else {
            format!("{base}/{path}")
        })?;
        let root = format!("{}/{base}", self.gateway.api.as_str());
        let below = url
            .as_str()
            .strip_prefix(&root)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
        if below {
            Ok(url)
        } else {
            Err(Failure::invalid(format!("the path {path:?} leaves the repository {}", self.repository)))
        }
    }

    /// Reads; GitHub's 5xx and broken connections are tried again. `what` completes "GitHub, …:".
    ///
    /// # Errors
    /// As the table of `answer` judges what GitHub says.
    pub async fn get(&self, url: Url, what: &str) -> Result<Answer, Failure> {
        Ok(self.repeatable(&Method::GET, url, None, what).await?)
    }

    /// Reads what need not be there.
    ///
    /// # Errors
    /// As [`GitHub::get`], but 404 and 410 are `None`.
    pub async fn find(&self, url: Url, what: &str) -> Result<Option<Answer>, Failure> {
        match self.repeatable(&Method::GET, url, None, what).await {
            Err(CallError::Missing(_)) => Ok(None),
            result => Ok(Some(result?)),
        }
    }

    /// Writes what may be written twice: the result is the same.
    ///
    /// # Errors
    /// As [`GitHub::get`].
    pub async fn patch(&self, url: Url, body: &Value, what: &str) -> Result<Answer, Failure> {
        Ok(self.repeatable(&Method::PATCH, url, Some(body), what).await?)
    }

    /// Creates, and never blindly again.
    ///
    /// # Errors
    /// [`CallError::Unknown`] when it may have been created all the same: look for it first.
    pub async fn post(&self, url: Url, body: &Value, what: &str) -> Result<Answer, CallError> {
        self.call(&Method::POST, url, Some(body), what).await
    }

    async fn repeatable(
        &self,
        method: &Method,
        url: Url,
        body: Option<&Value>,
        what: &str,
    ) -> Result<Answer, CallError> {
        let mut attempt = 0;
        loop {
            match self.call(method, url.clone(), body, what).await {
                Err(CallError::Unknown(_)) if attempt < retry::RETRIES => {
                    retry::moment(attempt).await;
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    /// One call with a token; a token that GitHub no longer takes is dropped and exchanged once more.
    async fn call(
        &self,
        method: &Method,
        url: Url,
        body: Option<&Value>,
        what: &str,
    ) -> Result<Answer, CallError> {
        self.ask_gate(what).map_err(CallError::Failed)?;
        let token = self.current_token().await.map_err(CallError::Failed)?;
        match self.once(method, url.clone(), body, &token, what).await {
            Err(Rejection::Token) => {
                self.gateway.sts.forget(&self.access, &token).await;
                *self.token.lock().await = None;
                let token = self.current_token().await.map_err(CallError::Failed)?;
                self.once(method, url, body, &token, what)
                    .await
                    .map_err(|rejection| rejection.into_error(what))
            }
            result => result.map_err(|rejection| rejection.into_error(what)),
        }
    }

    /// Whoever GitHub has asked to wait is not let through before the time is up.
    fn ask_gate(&self, what: &str) -> Result<(), Failure> {
        let owner = self.repository.owner();
        let Some(opens) = self.gateway.gate.opens(owner) else { return Ok(()) };
        Err(Failure {
            class: Class::Deferred(opens),
            ..Failure::deferred(
                Duration::ZERO,
                format!(
                    "GitHub, {what}: not asked, because it wants to hear nothing about {owner} before {opens:.0}: over a rate limit; deliver it again then"
                ),
            )
        })
    }

    async fn current_token(&self) -> Result<InstallationToken, Failure> {
        let mut held = self.token.lock().await;
        if let Some(token) = held.as_ref() {
            return Ok(token.clone());
        }
        let token = if self.revoke {
            self.gateway.sts.unshared_token(&self.access, self.deadline).await?
        } else {
            self.gateway.sts.token(&self.access, self.deadline).await?
        };
        *held = Some(token.clone());
        Ok(token)
    }

    async fn once(
        &self,
        method: &Method,
        mut url: Url,
        body: Option<&Value>,
        token: &InstallationToken,
        what: &str,
    ) -> Result<Answer, Rejection> {
        let refused = |why: String| CallError::Failed(Failure::refused(format!("GitHub, {what}: {why}")));
        for _ in 0..=REDIRECTS {
            // The token goes to the configured origin only.
            if !self.gateway.api.same_origin(&url) {
                let host = url.host_str().unwrap_or_default();
                return Err(refused(format!(
                    "it points to another host, {host}, and the token is not sent there; check github.api_url"
                ))
                .into());
            }
            let mut request = self
                .gateway
                .client
                .request(method.clone(), url.clone())
                .bearer_auth(token.expose())
                .header(ACCEPT, "application/vnd.github+json")
                .header("x-github-api-version", API_VERSION);
            if let Some(body) = body {
                request = request.json(body);
            }
            self.calls.fetch_add(1, Ordering::Relaxed);
            let (status, headers, bytes) = self.send(request, what).await?;
            if let Some(left) = answer::number(&headers, "x-ratelimit-remaining") {
                self.rate_left.store(left, Ordering::Relaxed);
            }
            match answer::judge(status, &headers, &bytes, what) {
                Verdict::Fine => return Ok(Answer { body: bytes, next: pages::next(&headers) }),
                Verdict::TokenRefused => return Err(Rejection::Token),
                Verdict::Failed(failure) => return Err(CallError::Failed(failure).into()),
                Verdict::Forbidden(failure) => {
                    // Whoever then gives the trust policy the permission must not wait for this token to grow old.
                    self.gateway.sts.forget(&self.access, token).await;
                    return Err(CallError::Failed(failure).into());
                }
                Verdict::Limited(failure) => {
                    if let Class::Deferred(opens) = failure.class {
                        self.gateway.gate.shut(self.repository.owner(), opens);
                    }
                    return Err(CallError::Failed(failure).into());
                }
                Verdict::Rejected(failure, said) => {
                    return Err(CallError::Rejected { failure, said }.into());
                }
                Verdict::Missing(failure) => return Err(CallError::Missing(failure).into()),
                Verdict::Passing(failure) => return Err(CallError::Unknown(failure).into()),
                Verdict::Moved => {
                    let target = headers.get(LOCATION).and_then(|value| value.to_str().ok());
                    url = target.and_then(|target| url.join(target).ok()).ok_or_else(|| {
                        refused("it has moved, and GitHub does not say where; check github.api_url".into())
                    })?;
                }
            }
        }
        Err(refused("it keeps redirecting; check github.api_url".into()).into())
    }

    async fn send(
        &self,
        request: reqwest::RequestBuilder,
        what: &str,
    ) -> Result<(u16, HeaderMap, Vec<u8>), CallError> {
        let broken = |error: String| {
            CallError::Unknown(Failure::deferred(
                Duration::ZERO,
                format!("GitHub, {what}: {error}; deliver it again, and check github.api_url if it stays so"),
            ))
        };
        let exchange = async {
            let response = request.send().await.map_err(|error| broken(describe(&error)))?;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = read_body(response, MAX_ANSWER).await.map_err(|error| match error {
                BodyError::Broken(error) => broken(error),
                BodyError::TooLarge(_) => CallError::Failed(Failure::refused(format!(
                    "GitHub, {what}: {error}; close what is no longer needed, or read a narrower path"
                ))),
            })?;
            Ok((status, headers, body))
        };
        match tokio::time::timeout(self.deadline.remaining(), exchange).await {
            Ok(result) => result,
            Err(_) => Err(CallError::Failed(Failure::deferred(
                Duration::ZERO,
                format!("GitHub, {what}: no answer before the time for this event was up; deliver it again"),
            ))),
        }
    }
}

impl Answer {
    /// The body as `T`.
    ///
    /// # Errors
    /// Deferred when it is something else: what stands between is more likely to pass than GitHub to change.
    pub fn read<T: DeserializeOwned>(&self, what: &str) -> Result<T, Failure> {
        serde_json::from_slice(&self.body).map_err(|error| {
            Failure::deferred(
                Duration::ZERO,
                format!(
                    "GitHub, {what}: the answer is not what GitHub documents (line {}, column {}); deliver it again, and check github.api_url if it stays so",
                    error.line(),
                    error.column()
                ),
            )
        })
    }
}
