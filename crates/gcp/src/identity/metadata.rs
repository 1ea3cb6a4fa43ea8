//! The metadata server. Source: Google Cloud, "Verify VM identity", "Get an ID token" and "Get an access token".

use gatepass_core::client::{Clients, excerpt, harmless};
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::{IdTokenSource, Pending, Reason, ask, jwt};
use gatepass_core::secret::IdToken;
use reqwest::Client;

pub(super) const PLACE: &str = "Google's metadata server";
const HOST: &str = "metadata.google.internal";
/// The header that both sides must send.
const FLAVOR: &str = "metadata-flavor";
const GOOGLE: &str = "Google";

const PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/identity";

/// Who this workload runs as.
const EMAIL: &str = "/computeMetadata/v1/instance/service-accounts/default/email";

/// The longest e-mail address that is shown, in characters.
const MAX_EMAIL: usize = 200;

/// What to do where there is none.
const ABSENT: &str = "away from Google Cloud, set id_token.google.service_account in gatepass.yaml";

/// Gets tokens of the service account that this workload runs as.
pub(super) struct MetadataServer {
    client: Client,
    base: String,
}

impl MetadataServer {
    /// At `GCE_METADATA_HOST` where that is set, as Google's own libraries do.
    pub(super) fn new(env: &Env, clients: &Clients) -> Self {
        let host = env.get("GCE_METADATA_HOST").unwrap_or(HOST);
        Self { client: clients.identity.clone(), base: format!("http://{host}") }
    }

    /// What the server answers at `path`.
    ///
    /// # Errors
    /// As [`ask`], and Refused when it is not the metadata server that answers.
    pub(super) async fn get(
        &self,
        path: &str,
        query: &[(&str, &str)],
        deadline: Deadline,
    ) -> Result<Vec<u8>, Failure> {
        let request = self.client.get(format!("{}{path}", self.base)).query(query).header(FLAVOR, GOOGLE);
        let answer = ask(PLACE, request, deadline, ABSENT, reason).await?;
        // Only the metadata server says so; a captive portal or another link-local service does not.
        if answer.headers.get(FLAVOR).is_none_or(|value| value != GOOGLE) {
            return Err(Failure::refused(format!(
                "what answered at the address of {PLACE} is none: its answer has no `Metadata-Flavor: Google`; {ABSENT}"
            )));
        }
        Ok(answer.body)
    }
}

impl IdTokenSource for MetadataServer {
    fn name(&self) -> &str {
        "gcp"
    }

    fn id_token<'a>(
        &'a self,
        audience: &'a str,
        deadline: Deadline,
    ) -> Pending<'a, Result<IdToken, Failure>> {
        Box::pin(async move {
            // `full` is what guarantees `email` and `email_verified`.
            let body = self.get(PATH, &[("audience", audience), ("format", "full")], deadline).await?;
            jwt(PLACE, &body)
        })
    }

    fn reach<'a>(&'a self, deadline: Deadline) -> Pending<'a, Result<String, Failure>> {
        Box::pin(async move {
            let email = self.get(EMAIL, &[], deadline).await?;
            Ok(format!("gcp: this runs as {}", harmless(&String::from_utf8_lossy(&email), MAX_EMAIL)))
        })
    }
}

fn reason(status: u16, body: &[u8]) -> Option<Reason> {
    let text = || format!("{}; does this workload run as a service account?", excerpt(body));
    (status == 404).then(|| Reason::by_status(status, text()))
}
