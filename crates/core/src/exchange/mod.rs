//! The exchange at Octo STS: an OIDC token goes in, a GitHub installation token comes out.
//!
//! Source of the contract: the server's code (octo-sts/app, August 2026). Scope and policy name go as `scope`, `scopes`
//! and `identity`; the token comes back as `token`, without any expiry; a refusal is a gRPC status as JSON.

mod cache;
mod examine;
mod refusal;
mod scope;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gatepass_policy::Claims;
use jiff::Timestamp;
use reqwest::header::RETRY_AFTER;
use reqwest::{Client, StatusCode};
use serde::Deserialize;

use self::cache::{Cache, Key, NoToken};
pub(crate) use self::examine::{Denial, Refused};
use self::refusal::Refusal;
pub use self::scope::Scope;
use crate::client::{ServiceUrl, describe, excerpt, harmless, read_body};
use crate::deadline::Deadline;
use crate::event::MAX_BODY;
use crate::failure::Failure;
use crate::id_token::IdTokenSource;
use crate::names::{JobId, TrustPolicyName};
use crate::retry;
use crate::secret::{IdToken, InstallationToken};
use crate::telemetry::TARGET;

/// How long one exchange may take, retries included. The server itself has no limit: with a dead issuer it keeps
/// trying for as long as its caller waits.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How much of the server's message is kept, in characters: it names two claims of at most 255 each.
const MAX_MESSAGE: usize = 1000;

/// What a job needs on GitHub.
#[derive(Clone, Debug)]
pub struct Access<'a> {
    /// Who asks.
    pub job: &'a JobId,
    /// What the token is for.
    pub scope: &'a Scope,
    /// The policy that lets this workload in.
    pub trust_policy: &'a TrustPolicyName,
    /// What the job's action does, in the words of a trust policy: permission to `read` or `write`.
    pub permissions: &'a BTreeMap<String, String>,
}

/// A client of one Octo STS for one workload.
pub struct OctoSts {
    client: Client,
    url: ServiceUrl,
    audience: String,
    source: Arc<dyn IdTokenSource>,
    cache: Cache<Denied>,
}

impl OctoSts {
    /// A client that proves itself with tokens of `source` for `audience`.
    pub fn new(client: Client, url: ServiceUrl, audience: String, source: Arc<dyn IdTokenSource>) -> Self {
        Self { client, url, audience, source, cache: Cache::default() }
    }

    /// A token for `access`, from the cache where there is one.
    ///
    /// # Errors
    /// The identity source's failures; Deferred when Octo STS cannot answer now; Refused when it says no, with the
    /// probable cause and what to change.
    pub async fn token(&self, access: &Access<'_>, deadline: Deadline) -> Result<InstallationToken, Failure> {
        let token = self.cache.get(self.key(access), self.exchange(access, deadline)).await;
        token.map_err(|denied| self.explain(access, denied))
    }

    /// A token that nobody else gets, to be revoked after use.
    ///
    /// # Errors
    /// As [`OctoSts::token`].
    pub async fn unshared_token(
        &self,
        access: &Access<'_>,
        deadline: Deadline,
    ) -> Result<InstallationToken, Failure> {
        let token = self.cache.get_unshared(self.key(access), self.exchange(access, deadline)).await;
        token.map_err(|denied| self.explain(access, denied))
    }

    /// Drops `token` from the cache, because GitHub no longer takes it.
    pub async fn forget(&self, access: &Access<'_>, token: &InstallationToken) {
        self.cache.forget(&self.key(access), token).await;
    }

    fn key(&self, access: &Access<'_>) -> Key {
        Key {
            url: self.url.as_str().to_owned(),
            audience: self.audience.clone(),
            source: self.source.name().to_owned(),
            scope: access.scope.clone(),
            trust_policy: access.trust_policy.clone(),
        }
    }

    async fn exchange(
        &self,
        access: &Access<'_>,
        deadline: Deadline,
    ) -> Result<InstallationToken, NoToken<Denied>> {
        let started = Instant::now();
        let mut claims = None;
        let result = self.prove_and_ask(access, deadline, &mut claims).await;
        self.log(access, claims.as_ref(), &result, started.elapsed());
        result.map_err(|problem| NoToken {
            remember: problem.is_final_answer(),
            why: Denied { problem, claims },
        })
    }

