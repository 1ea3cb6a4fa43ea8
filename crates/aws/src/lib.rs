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

use gatepass_core::app::{App, Cloud, Part, Setup, StartError};
use gatepass_core::command::Command;
use gatepass_core::config::Platform;
use gatepass_core::env::Env;
use gatepass_core::id_token::IdTokenSource;
use gatepass_core::job::Actions;
use gatepass_core::once::Native;
use gatepass_core::queue::Queue;
use gatepass_core::secret_store::SecretStore;
use gatepass_core::telemetry::Dialect;

use self::account::Account;
use self::identity::AwsIdentity;
use self::queue::Sqs;
use self::secrets::AwsSecrets;

/// The whole program, with actions of your own: serves the host, runs one job when the arguments say `run JOB`, or examines when they
/// say `doctor`.
pub async fn main(actions: &Actions) -> ExitCode {
    let env = Env::from_process();
    match run(&env, Env::arguments(), actions).await {
        Ok(code) => code,
        Err(error) => error.report(Dialect::Aws),
    }
}

/// Reads the configuration and serves Lambda until it ends the process, runs one job, or examines.
///
/// # Errors
/// When the arguments, the configuration or the environment cannot be used, with every problem found.
pub async fn run(env: &Env, arguments: Vec<String>, actions: &Actions) -> Result<ExitCode, StartError> {
    let command = Command::read(arguments)?;
    command.start_log(Dialect::Aws, env)?;
    match command {
        Command::Serve => {
            let (app, account) = app(env, actions, false)?;
            host::serve(env, app, account).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Once(once) => {
            // A task is told nothing that stays the same when it is tried again.
            let native = Native { execution_id: None, event: |value| events::event_of(value) };
            let (app, _) = app(env, actions, true)?;
            Ok(Arc::new(app).run_once(&once, &native).await)
        }
        Command::Doctor(doctor) => doctor.run(env, |setup| cloud(env, setup, false), actions).await,
    }
}

/// The jobs of the configuration that run on AWS, and the account that they run in; `once` when one of them is run and
/// nothing else.
///
/// # Errors
/// As [`run`].
pub fn app(env: &Env, actions: &Actions, once: bool) -> Result<(App, Arc<Account>), StartError> {
    let setup = Setup::read(env)?;
    let account = Account::from_env(env, &setup.clients).map_err(StartError::Environment)?;
    let cloud = cloud_of(env, &account, once);
    Ok((setup.into_app(cloud, actions)?, account))
}

/// AWS's identity and secrets, and the queue that `GATEPASS_QUEUE` names.
pub fn cloud(env: &Env, setup: &Setup, once: bool) -> Cloud {
    match Account::from_env(env, &setup.clients) {
        Ok(account) => cloud_of(env, &account, once),
        Err(problem) => Cloud {
            queue: Err(problem.clone()),
            secrets: Err(problem.clone()),
            once,
            ..Cloud::new(Some(Platform::Aws), Err(problem))
        },
    }
}

fn cloud_of(env: &Env, account: &Arc<Account>, once: bool) -> Cloud {
    let identity = AwsIdentity::new(Arc::clone(account))
        .map(|identity| -> Arc<dyn IdTokenSource> { Arc::new(identity) });
    let secrets = AwsSecrets::new(Arc::clone(account))
        .map(|secrets| -> Option<Arc<dyn SecretStore>> { Some(Arc::new(secrets)) });
    Cloud { queue: queue(env, account), secrets, once, ..Cloud::new(Some(Platform::Aws), identity) }
}

fn queue(env: &Env, account: &Arc<Account>) -> Part<Option<Arc<dyn Queue>>> {
    let Some(arn) = env.get("GATEPASS_QUEUE") else { return Ok(None) };
    let arn = arn.parse().map_err(|error| format!("GATEPASS_QUEUE: {error}"))?;
    Ok(Some(Arc::new(Sqs::new(Arc::clone(account), arn)?)))
}
