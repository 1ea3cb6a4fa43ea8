//! The Cloud Run service, and the plain HTTP host for anywhere else; and `run JOB`, for Cloud Run jobs and machines.

use std::process::ExitCode;

use gatepass_core::job::Actions;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    gatepass_gcp::main(&Actions::new()).await
}
