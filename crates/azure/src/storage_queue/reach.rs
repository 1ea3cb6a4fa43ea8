//! Whether the queue is there, without a message: for an examination.
//!
//! Source: Queue Storage REST API, "Get Queue Metadata". The role that lets a workload send does not let it read that.

use gatepass_core::client::fetch;
use gatepass_core::deadline::Deadline;
use gatepass_core::event::MAX_BODY;
use gatepass_core::failure::Failure;
use gatepass_core::queue::Reached;

use super::{PLACE, SCOPE, StorageQueue, TRY, dated, reason};

impl StorageQueue {
    pub(super) async fn metadata(&self, deadline: Deadline) -> Result<Reached, Failure> {
        let token = self.identity.token(SCOPE, deadline).await?;
        let request =
            dated(self.client.get(format!("{}?comp=metadata", self.url))).bearer_auth(token.secret());
        let answer = fetch(PLACE, request, MAX_BODY, deadline.at_most(TRY)).await?;
        match answer.status {
            200 => Ok(Reached::There),
            403 => Ok(Reached::Untold {
                found: format!("{PLACE} answered 403: {}", reason(&answer)),
                needs: format!(
                    "the role Storage Queue Data Reader on {}, and let the network rules admit it",
                    self.url
                ),
            }),
            status => Err(self.judge(status, &reason(&answer))),
        }
    }
}
