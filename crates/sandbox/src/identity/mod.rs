//! The identity endpoints of the three clouds, each with the issuer whose tokens they hand out.
//!
//! They check what the real ones check (signatures, headers, versions, parameters), mint RS256 tokens with the
//! real ones' claims, and note in the trace what they found out, never a token. Secrets differ from start to
//! start.

use std::collections::BTreeMap;
use std::io;

use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};

use crate::faults::Faults;
use crate::server::{Bound, Server};
use crate::trace::{Note, Trace};

pub mod aws;
pub mod azure;
pub mod gcp;
pub(crate) mod random;

/// Environment variables, as a host sets them for its child.
pub type Environment = BTreeMap<String, String>;

/// All identity servers.
#[derive(Debug)]
pub struct Identity {
    /// AWS: STS, container credentials, the account's issuer.
    pub aws: aws::Aws,
    /// Google Cloud: metadata server, IAM credentials, OAuth, Google's issuer.
    pub gcp: gcp::Gcp,
    /// Azure: Functions identity endpoint, IMDS, the tenant's issuers.
    pub azure: azure::Azure,
}

impl Identity {
    /// Starts every server on its own loopback port.
    ///
    /// # Errors
    /// What the operating system says when no port can be bound.
    pub async fn start(trace: Trace) -> io::Result<Self> {
        Ok(Self {
            aws: aws::Aws::start(trace.clone()).await?,
            gcp: gcp::Gcp::start(trace.clone()).await?,
            azure: azure::Azure::start(trace).await?,
        })
    }
}

/// One server of an identity, and what can be made to go wrong with it.
#[derive(Debug)]
pub struct Service {
    server: Server,
    faults: Faults,
}

impl Service {
    fn serve(bound: Bound, name: &'static str, router: Router, trace: Trace) -> Self {
        let faults = Faults::new();
        Self { server: bound.serve(name, router, faults.clone(), trace), faults }
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// `127.0.0.1:PORT`, for variables that take a host.
    pub fn authority(&self) -> &str {
        self.url().trim_start_matches("http://")
    }

    /// The faults of this server.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }
}

/// An answer with a remark for the trace.
pub(crate) fn noted(note: impl Into<String>, answer: impl IntoResponse) -> Response {
    (Extension(Note::new(note)), answer).into_response()
}

fn environment<const N: usize>(pairs: [(&str, String); N]) -> Environment {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
