use std::sync::Arc;

use axum::extract::State;
use http::HeaderMap;
use jiff::Timestamp;

use super::{Arrival, HttpAnswer, JobInPath, Surface, name_of, taken};
use crate::config::{Signature as Scheme, WebhookTrigger};
use crate::deadline::Deadline;
use crate::delivery::{Address, Delivery, Sender};
use crate::event::{Event, GitHubDelivery, Stamp, WebhookDelivery};
use crate::failure::Failure;
use crate::inbound::signature::Signature;
use crate::job::Job;
use crate::report::{Done, JobResult, Report, Status};
use crate::telemetry::TARGET;

/// `POST /hooks/{job}`: limit, bytes, signature, and only then parsing.
pub(super) async fn deliver(
    State(surface): State<Arc<Surface>>,
    job: JobInPath,
    arrival: Arrival,
) -> HttpAnswer {
    let job = name_of(job);
    let result = surface.take_hook(&job, arrival).await;
    taken("a webhook delivery was not taken", Some(&job), result.map(|report| (report, false)))
}

impl Surface {
    async fn take_hook(&self, name: &str, arrival: Arrival) -> Result<Report, Failure> {
        let deadline = arrival.deadline(Deadline::WEBHOOK);
        let job = self.app.job(name)?;
        let (Some(webhook), Some(secrets)) = (job.webhook(), self.secrets.get(job.name())) else {
            return Err(Failure::not_found(format!("the job {name} has no webhook trigger")));
        };
        let Arrival { headers, body, .. } = arrival;
        let signature = Signature::read(&webhook.signature, &headers, Timestamp::now())?;
        let body = deadline.run("reading the body", body.read(&headers)).await?;
        secrets.verify(&signature, &body, deadline).await?;
        let event = match webhook.signature {
            Scheme::Github => self.github_event(job, webhook, &headers, &body)?,
            Scheme::StandardWebhooks | Scheme::Hmac(_) => {
                other_event(job, webhook, signature.into_stamp(), &body)
            }
        };
        let Some(event) = event else {
            let result = Ok(Done::new(Status::Ignored));
            return Ok(Report {
                results: vec![JobResult { job: job.name().clone(), repository: None, result }],
            });
        };
        let delivery = Delivery { event, to: Address::Job(job.name().clone()), by: Sender::Forgetful };
        self.app.handle_to_the_end(delivery, deadline).await
    }

    /// The event, if the job asked for it. GitHub pings first; and what our own bots do comes back as events, which must
    /// not start a loop.
    fn github_event(
        &self,
        job: &Job,
        webhook: &WebhookTrigger,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Option<Event>, Failure> {
        let delivery = GitHubDelivery::read(headers, body)?;
        tracing::info!(
            target: TARGET, message = "webhook", job = job.name().as_str(), github_event = delivery.name,
            action = delivery.action, delivery = delivery_id(headers),
        );
        let is_own = delivery.sender().is_some_and(|login| self.app.jobs().bots().matches(login));
        let wanted = |entry: &String| match entry.split_once('.') {
            Some((name, action)) => name == delivery.name && delivery.action.as_deref() == Some(action),
            None => *entry == delivery.name,
        };
        let concerns = delivery.name != "ping"
            && (webhook.events.is_empty() || webhook.events.iter().any(wanted))
            && (!is_own || job.takes_own_events());
        Ok(concerns.then(|| delivery.into_event(job.name())))
    }
}

/// The event, if the job asked for its type.
fn other_event(job: &Job, webhook: &WebhookTrigger, stamp: Option<Stamp>, body: &[u8]) -> Option<Event> {
    let delivery = match stamp {
        Some(stamp) => WebhookDelivery::standard(stamp, body),
        None => WebhookDelivery::unstamped(body),
    };
    let event = delivery.into_event(job.name());
    tracing::info!(
        target: TARGET, message = "webhook", job = job.name().as_str(), event_id = event.id, kind = event.kind,
    );
    (webhook.events.is_empty() || webhook.events.contains(&event.kind)).then_some(event)
}

/// Logged and not trusted: the signature does not cover it.
fn delivery_id(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get("x-github-delivery")?.to_str().ok()?;
    (id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')).then_some(id)
}
