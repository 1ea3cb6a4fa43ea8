use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::{Arrival, HttpAnswer, Surface, taken};
use crate::config::{Caller, may_send};
use crate::deadline::Deadline;
use crate::delivery::{Address, Delivery};
use crate::event::Event;
use crate::failure::Failure;
use crate::inbound::callers::{Candidate, Verified};
use crate::report::Report;

/// `POST /events`: a CloudEvent, for every job that asks for it.
pub(super) async fn deliver(State(surface): State<Arc<Surface>>, arrival: Arrival) -> HttpAnswer {
    taken("an event was not taken", None, surface.take_event(arrival).await)
}

/// `OPTIONS /events`: a sender asks whether it may send, before it does. Every event is verified all the same.
/// Source: CloudEvents 1.0, "HTTP 1.1 Web Hooks", section 4.
pub(super) async fn handshake(headers: HeaderMap) -> Response {
    match headers.get("webhook-request-origin") {
        Some(origin) => {
            let rate = HeaderValue::from_static("*");
            (StatusCode::OK, [("webhook-allowed-origin", origin.clone()), ("webhook-allowed-rate", rate)])
                .into_response()
        }
        None => (StatusCode::OK, [("allow", "POST, OPTIONS")]).into_response(),
    }
}

impl Surface {
    async fn take_event(&self, arrival: Arrival) -> Result<(Report, bool), Failure> {
        let deadline = arrival.deadline(Deadline::DEFAULT);
        let callers = self.app.jobs().callers().iter();
        let candidates: Vec<_> =
            callers.filter(|(_, caller)| sends_events(caller)).map(Candidate::from).collect();
        let host = arrival.host.unwrap_or(self.host);
        let verified = self.door.verify(&candidates, &arrival.headers, host, deadline).await?;
        let Arrival { headers, body, .. } = arrival;
        let body = deadline.run("reading the body", body.read(&headers)).await?;
        let event = Event::from_cloudevents(&headers, &body)?;
        let by = verified
            .who(|caller| may_send(caller, &event.source), |verified| not_listed(verified, &event.source))?;
        let delivery = Delivery { event, to: Address::Subscribers };
        Ok((self.app.handle_to_the_end(delivery, deadline).await?, by.caller.details))
    }
}

/// For somebody who is known: whose list lacks the source.
fn not_listed(verified: &Verified<'_>, source: &str) -> Failure {
    let names: Vec<_> = verified.all().map(|candidate| candidate.name.as_str()).collect();
    let source: String = source.chars().take(200).collect();
    Failure::forbidden(format!(
        "the caller {} may not send events of the source {source:?}; add it to callers.{}.may_send if it should",
        names.join(" or "),
        verified.first.name,
    ))
}

/// Whether a caller may send events at all.
fn sends_events(caller: &Caller) -> bool {
    caller.may_send.iter().flatten().any(|source| may_send(caller, source))
}
