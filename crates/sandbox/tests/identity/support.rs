//! What the tests share.

use gatepass_sandbox::hosts::{HttpAnswer, HttpCall};
use gatepass_sandbox::http_client::LoopbackClient;
use gatepass_sandbox::issuer::Issuer;
use gatepass_sandbox::jwt::{Jwks, Jwt};
use gatepass_sandbox::trace::Trace;
use serde_json::Value;

pub(crate) async fn send(base: &str, call: HttpCall) -> HttpAnswer {
    call.send(&LoopbackClient::new().unwrap(), base).await.unwrap()
}

/// The claims of `token`, verified with what the issuer publishes over HTTP, as a relying party does.
pub(crate) async fn verified(issuer: &Issuer, token: &str) -> Value {
    let jwt = Jwt::decode(token).unwrap();
    assert_eq!(jwt.text("iss"), Some(issuer.url()));
    let base = issuer.url().trim_end_matches('/');
    let discovery = send(base, HttpCall::get("/.well-known/openid-configuration")).await.json();
    assert_eq!(discovery["issuer"], issuer.url());
    let keys = send(discovery["jwks_uri"].as_str().unwrap(), HttpCall::get("")).await.json();
    Jwks::from_value(&keys).unwrap().verify(&jwt).unwrap();
    jwt.check_times(jiff::Timestamp::now().as_second()).unwrap();
    Value::Object(jwt.claims().clone())
}

/// The remarks of one service, and the certainty that no token is in any of them.
pub(crate) fn notes(trace: &Trace, service: &str) -> Vec<String> {
    let shown = trace.to_string();
    assert!(!shown.contains("eyJ") && !shown.contains("ya29."), "{shown}");
    trace.hops_of(service).into_iter().map(|hop| hop.note.unwrap_or_default()).collect()
}
