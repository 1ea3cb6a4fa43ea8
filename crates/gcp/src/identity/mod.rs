//! A workload's identity on Google Cloud: its proof for others, and its access to Google's own APIs.
//!
//! On the platform, the metadata server gives an OIDC token for any audience. Away from it, an access token (from
//! `gcp_auth`, which gives no ID tokens) lets `generateIdToken` make one for a configured service account.

mod access_token;
mod credentials;
mod impersonation;
mod metadata;

use std::sync::Arc;

use gatepass_core::client::Clients;
use gatepass_core::env::Env;
use gatepass_core::id_token::IdTokenSource;

pub use self::access_token::{AccessToken, AccessTokens};
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
