//! GitHub's API, as far as an examination reads it. Nothing is ever written there; a token that was made for the examination
//! is revoked.

use jiff::Timestamp;
use reqwest::header::ACCEPT;
use reqwest::{Client, Method};
use serde::Deserialize;
use serde_json::{Map, Value};

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

/// What an Enterprise server without limits answers, with 404.
const UNLIMITED: &str = "Rate limiting is not enabled";

/// The API.
pub(super) struct Api<'a> {
    client: &'a Client,
    url: &'a ServiceUrl,
}

/// Whether it is there.
pub(super) struct Probed {
    pub(super) link: Link,
    pub(super) witness: Option<Witness>,
    /// Whether a token may be sent there: it is GitHub, even if it cannot answer now.
    pub(super) is_github: bool,
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
    pub(super) async fn probe(&self, deadline: Deadline) -> Probed {
        match self.get("rate_limit", JSON, None, deadline).await {
            Ok(answer) => {
                let (link, is_github) = self.judge(&answer);
                Probed { link, witness: Witness::of(PLACE, &answer.headers), is_github }
            }
            Err(failure) => {
                let (found, _) = told(&failure);
                let link = Link::wrong(Name::Github, format!("{found}, at {}", self.url.as_str()))
                    .why("nobody answers at the configured address")
                    .mend(format!("{MEND}; then let this workload reach it (DNS, firewall, HTTPS_PROXY, the VPC's way out)"));
                Probed { link, witness: None, is_github: false }
            }
        }
    }

    /// A stranger may be refused, as by an Enterprise server in private mode: the headers are GitHub's all the same. They
    /// are also those of GitHub's pages for people, which answer 404 here.
    fn judge(&self, answer: &Answer) -> (Link, bool) {
        let Answer { status, headers, body } = answer;
        let url = self.url.as_str();
        let is_github = headers.keys().any(|name| name.as_str().starts_with("x-github-"));
        let is_api = match status {
            200 => serde_json::from_slice::<Limits>(body).is_ok(),
            401 | 403 | 429 => serde_json::from_slice::<Map<String, Value>>(body).is_ok(),
            404 => is_unlimited(answer),
            _ => false,
        };
        if is_github && is_api {
            return (Link::ok(Name::Github, format!("GitHub's API answers at {url}")), true);
        }
        if *status >= 500 {
            let found = format!("what answers at {url} says {status}: {}", excerpt(body));
            let link = Link::wrong(Name::Github, found)
                .why("GitHub cannot answer now, or something before it")
                .mend("see https://www.githubstatus.com, and examine again");
            return (link, is_github);
        }
        let found = format!("what answers at {url} is no API of GitHub: {status} {}", excerpt(body));
        let why = "asked for its rate limit, GitHub's API answers with it, and with headers of its own";
        (Link::wrong(Name::Github, found).why(why).mend(MEND), false)
    }

    /// The link `rate_limit`, of whoever the token is for; asking is free.
    pub(super) async fn rate(&self, token: &InstallationToken, deadline: Deadline) -> Link {
        let answer = match self.get("rate_limit", JSON, Some(token), deadline).await {
            Ok(answer) => answer,
            Err(failure) => return Link::doubtful(Name::RateLimit, told(&failure).0).mend("examine again"),
        };
        match serde_json::from_slice::<Limits>(&answer.body) {
            Ok(Limits { rate }) if answer.status == 200 => left(&rate, Timestamp::now()),
            _ if is_unlimited(&answer) => Link::ok(Name::RateLimit, "this GitHub has no rate limit"),
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

fn is_unlimited(answer: &Answer) -> bool {
    answer.status == 404 && String::from_utf8_lossy(&answer.body).contains(UNLIMITED)
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
    use reqwest::header::HeaderMap;

    use super::super::State;
    use super::*;
    use crate::client::Clients;

    #[test]
    fn only_the_api_is_one_and_only_github_is_sent_a_token() {
        let url = ServiceUrl::parse("https://api.github.com").unwrap();
        let client = Clients::new(None).unwrap().outbound;
        let api = Api::new(&client, &url);
        let limits = r#"{"rate":{"limit":60,"remaining":0,"reset":1}}"#;
        for (status, body, is_github, state, may_be_sent) in [
            (200, limits, true, State::Ok, true),
            (401, "{}", true, State::Ok, true),
            (403, "{}", true, State::Ok, true),
            (429, "{}", true, State::Ok, true),
            (404, r#"{"message":"Rate limiting is not enabled."}"#, true, State::Ok, true),
            (404, r#"{"message":"Not Found"}"#, true, State::Wrong, false),
            (404, "<html>", true, State::Wrong, false),
            (200, "<html>", true, State::Wrong, false),
            (302, "", true, State::Wrong, false),
            (429, "<html>", true, State::Wrong, false),
            (503, "", true, State::Wrong, true),
            (503, "", false, State::Wrong, false),
            (200, limits, false, State::Wrong, false),
        ] {
            let mut headers = HeaderMap::new();
            if is_github {
                headers.insert("x-github-request-id", "1".parse().unwrap());
            }
            let (link, is_github) = api.judge(&Answer { status, headers, body: body.into() });
            assert_eq!((link.state, is_github), (state, may_be_sent), "{status} {body}: {link:?}");
        }
    }

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
