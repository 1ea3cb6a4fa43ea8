//! Where jobs run here: one cloud each.

use gatepass_core::config::Platform;
use gatepass_core::job::Job;

use crate::check::Checked;

/// A cloud, its host and its program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// AWS Lambda.
    Lambda,
    /// Google Cloud Run.
    CloudRun,
    /// Azure Functions.
    Functions,
}

impl Place {
    /// Those at which a job of the file is tried.
    pub(crate) fn of(checked: &Checked) -> Vec<Self> {
        let mut places: Vec<Self> = checked.jobs.iter().flat_map(|job| Self::of_job(checked, job)).collect();
        places.sort_unstable();
        places.dedup();
        places
    }

    /// Those at which this job is tried: what it names in `runs_on`; Lambda when it names none.
    pub(crate) fn of_job(checked: &Checked, job: &Job) -> Vec<Self> {
        let named = checked.file.config.jobs.get(job.name()).and_then(|job| job.runs_on.clone());
        named.unwrap_or_else(|| vec![Platform::Aws]).into_iter().map(Self::on).collect()
    }

    fn on(platform: Platform) -> Self {
        match platform {
            Platform::Aws => Self::Lambda,
            Platform::Gcp => Self::CloudRun,
            Platform::Azure => Self::Functions,
        }
    }

    /// The program's name.
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Lambda => "gatepass-aws",
            Self::CloudRun => "gatepass-gcp",
            Self::Functions => "gatepass-azure",
        }
    }

    /// The host's name.
    pub(crate) fn host(self) -> &'static str {
        match self {
            Self::Lambda => "Lambda",
            Self::CloudRun => "Cloud Run",
            Self::Functions => "Azure Functions",
        }
    }
}
