//! Google Cloud: the metadata server of a service, IAM credentials, the OAuth token endpoint, Google's issuer.

mod iam;
mod metadata;
mod oauth;

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Json;
use axum::response::Response;
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{Environment, Service, environment, noted, random};
use crate::issuer::{Issuer, Key, SigningKey, timed};
use crate::server::Bound;
use crate::trace::Trace;

/// The project everything runs in.
pub const PROJECT: &str = "acme-sandbox";
/// The project's number.
pub const PROJECT_NUMBER: u64 = 210_987_654_321;
/// The Cloud Run service.
pub const SERVICE: &str = "gatepass";

const TOKEN_SECONDS: i64 = 3600;

/// A service account. Its unique id, not its e-mail, is the `sub` of its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceAccount {
    /// The e-mail address.
    pub email: &'static str,
    /// 21 digits, which do not fit into a number that a YAML reader keeps exact.
    pub unique_id: &'static str,
}

/// The account the service runs as.
pub const WORKLOAD: ServiceAccount = ServiceAccount {
    email: "gatepass@acme-sandbox.iam.gserviceaccount.com",
    unique_id: "107691502847365910284",
};
/// The account whose token Cloud Scheduler sends.
pub const SCHEDULER: ServiceAccount = ServiceAccount {
    email: "scheduler@acme-sandbox.iam.gserviceaccount.com",
    unique_id: "112233445566778899001",
};
/// The account whose token Pub/Sub sends with what it pushes.
pub const PUBSUB_PUSHER: ServiceAccount = ServiceAccount {
    email: "pubsub-push@acme-sandbox.iam.gserviceaccount.com",
    unique_id: "115566778899001122334",
};
/// An account with a key file, for programs off the platform, which may impersonate [`WORKLOAD`].
pub const KEY_HOLDER: ServiceAccount = ServiceAccount {
    email: "laptop@acme-sandbox.iam.gserviceaccount.com",
    unique_id: "109876543210987654321",
};

/// The Google side of the sandbox.
#[derive(Debug)]
pub struct Gcp {
    /// `metadata.google.internal`.
    pub metadata: Service,
    /// `iamcredentials.googleapis.com`.
    pub iam_credentials: Service,
    /// `oauth2.googleapis.com`.
    pub oauth: Service,
    /// `accounts.google.com`: the issuer's discovery document and keys.
    pub openid: Service,
    google: Arc<Google>,
}

/// What the servers share.
struct Google {
    issuer: Issuer,
    /// The key of [`KEY_HOLDER`]'s key file.
    account_key: SigningKey,
    token_uri: String,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    access_tokens: Vec<AccessToken>,
    deny_impersonation: bool,
}

struct AccessToken {
    text: String,
    account: ServiceAccount,
    expires: Timestamp,
}

impl fmt::Debug for Google {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Google").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl Google {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An OAuth access token: opaque, known to the other servers.
    fn access_token(&self, account: ServiceAccount) -> Value {
        let text = format!("ya29.{}", random::secret());
        let expires = Timestamp::now() + SignedDuration::from_secs(TOKEN_SECONDS);
        self.lock().access_tokens.push(AccessToken { text: text.clone(), account, expires });
        json!({ "access_token": text, "expires_in": TOKEN_SECONDS - 1, "token_type": "Bearer" })
    }

    /// Whose access token this is, if it is one and has not ended.
    fn holder(&self, token: &str) -> Option<ServiceAccount> {
        let state = self.lock();
        let known = state.access_tokens.iter().find(|known| known.text == token)?;
        (known.expires > Timestamp::now()).then_some(known.account)
    }

    /// An ID token as Google mints it. The e-mail stands in it only when asked for.
    fn id_token(&self, account: ServiceAccount, audience: &str, with_email: bool, more: Value) -> String {
        let mut claims = Map::new();
        claims.insert("aud".to_owned(), json!(audience));
        claims.insert("azp".to_owned(), json!(account.unique_id));
        claims.insert("sub".to_owned(), json!(account.unique_id));
        if with_email {
            claims.insert("email".to_owned(), json!(account.email));
            claims.insert("email_verified".to_owned(), json!(true));
        }
        if let Value::Object(more) = more {
            claims.extend(more);
        }
        self.issuer.mint(&timed(self.issuer.url(), TOKEN_SECONDS, Value::Object(claims)))
    }
}

