use std::time::Duration;

use super::Cell;
use crate::faults::Faults;
use crate::identity::{Environment, Service};
use crate::{Sandbox, Workload};

/// What a host was told of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// As short as it can be said: `201`, `deferred`.
    pub shown: String,
    /// Whether this host takes the event for done.
    pub is_done: bool,
}

/// A cloud: how its built binary is configured, started, and sent events.
pub trait Platform {
    /// The heading of its table.
    const NAME: &'static str;
    /// The name of its section in the file.
    const SECTION: &'static str;
    /// What the host is told when an event was put on the queue.
    const QUEUED: &'static str;
    /// Whether the host can be given a deadline of a moment, so that a slow drip need not take long.
    const HAS_SHORT_DEADLINES: bool;

    /// The cloud's queue service.
    type Queue;
    /// A running instance of the binary.
    type Instance;

    /// Who it is, for trust policies.
    fn workload(sandbox: &Sandbox) -> Workload;

    /// The identity endpoint that the binary asks.
    fn identity(sandbox: &Sandbox) -> &Service;

    /// The variables that the host sets for an instance that is sent so many events at once.
    fn environment(sandbox: &Sandbox, at_once: usize) -> Environment;

    /// Starts a queue service with one queue.
    fn start_queue(sandbox: &Sandbox) -> impl Future<Output = Self::Queue>;

    /// The queue service's faults, its `127.0.0.1:PORT`, and the variables that lead to the queue.
    fn queue<'a>(sandbox: &'a Sandbox, queue: &'a Self::Queue) -> (&'a Faults, String, Environment);

    /// The file up to its jobs.
    fn head(sandbox: &Sandbox) -> String;

    /// The triggers of a cell's job, a YAML list on one line.
    fn triggers(cell: &Cell) -> String;

    /// Starts the binary; `patience` is how long the host lets an event take.
    fn start(
        sandbox: &Sandbox,
        environment: Environment,
        file: &str,
        patience: Option<Duration>,
    ) -> impl Future<Output = Self::Instance>;

    /// Delivers the cell's first or second event.
    fn deliver(
        instance: &Self::Instance,
        sandbox: &Sandbox,
        cell: &Cell,
        event: u32,
    ) -> impl Future<Output = Told>;

    /// Has the queue trigger the instance with everything that is on the queue.
    fn drain(instance: &Self::Instance, sandbox: &Sandbox, queue: &Self::Queue) -> impl Future<Output = ()>;
}
