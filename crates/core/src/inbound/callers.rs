//! Which entry of `callers` somebody is.

use std::collections::BTreeMap;

use http::HeaderMap;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::bearer;
use super::jwt::Unverified;
use super::keys::KeyStore;
use crate::config::{Caller, OidcCaller};
use crate::deadline::Deadline;
use crate::failure::Failure;
use crate::names::CallerName;

/// What the platform has found out about whoever sent a request, before the request arrived here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostCheck {
    /// The platform lets nobody in whom it has not checked: private Cloud Run, a function key, Lambda's IAM.
    Passed,
    /// This request was not checked, as on a Function URL without IAM.
    Missing,
}

/// A caller that has been verified.
#[derive(Clone, Copy, Debug)]
pub struct Verified<'a> {
    /// Its name in the file.
    pub name: &'a CallerName,
    /// What it may do.
    pub caller: &'a Caller,
}

/// Verifies callers.
#[derive(Debug)]
pub struct Door {
    keys: KeyStore,
}

impl Door {
    /// With no keys fetched yet.
    pub fn new(keys: KeyStore) -> Self {
        Self { keys }
    }

    /// Finds which of the `candidates` sent this request.
    ///
    /// # Errors
    /// Unauthenticated when it was none of them; Deferred when an issuer's keys cannot be had now.
    pub async fn verify<'a>(
        &self,
        candidates: &BTreeMap<&'a CallerName, &'a Caller>,
        headers: &HeaderMap,
        host: HostCheck,
        deadline: Deadline,
    ) -> Result<Verified<'a>, Failure> {
        let mut reasons = Vec::new();
        for (&name, &caller) in candidates {
            let result = match &caller.oidc {
                Some(oidc) => self.verify_oidc(oidc, headers, deadline).await,
                None if caller.host && host == HostCheck::Passed => Ok(()),
                None => Err(Failure::unauthenticated(
                    "the platform has not checked this request; let it require authentication (on Lambda, the authorizer AWS_IAM)",
                )),
            };
            match result {
                Ok(()) => return Ok(Verified { name, caller }),
                Err(failure) if failure.class.status() == 401 => {
                    reasons.push(format!("{name}: {}", failure.message));
                }
                Err(failure) => return Err(failure),
            }
        }
        if reasons.is_empty() {
            return Err(Failure::unauthenticated(
                "no caller may send this; add one to callers in gatepass.yaml",
            ));
        }
        Err(Failure::unauthenticated(format!(
            "not accepted as any caller of this route ({}); compare the request with its callers in gatepass.yaml",
            reasons.join("; ")
        )))
    }

    async fn verify_oidc(
        &self,
        oidc: &OidcCaller,
        headers: &HeaderMap,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let untrusted =
            |why: &str| Failure::unauthenticated(format!("the OIDC token is not accepted: {why}"));
        let token = bearer(headers).ok_or_else(|| {
            Failure::unauthenticated("exactly one Authorization: Bearer header with an OIDC token is needed")
        })?;
        let token = Unverified::read(token).map_err(untrusted)?;
        // Before any key is fetched: a stranger's token must not make us ask anybody.
        if token.issuer() != Some(oidc.issuer.as_str()) {
            return Err(untrusted("it is from another issuer"));
        }
        let key = self.keys.key(&oidc.issuer, token.kid.as_deref(), deadline).await?;
        let key = key.ok_or_else(|| untrusted("its issuer has no such key"))?;
        let claims = token.verify(&key, Timestamp::now()).map_err(untrusted)?;
        check_claims(oidc, &claims).map_err(untrusted)
    }
}

fn check_claims(oidc: &OidcCaller, claims: &Map<String, Value>) -> Result<(), &'static str> {
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    let wanted = |audience: &str| oidc.audience.iter().any(|known| known.as_str() == audience);
    let for_us = match claims.get("aud") {
        Some(Value::String(audience)) => wanted(audience),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).any(wanted),
        _ => false,
    };
    if !for_us {
        return Err("it is for another audience");
    }
    if oidc.subject.as_deref().is_some_and(|subject| text("sub") != Some(subject)) {
        return Err("it is for another subject");
    }
    if let Some(email) = &oidc.email {
        if text("email") != Some(email) {
            return Err("it is for another e-mail address");
        }
        if claims.get("email_verified") != Some(&Value::Bool(true)) {
            return Err("its e-mail address is not verified");
        }
    }
    if oidc.subject.is_none() && oidc.email.is_none() {
        return Err("neither subject nor e-mail is pinned");
    }
    Ok(())
}
