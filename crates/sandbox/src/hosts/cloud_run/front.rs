//! Google's front end: terminates HTTP, checks IAM for private services, hides the signature, forwards.

use std::sync::Arc;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::response::{Html, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use jiff::Timestamp;

use crate::faults::Faults;
use crate::hosts::http::remove_connection_headers;
use crate::hosts::{HostError, HttpCall};
use crate::http_client::LoopbackClient;
use crate::identity::{noted, random};
use crate::issuer::{Issuer, remove_signature};
use crate::jwt::{Jwks, Jwt, JwtError};
use crate::server::{Bound, Server};
use crate::trace::Trace;

/// The largest request over HTTP/1.
const LARGEST_REQUEST: usize = 32 * 1024 * 1024;

/// The front end of one service. Its address is the service's URL.
#[derive(Debug)]
pub struct Front {
    server: Server,
}

struct Service {
    client: LoopbackClient,
    container: String,
    private: Option<Private>,
}

struct Private {
    issuer: Issuer,
    audience: String,
    invokers: Vec<String>,
}

impl Front {
    /// A front end that lets everybody in, before the container at `container`.
    ///
    /// # Errors
    /// What the operating system says when no port can be bound.
    pub async fn public(container: &str, trace: Trace) -> Result<Self, HostError> {
        Self::start(Bound::bind(0).await?, container, None, trace)
    }

    /// A front end that verifies an ID token of `issuer`, for its own URL, of one of `invokers`.
    ///
    /// # Errors
    /// What the operating system says when no port can be bound.
    pub async fn private(
        container: &str,
        issuer: Issuer,
        invokers: &[&str],
        trace: Trace,
    ) -> Result<Self, HostError> {
        let bound = Bound::bind(0).await?;
        let audience = bound.url().to_owned();
        let invokers = invokers.iter().map(|&email| email.to_owned()).collect();
        Self::start(bound, container, Some(Private { issuer, audience, invokers }), trace)
    }

    fn start(
        bound: Bound,
        container: &str,
        private: Option<Private>,
        trace: Trace,
    ) -> Result<Self, HostError> {
        let service = Service { client: LoopbackClient::new()?, container: container.to_owned(), private };
        let router = Router::new().fallback(handle).with_state(Arc::new(service));
        Ok(Self { server: bound.serve("cloud-run", router, Faults::new(), trace) })
    }

    /// The service's URL; a private service's tokens have it as their audience.
    pub fn url(&self) -> &str {
        self.server.url()
    }
}

async fn handle(State(service): State<Arc<Service>>, request: Request) -> Response {
    if request.uri().path() == "/healthz" {
        return refuse(StatusCode::NOT_FOUND, "/healthz never reaches the container: use /health");
    }
    let (mut parts, body) = request.into_parts();
    let admitted = match &service.private {
        None => "public".to_owned(),
        Some(private) => match private.admit(&mut parts.headers) {
            Ok(email) => format!("IAM admits {email}; signature removed"),
            Err(kept_out) => return kept_out.answer(),
        },
    };
    let Ok(body) = to_bytes(body, LARGEST_REQUEST).await else {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE, "the request is larger than 32 MiB");
    };
    remove_connection_headers(&mut parts.headers);
    let mut call = HttpCall::new(parts.method, parts.uri.path());
    call.query = parts.uri.query().unwrap_or_default().to_owned();
    call.headers = parts.headers;
    call.body = body.to_vec();
    let trace = random::uuid().replace('-', "");
    call = call
        .header("x-forwarded-for", "203.0.113.7")
        .header("x-forwarded-proto", "https")
        .header("x-cloud-trace-context", &format!("{trace}/1;o=1"))
        .header("traceparent", &format!("00-{trace}-0000000000000001-01"));
    match call.send(&service.client, &service.container).await {
        Ok(answer) => noted(admitted, answer.into_response()),
        Err(error) => refuse(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
    }
}

/// Why IAM keeps somebody out, as Cloud Run answers it.
enum KeptOut {
    /// 401: a token that is not good.
    Token(String),
    /// 403: nobody, or somebody who may not.
    Caller(&'static str),
}

impl KeptOut {
    fn answer(self) -> Response {
        match self {
            Self::Caller(why) => refuse(StatusCode::FORBIDDEN, why),
            Self::Token(why) => {
                let mut response = refuse(StatusCode::UNAUTHORIZED, &why);
                let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
                response
            }
        }
    }
}

impl From<JwtError> for KeptOut {
    fn from(error: JwtError) -> Self {
        Self::Token(error.to_string())
    }
}

impl Private {
    /// Verifies the bearer token and takes its signature away; says who called.
    fn admit(&self, headers: &mut HeaderMap) -> Result<String, KeptOut> {
        let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let token = header
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or(KeptOut::Caller("the request was not authenticated"))?;
        let email = self.verify(token)?;
        if let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", remove_signature(token))) {
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        Ok(email)
    }

    fn verify(&self, token: &str) -> Result<String, KeptOut> {
        let jwt = Jwt::decode(token)?;
        Jwks::from_value(&self.issuer.jwks())?.verify(&jwt)?;
        jwt.check_times(Timestamp::now().as_second())?;
        if jwt.text("iss") != Some(self.issuer.url()) || jwt.audiences() != [self.audience.as_str()] {
            return Err(KeptOut::Token(format!("the token is not for {}", self.audience)));
        }
        let email = jwt.text("email").unwrap_or_default();
        match self.invokers.iter().any(|invoker| invoker == email) {
            true => Ok(email.to_owned()),
            false => Err(KeptOut::Caller("the caller lacks run.routes.invoke")),
        }
    }
}

fn refuse(status: StatusCode, why: &str) -> Response {
    let page = format!("<html><body><h1>{status}</h1>{why}</body></html>");
    noted(why, (status, Html(page)))
}
