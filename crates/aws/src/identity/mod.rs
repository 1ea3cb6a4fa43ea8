//! A workload's proof of identity on AWS: IAM outbound identity federation.
//!
//! `sts:GetWebIdentityToken` gives an OIDC token whose subject is the ARN of the workload's IAM role. The role ARN is all
//! that Octo STS can match on: AWS's further claims are nested. So each function needs a role of its own.

mod credentials;
mod web_identity;

use gatepass_core::client::{Clients, ServiceUrl};
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::{IdTokenSource, Pending};
use gatepass_core::secret::IdToken;

use self::credentials::CredentialSource;
use self::web_identity::WebIdentity;

/// Gets OIDC tokens from AWS STS.
pub struct AwsIdentity {
    credentials: CredentialSource,
    sts: WebIdentity,
}

impl AwsIdentity {
    /// Takes region, endpoint and the kind of credentials from the variables that AWS sets.
    ///
    /// # Errors
    /// A sentence that names the variable that is missing or wrong.
    pub fn new(env: &Env, clients: &Clients) -> Result<Self, String> {
        let region = env
            .get("AWS_REGION")
            .or_else(|| env.get("AWS_DEFAULT_REGION"))
            .ok_or("AWS_REGION is not set: GetWebIdentityToken is offered at regional endpoints only")?;
        let endpoint = match env.get("AWS_ENDPOINT_URL_STS").or_else(|| env.get("AWS_ENDPOINT_URL")) {
            Some(url) => url.to_owned(),
            None => web_identity::endpoint(region),
        };
        let endpoint =
            ServiceUrl::parse(&endpoint).map_err(|error| format!("AWS_ENDPOINT_URL_STS: {error}"))?;
        let sts = WebIdentity::new(clients.outbound.clone(), endpoint, region.to_owned());
        Ok(Self { credentials: CredentialSource::from_env(env, clients)?, sts })
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
        Box::pin(async move {
            let credentials = self.credentials.get(deadline).await?;
            self.sts.token(&credentials, audience, deadline).await
        })
    }
}