    /// What a refusal means for this job: another one may have met it first, and needs other permissions.
    fn explain(&self, access: &Access<'_>, denied: Denied) -> Failure {
        denied.problem.into_failure(access, denied.claims.as_ref(), &self.audience)
    }

    async fn prove_and_ask(
        &self,
        access: &Access<'_>,
        deadline: Deadline,
        claims: &mut Option<Claims>,
    ) -> Result<InstallationToken, Problem> {
        let proof = self.source.id_token(&self.audience, deadline).await.map_err(Problem::Identity)?;
        *claims = proof.unverified_claims();
        self.ask(access, &proof, deadline).await
    }

    async fn ask(
        &self,
        access: &Access<'_>,
        proof: &IdToken,
        deadline: Deadline,
    ) -> Result<InstallationToken, Problem> {
        let asking = async {
            let mut attempt = 0;
            loop {
                match self.ask_once(access, proof.expose()).await {
                    Err(problem) if problem.may_pass_at_once() && attempt < retry::RETRIES => {
                        retry::moment(attempt).await;
                        attempt += 1;
                    }
                    result => return Ok(result),
                }
            }
        };
        deadline.at_most(TIMEOUT).run("the exchange at Octo STS", asking).await.map_err(Problem::Late)?
    }

    async fn ask_once(&self, access: &Access<'_>, proof: &str) -> Result<InstallationToken, Problem> {
        let url = self.url.with_path("sts/exchange").map_err(Problem::Late)?;
        let scope = access.scope.as_str();
        // Both spellings: some compatible servers read only one of them. In the query, where every version reads it.
        let parameters = [("scope", scope), ("scopes", scope), ("identity", access.trust_policy.as_str())];
        let response = self
            .client
            .post(url)
            .query(&parameters)
            .bearer_auth(proof)
            .send()
            .await
            .map_err(|error| Problem::Unreachable(describe(&error)))?;
        let status = response.status();
        let hint = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
        let body =
            read_body(response, MAX_BODY).await.map_err(|error| Problem::Unreachable(error.to_string()))?;
        let at = Timestamp::now();
        if status == StatusCode::OK {
            return serde_json::from_slice::<Granted>(&body)
                .ok()
                .and_then(Granted::into_token)
                .ok_or_else(|| Problem::NotOctoSts(format!("200 and no token, but {}", content(&body))));
        }
        match serde_json::from_slice::<Status>(&body) {
            Ok(said) => Err(Problem::Refused(Refusal {
                status: status.as_u16(),
                message: harmless(&said.message, MAX_MESSAGE),
                hint,
                at,
            })),
            Err(_) if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Err(Problem::Refused(Refusal { status: status.as_u16(), message: excerpt(&body), hint, at }))
            }
            Err(_) => Err(Problem::NotOctoSts(format!("{} and {}", status.as_u16(), content(&body)))),
        }
    }

    fn log(
        &self,
        access: &Access<'_>,
        claims: Option<&Claims>,
        result: &Result<InstallationToken, Problem>,
        took: Duration,
    ) {
        let (iss, sub) = (claims.map(Claims::issuer), claims.map(Claims::subject));
        let aud = claims.map(|claims| claims.audiences().join(" "));
        let (job, scope, trust_policy) =
            (access.job.as_str(), access.scope.as_str(), access.trust_policy.as_str());
        let proof_source = self.source.name();
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        match result {
            Ok(token) => tracing::info!(
                target: TARGET, message = "exchange", result = "granted", job, proof_source, iss, sub, aud, scope,
                trust_policy, hashed_token = token.hashed(), milliseconds,
            ),
            Err(problem) => {
                let refusal = problem.refusal();
                let diagnosis = refusal.map(|refusal| refusal.diagnose(access, claims, &self.audience));
                tracing::warn!(
                    target: TARGET, message = "exchange", result = problem.name(), job, proof_source, iss, sub, aud,
                    scope, trust_policy,
                    status = refusal.map(|refusal| refusal.status),
                    server_message = problem.said(),
                    cause = diagnosis.as_ref().map(|diagnosis| diagnosis.cause),
                    difference = diagnosis.as_ref().and_then(|diagnosis| diagnosis.difference.as_deref()),
                    next_step = diagnosis.as_ref().map(|diagnosis| diagnosis.next_step.as_str()),
                    policy_path = diagnosis.as_ref().map(|diagnosis| diagnosis.policy_path.as_str()),
                    policy_that_would_admit = diagnosis.as_ref().and_then(|diagnosis| diagnosis.policy.as_deref()),
                    milliseconds,
                );
            }
        }
    }
}

