//! Whether an Octo STS answers where one is expected.

use reqwest::Client;
use serde::Deserialize;

use super::clock::Witness;
use super::examination::{Link, Name};
use super::proof::EACH;
use super::told::told;
use crate::client::{Answer, ServiceUrl, excerpt, fetch, harmless};
use crate::deadline::Deadline;
use crate::event::MAX_BODY;

const PLACE: &str = "Octo STS";

/// What an exchange without a token is answered. Source: octo-sts/app, `octosts.go`.
const WITHOUT_TOKEN: &str = "expected exactly one authorization header";

const MEND: &str =
    "correct sts.url in gatepass.yaml, or GATEPASS_STS_URL: it is the part before /sts/exchange";

/// The gRPC status that every refusal is.
#[derive(Deserialize)]
struct Status {
    code: i64,
    message: String,
}

/// The link `octo_sts`, by an exchange without any token.
pub(super) async fn probe(client: &Client, url: &ServiceUrl, deadline: Deadline) -> (Link, Option<Witness>) {
    let target = match url.with_path("sts/exchange") {
        Ok(target) => target,
        Err(failure) => return (Link::wrong(Name::OctoSts, failure.message).mend(MEND), None),
    };
    match fetch(PLACE, client.post(target), MAX_BODY, deadline.at_most(EACH)).await {
        Ok(answer) => (judge(url, &answer), Witness::of(PLACE, &answer.headers)),
        Err(failure) => {
            let (found, _) = told(&failure);
            let link = Link::wrong(Name::OctoSts, format!("{found}, at {}", url.as_str()))
                .why("nobody answers at the configured address")
                .mend(format!(
                    "{MEND}; then let this workload reach it (DNS, firewall, HTTPS_PROXY, the VPC's way out)"
                ));
            (link, None)
        }
    }
}

fn judge(url: &ServiceUrl, Answer { status, body, .. }: &Answer) -> Link {
    let url = url.as_str();
    let said = serde_json::from_slice::<Status>(body);
    match (status, &said) {
        (401, Ok(said)) if said.message == WITHOUT_TOKEN => {
            Link::ok(Name::OctoSts, format!("an Octo STS answers at {url}"))
        }
        (429 | 500.., _) => {
            Link::wrong(Name::OctoSts, format!("what answers at {url} says {status}: {}", excerpt(body)))
                .why("Octo STS cannot answer now, or something before it")
                .mend("examine again in a minute; of your own Octo STS, look at its log")
        }
        (400..=403, Ok(said)) => Link::doubtful(
            Name::OctoSts,
            format!(
                "what answers at {url} says {status} with code {}: {}",
                said.code,
                harmless(&said.message, 200)
            ),
        )
        .why(format!("to an exchange without a token, an Octo STS says: {WITHOUT_TOKEN}"))
        .mend(MEND),
        _ => Link::wrong(
            Name::OctoSts,
            format!("what answers at {url} is no Octo STS: {status} {}", excerpt(body)),
        )
        .why(format!("to an exchange without a token, an Octo STS says: {WITHOUT_TOKEN}"))
        .mend(MEND),
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderMap;

    use super::super::State;
    use super::*;

    #[test]
    fn only_an_octo_sts_is_one() {
        let url = ServiceUrl::parse("https://octo-sts.dev").unwrap();
        for (status, body, state) in [
            (
                401,
                r#"{"code":16,"message":"expected exactly one authorization header","details":[]}"#,
                State::Ok,
            ),
            (400, r#"{"code":3,"message":"scope must be provided"}"#, State::Doubtful),
            (401, r#"{"message":"Unauthorized"}"#, State::Wrong),
            (404, r#"{"code":5,"message":"Not Found"}"#, State::Wrong),
            (200, "<html>", State::Wrong),
            (301, "", State::Wrong),
            (503, "", State::Wrong),
            (429, "{}", State::Wrong),
        ] {
            let link = judge(&url, &Answer { status, headers: HeaderMap::new(), body: body.into() });
            assert_eq!(link.state, state, "{status} {body}: {link:?}");
            assert_eq!(link.mend.is_some(), state != State::Ok);
        }
    }
}
