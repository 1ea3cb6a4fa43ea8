//! `POST /events`, as Amazon SNS calls it.

use super::{Arrival, Surface};
use crate::config::may_send;
use crate::deadline::Deadline;
use crate::delivery::{Address, Delivery, Sender};
use crate::failure::Failure;
use crate::inbound::callers::Candidate;
use crate::inbound::sns::{MARK, Message, Unverified};
use crate::names::TopicArn;
use crate::report::Report;
use crate::telemetry::TARGET;

/// Whether a request is one of SNS: only its signature counts then.
pub(super) fn is_from_sns(arrival: &Arrival) -> bool {
    arrival.headers.contains_key(MARK)
}

impl Surface {
    /// What is published becomes an event; a subscription of a listed topic is confirmed.
    pub(super) async fn take_from_sns(&self, arrival: Arrival) -> Result<(Report, bool), Failure> {
        // SNS does not say how long it waits.
        let deadline = arrival.deadline(Deadline::WEBHOOK);
        let callers = self.app.jobs().callers().iter();
        let callers: Vec<_> = callers.map(Candidate::from).filter(|by| by.caller.sns.is_some()).collect();
        if callers.is_empty() {
            return Err(unknown("no caller is verified by sns; add one to callers in gatepass.yaml"));
        }
        let Arrival { headers, body, .. } = arrival;
        let body = deadline.run("reading the body", body.read(&headers)).await?;
        let message = Unverified::read(&headers, &body)?;
        let by: Vec<_> = callers.into_iter().filter(|by| lists(by, &message.topic)).collect();
        let Some(first) = by.first() else {
            return Err(unknown(&format!(
                "no caller lists the topic {}; add it to one's sns.topics if it should",
                message.topic
            )));
        };
        let notification = match self.sns.verify(message, deadline).await? {
            Message::Notification(notification) => notification,
            Message::Confirmation(confirmation) => {
                self.sns.confirm(&confirmation, deadline).await?;
                let topic = confirmation.topic.as_str();
                tracing::info!(target: TARGET, message = "a subscription of SNS was confirmed", topic);
                return Ok((Report::default(), first.caller.details));
            }
            Message::Unsubscribed(topic) => {
                let topic = topic.as_str();
                tracing::warn!(target: TARGET, message = "this endpoint is no longer subscribed to a topic of SNS", topic);
                return Ok((Report::default(), first.caller.details));
            }
        };
        let event = notification.into_event();
        let Some(by) = by.iter().find(|by| may_send(by.caller, &event.source)) else {
            let source = &event.source;
            return Err(Failure::forbidden(format!(
                "the caller {} may not send events of the source {source:?}; add it to callers.{}.may_send if it should",
                first.name, first.name,
            )));
        };
        let delivery = Delivery { event, to: Address::Subscribers, by: Sender::Forgetful };
        Ok((self.app.handle_to_the_end(delivery, deadline).await?, by.caller.details))
    }
}

fn lists(by: &Candidate<'_>, topic: &TopicArn) -> bool {
    by.caller.sns.as_ref().is_some_and(|sns| sns.topics.contains(topic))
}

/// A stranger hears nothing of the file.
fn unknown(details: &str) -> Failure {
    Failure::unauthenticated(
        "this message of SNS is not accepted; the log says why: compare it with the callers in gatepass.yaml",
    )
    .with_details(details)
}
