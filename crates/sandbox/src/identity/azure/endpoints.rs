//! The Functions identity endpoint (App Service, api-version 2019-08-01) and IMDS.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::{Assigned, ManagedIdentity, SYSTEM, Tenant, USER_ASSIGNED, resources};
use crate::identity::{noted, random};

type Parameters = HashMap<String, String>;

/// The versions of IMDS that give tokens here; the facts' and the one `azure_identity` sends.
const IMDS_VERSIONS: [&str; 3] = ["2018-02-01", "2019-08-01", "2021-02-01"];

pub(super) fn functions(tenant: Arc<Tenant>) -> Router {
    Router::new().route("/msi/token", get(functions_token)).with_state(tenant)
}

pub(super) fn imds(tenant: Arc<Tenant>) -> Router {
    Router::new().route("/metadata/identity/oauth2/token", get(imds_token)).with_state(tenant)
}

async fn functions_token(
    State(tenant): State<Arc<Tenant>>,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
) -> Response {
    let refuse = |status: StatusCode, message: &str| {
        let body =
            json!({ "statusCode": status.as_u16(), "message": message, "correlationId": random::uuid() });
        noted(message, (status, Json(body)))
    };
    match headers.get("x-identity-header").map(|value| value.as_bytes()) {
        None => return refuse(StatusCode::UNAUTHORIZED, "The X-IDENTITY-HEADER header is missing."),
        Some(given) if given != tenant.identity_header.as_bytes() => {
            return refuse(StatusCode::UNAUTHORIZED, "The X-IDENTITY-HEADER header is not accepted.");
        }
        Some(_) => {}
    }
    if parameters.get("api-version").map(String::as_str) != Some("2019-08-01") {
        return refuse(StatusCode::BAD_REQUEST, "Unsupported api-version; 2019-08-01 is supported.");
    }
    match issue(&tenant, &parameters, ["client_id", "principal_id", "object_id", "mi_res_id"]) {
        Ok(issued) => issued.answer("X-IDENTITY-HEADER accepted", json!({})),
        Err(Refused::Resource(reason)) => refuse(StatusCode::BAD_REQUEST, &reason),
        Err(Refused::Identity(reason)) => refuse(StatusCode::BAD_REQUEST, reason),
    }
}

async fn imds_token(
    State(tenant): State<Arc<Tenant>>,
    headers: HeaderMap,
    Query(parameters): Query<Parameters>,
) -> Response {
    let refuse = |error: &str, description: &str| {
        let body = json!({ "error": error, "error_description": description });
        noted(description, (StatusCode::BAD_REQUEST, Json(body)))
    };
    if headers.contains_key("x-forwarded-for") {
        return refuse("invalid_request", "Proxied requests are not accepted: X-Forwarded-For is present");
    }
    let metadata = headers.get("metadata").and_then(|value| value.to_str().ok());
    if !metadata.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return refuse("bad_request_102", "Required metadata header not specified");
    }
    let version = parameters.get("api-version").map(String::as_str).unwrap_or_default();
    if !IMDS_VERSIONS.contains(&version) {
        return refuse("invalid_request", "Required query variable 'api-version' is missing or unsupported");
    }
    match issue(&tenant, &parameters, ["client_id", "object_id", "msi_res_id", "mi_res_id"]) {
        Ok(issued) => issued.answer("Metadata header accepted", json!({ "refresh_token": "" })),
        Err(Refused::Resource(reason)) => refuse("invalid_resource", &reason),
        Err(Refused::Identity(reason)) => refuse("invalid_request", reason),
    }
}

struct Issued {
    token: String,
    expires: i64,
    resource: String,
    identity: ManagedIdentity,
}

impl Issued {
    fn answer(self, how: &str, more: Value) -> Response {
        let note = format!("{how}; token for {}, sub={}", self.resource, self.identity.principal_id);
        let mut body = json!({
            "access_token": self.token,
            "expires_on": self.expires.to_string(),
            "resource": self.resource,
            "token_type": "Bearer",
            "client_id": self.identity.client_id,
        });
        if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
            body.extend(more);
        }
        noted(note, Json(body))
    }
}

enum Refused {
    Resource(String),
    Identity(&'static str),
}

/// The token asked for; `names` are the parameters by which this endpoint lets an identity be named.
fn issue(tenant: &Tenant, parameters: &Parameters, names: [&str; 4]) -> Result<Issued, Refused> {
    let identity = identity(*tenant.lock(), parameters, names).map_err(Refused::Identity)?;
    let resource = parameters.get("resource").map(String::as_str).unwrap_or_default();
    if resource.is_empty() {
        return Err(Refused::Resource("Required query variable 'resource' is missing".to_owned()));
    }
    let app =
        resources::registered(resource).ok_or_else(|| Refused::Resource(resources::not_found(resource)))?;
    let (token, expires) = resources::token(tenant, app, resource, identity);
    Ok(Issued { token, expires, resource: resource.to_owned(), identity })
}

fn identity(
    assigned: Assigned,
    parameters: &Parameters,
    names: [&str; 4],
) -> Result<ManagedIdentity, &'static str> {
    let mut named = names.into_iter().filter_map(|name| Some((name, parameters.get(name)?)));
    let (name, id) = match (named.next(), named.next()) {
        (Some(one), None) => one,
        (Some(_), Some(_)) => return Err("More than one identity is named in the request"),
        (None, _) => {
            return match assigned {
                Assigned::System => Ok(SYSTEM),
                Assigned::User => {
                    Err("Multiple user assigned identities may exist, please specify the clientId / \
                                       resourceId of the identity in the token request")
                }
                Assigned::None => Err("Identity not found: no managed identity is assigned to this resource"),
            };
        }
    };
    let identity = match assigned {
        Assigned::System => SYSTEM,
        Assigned::User => USER_ASSIGNED,
        Assigned::None => return Err("Identity not found: no managed identity is assigned to this resource"),
    };
    let expected = match name {
        "client_id" => identity.client_id,
        "principal_id" | "object_id" => identity.principal_id,
        _ => identity.resource_id,
    };
    match id.eq_ignore_ascii_case(expected) {
        true => Ok(identity),
        false => {
            Err("Identity not found: no User Assigned or Delegated Managed Identity found for specified \
                      ClientId/ResourceId/PrincipalId.")
        }
    }
}
