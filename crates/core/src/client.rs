//! The one place that builds an HTTP client, so that there is one TLS stack: rustls on ring.
//!
//! `webpki-roots` instead of the system's store: loading that costs 3 ms at every cold start, and 20 to 70 ms at a small
//! function's CPU share. Private authorities come from `GATEPASS_EXTRA_CA_CERTS`.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{RequestBuilder, redirect};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use url::{Host, Url};

use crate::deadline::Deadline;
use crate::failure::Failure;

/// How long a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(3);

/// The two clients of a process.
#[derive(Clone, Debug)]
pub struct Clients {
    /// For services on the network: through `HTTPS_PROXY` where one is set. It follows no redirect.
    pub outbound: reqwest::Client,
    /// For metadata and identity endpoints: never through a proxy, never after a redirect, because whoever answers
    /// hands out or receives credentials.
    pub identity: reqwest::Client,
}

impl Clients {
    /// Builds both, trusting the public authorities and those in `extra_ca`, a PEM bundle.
    ///
    /// # Errors
    /// A sentence that names the bundle when it holds no certificate or a broken one.
    pub fn new(extra_ca: Option<&[u8]>) -> Result<Self, String> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(pem) = extra_ca {
            let mut count = 0;
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate = certificate.map_err(|error| format!("is not a PEM bundle: {error}"))?;
                roots
                    .add(certificate)
                    .map_err(|error| format!("holds a certificate that is no authority: {error}"))?;
                count += 1;
            }
            if count == 0 {
                return Err("holds no certificate".into());
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let outbound = builder(&tls).build().map_err(|error| error.to_string())?;
        let identity = builder(&tls).no_proxy().build().map_err(|error| error.to_string())?;
        Ok(Self { outbound, identity })
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that may")]
fn builder(tls: &ClientConfig) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .user_agent(concat!("gatepass/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT)
        // Shorter than the front ends' own limits: a connection that they have dropped must not be tried first.
        .pool_idle_timeout(Duration::from_secs(50))
        .tcp_nodelay(true)
}

/// What a service answered, whatever it was.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// All of the body.
    pub body: Vec<u8>,
}

/// One request to the service that messages call `place`, for an answer of at most `limit` bytes.
///
/// # Errors
/// Deferred when there is no whole answer by the deadline.
pub async fn fetch(
    place: &str,
    request: RequestBuilder,
    limit: usize,
    deadline: Deadline,
) -> Result<Answer, Failure> {
    let later = |why: String| Failure::deferred(Duration::ZERO, format!("{place} {why}"));
    let asking = async {
        let response = request.send().await.map_err(|error| later(describe(&error)))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = read_body(response, limit).await.map_err(|error| later(error.to_string()))?;
        Ok(Answer { status, headers, body })
    };
    deadline.run(place, asking).await
}

/// https, or http to loopback.
pub(crate) fn is_encrypted_or_loopback(url: &Url) -> bool {
    let is_loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback)
}

/// A service's base URL: https, or http to loopback; no user info, query or fragment; without a slash at its end.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ServiceUrl(Url);

impl ServiceUrl {
    /// Reads a base URL.
    ///
    /// # Errors
    /// A sentence that says which rule it breaks.
    pub fn parse(text: &str) -> Result<Self, String> {
        // Before anything is said of it: a password must not be shown.
        if text.contains('@') {
            return Err("the URL has user info, which is a credential: leave it out".into());
        }
        let mut url = Url::parse(text).map_err(|error| format!("`{text}` is not a URL: {error}"))?;
        if url.host().is_none() {
            return Err(format!("`{text}` names no host"));
        }
        match url.scheme() {
            _ if is_encrypted_or_loopback(&url) => {}
            "http" => return Err(format!("`{text}` is not encrypted: write https (http only to loopback)")),
            other => return Err(format!("`{text}` has the scheme {other}: write https")),
        }
        if url.query().is_some() || url.fragment().is_some() {
            return Err(format!("`{text}` has a query or a fragment: leave it out"));
        }
        let path = url.path().trim_end_matches('/').to_owned();
        url.set_path(&path);
        Ok(Self(url))
    }

    /// The base with a relative path, and perhaps a query, after it. Unlike `Url::join` it keeps the base's own path,
    /// such as the `/api/v3` of GitHub Enterprise.
    ///
    /// # Errors
    /// Invalid when the result would leave the base's origin or path: the caller's text climbed out.
    pub fn with_path(&self, relative: &str) -> Result<Url, Failure> {
        let leaves = || Failure::invalid(format!("the path {relative:?} leaves {}", self.as_str()));
        let base = self.as_str();
        let url =
            Url::parse(&format!("{base}/{}", relative.trim_start_matches('/'))).map_err(|_| leaves())?;
        let inside = url.origin() == self.0.origin()
            && url.as_str().strip_prefix(base).is_some_and(|rest| rest.starts_with('/'))
            && url.username().is_empty();
        if inside { Ok(url) } else { Err(leaves()) }
    }

