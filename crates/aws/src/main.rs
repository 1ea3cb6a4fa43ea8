//! The Lambda function, `bootstrap` of a custom runtime; and `run JOB`, for tasks and machines.

use std::process::ExitCode;

use gatepass_core::job::Actions;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    gatepass_aws::main(&Actions::new()).await
}
