//! When a job runs, and how webhooks are signed.

use schemars::JsonSchema;
use serde::Deserialize;

use super::cron::Cron;
use super::values::EventFilter;
use crate::names::{CallerName, HeaderField, VariableName};

/// When a job runs.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// On an event.
    Event(EventFilter),
    /// At times.
    Schedule(ScheduleTrigger),
    /// When called.
    Http(HttpTrigger),
    /// When a webhook is delivered.
    Webhook(WebhookTrigger),
}

/// Times.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScheduleTrigger {
    /// Five fields: minute, hour, day of month, month, day of week.
    pub cron: Cron,
    /// An IANA time zone; UTC when left out.
    pub timezone: Option<String>,
    /// Who may call over HTTP; native timers need none.
    pub caller: Option<CallerName>,
}

impl ScheduleTrigger {
    /// The IANA time zone that the times are meant in.
    pub fn zone(&self) -> &str {
        self.timezone.as_deref().unwrap_or("UTC")
    }

    /// Whether they are meant in UTC.
    pub fn is_utc(&self) -> bool {
        let zone = self.zone();
        matches!(
            zone.strip_prefix("Etc/").unwrap_or(zone),
            "UTC" | "UCT" | "GMT" | "Zulu" | "Universal" | "Greenwich"
        )
    }
}

/// A call.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpTrigger {
    /// Who may call.
    pub caller: CallerName,
}

/// A webhook.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WebhookTrigger {
    /// How deliveries are signed.
    pub signature: Signature,
    /// Which events: for GitHub as `push` or `release.published`, for Standard Webhooks the body's `type`; all when left
    /// out.
    #[serde(default)]
    pub events: Vec<String>,
    /// Where the secrets are: several while one is rotated.
    pub secrets: Vec<SecretSource>,
}

/// How deliveries are signed.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signature {
    /// `X-Hub-Signature-256`.
    Github,
    /// `webhook-id`, `webhook-timestamp` and `webhook-signature`, as standardwebhooks.com specifies them.
    StandardWebhooks,
    /// An HMAC-SHA-256 of the body in a header of your own.
    Hmac(HmacScheme),
}

/// An HMAC-SHA-256 of the body, in a header.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HmacScheme {
    /// The header's name.
    pub header: HeaderField,
    /// What stands before the digest, as in `sha256=`.
    #[serde(default)]
    pub prefix: String,
    /// How the digest is written; hexadecimal when left out.
    #[serde(default)]
    pub encoding: DigestEncoding,
}

/// How a digest is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DigestEncoding {
    /// Hexadecimal, in either case.
    #[default]
    Hex,
    /// Base64 of the standard alphabet.
    Base64,
}

/// Where a webhook's secret is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// In an environment variable.
    Env(VariableName),
    /// In a file, less the line break at its end.
    File(String),
    /// In AWS Secrets Manager.
    AwsSecret(AwsSecret),
    /// In AWS Systems Manager's parameter store: the parameter's name or ARN.
    AwsParameter(String),
}

/// A secret of AWS Secrets Manager: all of its text, or one field where that is JSON.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AwsSecret {
    /// All of it: the secret's ARN or name.
    Whole(String),
    /// One field.
    Field(AwsSecretField),
}

/// One field of a secret of AWS Secrets Manager whose text is a JSON object, as its console makes them.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwsSecretField {
    /// The secret's ARN or name.
    pub id: String,
    /// The key in its JSON object.
    pub key: String,
}
