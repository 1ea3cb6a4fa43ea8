use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};

use super::{Arrival, HttpAnswer, Surface};
use crate::config::{Caller, may_send};
use crate::deadline::Deadline;
use crate::delivery::{Address, Delivery};
use crate::event::Event;
use crate::failure::Failure;
use crate::report::Report;
use crate::telemetry::TARGET;

/// `POST /events`: a CloudEvent, for every job that asks for it.
pub(super) async fn deliver(State(surface): State<Arc<Surface>>, arrival: Arrival) -> HttpAnswer {
    match surface.take_event(arrival).await {
        Ok((report, details)) => HttpAnswer::report(&report, details),
        Err(failure) => {
            tracing::warn!(
                target: TARGET, message = "an event was not taken", status = failure.class.name(),
                reason = failure.message,
            );
            failure.into()
        }
    }
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
        let callers = self.app.jobs().callers();
        let candidates: BTreeMap<_, _> = callers.iter().filter(|(_, caller)| sends_events(caller)).collect();
        let host = arrival.host.unwrap_or(self.host);
        let verified = self.door.verify(&candidates, &arrival.headers, host, deadline).await?;
        let Arrival { headers, body, .. } = arrival;
        let body = deadline.run("reading the body", body.read(&headers)).await?;
        let event = Event::from_cloudevents(&headers, &body)?;
        if !may_send(verified.caller, &event.source) {
            let (name, source) = (verified.name, event.source.chars().take(200).collect::<String>());
            return Err(Failure::forbidden(format!(
                "the caller {name} may not send events of the source {source:?}; add it to callers.{name}.may_send if it should"
            )));
        }
        let report = self.app.handle(&Delivery { event, to: Address::Subscribers }, deadline).await?;
        Ok((report, verified.caller.details))
    }
}

/// Whether a caller may send events at all.
fn sends_events(caller: &Caller) -> bool {
    caller
        .may_send
        .as_ref()
        .is_none_or(|list| list.iter().any(|entry| !matches!(entry.as_str(), "schedule" | "http")))
}
