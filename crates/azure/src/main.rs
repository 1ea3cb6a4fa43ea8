//! The custom handler of Azure Functions.

use std::process::ExitCode;

use gatepass_core::env::Env;
use gatepass_core::telemetry::{Dialect, report_start_error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match gatepass_azure::run(&Env::from_process()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report_start_error(Dialect::Azure, &error),
    }
}
