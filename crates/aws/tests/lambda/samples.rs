//! Files that functions are configured with, and events that they are sent.

use std::fmt::Write as _;

use serde_json::{Value, json};

pub(crate) const REPOSITORY: &str = "acme/operations";
/// Where its issues are listed and opened.
pub(crate) const ISSUES: &str = "/repos/acme/operations/issues";
/// The label of [`ALARM`]'s job.
pub(crate) const LABEL: &str = "gatepass:alarm-to-issue";

/// A file with one alarm job, as the README has it.
pub(crate) const ALARM: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  alarm-to-issue:
    runs_on: [aws]
    triggers:
      - event: { source: aws.cloudwatch, type: CloudWatch Alarm State Change }
    if: event.data.detail.state.value in ["ALARM", "OK"]
    open_issue:
      key: ["{{ event.data.account }}", "{{ event.data.region }}", "{{ event.data.detail.alarmName }}"]
      state: "{{ 'closed' if event.data.detail.state.value == 'OK' else 'open' }}"
      title: "Alarm: {{ event.data.detail.alarmName }}"
      body: "{{ event.data.detail.state.reason }}"
      labels: [alarm]
      reopen_within: 7d
      max_open: 50
"#;

/// [`ALARM`] without a look at closed issues.
pub(crate) fn alarm_without_window() -> String {
    ALARM.replace("      reopen_within: 7d\n", "")
}

/// A file with the jobs `job-0`, `job-1`, … that each have a trust policy of their own, `policy-0`, …: what is
/// remembered for one says nothing about the next.
pub(crate) fn many_jobs(count: usize) -> String {
    let mut file = String::from("version: 1\ndefaults: { repository: acme/operations }\njobs:\n");
    for index in 0..count {
        writeln!(
            file,
            "  job-{index}: {{ trust_policy: policy-{index}, triggers: [{{ schedule: {{ cron: 0 2 * * * }} }}], \
             open_issue: {{ key: [nightly], title: Nightly }} }}"
        )
        .unwrap();
    }
    file
}

/// A direct call of a job.
pub(crate) fn call(job: &str) -> Value {
    json!({ "job": job })
}

/// An alarm's state change, as EventBridge sends it.
pub(crate) fn alarm(id: &str, minute: u32, state: &str) -> Value {
    json!({
        "version": "0", "id": id, "detail-type": "CloudWatch Alarm State Change", "source": "aws.cloudwatch",
        "account": "111122223333", "region": "eu-west-1", "time": format!("2026-11-20T09:{minute:02}:00Z"),
        "resources": ["arn:aws:cloudwatch:eu-west-1:111122223333:alarm:cpu"],
        "detail": {"alarmName": "cpu", "state": {"value": state, "reason": format!("Threshold crossed at {minute}")}},
    })
}

/// A state change of the alarm `name`.
pub(crate) fn alarm_of(name: &str, id: &str, minute: u32, state: &str) -> Value {
    let mut event = alarm(id, minute, state);
    event["detail"]["alarmName"] = json!(name);
    event
}

/// The event as bytes, with so many in place of the text `PADDING`.
pub(crate) fn padded(event: &Value, length: usize) -> Vec<u8> {
    event.to_string().replacen("PADDING", &"x".repeat(length), 1).into_bytes()
}
