//! Away from the platform: an access token, and `generateIdToken` for a service account.
//!
//! Source: IAM Service Account Credentials API, `projects.serviceAccounts.generateIdToken`. The caller needs
//! `roles/iam.serviceAccountOpenIdTokenCreator` on the service account.

use gatepass_core::client::{Clients, ServiceUrl, excerpt};
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::{IdTokenSource, Pending, Reason, ask, jwt};
use gatepass_core::secret::IdToken;
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};

use super::credentials::Credentials;

const PLACE: &str = "Google's generateIdToken";
const ENDPOINT: &str = "https://iamcredentials.googleapis.com";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// gcloud's own name for another endpoint of this API.
const ENDPOINT_VARIABLE: &str = "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS";

/// Gets OIDC tokens of a service account that these credentials may impersonate.
pub(super) struct Impersonation {
    client: Client,
    url: String,
    email: String,
    credentials: Credentials,
}

#[derive(Deserialize)]
struct Answer {
    token: String,
}

impl Impersonation {
    pub(super) fn new(env: &Env, clients: &Clients, email: &str) -> Result<Self, String> {
        let is_email =
            email.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && domain.contains('.'))
                && email.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'@' | b'_'));
        if !is_email {
            return Err(format!(
                "id_token.google.service_account is `{email}`: write its e-mail address, as in jobs@project.iam.gserviceaccount.com"
            ));
        }
        let endpoint = ServiceUrl::parse(env.get(ENDPOINT_VARIABLE).unwrap_or(ENDPOINT))
            .map_err(|error| format!("{ENDPOINT_VARIABLE}: {error}"))?;
        let url = format!("{}/v1/projects/-/serviceAccounts/{email}:generateIdToken", endpoint.as_str());
        Ok(Self {
            client: clients.outbound.clone(),
            url,
            email: email.to_owned(),
            credentials: Credentials::default(),
        })
    }
}

impl IdTokenSource for Impersonation {
    fn name(&self) -> &str {
        "gcp:generateIdToken"
    }

    fn id_token<'a>(
        &'a self,
        audience: &'a str,
        deadline: Deadline,
    ) -> Pending<'a, Result<IdToken, Failure>> {
        Box::pin(async move {
            let token = self.credentials.token(SCOPE, deadline).await?;
            let request = self
                .client
                .post(&self.url)
                .bearer_auth(token.expose())
                .json(&json!({ "audience": audience, "includeEmail": true }));
            let answer =
                ask(PLACE, request, deadline, "check the network", reason).await.map_err(|failure| {
                    let email = &self.email;
                    Failure { message: format!("{} (for {email})", failure.message), ..failure }
                })?;
            let answer: Answer = serde_json::from_slice(&answer.body)
                .map_err(|_| Failure::refused(format!("{PLACE} answered with something else")))?;
            jwt(PLACE, answer.token.as_bytes())
        })
    }

    fn reach<'a>(&'a self, deadline: Deadline) -> Pending<'a, Result<String, Failure>> {
        Box::pin(async move {
            self.credentials.token(SCOPE, deadline).await?;
            Ok(format!("{}: Google credentials, which are to act for {}", self.name(), self.email))
        })
    }
}

fn reason(status: u16, body: &[u8]) -> Option<Reason> {
    let document: Value = serde_json::from_slice(body).ok()?;
    let message = document.pointer("/error/message").and_then(Value::as_str)?;
    let next = match status {
        403 => {
            "; give these credentials roles/iam.serviceAccountOpenIdTokenCreator on the service account, and enable the IAM Service Account Credentials API"
        }
        404 => "; is there such a service account?",
        _ => "",
    };
    Some(Reason::by_status(status, format!("{}{next}", excerpt(message.as_bytes()))))
}
