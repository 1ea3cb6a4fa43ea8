use std::sync::Arc;

use axum::extract::State;
use serde_json::json;

use super::{Arrival, HttpAnswer, Surface};
use crate::config::Caller;
use crate::deadline::Deadline;
use crate::doctor::{Examination, Request};
use crate::failure::Failure;
use crate::inbound::callers::Candidate;
use crate::telemetry::TARGET;

/// `POST /doctor`, which there is only where somebody may ask: what is found holds claims and policy text.
pub(super) async fn examine(State(surface): State<Arc<Surface>>, arrival: Arrival) -> HttpAnswer {
    match surface.examine(arrival).await {
        Ok(examination) => HttpAnswer::new(200, json!(examination)),
        Err(failure) => {
            tracing::warn!(
                target: TARGET, message = "an examination was not made", status = failure.class.name(),
                reason = failure.message, details = failure.details,
            );
            failure.into()
        }
    }
}

/// Whether this caller may ask for an examination.
pub(super) fn may_ask(caller: &Caller) -> bool {
    caller.details && caller.sns.is_none()
}

impl Surface {
    async fn examine(&self, arrival: Arrival) -> Result<Examination, Failure> {
        let deadline = arrival.deadline(Deadline::DEFAULT);
        let callers = self.app.jobs().callers().iter();
        let candidates: Vec<_> =
            callers.filter(|(_, caller)| caller.sns.is_none()).map(Candidate::from).collect();
        let host = arrival.host.unwrap_or(self.host);
        let verified = self.door.verify(&candidates, &arrival.headers, host, deadline).await?;
        verified.who(may_ask, |verified| {
            Failure::forbidden(format!(
                "the caller {} may not see what an examination finds; give it `details: true` in gatepass.yaml",
                verified.first.name
            ))
        })?;
        let Arrival { headers, body, .. } = arrival;
        let body = deadline.run("reading the body", body.read(&headers)).await?;
        self.app.examine(&Request::read(&body)?, deadline).await
    }
}
