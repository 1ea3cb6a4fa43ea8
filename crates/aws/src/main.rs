//! The Lambda function: `bootstrap` of a custom runtime.

use std::process::ExitCode;

use gatepass_core::env::Env;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match gatepass_aws::run(&Env::from_process()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => gatepass_core::telemetry::report_start_error(&error),
    }
}
