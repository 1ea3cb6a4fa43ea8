//! The custom handler of Azure Functions; and `run JOB`, for Container Instances and machines.

use std::process::ExitCode;

use gatepass_core::job::Actions;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    gatepass_azure::main(&Actions::new()).await
}
