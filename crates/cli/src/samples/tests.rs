use gatepass_core::config::load;
use gatepass_core::job::{Actions, Jobs};

use super::*;

const FILE: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
callers: { console: { oidc: { issuer: https://accounts.google.com, audience: [https://x], email: a@b.c } } }
jobs:
  alarm:
    triggers: [{ event: { source: aws.cloudwatch } }]
    read_repository: {}
  action:
    triggers: [{ event: { source: aws.cloudwatch, type: CloudWatch Alarm Action } }]
    read_repository: {}
  notification:
    triggers: [{ event: { source: aws.cloudwatch, type: CloudWatch Alarm Notification } }]
    read_repository: {}
  incident:
    triggers: [{ event: { source: google.monitoring } }]
    read_repository: {}
  alert:
    triggers: [{ event: { source: azure.monitor, type: alert } }]
    read_repository: {}
  report:
    triggers: [{ event: { source: //storage.googleapis.com/projects/_/buckets/mine, type: google.cloud.storage.object.v1.finalized } }]
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
  findings:
    triggers: [{ event: { source: "arn:aws:sqs:eu-west-1:111122223333:findings" } }]
    read_repository: {}
"#;

fn samples(job: &str) -> Vec<Sample> {
    let file = load("gatepass.yaml", FILE).unwrap();
    let (jobs, _) = Jobs::compile(&file, None, &Actions::default()).unwrap_or_else(|error| panic!("{error}"));
    let job = jobs.get(job).unwrap();
    embedded(job.name(), &job.triggers()[0]).unwrap()
}

#[test]
fn every_trigger_gets_the_samples_that_fit_it() {
    for (job, expected) in [
        ("alarm", vec!["alarm"]),
        ("action", vec!["alarm-action"]),
        ("notification", vec!["sns"]),
        ("incident", vec!["pubsub-incident"]),
        ("alert", vec!["azure-alert"]),
        ("report", vec!["cloudevent"]),
        ("call", vec!["http"]),
        ("tick", vec!["schedule"]),
        ("pushed", vec!["github-push"]),
        ("release", vec!["github-release"]),
        ("edited", vec![]),
        ("anything", vec!["github-release", "github-push", "github-issue"]),
        ("bucket", vec![]),
        // Nobody knows what stands in its messages.
        ("findings", vec![]),
    ] {
        let expected: Vec<String> = expected.into_iter().map(|name: &str| format!("sample {name}")).collect();
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
    assert_eq!(samples("notification")[0].event.data["AlarmName"], "checkout-latency");
    assert_eq!(samples("incident")[0].event.data["incident"]["state"], "open");
    assert_eq!(samples("report")[0].event.source, "//storage.googleapis.com/projects/_/buckets/mine");
}

#[test]
fn what_gatepass_writes_is_read_back() {
    let event = samples("release").remove(0).event;
    assert_eq!(parse(&serde_json::to_string(&event).unwrap()).unwrap(), [event]);
}
