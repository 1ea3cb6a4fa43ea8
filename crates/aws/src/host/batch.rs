//! A batch of SQS messages: each is one event or one hand-off, and each fails by itself.
//!
//! Lambda deletes what the answer does not name, provided that the event source mapping has `ReportBatchItemFailures`.
//! Source: AWS Lambda, "Handling errors for an SQS event source in Lambda".

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use gatepass_core::app::App;
use gatepass_core::deadline::Deadline;
use gatepass_core::failure::{Class, Failure};
use gatepass_core::telemetry::TARGET;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::account::Account;
use crate::events::{Batch, SqsMessage};
use crate::queue::{QueueArn, Sqs};

/// How many messages are worked on at once: as many as a batch has unless it is told otherwise.
const AT_ONCE: usize = 10;

/// What is kept of the time to hold back what could not be done.
const RESERVE: Duration = Duration::from_secs(1);

/// The longest that a message stays away after it was received: twelve hours (ChangeMessageVisibility).
const LONGEST: Duration = Duration::from_secs(12 * 60 * 60);

/// How long before this invocation a message may have been received: the longest batching window.
const WINDOW: Duration = Duration::from_secs(300);

/// Works on a batch, and says which of its messages have failed.
pub(super) async fn work(app: &App, account: &Arc<Account>, batch: Batch, deadline: Deadline) -> Value {
    let arn: Result<QueueArn, String> = batch.queue.parse();
    let is_fifo = arn.as_ref().is_ok_and(QueueArn::is_fifo);
    let worker = Worker {
        app,
        queue: &batch.queue,
        sqs: arn.and_then(|arn| Sqs::new(Arc::clone(account), arn)),
        began: Instant::now(),
        deadline,
    };
    let failed: Vec<Vec<String>> = stream::iter(in_order(batch.messages, is_fifo))
        .map(|messages| worker.one_after_the_other(messages))
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let items: Vec<Value> = failed.into_iter().flatten().map(|id| json!({ "itemIdentifier": id })).collect();
    json!({ "batchItemFailures": items })
}

/// The messages that must be done one after the other: those of one group of a FIFO queue. All others are alone.
fn in_order(messages: Vec<SqsMessage>, is_fifo: bool) -> Vec<Vec<SqsMessage>> {
    let mut lines: Vec<Vec<SqsMessage>> = Vec::new();
    for message in messages {
        let is_of_group = |line: &&mut Vec<SqsMessage>| {
            is_fifo && line.first().is_some_and(|first| first.group() == message.group())
        };
        match lines.iter_mut().find(is_of_group) {
            Some(line) => line.push(message),
            None => lines.push(vec![message]),
        }
    }
    lines
}

struct Worker<'a> {
    app: &'a App,
    queue: &'a str,
    /// The queue that the batch is from, or why it cannot be told anything.
    sqs: Result<Sqs, String>,
    began: Instant,
    deadline: Deadline,
}

