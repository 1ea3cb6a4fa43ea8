//! `GetCallerIdentity` of AWS STS: who this workload is. No policy can forbid it.
//!
//! Source: AWS STS API reference, "GetCallerIdentity".

use gatepass_core::client::{ServiceUrl, harmless};
use gatepass_core::deadline::Deadline;
use gatepass_core::failure::Failure;

use super::web_identity::{ABSENT, next};
use crate::account::{Account, Request, Service};
use crate::signing::ToSign;
use crate::sts::{CONTENT_TYPE, element, form, reason};

const PLACE: &str = "AWS STS (GetCallerIdentity)";

/// The longest ARN that is shown, in characters.
const MAX_ARN: usize = 200;

pub(super) async fn identity(
    account: &Account,
    endpoint: &ServiceUrl,
    deadline: Deadline,
) -> Result<String, Failure> {
    let request = Request {
        place: PLACE,
        to: ToSign {
            service: Service::STS.name,
            region: account.region(),
            url: &format!("{}/", endpoint.as_str()),
            headers: &[("content-type", CONTENT_TYPE)],
            body: &form("GetCallerIdentity", &[]),
        },
        absent: Some(ABSENT),
    };
    let received = account.send(&request, deadline).await?;
    if !received.is_success() {
        return Err(received.refusal(PLACE, reason(received.status, &received.body, next)));
    }
    let text = String::from_utf8_lossy(&received.body);
    let arn = element(&text, "Arn").ok_or_else(|| {
        Failure::refused(format!(
            "{PLACE} answered with something that names nobody; check what stands between this workload and it"
        ))
    })?;
    Ok(format!("aws: this is {}", harmless(arn, MAX_ARN)))
}
