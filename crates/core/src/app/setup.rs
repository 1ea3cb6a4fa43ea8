//! From a file and an environment to an [`App`].

use std::process::ExitCode;
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
use crate::telemetry::{Dialect, report_start_error};

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

/// What an adapter could make, or why it could not: a sentence that names the setting that is wrong.
pub type Part<T> = Result<T, String>;

/// What a cloud's adapter brings.
pub struct Cloud {
    /// Whose jobs it runs; all of them for whoever only looks.
    pub platform: Option<Platform>,
    /// Where the proof of identity comes from.
    pub identity: Part<Arc<dyn IdTokenSource>>,
    /// The queue that `GATEPASS_QUEUE` names.
    pub queue: Part<Option<Arc<dyn Queue>>>,
    /// Where a webhook's secrets may be.
    pub secrets: Part<Option<Arc<dyn SecretStore>>>,
    /// Whether one job is run once, and nothing goes through a queue.
    pub once: bool,
}

impl Cloud {
    /// With an identity and nothing else.
    pub fn new(platform: Option<Platform>, identity: Part<Arc<dyn IdTokenSource>>) -> Self {
        Self { platform, identity, queue: Ok(None), secrets: Ok(None), once: false }
    }

    /// Every reason why it cannot be used, each once.
    fn problems(&self) -> Vec<&str> {
        let all = [self.identity.as_ref().err(), self.queue.as_ref().err(), self.secrets.as_ref().err()];
        let mut problems: Vec<&str> = Vec::new();
        for problem in all.into_iter().flatten() {
            if !problems.contains(&problem.as_str()) {
                problems.push(problem);
            }
        }
        problems
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
    /// The arguments.
    #[error("{0}")]
    Usage(String),
}

impl StartError {
    /// Logs it, and gives the exit code to end with: 2 for arguments that are not understood, else 1.
    pub fn report(&self, dialect: Dialect) -> ExitCode {
        let failure = report_start_error(dialect, self);
        if matches!(self, Self::Usage(_)) { ExitCode::from(2) } else { failure }
    }
}

/// A file that says nothing, in place of one of which nothing can be made.
const NOTHING: &str = "version: 1\njobs: {}\n";

impl Setup {
    /// Reads the file that the environment names, and builds the clients.
    ///
    /// # Errors
    /// Every problem that can be seen from the file's structure, or a setting of the environment that cannot be used.
    pub fn read(env: &Env) -> Result<Self, StartError> {
        let (setup, problems) = Self::read_what_can_be(env)?;
        problems.into_iter().next().map_or(Ok(setup), Err)
    }

    /// As [`Setup::read`], with the best that can be made of it beside what is wrong.
    ///
    /// # Errors
    /// When not even an HTTP client can be built.
    pub(crate) fn read_what_can_be(env: &Env) -> Result<(Self, Vec<StartError>), StartError> {
        let path = env.get("GATEPASS_CONFIG").unwrap_or(DEFAULT_CONFIG);
        let mut problems = Vec::new();
        let file = match config::read_file(path).and_then(|text| config::load(path, &text)) {
            Ok(file) => file,
            Err(error) => {
                problems.push(error.into());
                config::load(path, NOTHING)?
            }
        };
        let clients = match clients(env) {
            Ok(clients) => clients,
            Err(error) => {
                problems.push(StartError::Environment(error));
                Clients::new(None).map_err(StartError::Environment)?
            }
        };
        Ok((Self { file, clients, env: env.clone() }, problems))
    }

    fn url(&self, variable: &str) -> Result<Option<ServiceUrl>, StartError> {
        let parse = |text| {
            ServiceUrl::parse(text).map_err(|error| StartError::Environment(format!("{variable}: {error}")))
        };
        self.env.get(variable).map(parse).transpose()
    }