impl Worker<'_> {
    /// The ids of those that have failed: after one that has, none may overtake it.
    async fn one_after_the_other(&self, messages: Vec<SqsMessage>) -> Vec<String> {
        let mut messages = messages.into_iter();
        while let Some(message) = messages.next() {
            let (id, receipt) = (message.id.clone(), message.receipt.clone());
            if let Err(failure) = self.one(message).await {
                self.hold_back(&id, &receipt, &failure).await;
                let behind: Vec<String> = messages.map(|message| message.id).collect();
                if !behind.is_empty() {
                    tracing::info!(
                        target: TARGET, message = "not overtaken", message_id = id, queue = self.queue, behind = behind.len(),
                    );
                }
                return std::iter::once(id).chain(behind).collect();
            }
        }
        Vec::new()
    }

    async fn one(&self, message: SqsMessage) -> Result<(), Failure> {
        let id = message.id.clone();
        // What has no job has no record `outcome`.
        let not_taken = |failure: &Failure| {
            tracing::warn!(
                target: TARGET, message = "an SQS message was not taken", message_id = id, queue = self.queue,
                status = failure.class.name(), reason = failure.message,
            );
        };
        let deadline = self.deadline.earlier_by(RESERVE);
        if deadline.remaining().is_zero() {
            let failure =
                Failure::deferred(Duration::ZERO, "the time for this batch was up before its turn came");
            return Err(failure).inspect_err(not_taken);
        }
        let own = self.app.queue().map(|queue| queue.comes_back_as());
        let delivery = message.into_delivery(own).inspect_err(not_taken)?;
        let report = self.app.handle(&delivery, deadline).await.inspect_err(not_taken)?;
        match report.worst() {
            Some((_, failure)) => Err(failure.clone()),
            None => Ok(()),
        }
    }

    /// Lets a deferred message come back when somebody has asked for it, and no earlier. Where nobody has said when, or when
    /// this cannot be told, it comes back after the queue's own visibility timeout, which whoever made the queue has chosen.
    async fn hold_back(&self, id: &str, receipt: &str, failure: &Failure) {
        let Class::Deferred(until) = failure.class else { return };
        let Some(seconds) = away(until, Timestamp::now(), self.began.elapsed()) else { return };
        let held_back = match &self.sqs {
            Ok(sqs) => sqs.hold_back(receipt, seconds, self.deadline).await,
            Err(reason) => Err(Failure::refused(reason)),
        };
        match held_back {
            Ok(()) => tracing::info!(
                target: TARGET, message = "held back", message_id = id, queue = self.queue, seconds,
            ),
            Err(failure) => tracing::warn!(
                target: TARGET, message = "not held back", message_id = id, queue = self.queue, seconds,
                status = failure.class.name(), reason = failure.message,
            ),
        }
    }
}

/// For how many whole seconds a message stays away until then, at the most as long as SQS allows for one that was received
/// before this invocation began, so long ago. `None` when the time has come.
fn away(until: Timestamp, now: Timestamp, elapsed: Duration) -> Option<u64> {
    let left = Duration::try_from(until.duration_since(now)).ok().filter(|left| !left.is_zero())?;
    let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
    let longest = LONGEST.saturating_sub(WINDOW).saturating_sub(elapsed).as_secs();
    Some(seconds.clamp(1, longest.max(1)))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_message_stays_away_as_long_as_was_asked_and_sqs_allows() {
        let now = Timestamp::UNIX_EPOCH;
        let after = |milliseconds| {
            away(now + SignedDuration::from_millis(milliseconds), now, Duration::from_secs(10))
        };
        for (milliseconds, expected) in [
            (-5000, None),
            (0, None),
            (1, Some(1)),
            (1000, Some(1)),
            (1001, Some(2)),
            (3_600_000, Some(3600)),
            (100_000_000, Some(43_200 - 300 - 10)),
        ] {
            assert_eq!(after(milliseconds), expected, "{milliseconds}");
        }
        assert_eq!(away(Timestamp::MAX, now, LONGEST), Some(1));
    }

    fn message(id: &str, group: &str) -> SqsMessage {
        serde_json::from_value(json!({
            "messageId": id, "eventSourceARN": "arn:x", "attributes": {"MessageGroupId": group},
        }))
        .unwrap()
    }

    #[test]
    fn only_a_fifo_queues_groups_keep_their_order() {
        let messages = || vec![message("1", "a"), message("2", "b"), message("3", "a"), message("4", "a")];
        let ids = |lines: Vec<Vec<SqsMessage>>| -> Vec<String> {
            lines.iter().map(|line| line.iter().map(|message| message.id.as_str()).collect()).collect()
        };
        assert_eq!(ids(in_order(messages(), true)), ["134", "2"]);
        assert_eq!(ids(in_order(messages(), false)), ["1", "2", "3", "4"]);
    }
}
