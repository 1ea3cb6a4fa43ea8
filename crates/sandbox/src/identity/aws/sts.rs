//! AWS STS (API version 2011-06-15, Query protocol), of which three actions are known: `GetWebIdentityToken` and
//! `GetCallerIdentity`, here, and `AssumeRoleWithWebIdentity`.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::{HeaderMap, Method, StatusCode, Uri};
use jiff::Timestamp;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{ACCOUNT, Account, FUNCTION, REGION, Refusal, Workload, assume_role};
use crate::identity::{noted, random};
use crate::issuer::timed;
use crate::sigv4::{Credentials, Received, Rejection};

pub(super) const VERSION: &str = "2011-06-15";
pub(super) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
const DEFAULT_DURATION: i64 = 300;

pub(super) fn router(account: Arc<Account>) -> Router {
    Router::new().route("/", post(action)).with_state(account)
}

async fn action(
    State(account): State<Arc<Account>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let query = uri.query().unwrap_or_default();
    let received = Received { method: &method, path: uri.path(), query, headers: &headers, body: &body };
    match answer(&account, received) {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

fn answer(account: &Account, received: Received<'_>) -> Result<Response, StsError> {
    let mut parameters = form_urlencoded::parse(received.body);
    if parameters.any(|(name, value)| name == "Action" && value == assume_role::ACTION) {
        return assume_role::answer(account, received.body);
    }
    let lookup = |id: &str| account.session(id).map(|(_, credentials)| credentials);
    let caller = account.verifier("sts").verify(received, Timestamp::now(), lookup)?;
    let (workload, _) = account.session(&caller.access_key_id).ok_or(Rejection::InvalidClientTokenId)?;
    if received.body == CALLER_IDENTITY.as_bytes() {
        return Ok(caller_identity(workload));
    }
    let request = TokenRequest::parse(received.body)?;
    refuse_as_told(account, workload)?;
    request.fits_into(&caller)?;

    let claims = timed(account.issuer.url(), request.seconds, claims(workload, &request.audiences));
    let expiration = claims.get("exp").and_then(Value::as_i64).unwrap_or_default();
    let expiration = Timestamp::from_second(expiration).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%SZ");
    let token = account.issuer.mint(&claims);
    let xml = format!(
        "<GetWebIdentityTokenResponse xmlns=\"{NAMESPACE}\"><GetWebIdentityTokenResult>\
         <WebIdentityToken>{token}</WebIdentityToken><Expiration>{expiration}</Expiration>\
         </GetWebIdentityTokenResult><ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata>\
         </GetWebIdentityTokenResponse>\n",
        random::uuid()
    );
    let note =
        format!("SigV4 verified; token for {}, sub={}", request.audiences.join(", "), workload.role_arn());
    Ok(noted(note, ([("content-type", "text/xml")], xml)))
}

/// What everybody may ask: no policy can forbid it.
const CALLER_IDENTITY: &str = "Action=GetCallerIdentity&Version=2011-06-15";

fn caller_identity(workload: Workload) -> Response {
    let arn = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{}/{FUNCTION}", workload.role());
    let xml = format!(
        "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\"><GetCallerIdentityResult><Arn>{arn}</Arn>\
         <UserId>AROAEXAMPLE:{FUNCTION}</UserId><Account>{ACCOUNT}</Account></GetCallerIdentityResult>\
         <ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></GetCallerIdentityResponse>\n",
        random::uuid()
    );
    noted(format!("SigV4 verified; this is {arn}"), ([("content-type", "text/xml")], xml))
}

/// The claims AWS documents for outbound identity federation. What is not standard stands under one name, where
/// a trust policy of Octo STS cannot reach it.
fn claims(workload: Workload, audiences: &[String]) -> Value {
    let mut more = json!({
        "aws_account": ACCOUNT,
        "source_region": REGION,
        "org_id": "o-a1b2c3d4e5",
        "ou_path": ["o-a1b2c3d4e5/r-ab12/ou-ab12-11111111/"],
        "principal_id": workload.role_arn(),
        "principal_tags": { "team": "platform" },
    });
    if let (Workload::Lambda, Some(more)) = (workload, more.as_object_mut()) {
        let function = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{FUNCTION}");
        more.insert("lambda_source_function_arn".to_owned(), json!(function));
    }
    let aud = match audiences {
        [one] => json!(one),
        many => json!(many),
    };
    json!({
        "sub": workload.role_arn(),
        "aud": aud,
        "jti": random::uuid(),
        "https://sts.amazonaws.com/": more,
    })
}

fn refuse_as_told(account: &Account, workload: Workload) -> Result<(), StsError> {
    let (status, code, message) = match account.lock().refusal {
        None => return Ok(()),
        Some(Refusal::FederationDisabled) => (
            StatusCode::FORBIDDEN,
            "OutboundWebIdentityFederationDisabledException",
            "The outbound web identity federation feature is not enabled for this account.".to_owned(),
        ),
        Some(Refusal::AccessDenied) => (
            StatusCode::FORBIDDEN,
            "AccessDenied",
            format!(
                "User: arn:aws:sts::{ACCOUNT}:assumed-role/{}/{FUNCTION} is not authorized to perform: \
                 sts:GetWebIdentityToken because no identity-based policy allows the sts:GetWebIdentityToken action",
                workload.role()
            ),
        ),
        Some(Refusal::PayloadTooLarge) => (
            StatusCode::BAD_REQUEST,
            "JwtPayloadSizeExceeded",
            "The requested token payload size exceeds the maximum allowed size.".to_owned(),
        ),
    };
    Err(StsError { status, code, message })
}

/// A request for a token, read and within its bounds.
#[derive(Debug, PartialEq, Eq)]
struct TokenRequest {
    audiences: Vec<String>,
    seconds: i64,
}

impl TokenRequest {
    fn parse(body: &[u8]) -> Result<Self, StsError> {
        let mut audiences = Vec::new();
        let (mut action, mut version, mut algorithm, mut seconds) = (None, None, None, None);
        for (name, value) in form_urlencoded::parse(body).into_owned() {
            match name.as_str() {
                "Action" => action = Some(value),
                "Version" => version = Some(value),
                "SigningAlgorithm" => algorithm = Some(value),
                "DurationSeconds" => seconds = Some(value),
                name if name.starts_with("Audience.member.") => audiences.push((name.to_owned(), value)),
                name if name.starts_with("Tags.member.") => {}
                name => return Err(invalid(format!("Unknown parameter '{name}'"))),
            }
        }
        let action = action.ok_or_else(|| StsError::new("MissingAction", "Missing Action parameter"))?;
        let version = version.unwrap_or_default();
        if action != "GetWebIdentityToken" || version != VERSION {
            let message = format!("Could not find operation {action} for version {version}");
            return Err(StsError::new("InvalidAction", message));
        }
        match algorithm.as_deref() {
            Some("RS256") => {}
            Some("ES384") => {
                return Err(invalid("ES384 is valid at AWS; this stand-in signs with RS256 only"));
            }
            other => {
                let given = other.unwrap_or("null");
                return Err(invalid(format!("Value '{given}' at 'signingAlgorithm' must be RS256 or ES384")));
            }
        }
        let seconds = match seconds.map(|text| text.parse()) {
            None => DEFAULT_DURATION,
            Some(Ok(seconds @ 60..=3600)) => seconds,
            Some(_) => return Err(invalid("Value at 'durationSeconds' must be between 60 and 3600")),
        };
        Ok(Self { audiences: in_order(audiences)?, seconds })
    }

    /// A token must not outlive the role session that asks for it.
    fn fits_into(&self, session: &Credentials) -> Result<(), StsError> {
        let ends = Timestamp::now().as_second() + self.seconds;
        match session.expires {
            Some(expires) if expires.as_second() < ends => Err(StsError {
                status: StatusCode::FORBIDDEN,
                code: "SessionDurationEscalation",
                message:
                    "The requested token duration would extend the session beyond its original expiration"
                        .to_owned(),
            }),
            _ => Ok(()),
        }
    }
}

/// `Audience.member.1` to `.10`, without gaps.
fn in_order(members: Vec<(String, String)>) -> Result<Vec<String>, StsError> {
    if !(1..=10).contains(&members.len()) {
        return Err(invalid("Member at 'audience' must have between 1 and 10 values"));
    }
    (1..=members.len())
        .map(|index| {
            let name = format!("Audience.member.{index}");
            let found = members.iter().find(|(member, value)| *member == name && !value.is_empty());
            let (_, value) = found.ok_or_else(|| invalid(format!("'{name}' is missing or empty")))?;
            Ok(value.clone())
        })
        .collect()
}

/// An error in AWS's XML.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct StsError {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

pub(super) fn invalid(message: impl Into<String>) -> StsError {
    StsError::new("ValidationError", message)
}

impl StsError {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, code, message: message.into() }
    }
}

