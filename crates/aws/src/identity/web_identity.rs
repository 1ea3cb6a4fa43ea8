//! `GetWebIdentityToken` of AWS STS.
//!
//! Source: AWS STS API reference, "GetWebIdentityToken" (November 2025); regional endpoints only.

use gatepass_core::client::ServiceUrl;
use gatepass_core::deadline::Deadline;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::jwt;
use gatepass_core::secret::IdToken;

use crate::account::{Account, Request, Service};
use crate::signing::ToSign;
use crate::sts::{CONTENT_TYPE, element, form, reason};

const PLACE: &str = "AWS STS (GetWebIdentityToken)";

/// The API's default, in seconds: the token is used at once.
const DURATION: &str = "300";

/// What to do where STS does not answer.
pub(super) const ABSENT: &str = "check AWS_REGION, and the VPC endpoint for STS if this function is in a VPC";

pub(super) async fn token(
    account: &Account,
    endpoint: &ServiceUrl,
    audience: &str,
    deadline: Deadline,
) -> Result<IdToken, Failure> {
    // RS256, because neither Google nor Entra takes ES384.
    let parameters =
        [("Audience.member.1", audience), ("DurationSeconds", DURATION), ("SigningAlgorithm", "RS256")];
    let request = Request {
        place: PLACE,
        to: ToSign {
            service: Service::STS.name,
            region: account.region(),
            url: &format!("{}/", endpoint.as_str()),
            headers: &[("content-type", CONTENT_TYPE)],
            body: &form("GetWebIdentityToken", &parameters),
        },
        absent: Some(ABSENT),
    };
    let received = account.send(&request, deadline).await?;
    if !received.is_success() {
        return Err(received.refusal(PLACE, reason(received.status, &received.body, next)));
    }
    let text = String::from_utf8_lossy(&received.body);
    jwt(PLACE, element(&text, "WebIdentityToken").unwrap_or_default().as_bytes())
}

/// What to change, by the code of a refusal.
pub(super) fn next(code: &str) -> Option<&'static str> {
    Some(match code {
        "OutboundWebIdentityFederationDisabledException" | "OutboundWebIdentityFederationDisabled" => {
            "outbound identity federation is off in this account: an administrator turns it on once with `aws iam enable-outbound-web-identity-federation`"
        }
        "AccessDenied" | "AccessDeniedException" => {
            "the role may not do this: allow sts:GetWebIdentityToken for this audience, 300 seconds and RS256"
        }
        "ExpiredToken" | "ExpiredTokenException" | "InvalidClientTokenId" | "UnrecognizedClientException" => {
            "the role's credentials are not accepted: they may have expired"
        }
        "SignatureDoesNotMatch" | "IncompleteSignature" | "RequestExpired" => {
            "the signature is not accepted: check the clock, AWS_REGION and the credentials"
        }
        "SessionDurationEscalation" | "SessionDurationEscalationException" => {
            "the role's session ends before the token would"
        }
        "JwtPayloadSizeExceeded" | "JWTPayloadSizeExceededException" => {
            "the token would be too large: take tags off the role"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_change() {
        for (code, words) in [
            ("OutboundWebIdentityFederationDisabledException", "enable-outbound-web-identity-federation"),
            ("AccessDenied", "allow sts:GetWebIdentityToken"),
            ("ExpiredToken", "expired"),
            ("SignatureDoesNotMatch", "check the clock"),
            ("SessionDurationEscalation", "session ends"),
            ("JwtPayloadSizeExceeded", "take tags off"),
        ] {
            assert!(next(code).unwrap().contains(words), "{code}");
        }
        assert_eq!(next("Other"), None);
    }
}
