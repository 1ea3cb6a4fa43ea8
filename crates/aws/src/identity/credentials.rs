//! The role's own credentials, where AWS puts them: the environment (Lambda), or a container endpoint (ECS, EKS Pod
//! Identity).

use std::fmt;
use std::time::Duration;

use aws_credential_types::Credentials;
use gatepass_core::client::{Clients, ServiceUrl, excerpt};
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::{Reason, ask};
use jiff::Timestamp;
use reqwest::Client;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use tokio::sync::Mutex;

const PLACE: &str = "the container's credentials endpoint";

/// What to ask when it has no credentials.
const ROLE: &str = "does this task have a role?";

/// Where ECS's agent answers.
const ECS: &str = "http://169.254.170.2";

/// The link-local hosts that credentials may come from without encryption: ECS's, and EKS's over IPv4 and IPv6. The same
/// list as in AWS's SDKs.
const LINK_LOCAL: [&str; 3] = ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]"];

/// Fetched credentials are used until this long before they expire.
const MARGIN: Duration = Duration::from_secs(300);

pub(super) enum CredentialSource {
    /// Lambda gives the function its credentials when it starts, and replaces the function when they expire.
    Environment(Credentials),
    Container(Container),
}

pub(super) struct Container {
    client: Client,
    url: String,
    token: Option<Token>,
    held: Mutex<Option<(Credentials, Timestamp)>>,
}

/// What the endpoint wants to see.
enum Token {
    Value(secrecy::SecretString),
    /// EKS rotates it, so it is read every time.
    File(String),
}

/// As the endpoint answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    access_key_id: String,
    secret_access_key: String,
    token: Option<String>,
    expiration: Timestamp,
}

impl CredentialSource {
    /// The first that there is: the environment, then the container's endpoint.
    pub(super) fn from_env(env: &Env, clients: &Clients) -> Result<Self, String> {
        if let (Some(id), Some(secret)) = (env.get("AWS_ACCESS_KEY_ID"), env.get("AWS_SECRET_ACCESS_KEY")) {
            let session = env.get("AWS_SESSION_TOKEN").map(str::to_owned);
            return Ok(Self::Environment(Credentials::new(id, secret, session, None, "environment")));
        }
        let url = match (
            env.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
            env.get("AWS_CONTAINER_CREDENTIALS_FULL_URI"),
        ) {
            (Some(path), _) => format!("{ECS}{path}"),
            (None, Some(url)) => url.to_owned(),
            (None, None) => {
                return Err("no AWS credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI is set; run this as a Lambda function or a task with a role".into());
            }
        };
        check(&url)?;
        let token = match (
            env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"),
            env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN"),
        ) {
            (Some(path), _) => Some(Token::File(path.to_owned())),
            (None, Some(value)) => Some(Token::Value(value.into())),
            (None, None) => None,
        };
        Ok(Self::Container(Container {
            client: clients.identity.clone(),
            url,
            token,
            held: Mutex::default(),
        }))
    }

    pub(super) async fn get(&self, deadline: Deadline) -> Result<Credentials, Failure> {
        match self {
            Self::Environment(credentials) => Ok(credentials.clone()),
            Self::Container(container) => container.get(deadline).await,
        }
    }
}

/// Credentials come over https, or from this machine and its link-local agents.
fn check(url: &str) -> Result<(), String> {
    let is_link_local = LINK_LOCAL.iter().any(|host| {
        url.strip_prefix("http://")
            .and_then(|rest| rest.strip_prefix(host))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':', '?']))
    });
    // A credentials path may have a query, which a base URL has not.
    let base = url.split('?').next().unwrap_or_default();
    if is_link_local {
        Ok(())
    } else {
        ServiceUrl::parse(base)
            .map(drop)
            .map_err(|error| format!("AWS_CONTAINER_CREDENTIALS_FULL_URI: {error}"))
    }
}

impl Container {
    async fn get(&self, deadline: Deadline) -> Result<Credentials, Failure> {
        // Held across the call: many events at once make one.
        let mut held = self.held.lock().await;
        if let Some((credentials, expires)) = held.as_ref()
            && expires.duration_since(Timestamp::now()).unsigned_abs() > MARGIN
            && *expires > Timestamp::now()
        {
            return Ok(credentials.clone());
        }
        let mut request = self.client.get(&self.url);
        if let Some(token) = &self.token {
            request = request.header("authorization", token.header()?);
        }
        let answered = ask(PLACE, request, deadline, ROLE, reason).await?;
        let answer: Answer = serde_json::from_slice(&answered.body)
            .map_err(|_| Failure::refused(format!("{PLACE} answered with something else; {ROLE}")))?;
        let credentials =
            Credentials::new(answer.access_key_id, answer.secret_access_key, answer.token, None, "container");
        *held = Some((credentials.clone(), answer.expiration));
        Ok(credentials)
    }
}

/// What a refusal means, and what to change.
fn reason(status: u16, body: &[u8]) -> Option<Reason> {
    let next = match status {
        401 | 403 => {
            "check AWS_CONTAINER_AUTHORIZATION_TOKEN, or the file that AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names"
        }
        400..=499 if status != 429 => ROLE,
        _ => "deliver the event again",
    };
    Some(Reason::by_status(status, format!("{}; {next}", excerpt(body))))
}

impl Token {
    fn header(&self) -> Result<HeaderValue, Failure> {
        use secrecy::ExposeSecret as _;
        let text = match self {
            Self::Value(value) => value.expose_secret().to_owned(),
            Self::File(path) => std::fs::read_to_string(path).map_err(|error| {
                Failure::refused(format!(
                    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: {path} cannot be read: {error}"
                ))
            })?,
        };
        let mut value = HeaderValue::from_str(text.trim())
            .map_err(|_| Failure::refused("the container's authorization token is no plain text"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Environment(_) => "Environment",
            Self::Container(_) => "Container",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(variables: &[(&str, &str)]) -> Result<CredentialSource, String> {
        let env = variables.iter().copied().collect();
        CredentialSource::from_env(&env, &Clients::new(None).unwrap())
    }

    #[test]
    fn the_environment_comes_first() {
        let keys = [("AWS_ACCESS_KEY_ID", "a"), ("AWS_SECRET_ACCESS_KEY", "s")];
        let both = [keys.to_vec(), vec![("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x")]].concat();
        assert_eq!(format!("{:?}", source(&both).unwrap()), "Environment");
        assert_eq!(format!("{:?}", source(&both[2..]).unwrap()), "Container");
        assert!(source(&keys[..1]).unwrap_err().contains("AWS_SECRET_ACCESS_KEY"));
    }

    #[test]
    fn credentials_come_from_this_machine_or_over_https() {
        for good in [
            "http://169.254.170.23/v1/credentials",
            "http://[fd00:ec2::23]/v1",
            "http://127.0.0.1:1/x?id=1",
            "https://agent.example/x",
        ] {
            assert!(source(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", good)]).is_ok(), "{good}");
        }
        for bad in
            ["http://10.0.0.1/x", "http://169.254.170.23.example.com/x", "ftp://127.0.0.1", "169.254.170.2"]
        {
            assert!(source(&[("AWS_CONTAINER_CREDENTIALS_FULL_URI", bad)]).is_err(), "{bad}");
        }
    }
}
