//! An event that has been verified, whom it is for, and what becomes of it when it cannot be done now.

use jiff::Timestamp;

use crate::event::Event;
use crate::names::{JobId, RepositoryName};
use crate::queue::HandOff;

/// Whom an event is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// Every job whose `event` trigger asks for it.
    Subscribers,
    /// One job, by its name.
    Job(JobId),
    /// One job, as it came back from the deployment's own queue.
    HandOff {
        /// The job.
        job: JobId,
        /// The one repository, of a job that runs for several.
        repository: Option<RepositoryName>,
        /// Not to be worked on before this time.
        not_before: Option<Timestamp>,
        /// How often it has been put on the queue again.
        deferrals: u16,
    },
}

/// Whoever holds the event until it is done, which decides what can become of it. `docs/contract.md`, "Failures".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// It waits for the result, and decides itself what to do with a failure: a call over HTTP.
    Waiting,
    /// It drops the event soon, whatever it hears: a webhook, an asynchronous invocation of Lambda, Event Grid. Its events
    /// go through the queue where there is one.
    Forgetful,
    /// A schedule, or what may be one: if it hears of a failure at all, it tries again a few times at the most. Azure's timers; Cloud Scheduler;
    /// a direct invocation of Lambda, which EventBridge Scheduler makes asynchronously. What cannot be done now goes to the
    /// queue.
    Scheduler,
    /// A queue that keeps the event until it is done, and can be told when to bring it back or backs off by itself: SQS,
    /// Pub/Sub.
    Patient,
    /// It keeps the event, and gives up after a few tries in a row: Azure's queues. What cannot be done now goes to the
    /// deployment's own.
    Hasty,
}

/// What an adapter hands to [`crate::app::App::handle`]: whoever sent it has been verified.
#[derive(Clone, Debug)]
pub struct Delivery {
    /// The event.
    pub event: Event,
    /// Whom it is for.
    pub to: Address,
    /// Who sent it.
    pub by: Sender,
}

impl Delivery {
    /// What came back from the deployment's own queue.
    pub fn of_hand_off(hand_off: HandOff, by: Sender) -> Self {
        let HandOff { job, repository, not_before, deferrals, event } = hand_off;
        Self { event, to: Address::HandOff { job, repository, not_before, deferrals }, by }
    }
}
