//! The Lambda function: `bootstrap` of a custom runtime.

use std::process::ExitCode;

use gatepass_core::env::Env;
use gatepass_core::telemetry::{Dialect, report_start_error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match gatepass_aws::run(&Env::from_process()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report_start_error(Dialect::Aws, &error),
    }
}
