//! One exchange, in the server's checking order.

use std::sync::atomic::Ordering;

use axum::Extension;
use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use gatepass_policy::{Claims, Grant, Scope, TrustPolicy};
use http::{HeaderMap, Method, StatusCode, header};
use serde_json::json;

use super::Desk;
use super::bearer;
use super::parameters::Parameters;
use super::policies;
use super::row::{Refusal, Row, grpc_error};
use super::trusted_issuers;
use crate::github::{InstallationToken, MintError, Permissions, Reach};
use crate::trace::Note;

/// `GET` and `POST /sts/exchange`.
pub(crate) async fn exchange(
    State(desk): State<Desk>,
    method: Method,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if method != Method::GET && method != Method::POST {
        return grpc_error(StatusCode::NOT_IMPLEMENTED, 12, "Method Not Allowed");
    }
    if let Some(row) = desk.lock().provoked.pop_front() {
        return row.because("provoked").into_response();
    }
    match trade(&desk, query.as_deref(), &headers, &body).await {
        Ok((token, note)) => {
            let answer = json!({ "token": token.expose(), "refreshToken": "", "expiry": null });
            let json = [(header::CONTENT_TYPE, "application/json")];
            (Extension(note), json, answer.to_string()).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

async fn trade(
    desk: &Desk,
    query: Option<&str>,
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<(InstallationToken, Note), Refusal> {
    let Parameters { scope, identity } = Parameters::read(query, headers, body)?;
    let jwt = bearer::verify(headers, &desk.client).await?;
    if scope.is_empty() {
        return Err(Row::NoScope.into());
    }
    if identity.is_empty() {
        return Err(Row::NoIdentity.into());
    }
    let owner = scope.rsplit_once('/').map_or(scope.as_str(), |(owner, _)| owner);
    let parsed: Result<Scope, _> = scope.parse();
    if let Ok(scope) = &parsed {
        policies::refuse_known_missing(&desk.lock().memory, &desk.github, scope, &identity)?;
    }
    if !desk.github.is_installed(owner) {
        return Err(Row::NotInstalled(owner.to_owned()).into());
    }
    let claims = Claims::new(jwt.claims().clone());
    let remark = trusted_issuers::check(&mut desk.lock().memory, &desk.github, owner, claims.issuer())?;
    let scope = parsed.map_err(|error| Row::PolicyMissing(identity.clone()).because(error))?;
    match admit(desk, &scope, &identity, &claims) {
        Ok((token, note)) => {
            let notes: Vec<String> = [note].into_iter().chain(remark).collect();
            Ok((token, Note::new(notes.join("; "))))
        }
        Err(refusal) => Err(refusal.noting(remark.as_deref())),
    }
}

fn admit(
    desk: &Desk,
    scope: &Scope,
    identity: &str,
    claims: &Claims,
) -> Result<(InstallationToken, String), Refusal> {
    let policy = policies::find(&mut desk.lock().memory, &desk.github, scope, identity)?;
    policies::judge(&policy, claims, &desk.settings.domain)?;

    let bot = desk.next_bot(&policy);
    let token = mint(desk, scope, &policy, &bot)?;
    let granted: Vec<_> = policy.permissions.iter().map(|(name, level)| format!("{name}={level}")).collect();
    let note = format!(
        "policy {} admits {}, {} as {bot}",
        scope.locate(identity),
        claims.subject(),
        granted.join(" ")
    );
    Ok((token, note))
}

fn mint(desk: &Desk, scope: &Scope, policy: &TrustPolicy, bot: &str) -> Result<InstallationToken, Refusal> {
    let permissions =
        Permissions::new(&policy.permissions).map_err(|refused| Row::Permissions.because(refused))?;
    let reach = match scope.grant(policy) {
        Grant::Every => Reach::All,
        Grant::Only(names) => Reach::Only(names.into_iter().collect()),
    };
    desk.github.mint(scope.owner(), reach, permissions, bot).map_err(|error| {
        let row = match error {
            MintError::NoSuchRepository(_) | MintError::Permissions(_) => Row::Permissions,
            MintError::NotInstalled(_) | MintError::NoRandomness => Row::Minting,
        };
        row.because(error)
    })
}

impl Desk {
    /// The hosted service's Apps take turns; only policies with `checks: write` stay with one.
    fn next_bot(&self, policy: &TrustPolicy) -> String {
        let sticky = policy.permissions.get("checks").is_some_and(|level| level == "write");
        let turn = if sticky { 0 } else { self.turns.fetch_add(1, Ordering::SeqCst) };
        let bots = &self.settings.bots;
        bots.get(turn % bots.len().max(1)).cloned().unwrap_or_else(|| "octo-sts[bot]".to_owned())
    }
}
