//! The role's own credentials, where AWS puts them: the environment (Lambda), or a container endpoint (ECS, EKS Pod
//! Identity).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
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
use url::{Host, Url};

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";

const PLACE: &str = "the container's credentials endpoint";

/// What to ask when it has no credentials.
const ROLE: &str = "does this task have a role?";

/// Where ECS's agent answers.
const ECS: &str = "http://169.254.170.2";

/// The link-local hosts that credentials may come from without encryption: ECS's, and EKS's over IPv4 and IPv6. The same
/// list as in AWS's SDKs.
const LINK_LOCAL: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

/// Fetched credentials are used until this long before they expire.
const MARGIN: Duration = Duration::from_secs(300);

pub(super) enum CredentialSource {
    /// Lambda gives the function its credentials when it starts, and replaces the function when they expire.
    Environment(Credentials),
    Container(Container),
}

pub(super) struct Container {
    client: Client,
    url: Url,
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
        let url = match (env.get(RELATIVE), env.get(FULL)) {
            (Some(path), _) => endpoint(RELATIVE, &format!("{ECS}{path}"))?,
            (None, Some(url)) => endpoint(FULL, url)?,
            (None, None) => {
                return Err("no AWS credentials: neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI is set; run this as a Lambda function or a task with a role".into());
            }
        };
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
fn endpoint(variable: &str, text: &str) -> Result<Url, String> {
    let wrong = |why: String| format!("{variable}: {why}");
    let url = Url::parse(text).map_err(|error| wrong(format!("this is no URL: {error}")))?;
    // It would make one host look like another, and is never sent.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("the URL has user info: leave it out".into()));
    }
    let address = match url.host() {
        Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
        Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
        Some(Host::Domain(_)) | None => None,
    };
    let is_link_local = url.scheme() == "http" && address.is_some_and(|host| LINK_LOCAL.contains(&host));
    if !is_link_local {
        // A credentials path may have a query, which a base URL has not.
        let mut base = url.clone();
        base.set_query(None);
        ServiceUrl::parse(base.as_str()).map_err(wrong)?;
    }
    Ok(url)
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
        let mut request = self.client.get(self.url.clone());
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
            "http://169.254.170.2:80/x?id=1",
            "http://127.0.0.1:1/x?id=1",
            "https://agent.example/x",
        ] {
            assert!(source(&[(FULL, good)]).is_ok(), "{good}");
        }
        for bad in [
            "http://10.0.0.1/x",
            "http://169.254.170.23.example.com/x",
            "http://169.254.170.2:x@evil.example/",
            "http://169.254.170.2@evil.example/",
            "https://169.254.170.2:x@evil.example/",
            "http://evil.example:x@169.254.170.2/",
            "http://[fd00:ec2::24]/v1",
            "http://evil.example/?http://169.254.170.2",
            "ftp://127.0.0.1",
            "ftp://169.254.170.2/x",
            "169.254.170.2",
        ] {
            let error = source(&[(FULL, bad)]).unwrap_err();
            assert!(error.starts_with("AWS_CONTAINER_CREDENTIALS_FULL_URI: "), "{bad}: {error}");
        }
        for bad in [":x@evil.example/", "@evil.example/", ".evil.example/"] {
            let error = source(&[(RELATIVE, bad)]).unwrap_err();
            assert!(error.starts_with("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: "), "{bad}: {error}");
        }
    }
}
