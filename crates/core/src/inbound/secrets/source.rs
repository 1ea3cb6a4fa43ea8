//! Reading a secret from where it is.

use std::fmt;
use std::sync::Arc;

use futures_util::future::join_all;

use crate::config::{AwsSecret, SecretSource, Signature as Scheme, WebhookTrigger};
use crate::deadline::Deadline;
use crate::env::Env;
use crate::failure::{Class, Failure};
use crate::secret::WebhookSecret;
use crate::secret_store::SecretStore;

/// The longest secret file, in bytes.
const MAX_FILE: u64 = 64 * 1024;

/// Reads the secrets of one webhook.
pub(super) struct Reader {
    sources: Vec<SecretSource>,
    /// Whether they are written as Standard Webhooks prescribes.
    is_standard: bool,
    env: Env,
    store: Option<Arc<dyn SecretStore>>,
}

/// Why a secret was not read.
#[derive(Debug)]
pub(super) struct Trouble {
    /// Names the source and the next step.
    pub(super) message: String,
    /// Whether it may be read in a moment.
    pub(super) is_passing: bool,
}

impl Trouble {
    fn lasting(message: String) -> Self {
        Self { message, is_passing: false }
    }
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self { is_passing: matches!(failure.class, Class::Deferred(_)), message: failure.message }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("sources", &self.sources).finish_non_exhaustive()
    }
}

impl Reader {
    pub(super) fn new(webhook: &WebhookTrigger, env: &Env, store: Option<&Arc<dyn SecretStore>>) -> Self {
        Self {
            sources: webhook.secrets.clone(),
            is_standard: webhook.signature == Scheme::StandardWebhooks,
            env: env.clone(),
            store: store.cloned(),
        }
    }

    /// Whether reading again gives the same: the environment of a process does not change.
    pub(super) fn is_fixed(&self) -> bool {
        self.sources.iter().all(|source| matches!(source, SecretSource::Env(_)))
    }

    /// All at once, in the order of the sources.
    pub(super) async fn read_all(&self, deadline: Deadline) -> Vec<Result<WebhookSecret, Trouble>> {
        join_all(self.sources.iter().map(|source| self.read(source, deadline))).await
    }

    async fn read(&self, source: &SecretSource, deadline: Deadline) -> Result<WebhookSecret, Trouble> {
        let secret = match source {
            SecretSource::Env(name) => {
                self.env.get(name.as_str()).and_then(WebhookSecret::new).ok_or_else(|| {
                    Trouble::lasting(format!("{} holds no secret: set it for this function", named(source)))
                })?
            }
            SecretSource::File(path) => read_file(path)?,
            SecretSource::AwsSecret(_) | SecretSource::AwsParameter(_) => self.ask(source, deadline).await?,
        };
        if !self.is_standard {
            return Ok(secret);
        }
        secret.of_standard_webhooks().map_err(|why| {
            Trouble::lasting(format!("{} holds no secret of Standard Webhooks: {why}", named(source)))
        })
    }

    async fn ask(&self, source: &SecretSource, deadline: Deadline) -> Result<WebhookSecret, Trouble> {
        let Some(store) = self.store.as_ref().filter(|store| store.keeps(source)) else {
            return Err(Trouble::lasting(format!(
                "{} can be read by gatepass-aws alone: on this platform let it put the secret into a variable or a file, and name that with `env` or `file`",
                named(source)
            )));
        };
        Ok(deadline.run(&format!("reading {}", named(source)), store.read(source, deadline)).await?)
    }
}

fn read_file(path: &str) -> Result<WebhookSecret, Trouble> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE).read_to_string(&mut text))
        .map_err(|error| Trouble::lasting(format!("the secret's file {path} cannot be read: {error}")))?;
    WebhookSecret::new(text.trim_end_matches(['\r', '\n']))
        .ok_or_else(|| Trouble::lasting(format!("the secret's file {path} is empty")))
}

/// As the file names it.
fn named(source: &SecretSource) -> String {
    match source {
        SecretSource::Env(name) => format!("the environment variable {name}"),
        SecretSource::File(path) => format!("the secret's file {path}"),
        SecretSource::AwsSecret(AwsSecret::Whole(id)) => format!("the AWS secret {id}"),
        SecretSource::AwsSecret(AwsSecret::Field(field)) => {
            format!("the field {} of the AWS secret {}", field.key, field.id)
        }
        SecretSource::AwsParameter(name) => format!("the AWS parameter {name}"),
    }
}
