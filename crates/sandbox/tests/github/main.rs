//! The GitHub stand-in, asked over HTTP as a client would.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot get at what it expects has failed"
)]

mod access;
mod actions;
mod files;
mod issues;
mod labels_and_comments;
mod lists;
mod organisation;
mod planning;
mod recorder;
mod repositories;

use gatepass_sandbox::github::{Edition, GitHub, User};
use gatepass_sandbox::http_client::LoopbackClient;
use gatepass_sandbox::trace::Trace;
use http::{HeaderMap, Method};
use serde_json::Value;

const REPOSITORY: &str = "acme/widgets";

/// A GitHub with one repository, and a client with a token for it.
struct Setup {
    github: GitHub,
    trace: Trace,
    client: LoopbackClient,
    token: String,
}

/// An answer, read to its end.
#[derive(Debug)]
struct Answer {
    status: u16,
    headers: HeaderMap,
    json: Value,
}

impl Setup {
    async fn start(permissions: &[(&str, &str)]) -> Self {
        Self::start_edition(Edition::DotCom, permissions).await
    }

    async fn start_edition(edition: Edition, permissions: &[(&str, &str)]) -> Self {
        let trace = Trace::new();
        let github = GitHub::start(edition, trace.clone()).await.unwrap();
        github.set_now("2026-11-20T09:00:00Z".parse().unwrap());
        github.install("acme");
        github.add_repository(REPOSITORY).unwrap();
        github.add_repository("acme/site").unwrap();
        let token = github.mint_for(REPOSITORY, permissions).unwrap();
        Self { github, trace, client: LoopbackClient::new().unwrap(), token }
    }

    /// A request to the API as a good client makes it.
    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.bare(method, path)
            .header("user-agent", "gatepass-test")
            .header("accept", "application/vnd.github+json")
            .header("x-github-api-version", "2022-11-28")
            .bearer_auth(&self.token)
    }

    /// A request without any header.
    fn bare(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, &format!("{}{path}", self.github.api_url())).unwrap()
    }

    async fn get(&self, path: &str) -> Answer {
        Answer::of(self.request(Method::GET, path)).await
    }

    async fn send(&self, method: Method, path: &str, body: Value) -> Answer {
        Answer::of(self.request(method, path).body(body.to_string())).await
    }

    fn person_opens(&self, title: &str, labels: &[&str]) -> u64 {
        self.github.add_issue(REPOSITORY, User::person("ada"), title, "body", labels).unwrap()
    }
}

impl Answer {
    async fn of(request: reqwest::RequestBuilder) -> Self {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.unwrap();
        Self { status, headers, json: serde_json::from_slice(&body).unwrap_or(Value::Null) }
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn message(&self) -> (u16, &str) {
        (self.status, self.json["message"].as_str().unwrap_or_default())
    }

    /// One field of every item of a list.
    fn column(&self, field: &str) -> Vec<Value> {
        self.json.as_array().unwrap().iter().map(|item| item[field].clone()).collect()
    }
}
