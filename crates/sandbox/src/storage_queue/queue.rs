//! One message.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::identity::random;

/// A message on a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id.
    pub id: String,
    /// What it says.
    pub text: String,
    /// When it was put.
    pub inserted: Timestamp,
    /// When it can be seen.
    pub visible: Timestamp,
    /// How often it was handed out.
    pub dequeued: u32,
    /// What whoever has it must show, to delete or to update it.
    pub receipt: String,
}

impl Message {
    pub(super) fn new(text: String, now: Timestamp, hidden: Duration) -> Self {
        let (id, receipt) = (random::uuid(), random::secret());
        let mut message = Self { id, text, inserted: now, visible: now, dequeued: 0, receipt };
        message.hide(now, hidden);
        message
    }

    /// Counts, and hides it from everybody else.
    pub(super) fn hand_out(&mut self, now: Timestamp, hidden: Duration) {
        self.dequeued += 1;
        self.hide(now, hidden);
    }

    pub(super) fn hide(&mut self, now: Timestamp, hidden: Duration) {
        let hidden = SignedDuration::try_from(hidden).unwrap_or(SignedDuration::MAX);
        self.visible = now.saturating_add(hidden).unwrap_or(Timestamp::MAX);
        self.receipt = random::secret();
    }
}
