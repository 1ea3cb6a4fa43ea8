//! The queue of a deployment: an event that is accepted is never lost.
//!
//! Whoever verifies an event puts a [`HandOff`] on the queue, one a job, and only then answers; the same binary, triggered by
//! that queue, does the work. Each cloud's adapter brings its own queue.

mod hand_off;

use std::time::Duration;

pub use self::hand_off::HandOff;
pub(crate) use self::hand_off::digest_of;
use crate::deadline::Deadline;
use crate::failure::Failure;
use crate::id_token::Pending;

/// A message to be put on a queue.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// Letters, digits and the other characters of base64.
    pub text: &'a str,
    /// What must be done one after the other, where a queue can see to that: 64 hex digits.
    pub group: &'a str,
    /// The same again is the same message, where a queue can see to that: 64 hex digits.
    pub id: &'a str,
    /// How long to hold it back, no longer than [`Queue::longest_delay`].
    pub delay: Duration,
}

/// A cloud's queue, reached with the cloud's own identity.
pub trait Queue: Send + Sync {
    /// Which one it is, for log records: an ARN, a topic, a URL.
    fn name(&self) -> &str;

    /// Where its messages say that they come from: the queue's ARN (SQS), the subscription (Pub/Sub), the queue's name (Storage
    /// Queue). What comes from there is a [`HandOff`].
    fn comes_back_as(&self) -> &str;

    /// The longest text that a message can have, in bytes.
    fn longest_text(&self) -> usize;

    /// How long it can hold a message back; zero when it cannot.
    fn longest_delay(&self) -> Duration;

    /// Puts a message on the queue, and comes back only when it is kept.
    ///
    /// # Errors
    /// Deferred when the queue or the identity cannot answer now, Refused when it says no or is not there.
    fn send<'a>(&'a self, message: Message<'a>, deadline: Deadline) -> Pending<'a, Result<(), Failure>>;
}
