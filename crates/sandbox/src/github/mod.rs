//! A GitHub with state: repositories, files, issues, labels, comments, pull requests, workflow runs and installation
//! tokens.
//!
//! It answers with GitHub's statuses and fields (npm `@octokit/openapi` describes them), enforces the permissions of
//! every token, and is inspected and changed from outside through [`GitHub`]. A repository is private unless a
//! test says otherwise, so a token without the permission reads nothing.
//!
//! What goes wrong in the world comes from three places: the state itself (disabled issues, a spent rate limit,
//! expired tokens), switches such as [`GitHub::lag_lists`], and [`GitHub::faults`] for every other answer.

mod actions;
mod apps;
mod clock;
mod created;
mod fields;
mod gate;
mod issue;
mod issues;
mod json;
mod people;
mod permission;
mod planning;
mod query;
mod rate;
mod recorder;
mod refusal;
mod reply;
mod repository;
mod routes;
mod runs;
mod tokens;
mod user;
mod visit;
mod world;

use std::io;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

pub use self::actions::{RepositoryDispatch, Run, Workflow, WorkflowInput};
pub use self::apps::MintError;
pub use self::issue::{Comment, Issue, Pull, State, StateReason};
pub use self::people::NotThere;
pub use self::permission::{Level, NotGrantable, Permissions};
pub use self::planning::Milestone;
pub use self::recorder::{Exchange, Recording};
pub use self::repository::{Label, Release, Repository, Visibility};
pub use self::tokens::{InstallationToken, Reach, TokenRecord, hashed_token};
pub use self::user::{User, UserKind};

use self::json::Urls;
use self::world::Shared;
use crate::faults::Faults;
use crate::server::{Bound, Server};
use crate::trace::{Hop, Trace};

/// The name of this service in the trace.
pub const SERVICE: &str = "github";

/// Which GitHub it is, which decides where the API is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Edition {
    /// github.com: the API at the root.
    #[default]
    DotCom,
    /// Enterprise Server: the API under `/api/v3`.
    EnterpriseServer,
}

/// A running GitHub. Clones are the same one; it stops when the last is dropped.
#[derive(Clone, Debug)]
pub struct GitHub {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Shared,
    server: Server,
    faults: Faults,
    trace: Trace,
}

impl GitHub {
    /// Starts an empty GitHub on any free loopback port.
    ///
    /// # Errors
    /// What the operating system says when no port can be bound.
    pub async fn start(edition: Edition, trace: Trace) -> io::Result<Self> {
        let bound = Bound::bind(0).await?;
        let html = bound.url().to_owned();
        let prefix = match edition {
            Edition::DotCom => "",
            Edition::EnterpriseServer => "/api/v3",
        };
        let shared = Shared::new(Urls { api: format!("{html}{prefix}"), html });
        let faults = Faults::new();
        let server = bound.serve(SERVICE, routes::router(&shared, prefix), faults.clone(), trace.clone());
        Ok(Self { inner: Arc::new(Inner { shared, server, faults, trace }) })
    }

    /// The API's root, without a slash at the end: what goes into `GATEPASS_GITHUB_API_URL`.
    pub fn api_url(&self) -> &str {
        &self.inner.shared.urls.api
    }

    /// The server's root, without a slash at the end.
    pub fn url(&self) -> &str {
        self.inner.server.url()
    }

    /// What goes wrong with requests. Paths of faults include `/api/v3` on an Enterprise server.
    pub fn faults(&self) -> &Faults {
        &self.inner.faults
    }

    /// Every request so far, those that a fault struck included, in the order in which they were answered.
    pub fn requests(&self) -> Vec<Hop> {
        self.inner.trace.hops_of(SERVICE)
    }

    /// The requests so far that were meant to change something.
    pub fn writes(&self) -> Vec<Hop> {
        let mut requests = self.requests();
        requests.retain(|hop| !["GET", "HEAD"].contains(&hop.method.as_str()));
        requests
    }

    /// The time as GitHub sees it, to the second.
    pub fn now(&self) -> Timestamp {
        self.inner.shared.world().clock.now()
    }

    /// Sets the time, which then stands still until [`GitHub::advance`].
    pub fn set_now(&self, now: Timestamp) {
        self.inner.shared.world().clock.set(now);
    }

    /// Moves the time, whether it stands still or not.
    pub fn advance(&self, by: SignedDuration) {
        self.inner.shared.world().clock.advance(by);
    }

    /// Sets how many requests are left until the given time. With none left, GitHub answers 403.
    pub fn set_rate(&self, remaining: u64, reset: Timestamp) {
        let mut world = self.inner.shared.world();
        world.rate.remaining = remaining;
        world.rate.reset = Some(reset);
    }

    /// How many requests are left.
    pub fn rate_remaining(&self) -> u64 {
        self.inner.shared.world().rate.remaining
    }

    /// Lets changes to issues appear in lists only after `calls` further list calls of their repository, as
    /// replicas that lag behind do. Reading a single issue stays current. 0 shows everything at once again.
    pub fn lag_lists(&self, calls: u64) {
        let mut world = self.inner.shared.world();
        world.lag = calls;
        world.repositories_mut().for_each(|repository| repository.issues.set_lag(calls));
    }

    /// Whether issues keep the labels that requests give them. When not, they are dropped silently, as GitHub does
    /// for callers without push access.
    pub fn set_labels_stick(&self, stick: bool) {
        self.inner.shared.world().labels_stick = stick;
    }
}
