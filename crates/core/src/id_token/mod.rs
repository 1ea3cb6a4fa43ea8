//! Where a workload's proof of identity comes from.

mod file;
mod github_actions;

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use reqwest::header::HeaderMap;

pub use self::file::TokenFile;
pub use self::github_actions::GitHubActions;
use crate::client::{describe, excerpt, read_body};
use crate::deadline::Deadline;
use crate::event::MAX_BODY;
use crate::failure::Failure;
use crate::secret::{IdToken, MAX_TOKEN_LEN};

/// A boxed future, for the one trait that is used as an object.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// How long one identity endpoint may take. They are next door: a slow one is a broken one.
pub const IDENTITY_TIMEOUT: Duration = Duration::from_secs(5);

/// Gives OIDC tokens for this workload. Every cloud's adapter brings one.
pub trait IdTokenSource: Send + Sync {
    /// What the token comes from, for log records and as a part of the cache's key, as in `aws:GetWebIdentityToken`.
    fn name(&self) -> &str;

    /// A token for `audience`. Azure cannot choose the audience, and answers with what its resource gives.
    ///
    /// # Errors
    /// Deferred when the endpoint times out or answers 5xx, Refused when it is absent or says no.
    fn id_token<'a>(&'a self, audience: &'a str, deadline: Deadline)
    -> Pending<'a, Result<IdToken, Failure>>;

    /// Whether that from which tokens come answers, and whose identity it is where that can be told: for an examination,
    /// before a token is asked for.
    ///
    /// # Errors
    /// As [`IdTokenSource::id_token`].
    fn reach<'a>(&'a self, deadline: Deadline) -> Pending<'a, Result<String, Failure>> {
        let _ = deadline;
        Box::pin(async { Ok(self.name().to_owned()) })
    }
}

/// The end of a sentence about what may pass by itself.
const AGAIN: &str = "deliver the event again";

/// Why an endpoint refuses, and what to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// For a person.
    pub text: String,
    /// Whether it may pass by itself.
    pub may_pass: bool,
}

impl Reason {
    /// What this status means by itself: 429 and 5xx may pass, everything else is final.
    pub fn by_status(status: u16, text: impl Into<String>) -> Self {
        Self { text: text.into(), may_pass: status == 429 || status >= 500 }
    }

    /// What may pass whatever the status says.
    pub fn passing(text: impl Into<String>) -> Self {
        Self { text: text.into(), may_pass: true }
    }
}

/// What an identity endpoint answered with 200.
pub struct Answer {
    /// Some endpoints prove themselves by one.
    pub headers: HeaderMap,
    /// It may hold a token.
    pub body: Vec<u8>,
}

/// One call of an identity endpoint, within [`IDENTITY_TIMEOUT`].
///
/// `place` names the endpoint and `absent` says what to do when there is none. `reason` reads the endpoint's own words
/// out of a refusal. A connection that breaks is tried once more: after a freeze, a pooled one may be dead.
///
/// # Errors
/// Timeout and 5xx are Deferred, 4xx or absent Refused (`docs/contract.md`, "Failures").
pub async fn ask(
    place: &str,
    request: reqwest::RequestBuilder,
    deadline: Deadline,
    absent: &str,
    reason: fn(u16, &[u8]) -> Option<Reason>,
) -> Result<Answer, Failure> {
    let limit = deadline.at_most(IDENTITY_TIMEOUT);
    limit
        .run(place, async {
            let second = request.try_clone();
            let response = match (request.send().await, second) {
                (Err(error), Some(second)) if !error.is_connect() && !error.is_timeout() => {
                    second.send().await
                }
                (result, _) => result,
            };
            let response = response.map_err(|error| {
                if error.is_connect() && !error.is_timeout() {
                    Failure::refused(format!("{place} {}; {absent}", describe(&error)))
                } else {
                    Failure::deferred(Duration::ZERO, format!("{place} {}; {AGAIN}", describe(&error)))
                }
            })?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = read_body(response, MAX_BODY)
                .await
                .map_err(|error| Failure::deferred(Duration::ZERO, format!("{place} {error}; {AGAIN}")))?;
            if status.is_success() {
                return Ok(Answer { headers, body });
            }
            let status = status.as_u16();
            let reason = reason(status, &body).unwrap_or_else(|| Reason::by_status(status, excerpt(&body)));
            let message = format!("{place} answered {status}: {}", reason.text);
            Err(match reason.may_pass {
                true => Failure::deferred(Duration::ZERO, message),
                false => Failure::refused(message),
            })
        })
        .await
}

/// Takes the text of an answer as a JWT: three parts of base64url, no longer than [`MAX_TOKEN_LEN`].
///
/// # Errors
/// Refused when it is something else, such as a captive portal's HTML.
pub fn jwt(place: &str, text: &[u8]) -> Result<IdToken, Failure> {
    compact(text).ok_or_else(|| {
        Failure::refused(format!(
            "{place} answered with something that is no OIDC token; check that nothing stands between this workload and it"
        ))
    })
}

/// A JWT in its compact form, with white space around it or without.
fn compact(text: &[u8]) -> Option<IdToken> {
    let text = str::from_utf8(text).unwrap_or_default().trim();
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'='))
    };
    let is_jwt = text.len() <= MAX_TOKEN_LEN && text.split('.').count() == 3 && text.split('.').all(is_part);
    is_jwt.then(|| IdToken::new(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_jwt_is_taken_for_one() {
        assert!(jwt("x", b"e30.e30.c2ln\n").is_ok());
        let long = format!("e30.e30.{}", "a".repeat(MAX_TOKEN_LEN));
        for bad in ["", "a.b", "a..b", "a.b.c.d", "<html>a.b.c</html>", "a.b.c d", &long] {
            assert!(jwt("x", bad.as_bytes()).is_err(), "{bad:.40}");
        }
        assert!(jwt("x", &[0xff, 0xfe]).is_err());
    }
}
