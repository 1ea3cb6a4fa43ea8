//! The OIDC token of a GitHub Actions job.
//!
//! Source: GitHub Docs, "OpenID Connect reference", "Methods for requesting the OIDC token": a GET of
//! `ACTIONS_ID_TOKEN_REQUEST_URL` with `&audience=`, with `ACTIONS_ID_TOKEN_REQUEST_TOKEN` as bearer, answered by
//! `{"value": JWT}`.

use std::fmt;

use reqwest::Client;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{IdTokenSource, Pending, Reason, ask, jwt};
use crate::client::{Clients, excerpt, is_encrypted_or_loopback};
use crate::deadline::Deadline;
use crate::env::Env;
use crate::failure::Failure;
use crate::secret::IdToken;

const PLACE: &str = "GitHub Actions' identity endpoint";
const URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

/// Gets tokens of the workflow job that this runs in, for any audience.
pub struct GitHubActions {
    client: Client,
    url: Url,
    /// Marked as sensitive.
    bearer: HeaderValue,
}

#[derive(Deserialize)]
struct Answer {
    value: String,
}

impl GitHubActions {
    /// From the variables that a runner sets for a job that may ask for tokens.
    ///
    /// # Errors
    /// A sentence that names the variable that is missing or wrong, and nothing of its value.
    pub fn new(env: &Env, clients: &Clients) -> Result<Self, String> {
        let variable = |name: &str| {
            env.get(name).ok_or_else(|| {
                format!(
                    "{name} is not set: give the workflow's job `permissions: id-token: write` (a pull request from a fork never gets it)"
                )
            })
        };
        let (url, token) = (variable(URL)?, variable(TOKEN)?);
        let url = Url::parse(url).ok().filter(is_encrypted_or_loopback).ok_or_else(|| {
            format!("{URL} is not an https URL; it is set by the runner and should not be changed")
        })?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| format!("{TOKEN} has a character that no token has"))?;
        bearer.set_sensitive(true);
        // A service on the network: a runner of one's own may reach it through a proxy only.
        Ok(Self { client: clients.outbound.clone(), url, bearer })
    }
}

impl fmt::Debug for GitHubActions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GitHubActions").finish_non_exhaustive()
    }
}

impl IdTokenSource for GitHubActions {
    fn name(&self) -> &str {
        "github"
    }

    fn id_token<'a>(
        &'a self,
        audience: &'a str,
        deadline: Deadline,
    ) -> Pending<'a, Result<IdToken, Failure>> {
        Box::pin(async move {
            let mut url = self.url.clone();
            url.query_pairs_mut().append_pair("audience", audience);
            let request = self.client.get(url).header(AUTHORIZATION, self.bearer.clone());
            let absent = "is this step still running, and may the runner reach GitHub?";
            let answer = ask(PLACE, request, deadline, absent, reason).await?;
            let answer: Answer = serde_json::from_slice(&answer.body).map_err(|_| {
                Failure::refused(format!("{PLACE} answered with something else than a token"))
            })?;
            jwt(PLACE, answer.value.as_bytes())
        })
    }
}

fn reason(status: u16, body: &[u8]) -> Option<Reason> {
    let document: Value = serde_json::from_slice(body).ok()?;
    let message = document.get("message").and_then(Value::as_str)?;
    let next = match status {
        401 | 403 => "; does the job have `permissions: id-token: write`, and is it still running?",
        _ => "",
    };
    Some(Reason::by_status(status, format!("{}{next}", excerpt(message.as_bytes()))))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::extract::Request;
    use tokio::net::TcpListener;

    use super::*;
    use crate::failure::Class;

    /// An endpoint that always gives this answer, and what it was last asked.
    async fn endpoint(status: u16, body: &'static str) -> (Env, Arc<Mutex<String>>) {
        let asked = Arc::new(Mutex::new(String::new()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/oidc?api-version=2.0", listener.local_addr().unwrap());
        let note = Arc::clone(&asked);
        let answer = move |request: Request| {
            let bearer = request.headers().get(AUTHORIZATION).unwrap().to_str().unwrap();
            *note.lock().unwrap() = format!("{} {bearer}", request.uri());
            async move { (http::StatusCode::from_u16(status).unwrap(), body) }
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        (Env::from_iter([(URL, url.as_str()), (TOKEN, "runners-own-secret")]), asked)
    }

    async fn ask_for(env: &Env, audience: &str) -> Result<IdToken, Failure> {
        let source = GitHubActions::new(env, &Clients::new(None).unwrap()).unwrap();
        source.id_token(audience, Deadline::after(Deadline::DEFAULT)).await
    }

    #[tokio::test]
    async fn a_token_is_asked_for_by_audience_as_the_runner() {
        let (env, asked) = endpoint(200, r#"{"count":1,"value":"e30.e30.c2ln"}"#).await;
        assert_eq!(ask_for(&env, "octo-sts.dev").await.unwrap().expose(), "e30.e30.c2ln");
        assert_eq!(
            *asked.lock().unwrap(),
            "/oidc?api-version=2.0&audience=octo-sts.dev Bearer runners-own-secret"
        );
        ask_for(&env, "a b&c").await.unwrap();
        assert!(asked.lock().unwrap().starts_with("/oidc?api-version=2.0&audience=a+b%26c "));
    }

    #[tokio::test]
    async fn what_is_no_token_is_a_failure_that_shows_none() {
        for (status, body, class, words) in [
            (200, "<html>eyJ0", Class::Refused, "something else than a token"),
            (200, r#"{"value":"eyJ0"}"#, Class::Refused, "no OIDC token"),
            (403, r#"{"message":"no"}"#, Class::Refused, "answered 403: \"no\"; does the job have"),
            (404, "nothing", Class::Refused, "answered 404: \"nothing\""),
        ] {
            let (env, _) = endpoint(status, body).await;
            let failure = ask_for(&env, "x").await.unwrap_err();
            assert!(failure.class == class && failure.message.contains(words), "{failure}");
            assert!(!failure.message.contains("eyJ") && !failure.message.contains("secret"), "{failure}");
        }
        let (env, _) = endpoint(503, "soon").await;
        let failure = ask_for(&env, "x").await.unwrap_err();
        assert!(matches!(failure.class, Class::Deferred(_)), "{failure}");
    }

    #[test]
    fn a_variable_that_is_missing_or_wrong_is_named_and_not_shown() {
        let clients = Clients::new(None).unwrap();
        for (variables, words) in [
            (&[] as &[(&str, &str)], "ACTIONS_ID_TOKEN_REQUEST_URL is not set: give the workflow's job"),
            (&[(URL, "https://a.example/")], "ACTIONS_ID_TOKEN_REQUEST_TOKEN is not set"),
            (&[(URL, "http://hunter2.example/"), (TOKEN, "t")], "is not an https URL"),
            (&[(URL, "hunter2"), (TOKEN, "t")], "is not an https URL"),
            (&[(URL, "https://a.example/"), (TOKEN, "hunter2\n")], "has a character"),
        ] {
            let env = variables.iter().copied().collect();
            let error = GitHubActions::new(&env, &clients).unwrap_err();
            assert!(error.contains(words) && !error.contains("hunter2"), "{error}");
        }
        let env = Env::from_iter([(URL, "https://a.example/hunter2"), (TOKEN, "hunter2")]);
        assert!(!format!("{:?}", GitHubActions::new(&env, &clients).unwrap()).contains("hunter2"));
    }
}
