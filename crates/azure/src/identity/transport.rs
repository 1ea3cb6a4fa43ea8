use std::fmt;

use async_trait::async_trait;
use azure_core::error::ErrorKind;
use azure_core::http::headers::Headers;
use azure_core::http::{AsyncRawResponse, HttpClient, Method, Request, StatusCode};
use gatepass_core::client::{ServiceUrl, describe, read_body};
use gatepass_core::env::Env;
use reqwest::Client;

/// IMDS's fixed address, which azure_identity has built in.
const IMDS: &str = "169.254.169.254";

/// The Azure SDKs' name for another IMDS.
const IMDS_VARIABLE: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";

/// Our own HTTP client under azure_identity: no proxy, no redirects, one TLS stack, and IMDS where the environment says.
pub(super) struct IdentityTransport {
    client: Client,
    imds: Option<ServiceUrl>,
}

impl IdentityTransport {
    pub(super) fn new(client: Client, env: &Env) -> Result<Self, String> {
        let parse = |text| ServiceUrl::parse(text).map_err(|error| format!("{IMDS_VARIABLE}: {error}"));
        Ok(Self { client, imds: env.get(IMDS_VARIABLE).map(parse).transpose()? })
    }
}

#[async_trait]
impl HttpClient for IdentityTransport {
    async fn execute_request(&self, request: &Request) -> azure_core::Result<AsyncRawResponse> {
        let failed = |kind, message: String| azure_core::Error::with_message(kind, message);
        if request.method() != Method::Get {
            return Err(failed(ErrorKind::Other, "an identity endpoint is only read".into()));
        }
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
        let response = outgoing.send().await.map_err(|error| {
            let kind = if error.is_connect() { ErrorKind::Connection } else { ErrorKind::Io };
            failed(kind, describe(&error))
        })?;
        let status = StatusCode::from(response.status().as_u16());
        let body = read_body(response).await.map_err(|error| failed(ErrorKind::Io, error))?;
        Ok(AsyncRawResponse::from_bytes(status, Headers::new(), body))
    }
}

impl fmt::Debug for IdentityTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IdentityTransport").field("imds", &self.imds).finish_non_exhaustive()
    }
}
