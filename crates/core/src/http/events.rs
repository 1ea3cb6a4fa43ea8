use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use futures_util::StreamExt as _;
use futures_util::stream;

use super::marks::Arrived;
use super::sns::is_from_sns;
use super::{Arrival, HttpAnswer, Surface, taken};
use crate::config::{Caller, is_word, may_bring_back, may_send};
use crate::deadline::Deadline;
use crate::delivery::{Address, Delivery, Sender};
use crate::event::PubSubMessage;
use crate::failure::Failure;
use crate::inbound::callers::{Candidate, Verified};
use crate::queue::HandOff;
use crate::report::Report;

/// How many events of a batch are worked on at once: GitHub limits what one App does at the same time.
const AT_ONCE: usize = 8;

/// `POST /events`: events for every job that asks for them, and what comes back from the deployment's own queue.
pub(super) async fn deliver(State(surface): State<Arc<Surface>>, arrival: Arrival) -> HttpAnswer {
    let result = if is_from_sns(&arrival) {
        surface.take_from_sns(arrival).await
    } else {
        surface.take_events(arrival).await
    };
    taken("an event was not taken", None, result)
}

/// `OPTIONS /events`: a sender asks whether it may send, before it does. Every event is verified all the same.
///
/// The answer is the permission, for Event Grid too, so `WebHook-Request-Callback` is not called: it is for whoever cannot
/// answer at once, and a URL that a stranger names.
/// Source: CloudEvents 1.0, "HTTP 1.1 Web Hooks", section 4; Microsoft Learn, "Endpoint validation with CloudEvents schema".
pub(super) async fn handshake(headers: HeaderMap) -> Response {
    let allow = ("allow", HeaderValue::from_static("POST, OPTIONS"));
    match headers.get("webhook-request-origin") {
        Some(origin) => {
            let rate = HeaderValue::from_static("*");
            let granted = [("webhook-allowed-origin", origin.clone()), ("webhook-allowed-rate", rate), allow];
            (StatusCode::OK, granted).into_response()
        }
        None => (StatusCode::OK, [allow]).into_response(),
    }
}

impl Surface {
    async fn take_events(&self, arrival: Arrival) -> Result<(Report, bool), Failure> {
        let deadline = arrival.deadline(Deadline::DEFAULT);
        let callers = self.app.jobs().callers().iter();
        let candidates: Vec<_> =
            callers.filter(|(_, caller)| sends_events(caller)).map(Candidate::from).collect();
        let host = arrival.host.unwrap_or(self.host);
        let verified = self.door.verify(&candidates, &arrival.headers, host, deadline).await?;
        let Arrival { headers, body, .. } = arrival;
        let body = deadline.run("reading the body", body.read(&headers)).await?;
        let (deliveries, details) = self.deliveries(&verified, Arrived::read(&headers, &body)?)?;
        Ok((self.handle_all(deliveries, deadline).await?, details))
    }

    /// What is to be done, when all of it is from somebody who may send it; and whether all of them may see what is for
    /// the log.
    fn deliveries(
        &self,
        verified: &Verified<'_>,
        arrived: Arrived,
    ) -> Result<(Vec<Delivery>, bool), Failure> {
        let (events, by) = match arrived {
            Arrived::PubSub(message) if self.is_from_queue(&message) => {
                let by = verified.who(may_bring_back, no_queue)?;
                let text = str::from_utf8(&message.data).unwrap_or_default();
                let delivery = Delivery::of_hand_off(HandOff::decode(text)?, Sender::Patient);
                return Ok((vec![delivery], by.caller.details));
            }
            Arrived::PubSub(message) => (vec![message.into_event()], Sender::Patient),
            Arrived::Events(events) => (events, Sender::Forgetful),
        };
        let mut details = true;
        let mut deliveries = Vec::with_capacity(events.len());
        for event in events {
            let source = &event.source;
            let from =
                verified.who(|caller| may_send(caller, source), |verified| not_listed(verified, source))?;
            details &= from.caller.details;
            deliveries.push(Delivery { event, to: Address::Subscribers, by });
        }
        Ok((deliveries, details))
    }

    fn is_from_queue(&self, message: &PubSubMessage) -> bool {
        self.app.queue().is_some_and(|queue| queue.comes_back_as() == message.subscription)
    }

    /// All of a batch, to the end of each; the report is of all.
    async fn handle_all(&self, deliveries: Vec<Delivery>, deadline: Deadline) -> Result<Report, Failure> {
        let handling =
            stream::iter(deliveries).map(|delivery| self.app.handle_to_the_end(delivery, deadline));
        let reports: Vec<_> = handling.buffered(AT_ONCE).collect().await;
        let mut results = Vec::new();
        for report in reports {
            results.extend(report?.results);
        }
        Ok(Report { results })
    }
}

/// For somebody who is known: whose list lacks the source.
fn not_listed(verified: &Verified<'_>, source: &str) -> Failure {
    if is_word(source) {
        return Failure::forbidden(format!(
            "{source} is a word of may_send, and no source that an event over HTTP can have"
        ));
    }
    let source: String = source.chars().take(200).collect();
    Failure::forbidden(format!(
        "the caller {} may not send events of the source {source:?}; add it to callers.{}.may_send if it should",
        names(verified),
        verified.first.name,
    ))
}

/// For somebody who is known, and brings what it says is from this deployment's queue.
fn no_queue(verified: &Verified<'_>) -> Failure {
    Failure::forbidden(format!(
        "the caller {} may not bring back what is on this deployment's queue; add queue to callers.{}.may_send if it should",
        names(verified),
        verified.first.name,
    ))
}

fn names(verified: &Verified<'_>) -> String {
    let names: Vec<_> = verified.all().map(|candidate| candidate.name.as_str()).collect();
    names.join(" or ")
}

/// Whether a caller may come here with anything but a message of SNS.
fn sends_events(caller: &Caller) -> bool {
    let listed = caller.may_send.iter().flatten().any(|source| may_send(caller, source));
    caller.sns.is_none() && (listed || may_bring_back(caller))
}
