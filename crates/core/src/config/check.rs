//! Rules between values: what the structure cannot say.

use gatepass_yaml::{Path, Problem};

use super::{Caller, Config, Job, Loaded, Platform, ScheduleTrigger, Trigger, WebhookTrigger};
use crate::names::{CallerName, JobId};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// A binary does not start with it.
    Error,
    /// `gatepass check` says so.
    Warning,
}

/// Something that is wrong between values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub severity: Severity,
    /// What and where.
    pub problem: Problem,
}

/// All findings for the binary of `platform`; for those that the file names in `runs_on` when there is none.
pub(crate) fn check(file: &Loaded, platform: Option<Platform>) -> Vec<Finding> {
    let mut checker = Checker { file, config: &file.config, platform, findings: Vec::new() };
    checker.callers();
    checker.jobs();
    checker.findings
}

struct Checker<'a> {
    file: &'a Loaded,
    config: &'a Config,
    platform: Option<Platform>,
    findings: Vec<Finding>,
}

impl Checker<'_> {
    /// Something is missing at `path`, unless it is there and wrong.
    fn missing(&mut self, path: Path, message: impl Into<String>, help: impl Into<String>) {
        if self.file.is_whole(&path) {
            self.error(path, message, help);
        }
    }

    /// As [`Self::missing`], for a key of a job that `defaults` may have instead.
    fn missing_with_default(&mut self, job: &Path, key: &str, message: &str, help: &str) {
        let default = Path::root().key("defaults").key(key);
        if self.file.is_whole(&job.key(key)) && self.file.is_whole(&default) {
            self.error(job.clone(), message, help);
        }
    }

    fn error(&mut self, path: Path, message: impl Into<String>, help: impl Into<String>) {
        let problem = self.file.problem(path, message, help);
        self.findings.push(Finding { severity: Severity::Error, problem });
    }

    fn warning(&mut self, path: Path, message: impl Into<String>, help: impl Into<String>) {
        let problem = self.file.problem(path, message, help);
        self.findings.push(Finding { severity: Severity::Warning, problem });
    }

    /// Where a job is known to run.
    fn platforms(&self, job: &Job) -> Vec<Platform> {
        match (self.platform, &job.runs_on) {
            (Some(platform), _) => vec![platform],
            (None, Some(platforms)) => platforms.clone(),
            (None, None) => Vec::new(),
        }
    }

    fn callers(&mut self) {
        for (name, caller) in &self.config.callers {
            let place = Path::root().key("callers").key(name.as_str());
            let both = "write oidc: with issuer, audience and email or subject, or host: true";
            match (&caller.oidc, caller.host) {
                (None, false) => self.missing(place, "nothing says how this caller is verified", both),
                (Some(_), true) => self.error(place, "a caller has either oidc or host", both),
                (None, true) => {}
                (Some(oidc), false) => {
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
            }
        }
    }

    fn jobs(&mut self) {
        if self.config.jobs.is_empty() {
            self.missing(
                Path::root().key("jobs"),
                "there is no job",
                "write one, or start with `gatepass init`",
            );
        }
        let mut ids: Vec<(&JobId, &JobId)> = Vec::new();
        for (name, job) in &self.config.jobs {
            let id = job.id.as_ref().unwrap_or(name);
            let place = Path::root().key("jobs").key(name.as_str());
            if let Some((other, _)) = ids.iter().find(|(_, known)| *known == id) {
                let message = format!("the id `{id}` is also that of the job {other}");
                self.error(place.clone(), message, "their issues would be mixed up; give one another id");
            }
            ids.push((name, id));
            if self.platform.is_some_and(|platform| !job.runs_on(platform)) {
                continue;
            }
            self.job(&place, name, job);
        }
        self.runs_on();
        self.host_beside_webhook();
    }

    fn runs_on(&mut self) {
        let without: Vec<&JobId> =
            self.config.jobs.iter().filter(|(_, job)| job.runs_on.is_none()).map(|(name, _)| name).collect();
        if self.platform.is_none() && without.len() < self.config.jobs.len() {
            for name in without {
                self.warning(
                    Path::root().key("jobs").key(name.as_str()),
                    "without runs_on, this job runs on every cloud that the file is packaged for",
                    "write runs_on: [aws], [gcp] or [azure], as other jobs of this file do",
                );
            }
        }
        for (name, job) in &self.config.jobs {
            if job.runs_on.as_ref().is_some_and(Vec::is_empty) {
                let place = Path::root().key("jobs").key(name.as_str()).key("runs_on");
                self.missing(place, "this job runs nowhere", "name aws, gcp or azure");
            }
        }
    }

    fn job(&mut self, place: &Path, name: &JobId, job: &Job) {
        if job.triggers.is_empty() {
            self.missing(
                place.key("triggers"),
                "nothing starts this job",
                "add an event, schedule, http or webhook trigger",
            );
        }
        let actions = usize::from(job.open_issue.is_some()) + usize::from(job.read_repository.is_some());
        if actions != 1 {
            let help = "write exactly one of open_issue and read_repository";
            match actions {
                0 => self.missing(place.clone(), "this job does nothing", help),
                _ => self.error(place.clone(), "a job has one action", help),
            }
        }
        if job.repository.is_none() && self.config.defaults.repository.is_none() {
            let help = "add repository: owner/name to the job or to defaults";
            self.missing_with_default(place, "repository", "no repository", help);
        }
        if job.trust_policy.is_none() && self.config.defaults.trust_policy.is_none() {
            let help =
                "add trust_policy: NAME, for .github/chainguard/NAME.sts.yaml, to the job or to defaults";
            self.missing_with_default(place, "trust_policy", "no trust policy", help);
        }
        let is_template =
            job.repository.as_ref().is_some_and(|text| text.contains("{{") || text.contains("{%"));
        match (is_template, job.repositories.is_empty()) {
            (true, true) => self.error(
                place.key("repository"),
                "an event would choose any repository",
                "name those that it may choose in repositories: [owner/name, …]",
            ),
            (false, false) => self.error(
                place.key("repositories"),
                "this list is only for a template in `repository`",
                "take it out, or write repository: \"{{ … }}\"",
            ),
            _ => {}
        }
        for read in job.read.keys() {
            if matches!(read.as_str(), "event" | "vars") {
                let message = format!("`{read}` is what templates call something else");
                self.error(place.key("read").key(read.as_str()), message, "choose another name");
            }
        }
        let webhooks = job.triggers.iter().filter(|trigger| matches!(trigger, Trigger::Webhook(_))).count();
        if webhooks > 1 {
            self.error(
                place.key("triggers"),
                "a job has one webhook",
                "put several events into its `events`",
            );
        }
        for (index, trigger) in job.triggers.iter().enumerate() {
            self.trigger(&place.key("triggers").index(index), name, job, trigger);
        }
    }

    fn trigger(&mut self, place: &Path, name: &JobId, job: &Job, trigger: &Trigger) {
        match trigger {
            Trigger::Event(filter) => {
                let place = place.key("event").key("source");
                let knocks = |caller: &Caller| may_send(caller, &filter.source);
                let known = self.config.callers.values().any(knocks);
                for platform in self.platforms(job) {
                    if platform != Platform::Aws && !known {
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
            Trigger::Webhook(webhook) => self.webhook(&place.key("webhook"), name, webhook),
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
        if caller.may_send.as_ref().is_some_and(|list| !list.iter().any(|entry| entry == what)) {
            let help = format!("add {what} to callers.{name}.may_send");
            self.error(place.clone(), format!("the caller `{name}` may not send {what}"), help);
        }
    }

    fn webhook(&mut self, place: &Path, name: &JobId, webhook: &WebhookTrigger) {
        if webhook.secrets.is_empty() {
            self.missing(
                place.key("secrets"),
                "without a secret anybody could knock",
                "add - env: NAME or - file: PATH",
            );
        }
        for (index, event) in webhook.events.iter().enumerate() {
            let is_name =
                |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            if event.split('.').count() > 2 || !event.split('.').all(is_name) {
                self.error(
                    place.key("events").index(index),
                    format!("`{event}` is no event of GitHub"),
                    "write push, or release.published for one of its actions",
                );
            }
        }
        self.warning(
            place.clone(),
            format!("a delivery to {name} that fails is lost: GitHub sends a webhook once"),
            "redeliver from the webhook's page on GitHub after a failure",
        );
    }

    /// A webhook opens the whole service to everybody, so the platform can no longer have checked anybody.
    fn host_beside_webhook(&mut self) {
        let platforms = match self.platform {
            Some(platform) => vec![platform],
            None => vec![Platform::Aws, Platform::Gcp, Platform::Azure],
        };
        for (name, caller) in self.config.callers.iter().filter(|(_, caller)| caller.host) {
            let open: Vec<&str> = platforms
                .iter()
                .filter(|platform| beside_webhook(self.config, name, caller, **platform))
                .map(|platform| platform.name())
                .collect();
            if open.is_empty() {
                continue;
            }
            self.error(
                Path::root().key("callers").key(name.as_str()).key("host"),
                format!(
                    "a webhook opens the whole service on {} to everybody, so `host: true` would accept anybody",
                    open.join(", ")
                ),
                "verify this caller with oidc, or run the webhook job on another cloud or as a second service",
            );
        }
    }
}

/// Whether a caller may send events of this source: only of those that it lists. `schedule` and `http` are no sources
/// but say which triggers may name it.
pub(crate) fn may_send(caller: &Caller, source: &str) -> bool {
    let listed = caller.may_send.iter().flatten().any(|entry| entry == source);
    listed && !matches!(source, "schedule" | "http")
}

/// Whether `platform` runs a job with a webhook, and one that lets this caller in. A job without `runs_on` may run
/// anywhere.
fn beside_webhook(config: &Config, name: &CallerName, caller: &Caller, platform: Platform) -> bool {
    let has = |has: &dyn Fn(&Job) -> bool| config.jobs.values().any(|job| job.runs_on(platform) && has(job));
    let is_hook = |trigger: &Trigger| matches!(trigger, Trigger::Webhook(_));
    has(&|job| job.triggers.iter().any(is_hook)) && has(&|job| uses(job, name, caller))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::load;

    /// The errors that are found in a file of these callers and jobs.
    fn errors(callers: &str, jobs: &str, platform: Option<Platform>) -> Vec<String> {
        let file = format!(
            "version: 1\ndefaults: {{ repository: a/b, trust_policy: t }}\ncallers:\n{callers}jobs:\n{jobs}"
        );
        let file = load("x.yaml", &file).unwrap();
        assert_eq!(file.problems, []);
        let errors = check(&file, platform).into_iter().filter(|finding| finding.severity == Severity::Error);
        errors.map(|Finding { problem, .. }| format!("{}: {}", problem.path, problem.message)).collect()
    }

    fn job(name: &str, rest: &str, trigger: &str) -> String {
        format!("  {name}: {{ {rest} triggers: [{trigger}], open_issue: {{ key: [x], title: x }} }}\n")
    }

    const HOOK: &str = "{ webhook: { signature: github, secrets: [{ env: SECRET }] } }";
    const CALL: &str = "{ http: { caller: who } }";
    const TICK: &str = "{ schedule: { cron: '0 2 * * *', caller: who } }";
    const EVENT: &str = "{ event: { source: a.bucket } }";

    #[test]
    fn an_event_over_http_needs_a_caller_that_lists_its_source() {
        for (may_send, refused) in [
            ("", true),
            (", may_send: []", true),
            (", may_send: [schedule, http]", true),
            (", may_send: [another.bucket]", true),
            (", may_send: [a.bucket]", false),
        ] {
            let callers = format!("  who: {{ host: true{may_send} }}\n");
            let found = |platform| errors(&callers, &job("one", "", EVENT), Some(platform));
            for platform in [Platform::Gcp, Platform::Azure] {
                let expected = format!(
                    "jobs.one.triggers[0].event.source: on {} this event comes over HTTP, and no caller lists its source",
                    platform.name()
                );
                assert_eq!(found(platform), Vec::from_iter(refused.then_some(expected)), "{may_send}");
            }
            assert!(found(Platform::Aws).is_empty(), "{may_send}");
        }
    }

    #[test]
    fn a_caller_without_may_send_may_start_the_jobs_that_name_it() {
        for (may_send, refused) in [("", [false, false]), (", may_send: [http]", [false, true])] {
            let callers = format!("  who: {{ host: true{may_send} }}\n");
            for (trigger, refused) in [CALL, TICK].into_iter().zip(refused) {
                let found = errors(&callers, &job("one", "", trigger), Some(Platform::Gcp));
                assert_eq!(!found.is_empty(), refused, "{may_send} {trigger}: {found:?}");
            }
        }
    }

    #[test]
    fn the_words_for_triggers_are_no_sources() {
        let caller = |list: &[&str]| Caller {
            may_send: Some(list.iter().map(|&entry| entry.to_owned()).collect()),
            ..Caller::default()
        };
        assert!(!may_send(&Caller::default(), "a.bucket"));
        assert!(may_send(&caller(&["schedule", "a.bucket"]), "a.bucket"));
        for word in ["schedule", "http"] {
            assert!(!may_send(&caller(&["schedule", "http"]), word));
        }
    }

    #[test]
    fn a_host_caller_beside_a_webhook_is_an_error_wherever_both_may_run() {
        let (aws, gcp) = ("runs_on: [aws],", "runs_on: [gcp],");
        let everywhere = Some("aws, gcp, azure");
        for (hook, call, trigger, platform, expected) in [
            ("", "", CALL, None, everywhere),
            ("", "", TICK, None, everywhere),
            ("", "", EVENT, None, everywhere),
            ("", "", CALL, Some(Platform::Azure), Some("azure")),
            ("", gcp, CALL, None, Some("gcp")),
            (gcp, "", CALL, None, Some("gcp")),
            ("runs_on: [aws, gcp],", "", CALL, None, Some("aws, gcp")),
            (gcp, gcp, CALL, None, Some("gcp")),
            (gcp, gcp, CALL, Some(Platform::Aws), None),
            (aws, gcp, CALL, None, None),
            (aws, gcp, CALL, Some(Platform::Gcp), None),
        ] {
            let jobs = job("call", call, trigger) + &job("hook", hook, HOOK);
            let found =
                errors("  who: { host: true, may_send: [schedule, http, a.bucket] }\n", &jobs, platform);
            let expected = expected.map(|where_| {
                format!(
                    "callers.who.host: a webhook opens the whole service on {where_} to everybody, so `host: true` would accept anybody"
                )
            });
            assert_eq!(found, Vec::from_iter(expected), "hook {hook} call {call} {platform:?}");
        }
        // One that no job lets in opens nothing.
        let jobs = job("hook", "", HOOK) + &job("event", "", EVENT);
        assert_eq!(errors("  who: { host: true }\n", &jobs, Some(Platform::Aws)), Vec::<String>::new());
    }
}
