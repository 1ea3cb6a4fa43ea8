//! An Octo STS: trades a cloud's ID token for an installation token, if a trust policy in the repository says so.
//!
//! Every check is real: the issuer's discovery document and keys are fetched over HTTP, signature and times are
//! verified, the organisation's list of trusted issuers and the policy are read from the fake GitHub and evaluated, and the token is minted there with the policy's
//! permissions. The answers are those of octo-sts/app in its own order; [`Row`] is the table. Two things it does not
//! copy: it reaches issuers on loopback only, and it answers at once when an issuer is dead, where the real server
//! tries until the caller gives up (inject [`crate::faults::Fault::hang`] for that).

mod bearer;
mod exchange;
mod memory;
mod parameters;
mod policies;
mod row;
mod trusted_issuers;

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::routing::any;
use http::StatusCode;

pub use self::row::Row;

use self::memory::Memory;
use crate::faults::Faults;
use crate::github::GitHub;
use crate::http_client::LoopbackClient;
use crate::server::Server;
use crate::trace::{Hop, Trace};

/// The name of this service in the trace.
pub const SERVICE: &str = "octo-sts";

/// What an operator of an Octo STS decides.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The domain, which a token's `aud` must contain where the policy does not say otherwise.
    pub domain: String,
    /// The logins of the Apps' bots, which take turns.
    pub bots: Vec<String>,
}

impl Default for Settings {
    /// As the hosted service, with one App.
    fn default() -> Self {
        Self { domain: "octo-sts.dev".to_owned(), bots: vec!["octo-sts[bot]".to_owned()] }
    }
}

/// A running Octo STS. It stops when dropped.
#[derive(Debug)]
pub struct OctoSts {
    desk: Desk,
    server: Server,
    faults: Faults,
    trace: Trace,
}

/// What an exchange needs.
#[derive(Clone, Debug)]
struct Desk {
    settings: Arc<Settings>,
    github: GitHub,
    client: LoopbackClient,
    turns: Arc<AtomicUsize>,
    changing: Arc<Mutex<Changing>>,
}

#[derive(Debug, Default)]
struct Changing {
    provoked: VecDeque<Row>,
    memory: Memory,
}

impl Desk {
    fn lock(&self) -> MutexGuard<'_, Changing> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OctoSts {
    /// Starts an Octo STS whose App lives on this GitHub.
    ///
    /// # Errors
    /// When no port can be bound, or the client for issuers cannot be built.
    pub async fn start(settings: Settings, github: GitHub, trace: Trace) -> io::Result<Self> {
        let desk = Desk {
            settings: Arc::new(settings),
            github,
            client: LoopbackClient::new().map_err(io::Error::other)?,
            turns: Arc::default(),
            changing: Arc::default(),
        };
        let router = Router::new()
            .route("/sts/exchange", any(exchange::exchange))
            .fallback(|| async { row::grpc_error(StatusCode::NOT_FOUND, 5, "Not Found") })
            .with_state(desk.clone());
        let faults = Faults::new();
        let server = Server::start(SERVICE, router, faults.clone(), trace.clone()).await?;
        Ok(Self { desk, server, faults, trace })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end: what goes into `GATEPASS_STS_URL`.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// What goes wrong with requests.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// The domain, which is the audience to ask for.
    pub fn domain(&self) -> &str {
        &self.desk.settings.domain
    }

    /// Every request so far, those that a fault struck included.
    pub fn requests(&self) -> Vec<Hop> {
        self.trace.hops_of(SERVICE)
    }

    /// Answers the next exchange with this row, whatever it asks for. Called again, the one after it, and so on.
    pub fn answer_next(&self, row: Row) {
        self.desk.lock().provoked.push_back(row);
    }

    /// Remembers policies and the organisation's list of trusted issuers, and that there is none, for five minutes of
    /// GitHub's time, as the real server does; or forgets them. Off at first, so that what was just written counts at
    /// once.
    pub fn remember_policies(&self, on: bool) {
        self.desk.lock().memory.set(on);
    }
}
