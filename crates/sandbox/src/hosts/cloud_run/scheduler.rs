//! Cloud Scheduler: an HTTP job with an OIDC token.

use http::{HeaderMap, Method};
use jiff::Timestamp;

use crate::hosts::{HostError, HttpAnswer, HttpCall};
use crate::http_client::LoopbackClient;
use crate::identity::gcp::{Gcp, SCHEDULER, ServiceAccount};
use crate::trace::{Hop, Trace};

/// A job of Cloud Scheduler with an HTTP target.
#[derive(Clone, Debug)]
pub struct SchedulerJob {
    /// The job's name.
    pub name: String,
    /// Where it is sent: an origin on loopback.
    pub base: String,
    /// The path of the target.
    pub path: String,
    /// `oidcToken.audience`; without one, the full target URL.
    pub audience: Option<String>,
    /// `oidcToken.serviceAccountEmail`.
    pub account: ServiceAccount,
    /// Configured headers.
    pub headers: HeaderMap,
    /// The configured body.
    pub body: Vec<u8>,
    /// When the job was due, which with its name is the idempotency key.
    pub scheduled: Timestamp,
}

impl SchedulerJob {
    /// A job without a body, due now, as [`SCHEDULER`], with the target for its audience.
    pub fn new(name: impl Into<String>, base: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            base: base.into(),
            path: path.into(),
            audience: None,
            account: SCHEDULER,
            headers: HeaderMap::new(),
            body: Vec::new(),
            scheduled: Timestamp::now(),
        }
    }

    /// Configures the audience.
    pub fn audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// Sets when the job was due.
    pub fn scheduled(mut self, at: Timestamp) -> Self {
        self.scheduled = at;
        self
    }

    /// The request, with `token` for its bearer.
    pub fn call(&self, token: &str) -> HttpCall {
        let mut call = HttpCall::new(Method::POST, self.path.clone())
            .header("content-type", "application/octet-stream")
            .body(self.body.clone());
        call.headers.extend(self.headers.clone());
        call.header("authorization", &format!("Bearer {token}"))
            .header("user-agent", "Google-Cloud-Scheduler")
            .header("x-cloudscheduler", "true")
            .header("x-cloudscheduler-jobname", &self.name)
            .header("x-cloudscheduler-scheduletime", &self.scheduled.to_string())
    }

    /// Runs the job once, with a token minted by `gcp`, and records the hop.
    ///
    /// # Errors
    /// As [`HttpCall::send`].
    pub async fn run(
        &self,
        client: &LoopbackClient,
        gcp: &Gcp,
        trace: &Trace,
    ) -> Result<HttpAnswer, HostError> {
        let target = format!("{}{}", self.base, self.path);
        let token = gcp.mint(self.account, self.audience.as_deref().unwrap_or(&target));
        let answer = self.call(&token).send(client, &self.base).await?;
        trace.record(Hop {
            service: "cloud-scheduler",
            method: "POST".to_owned(),
            path: self.path.clone(),
            status: Some(answer.status),
            note: Some(format!("job {} as {}", self.name, self.account.email)),
        });
        Ok(answer)
    }
}
