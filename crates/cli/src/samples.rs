//! Sample events, to try templates with.

use std::io::Read as _;

use gatepass_aws::events::{Invocation, read};
use gatepass_core::config::Trigger;
use gatepass_core::event::{Event, MAX_BODY};
use gatepass_core::job::Job;
use gatepass_core::names::JobId;
use http::{HeaderMap, HeaderValue, header};
use serde_json::{Value, json};

/// A CloudWatch alarm, as EventBridge sends it.
pub(crate) const ALARM: &str = include_str!("../../../examples/events/cloudwatch-alarm.json");

const SCHEDULE: &str = include_str!("../../../examples/events/schedule.json");
const HTTP: &str = include_str!("../../../examples/events/http.json");

/// Webhooks of GitHub: how `events` of a trigger names them, and what they are.
pub(crate) const WEBHOOKS: [(&str, &str); 3] = [
    ("release.published", include_str!("../../../examples/events/github-release.json")),
    ("push", include_str!("../../../examples/events/github-push.json")),
    ("issues.opened", include_str!("../../../examples/events/github-issue.json")),
];

/// An event with a name for the terminal.
#[derive(Clone, Debug)]
pub(crate) struct Sample {
    pub(crate) name: String,
    pub(crate) event: Event,
}

/// The samples that come with the program and fit `trigger`, as `job` would get them.
///
/// # Errors
/// Never for the samples as they are: a test reads them all.
pub(crate) fn embedded(job: &JobId, trigger: &Trigger) -> Result<Vec<Sample>, String> {
    let sample =
        |name: &str, text: &str| Ok::<_, String>(Sample { name: name.to_owned(), event: parse(text)? });
    let mut known =
        vec![sample("CloudWatch alarm", ALARM)?, sample("schedule", SCHEDULE)?, sample("http call", HTTP)?];
    for (name, text) in WEBHOOKS {
        known.push(sample(&format!("webhook {name}"), text)?);
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
    Ok(known)
}

/// Reads an event from a file.
///
/// # Errors
/// A sentence that names the file and what is wrong with it.
pub(crate) fn from_file(path: &str) -> Result<Sample, String> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_BODY).unwrap_or(u64::MAX);
    std::fs::File::open(path)
        .and_then(|file| file.take(limit.saturating_add(1)).read_to_end(&mut bytes))
        .map_err(|error| format!("{path} cannot be read: {error}"))?;
    if bytes.len() > MAX_BODY {
        return Err(format!("{path} is larger than {MAX_BODY} bytes, more than any event that is taken"));
    }
    let text = String::from_utf8(bytes).map_err(|_| format!("{path} is not UTF-8"))?;
    let event = parse(&text).map_err(|error| format!("{path}: {error}"))?;
    Ok(Sample { name: path.to_owned(), event })
}

/// Reads a raw EventBridge event, or an event as gatepass writes it, which is a CloudEvent whose `specversion` may be
/// left out and whose further attributes may stand in `attributes`.
pub(crate) fn parse(text: &str) -> Result<Event, String> {
    let mut value: Value = serde_json::from_str(text)
        .map_err(|error| format!("not JSON (line {}, column {})", error.line(), error.column()))?;
    if value.get("detail-type").is_some() {
        return match read(text) {
            Ok(Invocation::Delivery(delivery)) => Ok(delivery.event),
            Ok(Invocation::Http(_) | Invocation::UnreadableHttp(_)) => {
                Err("this is a request, and no event".to_owned())
            }
            Err(failure) => Err(failure.message),
        };
    }
    let Some(envelope) = value.as_object_mut().filter(|envelope| envelope.contains_key("type")) else {
        return Err(
            "this is neither an EventBridge event (with `detail-type`) nor a CloudEvent (with `type`)".into(),
        );
    };
    if let Some(Value::Object(attributes)) = envelope.remove("attributes") {
        envelope.extend(attributes);
    }
    envelope.entry("specversion").or_insert_with(|| json!("1.0"));
    let structured = HeaderValue::from_static("application/cloudevents+json");
    let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, structured)]);
    Event::from_cloudevents(&headers, value.to_string().as_bytes()).map_err(|failure| failure.message)
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
            let Some(kind) = event.kind.strip_prefix("com.github.") else { return false };
            webhook.events.is_empty() || webhook.events.iter().any(|wanted| names(wanted, kind))
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
mod tests {
    use gatepass_core::config::load;
    use gatepass_core::job::Jobs;

