//! Access tokens for Google's own APIs.

use std::fmt;
use std::time::Duration;

use gatepass_core::client::Clients;
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::failure::Failure;
use jiff::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::credentials::Credentials;
use super::metadata::{MetadataServer, PLACE};

const PATH: &str = "/computeMetadata/v1/instance/service-accounts/default/token";

/// How long before its end a token is renewed. The metadata server gives the same one until five minutes before; Google's own
/// libraries renew at this time.
const MARGIN: Duration = Duration::from_secs(225);

/// An OAuth access token. It can do whatever this workload's service account can, so nothing that formats it shows it.
#[derive(Clone)]
pub struct AccessToken(SecretString);

impl AccessToken {
    pub(super) fn new(token: impl Into<String>) -> Self {
        Self(SecretString::from(token.into()))
    }

    /// The token itself, for an `Authorization` header and nothing else.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessToken(redacted)")
    }
}

/// Where access tokens come from: the metadata server on the platform, and away from it the credentials that `gcp_auth` finds.
pub struct AccessTokens(Source);

enum Source {
    Metadata { server: MetadataServer, held: Mutex<Option<Held>> },
    Credentials { credentials: Credentials, scope: &'static str },
}

struct Held {
    token: AccessToken,
    made: Timestamp,
    lives: Duration,
}

impl Held {
    /// By wall clock, because a frozen function's monotonic clock stands still; not if that clock has been set back.
    fn is_fresh(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.made);
        !age.is_negative() && age.unsigned_abs() < self.lives.saturating_sub(MARGIN)
    }
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    expires_in: u64,
}

impl AccessTokens {
    /// With `service_account` configured, this is away from the platform; `scope` is what its tokens are for. A token of the
    /// metadata server is for whatever the service account may do.
    pub fn new(env: &Env, clients: &Clients, service_account: Option<&str>, scope: &'static str) -> Self {
        Self(match service_account {
            Some(_) => Source::Credentials { credentials: Credentials::default(), scope },
            None => Source::Metadata { server: MetadataServer::new(env, clients), held: Mutex::default() },
        })
    }

    /// A token, from the cache where there is one. Many at once ask once.
    ///
    /// # Errors
    /// Deferred when the source cannot answer now, Refused when it is not there or says no.
    pub async fn get(&self, deadline: Deadline) -> Result<AccessToken, Failure> {
        match &self.0 {
            Source::Credentials { credentials, scope } => credentials.token(scope, deadline).await,
            Source::Metadata { server, held } => {
                let mut held = deadline.run(PLACE, async { Ok(held.lock().await) }).await?;
                if let Some(held) = held.as_ref().filter(|held| held.is_fresh(Timestamp::now())) {
                    return Ok(held.token.clone());
                }
                let made = Timestamp::now();
                let body = server.get(PATH, &[], deadline).await?;
                let answer: Answer = serde_json::from_slice(&body).map_err(|_| {
                    Failure::refused(format!("{PLACE} answered with something that is no access token"))
                })?;
                let token = AccessToken::new(answer.access_token);
                *held =
                    Some(Held { token: token.clone(), made, lives: Duration::from_secs(answer.expires_in) });
                Ok(token)
            }
        }
    }

    /// Drops a token that an API no longer takes.
    pub async fn forget(&self, token: &AccessToken) {
        match &self.0 {
            Source::Credentials { credentials, .. } => credentials.forget().await,
            Source::Metadata { held, .. } => {
                let mut held = held.lock().await;
                if held.as_ref().is_some_and(|held| held.token.expose() == token.expose()) {
                    *held = None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use gatepass_core::failure::Class;
    use gatepass_sandbox::Sandbox;
    use gatepass_sandbox::faults::Fault;

    use super::*;

    const ASKED: &str = "gcp-metadata";

    async fn tokens() -> (Sandbox, AccessTokens) {
        let sandbox = Sandbox::start().await.unwrap();
        let env: Env = sandbox.identity.gcp.env().into_iter().collect();
        let tokens = AccessTokens::new(&env, &Clients::new(None).unwrap(), None, "");
        (sandbox, tokens)
    }

    fn soon() -> Deadline {
        Deadline::after(Duration::from_secs(5))
    }

    #[tokio::test]
    async fn many_at_once_ask_once_and_a_forgotten_one_is_asked_for_again() {
        let (sandbox, tokens) = tokens().await;
        let (a, b, c) = tokio::join!(tokens.get(soon()), tokens.get(soon()), tokens.get(soon()));
        let first = a.unwrap();
        assert!(first.expose().starts_with("ya29.") && !format!("{first:?}").contains("ya29"));
        assert!([b.unwrap(), c.unwrap()].iter().all(|token| token.expose() == first.expose()));
        assert_eq!(sandbox.trace.hops_of(ASKED).len(), 1);

        tokens.forget(&first).await;
        let second = tokens.get(soon()).await.unwrap();
        assert_ne!(second.expose(), first.expose());
        tokens.forget(&first).await;
        assert_eq!(tokens.get(soon()).await.unwrap().expose(), second.expose(), "a newer one stays");
        assert_eq!(sandbox.trace.hops_of(ASKED).len(), 2);
    }

    #[tokio::test]
    async fn a_token_near_its_end_is_not_kept() {
        let (sandbox, tokens) = tokens().await;
        let short =
            Fault::on_any(PATH).body(r#"{"access_token":"a","expires_in":225,"token_type":"Bearer"}"#);
        sandbox.identity.gcp.metadata.faults().inject(short.header("metadata-flavor", "Google"));
        assert_eq!(tokens.get(soon()).await.unwrap().expose(), "a");
        assert_ne!(tokens.get(soon()).await.unwrap().expose(), "a");
    }

    #[tokio::test]
    async fn what_is_no_metadata_server_is_refused() {
        let genuine = |fault: Fault| fault.header("metadata-flavor", "Google");
        let on = || Fault::on_any(PATH);
        for (fault, refused, words) in [
            (on().body(r#"{"access_token":"stolen","expires_in":3600}"#), true, "Metadata-Flavor"),
            (genuine(on().body("{}")), true, "no access token"),
            (genuine(on().html()), true, "no access token"),
            (genuine(on().status(404).body("Not Found")), true, "run as a service account"),
            (genuine(on().status(503)), false, "503"),
        ] {
            let (sandbox, tokens) = tokens().await;
            sandbox.identity.gcp.metadata.faults().inject(fault);
            let failure = tokens.get(soon()).await.unwrap_err();
            assert_eq!(failure.class == Class::Refused, refused, "{failure}");
            assert!(failure.message.contains(words) && !failure.message.contains("stolen"), "{failure}");
        }
    }

    #[test]
    fn tokens_age_by_wall_clock() {
        let at = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).unwrap();
        let held = Held { token: AccessToken::new("t"), made: at(0), lives: Duration::from_secs(3600) };
        for (seconds, fresh) in [(0, true), (3374, true), (3375, false), (-1, false)] {
            assert_eq!(held.is_fresh(at(seconds)), fresh, "{seconds}");
        }
    }
}
