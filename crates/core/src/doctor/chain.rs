//! What is examined, as far as it could be put together.

use std::collections::BTreeMap;
use std::sync::Arc;

use gatepass_policy::permissions::need;

use super::examination::{Link, Name};
use crate::app::{App, Cloud, Part, Setup, StartError};
use crate::client::{Clients, ServiceUrl};
use crate::config::WebhookTrigger;
use crate::env::Env;
use crate::exchange::Scope;
use crate::failure::Failure;
use crate::id_token::IdTokenSource;
use crate::job::{Actions, Job, Jobs};
use crate::names::{JobId, TrustPolicyName};
use crate::queue::Queue;
use crate::secret::InstallationToken;
use crate::secret_store::SecretStore;
use crate::telemetry;

/// How many pairs of scope and trust policy are examined at the most: each is an exchange.
const MOST: usize = 20;

/// The chain between a workload and GitHub.
pub struct Chain {
    pub(super) configuration: Link,
    pub(super) errands: Vec<Errand>,
    pub(super) left_out: usize,
    pub(super) webhooks: Vec<(JobId, WebhookTrigger)>,
    pub(super) identity: Part<Arc<dyn IdTokenSource>>,
    pub(super) queue: Part<Option<Arc<dyn Queue>>>,
    pub(super) secrets: Part<Option<Arc<dyn SecretStore>>>,
    pub(super) sts: Option<ServiceUrl>,
    pub(super) api: Option<ServiceUrl>,
    pub(super) audience: String,
    pub(super) clients: Clients,
    pub(super) env: Env,
    pub(super) aids: Aids,
}

/// What helps with the examination, and no job has.
#[derive(Default)]
pub struct Aids {
    /// The trust policy's text and where it is from, instead of the one in the repository.
    pub policy: Option<(String, Vec<u8>)>,
    /// Somebody's own token for github.com and for the tenants of ghe.com, to read trust policies with and for nothing else.
    pub github_token: Option<InstallationToken>,
    /// The same for another GitHub that the environment names: no file can have either sent to a host of its own.
    pub enterprise_token: Option<InstallationToken>,
    /// Whether this is somewhere else than where the jobs run: then the workload's secrets, queue and variables are not here.
    pub is_elsewhere: bool,
    /// Whether nobody has said whose identity to use, so that there being none is no fault.
    pub is_nobody: bool,
}

/// What some jobs have in common: one exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Errand {
    pub(super) jobs: Vec<JobId>,
    pub(super) scope: Scope,
    pub(super) trust_policy: TrustPolicyName,
    pub(super) permissions: BTreeMap<String, String>,
}

impl Chain {
    /// Of a program that runs, for one of its jobs or all.
    ///
    /// # Errors
    /// Not found when there is no such job.
    pub(crate) fn of_app(app: &App, job: Option<&str>) -> Result<Self, Failure> {
        let job = job.map(|job| app.job(job)).transpose()?;
        let jobs: Vec<&Job> = app.jobs().iter().filter(|each| is_wanted(each, job.map(Job::name))).collect();
        let (sts, api) = (&app.gateway().sts, &app.gateway().api);
        let found = format!("{}; the program has started with it", count(jobs.len()));
        let mut chain = Self {
            configuration: Link::ok(Name::Configuration, found),
            errands: Vec::new(),
            left_out: 0,
            webhooks: Vec::new(),
            identity: Ok(Arc::clone(sts.source())),
            queue: Ok(app.queue_handle()),
            secrets: Ok(app.secret_store().cloned()),
            sts: Some(sts.url().clone()),
            api: Some(api.clone()),
            audience: sts.audience().to_owned(),
            clients: app.clients().clone(),
            env: app.env().clone(),
            aids: Aids::default(),
        };
        chain.take(&jobs);
        Ok(chain)
    }

