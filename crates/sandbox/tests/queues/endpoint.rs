//! Whoever is called: it keeps what arrives and answers what it was told.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use gatepass_sandbox::faults::Faults;
use gatepass_sandbox::server::Server;
use gatepass_sandbox::trace::Trace;
use http::{HeaderMap, StatusCode};
use serde_json::Value;

/// What has arrived.
pub(crate) struct Arrived {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Arrived {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

pub(crate) struct Endpoint {
    server: Server,
    arrived: Arc<Mutex<Vec<Arrived>>>,
}

impl Endpoint {
    /// Answers with these statuses, one after the other, and then with 200; always with an invocation's document.
    pub(crate) async fn start(statuses: &[u16]) -> Self {
        let arrived: Arc<Mutex<Vec<Arrived>>> = Arc::default();
        let (kept, statuses) = (Arc::clone(&arrived), Mutex::new(VecDeque::from(statuses.to_vec())));
        let statuses = Arc::new(statuses);
        let router = Router::new().fallback(async move |request: Request| {
            let (parts, body) = request.into_parts();
            let body = to_bytes(body, usize::MAX).await.unwrap();
            let path = parts.uri.path().to_owned();
            kept.lock().unwrap().push(Arrived { path, headers: parts.headers, body });
            let status = statuses.lock().unwrap().pop_front().unwrap_or(200);
            let document = r#"{"Outputs":{},"Logs":[],"ReturnValue":null}"#;
            (StatusCode::from_u16(status).unwrap(), [("content-type", "application/json")], document)
        });
        Self {
            server: Server::start("endpoint", router, Faults::new(), Trace::new()).await.unwrap(),
            arrived,
        }
    }

    pub(crate) fn url(&self) -> &str {
        self.server.url()
    }

    pub(crate) fn take(&self) -> Vec<Arrived> {
        std::mem::take(&mut *self.arrived.lock().unwrap())
    }
}
