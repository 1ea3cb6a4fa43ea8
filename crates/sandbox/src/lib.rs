//! Loopback stand-ins that check everything for real: cloud identity endpoints, Octo STS and GitHub.
//!
//! The process tests and `gatepass dev` run the shipped binaries against them. Nothing here is a mock inside a
//! binary: every hop is HTTP, every signature is verified, every permission is enforced. Faults are injected from
//! outside, a service at a time, and every request is recorded in one [`trace::Trace`].
//!
//! [`Sandbox`] is all of it at once, with the organisation `acme` in it. No workload is admitted anywhere until
//! [`Sandbox::admit`] commits a trust policy.

mod acme;
pub mod fault_matrix;
pub mod faults;
pub mod github;
pub mod golden;
pub mod hosts;
pub mod http_client;
pub mod identity;
pub mod issuer;
pub mod jwt;
pub mod octo_sts;
#[cfg(feature = "openapi")]
pub mod openapi;
pub mod pubsub;
pub mod server;
pub mod sigv4;
pub mod sns;
pub mod storage_queue;
pub mod trace;

use std::collections::BTreeMap;
use std::io;

use gatepass_policy::{Claims, SuggestError, exact_policy, policy_path};
use serde_json::{Map, Value};

use crate::github::{Edition, GitHub, NotThere};
use crate::identity::azure::TOKEN_EXCHANGE;
use crate::identity::{Environment, Identity};
use crate::octo_sts::OctoSts;
use crate::trace::Trace;

/// All stand-ins, running. They stop when it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    /// Every request to any of them.
    pub trace: Trace,
    /// GitHub, with the organisation `acme`.
    pub github: GitHub,
    /// Octo STS, whose App is installed on `acme`.
    pub octo_sts: OctoSts,
    /// The clouds' identity endpoints and issuers.
    pub identity: Identity,
}

/// What can be chosen about a sandbox.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// github.com or Enterprise Server.
    pub edition: Edition,
    /// The Octo STS's domain and Apps.
    pub octo_sts: octo_sts::Settings,
}

/// A workload as a trust policy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    /// `iss` of its tokens.
    pub issuer: String,
    /// `sub` of its tokens.
    pub subject: String,
    /// `aud` of its tokens.
    pub audience: String,
}

/// Why no trust policy was committed.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// There is no such repository.
    #[error(transparent)]
    NotThere(#[from] NotThere),
    /// No policy can admit this workload with these permissions.
    #[error(transparent)]
    Policy(#[from] SuggestError),
}

impl Sandbox {
    /// Starts everything on free loopback ports, with a world to act on: the organisation `acme` with the
    /// repositories `operations`, `widgets` and `site`.
    ///
    /// # Errors
    /// What the operating system says when a port cannot be bound.
    pub async fn start() -> io::Result<Self> {
        Self::start_with(Options::default()).await
    }

    /// As [`Sandbox::start`], with a choice.
    ///
    /// # Errors
    /// What the operating system says when a port cannot be bound.
    pub async fn start_with(options: Options) -> io::Result<Self> {
        let trace = Trace::new();
        let github = GitHub::start(options.edition, trace.clone()).await?;
        acme::settle(&github).map_err(io::Error::other)?;
        let octo_sts = OctoSts::start(options.octo_sts, github.clone(), trace.clone()).await?;
        let identity = Identity::start(trace.clone()).await?;
        Ok(Self { trace, github, octo_sts, identity })
    }

    /// The variables that lead a gatepass binary to this sandbox's Octo STS and GitHub.
    pub fn env(&self) -> Environment {
        Environment::from([
            ("GATEPASS_STS_URL".to_owned(), self.octo_sts.url().to_owned()),
            ("GATEPASS_GITHUB_API_URL".to_owned(), self.github.api_url().to_owned()),
        ])
    }

    /// The Lambda function, as its tokens for Octo STS show it.
    pub fn lambda(&self) -> Workload {
        let aws = &self.identity.aws;
        Workload::new(aws.issuer().url(), &aws.subject(), self.octo_sts.domain())
    }

    /// The Cloud Run service, as its tokens for Octo STS show it.
    pub fn cloud_run(&self) -> Workload {
        let gcp = &self.identity.gcp;
        Workload::new(gcp.issuer().url(), gcp.subject(), self.octo_sts.domain())
    }

    /// The Azure function, as its tokens for `api://AzureADTokenExchange` show it: their audience is never free.
    pub fn azure_function(&self) -> Workload {
        let azure = &self.identity.azure;
        Workload::new(azure.issuer().url(), azure.subject(), TOKEN_EXCHANGE.client_id)
    }

    /// Commits the trust policy `name` to `repository`, `owner/name`: it admits exactly this workload, with these
    /// permissions. Any other policy is committed with [`GitHub::put_file`].
    ///
    /// # Errors
    /// When there is no such repository, or no policy can say so.
    pub fn admit(
        &self,
        repository: &str,
        name: &str,
        workload: &Workload,
        permissions: &[(&str, &str)],
    ) -> Result<(), AdmitError> {
        let permissions: BTreeMap<String, String> =
            permissions.iter().map(|&(name, level)| (name.to_owned(), level.to_owned())).collect();
        let policy = exact_policy(&workload.claims(), self.octo_sts.domain(), &permissions)?;
        Ok(self.github.put_file(repository, &policy_path(name), policy)?)
    }
}

impl Workload {
    /// A workload whose tokens have these claims.
    pub fn new(issuer: &str, subject: &str, audience: &str) -> Self {
        Self { issuer: issuer.to_owned(), subject: subject.to_owned(), audience: audience.to_owned() }
    }

    fn claims(&self) -> Claims {
        let pairs = [("iss", &self.issuer), ("sub", &self.subject), ("aud", &self.audience)];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), Value::from(value.as_str())));
        Claims::new(Map::from_iter(pairs))
    }
}
