//! A signed call of AWS STS, and what its refusals mean.

use gatepass_core::client::ServiceUrl;
use gatepass_core::deadline::Deadline;
use gatepass_core::failure::Failure;

use crate::account::{Account, Request, Service};
use crate::signing::ToSign;
use crate::sts::{CONTENT_TYPE, form, reason};

/// What to do where STS does not answer.
const ABSENT: &str = "check AWS_REGION, and the VPC endpoint for STS if this function is in a VPC";

/// The XML that an action answers with; `place` names it in a failure.
///
/// # Errors
/// Without credentials or an answer, and when STS says no, with what to change.
pub(super) async fn call(
    (account, endpoint): (&Account, &ServiceUrl),
    place: &str,
    (action, parameters): (&str, &[(&str, &str)]),
    deadline: Deadline,
) -> Result<String, Failure> {
    let request = Request {
        place,
        to: ToSign {
            service: Service::STS.name,
            region: account.region(),
            url: &format!("{}/", endpoint.as_str()),
            headers: &[("content-type", CONTENT_TYPE)],
            body: &form(action, parameters),
        },
        absent: Some(ABSENT),
    };
    let received = account.send(&request, deadline).await?;
    if !received.is_success() {
        return Err(received.refusal(place, reason(received.status, &received.body, next)));
    }
    Ok(String::from_utf8_lossy(&received.body).into_owned())
}

/// What to change, by the code of a refusal.
fn next(code: &str) -> Option<&'static str> {
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
