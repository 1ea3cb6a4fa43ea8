//! Google's OAuth token endpoint, for the one grant a service-account key has (RFC 7523).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use axum::routing::post;
use axum::{Json, Router};
use http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{Google, KEY_HOLDER};
use crate::identity::noted;
use crate::jwt::{Jwks, Jwt, JwtError};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// The longest an assertion may live, in seconds.
const ASSERTION_SECONDS: i64 = 3600;

pub(super) fn router(google: Arc<Google>) -> Router {
    Router::new().route("/token", post(token)).with_state(google)
}

async fn token(State(google): State<Arc<Google>>, body: Bytes) -> Response {
    let form = |wanted: &str| {
        form_urlencoded::parse(&body).find_map(|(name, value)| (name == wanted).then(|| value.into_owned()))
    };
    if form("grant_type").as_deref() != Some(GRANT) {
        return refuse("unsupported_grant_type", "Invalid grant_type");
    }
    let assertion = match verify(&google, &form("assertion").unwrap_or_default()) {
        Ok(assertion) => assertion,
        Err(reason) => return refuse("invalid_grant", &reason),
    };
    match (assertion.text("target_audience"), assertion.text("scope")) {
        (Some(audience), _) => {
            let token = google.id_token(KEY_HOLDER, audience, true, Value::Null);
            let note = format!("assertion verified; ID token for {audience}, sub={}", KEY_HOLDER.unique_id);
            noted(note, Json(json!({ "id_token": token })))
        }
        (None, Some(scope)) if !scope.is_empty() => {
            let note = format!("assertion verified; access token for {}", KEY_HOLDER.email);
            noted(note, Json(google.access_token(KEY_HOLDER)))
        }
        _ => refuse("invalid_scope", "Invalid OAuth scope or ID token audience provided."),
    }
}

/// Verifies an assertion under the key of the key file.
fn verify(google: &Google, assertion: &str) -> Result<Jwt, String> {
    let jwt = Jwt::decode_padded(assertion).map_err(|error| format!("Invalid JWT: {error}"))?;
    if jwt.text("iss") != Some(KEY_HOLDER.email) {
        return Err("Invalid grant: account not found".to_owned());
    }
    if jwt.text("sub").is_some_and(|sub| sub != KEY_HOLDER.email) {
        return Err("Invalid grant: the account may not act for another".to_owned());
    }
    let published = json!({ "keys": [google.account_key.jwk()] });
    Jwks::from_value(&published).and_then(|keys| keys.verify(&jwt)).map_err(|error| match error {
        JwtError::Algorithm(_) => "Invalid JWT: unsupported algorithm".to_owned(),
        _ => "Invalid JWT Signature.".to_owned(),
    })?;
    if jwt.audiences() != [google.token_uri.as_str()] {
        return Err(format!("Invalid JWT: aud must be {}", google.token_uri));
    }
    let now = Timestamp::now().as_second();
    jwt.check_times(now).map_err(|error| format!("Invalid JWT: {error}"))?;
    let issued = jwt.seconds("iat").ok_or("Invalid JWT: iat is missing")?;
    let lives = jwt.seconds("exp").unwrap_or_default() - issued;
    if issued > now + 60 || lives > ASSERTION_SECONDS {
        return Err(
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
                .to_owned(),
        );
    }
    Ok(jwt)
}

fn refuse(error: &str, description: &str) -> Response {
    let body = json!({ "error": error, "error_description": description });
    noted(description, (StatusCode::BAD_REQUEST, Json(body)))
}
