//! What the three forms of an HTTP request have in common: the conversion by hand, because `lambda_http` puts 376 kB and a
//! panic on bad base64 in its place.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass_core::failure::Failure;
use gatepass_core::http::{HostCheck, RequestId};
use http::{HeaderMap, Request};

/// What stands between the sender and the function, which decides the form of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Front {
    /// A Function URL or an HTTP API: payload format 2.0.
    HttpApi,
    /// A REST API: payload format 1.0.
    RestApi,
    /// An application load balancer.
    LoadBalancer {
        /// Whether its target group has multi-value headers: then it takes no others.
        multi_value: bool,
    },
}

/// A request for the router, and who waits for the answer.
#[derive(Debug)]
pub struct HttpInvocation {
    /// For the router.
    pub request: Request<Body>,
    /// Who waits.
    pub front: Front,
}

/// A request that cannot be read, and who waits for the answer.
#[derive(Debug)]
pub struct UnreadableHttp {
    /// Why.
    pub failure: Failure,
    /// Who waits.
    pub front: Front,
}

/// A request, in parts.
pub(super) struct Parts<'a> {
    /// What it is, for messages.
    pub(super) what: &'static str,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<String>,
    pub(super) is_base64: bool,
    pub(super) check: HostCheck,
    pub(super) id: Option<String>,
}

impl Parts<'_> {
    /// # Errors
    /// Invalid when a part is none.
    pub(super) fn into_request(self) -> Result<Request<Body>, Failure> {
        let invalid = |what: &str| Failure::invalid(format!("{} {what}", self.what));
        let uri = match self.query {
            "" => self.path.to_owned(),
            query => format!("{}?{query}", self.path),
        };
        // Decoded exactly once: signatures are made over the raw bytes.
        let body = match self.body {
            Some(text) if self.is_base64 => {
                STANDARD.decode(text).map_err(|_| invalid("says that its body is base64, and it is not"))?
            }
            Some(text) => text.into_bytes(),
            None => Vec::new(),
        };
        let mut request = Request::builder()
            .method(self.method)
            .uri(uri)
            .body(Body::from(body))
            .map_err(|_| invalid("has a method or a path that is none"))?;
        *request.headers_mut() = self.headers;
        // The front has joined the chunks; the length that a client announced may be another.
        request.headers_mut().remove(http::header::CONTENT_LENGTH);
        request.headers_mut().remove(http::header::TRANSFER_ENCODING);
        request.extensions_mut().insert(self.check);
        if let Some(id) = self.id {
            request.extensions_mut().insert(RequestId(id));
        }
        Ok(request)
    }
}
