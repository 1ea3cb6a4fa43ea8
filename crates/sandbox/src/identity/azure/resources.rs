//! What a token for a resource looks like: the resource's application decides, not the caller.

use serde_json::{Value, json};

use super::{ManagedIdentity, TENANT, Tenant};
use crate::identity::random;
use crate::issuer::timed;

/// Tokens of managed identities live a day, in seconds.
const TOKEN_SECONDS: i64 = 86_400;

/// `requestedAccessTokenVersion` of an app registration; absent counts as version 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `iss` is `https://sts.windows.net/<tenant>/`, `aud` the App ID URI that was asked for.
    One,
    /// `iss` is `https://login.microsoftonline.com/<tenant>/v2.0`, `aud` the app's client id.
    Two,
}

/// An application for which tokens can be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AppRegistration {
    /// The App ID URI: the `resource` to ask for.
    pub id_uri: &'static str,
    /// The application id.
    pub client_id: &'static str,
    /// The version of its tokens.
    pub version: Version,
}

/// Microsoft's own application for federated credentials, present in every tenant.
pub const TOKEN_EXCHANGE: AppRegistration = AppRegistration {
    id_uri: "api://AzureADTokenExchange",
    client_id: "fb60f99c-7a34-4190-8149-302f77469936",
    version: Version::Two,
};

/// A registration of the tenant's own, with version 2 tokens.
pub const APP_V2: AppRegistration = AppRegistration {
    id_uri: "api://gatepass",
    client_id: "3f0c9a1e-5d2b-4c7e-8f6a-1b2c3d4e5f77",
    version: Version::Two,
};

/// A registration of the tenant's own, with version 1 tokens.
pub const APP_V1: AppRegistration = AppRegistration {
    id_uri: "api://gatepass-v1",
    client_id: "9d8c7b6a-5e4f-4d3c-9b2a-1f0e9d8c7b88",
    version: Version::One,
};

/// Azure Storage, present in every tenant.
pub const STORAGE: AppRegistration = AppRegistration {
    id_uri: "https://storage.azure.com",
    client_id: "e406a681-f3d4-42a8-90b6-c2b029497af1",
    version: Version::One,
};

/// The application that `resource` names, by App ID URI or client id.
pub(super) fn registered(resource: &str) -> Option<AppRegistration> {
    let resource = resource.trim_end_matches('/');
    let named = |app: &AppRegistration| app.id_uri == resource || app.client_id == resource;
    [TOKEN_EXCHANGE, STORAGE, APP_V2, APP_V1].into_iter().find(named)
}

/// What Entra says of a resource that no application of the tenant bears, such as a URL on somebody's domain.
pub(super) fn not_found(resource: &str) -> String {
    format!(
        "AADSTS500011: The resource principal named {resource} was not found in the tenant named {TENANT}. This can \
         happen if the application has not been installed by the administrator of the tenant or consented to by any \
         user in the tenant. You might have sent your authentication request to the wrong tenant."
    )
}

/// A token of `identity` for `app`, asked for as `resource`, and when it ends.
pub(super) fn token(
    tenant: &Tenant,
    app: AppRegistration,
    resource: &str,
    identity: ManagedIdentity,
) -> (String, i64) {
    let (issuer, claims) = match app.version {
        Version::Two => (
            &tenant.v2,
            json!({
                "aud": app.client_id,
                "azp": identity.client_id,
                "azpacr": "2",
                "ver": "2.0",
            }),
        ),
        Version::One => (
            &tenant.v1,
            json!({
                "aud": resource,
                "appid": identity.client_id,
                "appidacr": "2",
                "idp": tenant.v1.url(),
                "ver": "1.0",
            }),
        ),
    };
    let mut claims = timed(issuer.url(), TOKEN_SECONDS, claims);
    let issued = claims.get("iat").cloned().unwrap_or_default();
    let expires = claims.get("exp").and_then(Value::as_i64).unwrap_or_default();
    if let Some(claims) = claims.as_object_mut() {
        for (name, value) in [
            ("nbf", issued),
            ("oid", json!(identity.principal_id)),
            ("sub", json!(identity.principal_id)),
            ("tid", json!(TENANT)),
            ("uti", json!(random::key_id(22))),
            ("xms_mirid", json!(identity.resource_id)),
        ] {
            claims.insert(name.to_owned(), value);
        }
    }
    (issuer.mint(&claims), expires)
}
