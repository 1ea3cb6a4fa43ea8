use gatepass_yaml::Path;

use super::Checker;
use super::callers::{is_word, may_send};
use crate::config::{
    AwsSecret, HmacScheme, Job, Platform, Route, ScheduleTrigger, SecretSource, Signature, Trigger,
    WebhookTrigger,
};
use crate::names::{CallerName, JobId};

/// The type of what the Functions host takes off a Storage Queue.
const AZURE_QUEUE: &str = "azure.queue";

impl Checker<'_> {
    pub(super) fn trigger(&mut self, place: &Path, name: &JobId, job: &Job, trigger: &Trigger) {
        match trigger {
            Trigger::Event(filter) => {
                let place = place.key("event").key("source");
                if job.delivery == Some(Route::Direct) {
                    self.warning(
                        place.clone(),
                        "an event whose sender does not wait can be lost: Lambda, for one, tries twice more within three minutes",
                        "let it go through the queue: take `delivery: direct` out",
                    );
                }
                if filter.source.is_empty() {
                    return self.error(place, "this is empty", "name the source of the events");
                }
                let known = self.config.callers.values().any(|caller| may_send(caller, &filter.source));
                for platform in self.platforms(job) {
                    // What Lambda's own IAM lets in, and what the Functions host takes off a queue, no caller brings.
                    let knocks = match platform {
                        Platform::Aws => false,
                        Platform::Gcp => true,
                        Platform::Azure => filter.kind.as_deref() != Some(AZURE_QUEUE),
                    };
                    if knocks && is_word(&filter.source) {
                        self.error(
                            place.clone(),
                            format!("on {} no event has this source: it is a word of may_send", platform.name()),
                            "name the events' own source; what a scheduler starts has a schedule trigger, and what somebody calls an http trigger",
                        );
                    } else if knocks && !known {
                        self.error(
                            place.clone(),
                            format!(
                                "on {} this event comes over HTTP, and no caller lists its source",
                                platform.name()
                            ),
                            format!(
                                "give whoever sends it an entry in callers with may_send: [\"{}\"]",
                                filter.source
                            ),
                        );
                    }
                }
            }
            Trigger::Schedule(schedule) => self.schedule(&place.key("schedule"), job, schedule),
            Trigger::Http(http) => self.caller(&place.key("http").key("caller"), &http.caller, "http"),
            Trigger::Webhook(webhook) => self.webhook(&place.key("webhook"), name, job, webhook),
        }
    }

    fn schedule(&mut self, place: &Path, job: &Job, schedule: &ScheduleTrigger) {
        match &schedule.caller {
            Some(caller) => self.caller(&place.key("caller"), caller, "schedule"),
            None if self.platforms(job).contains(&Platform::Gcp) => self.error(
                place.clone(),
                "no caller: on gcp a schedule knocks over HTTP",
                "add caller: NAME, and the scheduler's service account under callers",
            ),
            None => {}
        }
        let is_zone = |zone: &str| {
            !zone.is_empty()
                && zone.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'+'))
        };
        if schedule.timezone.as_ref().is_some_and(|zone| !is_zone(zone)) {
            self.error(
                place.key("timezone"),
                "this is no time zone",
                "write its IANA name, as in Europe/Berlin",
            );
        }
        for platform in self.platforms(job) {
            // Azure Functions, "Timer trigger", "NCRONTAB time zones": WEBSITE_TIME_ZONE is not supported on Flex Consumption.
            if let Err(reason) = schedule.cron.on(platform) {
                self.warning(
                    place.key("cron"),
                    format!("on {} nothing knocks at these times", platform.name()),
                    reason,
                );
            } else if platform == Platform::Azure && !schedule.is_utc() {
                self.warning(
                    place.key("timezone"),
                    "on azure timers go by UTC, whatever this says, on the plan Flex Consumption",
                    "write the time in UTC and take timezone out, or give this job to another cloud",
                );
            }
        }
    }

    fn caller(&mut self, place: &Path, name: &CallerName, what: &str) {
        let Some(caller) = self.config.callers.get(name) else {
            let known = self.config.callers.keys().map(CallerName::as_str);
            let help = match gatepass_yaml::nearest(name.as_str(), known) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "say under callers who that is".to_owned(),
            };
            return self.error(place.clone(), format!("there is no caller `{name}`"), help);
        };
        if caller.sns.is_some() {
            let message = format!("the caller `{name}` is SNS, which sends events and nothing else");
            return self.error(
                place.clone(),
                message,
                "give the job an event trigger with the topic as its source",
            );
        }
        if caller.may_send.as_ref().is_some_and(|list| !list.iter().any(|entry| entry == what)) {
            let help = format!("add {what} to callers.{name}.may_send");
            self.error(place.clone(), format!("the caller `{name}` may not send {what}"), help);
        }
    }

    fn webhook(&mut self, place: &Path, name: &JobId, job: &Job, webhook: &WebhookTrigger) {
        if webhook.secrets.is_empty() {
            self.missing(
                place.key("secrets"),
                "without a secret anybody could knock",
                "add - env: NAME, - file: PATH, - aws_secret: ARN or - aws_parameter: NAME",
            );
        }
        for (index, source) in webhook.secrets.iter().enumerate() {
            let is_empty = match source {
                SecretSource::Env(_) => false,
                SecretSource::File(name)
                | SecretSource::AwsParameter(name)
                | SecretSource::AwsSecret(AwsSecret::Whole(name)) => name.is_empty(),
                SecretSource::AwsSecret(AwsSecret::Field(field)) => {
                    field.id.is_empty() || field.key.is_empty()
                }
            };
            if is_empty {
                let place = place.key("secrets").index(index);
                self.error(place, "this is empty", "name the place where the secret is");
            }
        }
        match &webhook.signature {
            Signature::Github => self.github_events(&place.key("events"), &webhook.events),
            Signature::StandardWebhooks => {}
            Signature::Hmac(scheme) => self.hmac(place, scheme, &webhook.events),
        }
        let of_aws = |source: &SecretSource| {
            matches!(source, SecretSource::AwsSecret(_) | SecretSource::AwsParameter(_))
        };
        let elsewhere = self.platforms(job).into_iter().find(|platform| *platform != Platform::Aws);
        if let (Some(index), Some(platform)) = (webhook.secrets.iter().position(of_aws), elsewhere) {
            self.error(
                place.key("secrets").index(index),
                format!("{} cannot read secrets that are kept in AWS", platform.name()),
                "use env or file there, which the platform fills from its own store of secrets",
            );
        }
        if webhook.signature == Signature::Github && job.delivery != Some(Route::Queued) {
            self.warning(
                place.clone(),
                format!("without a queue, a delivery to {name} that fails is lost: GitHub sends a webhook once"),
                "write `delivery: queued` and name a queue in GATEPASS_QUEUE, or redeliver from the webhook's page on GitHub after a failure",
            );
        }
    }

    fn hmac(&mut self, place: &Path, scheme: &HmacScheme, events: &[String]) {
        if !events.is_empty() {
            self.error(
                place.key("events"),
                "what such a webhook is about is not known",
                "take it out, and ask in `if`, as in event.data.kind == \"done\"",
            );
        }
        let is_sent = |prefix: &str| {
            prefix.bytes().all(|b| b.is_ascii_graphic() || b == b' ') && !prefix.starts_with(' ')
        };
        if !is_sent(&scheme.prefix) {
            self.error(
                place.key("signature").key("hmac").key("prefix"),
                "no header begins with this",
                "write what stands before the digest, in ASCII and without a blank before it",
            );
        }
    }

    fn github_events(&mut self, place: &Path, events: &[String]) {
        for (index, event) in events.iter().enumerate() {
            let is_name =
                |part: &str| part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
            let is_event = |part: &str| !part.is_empty() && is_name(part);
            if event.split('.').count() > 2 || !event.split('.').all(is_event) {
                self.error(
                    place.index(index),
                    format!("`{event}` is no event of GitHub"),
                    "write push, or release.published for one of its actions",
                );
            }
        }
    }
}
