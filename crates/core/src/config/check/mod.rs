//! Rules between values: what the structure cannot say.

mod callers;
mod triggers;

use gatepass_yaml::{Path, Problem};

pub(crate) use self::callers::{is_word, may_bring_back, may_send};
use super::{Config, Job, Loaded, Platform, Repositories, Route, Trigger, is_template};
use crate::names::JobId;

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
        self.host_beside_strangers();
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
        let actions = [
            job.open_issue.is_some(),
            job.read_repository.is_some(),
            job.comment.is_some(),
            job.dispatch_workflow.is_some(),
            job.dispatch_repository.is_some(),
            job.custom.is_some(),
        ];
        let actions = actions.into_iter().filter(|is_there| *is_there).count();
        if actions != 1 {
            let help = "write exactly one of open_issue, comment, dispatch_workflow, dispatch_repository, read_repository and custom";
            match actions {
                0 => self.missing(place.clone(), "this job does nothing", help),
                _ => self.error(place.clone(), "a job has one action", help),
            }
        }
        if job.delivery == Some(Route::Queued) && job.read_repository.is_some() {
            self.error(
                place.key("delivery"),
                "nobody would hear the answer",
                "a job that only reads answers whoever asks: take `delivery` out",
            );
        }
        let has_repository = job.repository.is_some() || job.repositories.is_some();
        if !has_repository && self.config.defaults.repository.is_none() {
            let help = "add repository: owner/name to the job or to defaults";
            self.missing_with_default(place, "repository", "no repository", help);
        }
        if job.trust_policy.is_none() && self.config.defaults.trust_policy.is_none() {
            let help =
                "add trust_policy: NAME, for .github/chainguard/NAME.sts.yaml, to the job or to defaults";
            self.missing_with_default(place, "trust_policy", "no trust policy", help);
        }
        self.repositories(place, job);
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

    fn repositories(&mut self, place: &Path, job: &Job) {
        let chosen = job.repository.as_deref().is_some_and(is_template);
        match (&job.repository, &job.repositories) {
            (Some(_), None) if chosen => self.error(
                place.key("repository"),
                "an event would choose any repository",
                "name those that it may choose in repositories: [owner/name, …]",
            ),
            (Some(_), Some(Repositories::Organization(_))) if chosen => self.error(
                place.key("repositories"),
                "an event may choose only from a list",
                "name those that it may choose in repositories: [owner/name, …]",
            ),
            (Some(_), Some(_)) if !chosen => self.error(
                place.key("repositories"),
                "the job has one repository already",
                "take out either repository or repositories, or write repository: \"{{ … }}\"",
            ),
            _ => {}
        }
        if let Some(Repositories::Listed(list)) = &job.repositories {
            if list.is_empty() {
                self.missing(place.key("repositories"), "the job is for no repository", "name at least one");
            }
            for (index, name) in list.iter().enumerate() {
                if list.iter().take(index).any(|other| other.as_str().eq_ignore_ascii_case(name.as_str())) {
                    let place = place.key("repositories").index(index);
                    self.error(place, format!("{name} is named twice"), "take one of them out");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Caller, SnsCaller, load};

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
    fn a_schedule_that_a_cloud_cannot_have_is_a_warning_where_the_job_is_said_to_run_there() {
        let warnings = |runs_on: &str, schedule: &str| {
            let jobs = job("one", runs_on, &format!("{{ schedule: {{ {schedule}, caller: who }} }}"));
            let file = format!(
                "version: 1\ndefaults: {{ repository: a/b, trust_policy: t }}\ncallers: {{ who: {{ host: true }} }}\njobs:\n{jobs}"
            );
            let file = load("x.yaml", &file).unwrap();
            let found = check(&file, None).into_iter().filter(|it| it.severity == Severity::Warning);
            found.map(|it| format!("{}: {}", it.problem.path, it.problem.message)).collect::<Vec<_>>()
        };
        let (both, berlin) = ("cron: '0 0 13 * fri'", "cron: '0 2 * * *', timezone: Europe/Berlin");
        for (runs_on, schedule, expected) in [
            ("", both, vec![]),
            ("runs_on: [gcp],", both, vec![]),
            ("runs_on: [aws],", both, vec!["cron: on aws nothing knocks at these times"]),
            (
                "runs_on: [aws, azure],",
                both,
                vec![
                    "cron: on aws nothing knocks at these times",
                    "cron: on azure nothing knocks at these times",
                ],
            ),
            ("runs_on: [aws, gcp],", berlin, vec![]),
            ("runs_on: [azure],", "cron: '0 2 * * *', timezone: Etc/UTC", vec![]),
            (
                "runs_on: [azure],",
                berlin,
                vec!["timezone: on azure timers go by UTC, whatever this says, on the plan Flex Consumption"],
            ),
        ] {
            let expected: Vec<String> =
                expected.into_iter().map(|it| format!("jobs.one.triggers[0].schedule.{it}")).collect();
            assert_eq!(warnings(runs_on, schedule), expected, "{runs_on} {schedule}");
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

    #[test]
    fn sns_sends_its_topics_unless_it_lists_others() {
        let topic = "arn:aws:sns:eu-central-1:123456789012:alarms";
        let sns = Some(SnsCaller { topics: vec![topic.parse().unwrap()] });
        let caller = |may_send| Caller { sns: sns.clone(), may_send, ..Caller::default() };
        let listed = caller(Some(vec!["aws.cloudwatch".to_owned()]));
        assert!(may_send(&caller(None), topic) && !may_send(&caller(None), "aws.cloudwatch"));
        assert!(!may_send(&listed, topic) && may_send(&listed, "aws.cloudwatch"));
    }

    #[test]
    fn new_rules_between_values() {
        let topic = "arn:aws:sns:eu-central-1:123456789012:alarms";
        let sns = format!("  who: {{ sns: {{ topics: ['{topic}'] }} }}\n");
        let nobody = "  nobody: { host: true }\n";
        let host = "  who: { host: true, may_send: [queue] }\n";
        let hook = |signature: &str, rest: &str| {
            format!("{{ webhook: {{ signature: {signature}, secrets: [{{ env: S }}]{rest} }} }}")
        };
        let of_aws = "{ webhook: { signature: github, secrets: [{ aws_parameter: /x }] } }";
        let any = "{ event: { source: orders, type: azure.queue } }";
        let read =
            "  one: { delivery: queued, triggers: [{ http: { caller: who } }], read_repository: {} }\n";
        let two = "  one: { repositories: [a/b, A/B], triggers: [{ http: { caller: who } }], open_issue: { key: [x], title: x } }\n";
        let table = [
            ("  who: { host: true, sns: { topics: [] } }\n", job("one", "", CALL), "a caller has one of"),
            (
                "  who: { sns: { topics: [] } }\n",
                job("one", "", "{ event: { source: x } }"),
                "no topic is accepted",
            ),
            (sns.as_str(), job("one", "", CALL), "is SNS, which sends events"),
            (sns.as_str(), job("one", "", &format!("{{ event: {{ source: '{topic}' }} }}")), ""),
            (host, job("one", "", &hook("github", "")), "would accept anybody"),
            (
                &format!("{sns}  me: {{ host: true }}\n"),
                job("one", "", &format!("{{ event: {{ source: '{topic}' }} }}"))
                    + &job("two", "", "{ http: { caller: me } }"),
                "SNS over HTTPS opens the whole service on gcp",
            ),
            (nobody, job("one", "", &hook("{ hmac: { header: X-S } }", ", events: [push]")), "is not known"),
            (nobody, job("one", "", &hook("{ hmac: { header: X-S } }", "")), ""),
            (nobody, job("one", "", &hook("standard_webhooks", ", events: [Invoice.Paid]")), ""),
            (nobody, job("one", "", of_aws), "gcp cannot read secrets"),
            (nobody, job("one", "", any), "comes over HTTP"),
            ("  who: { host: true }\n", read.to_owned(), "nobody would hear"),
            ("  who: { host: true }\n", two.to_owned(), "named twice"),
            (
                "  who: { host: true }\n",
                job("one", "repository: a/c, repositories: [a/b],", CALL),
                "one repository already",
            ),
            ("  who: { host: true }\n", job("one", "repositories: { organization: acme },", CALL), ""),
        ];
        for (callers, jobs, words) in table {
            let found = errors(callers, &jobs, Some(Platform::Gcp));
            match words {
                "" => assert_eq!(found, Vec::<String>::new(), "{jobs}"),
                words => assert!(found.iter().any(|error| error.contains(words)), "{jobs}: {found:?}"),
            }
        }
        assert!(errors(nobody, &job("one", "", any), Some(Platform::Azure)).is_empty());
        assert!(errors(nobody, &job("one", "", of_aws), Some(Platform::Aws)).is_empty());
    }
    #[test]
    fn a_host_caller_beside_a_token_is_a_warning_on_cloud_run() {
        let warned = |of_host: &str, of_token: &str, platform| {
            let jobs = job("one", of_host, CALL) + &job("two", of_token, "{ http: { caller: token } }");
            let file = format!(
                "version: 1\ndefaults: {{ repository: a/b, trust_policy: t }}\ncallers:\n  who: {{ host: true }}\n  token: {{ oidc: {{ issuer: 'https://x.example', audience: [u], subject: s }} }}\njobs:\n{jobs}"
            );
            let found = check(&load("x.yaml", &file).unwrap(), platform);
            found.iter().filter(|finding| finding.problem.message.contains("accepts anybody")).count()
        };
        let (gcp, azure) = ("runs_on: [gcp],", "runs_on: [azure],");
        for (of_host, of_token, platform, expected) in [
            (gcp, gcp, None, 1),
            ("", "", Some(Platform::Gcp), 1),
            ("", "", None, 0),
            (azure, gcp, None, 0),
            (gcp, azure, Some(Platform::Gcp), 0),
            ("", "", Some(Platform::Azure), 0),
            ("", "", Some(Platform::Aws), 0),
        ] {
            assert_eq!(warned(of_host, of_token, platform), expected, "{of_host} {of_token} {platform:?}");
        }
    }

    #[test]
    fn what_could_never_work_is_an_error() {
        let hook = |rest: &str| job("one", "", &format!("{{ webhook: {{ {rest} }} }}"));
        let signed =
            |scheme: &str| hook(&format!("signature: {{ hmac: {scheme} }}, secrets: [{{ env: S }}]"));
        let kept = |source: &str| hook(&format!("signature: github, secrets: [{{ env: S }}, {source}]"));
        let oidc = |pin: &str| {
            format!("  who: {{ oidc: {{ issuer: 'https://x.example', audience: [u], {pin} }} }}\n")
        };
        let sns = |topic: &str| format!("  who: {{ sns: {{ topics: ['{topic}'] }} }}\n");
        let listed = |entry: &str| format!("  who: {{ host: true, may_send: ['{entry}', http] }}\n");
        let of = |source: &str| job("one", "", &format!("{{ event: {{ source: '{source}' }} }}"));
        let call = || job("one", "", CALL);
        let nobody = || "  who: { host: true }\n".to_owned();
        let (empty, no_header) = ("this is empty", "no header begins with this");
        for (callers, jobs, place, words) in [
            (nobody(), signed("{ header: X, prefix: 'ü=' }"), "hmac.prefix", no_header),
            (nobody(), signed("{ header: X, prefix: ' v0=' }"), "hmac.prefix", no_header),
            (nobody(), signed("{ header: X, prefix: \"a\\nb\" }"), "hmac.prefix", no_header),
            (nobody(), signed("{ header: X, prefix: 'HMAC ' }"), "", ""),
            (nobody(), kept("{ file: '' }"), "secrets[1]", empty),
            (nobody(), kept("{ aws_secret: '' }"), "secrets[1]", empty),
            (nobody(), kept("{ aws_secret: { id: '', key: k } }"), "secrets[1]", empty),
            (nobody(), kept("{ aws_secret: { id: i, key: '' } }"), "secrets[1]", empty),
            (nobody(), kept("{ aws_parameter: '' }"), "secrets[1]", empty),
            (oidc("subject: ''"), call(), "oidc.subject", empty),
            (oidc("email: ''"), call(), "oidc.email", empty),
            (listed(""), call(), "may_send[0]", empty),
            (listed("queue"), of("queue"), "event.source", "a word of may_send"),
            (listed("a"), of(""), "event.source", empty),
            (sns("arn:aws:sns:eu-central-1:123456789012:a.fifo"), of("a"), "topics[0]", "queues alone"),
            (sns("arn:aws-iso:sns:us-iso-east-1:123456789012:a"), of("a"), "topics[0]", "aws-iso"),
        ] {
            let found: Vec<String> = errors(&callers, &jobs, Some(Platform::Gcp))
                .into_iter()
                .filter(|error| words.is_empty() || error.contains(place))
                .collect();
            match words {
                "" => assert_eq!(found, Vec::<String>::new(), "{jobs}"),
                words => {
                    assert!(found.iter().any(|error| error.contains(words)), "{callers}{jobs}: {found:?}")
                }
            }
        }
    }
}
