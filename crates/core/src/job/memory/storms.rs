use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use crate::clock::age;
use crate::names::JobId;

/// How often a storm is told of.
const EVERY: Duration = Duration::from_secs(60);

/// Refusals that a storm of events would fill the log with: one record a minute a job tells how many there were.
#[derive(Debug, Default)]
pub(in crate::job) struct Storms {
    /// When it was told of a job's last, and how many came since.
    by_job: Mutex<HashMap<JobId, Storm>>,
}

#[derive(Debug)]
struct Storm {
    told: Timestamp,
    since: u64,
}

/// What to do with one refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::job) enum Told {
    /// Tell it, as one of so many since it was told last.
    Now(u64),
    /// It is counted, and told with the next one.
    Later,
}

impl Storms {
    /// Counts one refusal of a job.
    pub(in crate::job) fn count(&self, job: &JobId) -> Told {
        self.count_at(job, Timestamp::now())
    }

    fn count_at(&self, job: &JobId, now: Timestamp) -> Told {
        let mut by_job = self.by_job.lock().unwrap_or_else(PoisonError::into_inner);
        match by_job.get_mut(job) {
            Some(storm) if age(storm.told, now) < EVERY => {
                storm.since += 1;
                Told::Later
            }
            Some(storm) => {
                let count = storm.since + 1;
                *storm = Storm { told: now, since: 0 };
                Told::Now(count)
            }
            None => {
                by_job.insert(job.clone(), Storm { told: now, since: 0 });
                Told::Now(1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_a_minute_a_job_with_a_count() {
        let storms = Storms::default();
        let (one, other): (JobId, JobId) = ("one".parse().unwrap(), "other".parse().unwrap());
        let at = |second: i64| Timestamp::from_second(1_000_000 + second).unwrap();
        for (job, second, told) in [
            (&one, 0, Told::Now(1)),
            (&one, 1, Told::Later),
            (&other, 2, Told::Now(1)),
            (&one, 59, Told::Later),
            (&one, 60, Told::Now(3)),
            (&one, 61, Told::Later),
            (&one, 500, Told::Now(2)),
            // The clock was set back.
            (&one, 10, Told::Now(1)),
        ] {
            assert_eq!(storms.count_at(job, at(second)), told, "{job} {second}");
        }
    }
}
