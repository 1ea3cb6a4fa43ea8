//! A role that is taken with a web identity: `AssumeRoleWithWebIdentity` of AWS STS, unsigned, because the token in the file
//! is the proof. EKS calls it "IAM roles for service accounts".
//!
//! Source: AWS STS API reference, "AssumeRoleWithWebIdentity"; AWS SDKs and Tools reference guide, "Assume role credential
//! provider".

use gatepass_core::client::{Clients, ServiceUrl};
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::{Reason, ask};
use reqwest::Client;

use super::{Fetched, token_in};
use crate::sts::{self, CONTENT_TYPE, element, form};

const FILE: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";
const ROLE: &str = "AWS_ROLE_ARN";

const PLACE: &str = "AWS STS (AssumeRoleWithWebIdentity)";

/// The session's name in AWS's logs, where nobody chose one.
const SESSION: &str = "gatepass";

pub(crate) struct AssumedRole {
    client: Client,
    url: String,
    file: String,
    role: String,
    session: String,
}

impl AssumedRole {
    pub(super) fn from_env(env: &Env, clients: &Clients, sts: &ServiceUrl) -> Result<Option<Self>, String> {
        let Some(file) = env.get(FILE) else { return Ok(None) };
        let role =
            env.get(ROLE).ok_or_else(|| format!("no AWS credentials: {FILE} is set and {ROLE} is not"))?;
        Ok(Some(Self {
            client: clients.outbound.clone(),
            url: format!("{}/", sts.as_str()),
            file: file.to_owned(),
            role: role.to_owned(),
            session: env.get("AWS_ROLE_SESSION_NAME").unwrap_or(SESSION).to_owned(),
        }))
    }

    pub(super) async fn fetch(&self, deadline: Deadline) -> Result<Fetched, Failure> {
        let token = token_in(FILE, &self.file)?;
        let parameters = [
            ("RoleArn", self.role.as_str()),
            ("RoleSessionName", &self.session),
            ("WebIdentityToken", token.trim()),
        ];
        let body = form("AssumeRoleWithWebIdentity", &parameters);
        let request = self.client.post(&self.url).header("content-type", CONTENT_TYPE).body(body);
        let absent = "check AWS_REGION, and the VPC endpoint for STS if this pod has no way out";
        let answer = ask(PLACE, request, deadline, absent, reason).await?;
        let text = String::from_utf8_lossy(&answer.body);
        let part = |name| element(&text, name).filter(|text| !text.is_empty());
        let parts = (
            part("AccessKeyId"),
            part("SecretAccessKey"),
            part("SessionToken"),
            part("Expiration").and_then(|time| time.parse().ok()),
        );
        match parts {
            (Some(id), Some(secret), session @ Some(_), Some(expires)) => {
                Ok(Fetched::new(id, secret, session, expires))
            }
            _ => Err(Failure::refused(format!(
                "{PLACE} answered with no credentials; check what stands between this workload and it"
            ))),
        }
    }
}

fn reason(status: u16, body: &[u8]) -> Option<Reason> {
    Some(sts::reason(status, body, next))
}

/// What to change, by the code of a refusal.
fn next(code: &str) -> Option<&'static str> {
    Some(match code {
        "AccessDenied" | "AccessDeniedException" => {
            "the role's trust policy does not admit this service account: check AWS_ROLE_ARN, and the role's conditions on `sub` and `aud`"
        }
        "InvalidIdentityToken" | "InvalidIdentityTokenException" => {
            "the token is not accepted: check that IAM knows its issuer, and the audience sts.amazonaws.com"
        }
        "ExpiredToken" | "ExpiredTokenException" => {
            "the token in the file has expired: does the cluster still replace it?"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_change() {
        for (code, words) in [
            ("AccessDenied", "AWS_ROLE_ARN"),
            ("InvalidIdentityToken", "issuer"),
            ("ExpiredTokenException", "in the file has expired"),
        ] {
            let xml = format!("<Error><Code>{code}</Code></Error>");
            let reason = reason(400, xml.as_bytes()).unwrap();
            assert!(reason.text.contains(words) && !reason.may_pass, "{code}");
        }
    }
}