    /// Where Octo STS is.
    pub(crate) fn sts_url(&self) -> Result<ServiceUrl, StartError> {
        let url = self.url("GATEPASS_STS_URL")?.or_else(|| self.file.config.sts.url.clone());
        or_default(url, &format!("https://{}", Sts::DOMAIN))
    }

    /// Where GitHub is.
    pub(crate) fn api_url(&self) -> Result<ServiceUrl, StartError> {
        let url =
            match self.url("GATEPASS_GITHUB_API_URL")?.or_else(|| self.file.config.github.api_url.clone()) {
                Some(url) => Some(url),
                // What GitHub Actions sets: only the default.
                None => self.url("GITHUB_API_URL")?,
            };
        or_default(url, GITHUB)
    }

    /// The jobs of a cloud's binary that can run, and everything that is wrong with the others and around them.
    pub(crate) fn jobs(
        &self,
        cloud: &Cloud,
        actions: &Actions,
    ) -> Result<(Jobs, Vec<StartError>), StartError> {
        let (mut jobs, mut problems) = self.jobs_elsewhere(cloud.platform, actions)?;
        let mut note = |result: Result<(), StartError>| problems.extend(result.err());
        note(jobs.take_vars(&self.file, &self.env).map_err(StartError::from));
        match self.env.is_on("GATEPASS_DRY_RUN") {
            Ok(true) => jobs.all_dry(),
            Ok(false) => {}
            Err(error) => note(Err(StartError::Environment(error))),
        }
        if matches!(cloud.queue, Ok(None)) && !cloud.once {
            note(jobs.need_no_queue(&self.file).map_err(StartError::from));
        }
        Ok((jobs, problems))
    }

    /// The same, as far as it does not depend on where the jobs run.
    pub(crate) fn jobs_elsewhere(
        &self,
        platform: Option<Platform>,
        actions: &Actions,
    ) -> Result<(Jobs, Vec<StartError>), StartError> {
        let (jobs, _, error) = Jobs::compile_what_can_be(&self.file, platform, actions)?;
        Ok((jobs, error.map(StartError::from).into_iter().collect()))
    }

    /// Compiles the jobs of a cloud's binary, with the actions that were linked into it.
    ///
    /// # Errors
    /// Every problem of the file, or of what the adapter brings.
    pub fn into_app(self, cloud: Cloud, actions: &Actions) -> Result<App, StartError> {
        let unusable = StartError::Environment(cloud.problems().join("\n"));
        let (jobs, problems) = self.jobs(&cloud, actions)?;
        let Cloud { identity: Ok(identity), queue: Ok(queue), secrets: Ok(secrets), once, .. } = cloud else {
            return Err(unusable);
        };
        if let Some(problem) = problems.into_iter().next() {
            return Err(problem);
        }
        let (sts, api) = (self.sts_url()?, self.api_url()?);
        let client = self.clients.outbound.clone();
        let audience = self.file.config.sts.audience().to_owned();
        let sts = OctoSts::new(client.clone(), sts, audience, identity);
        Ok(App {
            jobs,
            gateway: Gateway::new(client, api, sts),
            queue: queue.filter(|_| !once),
            secrets,
            clients: self.clients,
            env: self.env,
            under_way: Arc::default(),
            examining: Arc::default(),
        })
    }
}

fn clients(env: &Env) -> Result<Clients, String> {
    let extra_ca = match env.get("GATEPASS_EXTRA_CA_CERTS") {
        Some(path) => Some(
            std::fs::read(path)
                .map_err(|error| format!("GATEPASS_EXTRA_CA_CERTS: {path} cannot be read: {error}"))?,
        ),
        None => None,
    };
    Clients::new(extra_ca.as_deref()).map_err(|error| format!("GATEPASS_EXTRA_CA_CERTS: the bundle {error}"))
}

fn or_default(url: Option<ServiceUrl>, default: &str) -> Result<ServiceUrl, StartError> {
    match url {
        Some(url) => Ok(url),
        None => ServiceUrl::parse(default).map_err(StartError::Environment),
    }
}
