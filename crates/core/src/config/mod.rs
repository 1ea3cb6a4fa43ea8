//! `gatepass.yaml`, version 1: the types, which are also the source of the JSON Schema.
//!
//! The format is fixed in `docs/contract.md`. Structure and the rules of single values are checked while the file is
//! read; rules between values by `check`. Every problem of a file is reported at once.

mod check;
mod load;
mod problem;
mod values;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::check::{Finding, Severity};
pub(crate) use self::check::{check, may_send};
pub use self::load::{Loaded, load, read_file};
pub use self::problem::ConfigError;
pub(crate) use self::values::check_relative;
pub use self::values::{Audience, BotPattern, Cron, EventFilter, Issuer, ReadPath, Span, Version};
use crate::client::ServiceUrl;
use crate::names::{CallerName, JobId, RepositoryName, TrustPolicyName, VariableName};

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

/// Somebody who may knock over HTTP: exactly one of `oidc` and `host`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Caller {
    /// Verified here, by an OIDC token.
    pub oidc: Option<OidcCaller>,
    /// Verified by the platform before the request arrives: Lambda IAM, private Cloud Run, a function key.
    #[serde(default)]
    pub host: bool,
    /// What it may send: `schedule`, `http`, or event sources. When left out: what the triggers that name it need, and
    /// no events.
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
    /// The repositories that a template in `repository` may give.
    #[serde(default)]
    pub repositories: Vec<RepositoryName>,
    /// The policy that lets the workload in: `.github/chainguard/NAME.sts.yaml`.
    pub trust_policy: Option<TrustPolicyName>,
    /// What to read from the repository first; templates see the results by these names.
    #[serde(default)]
    pub read: BTreeMap<VariableName, ReadStep>,
    /// The action: keep one open issue a key.
    pub open_issue: Option<OpenIssue>,
    /// The action: answer with what the repository is.
    pub read_repository: Option<ReadRepository>,
    /// Do everything but the writes.
    #[serde(default)]
    pub dry_run: bool,
    /// Take GitHub events that our own bots caused.
    #[serde(default)]
    pub from_self: bool,
    /// Whether the token is revoked after use.
    pub revoke: Option<Revoke>,
}

/// When to revoke a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Revoke {
    /// When the job is done; it shares its token with nobody.
    AfterRun,
}

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
    /// Which events, as `push` or `release.published`; all when left out.
    #[serde(default)]
    pub events: Vec<String>,
    /// Where the secrets are: several while one is rotated.
    pub secrets: Vec<SecretSource>,
}

/// How deliveries are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Signature {
    /// `X-Hub-Signature-256`.
    Github,
}

/// Where a webhook's secret is.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource {
    /// In an environment variable.
    Env(VariableName),
    /// In a file, less the line break at its end.
    File(String),
}

/// A read step: a path relative to the repository, or that with its settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ReadStep {
    /// The path alone.
    Path(ReadPath),
    /// With settings.
    Settings(ReadSettings),
}

/// A read step with its settings.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadSettings {
    /// Relative to the repository, as in `pulls?state=open`.
    pub path: ReadPath,
    /// The most items of a list, over all its pages.
    #[serde(default = "default_max_items")]
    pub max_items: u32,
    /// Whether to leave out what goes beyond instead of failing.
    #[serde(default)]
    pub truncate: bool,
}

impl ReadStep {
    /// With its settings.
    pub fn settings(&self) -> ReadSettings {
        match self {
            Self::Path(path) => {
                ReadSettings { path: path.clone(), max_items: default_max_items(), truncate: false }
            }
            Self::Settings(settings) => settings.clone(),
        }
    }
}

fn default_max_items() -> u32 {
    500
}

/// Keep one open issue a key. The text fields are templates.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenIssue {
    /// What makes an issue the same one.
    pub key: Vec<String>,
    /// Gives `open` or `closed`; `open` when left out.
    pub state: Option<String>,
    /// The title.
    pub title: String,
    /// The managed part of the body.
    #[serde(default)]
    pub body: String,
    /// Labels besides `gatepass:<job>`.
    #[serde(default)]
    pub labels: Vec<String>,
    /// Reopen an issue that was closed no longer ago than this, instead of opening another.
    pub reopen_within: Option<Span>,
    /// The most open issues of this job.
    #[serde(default = "default_max_open")]
    pub max_open: u32,
}

fn default_max_open() -> u32 {
    100
}

/// Answer with what the repository is.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadRepository {
    /// What to answer besides the repository itself.
    #[serde(default)]
    pub include: Vec<Include>,
}

/// A part of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Include {
    /// Languages and their bytes.
    Languages,
    /// The latest release; null when there is none.
    LatestRelease,
    /// Open issues, without pull requests.
    OpenIssues,
    /// Open pull requests.
    OpenPulls,
}

impl Include {
    /// Its key in the answer.
    pub fn name(self) -> &'static str {
        match self {
            Self::Languages => "languages",
            Self::LatestRelease => "latest_release",
            Self::OpenIssues => "open_issues",
            Self::OpenPulls => "open_pulls",
        }
    }
}

impl Job {
    /// Whether the binary of `platform` runs it.
    pub fn runs_on(&self, platform: Platform) -> bool {
        self.runs_on.as_ref().is_none_or(|platforms| platforms.contains(&platform))
    }
}

/// The JSON Schema of the file, as it is committed beside the documentation.
pub fn schema() -> serde_json::Value {
    serde_json::Value::from(schemars::schema_for!(Config))
}
