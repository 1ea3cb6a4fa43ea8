//! The account as this workload sees it: its region, its credentials, and where AWS's services answer.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use gatepass_core::client::{Clients, ServiceUrl, describe, read_body};
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::event::MAX_BODY;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::{IDENTITY_TIMEOUT, Reason};
use reqwest::Client;
use reqwest::header::HeaderValue;

use crate::credentials::CredentialSource;
use crate::signing::{ToSign, sign};

/// One service of AWS, and the variable that names a stand-in for it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service {
    /// As requests are signed for it, and as its host's name begins.
    pub(crate) name: &'static str,
    variable: &'static str,
}

impl Service {
    pub(crate) const STS: Self = Self { name: "sts", variable: "AWS_ENDPOINT_URL_STS" };
    pub(crate) const SQS: Self = Self { name: "sqs", variable: "AWS_ENDPOINT_URL_SQS" };
    pub(crate) const SECRETS_MANAGER: Self =
        Self { name: "secretsmanager", variable: "AWS_ENDPOINT_URL_SECRETS_MANAGER" };
    pub(crate) const SYSTEMS_MANAGER: Self = Self { name: "ssm", variable: "AWS_ENDPOINT_URL_SSM" };

    /// The override of AWS's SDKs, for this service or for all, else the regional endpoint.
    pub(crate) fn endpoint(self, env: &Env, region: &str) -> Result<ServiceUrl, String> {
        let (variable, url) = match [self.variable, "AWS_ENDPOINT_URL"].map(|name| (name, env.get(name))) {
            [(variable, Some(url)), _] | [(_, None), (variable, Some(url))] => (variable, url.to_owned()),
            _ => ("AWS_REGION", format!("https://{}.{region}.{}", self.name, dns_suffix(region))),
        };
        ServiceUrl::parse(&url).map_err(|error| format!("{variable}: {error}"))
    }
}

/// What stands after the region in a service's name. Of the partitions `aws`, `aws-cn` and `aws-us-gov` only China has
/// its own.
fn dns_suffix(region: &str) -> &'static str {
    if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" }
}

/// Signs requests as this workload, and sends them.
pub struct Account {
    client: Client,
    credentials: CredentialSource,
    region: String,
    env: Env,
}

/// A request, once it is signed.
pub(crate) struct Request<'a> {
    /// For messages.
    pub(crate) place: &'a str,
    pub(crate) to: ToSign<'a>,
    /// What to say when nothing answers there, if that is final: identity endpoints are next door, and absent ones stay
    /// so. Without it, that is Deferred.
    pub(crate) absent: Option<&'a str>,
}

/// What a service answered.
pub(crate) struct Received {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

impl Account {
    /// Takes region, endpoints and the kind of credentials from the variables that AWS sets.
    ///
    /// # Errors
    /// A sentence that names the variable that is missing or wrong.
    pub fn from_env(env: &Env, clients: &Clients) -> Result<Arc<Self>, String> {
        let region = env
            .get("AWS_REGION")
            .or_else(|| env.get("AWS_DEFAULT_REGION"))
            .ok_or("AWS_REGION is not set: GetWebIdentityToken is offered at regional endpoints only")?;
        let sts = Service::STS.endpoint(env, region)?;
        let credentials = CredentialSource::from_env(env, clients, &sts)?;
        let client = clients.outbound.clone();
        Ok(Arc::new(Self { client, credentials, region: region.to_owned(), env: env.clone() }))
    }

    /// Where the workload runs.
    pub(crate) fn region(&self) -> &str {
        &self.region
    }

    /// Where `service` answers for `region`.
    pub(crate) fn endpoint(&self, service: Service, region: &str) -> Result<ServiceUrl, String> {
        service.endpoint(&self.env, region)
    }

    /// Signs a request and sends it. Credentials that have expired are fetched once more; a connection that breaks is
    /// tried once more, because a pooled one may be dead after a freeze.
    ///
    /// # Errors
    /// When there are no credentials, and when there is no answer. What the service says no to is an answer.
    pub(crate) async fn send(&self, request: &Request<'_>, deadline: Deadline) -> Result<Received, Failure> {
        let credentials = self.credentials.get(deadline).await?;
        let received = self.send_with(&credentials, request, deadline).await?;
        if !received.says_expired() || !self.credentials.forget(&credentials).await {
            return Ok(received);
        }
        let credentials = self.credentials.get(deadline).await?;
        self.send_with(&credentials, request, deadline).await
    }

