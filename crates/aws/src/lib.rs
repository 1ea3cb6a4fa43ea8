//! gatepass on AWS: the Lambda host, and the identity that AWS gives a workload.
//!
//! The adapter is thin: [`events`] tells what Lambda was handed and turns it into a delivery, [`host`] calls the core and
//! encodes what Lambda understands, and [`identity`] gets the OIDC token of `sts:GetWebIdentityToken`.

pub mod events;
pub mod host;
pub mod identity;

use std::sync::Arc;

use gatepass_core::app::{App, Setup, StartError};
use gatepass_core::config::Platform;
use gatepass_core::env::Env;
use gatepass_core::telemetry::{self, Dialect};

use self::identity::AwsIdentity;

/// Reads the configuration and serves Lambda until it ends the process.
///
/// # Errors
/// When the configuration or the environment cannot be used, with every problem found.
pub async fn run(env: &Env) -> Result<(), StartError> {
    telemetry::init(Dialect::Aws, env.get("GATEPASS_LOG")).map_err(StartError::Environment)?;
    let app = app(env)?;
    host::serve(env, app).await
}

/// The jobs of the configuration that run on AWS, with AWS's identity.
///
/// # Errors
/// As [`run`].
pub fn app(env: &Env) -> Result<App, StartError> {
    let setup = Setup::read(env)?;
    let identity = AwsIdentity::new(env, &setup.clients).map_err(StartError::Environment)?;
    setup.into_app(Platform::Aws, Arc::new(identity))
}
