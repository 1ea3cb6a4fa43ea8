//! The custom handler of Azure Functions.

use std::process::ExitCode;

use gatepass_core::env::Env;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match gatepass_azure::run(&Env::from_process()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => gatepass_core::telemetry::report_start_error(&error),
    }
}
