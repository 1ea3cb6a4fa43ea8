//! The one entrance.

mod handing_off;
mod setup;
mod several;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::sync::{Mutex, RwLock};

pub use self::setup::{Cloud, DEFAULT_CONFIG, Part, Setup, StartError};
use crate::client::Clients;
use crate::clock::until;
use crate::config::Route;
use crate::deadline::Deadline;
use crate::delivery::{Address, Delivery, Sender};
use crate::env::Env;
use crate::event::Event;
use crate::failure::Failure;
use crate::github::Gateway;
use crate::job::{Job, Jobs};
use crate::names::RepositoryName;
use crate::queue::Queue;
use crate::report::{JobResult, Report};
use crate::secret_store::SecretStore;
use crate::telemetry::{Correlation, TARGET};

/// The jobs of one binary and all that they need.
pub struct App {
    jobs: Jobs,
    gateway: Gateway,
    queue: Option<Arc<dyn Queue>>,
    secrets: Option<Arc<dyn SecretStore>>,
    clients: Clients,
    env: Env,
    /// Read by all that is under way, so that who wants to write it waits for them.
    under_way: Arc<RwLock<()>>,
    /// Held by the one examination that is under way.
    examining: Arc<Mutex<()>>,
}

/// What came with an event, for each of its jobs.
#[derive(Clone, Copy)]
struct Arrived<'a> {
    event: &'a Event,
    by: Sender,
    /// Of what came back from the queue: how often it has been there again.
    deferrals: Option<u16>,
    deadline: Deadline,
}

impl App {
    /// The jobs.
    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// The queue of this deployment.
    pub fn queue(&self) -> Option<&dyn Queue> {
        self.queue.as_deref()
    }

    pub(crate) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    pub(crate) fn queue_handle(&self) -> Option<Arc<dyn Queue>> {
        self.queue.clone()
    }

    /// Locked by the one examination that is under way.
    pub(crate) fn examining(&self) -> &Arc<Mutex<()>> {
        &self.examining
    }

    pub(crate) fn secret_store(&self) -> Option<&Arc<dyn SecretStore>> {
        self.secrets.as_ref()
    }

    pub(crate) fn clients(&self) -> &Clients {
        &self.clients
    }

    pub(crate) fn env(&self) -> &Env {
        &self.env
    }

    /// Runs the jobs that a verified delivery is for, all at once, or puts them on the queue.
    ///
    /// # Errors
    /// When it is for a job that is not here, and Deferred when it came back from the queue too early. What a job fails with
    /// is in the report.
    pub async fn handle(&self, delivery: &Delivery, deadline: Deadline) -> Result<Report, Failure> {
        let Delivery { event, to, by } = delivery;
        let arrived = |deferrals| Arrived { event, by: *by, deferrals, deadline };
        let (jobs, repository, arrived): (Vec<&Job>, _, _) = match to {
            Address::Subscribers => {
                (self.jobs.iter().filter(|job| job.wants(event)).collect(), None, arrived(None))
            }
            Address::Job(name) => (vec![self.job(name.as_str())?], None, arrived(None)),
            Address::HandOff { job, repository, not_before, deferrals } => {
                let wait = not_before.map_or(Duration::ZERO, until);
                if !wait.is_zero() {
                    return Err(Failure::deferred(wait, "the queue brought this event back before its time"));
                }
                (vec![self.job(job.as_str())?], repository.as_ref(), arrived(Some(*deferrals)))
            }
        };
        if jobs.is_empty() {
            let Event { id, source, kind, .. } = event;
            tracing::info!(target: TARGET, message = "no job wants this event", event_id = id, event_source = source, kind);
        }
        let results = join_all(jobs.into_iter().map(|job| self.deliver(job, repository, arrived))).await;
        Ok(Report { results: results.into_iter().flatten().collect() })
    }

    /// As [`App::handle`], to its end whatever becomes of the caller: a sender that hangs up must not leave a job in
    /// the middle of its writes, without its record and with its token unrevoked.
    ///
    /// # Errors
    /// As [`App::handle`].
    pub async fn handle_to_the_end(
        self: &Arc<Self>,
        delivery: Delivery,
        deadline: Deadline,
    ) -> Result<Report, Failure> {
        let app = Arc::clone(self);
        self.to_the_end(async move { app.handle(&delivery, deadline).await }).await
    }

    /// Does this work to its end, whatever becomes of whoever waits for it.
    pub(crate) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        let guard = Arc::clone(&self.under_way).read_owned().await;
        let work = async move {
            let result = work.await;
            drop(guard);
            result
        };
        let task = match Correlation::current() {
            Some(correlation) => tokio::spawn(correlation.scope(work)),
            None => tokio::spawn(work),
        };
        task.await.unwrap_or_else(|_| Err(Failure::bug()))
    }

    /// Waits until nothing is under way that [`App::handle_to_the_end`] has begun.
    pub async fn drained(&self) {
        drop(self.under_way.write().await);
    }

    /// The job of this name.
    ///
    /// # Errors
    /// Not found, with the nearest name that there is.
    pub fn job(&self, name: &str) -> Result<&Job, Failure> {
        self.jobs.get(name).ok_or_else(|| {
            let shown: String = name.chars().take(60).collect();
            Failure::not_found(format!(
                "there is no job {shown:?} here; check its name, and its runs_on in gatepass.yaml"
            ))
        })
    }

    /// One job: onto the queue, or done here and now, for each of its repositories.
    async fn deliver(
        &self,
        job: &Job,
        repository: Option<&RepositoryName>,
        arrived: Arrived<'_>,
    ) -> Vec<JobResult> {
        if arrived.deferrals.is_none()
            && let Some(queue) = &self.queue
            && job.route(arrived.by) == Route::Queued
        {
            return vec![self.enqueue(job, queue.as_ref(), arrived).await];
        }
        if repository.is_some() || !job.is_for_several() {
            return vec![self.work(job, repository, arrived).await];
        }
        self.deliver_to_each(job, arrived).await
    }

    /// A panic is a bug, and must lose neither the event nor its siblings. What cannot be done now goes onto the queue where
    /// whoever holds it would drop it too soon.
    async fn work(&self, job: &Job, repository: Option<&RepositoryName>, arrived: Arrived<'_>) -> JobResult {
        let deadline = self.time_to_work(job, arrived);
        let running = self.jobs.run(job, arrived.event, repository, &self.gateway, deadline);
        let done = AssertUnwindSafe(running).catch_unwind().await.unwrap_or_else(|_| {
            let result = Err(Failure::bug());
            JobResult { job: job.name().clone(), repository: repository.cloned(), result }
        });
        self.or_put_off(job, done, arrived).await
    }
}
