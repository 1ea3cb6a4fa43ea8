//! From a file and an environment to an [`App`].

use std::sync::Arc;

use super::App;
use crate::client::{Clients, ServiceUrl};
use crate::config::{self, ConfigError, Loaded, Platform, Sts};
use crate::env::Env;
use crate::exchange::OctoSts;
use crate::github::Gateway;
use crate::id_token::IdTokenSource;
use crate::job::{Actions, Jobs};
use crate::queue::Queue;
use crate::secret_store::SecretStore;

/// The file that is read when `GATEPASS_CONFIG` names none.
pub const DEFAULT_CONFIG: &str = "gatepass.yaml";

/// GitHub's own API.
const GITHUB: &str = "https://api.github.com";

/// A file and the clients that its jobs need, from which an [`App`] is made. An adapter takes what its identity needs
/// from here.
#[derive(Debug)]
pub struct Setup {
    /// The file.
    pub file: Loaded,
    /// The HTTP clients.
    pub clients: Clients,
    env: Env,
}

/// What a cloud's adapter brings.
pub struct Cloud {
    /// Whose jobs it runs.
    pub platform: Platform,
    /// Where the proof of identity comes from.
    pub identity: Arc<dyn IdTokenSource>,
    /// The queue that `GATEPASS_QUEUE` names.
    pub queue: Option<Arc<dyn Queue>>,
    /// Where a webhook's secrets may be.
    pub secrets: Option<Arc<dyn SecretStore>>,
    /// Whether one job is run once, and nothing goes through a queue.
    pub once: bool,
}

impl Cloud {
    /// With an identity and nothing else.
    pub fn new(platform: Platform, identity: Arc<dyn IdTokenSource>) -> Self {
        Self { platform, identity, queue: None, secrets: None, once: false }
    }
}

/// Why a binary does not start: a sentence, or every problem of the file.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The file.
    #[error("{0}")]
    Config(#[from] ConfigError),
    /// The environment.
    #[error("{0}")]
    Environment(String),
}

impl Setup {
    /// Reads the file that the environment names, and builds the clients.
    ///
    /// # Errors
    /// Every problem that can be seen from the file's structure, or a setting of the environment that cannot be used.
    pub fn read(env: &Env) -> Result<Self, StartError> {
        let path = env.get("GATEPASS_CONFIG").unwrap_or(DEFAULT_CONFIG);
        let file = config::load(path, &config::read_file(path)?)?;
        let extra_ca = match env.get("GATEPASS_EXTRA_CA_CERTS") {
            Some(path) => Some(std::fs::read(path).map_err(|error| {
                StartError::Environment(format!("GATEPASS_EXTRA_CA_CERTS: {path} cannot be read: {error}"))
            })?),
            None => None,
        };
        let clients = Clients::new(extra_ca.as_deref()).map_err(|error| {
            StartError::Environment(format!("GATEPASS_EXTRA_CA_CERTS: the bundle {error}"))
        })?;
        Ok(Self { file, clients, env: env.clone() })
    }

    fn url(&self, variable: &str) -> Result<Option<ServiceUrl>, StartError> {
        let parse = |text| {
            ServiceUrl::parse(text).map_err(|error| StartError::Environment(format!("{variable}: {error}")))
        };
        self.env.get(variable).map(parse).transpose()
    }

    /// Compiles the jobs of a cloud's binary, with the actions that were linked into it.
    ///
    /// # Errors
    /// Every problem of the file, or a setting of the environment that cannot be used.
    pub fn into_app(self, cloud: Cloud, actions: &Actions) -> Result<App, StartError> {
        let Cloud { platform, identity, queue, secrets, once } = cloud;
        let queue = queue.filter(|_| !once);
        let (mut jobs, _) = Jobs::compile(&self.file, Some(platform), actions)?;
        jobs.take_vars(&self.file, &self.env)?;
        if self.env.is_on("GATEPASS_DRY_RUN").map_err(StartError::Environment)? {
            jobs.all_dry();
        }
        if queue.is_none() && !once {
            jobs.need_no_queue(&self.file)?;
        }
        let config = &self.file.config;
        let or_default = |url: Option<ServiceUrl>, default: &str| match url {
            Some(url) => Ok(url),
            None => ServiceUrl::parse(default).map_err(StartError::Environment),
        };
        let sts = self.url("GATEPASS_STS_URL")?.or_else(|| config.sts.url.clone());
        let sts = or_default(sts, &format!("https://{}", Sts::DOMAIN))?;
        let api = match self.url("GATEPASS_GITHUB_API_URL")?.or_else(|| config.github.api_url.clone()) {
            Some(url) => Some(url),
            // What GitHub Actions sets: only the default.
            None => self.url("GITHUB_API_URL")?,
        };
        let api = or_default(api, GITHUB)?;
        let client = self.clients.outbound.clone();
        let sts = OctoSts::new(client.clone(), sts, config.sts.audience().to_owned(), identity);
        Ok(App {
            jobs,
            gateway: Gateway::new(client, api, sts),
            queue,
            secrets,
            clients: self.clients,
            env: self.env,
            under_way: Arc::default(),
        })
    }
}