impl fmt::Debug for OctoSts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OctoSts")
            .field("url", &self.url)
            .field("source", &self.source.name())
            .finish_non_exhaustive()
    }
}

/// A granted exchange. `access_token` is what public guides and at least one clone call it.
#[derive(Deserialize)]
struct Granted {
    token: Option<String>,
    access_token: Option<String>,
}

impl Granted {
    fn into_token(self) -> Option<InstallationToken> {
        self.token.or(self.access_token).filter(|token| !token.is_empty()).map(InstallationToken::new)
    }
}

/// A gRPC status as JSON.
#[derive(Deserialize)]
struct Status {
    message: String,
}

/// A problem, and whose token met it.
#[derive(Clone)]
struct Denied {
    problem: Problem,
    claims: Option<Claims>,
}

/// Why an exchange gave no token.
#[derive(Clone)]
enum Problem {
    /// No proof could be had.
    Identity(Failure),
    /// The time was up.
    Late(Failure),
    /// Nobody answered.
    Unreachable(String),
    /// Somebody else answered.
    NotOctoSts(String),
    /// Octo STS answered no.
    Refused(Refusal),
}

impl Problem {
    /// Whether the same call may succeed a moment later. The facts page: 502, 503, 504 and connection failures.
    fn may_pass_at_once(&self) -> bool {
        match self {
            Self::Unreachable(_) => true,
            Self::Refused(refusal) => matches!(refusal.status, 502..=504),
            _ => false,
        }
    }

    /// Whether it is Octo STS's own no, which the next event would only hear again. A no of the identity endpoint, which is
    /// next door, is asked for again.
    fn is_final_answer(&self) -> bool {
        match self {
            Self::Refused(refusal) => !refusal.may_pass(),
            Self::NotOctoSts(_) => true,
            Self::Identity(_) | Self::Late(_) | Self::Unreachable(_) => false,
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Identity(_) => "no proof",
            Self::Late(_) => "late",
            Self::Unreachable(_) => "unreachable",
            Self::NotOctoSts(_) => "no answer of an Octo STS",
            Self::Refused(_) => "refused",
        }
    }

    fn said(&self) -> &str {
        match self {
            Self::Identity(failure) | Self::Late(failure) => &failure.message,
            Self::Unreachable(text) | Self::NotOctoSts(text) => text,
            Self::Refused(refusal) => &refusal.message,
        }
    }

    fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    fn into_failure(self, access: &Access<'_>, claims: Option<&Claims>, domain: &str) -> Failure {
        match self {
            Self::Identity(failure) | Self::Late(failure) => failure,
            Self::Unreachable(error) => Failure::deferred(
                Duration::ZERO,
                format!(
                    "Octo STS {error}; deliver it again, and check sts.url and GATEPASS_STS_URL if it stays so"
                ),
            ),
            Self::NotOctoSts(answer) => Failure::refused(format!(
                "what answered at the configured Octo STS is none: {answer}; check sts.url and GATEPASS_STS_URL"
            )),
            Self::Refused(refusal) => refusal.into_failure(access, claims, domain),
        }
    }
}

/// What an unexpected answer looks like; not its text when it is JSON, because that might be a token under another name.
fn content(body: &[u8]) -> String {
    match serde_json::from_slice::<serde_json::Value>(body) {
        Ok(_) => "some other JSON".into(),
        Err(_) => excerpt(body),
    }
}
