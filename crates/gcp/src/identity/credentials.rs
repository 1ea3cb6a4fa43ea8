//! Credentials away from the platform, as `gcp_auth` finds them: a key file, those of `gcloud auth application-default login`,
//! gcloud itself.

use std::sync::Arc;
use std::time::Duration;

use gatepass_core::deadline::Deadline;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::IDENTITY_TIMEOUT;
use gcp_auth::TokenProvider;
use tokio::sync::Mutex;
use tracing::instrument::WithSubscriber as _;
use tracing::subscriber::NoSubscriber;

use super::access_token::AccessToken;

/// Found at the first use: looking for credentials takes time that a start has not.
#[derive(Default)]
pub(super) struct Credentials(Mutex<Option<Arc<dyn TokenProvider>>>);

impl Credentials {
    /// An access token for `scope`; `gcp_auth` keeps it while it lives.
    pub(super) async fn token(&self, scope: &str, deadline: Deadline) -> Result<AccessToken, Failure> {
        let limit = deadline.at_most(IDENTITY_TIMEOUT);
        // gcp_auth logs the bodies of failed answers, which may hold what was sent.
        let asking = self.ask(scope).with_subscriber(NoSubscriber::new());
        limit.run("getting a Google access token", asking).await
    }

    async fn ask(&self, scope: &str) -> Result<AccessToken, Failure> {
        let token = self.provider().await?.token(&[scope]).await.map_err(|error| {
            let advice = "if that lasts, check that these credentials have not been revoked";
            Failure::deferred(Duration::ZERO, format!("Google gives no access token now ({error}); {advice}"))
        })?;
        Ok(AccessToken::new(token.as_str()))
    }

    async fn provider(&self) -> Result<Arc<dyn TokenProvider>, Failure> {
        let mut provider = self.0.lock().await;
        if let Some(provider) = provider.as_ref() {
            return Ok(Arc::clone(provider));
        }
        let advice = "run `gcloud auth application-default login`, or name a credentials file with GOOGLE_APPLICATION_CREDENTIALS";
        let found = gcp_auth::provider()
            .await
            .map_err(|error| Failure::refused(format!("no Google credentials here ({error}); {advice}")))?;
        Ok(Arc::clone(provider.insert(found)))
    }

    /// Looks for them again at the next use.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = None;
    }
}
