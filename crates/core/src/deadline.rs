//! How long an event may take.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

use crate::failure::Failure;

/// The point in time by which the host must have its answer.
///
/// Taken from the host where it says so, and from [`Deadline::WEBHOOK`] or [`Deadline::DEFAULT`] where it does
/// not. It is monotonic, so it must not outlive one invocation: a frozen function's monotonic clock stands still.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// GitHub drops a webhook after ten seconds and never sends it again; one second is left to answer.
    pub const WEBHOOK: Duration = Duration::from_secs(9);

    /// For callers that say nothing. Cloud Scheduler, Eventarc and Azure's front end all wait longer.
    pub const DEFAULT: Duration = Duration::from_secs(55);

    /// A deadline that far from now.
    pub fn after(budget: Duration) -> Self {
        Self(Instant::now() + budget)
    }

    /// The time left; zero once it has passed.
    pub fn remaining(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// The earlier of this deadline and that far from now: a limit for one call.
    #[must_use]
    pub fn at_most(self, limit: Duration) -> Self {
        Self(self.0.min(Instant::now() + limit))
    }

    /// That much earlier: what has to be done afterwards needs time too.
    #[must_use]
    pub fn earlier_by(self, reserve: Duration) -> Self {
        Self(self.0.checked_sub(reserve).unwrap_or(self.0))
    }

    /// Runs `future` until the deadline; what is not done by then is Deferred and names `what`.
    ///
    /// # Errors
    /// Deferred when the time is up, else whatever `future` fails with.
    pub async fn run<T>(
        self,
        what: &str,
        future: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        match tokio::time::timeout_at(self.0, future).await {
            Ok(done) => done,
            Err(_) => Err(Failure::deferred(
                Duration::ZERO,
                format!("{what} was not finished when the time for this event was up; deliver it again"),
            )),
        }
    }
}
