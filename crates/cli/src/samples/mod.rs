//! Sample events: to try templates with, and to send.

mod fresh;
mod kinds;
mod read;

use std::io::Read as _;

use gatepass_core::config::{EventFilter, Signature, Trigger};
use gatepass_core::event::{Event, MAX_BODY};
use gatepass_core::job::Job;
use gatepass_core::names::JobId;
use serde_json::json;

pub(crate) use self::fresh::merge;
pub(crate) use self::kinds::{Form, KINDS, Kind, Sender, Target, Transport};
use self::read::parse;

/// The kinds whose payloads have a form of their own, so that a template can be tried with the sample: nobody knows what
/// stands in the messages of somebody's queue.
const RENDERED: [&str; 12] = [
    "alarm",
    "alarm-action",
    "sns",
    "pubsub-incident",
    "azure-alert",
    "event-grid",
    "cloudevent",
    "schedule",
    "http",
    "github-release",
    "github-push",
    "github-issue",
];

/// An event with a name for the terminal.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) event: Event,
}

impl Kind {
    /// The sample, as a job gets it.
    ///
    /// # Errors
    /// Never for those that templates are tried with: a test reads them all.
    pub(crate) fn event(&self) -> Result<Event, String> {
        parse(self.text)?.into_iter().next().ok_or_else(|| format!("{} is no event", self.name))
    }
}

/// The samples that come with the program and fit `trigger`, as `job` would get them.
///
/// # Errors
/// Never for the samples as they are: a test reads them all.
pub(crate) fn embedded(job: &JobId, trigger: &Trigger) -> Result<Vec<Sample>, String> {
    let mut known = Vec::new();
    for kind in RENDERED.iter().filter_map(|name| Kind::named(name)) {
        known.push(Sample { name: format!("sample {}", kind.name), event: kind.event()? });
    }
    if let Trigger::Event(filter) = trigger {
        known.iter_mut().for_each(|sample| resettle(&mut sample.event, filter));
    }
    known.retain(|sample| fits(trigger, &sample.event));
    for Sample { event, .. } in &mut known {
        match trigger {
            Trigger::Http(http) => event.source = http.caller.to_string(),
            Trigger::Schedule(_) => {
                event.id = format!("{job}@{}", event.time);
                if let Some(name) = event.data.get_mut("name") {
                    *name = json!(job);
                }
            }
            Trigger::Event(_) | Trigger::Webhook(_) => {}
        }
    }
    // A source sends in several forms, and a trigger without a type means the first of them, most likely.
    if let Trigger::Event(EventFilter { kind: None, .. }) = trigger {
        known.truncate(1);
    }
    Ok(known)
}

/// A type of CloudEvents says what its data are, whatever bucket or account it is about.
fn resettle(event: &mut Event, filter: &EventFilter) {
    if event.kind.contains('.') && filter.kind.as_ref() == Some(&event.kind) {
        event.source.clone_from(&filter.source);
    }
}

/// Reads the events of a file.
///
/// # Errors
/// A sentence that names the file and what is wrong with it.
pub(crate) fn from_file(path: &str) -> Result<Vec<Sample>, String> {
    let text = String::from_utf8(bytes_of(path)?).map_err(|_| format!("{path} is not UTF-8"))?;
    let events = parse(&text).map_err(|error| format!("{path}: {error}"))?;
    let several = events.len() > 1;
    let name = |index: usize| if several { format!("{path} ({})", index + 1) } else { path.to_owned() };
    Ok(events.into_iter().enumerate().map(|(index, event)| Sample { name: name(index), event }).collect())
}

/// Reads a file that may be an event.
///
/// # Errors
/// A sentence that names the file, when it cannot be read or is larger than any event.
pub(crate) fn bytes_of(path: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_BODY).unwrap_or(u64::MAX);
    std::fs::File::open(path)
        .and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(|error| format!("{path} cannot be read: {error}"))?;
    if bytes.len() > MAX_BODY {
        return Err(format!("{path} is larger than {MAX_BODY} bytes, more than any event that is taken"));
    }
    Ok(bytes)
}

/// Whether `trigger` would take this event.
pub(crate) fn fits(trigger: &Trigger, event: &Event) -> bool {
    match trigger {
        Trigger::Event(filter) => {
            filter.source == event.source && filter.kind.as_ref().is_none_or(|kind| *kind == event.kind)
        }
        Trigger::Schedule(_) => event.kind == "schedule",
        Trigger::Http(_) => event.kind == "http",
        Trigger::Webhook(webhook) => {
            let (all, mut wanted) = (webhook.events.is_empty(), webhook.events.iter());
            match (webhook.signature == Signature::Github, event.kind.strip_prefix("com.github.")) {
                (true, Some(kind)) => all || wanted.any(|wanted| names(wanted, kind)),
                (false, None) => {
                    (all && event.kind == "webhook") || wanted.any(|wanted| *wanted == event.kind)
                }
                _ => false,
            }
        }
    }
}

/// Whether `wanted`, as in `release` or `release.published`, names the event `kind`.
pub(crate) fn names(wanted: &str, kind: &str) -> bool {
    wanted == kind || (!wanted.contains('.') && kind.split('.').next() == Some(wanted))
}

/// Whether any trigger of `job` would take this event.
pub(crate) fn concerns(job: &Job, event: &Event) -> bool {
    job.triggers().iter().any(|trigger| fits(trigger, event))
}

#[cfg(test)]
mod tests;
