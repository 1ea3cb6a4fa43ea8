//! GitHub's API, as far as an examination reads it. Nothing is ever written there; a token that was made for the examination
//! is revoked.

use jiff::Timestamp;
use reqwest::header::ACCEPT;
use reqwest::{Client, Method};
use serde::Deserialize;

use super::clock::Witness;
use super::examination::{Link, Name};
use super::proof::EACH;
use super::told::told;
use crate::client::{Answer, ServiceUrl, excerpt, fetch};
use crate::deadline::Deadline;
use crate::failure::Failure;
use crate::github::API_VERSION;
use crate::secret::InstallationToken;

const PLACE: &str = "GitHub";

const MEND: &str = "correct github.api_url in gatepass.yaml, or GATEPASS_GITHUB_API_URL: https://api.github.com, or https://HOST/api/v3 of an Enterprise server";

/// The largest answer, in bytes: a list of one, or a trust policy.
const MAX_ANSWER: usize = 6 * 1024 * 1024;

/// How many calls should be left, at the least, in a tenth of the limit.
const TENTH: u64 = 10;

/// The API.
pub(super) struct Api<'a> {
    client: &'a Client,
    url: &'a ServiceUrl,
}

#[derive(Deserialize)]
struct Limits {
    rate: Limit,
}

#[derive(Deserialize)]
struct Limit {
    limit: u64,
    remaining: u64,
    reset: i64,
}

impl<'a> Api<'a> {
    pub(super) fn new(client: &'a Client, url: &'a ServiceUrl) -> Self {
        Self { client, url }
    }

    /// Reads `path`, as whoever holds `token` or as a stranger.
    pub(super) async fn get(
        &self,
        path: &str,
        accept: &str,
        token: Option<&InstallationToken>,
        deadline: Deadline,
    ) -> Result<Answer, Failure> {
        self.call(Method::GET, path, accept, token, deadline).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        accept: &str,
        token: Option<&InstallationToken>,
        deadline: Deadline,
    ) -> Result<Answer, Failure> {
        let request = self
            .client
            .request(method, self.url.with_path(path)?)
            .header(ACCEPT, accept)
            .header("x-github-api-version", API_VERSION);
        let request = match token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        };
        fetch(PLACE, request, MAX_ANSWER, deadline.at_most(EACH)).await
    }

    /// The link `github`.
    pub(super) async fn probe(&self, deadline: Deadline) -> (Link, Option<Witness>) {
        match self.get("rate_limit", JSON, None, deadline).await {
            Ok(answer) => (self.judge(&answer), Witness::of(PLACE, &answer.headers)),
            Err(failure) => {
                let (found, _) = told(&failure);
                let link = Link::wrong(Name::Github, format!("{found}, at {}", self.url.as_str()))
                    .why("nobody answers at the configured address")
                    .mend(format!("{MEND}; then let this workload reach it (DNS, firewall, HTTPS_PROXY, the VPC's way out)"));
                (link, None)
            }
        }
    }

    /// A stranger may be refused, as by an Enterprise server in private mode: the headers are GitHub's all the same.
    fn judge(&self, Answer { status, headers, body }: &Answer) -> Link {
        let url = self.url.as_str();
        let is_github = headers.keys().any(|name| name.as_str().starts_with("x-github-"));
        match status {
            200 | 401 | 403 | 404 | 429 if is_github => {
                Link::ok(Name::Github, format!("GitHub's API answers at {url}"))
            }
            500.. => {
                Link::wrong(Name::Github, format!("what answers at {url} says {status}: {}", excerpt(body)))
                    .why("GitHub cannot answer now, or something before it")
                    .mend("see https://www.githubstatus.com, and examine again")
            }
            _ => Link::wrong(
                Name::Github,
                format!("what answers at {url} is no API of GitHub: {status} {}", excerpt(body)),
            )
            .why("its answer has none of GitHub's headers")
            .mend(MEND),
        }
    }

    /// The link `rate_limit`, of whoever the token is for; asking is free.
    pub(super) async fn rate(&self, token: &InstallationToken, deadline: Deadline) -> Link {
        let answer = match self.get("rate_limit", JSON, Some(token), deadline).await {
            Ok(answer) => answer,
            Err(failure) => return Link::doubtful(Name::RateLimit, told(&failure).0).mend("examine again"),
        };
        match serde_json::from_slice::<Limits>(&answer.body) {
            Ok(Limits { rate }) if answer.status == 200 => left(&rate, Timestamp::now()),
            // An Enterprise server without limits has none to tell.
            _ if answer.status == 404 => Link::ok(Name::RateLimit, "this GitHub has no rate limit"),
            _ => Link::doubtful(
                Name::RateLimit,
                format!("GitHub answered {}: {}", answer.status, excerpt(&answer.body)),
            )
            .why("it does not tell what is left"),
        }
    }

    /// Ends a token, so that nothing is left of the examination. Whether that went well.
    pub(super) async fn revoke(&self, token: &InstallationToken, deadline: Deadline) -> bool {
        let answer = self.call(Method::DELETE, "installation/token", JSON, Some(token), deadline).await;
        answer.is_ok_and(|answer| matches!(answer.status, 204 | 401))
    }
}

/// The media type of GitHub's documents.
pub(super) const JSON: &str = "application/vnd.github+json";

/// The media type of a file as it is.
pub(super) const RAW: &str = "application/vnd.github.raw+json";

fn left(Limit { limit, remaining, reset }: &Limit, now: Timestamp) -> Link {
    let minutes = reset.saturating_sub(now.as_second()).max(0) / 60 + 1;
    let found = format!("{remaining} of {limit} calls are left, for {minutes} min");
    let mend = "wait, spread the events, or ask for less: everybody who uses the App on this owner draws on the same limit";
    if *remaining == 0 {
        Link::wrong(Name::RateLimit, found).why("GitHub answers nothing more until then").mend(mend)
    } else if *remaining < limit / TENTH {
        Link::doubtful(Name::RateLimit, found).why("less than a tenth is left").mend(mend)
    } else {
        Link::ok(Name::RateLimit, found)
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn what_is_left_is_enough_little_or_nothing() {
        for (remaining, state) in
            [(5000, State::Ok), (500, State::Ok), (499, State::Doubtful), (0, State::Wrong)]
        {
            let link =
                left(&Limit { limit: 5000, remaining, reset: 3600 }, Timestamp::from_second(600).unwrap());
            assert_eq!(link.state, state, "{link:?}");
            assert!(link.found.ends_with("for 51 min"), "{link:?}");
        }
    }
}
