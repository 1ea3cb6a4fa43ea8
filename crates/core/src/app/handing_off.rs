//! What goes onto the queue, and when it comes back.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{App, Arrived};
use crate::clock::until;
use crate::deadline::Deadline;
use crate::delivery::Sender;
use crate::failure::{Class, Failure};
use crate::job::Job;
use crate::names::RepositoryName;
use crate::queue::{HandOff, Message, Queue};
use crate::report::{Done, JobResult, Status};
use crate::telemetry::TARGET;

/// How far apart the repositories of one job are, where the queue can hold a message back: GitHub takes about 80 writes a
/// minute from everybody who uses the same App.
const SPACING: Duration = Duration::from_secs(1);

/// How many messages are sent at once.
const AT_ONCE: usize = 8;

/// How long an event stays away at the least that could not be done: this, twice this, and so on.
const FIRST_WAIT: Duration = Duration::from_secs(30);

/// How long at the most, unless GitHub asks for more.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// What is kept back of the time for an event to put it onto the queue, at the most, should it not be done by then.
const HANDING_OFF: Duration = Duration::from_secs(2);

/// How often an event goes back onto the queue, half a day in all: then it fails, and ends among the dead letters.
const MOST_DEFERRALS: u16 = 50;

impl App {
    /// Puts the event on the queue for `job`, unless its `if` says that it does not want it.
    pub(super) async fn enqueue(&self, job: &Job, queue: &dyn Queue, arrived: Arrived<'_>) -> JobResult {
        let result = match self.jobs.concerns(job, arrived.event) {
            Ok(true) => self
                .send(job, hand_off(job, None, arrived), queue, Duration::ZERO, arrived)
                .await
                .map(|()| Done::new(Status::Queued)),
            Ok(false) => Ok(Done::new(Status::Ignored)),
            Err(failure) => Err(failure),
        };
        self.jobs.tell(arrived.event, JobResult { job: job.name().clone(), repository: None, result })
    }

    /// Puts the event on the queue once a repository.
    pub(super) async fn spread(
        &self,
        job: &Job,
        repositories: &[RepositoryName],
        queue: &dyn Queue,
        arrived: Arrived<'_>,
    ) -> Result<Done, Failure> {
        let mut sending = Vec::with_capacity(repositories.len());
        for (repository, index) in repositories.iter().zip(0u32..) {
            // A queue that cannot hold it back has its own pace.
            let delay = SPACING.saturating_mul(index).min(queue.longest_delay());
            // Made when its turn has come: each holds the whole event.
            sending.push(async move {
                let hand_off = hand_off(job, Some(repository.clone()), arrived);
                self.send(job, hand_off, queue, delay, arrived).await
            });
        }
        let sent: Vec<_> = stream::iter(sending).buffered(AT_ONCE).collect().await;
        if let Some(worst) =
            sent.into_iter().filter_map(Result::err).max_by_key(|failure| failure.class.rank())
        {
            return Err(worst);
        }
        let mut done = Done::new(Status::Queued);
        done.fields.insert("repositories".into(), json!(repositories.len()));
        Ok(done)
    }

    /// The queue, for what cannot be done now and whoever holds it would drop too soon. What only reads is for whoever waits
    /// for the answer.
    fn fallback(&self, job: &Job, by: Sender) -> Option<&dyn Queue> {
        let drops = matches!(by, Sender::Forgetful | Sender::Scheduler | Sender::Hasty);
        self.queue.as_deref().filter(|_| drops && !job.is_read_only())
    }

    /// When the work itself must be done, so that there is time left to put it off.
    pub(super) fn time_to_work(&self, job: &Job, Arrived { by, deadline, .. }: Arrived<'_>) -> Deadline {
        match self.fallback(job, by) {
            Some(_) => deadline.earlier_by((deadline.remaining() / 4).min(HANDING_OFF)),
            None => deadline,
        }
    }

    /// What was done; or, where that failed and can be done later, that it was put on the queue.
    pub(super) async fn or_put_off(&self, job: &Job, done: JobResult, arrived: Arrived<'_>) -> JobResult {
        match (&done.result, self.fallback(job, arrived.by)) {
            (Err(failure), Some(queue)) => {
                self.put_off(job, &done, failure, queue, arrived).await.unwrap_or(done)
            }
            _ => done,
        }
    }

    /// Puts what could not be done back onto the queue, not to come back before its time. `None` where it must fail instead.
    async fn put_off(
        &self,
        job: &Job,
        done: &JobResult,
        failure: &Failure,
        queue: &dyn Queue,
        arrived: Arrived<'_>,
    ) -> Option<JobResult> {
        let Class::Deferred(asked) = failure.class else { return None };
        let deferrals = arrived.deferrals.unwrap_or(0);
        if deferrals >= MOST_DEFERRALS {
            return None;
        }
        let backoff = FIRST_WAIT.saturating_mul(1 << deferrals.min(10)).min(LONGEST_WAIT);
        let wait = until(asked).max(backoff);
        let hand_off =
            HandOff { deferrals: deferrals + 1, ..hand_off(job, done.repository.clone(), arrived) };
        // Its own failure is in the log; the event's is what the host must hear.
        self.send(job, hand_off, queue, wait, arrived).await.ok()?;
        let result = Ok(Done::new(Status::Queued));
        Some(self.jobs.tell(arrived.event, JobResult { result, ..done.clone() }))
    }

    async fn send(
        &self,
        job: &Job,
        hand_off: HandOff,
        queue: &dyn Queue,
        wait: Duration,
        arrived: Arrived<'_>,
    ) -> Result<(), Failure> {
        let delay = wait.min(queue.longest_delay());
        let hand_off = HandOff { not_before: (delay < wait).then(|| later(wait)), ..hand_off };
        let sent = async {
            let text = hand_off.encode(queue.longest_text())?;
            let group = self.jobs.group(job, arrived.event, hand_off.repository.as_ref());
            let message = Message { text: &text, group: &group, id: &hand_off.id(), delay };
            arrived
                .deadline
                .run("putting the event on the queue", queue.send(message, arrived.deadline))
                .await
        };
        let result = sent.await;
        match &result {
            Ok(()) => tracing::info!(
                target: TARGET, message = "queued", job = job.name().as_str(), event_id = arrived.event.id,
                event_source = arrived.event.source, repository = hand_off.repository.as_ref().map(RepositoryName::as_str),
                queue = queue.name(), seconds = wait.as_secs(), deferrals = hand_off.deferrals,
            ),
            Err(failure) => tracing::warn!(
                target: TARGET, message = "not queued", job = job.name().as_str(), event_id = arrived.event.id,
                event_source = arrived.event.source, queue = queue.name(), status = failure.class.name(),
                reason = failure.message,
            ),
        }
        result
    }
}

fn hand_off(job: &Job, repository: Option<RepositoryName>, arrived: Arrived<'_>) -> HandOff {
    HandOff {
        job: job.name().clone(),
        repository,
        not_before: None,
        deferrals: arrived.deferrals.unwrap_or(0),
        event: arrived.event.clone(),
    }
}

fn later(wait: Duration) -> Timestamp {
    let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::MAX);
    Timestamp::now().checked_add(wait).unwrap_or(Timestamp::MAX)
}
