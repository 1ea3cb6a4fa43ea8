//! A job for several repositories.

use futures_util::stream::{self, StreamExt as _};

use super::{App, Arrived};
use crate::failure::Failure;
use crate::job::Job;
use crate::names::RepositoryName;
use crate::report::{Done, JobResult, Status};

/// How many repositories of one job are worked on at once, where there is no queue.
const AT_ONCE: usize = 4;

/// Why an organisation's filter leaves nothing to do.
const NOWHERE: &str = "no repository that the trust policy reaches is one of the job's `repositories`";

impl App {
    /// Onto the queue once a repository, or done for each of them here and now.
    pub(super) async fn deliver_to_each(&self, job: &Job, arrived: Arrived<'_>) -> Vec<JobResult> {
        let result = match (self.repositories_for(job, arrived).await, &self.queue) {
            (Err(failure), _) => Err(failure),
            (Ok(None), _) => Ok(Done::new(Status::Ignored)),
            (Ok(Some(repositories)), _) if repositories.is_empty() => Ok(Done::ignored(NOWHERE)),
            (Ok(Some(repositories)), Some(queue)) if !job.is_read_only() => {
                self.spread(job, &repositories, queue.as_ref(), arrived).await
            }
            (Ok(Some(repositories)), _) => return self.work_on_each(job, &repositories, arrived).await,
        };
        let result = JobResult { job: job.name().clone(), repository: None, result };
        let result = self.jobs.tell(arrived.event, result);
        vec![self.or_put_off(job, result, arrived).await]
    }

    /// `None` when the job's `if` does not want the event, which is asked before any token is.
    async fn repositories_for(
        &self,
        job: &Job,
        arrived: Arrived<'_>,
    ) -> Result<Option<Vec<RepositoryName>>, Failure> {
        if !self.jobs.concerns(job, arrived.event)? {
            return Ok(None);
        }
        let deadline = self.time_to_work(job, arrived);
        self.jobs.repositories(job, &self.gateway, deadline).await.map(Some)
    }

    async fn work_on_each(
        &self,
        job: &Job,
        repositories: &[RepositoryName],
        arrived: Arrived<'_>,
    ) -> Vec<JobResult> {
        let mut work = Vec::with_capacity(repositories.len());
        for repository in repositories {
            work.push(self.work(job, Some(repository), arrived));
        }
        stream::iter(work).buffered(AT_ONCE).collect().await
    }
}
