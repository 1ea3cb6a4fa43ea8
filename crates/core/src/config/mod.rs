//! `gatepass.yaml`, version 1: the types, which are also the source of the JSON Schema.
//!
//! The format is fixed in `docs/contract.md`. Structure and the rules of single values are checked while the file is
//! read; rules between values by `check`. Every problem of a file is reported at once.

mod action;
mod check;
mod cron;
mod load;
mod problem;
mod trigger;
mod values;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::action::{
    CheckedInput, Comment, Custom, DispatchRepository, DispatchWorkflow, Include, Input, OnRepeat, OpenIssue,
    ReadRepository, ReadSettings, ReadStep,
};
pub use self::check::{Finding, Severity};
pub(crate) use self::check::{check, is_word, may_bring_back, may_send};
pub use self::cron::Cron;
pub use self::load::{Loaded, load, read_file};
pub use self::problem::ConfigError;
pub use self::trigger::{
    AwsSecret, AwsSecretField, DigestEncoding, HmacScheme, HttpTrigger, ScheduleTrigger, SecretSource,
    Signature, Trigger, WebhookTrigger,
};
pub(crate) use self::values::check_relative;
pub use self::values::{Audience, BotPattern, EventFilter, Issuer, Pattern, ReadPath, Span, Version};
use crate::client::ServiceUrl;
use crate::names::{
    CallerName, JobId, OrganizationName, RepositoryName, TopicArn, TrustPolicyName, VariableName,
};

/// A cloud whose binary can run a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Platform {
    /// `gatepass-aws`.
    Aws,
    /// `gatepass-gcp`.
    Gcp,
    /// `gatepass-azure`.
    Azure,
}

impl Platform {
    /// As the file spells it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Gcp => "gcp",
            Self::Azure => "azure",
        }
    }
}

/// The whole file.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "gatepass.yaml")]
pub struct Config {
    /// The version of this format: 1.
    pub version: Version,
    /// What every job has unless it says otherwise.
    #[serde(default)]
    pub defaults: Defaults,
    /// Where Octo STS is.
    #[serde(default)]
    pub sts: Sts,
    /// Where GitHub is.
    #[serde(default)]
    pub github: GitHubSettings,
    /// Who may knock over HTTP.
    #[serde(default)]
    pub callers: BTreeMap<CallerName, Caller>,
    /// The jobs.
    pub jobs: BTreeMap<JobId, Job>,
    /// Where the proof of identity comes from.
    #[serde(default)]
    pub id_token: IdTokenSettings,
    /// Environment variables that templates may use, as `vars.NAME`.
    #[serde(default)]
    pub vars: Vec<VariableName>,
    /// Goes into every fingerprint, for two deployments on one repository.
    #[serde(default)]
    pub namespace: String,
    /// Do everything but the writes, in every job.
    #[serde(default)]
    pub dry_run: bool,
}

/// What a job takes where it says nothing itself.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// The repository.
    pub repository: Option<RepositoryName>,
    /// The trust policy.
    pub trust_policy: Option<TrustPolicyName>,
}

/// Octo STS.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sts {
    /// Its base URL; `https://octo-sts.dev` when left out.
    pub url: Option<ServiceUrl>,
    /// The audience that it wants in a token, which is also its bare domain; `octo-sts.dev` when left out.
    pub audience: Option<Audience>,
    /// The logins that its tokens act as; those of the hosted Octo STS when left out.
    pub bots: Option<BotPattern>,
}

impl Sts {
    /// The audience of the hosted Octo STS, which is also its domain.
    pub const DOMAIN: &str = "octo-sts.dev";

    /// The audience, or its default.
    pub fn audience(&self) -> &str {
        self.audience.as_ref().map_or(Self::DOMAIN, Audience::as_str)
    }

    /// The bots, or their default.
    ///
    /// # Errors
    /// Never for the default, which a test compiles.
    pub fn bots(&self) -> Result<BotPattern, String> {
        self.bots.clone().map_or_else(|| BotPattern::DEFAULT.to_owned().try_into(), Ok)
    }
}

/// GitHub.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GitHubSettings {
    /// The API's base URL; `https://HOST/api/v3` for an Enterprise server.
    pub api_url: Option<ServiceUrl>,
}

/// Somebody who may knock over HTTP: exactly one of `oidc`, `sns` and `host`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Caller {
    /// Verified here, by an OIDC token.
    pub oidc: Option<OidcCaller>,
    /// Verified here, by the signature of Amazon SNS.
    pub sns: Option<SnsCaller>,
    /// Verified by the platform before the request arrives: Lambda IAM, private Cloud Run, a function key.
    #[serde(default)]
    pub host: bool,
    /// What it may send: `schedule`, `http`, `queue` (what this deployment has put on its own queue), or event sources.
    /// When left out: what the triggers that name it need, and no events; for `sns` its topics.
    pub may_send: Option<Vec<String>>,
    /// Whether its answers hold what only the log has otherwise: claims and policy text.
    #[serde(default)]
    pub details: bool,
}

