//! gatepass on Google Cloud: the HTTP host of Cloud Run and Cloud Functions, the identity that Google gives a workload, and
//! Pub/Sub.
//!
//! The adapter is thin: [`host`] serves the core's router on `$PORT`, where Pub/Sub's pushes arrive too; [`identity`] gets the
//! OIDC token of the metadata server or, away from the platform, of a service account; and [`pubsub`] keeps what is accepted
//! until it is done.

pub mod host;
pub mod identity;
pub mod pubsub;

use std::process::ExitCode;
use std::sync::Arc;

use gatepass_core::app::{App, Cloud, Setup, StartError};
use gatepass_core::command::Command;
use gatepass_core::config::Platform;
use gatepass_core::env::Env;
use gatepass_core::job::Actions;
use gatepass_core::once::Native;
use gatepass_core::queue::Queue;
use gatepass_core::telemetry::Dialect;

use self::pubsub::PubSub;

/// The whole program, with actions of your own: serves HTTP, runs one job when the arguments say `run JOB`, or examines when they
/// say `doctor`.
pub async fn main(actions: &Actions) -> ExitCode {
    let env = Env::from_process();
    match run(&env, Env::arguments(), actions).await {
        Ok(code) => code,
        Err(error) => error.report(Dialect::Gcp { project: None }),
    }
}

/// Reads the configuration and serves HTTP until SIGTERM, runs one job, or examines.
///
/// # Errors
/// When the arguments, the configuration or the environment cannot be used, with every problem found.
pub async fn run(env: &Env, arguments: Vec<String>, actions: &Actions) -> Result<ExitCode, StartError> {
    let project = env.get("GOOGLE_CLOUD_PROJECT").map(str::to_owned);
    let command = Command::read(arguments)?;
    command.start_log(Dialect::Gcp { project }, env)?;
    match command {
        Command::Serve => {
            host::serve(env, app(env, actions, false)?).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Once(once) => {
            // What a Cloud Run job is told stays the same when a task is tried again.
            let execution_id = env.get("CLOUD_RUN_EXECUTION").map(str::to_owned);
            let native = Native { execution_id, event: |_| None };
            Ok(Arc::new(app(env, actions, true)?).run_once(&once, &native).await)
        }
        Command::Doctor(doctor) => doctor.run(env, |setup| cloud(env, setup, false), actions).await,
    }
}

/// The jobs of the configuration that run on Google Cloud; `once` when one of them is run and nothing else.
///
/// # Errors
/// As [`run`].
pub fn app(env: &Env, actions: &Actions, once: bool) -> Result<App, StartError> {
    let setup = Setup::read(env)?;
    let cloud = cloud(env, &setup, once);
    setup.into_app(cloud, actions)
}

/// Google's identity, and the topic that `GATEPASS_QUEUE` names.
pub fn cloud(env: &Env, setup: &Setup, once: bool) -> Cloud {
    let account = setup.file.config.id_token.google.service_account.as_deref();
    let queue = |topic| {
        PubSub::new(topic, env, &setup.clients, account).map(|queue| -> Arc<dyn Queue> { Arc::new(queue) })
    };
    let queue = env.get("GATEPASS_QUEUE").map(queue).transpose();
    Cloud { queue, once, ..Cloud::new(Some(Platform::Gcp), identity::source(env, &setup.clients, account)) }
}
