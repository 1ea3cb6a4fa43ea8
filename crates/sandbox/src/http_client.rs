//! The stand-ins' own HTTP client: plain HTTP to this machine and nothing else.

use std::sync::Arc;
use std::time::Duration;

use http::Method;
use url::{Host, Url};

/// The longest a stand-in waits for a connection on loopback.
const CONNECT: Duration = Duration::from_secs(5);

/// The longest a stand-in waits for an answer, unless the request says otherwise.
const TOTAL: Duration = Duration::from_secs(30);

/// A client that reaches `http://` on loopback only: no proxy, no redirects, no TLS.
#[derive(Clone, Debug)]
pub struct LoopbackClient {
    inner: reqwest::Client,
}

/// Why a client or a request could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The client itself could not be built.
    #[error("the sandbox's HTTP client could not be built: {0}")]
    Build(String),
    /// The address is not a URL.
    #[error("{0:?} is not a URL")]
    NotAUrl(String),
    /// The address is outside the sandbox.
    #[error("{0} is not plain http on this machine; the sandbox reaches nothing else")]
    NotLoopback(String),
}

impl LoopbackClient {
    /// A client with its own connection pool.
    ///
    /// # Errors
    /// [`ClientError::Build`], which says why.
    pub fn new() -> Result<Self, ClientError> {
        // reqwest's rustls-no-provider panics without a TLS configuration, even for plain HTTP.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ClientError::Build(error.to_string()))?
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth();
        #[expect(clippy::disallowed_methods, reason = "the sandbox's one client, with its TLS configuration")]
        let builder = reqwest::Client::builder();
        let inner = builder
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .build()
            .map_err(|error| ClientError::Build(error.to_string()))?;
        Ok(Self { inner })
    }

    /// A request to a loopback address.
    ///
    /// # Errors
    /// [`ClientError::NotAUrl`] or [`ClientError::NotLoopback`].
    pub fn request(&self, method: Method, url: &str) -> Result<reqwest::RequestBuilder, ClientError> {
        let parsed = Url::parse(url).map_err(|_| ClientError::NotAUrl(url.to_owned()))?;
        if parsed.scheme() != "http" || !is_loopback(&parsed) {
            return Err(ClientError::NotLoopback(parsed.origin().ascii_serialization()));
        }
        Ok(self.inner.request(method, parsed))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_on_loopback_is_reachable() {
        let client = LoopbackClient::new().unwrap();
        for (url, reachable) in [
            ("http://127.0.0.1:8080/x", true),
            ("http://localhost/x", true),
            ("http://[::1]:1/", true),
            ("https://127.0.0.1/", false),
            ("http://octo-sts.dev/", false),
            ("http://127.0.0.1.example.com/", false),
            ("http://127.0.0.1@example.com/", false),
            ("file:///etc/passwd", false),
            ("nonsense", false),
        ] {
            assert_eq!(client.request(Method::GET, url).is_ok(), reachable, "{url}");
        }
    }
}
