//! One job, for one event.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::memory::{Told, Topic};
use super::open_issue::Stop;
use super::situation::Situation;
use super::template::Scope;
use super::{Action, Job, Jobs, Target};
use crate::deadline::Deadline;
use crate::event::Event;
use crate::exchange::Access;
use crate::failure::Failure;
use crate::github::{Gateway, GitHub};
use crate::names::RepositoryName;
use crate::report::{Done, JobResult, Status};
use crate::telemetry::TARGET;

/// What is kept back of the time for an event to revoke its token, also when the work was not finished.
const REVOKING: Duration = Duration::from_secs(1);

impl Jobs {
    /// Runs `job` for `event` and logs the record `outcome`.
    ///
    /// `repository` is the one of a job that runs for several.
    pub async fn run(
        &self,
        job: &Job,
        event: &Event,
        repository: Option<&RepositoryName>,
        gateway: &Gateway,
        deadline: Deadline,
    ) -> JobResult {
        let started = Instant::now();
        let mut tally = Tally::default();
        let result = self.attempt(job, event, repository, gateway, deadline, &mut tally).await;
        tally.milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let result = JobResult { job: job.name.clone(), repository: repository.cloned(), result };
        log(event, &result, &tally);
        result
    }

    /// Logs the record `outcome` of what was not run here.
    pub(crate) fn tell(&self, event: &Event, result: JobResult) -> JobResult {
        log(event, &result, &Tally::default());
        result
    }

    /// Whether the job's `if` holds for this event.
    ///
    /// # Errors
    /// Invalid when it raises an error.
    pub(crate) fn concerns(&self, job: &Job, event: &Event) -> Result<bool, Failure> {
        match &job.condition {
            Some(condition) => {
                let scope = Scope { event, vars: &self.vars, reads: BTreeMap::new() };
                self.templates.holds(condition, &scope.value())
            }
            None => Ok(true),
        }
    }

    async fn attempt(
        &self,
        job: &Job,
        event: &Event,
        repository: Option<&RepositoryName>,
        gateway: &Gateway,
        deadline: Deadline,
        tally: &mut Tally,
    ) -> Result<Done, Failure> {
        // Before any token is asked for.
        if !self.concerns(job, event)? {
            return Ok(Done::new(Status::Ignored));
        }
        let mut scope = Scope { event, vars: &self.vars, reads: BTreeMap::new() };
        let repository = match repository {
            Some(repository) => job.still_for(repository)?.clone(),
            None => self.repository(job, &scope.value())?,
        };
        let token_scope = job.token_scope(&repository);
        let access = Access {
            job: &job.name,
            scope: &token_scope,
            trust_policy: &job.trust_policy,
            permissions: &job.permissions,
        };
        let github = GitHub::new(gateway, access, &repository, deadline, job.revoke);
        let work = if job.revoke { deadline.earlier_by(REVOKING) } else { deadline };
        let what = format!("the job {}", job.name);
        let result = work.run(&what, self.act(job, &mut scope, &github, tally)).await;
        github.finish().await;
        tally.calls = github.calls();
        tally.rate_left = github.rate_left();
        result
    }

    async fn act(
        &self,
        job: &Job,
        scope: &mut Scope<'_>,
        github: &GitHub<'_>,
        tally: &mut Tally,
    ) -> Result<Done, Failure> {
        let before = scope.value();
        for step in &job.reads {
            let value = step.run(&self.templates, &before, github).await?;
            scope.reads.insert(step.name.clone(), value);
        }
        let seen = if job.reads.is_empty() { before } else { scope.value() };
        let situation = Situation {
            job: &job.id,
            namespace: &self.namespace,
            bots: &self.bots,
            event: scope.event,
            is_webhook: job.webhook().is_some(),
            dry_run: job.dry_run,
            memory: &self.memory,
        };
        let (templates, situation) = (&self.templates, &situation);
        match &job.action {
            Action::ReadRepository(action) => action.run(github).await,
            Action::Comment(action) => action.run(templates, &seen, situation, github).await,
            Action::DispatchWorkflow(action) => {
                once_here(situation, github, action.run(templates, &seen, situation, github)).await
            }
            Action::DispatchRepository(action) => {
                once_here(situation, github, action.run(templates, &seen, situation, github)).await
            }
            Action::Custom(action) => once_here(situation, github, action.run(situation, github)).await,
            Action::OpenIssue(action) => {
                let key = action.fingerprint(templates, &seen, situation)?;
                tally.key = Some(key.clone());
                action.run(templates, &seen, situation, &key, github).await.map_err(|stop| match stop {
                    Stop::Full(failure) => {
                        tally.told = Some(self.memory.storms.count(&job.name));
                        failure
                    }
                    Stop::Failed(failure) => failure,
                })
            }
        }
    }