/// What a caller's OIDC token must say.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OidcCaller {
    /// `iss`, exactly.
    pub issuer: Issuer,
    /// One of these must be in `aud`. Never the audience of Octo STS: such a token could be passed on to it.
    pub audience: Vec<Audience>,
    /// `sub`, exactly.
    pub subject: Option<String>,
    /// `email`, exactly, with `email_verified`.
    pub email: Option<String>,
}

/// Topics of Amazon SNS that deliver over HTTPS.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SnsCaller {
    /// Their ARNs. Subscriptions of these topics are confirmed, and of no other.
    pub topics: Vec<TopicArn>,
}

/// Where the proof of identity comes from.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IdTokenSettings {
    /// `native`: the cloud's own identity.
    pub source: IdTokenKind,
    /// For Azure.
    pub azure: AzureIdentity,
    /// For Google Cloud.
    pub google: GoogleIdentity,
}

/// A kind of source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdTokenKind {
    /// The cloud's own identity.
    #[default]
    Native,
}

/// A managed identity.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AzureIdentity {
    /// The resource to ask a token for, which decides the token's issuer and audience.
    pub resource: Option<String>,
    /// The client id of a user-assigned identity; `AZURE_CLIENT_ID` when left out.
    pub client_id: Option<String>,
}

/// A Google service account.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GoogleIdentity {
    /// Away from Google's platform: the service account to impersonate.
    pub service_account: Option<String>,
}

/// When, where, what. Exactly one action.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Job {
    /// The name in fingerprints and labels, for a job whose key was renamed.
    pub id: Option<JobId>,
    /// The clouds whose binaries run it.
    pub runs_on: Option<Vec<Platform>>,
    /// When.
    pub triggers: Vec<Trigger>,
    /// A condition on `event`.
    #[serde(rename = "if")]
    pub condition: Option<String>,
    /// Where: `owner/name`, or a template beside `repositories`.
    pub repository: Option<String>,
    /// The repositories that a template in `repository` may give; without one, all that the job runs for.
    pub repositories: Option<Repositories>,
    /// The policy that lets the workload in: `.github/chainguard/NAME.sts.yaml`.
    pub trust_policy: Option<TrustPolicyName>,
    /// What to read from the repository first; templates see the results by these names.
    #[serde(default)]
    pub read: BTreeMap<VariableName, ReadStep>,
    /// The action: keep one open issue a key.
    pub open_issue: Option<OpenIssue>,
    /// The action: answer with what the repository is.
    pub read_repository: Option<ReadRepository>,
    /// The action: comment on an issue or a pull request.
    pub comment: Option<Comment>,
    /// The action: run a workflow.
    pub dispatch_workflow: Option<DispatchWorkflow>,
    /// The action: raise a `repository_dispatch` event.
    pub dispatch_repository: Option<DispatchRepository>,
    /// The action: one that was written in Rust and linked into this binary.
    pub custom: Option<Custom>,
    /// Whether the work is done before the sender is answered, or put on the queue. When left out: queued where a queue
    /// is configured and either the sender does not wait for the result or the action must not be done twice.
    pub delivery: Option<Route>,
    /// Do everything but the writes.
    #[serde(default)]
    pub dry_run: bool,
    /// Take GitHub events that our own bots caused.
    #[serde(default)]
    pub from_self: bool,
    /// Whether the token is revoked after use.
    pub revoke: Option<Revoke>,
}

/// How an event reaches its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// Put on the cloud's queue, and done when it comes back from there.
    Queued,
    /// Done before the sender is answered.
    Direct,
}

/// Several repositories.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Repositories {
    /// These.
    Listed(Vec<RepositoryName>),
    /// Those of an organisation.
    Organization(OrganizationFilter),
}

/// Repositories of an organisation that Octo STS's App is installed on. The trust policy is the organisation's: it stands in
/// its repository `.github`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OrganizationFilter {
    /// Its login.
    pub organization: OrganizationName,
    /// Only those with all of these topics.
    #[serde(default)]
    pub topics: Vec<String>,
    /// Only those whose name without the owner this pattern matches, from its beginning to its end.
    pub name: Option<Pattern>,
    /// Also those that are archived, which nobody can write to.
    #[serde(default)]
    pub archived: bool,
    /// Also forks.
    #[serde(default)]
    pub forks: bool,
}

/// When to revoke a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Revoke {
    /// When the job is done; it shares its token with nobody.
    AfterRun,
}

impl Job {
    /// Whether the binary of `platform` runs it.
    pub fn runs_on(&self, platform: Platform) -> bool {
        self.runs_on.as_ref().is_none_or(|platforms| platforms.contains(&platform))
    }
}

/// Whether an event has a say in this text.
pub(crate) fn is_template(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// The JSON Schema of the file, as it is committed beside the documentation.
pub fn schema() -> serde_json::Value {
    serde_json::Value::from(schemars::schema_for!(Config))
}