    /// Whether `url` belongs to the same scheme, host and port.
    pub fn same_origin(&self, url: &Url) -> bool {
        self.0.origin() == url.origin()
    }

    /// The URL, without a slash at its end.
    pub fn as_str(&self) -> &str {
        self.0.as_str().trim_end_matches('/')
    }

    /// The host name.
    pub fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default()
    }
}

/// Why an answer could not be read. It holds neither the URL nor anything of the answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It has more bytes than are read.
    #[error("answered with more than {0} bytes")]
    TooLarge(usize),
    /// The connection broke.
    #[error("{0}")]
    Broken(String),
}

/// Reads a whole body, at most `limit` bytes.
///
/// # Errors
/// When there are more, or when the connection breaks.
pub async fn read_body(mut response: reqwest::Response, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| BodyError::Broken(describe(&error)))? {
        if body.len() + chunk.len() > limit {
            return Err(BodyError::TooLarge(limit));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What a person needs to know of a failed request. reqwest's own text is not used: it may hold a URL with a query.
pub fn describe(error: &reqwest::Error) -> String {
    use std::error::Error as _;
    let what = if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "could not be reached"
    } else {
        "broke off"
    };
    let mut cause = error.source();
    while let Some(next) = cause.and_then(|cause| cause.source()) {
        cause = Some(next);
    }
    match cause {
        Some(cause) => format!("{what} ({cause})"),
        None => what.to_owned(),
    }
}

/// The first words of an answer that is not what it should be, for an error message: one line, printable, short.
pub fn excerpt(body: &[u8]) -> String {
    let line = harmless(&String::from_utf8_lossy(body.get(..800).unwrap_or(body)), 200);
    if line.is_empty() { "an empty body".into() } else { format!("{line:?}") }
}

/// Somebody else's words on one line of at most `limit` characters, without any word that might be a credential: some
/// gateways send back what they were sent.
pub fn harmless(text: &str, limit: usize) -> String {
    let is_credential = |word: &str| word.contains("ghs_") || word.contains("eyJ");
    let words = text.split_whitespace().map(|word| if is_credential(word) { "…" } else { word });
    let line = words.collect::<Vec<_>>().join(" ");
    line.chars().filter(|c| !c.is_control()).take(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_urls_are_https_or_loopback() {
        for good in [
            "https://octo-sts.dev",
            "https://ghe.example.com/api/v3/",
            "http://127.0.0.1:80",
            "http://[::1]:1",
            "http://localhost:3/x",
        ] {
            assert!(ServiceUrl::parse(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "octo-sts.dev",
            "http://octo-sts.dev",
            "ftp://x",
            "https://u:p@x",
            "https://x?q=1",
            "https://x#f",
            "http://127.0.0.1.example.com",
        ] {
            assert!(ServiceUrl::parse(bad).is_err(), "{bad}");
        }
        for secret in [
            "https://me:hunter2@x",
            "http://me:hunter2@x",
            "me:hunter2@x",
            "ftp://hunter2@",
            "https://x/?hunter2@",
        ] {
            let error = ServiceUrl::parse(secret).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn a_path_stays_below_the_base() {
        let base = ServiceUrl::parse("https://ghe.example.com/api/v3/").unwrap();
        let inside = base.with_path("/repos/a/b/pulls?state=open").unwrap();
        assert_eq!(inside.as_str(), "https://ghe.example.com/api/v3/repos/a/b/pulls?state=open");
        for out in ["../../admin", "repos/../../x", "%2e%2e/%2e%2e/x", r"..\..\x", "repos/%2E./%2e%2e/.."] {
            assert!(base.with_path(out).is_err(), "{out}");
        }
    }

    #[test]
    fn a_bundle_without_certificates_is_an_error() {
        assert!(Clients::new(Some(b"hello")).unwrap_err().contains("no certificate"));
        assert!(Clients::new(None).is_ok());
    }

    #[test]
    fn an_excerpt_is_one_short_printable_line() {
        assert_eq!(excerpt(b"<html>\n <b>\x07no</b>"), r#""<html> <b>no</b>""#);
        assert_eq!(excerpt(b""), "an empty body");
        assert!(excerpt("words ".repeat(400).as_bytes()).len() < 220);
        let echoed = excerpt(b"bad token ghs_0123456789abcdef or {\"t\":\"eyJhbGciOi.eyJz.c2ln\"}");
        assert_eq!(echoed, "\"bad token … or …\"");
    }
}