/// The accounts and their tokens, for a service that checks or mints them.
#[derive(Clone, Debug)]
pub(crate) struct Accounts(Arc<Google>);

impl Accounts {
    /// Whose access token this is, if it is one and has not ended.
    pub(crate) fn holder(&self, token: &str) -> Option<ServiceAccount> {
        self.0.holder(token)
    }

    /// An ID token of `account` with its e-mail, for `audience`.
    pub(crate) fn mint(&self, account: ServiceAccount, audience: &str) -> String {
        self.0.id_token(account, audience, true, Value::Null)
    }
}

impl Gcp {
    /// Starts the four servers.
    ///
    /// # Errors
    /// What the operating system says when no port can be bound.
    pub async fn start(trace: Trace) -> io::Result<Self> {
        let (openid, oauth) = (Bound::bind(0).await?, Bound::bind(0).await?);
        let issuer = Issuer::new(format!("{}/google", openid.url()), Key::Google);
        let issuer_router = issuer.router();
        let google = Arc::new(Google {
            issuer,
            account_key: Key::ServiceAccount.load(),
            token_uri: format!("{}/token", oauth.url()),
            state: Mutex::default(),
        });
        let metadata = metadata::router(Arc::clone(&google));
        let iam = iam::router(Arc::clone(&google));
        let token = oauth::router(Arc::clone(&google));
        Ok(Self {
            metadata: Service::serve(Bound::bind(0).await?, "gcp-metadata", metadata, trace.clone()),
            iam_credentials: Service::serve(Bound::bind(0).await?, "gcp-iamcredentials", iam, trace.clone()),
            oauth: Service::serve(oauth, "gcp-oauth", token, trace.clone()),
            openid: Service::serve(openid, "google-issuer", issuer_router, trace),
            google,
        })
    }

    /// Google's issuer; really `https://accounts.google.com`.
    pub fn issuer(&self) -> &Issuer {
        &self.google.issuer
    }

    /// The `sub` of the service's tokens: its account's unique id.
    pub fn subject(&self) -> &'static str {
        WORKLOAD.unique_id
    }

    /// For a service beside these.
    pub(crate) fn accounts(&self) -> Accounts {
        Accounts(Arc::clone(&self.google))
    }

    /// What Cloud Run sets, and where the metadata server is; less `PORT`, which is the host's.
    pub fn env(&self) -> Environment {
        environment([
            ("GCE_METADATA_HOST", self.metadata.authority().to_owned()),
            ("K_CONFIGURATION", SERVICE.to_owned()),
            ("K_REVISION", format!("{SERVICE}-00001-abc")),
            ("K_SERVICE", SERVICE.to_owned()),
        ])
    }

    /// An ID token of `account` with its e-mail, for `audience`.
    pub fn mint(&self, account: ServiceAccount, audience: &str) -> String {
        self.accounts().mint(account, audience)
    }

    /// The token Cloud Scheduler sends when `audience` is configured.
    pub fn mint_scheduler_token(&self, audience: &str) -> String {
        self.mint(SCHEDULER, audience)
    }

    /// Makes IAM refuse, or allow again, that [`KEY_HOLDER`] gets ID tokens of [`WORKLOAD`].
    pub fn deny_impersonation(&self, deny: bool) {
        self.google.lock().deny_impersonation = deny;
    }

    /// Ends every access token handed out so far.
    pub fn forget_access_tokens(&self) {
        self.google.lock().access_tokens.clear();
    }

    /// The key file of [`KEY_HOLDER`] in Google's format; `token_uri` leads to [`Gcp::oauth`].
    pub fn service_account_key_json(&self) -> String {
        let key = &self.google.account_key;
        json!({
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": key.kid(),
            "private_key": key.private_pem(),
            "client_email": KEY_HOLDER.email,
            "client_id": KEY_HOLDER.unique_id,
            "auth_uri": format!("{}/o/oauth2/auth", self.openid.url()),
            "token_uri": self.google.token_uri,
            "universe_domain": "googleapis.com",
        })
        .to_string()
    }
}

/// An error of a Google API (AIP-193).
pub(crate) fn api_error(status: StatusCode, reason: &str, message: &str) -> Response {
    let body = json!({ "error": { "code": status.as_u16(), "message": message, "status": reason } });
    noted(message, (status, Json(body)))
}
