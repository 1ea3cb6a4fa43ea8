//! A workload's proof of identity on Google Cloud.
//!
//! On the platform, the metadata server gives an OIDC token for any audience. Away from it, an access token (from
//! `gcp_auth`, which gives no ID tokens) lets `generateIdToken` make one for a configured service account.

mod impersonation;
mod metadata;

use std::sync::Arc;

use gatepass_core::client::Clients;
use gatepass_core::env::Env;
use gatepass_core::id_token::IdTokenSource;

use self::impersonation::Impersonation;
use self::metadata::MetadataServer;

/// The source that fits: the configured service account's, or else the metadata server.
///
/// # Errors
/// A sentence that names the setting that is wrong.
pub fn source(
    env: &Env,
    clients: &Clients,
    service_account: Option<&str>,
) -> Result<Arc<dyn IdTokenSource>, String> {
    Ok(match service_account {
        Some(email) => Arc::new(Impersonation::new(env, clients, email)?),
        None => Arc::new(MetadataServer::new(env, clients)),
    })
}
