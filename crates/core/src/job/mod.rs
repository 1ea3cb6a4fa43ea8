//! Jobs: which events they want, and what they do with them.

mod action;
mod comment;
mod custom;
mod dispatch;
mod memory;
mod neutral;
mod open_issue;
mod read;
mod read_repository;
mod rehearse;
mod run;
mod several;
mod situation;
mod template;
mod text;

use std::collections::BTreeMap;

use gatepass_yaml::{Path, Problem};

use self::action::Action;
pub use self::custom::{Actions, Call, CustomAction};
use self::memory::Memory;
use self::read::Read;
pub use self::rehearse::{Draft, Rehearsal, Where};
use self::template::{Compiler, Condition, Purpose, Template, Templates};
use crate::config::{
    self, BotPattern, Caller, ConfigError, Loaded, OrganizationFilter, Platform, Repositories, Revoke, Route,
    Severity, Trigger, WebhookTrigger,
};
use crate::delivery::Sender;
use crate::env::Env;
use crate::event::Event;
use crate::names::{CallerName, JobId, RepositoryName, TrustPolicyName};

/// The jobs that one binary runs, ready to run.
#[derive(Debug)]
pub struct Jobs {
    list: Vec<Job>,
    callers: BTreeMap<CallerName, Caller>,
    templates: Templates,
    vars: BTreeMap<String, String>,
    namespace: String,
    bots: BotPattern,
    memory: Memory,
}

/// One job.
#[derive(Debug)]
pub struct Job {
    name: JobId,
    id: JobId,
    triggers: Vec<Trigger>,
    condition: Option<Condition>,
    target: Target,
    trust_policy: TrustPolicyName,
    permissions: BTreeMap<String, String>,
    reads: Vec<Read>,
    action: Action,
    route: Option<Route>,
    dry_run: bool,
    from_self: bool,
    revoke: bool,
}

/// The repository that a job is about.
#[derive(Debug)]
enum Target {
    Fixed(RepositoryName),
    Chosen { template: Template, allowed: Vec<RepositoryName> },
    Listed(Vec<RepositoryName>),
    Organization(OrganizationFilter),
}

impl Jobs {
    /// Compiles the jobs that run on `platform`; all of them when there is none, as for `gatepass check`.
    ///
    /// # Errors
    /// Every problem of the file that stands in the way. Warnings come with the jobs, or with the errors.
    pub fn compile(
        file: &Loaded,
        platform: Option<Platform>,
        actions: &Actions,
    ) -> Result<(Self, Vec<Problem>), ConfigError> {
        let (jobs, warnings, error) = Self::compile_what_can_be(file, platform, actions)?;
        match error {
            Some(error) => Err(ConfigError { warnings, ..error }),
            None => Ok((jobs, warnings)),
        }
    }

    /// As [`Jobs::compile`], with the jobs that nothing is wrong with beside what is wrong with the others.
    pub(crate) fn compile_what_can_be(
        file: &Loaded,
        platform: Option<Platform>,
        actions: &Actions,
    ) -> Result<(Self, Vec<Problem>, Option<ConfigError>), ConfigError> {
        let mut compiler = Compiler { file, templates: Templates::new(), problems: Vec::new() };
        let mut warnings = Vec::new();
        for finding in config::check(file, platform) {
            match finding.severity {
                Severity::Error => compiler.problems.push(finding.problem),
                Severity::Warning => warnings.push(finding.problem),
            }
        }
        let config = &file.config;
        let runs = |job: &config::Job| platform.is_none_or(|platform| job.runs_on(platform));
        let list: Vec<Job> = config
            .jobs
            .iter()
            .filter(|(_, job)| runs(job))
            .filter_map(|(name, job)| Job::compile(&mut compiler, name, job, actions))
            .collect();
        let bots = config.sts.bots().map_err(|message| ConfigError::whole(&file.file, message, ""))?;
        let Compiler { templates, problems, .. } = compiler;
        let error = file.conclude(problems).err();
        Ok((
            Self {
                list,
                callers: config.callers.clone(),
                templates,
                vars: BTreeMap::new(),
                namespace: config.namespace.clone(),
                bots,
                memory: Memory::default(),
            },
            warnings,
            error,
        ))
    }

    /// Takes the variables that templates may use from the environment.
    ///
    /// # Errors
    /// When one of them is not set: a template would print nothing where something is meant.
    pub fn take_vars(&mut self, file: &Loaded, env: &Env) -> Result<(), ConfigError> {
        let mut problems = Vec::new();
        for (index, name) in file.config.vars.iter().enumerate() {
            match env.get(name.as_str()) {
                Some(value) => {
                    self.vars.insert(name.to_string(), value.to_owned());
                }
                None => problems.push(file.problem(
                    Path::root().key("vars").index(index),
                    format!("the environment variable {name} is not set"),
                    "set it for this function, or take it out of vars",
                )),
            }
        }
        file.conclude(problems)
    }

    /// For a binary without a queue.
    ///
    /// # Errors
    /// When a job asks for one.
    pub fn need_no_queue(&self, file: &Loaded) -> Result<(), ConfigError> {
        let asking = self.list.iter().filter(|job| job.route == Some(Route::Queued));
        let problems = asking.map(|job| {
            file.problem(
                Path::root().key("jobs").key(job.name.as_str()).key("delivery"),
                "this job wants a queue, and there is none",
                "name the queue in the environment variable GATEPASS_QUEUE, or take `delivery: queued` out",
            )
        });
        file.conclude(problems.collect())
    }

    /// Makes every job do everything but the writes.
    pub fn all_dry(&mut self) {
        for job in &mut self.list {
            job.dry_run = true;
        }
    }

