//! Whether this workload may publish, without publishing: for an examination.
//!
//! Source: Pub/Sub REST API, `projects.topics.testIamPermissions`: anybody may ask what it may do itself, and of a topic that is
//! not there the answer is nothing. An emulator has no permissions to test, and shows every topic.

use gatepass_core::client::fetch;
use gatepass_core::deadline::Deadline;
use gatepass_core::event::MAX_BODY;
use gatepass_core::failure::Failure;
use gatepass_core::queue::Reached;
use serde::Deserialize;
use serde_json::json;

use super::{PLACE, PubSub, TRY, told};

const PUBLISH: &str = "pubsub.topics.publish";

#[derive(Deserialize)]
struct Held {
    #[serde(default)]
    permissions: Vec<String>,
}

impl PubSub {
    pub(super) async fn look(&self, deadline: Deadline) -> Result<Reached, Failure> {
        let limit = deadline.at_most(TRY);
        let topic = &self.topic;
        let Some(tokens) = &self.tokens else {
            let answer = fetch(PLACE, self.client.get(&self.url), MAX_BODY, limit).await?;
            return match answer.status {
                200 => Ok(Reached::There),
                404 => Err(Failure::refused(format!(
                    "{PLACE} has no topic {topic}; create it, or correct GATEPASS_QUEUE"
                ))),
                status => Err(Failure::refused(format!(
                    "{}; look at the emulator's log",
                    told(status, &answer.body)
                ))),
            };
        };
        let token = tokens.get(limit).await?;
        let request = self
            .client
            .post(format!("{}:testIamPermissions", self.url))
            .bearer_auth(token.expose())
            .json(&json!({ "permissions": [PUBLISH] }));
        let answer = fetch(PLACE, request, MAX_BODY, limit).await?;
        let held = serde_json::from_slice::<Held>(&answer.body);
        match (answer.status, held) {
            (200, Ok(held)) if held.permissions.iter().any(|held| held == PUBLISH) => Ok(Reached::There),
            (200, Ok(_)) => Err(Failure::refused(format!(
                "{PLACE} says that this workload may not publish to {topic}, or that it is not there; create it and a push subscription of the same name, and give this workload's service account roles/pubsub.publisher on it"
            ))),
            (status @ (408 | 429 | 500..), _) => {
                Err(Failure::refused(format!("{}; examine again", told(status, &answer.body))))
            }
            (status, _) => {
                let needs = format!("a role that lets it test its permissions on {topic}");
                Ok(Reached::Untold { found: told(status, &answer.body), needs })
            }
        }
    }
}
