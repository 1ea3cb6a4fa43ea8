//! One job, for one event.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::open_issue::Situation;
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
    pub async fn run(&self, job: &Job, event: &Event, gateway: &Gateway, deadline: Deadline) -> JobResult {
        let started = Instant::now();
        let mut tally = Tally::default();
        let result = self.attempt(job, event, gateway, deadline, &mut tally).await;
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &result {
            Ok(done) => tracing::info!(
                target: TARGET, message = "outcome", job = job.name.as_str(), event_id = event.id,
                event_source = event.source, key = tally.key, status = done.status.name(), url = done.url,
                dry_run = done.dry_run.then_some(true), github_calls = tally.calls, rate_left = tally.rate_left,
                milliseconds,
            ),
            Err(failure) => tracing::error!(
                target: TARGET, message = "outcome", job = job.name.as_str(), event_id = event.id,
                event_source = event.source, key = tally.key, status = failure.class.name(),
                reason = failure.message, details = failure.details, retry_after = failure.retry_after(),
                github_calls = tally.calls, rate_left = tally.rate_left, milliseconds,
            ),
        }
        JobResult { job: job.name.clone(), result }
    }

    async fn attempt(
        &self,
        job: &Job,
        event: &Event,
        gateway: &Gateway,
        deadline: Deadline,
        tally: &mut Tally,
    ) -> Result<Done, Failure> {
        let mut scope = Scope { event, vars: &self.vars, reads: BTreeMap::new() };
        let seen = scope.value();
        // Before any token is asked for.
        if let Some(condition) = &job.condition
            && !self.templates.holds(condition, &seen)?
        {
            return Ok(Done::new(Status::Ignored));
        }
        let repository = self.repository(job, &seen)?;
        let access = Access {
            job: &job.name,
            scope: &repository,
            trust_policy: &job.trust_policy,
            permissions: &job.permissions,
        };
        let github = GitHub::new(gateway, access, deadline, job.revoke);
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
        let action = match &job.action {
            Action::ReadRepository(action) => return action.run(github).await,
            Action::OpenIssue(action) => action,
        };
        let seen = if job.reads.is_empty() { before } else { scope.value() };
        let situation = Situation {
            job: &job.id,
            namespace: &self.namespace,
            bots: &self.bots,
            event: scope.event,
            dry_run: job.dry_run,
        };
        let key = action.fingerprint(&self.templates, &seen, &situation)?;
        tally.key = Some(key.clone());
        action.run(&self.templates, &seen, &situation, &key, github).await
    }

    /// The repository that this event is about.
    pub(super) fn repository(&self, job: &Job, scope: &minijinja::Value) -> Result<RepositoryName, Failure> {
        let (template, allowed) = match &job.target {
            Target::Fixed(name) => return Ok(name.clone()),
            Target::Chosen { template, allowed } => (template, allowed),
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

/// What the record `outcome` tells beside the result.
#[derive(Default)]
struct Tally {
    key: Option<String>,
    calls: u32,
    rate_left: Option<i64>,
}
