//! `GetWebIdentityToken` of AWS STS.
//!
//! Source: AWS STS API reference, "GetWebIdentityToken" (November 2025); regional endpoints only.

use gatepass_core::client::ServiceUrl;
use gatepass_core::deadline::Deadline;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::jwt;
use gatepass_core::secret::IdToken;

use super::call::call;
use crate::account::Account;
use crate::sts::element;

const PLACE: &str = "AWS STS (GetWebIdentityToken)";

/// The API's default, in seconds: the token is used at once.
const DURATION: &str = "300";

pub(super) async fn token(
    account: &Account,
    endpoint: &ServiceUrl,
    audience: &str,
    deadline: Deadline,
) -> Result<IdToken, Failure> {
    // RS256, because neither Google nor Entra takes ES384.
    let parameters =
        [("Audience.member.1", audience), ("DurationSeconds", DURATION), ("SigningAlgorithm", "RS256")];
    let action = ("GetWebIdentityToken", parameters.as_slice());
    let text = call((account, endpoint), PLACE, action, deadline).await?;
    jwt(PLACE, element(&text, "WebIdentityToken").unwrap_or_default().as_bytes())
}
