use gatepass_yaml::Path;

use super::Checker;
use crate::config::{Caller, Config, Job, Platform, Trigger};
use crate::inbound::sns::why_unverifiable;
use crate::names::{CallerName, TopicArn};

impl Checker<'_> {
    pub(super) fn callers(&mut self) {
        for (name, caller) in &self.config.callers {
            let place = Path::root().key("callers").key(name.as_str());
            let one =
                "write oidc: with issuer, audience and email or subject, sns: with topics, or host: true";
            match (&caller.oidc, &caller.sns, caller.host) {
                (None, None, false) => {
                    self.missing(place.clone(), "nothing says how this caller is verified", one);
                }
                (None, None, true) => {}
                (None, Some(sns), false) => {
                    if sns.topics.is_empty() {
                        let place = place.key("sns").key("topics");
                        self.missing(place, "no topic is accepted", "name the topics' ARNs");
                    }
                    for (index, topic) in sns.topics.iter().enumerate() {
                        if let Some(why) = silent(topic) {
                            let place = place.key("sns").key("topics").index(index);
                            self.error(
                                place,
                                why,
                                "subscribe a queue to the topic, and let gatepass-aws take the messages from there",
                            );
                        }
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
                    for (key, value) in [("subject", &oidc.subject), ("email", &oidc.email)] {
                        if value.as_ref().is_some_and(String::is_empty) {
                            self.error(
                                place.key(key),
                                "this is empty",
                                "write it as the caller's token has it",
                            );
                        }
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
                _ => self.error(place.clone(), "a caller has one of oidc, sns and host", one),
            }
            for (index, entry) in caller.may_send.iter().flatten().enumerate() {
                if entry.is_empty() {
                    let place = place.key("may_send").index(index);
                    self.error(place, "this is empty", "name a source, or schedule, http or queue");
                }
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
            let Some((opener, _)) = opened.first() else {
                self.host_beside_tokens(name, caller);
                continue;
            };
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

    /// Cloud Run either checks everybody, and takes the signature out of every token that it has checked, or it checks nobody.
    fn host_beside_tokens(&mut self, name: &CallerName, caller: &Caller) {
        const GCP: Platform = Platform::Gcp;
        let is_there = match self.platform {
            Some(platform) => platform == GCP,
            None => self.config.jobs.values().any(|job| job.runs_on.is_some() && job.runs_on(GCP)),
        };
        let mut others = self.config.callers.iter().filter(|(_, other)| other.oidc.is_some());
        let other = others.find(|(name, other)| lets_in(self.config, name, other, GCP));
        if let (true, true, Some((other, _))) = (is_there, lets_in(self.config, name, caller, GCP), other) {
            self.warning(
                Path::root().key("callers").key(name.as_str()).key("host"),
                format!(
                    "on gcp, `{other}` is verified by its token, which a private service does not let through; and on a public one, `host: true` accepts anybody"
                ),
                "let a private service have host callers alone, and a public one none",
            );
        }
    }
}

/// Why nothing that this topic publishes can come over HTTPS and be verified.
fn silent(topic: &TopicArn) -> Option<String> {
    if topic.as_str().ends_with(".fifo") {
        return Some("a FIFO topic of SNS delivers to queues alone".into());
    }
    why_unverifiable(topic)
}

/// Words of `may_send` that are no sources of events: they say which triggers may name a caller, and that it brings back
/// what is on the queue.
const WORDS: [&str; 3] = ["schedule", "http", QUEUE];

const QUEUE: &str = "queue";

/// Whether this is one of those words.
pub(crate) fn is_word(source: &str) -> bool {
    WORDS.contains(&source)
}

/// Whether a caller may send events of this source: only of those that it lists; SNS those of its topics unless it lists
/// others.
pub(crate) fn may_send(caller: &Caller, source: &str) -> bool {
    let listed = match (&caller.may_send, &caller.sns) {
        (None, Some(sns)) => sns.topics.iter().any(|topic| topic.as_str() == source),
        (list, _) => list.iter().flatten().any(|entry| entry == source),
    };
    listed && !is_word(source)
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
