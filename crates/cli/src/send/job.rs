//! Which job an event is for, and what its file says of webhooks.

use std::io::ErrorKind;
use std::path::Path;

use gatepass_core::app::DEFAULT_CONFIG;
use gatepass_core::config::{self, HmacScheme, Loaded, SecretSource, Signature, Trigger, WebhookTrigger};
use gatepass_core::names::JobId;

use super::Options;
use crate::Stop;
use crate::samples::{Kind, Sender, Transport, names};

/// The job that an event is for, and its file where there is one.
#[derive(Debug)]
pub(super) struct Addressee {
    file: Option<Loaded>,
    job: Option<JobId>,
}

impl Addressee {
    /// By `--job`, or the one job of the file that takes this kind.
    pub(super) fn of(kind: &Kind, options: &Options) -> Result<Self, Stop> {
        let file = read(options.config.as_deref())?;
        let job = match &options.job {
            Some(name) => Some(named(name, file.as_ref())?),
            None if is_for_one(kind) => Some(only(kind, file.as_ref())?),
            None => None,
        };
        Ok(Self { file, job })
    }

    /// The job, where the event is for one.
    pub(super) fn job(&self) -> Option<&JobId> {
        self.job.as_ref()
    }

    /// Its name; empty where the event is for none.
    pub(super) fn name(&self) -> &str {
        self.job.as_ref().map_or("", JobId::as_str)
    }

    fn webhook(&self) -> Option<&WebhookTrigger> {
        let job = self.file.as_ref()?.config.jobs.get(self.job.as_ref()?)?;
        job.triggers.iter().find_map(|trigger| match trigger {
            Trigger::Webhook(webhook) => Some(webhook),
            _ => None,
        })
    }

    /// How the job's own webhook is signed.
    pub(super) fn hmac(&self) -> Result<&HmacScheme, Stop> {
        match self.webhook().map(|webhook| &webhook.signature) {
            Some(Signature::Hmac(scheme)) => Ok(scheme),
            _ => Err(Stop::Usage(format!(
                "how is the webhook signed? That stands in the file, as `signature: {{ hmac: … }}` of the job; name both with --config FILE --job NAME{}",
                if self.webhook().is_some() { " (this job's webhook is signed in another way)" } else { "" }
            ))),
        }
    }

    /// The secret that the file names, where this process can read it too.
    pub(super) fn secret(&self) -> Option<String> {
        self.webhook()?.secrets.iter().find_map(|source| match source {
            SecretSource::Env(name) => std::env::var(name.as_str()).ok().filter(|secret| !secret.is_empty()),
            SecretSource::File(path) => super::proof::from_file(path).ok(),
            SecretSource::AwsSecret(_) | SecretSource::AwsParameter(_) => None,
        })
    }
}

/// The file that is named, or the one of the usual name where it is there.
fn read(path: Option<&str>) -> Result<Option<Loaded>, Stop> {
    let is_there =
        |path: &str| !matches!(Path::new(path).metadata(), Err(error) if error.kind() == ErrorKind::NotFound);
    let path = match path {
        Some(path) => path,
        None if is_there(DEFAULT_CONFIG) => DEFAULT_CONFIG,
        None => return Ok(None),
    };
    let loaded = config::read_file(path).and_then(|text| config::load(path, &text));
    loaded.map(Some).map_err(|error| Stop::Failed(error.to_string()))
}

fn named(name: &str, file: Option<&Loaded>) -> Result<JobId, Stop> {
    let job: JobId = name.parse().map_err(|error| Stop::Usage(format!("--job {name}: {error}")))?;
    match file {
        Some(file) if !file.config.jobs.contains_key(&job) => {
            let known: Vec<&str> = file.config.jobs.keys().map(JobId::as_str).collect();
            Err(Stop::Usage(format!("there is no job {name} in {}; it has {}", file.file, known.join(", "))))
        }
        _ => Ok(job),
    }
}

fn is_for_one(kind: &Kind) -> bool {
    let is_call = kind.name == "call";
    is_call || !matches!(kind.transport, Transport::Event(_) | Transport::Invocation | Transport::Queue)
}

/// The one job that takes this kind.
fn only(kind: &Kind, file: Option<&Loaded>) -> Result<JobId, Stop> {
    let Some(file) = file else {
        return Err(Stop::Usage(format!(
            "which job is {} for? Name it with --job NAME, or its file with --config FILE",
            kind.name
        )));
    };
    let fitting: Vec<&JobId> = file
        .config
        .jobs
        .iter()
        .filter(|(_, job)| job.triggers.iter().any(|trigger| takes(trigger, kind)))
        .map(|(name, _)| name)
        .collect();
    match fitting.as_slice() {
        [job] => Ok((*job).clone()),
        [] => Err(Stop::Usage(format!(
            "no job of {} takes {}; name one with --job NAME to send it all the same",
            file.file, kind.name
        ))),
        several => {
            let names: Vec<&str> = several.iter().map(|job| job.as_str()).collect();
            Err(Stop::Usage(format!(
                "several jobs take {}: choose one with --job: {}",
                kind.name,
                names.join(", ")
            )))
        }
    }
}

/// Whether a trigger takes what this kind is a sample of.
fn takes(trigger: &Trigger, kind: &Kind) -> bool {
    match (trigger, kind.transport) {
        (Trigger::Webhook(webhook), Transport::Hook(sender)) => match (sender, &webhook.signature) {
            (Sender::GitHub(event), Signature::Github) => {
                webhook.events.is_empty() || webhook.events.iter().any(|wanted| names(wanted, event))
            }
            (Sender::Standard, Signature::StandardWebhooks) | (Sender::Hmac, Signature::Hmac(_)) => true,
            _ => false,
        },
        (Trigger::Schedule(_), Transport::Tick | Transport::Timer | Transport::Invocation) => true,
        (Trigger::Http(_), Transport::Call | Transport::Front) => true,
        _ => false,
    }
}