    async fn send_with(
        &self,
        credentials: &Credentials,
        request: &Request<'_>,
        deadline: Deadline,
    ) -> Result<Received, Failure> {
        let place = request.place;
        let again = |what: String| {
            Failure::deferred(Duration::ZERO, format!("{place} {what}; deliver the event again"))
        };
        let signed = self.signed(credentials, request)?;
        let exchange = async {
            let second = signed.try_clone();
            let response = match (signed.send().await, second) {
                (Err(error), Some(second)) if !error.is_connect() && !error.is_timeout() => {
                    second.send().await
                }
                (result, _) => result,
            };
            let response = response.map_err(|error| match request.absent {
                Some(absent) if error.is_connect() && !error.is_timeout() => {
                    Failure::refused(format!("{place} {}; {absent}", describe(&error)))
                }
                _ => again(describe(&error)),
            })?;
            let status = response.status().as_u16();
            let body = read_body(response, MAX_BODY).await.map_err(|error| again(error.to_string()))?;
            Ok(Received { status, body })
        };
        deadline.at_most(IDENTITY_TIMEOUT).run(place, exchange).await
    }

    fn signed(
        &self,
        credentials: &Credentials,
        request: &Request<'_>,
    ) -> Result<reqwest::RequestBuilder, Failure> {
        let Request { place, to, .. } = request;
        let headers = sign(credentials, to, SystemTime::now())
            .map_err(|error| Failure::refused(format!("{place}: the request cannot be signed: {error}")))?;
        let mut signed = self.client.post(to.url).body(to.body.to_owned());
        for (name, value) in to.headers {
            signed = signed.header(*name, *value);
        }
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(&value)
                .map_err(|_| Failure::refused(format!("{place}: the credentials are no plain text")))?;
            value.set_sensitive(true);
            signed = signed.header(name, value);
        }
        Ok(signed)
    }
}

impl Received {
    pub(crate) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The failure that a refusal is, for this reason.
    pub(crate) fn refusal(&self, place: &str, reason: Reason) -> Failure {
        let message = format!("{place} answered {}: {}", self.status, reason.text);
        if reason.may_pass { Failure::deferred(Duration::ZERO, message) } else { Failure::refused(message) }
    }

    /// `ExpiredToken` of the Query protocol, `ExpiredTokenException` of the JSON protocols.
    fn says_expired(&self) -> bool {
        const CODE: &[u8] = b"ExpiredToken";
        matches!(self.status, 400 | 401 | 403) && self.body.windows(CODE.len()).any(|window| window == CODE)
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("region", &self.region)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_override_of_the_service_comes_before_that_of_all() {
        let (one, all) =
            (("AWS_ENDPOINT_URL_SQS", "http://127.0.0.1:1"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:2"));
        for (variables, expected) in [
            (vec![one, all], "http://127.0.0.1:1"),
            (vec![all], "http://127.0.0.1:2"),
            (vec![], "https://sqs.eu-west-1.amazonaws.com"),
        ] {
            let endpoint = Service::SQS.endpoint(&Env::from_iter(variables), "eu-west-1").unwrap();
            assert_eq!(endpoint.as_str(), expected);
        }
        let bad = Env::from_iter([("AWS_ENDPOINT_URL", "http://sqs.example.com")]);
        assert!(Service::SQS.endpoint(&bad, "eu-west-1").unwrap_err().starts_with("AWS_ENDPOINT_URL: "));
    }

    #[test]
    fn each_partition_has_its_suffix() {
        for (region, host) in [
            ("eu-west-1", "https://sts.eu-west-1.amazonaws.com"),
            ("cn-north-1", "https://sts.cn-north-1.amazonaws.com.cn"),
            ("us-gov-west-1", "https://sts.us-gov-west-1.amazonaws.com"),
        ] {
            assert_eq!(Service::STS.endpoint(&Env::default(), region).unwrap().as_str(), host);
        }
    }

    #[test]
    fn only_a_refusal_can_say_that_credentials_have_expired() {
        for (status, body, expected) in [
            (403, "<Code>ExpiredToken</Code>", true),
            (400, r#"{"__type":"ExpiredTokenException"}"#, true),
            (403, "<Code>AccessDenied</Code>", false),
            (200, "ExpiredToken", false),
            (500, "ExpiredToken", false),
            (403, "", false),
        ] {
            assert_eq!(Received { status, body: body.into() }.says_expired(), expected, "{status} {body}");
        }
    }
}
