//! The queue of a deployment: an event that is accepted is never lost.
//!
//! Whoever verifies an event puts a [`HandOff`] on the queue, one a job, and only then answers; the same binary, triggered by
//! that queue, does the work. Each cloud's adapter brings its own queue.

mod hand_off;

use std::time::Duration;

pub use self::hand_off::HandOff;
pub(crate) use self::hand_off::digest_of;
use crate::deadline::Deadline;
use crate::failure::{Class, Failure};
use crate::id_token::Pending;

/// Before the second and the third try of what may pass: whoever sent a webhook never sends it again.
const PAUSES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(400)];

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

/// What a queue tells about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It is there, and this workload may use it as far as it can be told.
    There,
    /// It answers, and does not let this workload ask.
    Untold {
        /// What it answered.
        found: String,
        /// The right that lets one ask.
        needs: String,
    },
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

    /// Whether it is there, without putting a message on it.
    ///
    /// # Errors
    /// As [`Queue::send`]; what is only a refusal to tell is [`Reached::Untold`].
    fn reach<'a>(&'a self, deadline: Deadline) -> Pending<'a, Result<Reached, Failure>>;
}

/// Tries to put a message on a queue: up to three times, for as long as that is Deferred and there is time. A message whose
/// answer was lost may then be there twice.
///
/// # Errors
/// As the last try.
pub async fn insist<F>(deadline: Deadline, mut put: impl FnMut() -> F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>>,
{
    let mut pauses = PAUSES.into_iter();
    loop {
        let Err(failure) = put().await else { return Ok(()) };
        match pauses.next() {
            Some(pause) if matches!(failure.class, Class::Deferred(_)) && pause < deadline.remaining() => {
                tokio::time::sleep(pause).await;
            }
            _ => return Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_may_pass_is_tried_three_times_while_there_is_time() {
        let deferred = || Failure::deferred(Duration::ZERO, "busy");
        for (failure, fails, seconds, tries) in [
            (deferred(), 0, 9, 1),
            (deferred(), 2, 9, 3),
            (deferred(), 9, 9, 3),
            (deferred(), 9, 0, 1),
            (Failure::refused("no"), 9, 9, 1),
        ] {
            let tried = std::cell::Cell::new(0);
            let put = async || {
                tried.set(tried.get() + 1);
                if tried.get() > fails { Ok(()) } else { Err(failure.clone()) }
            };
            let result = insist(Deadline::after(Duration::from_secs(seconds)), put).await;
            assert_eq!((tried.get(), result.is_ok()), (tries, fails < tries), "{failure} {fails} {seconds}");
        }
    }
}
