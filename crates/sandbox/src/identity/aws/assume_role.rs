//! `AssumeRoleWithWebIdentity` of AWS STS: unsigned, because the web identity's token is the proof.

use axum::response::Response;
use http::StatusCode;
use jiff::Timestamp;
use url::form_urlencoded;

use super::sts::{NAMESPACE, StsError, VERSION, invalid};
use super::{ACCOUNT, Account, Workload};
use crate::identity::{noted, random};
use crate::jwt::{Jwks, Jwt};

/// The action's name.
pub(super) const ACTION: &str = "AssumeRoleWithWebIdentity";

/// The audience that IAM wants to see in a pod's token.
pub(super) const AUDIENCE: &str = "sts.amazonaws.com";

/// The service account that may take the role, as the role's trust policy says.
pub(super) const SUBJECT: &str = "system:serviceaccount:gatepass:gatepass";

pub(super) fn answer(account: &Account, body: &[u8]) -> Result<Response, StsError> {
    let (mut role, mut session, mut token, mut version) = Default::default();
    for (name, value) in form_urlencoded::parse(body).into_owned() {
        match name.as_str() {
            "Action" => {}
            "Version" => version = value,
            "RoleArn" => role = value,
            "RoleSessionName" => session = value,
            "WebIdentityToken" => token = value,
            "DurationSeconds" if matches!(value.parse(), Ok(900..=43_200)) => {}
            name => return Err(invalid(format!("Unknown parameter or value of '{name}'"))),
        }
    }
    if version != VERSION {
        return Err(StsError::new(
            "InvalidAction",
            format!("Could not find operation {ACTION} for version {version}"),
        ));
    }
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    if !(2..=64).contains(&session.len()) || !session.chars().all(is_name) {
        return Err(invalid("Value at 'roleSessionName' failed to satisfy constraint"));
    }
    check(account, &token)?;
    if role != Workload::Pod.role_arn() {
        return Err(StsError {
            status: StatusCode::FORBIDDEN,
            code: "AccessDenied",
            message: format!("Not authorized to perform sts:{ACTION}"),
        });
    }
    let handed_out = account.hand_out(Workload::Pod);
    let expiration = handed_out.expires.map(|at| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
    let xml = format!(
        "<{ACTION}Response xmlns=\"{NAMESPACE}\"><{ACTION}Result><Audience>{AUDIENCE}</Audience>\
         <AssumedRoleUser><AssumedRoleId>AROACLKWSDQRAOEXAMPLE:{session}</AssumedRoleId>\
         <Arn>arn:aws:sts::{ACCOUNT}:assumed-role/{}/{session}</Arn></AssumedRoleUser>\
         <Credentials><SessionToken>{}</SessionToken><SecretAccessKey>{}</SecretAccessKey>\
         <Expiration>{}</Expiration><AccessKeyId>{}</AccessKeyId></Credentials>\
         <SubjectFromWebIdentityToken>{SUBJECT}</SubjectFromWebIdentityToken></{ACTION}Result>\
         <ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></{ACTION}Response>\n",
        Workload::Pod.role(),
        handed_out.session_token.unwrap_or_default(),
        handed_out.secret_access_key,
        expiration.unwrap_or_default(),
        handed_out.access_key_id,
        random::uuid(),
    );
    let note = format!("web identity verified; credentials for {} as {session}", Workload::Pod.role_arn());
    Ok(noted(note, ([("content-type", "text/xml")], xml)))
}

/// The token, against the keys of the cluster's issuer, which IAM knows.
fn check(account: &Account, token: &str) -> Result<(), StsError> {
    let wrong = |why: String| StsError::new("InvalidIdentityToken", why);
    let jwt = Jwt::decode(token).map_err(|error| wrong(error.to_string()))?;
    if jwt.text("iss") != Some(account.cluster.url()) {
        return Err(wrong("No OpenIDConnect provider found in your account".to_owned()));
    }
    let keys = Jwks::from_value(&account.cluster.jwks()).map_err(|error| wrong(error.to_string()))?;
    keys.verify(&jwt).map_err(|error| wrong(error.to_string()))?;
    if !jwt.audiences().contains(&AUDIENCE) {
        return Err(wrong("Incorrect token audience".to_owned()));
    }
    if jwt.check_times(Timestamp::now().as_second()).is_err() {
        let message = "Token expired: current date/time must be before the expiration date/time";
        return Err(StsError::new("ExpiredTokenException", message));
    }
    if jwt.text("sub") == Some(SUBJECT) {
        return Ok(());
    }
    Err(StsError {
        status: StatusCode::FORBIDDEN,
        code: "AccessDenied",
        message: format!("Not authorized to perform sts:{ACTION}"),
    })
}