    /// In the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Job> {
        self.list.iter()
    }

    /// The job of this name.
    pub fn get(&self, name: &str) -> Option<&Job> {
        self.list.iter().find(|job| job.name.as_str() == name)
    }

    /// Who may knock over HTTP.
    pub fn callers(&self) -> &BTreeMap<CallerName, Caller> {
        &self.callers
    }

    /// Which logins are our own.
    pub fn bots(&self) -> &BotPattern {
        &self.bots
    }
}

impl Job {
    fn compile(
        compiler: &mut Compiler<'_>,
        name: &JobId,
        job: &config::Job,
        actions: &Actions,
    ) -> Option<Self> {
        let config = &compiler.file.config;
        let place = Path::root().key("jobs").key(name.as_str());
        let condition = match &job.condition {
            Some(source) => compiler.condition(&place.key("if"), source).map(Some),
            None => Some(None),
        };
        let target = Target::compile(compiler, &place, job, config.defaults.repository.as_ref());
        let steps: Vec<_> = job
            .read
            .iter()
            .map(|(name, step)| {
                Read::compile(compiler, &place.key("read").key(name.as_str()), name.as_str(), step)
            })
            .collect();
        let steps: Option<Vec<Read>> = steps.into_iter().collect();
        let action = Action::compile(compiler, &place, job, actions);
        let (steps, action) = (steps?, action?);
        Some(Self {
            name: name.clone(),
            id: job.id.clone().unwrap_or_else(|| name.clone()),
            triggers: job.triggers.clone(),
            condition: condition?,
            target: target?,
            trust_policy: job.trust_policy.clone().or_else(|| config.defaults.trust_policy.clone())?,
            permissions: permissions(&action, &steps),
            reads: steps,
            action,
            dry_run: job.dry_run || config.dry_run,
            from_self: job.from_self,
            revoke: job.revoke == Some(Revoke::AfterRun),
            route: job.delivery,
        })
    }

    /// Its key in the file, which is also its place in URLs.
    pub fn name(&self) -> &JobId {
        &self.name
    }

    /// What starts it.
    pub fn triggers(&self) -> &[Trigger] {
        &self.triggers
    }

    /// The permissions on its repository that a trust policy must give it.
    pub fn permissions(&self) -> &BTreeMap<String, String> {
        &self.permissions
    }

    /// The policy that lets it in.
    pub fn trust_policy(&self) -> &TrustPolicyName {
        &self.trust_policy
    }

    /// Its repository, where that does not depend on the event.
    pub fn repository(&self) -> Option<&RepositoryName> {
        match &self.target {
            Target::Fixed(name) => Some(name),
            Target::Chosen { .. } | Target::Listed(_) | Target::Organization(_) => None,
        }
    }

    /// Whether it runs once for each of several repositories.
    pub fn is_for_several(&self) -> bool {
        matches!(self.target, Target::Listed(_) | Target::Organization(_))
    }

    /// How an event of this sender reaches it, where there is a queue: through the queue when the sender would drop the event
    /// soon, or when doing it twice would show; what only reads answers whoever asks.
    pub fn route(&self, by: Sender) -> Route {
        let is_default = match by {
            _ if self.is_read_only() => false,
            Sender::Forgetful => true,
            Sender::Waiting | Sender::Scheduler => !self.action.converges(),
            // It comes from a queue already.
            Sender::Patient | Sender::Hasty => false,
        };
        self.route.unwrap_or(if is_default { Route::Queued } else { Route::Direct })
    }

    /// Whether it only reads, so that a GET may start it.
    pub fn is_read_only(&self) -> bool {
        self.action.is_read_only()
    }

    /// Whether it takes GitHub events that our own bots caused.
    pub fn takes_own_events(&self) -> bool {
        self.from_self
    }

    /// Its webhook, where it has one.
    pub fn webhook(&self) -> Option<&WebhookTrigger> {
        self.triggers.iter().find_map(|trigger| match trigger {
            Trigger::Webhook(webhook) => Some(webhook),
            _ => None,
        })
    }

    /// Whether an `event` trigger asks for this event.
    pub fn wants(&self, event: &Event) -> bool {
        self.triggers.iter().any(|trigger| match trigger {
            Trigger::Event(filter) => {
                filter.source == event.source && filter.kind.as_ref().is_none_or(|kind| *kind == event.kind)
            }
            _ => false,
        })
    }
}

impl Target {
    fn compile(
        compiler: &mut Compiler<'_>,
        place: &Path,
        job: &config::Job,
        default: Option<&RepositoryName>,
    ) -> Option<Self> {
        let place = place.key("repository");
        match (&job.repository, &job.repositories) {
            (None, None) => default.cloned().map(Self::Fixed),
            (None, Some(Repositories::Listed(list))) => Some(Self::Listed(list.clone())),
            (None, Some(Repositories::Organization(filter))) => Some(Self::Organization(filter.clone())),
            (Some(text), Some(Repositories::Listed(allowed))) if config::is_template(text) => {
                let template = compiler.template(Purpose::Plain, &place, text, &[])?;
                Some(Self::Chosen { template, allowed: allowed.clone() })
            }
            // `check` has reported it.
            (Some(text), _) if config::is_template(text) => None,
            (Some(text), _) => match text.parse() {
                Ok(name) => Some(Self::Fixed(name)),
                Err(message) => {
                    compiler.report(&place, message, "");
                    None
                }
            },
        }
    }
}

/// What a trust policy must give: reading for every step, and what the action needs.
fn permissions(action: &Action, steps: &[Read]) -> BTreeMap<String, String> {
    let mut permissions = action.permissions();
    for step in steps {
        permissions.entry(step.permission().to_owned()).or_insert_with(|| "read".to_owned());
    }
    permissions
}
