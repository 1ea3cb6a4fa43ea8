//! The metadata server's identity endpoint. Source: Google Cloud, "Verify VM identity" and "Get an ID token".

use gatepass_core::client::{Clients, excerpt};
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::{IdTokenSource, Pending, Reason, ask, jwt};
use gatepass_core::secret::IdToken;
use reqwest::Client;

const PLACE: &str = "Google's metadata server";
const HOST: &str = "metadata.google.internal";
/// The header that both sides must send.
const FLAVOR: &str = "metadata-flavor";
const GOOGLE: &str = "Google";

const PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/identity";

/// Gets OIDC tokens of the service account that this workload runs as.
pub(super) struct MetadataServer {
    client: Client,
    url: String,
}

impl MetadataServer {
    /// At `GCE_METADATA_HOST` where that is set, as Google's own libraries do.
    pub(super) fn new(env: &Env, clients: &Clients) -> Self {
        let host = env.get("GCE_METADATA_HOST").unwrap_or(HOST);
        Self { client: clients.identity.clone(), url: format!("http://{host}{PATH}") }
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
            let request = self
                .client
                .get(&self.url)
                .query(&[("audience", audience), ("format", "full")])
                .header(FLAVOR, GOOGLE);
            let absent = "away from Google Cloud, set id_token.google.service_account in gatepass.yaml";
            let answer = ask(PLACE, request, deadline, absent, reason).await?;
            // Only the metadata server says so; a captive portal or another link-local service does not.
            if answer.headers.get(FLAVOR).is_none_or(|value| value != GOOGLE) {
                return Err(Failure::refused(format!(
                    "what answered at the address of {PLACE} is none: its answer has no `Metadata-Flavor: Google`; {absent}"
                )));
            }
            jwt(PLACE, &answer.body)
        })
    }
}

fn reason(status: u16, body: &[u8]) -> Option<Reason> {
    let text = || format!("{}; does this workload run as a service account?", excerpt(body));
    (status == 404).then(|| Reason::by_status(status, text()))
}
