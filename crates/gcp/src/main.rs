//! The Cloud Run service, and the plain HTTP host for anywhere else.

use std::process::ExitCode;

use gatepass_core::env::Env;
use gatepass_core::telemetry::{Dialect, report_start_error};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match gatepass_gcp::run(&Env::from_process()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => report_start_error(Dialect::Gcp { project: None }, &error),
    }
}