impl From<Rejection> for StsError {
    fn from(rejection: Rejection) -> Self {
        Self { status: rejection.status(), code: rejection.code(), message: rejection.to_string() }
    }
}

impl IntoResponse for StsError {
    fn into_response(self) -> Response {
        let message = self.message.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let xml = format!(
            "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{}</Code><Message>{message}</Message>\
             </Error><RequestId>{}</RequestId></ErrorResponse>\n",
            self.code,
            random::uuid()
        );
        noted(format!("{}: {}", self.code, self.message), (self.status, [("content-type", "text/xml")], xml))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "Action=GetWebIdentityToken&Version=2011-06-15&Audience.member.1=octo-sts.dev\
                        &DurationSeconds=300&SigningAlgorithm=RS256";

    #[test]
    fn a_request_is_read_and_bounded() {
        let good = TokenRequest::parse(GOOD.as_bytes()).unwrap();
        assert_eq!(good, TokenRequest { audiences: vec!["octo-sts.dev".into()], seconds: 300 });
        let two = GOOD.replace("Audience.member.1=", "Audience.member.2=b%20c&Audience.member.1=");
        assert_eq!(TokenRequest::parse(two.as_bytes()).unwrap().audiences, ["octo-sts.dev", "b c"]);
        let silent = GOOD.replace("&DurationSeconds=300", "");
        assert_eq!(TokenRequest::parse(silent.as_bytes()).unwrap().seconds, 300);
    }

    #[test]
    fn every_parameter_is_checked() {
        let eleven: String = (2..=11).map(|n| format!("&Audience.member.{n}=a")).collect();
        for (part, with, code) in [
            ("Action=GetWebIdentityToken&", "", "MissingAction"),
            ("GetWebIdentityToken", "GetCallerIdentity", "InvalidAction"),
            ("Version=2011-06-15&", "", "InvalidAction"),
            ("RS256", "HS256", "ValidationError"),
            ("RS256", "ES384", "ValidationError"),
            ("&SigningAlgorithm=RS256", "", "ValidationError"),
            ("300", "59", "ValidationError"),
            ("300", "3601", "ValidationError"),
            ("300", "soon", "ValidationError"),
            ("Audience.member.1=octo-sts.dev&", "", "ValidationError"),
            ("Audience.member.1=octo-sts.dev", "Audience.member.1=", "ValidationError"),
            ("Audience.member.1", "Audience.member.2", "ValidationError"),
            ("Audience.member.1", "Audience", "ValidationError"),
            ("RS256", &format!("RS256{eleven}"), "ValidationError"),
        ] {
            let error = TokenRequest::parse(GOOD.replace(part, with).as_bytes()).unwrap_err();
            assert_eq!(
                (error.code, error.status),
                (code, StatusCode::BAD_REQUEST),
                "{part} -> {with}: {error:?}"
            );
        }
    }
}
