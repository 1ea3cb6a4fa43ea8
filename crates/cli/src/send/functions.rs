//! The Functions host's part: what it sends to a custom handler for a trigger that is not HTTP.

use gatepass_sandbox::hosts::functions::{Encoding, Front, InvocationFailure, Invoked, QueueTrigger, Timer};
use gatepass_sandbox::identity::azure::Azure;
use gatepass_sandbox::storage_queue::StorageQueues;
use gatepass_sandbox::trace::Trace;

use crate::outcome::{Outcome, read_invocation};

/// The timer function of a job.
pub(super) fn timer_function(job: &str) -> String {
    format!("{job}-timer")
}

/// Ticks the timer of `job`.
pub(super) async fn tick(handler: &str, job: &str) -> Result<Vec<Outcome>, String> {
    let front = front(handler).await?;
    Ok(read_invocation(job, front.timer(&Timer::new(timer_function(job))).await))
}

/// Hands a message of `queue` to its function.
pub(super) async fn message(handler: &str, queue: &str, text: &str) -> Result<Vec<Outcome>, String> {
    let front = front(handler).await?;
    let trace = Trace::new();
    let failed = |error: std::io::Error| format!("the queue cannot be played: {error}");
    let azure = Azure::start(trace.clone()).await.map_err(failed)?;
    let queues = StorageQueues::start(&azure, trace).await.map_err(failed)?;
    queues.put(queue, text);
    let trigger = QueueTrigger { encoding: Encoding::None, ..QueueTrigger::new(queue) };
    let triggered = front.poll(&queues, &trigger).await.and_then(|triggered| triggered.outcome);
    let outcome: Result<Invoked, InvocationFailure> = triggered.ok_or("the message was not handed out")?;
    Ok(read_invocation(queue, outcome))
}

async fn front(handler: &str) -> Result<Front, String> {
    Front::start(handler.to_owned(), None, Trace::new()).await.map_err(|error| error.to_string())
}