    /// Of what the environment names, whatever is wrong with it; `cloud` brings what only one cloud has.
    ///
    /// # Errors
    /// When not even an HTTP client can be built.
    pub fn put_together(
        env: &Env,
        cloud: impl FnOnce(&Setup) -> Cloud,
        actions: &Actions,
        job: Option<&JobId>,
        aids: Aids,
    ) -> Result<Self, StartError> {
        let (setup, mut problems) = Setup::read_what_can_be(env)?;
        let cloud = cloud(&setup);
        let (jobs, more) = if aids.is_elsewhere {
            setup.jobs_elsewhere(cloud.platform, actions)?
        } else {
            problems.extend(telemetry::level(env.get("GATEPASS_LOG")).err().map(StartError::Environment));
            setup.jobs(&cloud, actions)?
        };
        // What a file that cannot be read lacks is no further problem.
        if problems.is_empty() || !setup.file.config.jobs.is_empty() {
            problems.extend(more);
        }
        let mut url =
            |url: Result<ServiceUrl, StartError>| url.map_err(|problem| problems.push(problem)).ok();
        let (sts, api) = (url(setup.sts_url()), url(setup.api_url()));
        let wanted: Vec<&Job> = jobs.iter().filter(|each| is_wanted(each, job)).collect();
        let unknown = job.filter(|_| wanted.is_empty()).map(|job| unknown(job, &setup, &jobs));
        let mut chain = Self {
            configuration: configuration(&setup.file.file, &problems, unknown, wanted.len()),
            errands: Vec::new(),
            left_out: 0,
            webhooks: Vec::new(),
            identity: cloud.identity,
            queue: cloud.queue,
            secrets: cloud.secrets,
            sts,
            api,
            audience: setup.file.config.sts.audience().to_owned(),
            clients: setup.clients.clone(),
            env: env.clone(),
            aids,
        };
        chain.take(&wanted);
        Ok(chain)
    }

    /// Whose token policies are read with, at the configured GitHub.
    pub(super) fn reader(&self) -> Option<&InstallationToken> {
        let host = self.api.as_ref()?.host();
        let is_public = host == "api.github.com" || host.ends_with(".ghe.com");
        if is_public {
            self.aids.github_token.as_ref()
        } else {
            self.aids.enterprise_token.as_ref().filter(|_| self.environment_names(host))
        }
    }

    /// Whether GitHub is at this host by the environment, as gh, a runner or gatepass itself reads it.
    fn environment_names(&self, host: &str) -> bool {
        let names = |variable| {
            let url = self.env.get(variable).and_then(|text| ServiceUrl::parse(text).ok());
            url.is_some_and(|url| url.host() == host)
        };
        self.env.get("GH_HOST") == Some(host) || names("GATEPASS_GITHUB_API_URL") || names("GITHUB_API_URL")
    }

    fn take(&mut self, jobs: &[&Job]) {
        for job in jobs {
            if let Some(webhook) = job.webhook() {
                self.webhooks.push((job.name().clone(), webhook.clone()));
            }
            for scope in job.scopes() {
                Errand::add(&mut self.errands, job, scope);
            }
        }
        self.left_out = self.errands.len().saturating_sub(MOST);
        self.errands.truncate(MOST);
    }
}

impl Errand {
    fn add(errands: &mut Vec<Self>, job: &Job, scope: Scope) {
        let is_it = |errand: &&mut Self| errand.scope == scope && errand.trust_policy == *job.trust_policy();
        let Some(errand) = errands.iter_mut().find(is_it) else {
            errands.push(Self {
                jobs: vec![job.name().clone()],
                scope,
                trust_policy: job.trust_policy().clone(),
                permissions: job.permissions().clone(),
            });
            return;
        };
        errand.jobs.push(job.name().clone());
        for (permission, level) in job.permissions() {
            need(&mut errand.permissions, permission, level);
        }
    }
}

fn is_wanted(job: &Job, name: Option<&JobId>) -> bool {
    name.is_none_or(|name| job.name() == name)
}

fn count(jobs: usize) -> String {
    if jobs == 1 { "1 job".to_owned() } else { format!("{jobs} jobs") }
}

fn configuration(file: &str, problems: &[StartError], unknown: Option<String>, jobs: usize) -> Link {
    let mut lines: Vec<String> = Vec::new();
    for line in
        problems.iter().flat_map(|problem| problem.to_string().lines().map(str::to_owned).collect::<Vec<_>>())
    {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    match (problems, unknown) {
        ([], None) => Link::ok(Name::Configuration, format!("{file}: {}", count(jobs))),
        ([], Some(unknown)) => Link::wrong(Name::Configuration, unknown)
            .why("there is nothing to examine")
            .mend("name a job that runs here, or none to examine them all"),
        (problems, unknown) => {
            lines.extend(unknown);
            let is_file = problems.iter().any(|problem| matches!(problem, StartError::Config(_)));
            let mend = if is_file {
                format!("mend each of these; `gatepass check {file}` shows the lines of the file")
            } else {
                "mend each of these settings of the environment".to_owned()
            };
            Link::wrong(Name::Configuration, lines.join("\n"))
                .why("the program does not start with this")
                .mend(mend)
        }
    }
}

fn unknown(job: &JobId, setup: &Setup, jobs: &Jobs) -> String {
    if setup.file.config.jobs.contains_key(job) {
        return format!(
            "{}: the job {job} does not run here: check its runs_on and its triggers, or examine where it runs",
            setup.file.file
        );
    }
    let names: Vec<&str> = jobs.iter().map(|job| job.name().as_str()).collect();
    format!("{}: there is no job {job}; there are: {}", setup.file.file, names.join(", "))
}
