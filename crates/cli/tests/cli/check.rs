//! `gatepass check`.

use std::fs;

use serde_json::Value;

use crate::support::{root, run, run_in};

const GOOD: &str = r#"version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
vars: [TEAM]
jobs:
  alarm:
    triggers: [{ event: { source: aws.cloudwatch } }]
    open_issue:
      key: ["{{ event.data.detail.alarmName }}"]
      title: "{{ vars.TEAM }}: {{ event.data.detail.alarmName }}"
"#;

/// Checks `text` as gatepass.yaml in a directory of its own.
fn check(text: impl AsRef<[u8]>, arguments: &[&str]) -> crate::support::Run {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("gatepass.yaml"), text).unwrap();
    run_in(directory.path(), &[&["check"], arguments].concat())
}

#[test]
fn the_example_is_clean_but_for_what_the_contract_warns_about() {
    let run =
        run(&["check", &root().join("examples/quickstart/gatepass.yaml").display().to_string()]).ended(0);
    assert_eq!(run.out.matches("warning: ").count(), 1, "{}", run.out);
    assert!(run.out.contains("GitHub sends a webhook once") && run.err.is_empty(), "{}", run.err);
    for rendered in [
        "title   Alarm: checkout-latency",
        "key     111122223333 · eu-west-1 · checkout-latency",
        "title   Announce widgets v1.2.3",
        "title   0 open pull requests",
        "state   closed",
        "title   Weekly report: 0 open alarms",
        "labels  gatepass:weekly-report, report",
        "sample http: reads acme/widgets",
        "5 jobs, no errors, 1 warning",
    ] {
        assert!(run.out.contains(rendered), "{rendered}\n{}", run.out);
    }
    assert!(!run.out.contains('\u{1b}'), "colour only on a terminal");
}

#[test]
fn every_problem_is_shown_with_its_place_and_the_next_step() {
    let text = r#"version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  alarm:
    triggers: [{ event: { source: aws.cloudwatch } }]
    open_issue:
      key: ["{{ evnt.id }}"]
      titel: "x"
      title: "{{ event.id"
  tick:
    runs_on: [gcp]
    triggers:
      - schedule: { cron: "0 25 * * *" }
    read_repository: { include: [language] }
"#;
    let run = check(text, &[]).ended(1);
    for (place, words) in [
        ("gatepass.yaml:7:", "the name `evnt` is not defined"),
        ("gatepass.yaml:8:7", "unknown key `titel`"),
        ("gatepass.yaml:9:", "the template cannot be read"),
        ("gatepass.yaml:13:", "`25` is no hour"),
        ("gatepass.yaml:14:", "language"),
    ] {
        let shown = run.out.split("error: ").any(|problem| {
            problem.contains(words) && problem.contains(&format!("--> {place}")) && problem.contains('^')
        });
        assert!(shown, "{place} {words}\n{}", run.out);
    }
    assert!(run.out.contains("= help: did you mean `title`?"), "{}", run.out);
    assert!(run.out.contains("= help: did you mean `event`?"), "{}", run.out);
    assert_eq!(run.out.matches("error: ").count(), 5, "{}", run.out);
    assert!(run.out.contains("warning: jobs.alarm: without runs_on"), "{}", run.out);
    assert!(run.out.ends_with("gatepass.yaml: 5 errors, 1 warning\n"), "{}", run.out);
}

#[test]
fn a_schedule_is_shown_as_each_scheduler_takes_it() {
    let text = r#"version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
callers: { scheduler: { host: true } }
jobs:
  nightly:
    triggers: [{ schedule: { cron: "*/30 2 * * mon-fri", timezone: Europe/Berlin, caller: scheduler } }]
    open_issue: { key: [x], title: x }
  thirteenth:
    runs_on: [aws]
    triggers: [{ schedule: { cron: "0 0 13 * fri" } }]
    open_issue: { key: [x], title: x }
"#;
    let run = check(text, &[]).ended(0);
    for words in [
        "schedule on aws    cron(0,30 2 ? * MON-FRI *), Europe/Berlin\n",
        "schedule on gcp    0,30 2 * * 1-5, Europe/Berlin\n",
        "schedule on azure  0 0,30 2 * * 1-5, Europe/Berlin\n",
        "warning: jobs.thirteenth.triggers[0].schedule.cron: on aws nothing knocks at these times\n",
        "= help: EventBridge Scheduler takes a day of month or a day of week, not both: write two schedules, one with each\n",
        "schedule on aws    none: EventBridge Scheduler takes",
    ] {
        assert!(run.out.contains(words), "{words}\n{}", run.out);
    }
}

#[test]
fn the_caret_stands_under_the_key() {
    let run = check(GOOD.replace("title:", "titel:"), &[]).ended(1);
    let expected =
        "9 |       titel: \"{{ vars.TEAM }}: {{ event.data.detail.alarmName }}\"\n  |       ^^^^^\n";
    assert!(run.out.contains(expected), "{}", run.out);
}

#[test]
fn files_that_are_no_configuration_say_so() {
    let huge = format!("# {}\n{GOOD}", "x".repeat(1024 * 1024));
    let not_utf8 = [b"version: 1\n# caf\xe9\n".as_slice(), GOOD.as_bytes()].concat();
    for (text, words) in [
        (b"".as_slice(), "gatepass.yaml is empty"),
        (b"# nothing\n", "gatepass.yaml is empty"),
        (huge.as_bytes(), "gatepass.yaml is larger than 1 MiB"),
        (&not_utf8, "gatepass.yaml is not UTF-8 (line 2)"),
        (b"jobs: [", "gatepass.yaml:1:"),
        (b"- a\n- b\n", "gatepass.yaml:1:1"),
        (GOOD.replace("version: 1", "version: 2").as_bytes(), "version 2 is not known"),
    ] {
        let run = check(text, &[]).ended(1);
        assert!(run.out.starts_with("error: ") && run.out.contains(words), "{words}\n{}", run.out);
        assert!(run.out.contains("1 error\n"), "{words}\n{}", run.out);
    }
}

