//! EC2's instance metadata service, version 2 alone (EC2 user guide, "Use the Instance Metadata Service").

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{Account, Workload};
use crate::identity::{noted, random};

const TTL: &str = "x-aws-ec2-metadata-token-ttl-seconds";
const TOKEN: &str = "x-aws-ec2-metadata-token";

/// The longest life of a session token: six hours.
const LONGEST: i64 = 21_600;

pub(super) fn router(account: Arc<Account>) -> Router {
    Router::new()
        .route("/latest/api/token", put(token))
        .route("/latest/meta-data/iam/security-credentials/", get(roles))
        .route("/latest/meta-data/iam/security-credentials/{role}", get(credentials))
        .with_state(account)
}

/// A session token for as long as the header says. A request that has been forwarded is refused, as by EC2.
async fn token(State(account): State<Arc<Account>>, headers: HeaderMap) -> Response {
    if headers.contains_key("x-forwarded-for") {
        return refuse(StatusCode::FORBIDDEN, "forwarded requests get no token");
    }
    let seconds = headers.get(TTL).and_then(|value| value.to_str().ok()?.parse().ok());
    let Some(seconds @ 1..=LONGEST) = seconds else {
        return refuse(StatusCode::BAD_REQUEST, "the header with the token's TTL is missing or out of range");
    };
    let token = random::secret();
    let expires = Timestamp::now() + SignedDuration::from_secs(seconds);
    account.lock().instance_tokens.push((token.clone(), expires));
    noted(format!("session token for {seconds} s"), ([(TTL, seconds.to_string())], token))
}

async fn roles(State(account): State<Arc<Account>>, headers: HeaderMap) -> Response {
    match check(&account, &headers) {
        Some(refusal) => refusal,
        None if account.lock().instance_has_no_role => refuse(StatusCode::NOT_FOUND, "no instance profile"),
        None => noted("the instance's role", Workload::Instance.role()),
    }
}

async fn credentials(
    State(account): State<Arc<Account>>,
    Path(role): Path<String>,
    headers: HeaderMap,
) -> Response {
    if let Some(refusal) = check(&account, &headers) {
        return refusal;
    }
    if role != Workload::Instance.role() {
        return refuse(StatusCode::NOT_FOUND, "no such role");
    }
    let handed_out = account.hand_out(Workload::Instance);
    let note = format!("credentials for {}", Workload::Instance.role_arn());
    let time = |at: Timestamp| at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    noted(
        note,
        Json(json!({
            "Code": "Success",
            "LastUpdated": time(Timestamp::now()),
            "Type": "AWS-HMAC",
            "AccessKeyId": handed_out.access_key_id,
            "SecretAccessKey": handed_out.secret_access_key,
            "Token": handed_out.session_token,
            "Expiration": handed_out.expires.map(time),
        })),
    )
}

/// Why a request without a session token that is good now gets nothing.
fn check(account: &Account, headers: &HeaderMap) -> Option<Response> {
    let Some(given) = headers.get(TOKEN) else {
        return Some(refuse(StatusCode::UNAUTHORIZED, "no session token: version 1 is off"));
    };
    let now = Timestamp::now();
    let is_good = account
        .lock()
        .instance_tokens
        .iter()
        .any(|(token, expires)| token.as_bytes() == given.as_bytes() && *expires > now);
    (!is_good).then(|| refuse(StatusCode::UNAUTHORIZED, "the session token is not accepted"))
}

/// EC2 answers with a page, as any web server.
fn refuse(status: StatusCode, why: &str) -> Response {
    let page = format!("<?xml version=\"1.0\"?><html><head><title>{status}</title></head></html>");
    noted(why, (status, [("content-type", "text/html")], page).into_response())
}
