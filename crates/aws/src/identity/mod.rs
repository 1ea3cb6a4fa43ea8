//! A workload's proof of identity on AWS: IAM outbound identity federation.
//!
//! `sts:GetWebIdentityToken` gives an OIDC token whose subject is the ARN of the workload's IAM role. The role ARN is all
//! that Octo STS can match on: AWS's further claims are nested. So each function needs a role of its own.

mod call;
mod caller;
mod web_identity;

use std::sync::Arc;

use gatepass_core::client::ServiceUrl;
use gatepass_core::deadline::Deadline;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::{IdTokenSource, Pending};
use gatepass_core::secret::IdToken;

use crate::account::{Account, Service};

/// Gets OIDC tokens from AWS STS.
#[derive(Debug)]
pub struct AwsIdentity {
    account: Arc<Account>,
    endpoint: ServiceUrl,
}

impl AwsIdentity {
    /// The identity of this workload.
    ///
    /// # Errors
    /// A sentence that names the variable that is wrong.
    pub fn new(account: Arc<Account>) -> Result<Self, String> {
        let endpoint = account.endpoint(Service::STS, account.region())?;
        Ok(Self { account, endpoint })
    }
}

impl IdTokenSource for AwsIdentity {
    fn name(&self) -> &str {
        "aws"
    }

    fn id_token<'a>(
        &'a self,
        audience: &'a str,
        deadline: Deadline,
    ) -> Pending<'a, Result<IdToken, Failure>> {
        Box::pin(web_identity::token(&self.account, &self.endpoint, audience, deadline))
    }

    fn reach<'a>(&'a self, deadline: Deadline) -> Pending<'a, Result<String, Failure>> {
        Box::pin(caller::identity(&self.account, &self.endpoint, deadline))
    }
}
