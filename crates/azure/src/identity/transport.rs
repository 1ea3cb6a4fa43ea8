use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, HttpClient, Method, Request, StatusCode};
use gatepass_core::client::{ServiceUrl, describe, excerpt, read_body};
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::event::MAX_BODY;
use gatepass_core::failure::{Class, Failure};
use reqwest::Client;

use super::PLACE;

/// IMDS's fixed address, which azure_identity has built in.
const IMDS: &str = "169.254.169.254";

const IMDS_PATH: &str = "/metadata/identity/oauth2/token";

/// Set in a function app that has an identity.
const FUNCTIONS_VARIABLE: &str = "IDENTITY_ENDPOINT";

/// What to do where nobody answers.
const ASSIGN: &str = "assign a managed identity to this function or container";

/// The Azure SDKs' name for another IMDS.
const IMDS_VARIABLE: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";

/// Our own HTTP client under azure_identity: no proxy, no redirects, one TLS stack, and IMDS where the environment says.
///
/// It remembers how the last try failed, because azure_identity does not tell.
pub(super) struct IdentityTransport {
    client: Client,
    imds: Option<ServiceUrl>,
    /// Where azure_identity asks in a function app.
    functions: Option<String>,
    last: Mutex<Option<Failure>>,
}

impl IdentityTransport {
    pub(super) fn new(client: Client, env: &Env) -> Result<Self, String> {
        let parse = |text| ServiceUrl::parse(text).map_err(|error| format!("{IMDS_VARIABLE}: {error}"));
        let functions = env.get(FUNCTIONS_VARIABLE).map(str::to_owned);
        Ok(Self {
            client,
            imds: env.get(IMDS_VARIABLE).map(parse).transpose()?,
            functions,
            last: Mutex::default(),
        })
    }

    /// Whether anybody answers there. No header that proves anything is sent, so any answer is a refusal, and will do.
    pub(super) async fn reach(&self, deadline: Deadline) -> Result<String, Failure> {
        let (url, what) = match (&self.functions, &self.imds) {
            (Some(url), _) => (url.clone(), "the identity endpoint of the function app"),
            (None, Some(imds)) => (format!("{}{IMDS_PATH}", imds.as_str()), "instance metadata (IMDS)"),
            (None, None) => (format!("http://{IMDS}{IMDS_PATH}"), "instance metadata (IMDS)"),
        };
        // Away from Azure, IMDS's address leads nowhere.
        let late = |_| Failure::refused(format!("{PLACE} did not answer in time; {ASSIGN}"));
        let asked =
            deadline.run(PLACE, async { Ok(self.client.get(url).send().await) }).await.map_err(late)?;
        asked.map_err(|error| Failure::refused(format!("{PLACE} {}; {ASSIGN}", describe(&error))))?;
        Ok(format!("azure: {what} answers"))
    }

    /// Before a call, so that no failure of an earlier one is taken for its own.
    pub(super) fn forget(&self) {
        self.remember(None);
    }

    /// How the last try since [`Self::forget`] failed; `None` when it was answered with 200, or not at all.
    pub(super) fn last_failure(&self) -> Option<Failure> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, failure: Option<Failure>) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = failure;
    }

    async fn send(&self, request: &Request) -> Result<(u16, Vec<u8>), Failure> {
        let url = request.url();
        let url = match &self.imds {
            Some(imds) if url.host_str() == Some(IMDS) => {
                let query = url.query().unwrap_or_default();
                format!("{}{}?{query}", imds.as_str(), url.path())
            }
            _ => url.to_string(),
        };
        let mut outgoing = self.client.get(url);
        for (name, value) in request.headers().iter() {
            outgoing = outgoing.header(name.as_str(), value.as_str());
        }
        let later = |why: String| {
            Failure::deferred(Duration::ZERO, format!("{PLACE} {why}; deliver the event again"))
        };
        let response = outgoing.send().await.map_err(|error| {
            let why = describe(&error);
            if error.is_connect() && !error.is_timeout() {
                Failure::refused(format!("{PLACE} {why}; {ASSIGN}"))
            } else {
                later(why)
            }
        })?;
        let status = response.status().as_u16();
        Ok((status, read_body(response, MAX_BODY).await.map_err(|error| later(error.to_string()))?))
    }
}

#[async_trait]
impl HttpClient for IdentityTransport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        if request.method() != Method::Get {
            return Err(azure_core::Error::with_message(
                ErrorKind::Other,
                "an identity endpoint is only read",
            ));
        }
        match self.send(request).await {
            Ok((status, body)) => {
                self.remember(judge(status, &body));
                Ok(AsyncRawResponse::from_bytes(StatusCode::from(status), Headers::new(), body))
            }
            Err(failure) => {
                // The one that is tried again, and one that is not.
                let kind = if failure.class == Class::Refused { ErrorKind::Other } else { ErrorKind::Io };
                self.remember(Some(failure.clone()));
                Err(azure_core::Error::new(kind, failure))
            }
        }
    }
}

/// What an answer other than 200 means. IMDS answers 404 and 410 while it is being updated.
fn judge(status: u16, body: &[u8]) -> Option<Failure> {
    let message = || format!("{PLACE} answered {status}: {}", excerpt(body));
    match status {
        200..=299 => None,
        404 | 410 | 429 | 500..=599 => Some(Failure::deferred(Duration::ZERO, message())),
        _ => Some(Failure::refused(format!(
            "{}; check the identity that is assigned, AZURE_CLIENT_ID, and id_token.azure in gatepass.yaml",
            message()
        ))),
    }
}

impl fmt::Debug for IdentityTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityTransport").field("imds", &self.imds).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn where_nobody_ever_answers_an_identity_is_missing() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/msi/token", silent.local_addr().unwrap());
        let client = gatepass_core::client::Clients::new(None).unwrap().identity;
        let transport =
            IdentityTransport::new(client, &Env::from_iter([(FUNCTIONS_VARIABLE, url.as_str())])).unwrap();
        let failure = transport.reach(Deadline::after(Duration::from_millis(50))).await.unwrap_err();
        assert!(failure.message.ends_with(&format!("did not answer in time; {ASSIGN}")), "{failure}");
    }
}