#[test]
fn a_file_that_is_not_there_leads_to_init() {
    let directory = tempfile::tempdir().unwrap();
    let run = run_in(directory.path(), &["check", "no/such.yaml"]).ended(1);
    assert!(run.out.contains("error: no/such.yaml cannot be read"), "{}", run.out);
    assert!(run.out.contains("gatepass init"), "{}", run.out);
}

#[test]
fn a_variable_prints_its_name_and_a_template_that_fails_is_an_error() {
    let run = check(GOOD, &[]).ended(0);
    assert!(run.out.contains("title   <TEAM>: checkout-latency\n"), "{}", run.out);

    let run = check(GOOD.replace("alarmName }}\"\n", "alarmNme }}\"\n"), &[]).ended(1);
    for words in [
        "error: jobs.alarm.open_issue.title: ",
        "--> gatepass.yaml:9:7",
        "rendered for the job alarm with the event: sample alarm",
        "--event FILE",
        "1 job, 1 error",
    ] {
        assert!(run.out.contains(words), "{words}\n{}", run.out);
    }
}

#[test]
fn a_given_event_stands_in_for_the_sample() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        fs::write(directory.path().join(name), text).unwrap();
    };
    file("gatepass.yaml", &GOOD.replace("aws.cloudwatch", "aws.ecs").replace("alarmName", "group"));
    let without = run_in(directory.path(), &["check"]).ended(0);
    assert!(without.out.contains("not rendered: no sample fits"), "{}", without.out);

    file(
        "raw.json",
        r#"{"id":"1","source":"aws.ecs","detail-type":"t","time":"2026-11-20T09:00:00Z","detail":{"group":"web"}}"#,
    );
    file(
        "cloud.json",
        r#"{"id":"2","source":"aws.ecs","type":"t","time":"2026-11-20T09:00:00Z","data":{"detail":{"group":"\u001b[2Jdb"}}}"#,
    );
    file("other.json", r#"{"id":"3","source":"aws.s3","type":"t","data":{}}"#);
    let events = ["--event", "raw.json", "--event", "cloud.json", "--event", "other.json"];
    let run = run_in(directory.path(), &[&["check"], events.as_slice()].concat()).ended(0);
    assert!(run.out.contains("raw.json: one issue in acme/operations"), "{}", run.out);
    assert!(run.out.contains("title   <TEAM>: web") && run.out.contains("db"), "{}", run.out);
    assert!(!run.out.contains('\u{1b}'), "an event cannot steer the terminal");
    assert!(run.err.contains("other.json was not used") && run.err.contains("aws.s3"), "{}", run.err);

    for (name, text, words) in [
        ("bad.json", "{", "bad.json: not JSON (line 1"),
        ("odd.json", "[]", "odd.json: this is neither what Lambda is invoked with"),
    ] {
        file(name, text);
        let run = run_in(directory.path(), &["check", "--event", name]).ended(1);
        assert!(run.err.contains(words), "{}", run.err);
    }
    let run = run_in(directory.path(), &["check", "--event", "none.json"]).ended(1);
    assert!(run.err.contains("none.json cannot be read"), "{}", run.err);
}

#[test]
fn the_schema_is_json_and_nothing_else() {
    let run = run(&["check", "--schema"]).ended(0);
    let schema: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(schema["title"], "gatepass.yaml");
    assert!(schema["properties"]["jobs"].is_object() && run.err.is_empty());
}

#[test]
fn a_command_that_is_not_understood_ends_with_2() {
    for arguments in [&["chek"] as &[&str], &["check", "--evnt", "x"], &[], &["dev", "--rounds", "2"]] {
        let run = run(arguments).ended(2);
        assert!(run.err.contains("Usage"), "{arguments:?}\n{}", run.err);
    }
}

#[test]
fn what_platforms_send_is_taken_as_an_event() {
    let file = r#"version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
callers: { push: { host: true, may_send: [google.monitoring, azure.monitor, projects/acme-prod/subscriptions/gatepass-findings] } }
jobs:
  all:
    triggers:
      - event: { source: aws.cloudwatch }
      - event: { source: "arn:aws:sqs:eu-west-1:111122223333:findings" }
      - event: { source: google.monitoring }
      - event: { source: azure.monitor }
      - event: { source: projects/acme-prod/subscriptions/gatepass-findings }
    open_issue: { key: ["{{ event.id }}"], title: "{{ event.type }}" }
"#;
    let events = root().join("examples/events");
    let path = |name: &str| events.join(name).display().to_string();
    for (name, rendered) in [
        ("alarm-action.json", "title   CloudWatch Alarm Action"),
        ("sns.json", "title   CloudWatch Alarm Notification"),
        ("sqs.json", "sqs.json (2): one issue in acme/operations"),
        ("pubsub.json", "title   pubsub"),
        ("pubsub-incident.json", "title   incident"),
        ("azure-alert.json", "title   alert"),
    ] {
        let run = check(file, &["--event", &path(name)]).ended(0);
        assert!(run.out.contains(rendered) && run.out.contains(name), "{rendered}\n{}", run.out);
    }
    let run = check(file, &["--event", &path("function-url.json")]).ended(1);
    assert!(run.err.contains("function-url.json: this is"), "{}", run.err);
}