    use super::*;

    const FILE: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
callers: { console: { oidc: { issuer: https://accounts.google.com, audience: [https://x], email: a@b.c } } }
jobs:
  alarm:
    triggers: [{ event: { source: aws.cloudwatch } }]
    read_repository: {}
  call:
    triggers: [{ http: { caller: console } }]
    read_repository: {}
  tick:
    triggers: [{ schedule: { cron: "0 2 * * *" } }]
    read_repository: {}
  pushed:
    triggers: [{ webhook: { signature: github, events: [push], secrets: [{ env: S }] } }]
    read_repository: {}
  release:
    triggers: [{ webhook: { signature: github, events: [release], secrets: [{ env: S }] } }]
    read_repository: {}
  edited:
    triggers: [{ webhook: { signature: github, events: [release.edited], secrets: [{ env: S }] } }]
    read_repository: {}
  anything:
    triggers: [{ webhook: { signature: github, secrets: [{ env: S }] } }]
    read_repository: {}
  bucket:
    triggers: [{ event: { source: aws.s3 } }]
    read_repository: {}
"#;

    fn samples(job: &str) -> Vec<Sample> {
        let file = load("gatepass.yaml", FILE).unwrap();
        let (jobs, _) = Jobs::compile(&file, None).unwrap_or_else(|error| panic!("{error}"));
        let job = jobs.get(job).unwrap();
        embedded(job.name(), &job.triggers()[0]).unwrap()
    }

    #[test]
    fn every_trigger_gets_the_samples_that_fit_it() {
        for (job, expected) in [
            ("alarm", vec!["CloudWatch alarm"]),
            ("call", vec!["http call"]),
            ("tick", vec!["schedule"]),
            ("pushed", vec!["webhook push"]),
            ("release", vec!["webhook release.published"]),
            ("edited", vec![]),
            ("anything", vec!["webhook release.published", "webhook push", "webhook issues.opened"]),
            ("bucket", vec![]),
        ] {
            let names: Vec<String> = samples(job).into_iter().map(|sample| sample.name).collect();
            assert_eq!(names, expected, "{job}");
        }
    }

    #[test]
    fn samples_are_as_the_job_would_get_them() {
        let tick = &samples("tick")[0].event;
        assert_eq!((tick.id.as_str(), &tick.data["name"]), ("tick@2026-11-20T01:00:00Z", &json!("tick")));
        assert_eq!(samples("call")[0].event.source, "console");
        let push = &samples("pushed")[0].event;
        assert_eq!(
            (&push.attributes["github_event"], push.source.as_str()),
            (&json!("push"), "github.com/acme/widgets")
        );
        assert_eq!(samples("alarm")[0].event.data["detail"]["alarmName"], "checkout-latency");
    }

    #[test]
    fn what_gatepass_writes_is_read_back() {
        let event = samples("release").remove(0).event;
        assert_eq!(parse(&serde_json::to_string(&event).unwrap()).unwrap(), event);
    }

    #[test]
    fn what_is_no_event_says_why() {
        for (text, words) in [
            ("", "not JSON"),
            ("null", "neither"),
            ("[]", "neither"),
            ("{}", "neither"),
            (r#"{"detail-type":"x","source":"y"}"#, "no time"),
            (r#"{"type":"x","source":"y","data":{}}"#, "no id"),
            (r#"{"type":"x","source":"y","id":"1","time":"noon"}"#, "RFC 3339"),
            (r#"{"type":"x","source":"y","id":"1","specversion":"0.3"}"#, "0.3"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
