//! The one entrance.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use tokio::sync::RwLock;

use crate::client::{Clients, ServiceUrl};
use crate::config::{self, ConfigError, Loaded, Platform, Sts};
use crate::deadline::Deadline;
use crate::delivery::{Address, Delivery};
use crate::env::Env;
use crate::event::Event;
use crate::exchange::OctoSts;
use crate::failure::Failure;
use crate::github::Gateway;
use crate::id_token::IdTokenSource;
use crate::job::{Job, Jobs};
use crate::report::{JobResult, Report};
use crate::telemetry::{Correlation, TARGET};

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

    /// Compiles the jobs of `platform`, which prove themselves with tokens of `source`.
    ///
    /// # Errors
    /// Every problem of the file, or a setting of the environment that cannot be used.
    pub fn into_app(self, platform: Platform, source: Arc<dyn IdTokenSource>) -> Result<App, StartError> {
        let (mut jobs, _) = Jobs::compile(&self.file, Some(platform))?;
        jobs.take_vars(&self.file, &self.env)?;
        if self.env.is_on("GATEPASS_DRY_RUN").map_err(StartError::Environment)? {
            jobs.all_dry();
        }
        if self.env.get("GATEPASS_QUEUE").is_some() {
            let message = "GATEPASS_QUEUE is set, and this version has no queue: every delivery is direct; take the variable away";
            return Err(StartError::Environment(message.into()));
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
        let sts = OctoSts::new(client.clone(), sts, config.sts.audience().to_owned(), source);
        Ok(App {
            jobs,
            gateway: Gateway { client, api, sts },
            clients: self.clients,
            env: self.env,
            under_way: Arc::default(),
        })
    }
}

/// The jobs of one binary and all that they need.
#[derive(Debug)]
pub struct App {
    jobs: Jobs,
    gateway: Gateway,
    clients: Clients,
    env: Env,
    /// Read by all that is under way, so that who wants to write it waits for them.
    under_way: Arc<RwLock<()>>,
}

impl App {
    /// The jobs.
    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    pub(crate) fn clients(&self) -> &Clients {
        &self.clients
    }

    pub(crate) fn env(&self) -> &Env {
        &self.env
    }

    /// Runs the jobs that a verified delivery is for, all at once.
    ///
    /// # Errors
    /// When it is for a job that is not here. What a job fails with is in the report.
    pub async fn handle(&self, delivery: &Delivery, deadline: Deadline) -> Result<Report, Failure> {
        let jobs: Vec<&Job> = match &delivery.to {
            Address::Subscribers => self.jobs.iter().filter(|job| job.wants(&delivery.event)).collect(),
            Address::Job(name) => vec![self.job(name.as_str())?],
        };
        if jobs.is_empty() {
            let Event { id, source, kind, .. } = &delivery.event;
            tracing::info!(target: TARGET, message = "no job wants this event", event_id = id, event_source = source, kind);
        }
        let results = join_all(jobs.into_iter().map(|job| self.run(job, &delivery.event, deadline))).await;
        Ok(Report { results })
    }

    /// As [`App::handle`], to its end whatever becomes of the caller: a sender that hangs up must not leave a job in
    /// the middle of its writes, without its record and with its token unrevoked.
    ///
    /// # Errors
    /// As [`App::handle`].
    pub async fn handle_to_the_end(
        self: &Arc<Self>,
        delivery: Delivery,
        deadline: Deadline,
    ) -> Result<Report, Failure> {
        let app = Arc::clone(self);
        let guard = Arc::clone(&self.under_way).read_owned().await;
        let work = async move {
            let result = app.handle(&delivery, deadline).await;
            drop(guard);
            result
        };
        let task = match Correlation::current() {
            Some(correlation) => tokio::spawn(correlation.scope(work)),
            None => tokio::spawn(work),
        };
        task.await.unwrap_or_else(|_| Err(Failure::bug()))
    }

    /// Waits until nothing is under way that [`App::handle_to_the_end`] has begun.
    pub async fn drained(&self) {
        drop(self.under_way.write().await);
    }

    /// The job of this name.
    ///
    /// # Errors
    /// Not found, with the nearest name that there is.
    pub fn job(&self, name: &str) -> Result<&Job, Failure> {
        self.jobs.get(name).ok_or_else(|| {
            let shown: String = name.chars().take(60).collect();
            Failure::not_found(format!(
                "there is no job {shown:?} here; check its name, and its runs_on in gatepass.yaml"
            ))
        })
    }

    /// A panic is a bug, and must lose neither the event nor its siblings.
    async fn run(&self, job: &Job, event: &Event, deadline: Deadline) -> JobResult {
        let running = AssertUnwindSafe(self.jobs.run(job, event, &self.gateway, deadline));
        running
            .catch_unwind()
            .await
            .unwrap_or_else(|_| JobResult { job: job.name().clone(), result: Err(Failure::bug()) })
    }
}
