//! gatepass on Azure: the custom handler of Azure Functions, managed identity, and Queue Storage.
//!
//! The adapter is thin: [`host`] serves the core's router below `/api` and the host's own invocations beside it, [`timer`] and
//! [`queue_trigger`] decode these, [`identity`] gets the tokens of the managed identity, and [`storage_queue`] keeps what is
//! accepted until it is done.

pub mod host;
mod http_trigger;
pub mod identity;
mod invocation;
pub mod queue_trigger;
pub mod storage_queue;
pub mod timer;

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

use self::identity::ManagedIdentity;
use self::storage_queue::StorageQueue;

/// The whole program, with actions of your own: serves the host, runs one job when the arguments say `run JOB`, or examines when they
/// say `doctor`.
pub async fn main(actions: &Actions) -> ExitCode {
    let env = Env::from_process();
    match run(&env, Env::arguments(), actions).await {
        Ok(code) => code,
        Err(error) => error.report(Dialect::Azure),
    }
}

/// Reads the configuration and serves the Functions host until it ends the process, runs one job, or examines.
///
/// # Errors
/// When the arguments, the configuration or the environment cannot be used, with every problem found.
pub async fn run(env: &Env, arguments: Vec<String>, actions: &Actions) -> Result<ExitCode, StartError> {
    let command = Command::read(arguments)?;
    command.start_log(Dialect::Azure, env)?;
    match command {
        Command::Serve => {
            host::serve(env, app(env, actions, false)?).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Once(once) => {
            // A container group is told nothing that stays the same when it is tried again.
            let native = Native { execution_id: None, event: |_| None };
            Ok(Arc::new(app(env, actions, true)?).run_once(&once, &native).await)
        }
        Command::Doctor(doctor) => doctor.run(env, |setup| cloud(env, setup, false), actions).await,
    }
}

/// The jobs of the configuration that run on Azure; `once` when one of them is run and nothing else.
///
/// # Errors
/// As [`run`].
pub fn app(env: &Env, actions: &Actions, once: bool) -> Result<App, StartError> {
    let setup = Setup::read(env)?;
    let cloud = cloud(env, &setup, once);
    setup.into_app(cloud, actions)
}

/// Azure's identity, and the queue that `GATEPASS_QUEUE` names.
pub fn cloud(env: &Env, setup: &Setup, once: bool) -> Cloud {
    let settings = &setup.file.config.id_token.azure;
    let identity = match ManagedIdentity::new(env, &setup.clients, settings) {
        Ok(identity) => Arc::new(identity),
        Err(problem) => {
            let queue = Err(problem.clone());
            return Cloud { queue, once, ..Cloud::new(Some(Platform::Azure), Err(problem)) };
        }
    };
    let queue = |url| {
        StorageQueue::new(url, &setup.clients, Arc::clone(&identity))
            .map(|queue| -> Arc<dyn Queue> { Arc::new(queue) })
    };
    let queue = env.get("GATEPASS_QUEUE").map(queue).transpose();
    Cloud { queue, once, ..Cloud::new(Some(Platform::Azure), Ok(identity)) }
}
