//! Which entry of `callers` somebody is.

use http::HeaderMap;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::bearer;
use super::jwt::{SIGNATURE_REMOVED, SIGNATURE_REMOVED_HINT, Unverified};
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

/// What a request without a token of its own needs.
const ONE_TOKEN: &str = "exactly one Authorization: Bearer header with an OIDC token is needed";

/// An entry of `callers`.
#[derive(Clone, Copy, Debug)]
pub struct Candidate<'a> {
    /// Its name in the file.
    pub name: &'a CallerName,
    /// What it may do.
    pub caller: &'a Caller,
}

impl<'a> From<(&'a CallerName, &'a Caller)> for Candidate<'a> {
    fn from((name, caller): (&'a CallerName, &'a Caller)) -> Self {
        Self { name, caller }
    }
}

/// Everybody that the sender of one request is: several entries of the file may fit it, as every `host` caller does.
#[derive(Debug)]
pub struct Verified<'a> {
    /// The candidate that comes first.
    pub first: Candidate<'a>,
    others: Vec<Candidate<'a>>,
    undecided: Option<Failure>,
}

impl<'a> Verified<'a> {
    /// All of them, in the order of the candidates.
    pub fn all(&self) -> impl Iterator<Item = Candidate<'a>> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }

    /// The first of them that `may`.
    ///
    /// # Errors
    /// Deferred when it is not known of every candidate whether it sent this, else what `forbidden` says.
    pub fn who(
        &self,
        may: impl Fn(&Caller) -> bool,
        forbidden: impl FnOnce(&Self) -> Failure,
    ) -> Result<Candidate<'a>, Failure> {
        match self.all().find(|candidate| may(candidate.caller)) {
            Some(candidate) => Ok(candidate),
            None => Err(self.undecided.clone().unwrap_or_else(|| forbidden(self))),
        }
    }
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

    /// Finds which of the `candidates` sent this request: all that fit.
    ///
    /// # Errors
    /// Unauthenticated when it was none of them: then the answer tells a stranger nothing of the file, and the details
    /// hold what is wrong for whom. Deferred when it may be one of them whose issuer's keys cannot be had now.
    pub async fn verify<'a>(
        &self,
        candidates: &[Candidate<'a>],
        headers: &HeaderMap,
        host: HostCheck,
        deadline: Deadline,
    ) -> Result<Verified<'a>, Failure> {
        let (mut fitting, mut reasons, mut undecided) = (Vec::new(), Vec::new(), None);
        for &candidate in candidates {
            let Candidate { name, caller } = candidate;
            let result = match &caller.oidc {
                Some(oidc) => self.verify_oidc(oidc, headers, deadline).await,
                None if caller.host && host == HostCheck::Passed => Ok(()),
                None => Err(Failure::unauthenticated(
                    "the platform has not checked this request; let it require authentication (on Lambda, the authorizer AWS_IAM)",
                )),
            };
            match result {
                Ok(()) => fitting.push(candidate),
                Err(failure) if failure.class.status() == 401 => {
                    reasons.push(format!("{name}: {}", failure.message));
                }
                Err(failure) => undecided = undecided.or(Some(failure)),
            }
        }
        let mut fitting = fitting.into_iter();
        match (fitting.next(), undecided) {
            (Some(first), undecided) => Ok(Verified { first, others: fitting.collect(), undecided }),
            (None, Some(failure)) => Err(failure),
            (None, None) => Err(refusal(candidates, &reasons, headers)),
        }
    }

    async fn verify_oidc(
        &self,
        oidc: &OidcCaller,
        headers: &HeaderMap,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let untrusted =
            |why: &str| Failure::unauthenticated(format!("the OIDC token is not accepted: {why}"));
        let token = bearer(headers).ok_or_else(|| Failure::unauthenticated(ONE_TOKEN))?;
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

/// What a stranger hears. Only the two mistakes of a caller's own that betray nothing are named.
fn refusal(candidates: &[Candidate<'_>], reasons: &[String], headers: &HeaderMap) -> Failure {
    let takes_tokens = candidates.iter().any(|candidate| candidate.caller.oidc.is_some());
    let hint = match bearer(headers) {
        None => Some(ONE_TOKEN),
        Some(token) if token.rsplit('.').next() == Some(SIGNATURE_REMOVED) => Some(SIGNATURE_REMOVED_HINT),
        Some(_) => None,
    };
    let message = match hint.filter(|_| takes_tokens) {
        Some(hint) => format!("this request is not accepted: {hint}"),
        None => "this request is not accepted; the log says why: compare it with the callers of this route in gatepass.yaml".into(),
    };
    let details = match reasons {
        [] => "no caller may send this; add one to callers in gatepass.yaml".into(),
        reasons => reasons.join("; "),
    };
    Failure::unauthenticated(message).with_details(details)
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
