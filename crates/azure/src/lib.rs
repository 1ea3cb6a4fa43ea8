//! gatepass on Azure: the custom handler of Azure Functions, and managed identity.
//!
//! The adapter is thin: [`host`] serves the core's router below `/api` and the host's own invocations beside it, [`timer`]
//! decodes and encodes those of timers, and [`identity`] gets the token of the managed identity.

pub mod host;
pub mod identity;
pub mod timer;

use std::sync::Arc;

use gatepass_core::app::{App, Setup, StartError};
use gatepass_core::config::Platform;
use gatepass_core::env::Env;
use gatepass_core::telemetry::{self, Dialect};

use self::identity::ManagedIdentity;

/// Reads the configuration and serves the Functions host until it ends the process.
///
/// # Errors
/// When the configuration or the environment cannot be used, with every problem found.
pub async fn run(env: &Env) -> Result<(), StartError> {
    telemetry::init(Dialect::Azure, env.get("GATEPASS_LOG")).map_err(StartError::Environment)?;
    let app = app(env)?;
    host::serve(env, app).await
}

/// The jobs of the configuration that run on Azure, with Azure's identity.
///
/// # Errors
/// As [`run`].
pub fn app(env: &Env) -> Result<App, StartError> {
    let setup = Setup::read(env)?;
    let settings = &setup.file.config.id_token.azure;
    let identity = ManagedIdentity::new(env, &setup.clients, settings).map_err(StartError::Environment)?;
    setup.into_app(Platform::Azure, Arc::new(identity))
}
