//! Who may use the queues.

use axum::response::Response;
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use jiff::fmt::rfc2822;

use super::{Account, xml};
use crate::identity::azure::STORAGE;
use crate::jwt::{Jwks, Jwt};

/// The first version of the service that takes tokens.
const FIRST_VERSION: &str = "2017-11-09";

/// How far `x-ms-date` may be off, in seconds.
const CLOCK_SKEW: i64 = 15 * 60;

impl Account {
    /// Checks the token and the headers that every request needs; says who calls.
    pub(super) fn admit(&self, headers: &HeaderMap) -> Result<String, Box<Response>> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let refuse = |status, code: &str, message: &str| Err(Box::new(xml::error(status, code, message)));
        if text("x-ms-version") < FIRST_VERSION {
            return refuse(
                StatusCode::BAD_REQUEST,
                "InvalidHeaderValue",
                "x-ms-version is missing or too old for tokens",
            );
        }
        let date = rfc2822::parse(text("x-ms-date")).map(|date| date.timestamp());
        let now = Timestamp::now().as_second();
        let is_now = date.is_ok_and(|date| (date.as_second() - now).abs() <= CLOCK_SKEW);
        if !is_now || !text("x-ms-date").ends_with(" GMT") {
            return refuse(StatusCode::FORBIDDEN, "AuthenticationFailed", "x-ms-date is missing or off");
        }
        let Some(token) = text("authorization").strip_prefix("Bearer ") else {
            return refuse(
                StatusCode::UNAUTHORIZED,
                "NoAuthenticationInformation",
                "a bearer token is needed",
            );
        };
        let subject = match self.verify(token) {
            Ok(subject) => subject,
            Err(why) => return refuse(StatusCode::UNAUTHORIZED, "InvalidAuthenticationInfo", &why),
        };
        if self.lock().deny {
            let message = "This request is not authorized to perform this operation using this permission.";
            return refuse(StatusCode::FORBIDDEN, "AuthorizationPermissionMismatch", message);
        }
        Ok(subject)
    }

    /// The object id of whoever holds the token.
    fn verify(&self, token: &str) -> Result<String, String> {
        let jwt = Jwt::decode(token).map_err(|error| error.to_string())?;
        let issuer = self.issuers.iter().find(|issuer| jwt.text("iss") == Some(issuer.url()));
        let issuer = issuer.ok_or("Issuer validation failed. Issuer did not match.")?;
        let keys = Jwks::from_value(&issuer.jwks()).map_err(|error| error.to_string())?;
        keys.verify(&jwt).map_err(|error| error.to_string())?;
        jwt.check_times(Timestamp::now().as_second()).map_err(|error| error.to_string())?;
        let is_ours = |audience: &&str| {
            audience.trim_end_matches('/') == STORAGE.id_uri || *audience == STORAGE.client_id
        };
        match jwt.audiences().iter().any(is_ours) {
            true => Ok(jwt.text("oid").unwrap_or_default().to_owned()),
            false => Err("Audience validation failed. Audience did not match.".to_owned()),
        }
    }
}
