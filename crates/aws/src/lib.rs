//! gatepass on AWS: the Lambda host, and the identity that AWS gives a workload.
//!
//! The adapter is thin: [`events`] tells what Lambda was handed and turns it into a delivery, [`host`] calls the core and
//! encodes what Lambda understands, and [`identity`] gets the OIDC token of `sts:GetWebIdentityToken`. [`queue`] and
//! [`secrets`] are the services that the core may use besides. Modules stand here in the order in which they may import
//! each other.

mod signing;
mod sts;

mod credentials;

pub mod account;
mod api;

pub mod identity;
pub mod queue;
pub mod secrets;

pub mod events;
pub mod host;

use std::process::ExitCode;
use std::sync::Arc;

use gatepass_core::app::{App, Cloud, Setup, StartError};
use gatepass_core::client::Clients;
use gatepass_core::config::Platform;
use gatepass_core::env::Env;
use gatepass_core::job::Actions;
use gatepass_core::once::{Command, Native};
use gatepass_core::telemetry::{self, Dialect, report_start_error};

use self::account::Account;
use self::identity::AwsIdentity;
use self::queue::Sqs;
use self::secrets::AwsSecrets;

/// The whole program, with actions of your own: serves the host, or runs one job when the arguments say `run JOB`.
pub async fn main(actions: &Actions) -> ExitCode {
    let env = Env::from_process();
    match run(&env, Env::arguments(), actions).await {
        Ok(code) => code,
        Err(error) => report_start_error(Dialect::Aws, &error),
    }
}

/// Reads the configuration and serves Lambda until it ends the process, or runs one job.
///
/// # Errors
/// When the arguments, the configuration or the environment cannot be used, with every problem found.
pub async fn run(env: &Env, arguments: Vec<String>, actions: &Actions) -> Result<ExitCode, StartError> {
    telemetry::init(Dialect::Aws, env.get("GATEPASS_LOG")).map_err(StartError::Environment)?;
    let once = match Command::read(arguments)? {
        Command::Serve => {
            let (app, account) = app(env, actions, false)?;
            host::serve(env, app, account).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Once(once) => once,
    };
    // A task is told nothing that stays the same when it is tried again.
    let native = Native { execution_id: None, event: |value| events::event_of(value) };
    let (app, _) = app(env, actions, true)?;
    Ok(Arc::new(app).run_once(&once, &native).await)
}

/// The jobs of the configuration that run on AWS, and the account that they run in; `once` when one of them is run and
/// nothing else.
///
/// # Errors
/// As [`run`].
pub fn app(env: &Env, actions: &Actions, once: bool) -> Result<(App, Arc<Account>), StartError> {
    let setup = Setup::read(env)?;
    let (account, cloud) = cloud(env, &setup.clients, once).map_err(StartError::Environment)?;
    Ok((setup.into_app(cloud, actions)?, account))
}

fn cloud(env: &Env, clients: &Clients, once: bool) -> Result<(Arc<Account>, Cloud), String> {
    let account = Account::from_env(env, clients)?;
    let mut cloud = Cloud::new(Platform::Aws, Arc::new(AwsIdentity::new(Arc::clone(&account))?));
    cloud.once = once;
    cloud.secrets = Some(Arc::new(AwsSecrets::new(Arc::clone(&account))?));
    if let Some(arn) = env.get("GATEPASS_QUEUE") {
        let arn = arn.parse().map_err(|error| format!("GATEPASS_QUEUE: {error}"))?;
        cloud.queue = Some(Arc::new(Sqs::new(Arc::clone(&account), arn)?));
    }
    Ok((account, cloud))
}
