//! What stands before every route: user agent, API version, media type, token, rate limit.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::refusal::Refusal;
use super::tokens::TokenRecord;
use super::world::Shared;
use crate::trace::Note;

/// The API version this stand-in speaks, and the default when none is asked for.
const VERSION: &str = "2022-11-28";

/// A route whose requests do not count against the limit.
const FREE: &str = "/rate_limit";

/// The token of the request, alive when the gate was passed; of a stranger, who sends none, one that reaches nothing.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) TokenRecord);

pub(crate) async fn gate(State(shared): State<Shared>, mut request: Request, next: Next) -> Response {
    if !request.headers().contains_key(header::USER_AGENT) {
        let text = "Request forbidden by administrative rules. Please make sure your request has a User-Agent \
                    header (https://docs.github.com/en/rest/overview/resources-in-the-rest-api#user-agent-required).";
        return (StatusCode::FORBIDDEN, axum::Extension(Note::new("no User-Agent")), text).into_response();
    }
    let is_stranger = !request.headers().contains_key(header::AUTHORIZATION);
    let admitted = admit(&shared, &request);
    let mut response = match admitted {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    };
    let headers = response.headers_mut();
    headers.insert("x-github-api-version-selected", HeaderValue::from_static(VERSION));
    headers.insert("x-github-media-type", HeaderValue::from_static("github.v3; format=json"));
    let world = shared.world();
    if is_stranger {
        world.strangers_rate.write_headers(headers)
    } else {
        world.rate.write_headers(headers)
    }
    drop(world);
    response
}

fn admit(shared: &Shared, request: &Request) -> Result<Caller, Refusal> {
    let (headers, path) = (request.headers(), request.uri().path());
    if let Some(version) = headers.get("x-github-api-version")
        && version.as_bytes() != VERSION.as_bytes()
    {
        let message =
            format!("API version {:?} is not supported.", String::from_utf8_lossy(version.as_bytes()));
        return Err(Refusal::bad_request(message));
    }
    if !headers.get_all(header::ACCEPT).iter().all(is_acceptable) {
        return Err(Refusal::unsupported_accept());
    }
    let world = &mut *shared.world();
    let now = world.clock.now();
    let (record, rate) = if headers.contains_key(header::AUTHORIZATION) {
        let record = world.tokens.find(token(headers)?, now).cloned();
        (record.ok_or_else(Refusal::bad_credentials)?, &mut world.rate)
    } else if request.method() == Method::GET && (path == FREE || path.starts_with("/repos/")) {
        (TokenRecord::of_stranger(), &mut world.strangers_rate)
    } else {
        return Err(Refusal::requires_authentication());
    };
    if path == FREE {
        rate.refresh(now);
    } else if !rate.spend(now) {
        return Err(Refusal::rate_limited());
    }
    Ok(Caller(record))
}

fn is_acceptable(accept: &HeaderValue) -> bool {
    const KNOWN: [&str; 5] =
        ["*/*", "application/*", "application/json", "application/vnd.github", "application/vnd.github."];
    let accept = accept.to_str().unwrap_or_default();
    accept.split(',').any(|media| {
        let media = media.split([';', '+']).next().unwrap_or_default().trim();
        KNOWN.iter().any(|known| media == *known || (known.ends_with('.') && media.starts_with(known)))
    })
}

fn token(headers: &HeaderMap) -> Result<&str, Refusal> {
    let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let (scheme, token) = value.and_then(|text| text.split_once(' ')).unwrap_or_default();
    let known = ["bearer", "token"].iter().any(|known| scheme.eq_ignore_ascii_case(known));
    if known { Ok(token.trim()) } else { Err(Refusal::bad_credentials()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_those_github_answers() {
        for (accept, acceptable) in [
            ("application/vnd.github+json", true),
            ("application/vnd.github.raw+json", true),
            ("application/vnd.github.v3+json", true),
            ("application/json", true),
            ("*/*", true),
            ("text/html, application/json;q=0.9", true),
            ("text/html", false),
            ("application/xml", false),
            ("application/vnd.githubbb+json", false),
        ] {
            assert_eq!(is_acceptable(&HeaderValue::from_static(accept)), acceptable, "{accept}");
        }
    }
}
