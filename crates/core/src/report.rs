//! What came of an event.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::failure::Failure;
use crate::names::{JobId, RepositoryName};

/// What a job did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// An issue was opened.
    Created,
    /// An issue was changed.
    Updated,
    /// A closed issue was opened again.
    Reopened,
    /// An issue was closed.
    Closed,
    /// Everything was as it should be.
    Unchanged,
    /// Something was read and is in the answer.
    Read,
    /// A workflow was started, or an event raised.
    Dispatched,
    /// It is on the queue, and will be done from there.
    Queued,
    /// The job had nothing to do with this event.
    Ignored,
}

impl Status {
    /// Its name in answers and log records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Reopened => "reopened",
            Self::Closed => "closed",
            Self::Unchanged => "unchanged",
            Self::Read => "read",
            Self::Dispatched => "dispatched",
            Self::Queued => "queued",
            Self::Ignored => "ignored",
        }
    }
}

/// What a job did, where, and what it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// What it did.
    pub status: Status,
    /// Where it can be seen.
    pub url: Option<String>,
    /// Whether it was only said, because of `dry_run`.
    pub dry_run: bool,
    /// Further fields of the answer.
    pub fields: Map<String, Value>,
}

impl Done {
    /// Without more to say.
    pub fn new(status: Status) -> Self {
        Self { status, url: None, dry_run: false, fields: Map::new() }
    }

    /// What would be done, of a job that writes nothing.
    pub fn dry(status: Status) -> Self {
        Self { dry_run: true, ..Self::new(status) }
    }

    /// Nothing, and why.
    pub(crate) fn ignored(reason: impl Into<String>) -> Self {
        let mut done = Self::new(Status::Ignored);
        done.fields.insert("reason".into(), Value::String(reason.into()));
        done
    }

    /// With the page where it can be seen.
    #[must_use]
    pub fn at(mut self, url: impl Into<String>) -> Self {
        self.url = Some(url.into());
        self
    }
}

/// One job's result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobResult {
    /// The job, by its key in the file.
    pub job: JobId,
    /// Of a job that runs for several repositories: which.
    pub repository: Option<RepositoryName>,
    /// What came of it.
    pub result: Result<Done, Failure>,
}

/// The results of all jobs that an event concerned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order of the file.
    pub results: Vec<JobResult>,
}

impl Report {
    /// The failure that the host must hear of, with its job.
    pub fn worst(&self) -> Option<(&JobId, &Failure)> {
        self.results
            .iter()
            .filter_map(|result| Some((&result.job, result.result.as_ref().err()?)))
            .reduce(|worst, next| if next.1.class.rank() > worst.1.class.rank() { next } else { worst })
    }

    /// The HTTP status of the whole: the worst failure's, else 201 when something was created, 202 when something was put
    /// on the queue, else 200.
    pub fn http_status(&self) -> u16 {
        let any = |status| {
            self.results.iter().any(|result| result.result.as_ref().is_ok_and(|done| done.status == status))
        };
        match self.worst() {
            Some((_, failure)) => failure.class.status(),
            None if any(Status::Created) => 201,
            None if any(Status::Queued) => 202,
            None => 200,
        }
    }

    /// `{"results":[{"job","status","url"?,…}]}`; the status of a failed job is its class. `details` says whether the
    /// caller may see what is for the log.
    pub fn answer(&self, details: bool) -> Value {
        let results: Vec<Value> = self.results.iter().map(|result| result.answer(details)).collect();
        json!({ "results": results })
    }
}

impl JobResult {
    fn answer(&self, details: bool) -> Value {
        let mut answer = Map::from_iter([("job".to_owned(), json!(self.job))]);
        if let Some(repository) = &self.repository {
            answer.insert("repository".into(), json!(repository));
        }
        match &self.result {
            Ok(done) => {
                answer.insert("status".into(), json!(done.status));
                if let Some(url) = &done.url {
                    answer.insert("url".into(), json!(url));
                }
                if done.dry_run {
                    answer.insert("dry_run".into(), json!(true));
                }
                answer.extend(done.fields.clone());
            }
            Err(failure) => {
                answer.insert("status".into(), json!(failure.class.name()));
                answer.insert("detail".into(), json!(failure.message));
                if let Some(text) = failure.details.as_ref().filter(|_| details) {
                    answer.insert("details".into(), json!(text));
                }
            }
        }
        Value::Object(answer)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn report(results: Vec<Result<Done, Failure>>) -> Report {
        let job: JobId = "a".parse().unwrap();
        Report {
            results: results
                .into_iter()
                .map(|result| JobResult { job: job.clone(), repository: None, result })
                .collect(),
        }
    }

    #[test]
    fn the_host_hears_the_worst() {
        let ok = || Ok(Done::new(Status::Created));
        let invalid = || Err(Failure::invalid("i"));
        let refused = || Err(Failure::refused("r"));
        let deferred = || Err(Failure::deferred(Duration::ZERO, "d"));
        let table = [
            (vec![], 200),
            (vec![Ok(Done::new(Status::Ignored))], 200),
            (vec![Ok(Done::new(Status::Updated)), ok()], 201),
            (vec![Ok(Done::new(Status::Updated)), Ok(Done::new(Status::Queued))], 202),
            (vec![Ok(Done::new(Status::Queued)), ok()], 201),
            (vec![Ok(Done::new(Status::Queued)), refused()], 502),
            (vec![ok(), invalid()], 422),
            (vec![refused(), invalid()], 502),
            (vec![invalid(), deferred(), refused(), ok()], 503),
        ];
        for (results, status) in table {
            assert_eq!(report(results.clone()).http_status(), status, "{results:?}");
        }
    }

    #[test]
    fn details_are_for_those_who_may_see_them() {
        let report = report(vec![Err(Failure::refused("short").with_details("claims"))]);
        assert!(!report.answer(false).to_string().contains("claims"));
        assert!(report.answer(true).to_string().contains("claims"));
    }
}
