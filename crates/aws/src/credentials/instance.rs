//! EC2's instance metadata service, version 2 alone: version 1 answers whoever can make this workload send a GET.
//!
//! Source: EC2 user guide, "Use the Instance Metadata Service to access instance metadata".

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use gatepass_core::client::{Clients, excerpt};
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::{Reason, ask};
use jiff::Timestamp;
use reqwest::header::HeaderValue;
use reqwest::{Client, RequestBuilder};
use serde::Deserialize;

use super::{Fetched, local_url};

const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const DISABLED: &str = "AWS_EC2_METADATA_DISABLED";

const PLACE: &str = "EC2's instance metadata";

/// What to ask when it has no credentials.
const ROLE: &str = "does this instance have a role (an instance profile)?";

/// The only places where it answers without encryption, besides loopback.
const LINK_LOCAL: [IpAddr; 2] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];
const FIXED: &str = "http://169.254.169.254";

/// The session token is asked for anew at each refresh and used at once: its life, in seconds.
const TTL: &str = "60";

/// Off EC2 nothing answers, and not even with a refusal. The SDKs wait as long.
const PATIENCE: Duration = Duration::from_secs(1);

const CREDENTIALS: &str = "latest/meta-data/iam/security-credentials/";

pub(crate) struct Instance {
    client: Client,
    base: String,
}

/// As the service answers.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    code: String,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    token: Option<String>,
    expiration: Option<Timestamp>,
}

impl Instance {
    pub(super) fn from_env(env: &Env, clients: &Clients) -> Result<Option<Self>, String> {
        // Whatever is no clear yes is a no, as for the SDKs.
        if env.get(DISABLED).is_some_and(|value| value.eq_ignore_ascii_case("true")) {
            return Ok(None);
        }
        let url = local_url(ENDPOINT, env.get(ENDPOINT).unwrap_or(FIXED), &LINK_LOCAL)?;
        let base = url.as_str().trim_end_matches('/').to_owned();
        Ok(Some(Self { client: clients.identity.clone(), base }))
    }

    pub(super) async fn fetch(&self, deadline: Deadline) -> Result<Fetched, Failure> {
        let wrong = |what: &str| Failure::refused(format!("{PLACE} answered with {what}; {ROLE}"));
        let request = self.client.put(format!("{}/latest/api/token", self.base));
        let request = request.header("x-aws-ec2-metadata-token-ttl-seconds", TTL);
        let token = text(self.ask(request, deadline).await?).ok_or_else(|| wrong("no session token"))?;
        let mut token = HeaderValue::from_str(&token).map_err(|_| wrong("no session token"))?;
        token.set_sensitive(true);
        let get = |path: &str| {
            let request = self.client.get(format!("{}/{path}", self.base));
            request.header("x-aws-ec2-metadata-token", token.clone())
        };
        let role = text(self.ask(get(CREDENTIALS), deadline).await?);
        let role = role.filter(|role| is_role(role)).ok_or_else(|| wrong("no role's name"))?;
        let answer = self.ask(get(&format!("{CREDENTIALS}{role}")), deadline).await?;
        let answer: Answer = serde_json::from_slice(&answer).map_err(|_| wrong("something else"))?;
        match answer {
            Answer {
                code,
                access_key_id: Some(id),
                secret_access_key: Some(secret),
                token: Some(session),
                expiration: Some(expires),
            } if code == "Success" => Ok(Fetched::new(&id, &secret, Some(&session), expires)),
            Answer { code, .. } => Err(wrong(&excerpt(code.as_bytes()))),
        }
    }

    async fn ask(&self, request: RequestBuilder, deadline: Deadline) -> Result<Vec<u8>, Failure> {
        let limit = PATIENCE.min(deadline.remaining());
        match tokio::time::timeout(limit, ask(PLACE, request, deadline, ROLE, reason)).await {
            Ok(answer) => answer.map(|answer| answer.body),
            Err(_) => Err(Failure::deferred(
                Duration::ZERO,
                format!(
                    "{PLACE} has not answered in time, and nothing else gives this workload credentials; is this an EC2 instance? In a container on one, raise the instance's metadata hop limit to 2"
                ),
            )),
        }
    }
}

/// A line of plain text.
fn text(body: Vec<u8>) -> Option<String> {
    let text = String::from_utf8(body).ok()?;
    let text = text.trim();
    (!text.is_empty() && !text.contains(char::is_whitespace)).then(|| text.to_owned())
}

/// It becomes a part of a path.
fn is_role(name: &str) -> bool {
    !matches!(name, "." | "..")
        && name.len() <= 128
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c))
}

/// What a refusal means, and what to change.
fn reason(status: u16, body: &[u8]) -> Option<Reason> {
    let next = match status {
        403 => "is the metadata service turned off for this instance?",
        400..=499 if status != 429 => ROLE,
        _ => "deliver the event again",
    };
    Some(Reason::by_status(status, format!("{}; {next}", excerpt(body))))
}

#[cfg(test)]
mod tests {
    use super::super::tests::source;
    use super::*;

    #[test]
    fn metadata_comes_from_the_fixed_address_or_this_machine() {
        for good in [
            "http://169.254.169.254",
            "http://[fd00:ec2::254]/",
            "http://127.0.0.1:1338",
            "https://imds.example",
        ] {
            assert!(source(&[(ENDPOINT, good)]).is_ok(), "{good}");
        }
        for bad in [
            "http://169.254.169.253",
            "http://169.254.170.2",
            "http://169.254.169.254.example.com",
            "http://169.254.169.254@evil.example",
            "http://metadata.example",
            "169.254.169.254",
        ] {
            let error = source(&[(ENDPOINT, bad)]).unwrap_err();
            assert!(error.starts_with("AWS_EC2_METADATA_SERVICE_ENDPOINT: "), "{bad}: {error}");
        }
    }

    #[test]
    fn a_roles_name_cannot_leave_its_path() {
        for (name, expected) in [
            ("gatepass-instance", true),
            ("a+b=c,d.e@f-1", true),
            ("a/b", false),
            ("../x", false),
            ("..", false),
            ("a?b", false),
            ("a%2fb", false),
        ] {
            assert_eq!(is_role(name), expected, "{name}");
        }
        for (body, expected) in [("role\n", Some("role")), ("", None), ("a\nb", None), ("<html> x", None)] {
            assert_eq!(text(body.into()).as_deref(), expected, "{body}");
        }
    }
}
