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
use gatepass_core::config::Platform;
use gatepass_core::env::Env;
use gatepass_core::job::Actions;
use gatepass_core::once::{Command, Native};
use gatepass_core::queue::Queue;
use gatepass_core::telemetry::{self, Dialect, report_start_error};

use self::identity::ManagedIdentity;
use self::storage_queue::StorageQueue;

/// The whole program, with actions of your own: serves the host, or runs one job when the arguments say `run JOB`.
pub async fn main(actions: &Actions) -> ExitCode {
    let env = Env::from_process();
    match run(&env, Env::arguments(), actions).await {
        Ok(code) => code,
        Err(error) => report_start_error(Dialect::Azure, &error),
    }
}

/// Reads the configuration and serves the Functions host until it ends the process, or runs one job.
///
/// # Errors
/// When the arguments, the configuration or the environment cannot be used, with every problem found.
pub async fn run(env: &Env, arguments: Vec<String>, actions: &Actions) -> Result<ExitCode, StartError> {
    telemetry::init(Dialect::Azure, env.get("GATEPASS_LOG")).map_err(StartError::Environment)?;
    let once = match Command::read(arguments)? {
        Command::Serve => {
            host::serve(env, app(env, actions, false)?).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Once(once) => once,
    };
    // A container group is told nothing that stays the same when it is tried again.
    let native = Native { execution_id: None, event: |_| None };
    Ok(Arc::new(app(env, actions, true)?).run_once(&once, &native).await)
}

/// The jobs of the configuration that run on Azure, with Azure's identity and the queue that `GATEPASS_QUEUE` names; `once`
/// when one of them is run and nothing else.
///
/// # Errors
/// As [`run`].
pub fn app(env: &Env, actions: &Actions, once: bool) -> Result<App, StartError> {
    let setup = Setup::read(env)?;
    let settings = &setup.file.config.id_token.azure;
    let identity = ManagedIdentity::new(env, &setup.clients, settings).map_err(StartError::Environment)?;
    let identity = Arc::new(identity);
    let queue = match env.get("GATEPASS_QUEUE") {
        Some(url) => {
            let queue = StorageQueue::new(url, &setup.clients, Arc::clone(&identity));
            Some(Arc::new(queue.map_err(StartError::Environment)?) as Arc<dyn Queue>)
        }
        None => None,
    };
    setup.into_app(Cloud { queue, once, ..Cloud::new(Platform::Azure, identity) }, actions)
}
