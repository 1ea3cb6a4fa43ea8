//! `GetCallerIdentity` of AWS STS: who this workload is. No policy can forbid it.
//!
//! Source: AWS STS API reference, "GetCallerIdentity".

use gatepass_core::client::{ServiceUrl, harmless};
use gatepass_core::deadline::Deadline;
use gatepass_core::failure::Failure;

use super::call::call;
use crate::account::Account;
use crate::sts::element;

const PLACE: &str = "AWS STS (GetCallerIdentity)";

/// The longest ARN that is shown, in characters.
const MAX_ARN: usize = 200;

pub(super) async fn identity(
    account: &Account,
    endpoint: &ServiceUrl,
    deadline: Deadline,
) -> Result<String, Failure> {
    let text = call((account, endpoint), PLACE, ("GetCallerIdentity", &[]), deadline).await?;
    let arn = element(&text, "Arn").ok_or_else(|| {
        Failure::refused(format!(
            "{PLACE} answered with something that names nobody; check what stands between this workload and it"
        ))
    })?;
    Ok(format!("aws: this is {}", harmless(arn, MAX_ARN)))
}
