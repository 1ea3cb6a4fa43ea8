//! Webhooks' secrets in AWS Secrets Manager and in the parameter store of AWS Systems Manager.
//!
//! Source: API references, "GetSecretValue" and "GetParameter" (AWS JSON 1.1).

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass_core::client::ServiceUrl;
use gatepass_core::config::{AwsSecret, SecretSource};
use gatepass_core::deadline::Deadline;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::Pending;
use gatepass_core::secret::WebhookSecret;
use gatepass_core::secret_store::SecretStore;
use serde_json::{Value, json};

use crate::account::{Account, Service};
use crate::api::Call;

/// Reads `aws_secret` and `aws_parameter` as this workload.
#[derive(Debug)]
pub struct AwsSecrets {
    account: Arc<Account>,
}

/// One of the two services, and how it is asked.
struct Store {
    service: Service,
    /// What is kept there, for messages.
    what: &'static str,
    place: &'static str,
    target: &'static str,
    allow: &'static str,
}

const SECRETS_MANAGER: Store = Store {
    service: Service::SECRETS_MANAGER,
    what: "aws_secret",
    place: "AWS Secrets Manager (GetSecretValue)",
    target: "secretsmanager.GetSecretValue",
    allow: "secretsmanager:GetSecretValue, and kms:Decrypt on its key if that is your own,",
};

const PARAMETER_STORE: Store = Store {
    service: Service::SYSTEMS_MANAGER,
    what: "aws_parameter",
    place: "AWS Systems Manager (GetParameter)",
    target: "AmazonSSM.GetParameter",
    allow: "ssm:GetParameter, and kms:Decrypt on its key if that is your own,",
};

impl AwsSecrets {
    /// The stores of this account.
    ///
    /// # Errors
    /// A sentence that names the variable that is wrong.
    pub fn new(account: Arc<Account>) -> Result<Self, String> {
        for store in [SECRETS_MANAGER, PARAMETER_STORE] {
            account.endpoint(store.service, account.region())?;
        }
        Ok(Self { account })
    }

    async fn secret(&self, source: &AwsSecret, deadline: Deadline) -> Result<WebhookSecret, Failure> {
        let (id, key) = match source {
            AwsSecret::Whole(id) => (id, None),
            AwsSecret::Field(field) => (&field.id, Some(&field.key)),
        };
        let answer = self.ask(&SECRETS_MANAGER, id, &json!({ "SecretId": id }), deadline).await?;
        let text = match (answer.get("SecretString"), answer.get("SecretBinary")) {
            (Some(Value::String(text)), _) => Some(text.clone()),
            (_, Some(Value::String(binary))) => {
                STANDARD.decode(binary).ok().and_then(|bytes| String::from_utf8(bytes).ok())
            }
            _ => None,
        };
        let wrong = |why: &str| Failure::refused(format!("the aws_secret {id} {why}"));
        let text = text.ok_or_else(|| wrong("is no text"))?;
        let text = match key {
            None => text,
            Some(key) => field(&text, key).ok_or_else(|| {
                wrong(&format!("is no JSON object with a text under the key {key:?}; check `key`"))
            })?,
        };
        WebhookSecret::new(text).ok_or_else(|| wrong("is empty"))
    }

    async fn parameter(&self, name: &str, deadline: Deadline) -> Result<WebhookSecret, Failure> {
        let body = json!({ "Name": name, "WithDecryption": true });
        let answer = self.ask(&PARAMETER_STORE, name, &body, deadline).await?;
        let value = answer.pointer("/Parameter/Value").and_then(Value::as_str);
        let secret = value.and_then(WebhookSecret::new);
        secret.ok_or_else(|| Failure::refused(format!("the aws_parameter {name} is empty")))
    }

    async fn ask(&self, store: &Store, id: &str, body: &Value, deadline: Deadline) -> Result<Value, Failure> {
        let region = region(id).unwrap_or(self.account.region());
        let wrong = |error| Failure::refused(format!("the {} {id}: {error}", store.what));
        let endpoint: ServiceUrl = self.account.endpoint(store.service, region).map_err(wrong)?;
        let call = Call {
            service: store.service,
            region,
            endpoint: &endpoint,
            place: store.place,
            protocol: "1.1",
            target: store.target,
            allow: &format!("{} on {id}", store.allow),
            absent: &format!("there is no {} {id} in {region}: check its name, and the region", store.what),
        };
        let failed = |failure: Failure| match failure.message.contains(id) {
            true => failure,
            false => Failure { message: format!("the {} {id}: {}", store.what, failure.message), ..failure },
        };
        self.account.call(&call, body, deadline).await.map_err(failed)
    }
}

/// The region of an ARN.
fn region(id: &str) -> Option<&str> {
    let mut parts = id.strip_prefix("arn:")?.split(':');
    let region = parts.nth(2).filter(|region| !region.is_empty())?;
    region.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-').then_some(region)
}

/// The text under `key` of a JSON object.
fn field(text: &str, key: &str) -> Option<String> {
    let object: Value = serde_json::from_str(text).ok()?;
    object.as_object()?.get(key)?.as_str().map(str::to_owned)
}

impl SecretStore for AwsSecrets {
    fn keeps(&self, source: &SecretSource) -> bool {
        matches!(source, SecretSource::AwsSecret(_) | SecretSource::AwsParameter(_))
    }

    fn read<'a>(
        &'a self,
        source: &'a SecretSource,
        deadline: Deadline,
    ) -> Pending<'a, Result<WebhookSecret, Failure>> {
        Box::pin(async move {
            match source {
                SecretSource::AwsSecret(secret) => self.secret(secret, deadline).await,
                SecretSource::AwsParameter(name) => self.parameter(name, deadline).await,
                SecretSource::Env(_) | SecretSource::File(_) => {
                    Err(Failure::refused("AWS keeps no environment variables and no files"))
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_is_the_arns() {
        for (id, expected) in [
            ("arn:aws:secretsmanager:eu-central-1:123456789012:secret:hook-AbCdEf", Some("eu-central-1")),
            ("arn:aws:ssm:us-east-1:123456789012:parameter/hook", Some("us-east-1")),
            ("arn:aws:ssm:evil.example/:123456789012:parameter/hook", None),
            ("arn:aws:ssm", None),
            ("hook", None),
            ("/gatepass/hook", None),
        ] {
            assert_eq!(region(id), expected, "{id}");
        }
    }

    #[test]
    fn a_field_is_a_text_in_an_object() {
        assert_eq!(field(r#"{"hook":"s"}"#, "hook").as_deref(), Some("s"));
        for bad in ["", "s", "[]", r#"{"other":"s"}"#, r#"{"hook":1}"#] {
            assert_eq!(field(bad, "hook"), None, "{bad}");
        }
    }
}
