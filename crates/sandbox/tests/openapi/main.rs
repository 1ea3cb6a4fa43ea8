//! What is said to GitHub, and what this GitHub answers, held against GitHub's own OpenAPI document.
//!
//! The judge itself is tested with a small document, always. The tests with GitHub's document are ignored:
//! `make conformance` fetches it and runs them.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test that cannot get at what it expects has failed"
)]

mod client;
mod judge;
mod routes;
mod wrong;

use std::path::Path;
use std::sync::OnceLock;

use axum::body::Bytes;
use gatepass_sandbox::github::Exchange;
use gatepass_sandbox::openapi::{Document, Finding};
use serde_json::Value;

/// GitHub's document.
fn document() -> &'static Document {
    static DOCUMENT: OnceLock<Document> = OnceLock::new();
    DOCUMENT.get_or_init(|| {
        let path = std::env::var("GATEPASS_GITHUB_OPENAPI")
            .expect("GATEPASS_GITHUB_OPENAPI names GitHub's OpenAPI document: run `make conformance`");
        Document::read(Path::new(&path)).unwrap()
    })
}

fn nothing_found(findings: &[Finding]) {
    let shown: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{}", shown.join("\n"));
}

/// An exchange that was never made.
fn exchange(method: &str, address: &str, request: &Value, status: u16, answer: &Value) -> Exchange {
    let (path, query) = address.split_once('?').unwrap_or((address, ""));
    let bytes = |json: &Value| if json.is_null() { Bytes::new() } else { Bytes::from(json.to_string()) };
    Exchange {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        request: bytes(request),
        status,
        media_type: if answer.is_null() {
            String::new()
        } else {
            "application/json; charset=utf-8".to_owned()
        },
        answer: bytes(answer),
    }
}
