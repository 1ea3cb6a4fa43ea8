//! gatepass on Google Cloud: the HTTP host of Cloud Run and Cloud Functions, and the identity that Google gives a workload.
//!
//! The adapter is thin: [`host`] serves the core's router on `$PORT`, and [`identity`] gets the OIDC token of the metadata
//! server or, away from the platform, of a service account.

pub mod host;
pub mod identity;

use std::sync::Arc;

use gatepass_core::app::{App, Setup, StartError};
use gatepass_core::config::Platform;
use gatepass_core::env::Env;
use gatepass_core::telemetry::{self, Dialect};

/// Reads the configuration and serves HTTP until SIGTERM.
///
/// # Errors
/// When the configuration or the environment cannot be used, with every problem found.
pub async fn run(env: &Env) -> Result<(), StartError> {
    let project = env.get("GOOGLE_CLOUD_PROJECT").map(str::to_owned);
    telemetry::init(Dialect::Gcp { project }, env.get("GATEPASS_LOG")).map_err(StartError::Environment)?;
    let app = app(env)?;
    host::serve(env, app).await
}

/// The jobs of the configuration that run on Google Cloud, with Google's identity.
///
/// # Errors
/// As [`run`].
pub fn app(env: &Env) -> Result<App, StartError> {
    let setup = Setup::read(env)?;
    let account = setup.file.config.id_token.google.service_account.as_deref();
    let source = identity::source(env, &setup.clients, account).map_err(StartError::Environment)?;
    setup.into_app(Platform::Gcp, Arc::clone(&source))
}