    /// The repository that this event is about.
    pub(super) fn repository(&self, job: &Job, scope: &minijinja::Value) -> Result<RepositoryName, Failure> {
        let (template, allowed) = match &job.target {
            Target::Fixed(name) => return Ok(name.clone()),
            Target::Chosen { template, allowed } => (template, allowed),
            Target::Listed(_) | Target::Organization(_) => return Err(Failure::bug()),
        };
        let text = self.templates.render(template, scope)?;
        let text = text.trim();
        allowed.iter().find(|name| name.as_str().eq_ignore_ascii_case(text)).cloned().ok_or_else(|| {
            Failure::invalid(format!(
                "jobs.{}.repository gave {:?} for this event, which is not one of its `repositories`",
                job.name,
                text.chars().take(80).collect::<String>()
            ))
        })
    }
}

/// Does what may not be found again no second time in this process.
async fn once_here(
    situation: &Situation<'_>,
    github: &GitHub<'_>,
    work: impl Future<Output = Result<Done, Failure>>,
) -> Result<Done, Failure> {
    let Situation { memory, job, event, dry_run, .. } = *situation;
    let held = memory.locks.hold(Topic::event(github.repository(), job, event)).await;
    if let Some(url) = memory.done(held.topic()) {
        return Ok(Done { url, ..Done::new(Status::Unchanged) });
    }
    let done = work.await?;
    let did_something = !matches!(done.status, Status::Ignored | Status::Read);
    if did_something && !dry_run && !done.dry_run {
        memory.note_done(held.topic(), done.url.as_deref());
    }
    Ok(done)
}

/// Logs an event with the fields of the record `outcome` of something that failed.
macro_rules! failed {
    ($level:ident, $event:ident, $result:ident, $failure:ident, $tally:ident, $events:expr) => {
        tracing::$level!(
            target: TARGET, message = "outcome", job = $result.job.as_str(),
            repository = $result.repository.as_ref().map(RepositoryName::as_str), event_id = $event.id,
            event_source = $event.source, key = $tally.key, status = $failure.class.name(), reason = $failure.message,
            details = $failure.details, retry_after = $failure.retry_after(), events = $events,
            github_calls = $tally.calls, rate_left = $tally.rate_left, milliseconds = $tally.milliseconds,
        )
    };
}

/// The record `outcome`. Of a storm of one and the same refusal, one in a minute is for everybody, and says how many events it
/// stands for.
fn log(event: &Event, result: &JobResult, tally: &Tally) {
    match (&result.result, tally.told) {
        (Ok(done), _) => tracing::info!(
            target: TARGET, message = "outcome", job = result.job.as_str(),
            repository = result.repository.as_ref().map(RepositoryName::as_str), event_id = event.id,
            event_source = event.source, key = tally.key, status = done.status.name(), url = done.url,
            reason = done.fields.get("reason").and_then(|reason| reason.as_str()),
            dry_run = done.dry_run.then_some(true), github_calls = tally.calls, rate_left = tally.rate_left,
            milliseconds = tally.milliseconds,
        ),
        (Err(failure), None) => failed!(error, event, result, failure, tally, None::<u64>),
        (Err(failure), Some(Told::Now(events))) => {
            failed!(error, event, result, failure, tally, Some(events))
        }
        (Err(failure), Some(Told::Later)) => failed!(debug, event, result, failure, tally, None::<u64>),
    }
}

/// What the record `outcome` tells beside the result.
#[derive(Default)]
struct Tally {
    key: Option<String>,
    calls: u32,
    rate_left: Option<i64>,
    milliseconds: u64,
    /// Of a refusal that would fill the log.
    told: Option<Told>,
}
