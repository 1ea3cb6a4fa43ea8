//! The function for one cloud, with our own action in it.

use std::process::ExitCode;

use custom_job::EnsureLabel;
use gatepass_core::job::Actions;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    gatepass_azure::main(&Actions::new().with(EnsureLabel)).await
}
