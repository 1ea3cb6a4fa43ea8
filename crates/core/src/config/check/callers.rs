use gatepass_yaml::Path;

use super::Checker;
use crate::config::{Caller, Config, Job, Platform, Trigger};
use crate::names::CallerName;

impl Checker<'_> {
    pub(super) fn callers(&mut self) {
        for (name, caller) in &self.config.callers {
            let place = Path::root().key("callers").key(name.as_str());
            let one =
                "write oidc: with issuer, audience and email or subject, sns: with topics, or host: true";
            match (&caller.oidc, &caller.sns, caller.host) {
                (None, None, false) => self.missing(place, "nothing says how this caller is verified", one),
                (None, None, true) => {}
                (None, Some(sns), false) => {
                    if sns.topics.is_empty() {
                        let place = place.key("sns").key("topics");
                        self.missing(place, "no topic is accepted", "name the topics' ARNs");
                    }
                }
                (Some(oidc), None, false) => {
                    let place = place.key("oidc");
                    if oidc.subject.is_none() && oidc.email.is_none() {
                        self.missing(
                            place.clone(),
                            "anybody with a token of this issuer could call",
                            "add email: or subject:",
                        );
                    }
                    if oidc.audience.is_empty() {
                        self.error(
                            place.key("audience"),
                            "no audience is accepted",
                            "name this service's URL",
                        );
                    }
                    let sts = self.config.sts.audience();
                    for (index, audience) in oidc.audience.iter().enumerate() {
                        if audience.as_str() == sts {
                            self.error(
                                place.key("audience").index(index),
                                format!("`{sts}` is the audience of Octo STS: whoever gets such a token could pass it on"),
                                "let the caller ask for this service's URL instead",
                            );
                        }
                    }
                }
                _ => self.error(place, "a caller has one of oidc, sns and host", one),
            }
        }
    }

    /// Where strangers must be able to knock, the platform can no longer have checked anybody.
    pub(super) fn host_beside_strangers(&mut self) {
        let platforms = match self.platform {
            Some(platform) => vec![platform],
            None => vec![Platform::Aws, Platform::Gcp, Platform::Azure],
        };
        for (name, caller) in self.config.callers.iter().filter(|(_, caller)| caller.host) {
            let opened: Vec<(&str, &str)> = platforms
                .iter()
                .filter(|platform| lets_in(self.config, name, caller, **platform))
                .filter_map(|platform| Some((opener(self.config, *platform)?, platform.name())))
                .collect();
            let Some((opener, _)) = opened.first() else { continue };
            let open: Vec<&str> = opened.iter().map(|(_, platform)| *platform).collect();
            self.error(
                Path::root().key("callers").key(name.as_str()).key("host"),
                format!(
                    "{opener} opens the whole service on {} to everybody, so `host: true` would accept anybody",
                    open.join(", ")
                ),
                "verify this caller with oidc, or run the job that strangers reach on another cloud or as a second service",
            );
        }
    }
}

/// Words of `may_send` that are no sources of events: they say which triggers may name a caller, and that it brings back
/// what is on the queue.
const WORDS: [&str; 3] = ["schedule", "http", QUEUE];

const QUEUE: &str = "queue";

/// Whether a caller may send events of this source: only of those that it lists; SNS those of its topics unless it lists
/// others.
pub(crate) fn may_send(caller: &Caller, source: &str) -> bool {
    let listed = match (&caller.may_send, &caller.sns) {
        (None, Some(sns)) => sns.topics.iter().any(|topic| topic.as_str() == source),
        (list, _) => list.iter().flatten().any(|entry| entry == source),
    };
    listed && !WORDS.contains(&source)
}

/// Whether a caller may bring back what this deployment has put on its queue.
pub(crate) fn may_bring_back(caller: &Caller) -> bool {
    caller.may_send.iter().flatten().any(|entry| entry == QUEUE)
}

/// What makes strangers reach the binary of `platform`. A job without `runs_on` may run anywhere.
fn opener(config: &Config, platform: Platform) -> Option<&'static str> {
    let is_hook = |trigger: &Trigger| matches!(trigger, Trigger::Webhook(_));
    let mut jobs = config.jobs.values().filter(|job| job.runs_on(platform));
    if jobs.any(|job| job.triggers.iter().any(is_hook)) {
        return Some("a webhook");
    }
    let mut topics = config.callers.iter().filter(|(_, caller)| caller.sns.is_some());
    topics.any(|(name, caller)| lets_in(config, name, caller, platform)).then_some("SNS over HTTPS")
}

/// Whether the binary of `platform` lets this caller in.
fn lets_in(config: &Config, name: &CallerName, caller: &Caller, platform: Platform) -> bool {
    let mut jobs = config.jobs.values().filter(|job| job.runs_on(platform));
    may_bring_back(caller) || jobs.any(|job| uses(job, name, caller))
}

/// Whether a job lets this caller in.
fn uses(job: &Job, name: &CallerName, caller: &Caller) -> bool {
    job.triggers.iter().any(|trigger| match trigger {
        Trigger::Event(filter) => may_send(caller, &filter.source),
        Trigger::Schedule(schedule) => schedule.caller.as_ref() == Some(name),
        Trigger::Http(http) => http.caller == *name,
        Trigger::Webhook(_) => false,
    })
}
