//! Delivery by push.

use super::subscription::Refused;
use super::{PubSub, Shared};
use crate::hosts::{HostError, HttpAnswer, HttpCall};
use crate::trace::Hop;

/// The statuses that acknowledge a message (Pub/Sub, "Push subscriptions").
const ACKNOWLEDGE: [u16; 5] = [102, 200, 201, 202, 204];

/// One delivery.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// The message's id.
    pub id: String,
    /// Which delivery of it this was, from 1.
    pub attempt: u32,
    /// What the endpoint answered.
    pub answer: HttpAnswer,
    /// Whether it went to the dead-letter topic because of that.
    pub dead: bool,
}

impl PubSub {
    /// Delivers what is due of a subscription, each message once, one after the other.
    ///
    /// # Errors
    /// When no answer comes at all; the message then is as if it had been refused.
    pub async fn push(&self, subscription: &str) -> Result<Vec<Pushed>, HostError> {
        let due = {
            let state = self.shared.lock();
            let now = state.now();
            state.subscriptions.get(subscription).map(|backlog| backlog.due(now)).unwrap_or_default()
        };
        let mut pushed = Vec::new();
        for id in due {
            let Some((call, base, path, attempt)) = self.begin(subscription, &id) else { continue };
            let answer = call.send(&self.client, &base).await;
            let status = answer.as_ref().ok().map(|answer| answer.status);
            let acknowledged = status.is_some_and(|status| ACKNOWLEDGE.contains(&status));
            let dead = end(&self.shared, subscription, &id, acknowledged);
            self.trace.record(Hop {
                service: "pubsub-push",
                method: "POST".to_owned(),
                path,
                status,
                note: Some(match (acknowledged, dead) {
                    (true, _) => format!("message {id} acknowledged"),
                    (false, false) => format!("message {id} not acknowledged, delivery {attempt}"),
                    (false, true) => format!("message {id} not acknowledged, to the dead letters"),
                }),
            });
            pushed.push(Pushed { id, attempt, answer: answer?, dead });
        }
        Ok(pushed)
    }

    fn begin(&self, subscription: &str, id: &str) -> Option<(HttpCall, String, String, u32)> {
        let mut state = self.shared.lock();
        let backlog = state.subscriptions.get_mut(subscription)?;
        let (message, attempt) = backlog.begin(id)?;
        let settings = &backlog.subscription;
        let token = match &self.shared.accounts {
            Some(accounts) => accounts.mint(settings.account, &settings.token_audience()),
            None => String::new(),
        };
        let call = settings.call(&message, attempt, &token);
        Some((call, settings.base.clone(), settings.path.clone(), attempt))
    }
}

/// Whether the message went to the dead letters.
fn end(shared: &Shared, subscription: &str, id: &str, acknowledged: bool) -> bool {
    let mut state = shared.lock();
    let now = state.now();
    let Some(backlog) = state.subscriptions.get_mut(subscription) else { return false };
    if acknowledged {
        backlog.acknowledge(id);
        return false;
    }
    match backlog.refuse(id, now) {
        Refused::Later => false,
        Refused::Dead(topic, message) => {
            state.publish(&topic, message.data, message.attributes, message.ordering_key);
            true
        }
    }
}
