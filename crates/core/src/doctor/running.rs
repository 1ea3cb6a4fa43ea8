//! An examination of a program that runs, which somebody who may asks for.

use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;

use super::{Chain, Examination, LONGEST};
use crate::app::App;
use crate::deadline::Deadline;
use crate::event::misfit;
use crate::failure::Failure;
use crate::telemetry::TARGET;

/// When to come back while another examination is under way.
const COME_BACK: Duration = Duration::from_secs(10);

/// How an examination is asked for: `{"doctor": true}`, perhaps with `"job": NAME`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    #[serde(default = "yes")]
    doctor: bool,
    job: Option<String>,
}

fn yes() -> bool {
    true
}

impl Request {
    /// Reads one; nothing at all asks for all jobs.
    ///
    /// # Errors
    /// Invalid, with how to write it.
    pub fn read(body: &[u8]) -> Result<Self, Failure> {
        let wrong = |why: &str| {
            Failure::invalid(format!(
                "an examination is asked for by {{\"doctor\": true}}, perhaps with \"job\": NAME: {why}"
            ))
        };
        if body.is_empty() {
            return Ok(Self { doctor: true, job: None });
        }
        let request: Self = serde_json::from_slice(body).map_err(|error| wrong(&misfit(&error)))?;
        if request.doctor { Ok(request) } else { Err(wrong("`doctor` is not true")) }
    }
}

impl App {
    /// Examines the chain of one job or of all: one examination at a time, so that nobody can have Octo STS and GitHub asked
    /// again and again.
    ///
    /// # Errors
    /// Not found when there is no such job, Deferred while another examination is under way.
    pub async fn examine(
        self: &Arc<Self>,
        request: &Request,
        deadline: Deadline,
    ) -> Result<Examination, Failure> {
        let Ok(turn) = Arc::clone(self.examining()).try_lock_owned() else {
            let why = "another examination is under way; ask again when it is done";
            return Err(Failure::deferred(COME_BACK, why));
        };
        let chain = Chain::of_app(self, request.job.as_deref())?;
        // To its end: a token that it gets must be revoked.
        self.to_the_end(async move {
            let examination = chain.examine(deadline.at_most(LONGEST)).await;
            drop(turn);
            let broken: Vec<&str> = examination.wrong().map(|link| link.link.title()).collect();
            tracing::info!(
                target: TARGET, message = "examined", healthy = examination.healthy, wrong = broken.join(", "),
            );
            Ok(examination)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_examination_is_asked_for_by_nothing_or_by_name() {
        for (body, job) in [
            ("", None),
            ("{}", None),
            ("{\"doctor\":true}", None),
            ("{\"doctor\":true,\"job\":\"a\"}", Some("a")),
            ("{\"job\":\"a\"}", Some("a")),
        ] {
            assert_eq!(Request::read(body.as_bytes()).unwrap().job.as_deref(), job, "{body}");
        }
        for body in ["x", "[]", "{\"doctor\":false}", "{\"doctor\":1}", "{\"jobs\":1}", "{\"job\":7}"] {
            let failure = Request::read(body.as_bytes()).unwrap_err();
            assert_eq!(failure.class.status(), 422, "{body}");
            assert!(failure.message.contains("{\"doctor\": true}"), "{failure}");
        }
    }
}
