//! The container credentials endpoint of ECS and EKS Pod Identity.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use gatepass_core::client::{Clients, excerpt};
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::{Reason, ask};
use jiff::Timestamp;
use reqwest::Client;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use url::Url;

use super::{Fetched, local_url, token_in};

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

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

pub(crate) struct Container {
    client: Client,
    url: Url,
    token: Option<Token>,
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

impl Container {
    pub(super) fn from_env(env: &Env, clients: &Clients) -> Result<Option<Self>, String> {
        let url = match (env.get(RELATIVE), env.get(FULL)) {
            (Some(path), _) => local_url(RELATIVE, &format!("{ECS}{path}"), &LINK_LOCAL)?,
            (None, Some(url)) => local_url(FULL, url, &LINK_LOCAL)?,
            (None, None) => return Ok(None),
        };
        let token = match (env.get(TOKEN_FILE), env.get("AWS_CONTAINER_AUTHORIZATION_TOKEN")) {
            (Some(path), _) => Some(Token::File(path.to_owned())),
            (None, Some(value)) => Some(Token::Value(value.into())),
            (None, None) => None,
        };
        Ok(Some(Self { client: clients.identity.clone(), url, token }))
    }

    pub(super) async fn fetch(&self, deadline: Deadline) -> Result<Fetched, Failure> {
        let mut request = self.client.get(self.url.clone());
        if let Some(token) = &self.token {
            request = request.header("authorization", token.header()?);
        }
        let answered = ask(PLACE, request, deadline, ROLE, reason).await?;
        let answer: Answer = serde_json::from_slice(&answered.body)
            .map_err(|_| Failure::refused(format!("{PLACE} answered with something else; {ROLE}")))?;
        let Answer { access_key_id, secret_access_key, token, expiration } = answer;
        Ok(Fetched::new(&access_key_id, &secret_access_key, token.as_deref(), expiration))
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
            Self::File(path) => token_in(TOKEN_FILE, path)?,
        };
        let mut value = HeaderValue::from_str(text.trim())
            .map_err(|_| Failure::refused("the container's authorization token is no plain text"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::source;
    use super::*;

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
            "http://169.254.169.254/x",
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
