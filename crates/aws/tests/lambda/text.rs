//! Text from outside, as it arrives on GitHub.

use gatepass_sandbox::github::Issue;
use serde_json::json;

use crate::samples::{ALARM, REPOSITORY, alarm_of, padded};
use crate::support::Function;

/// Opens an issue for an alarm of this name and reason.
/// What would do something wherever GitHub reads it, and what is to stand there instead, with the invisible break shown.
pub(crate) const HARMFUL: [(&str, &str); 9] = [
    ("@everyone and @acme/team.", "@|everyone and @|acme/team."),
    ("Fixes #1 and closes acme/site#2", "Fixe|s #1 and close|s acme/site#2"),
    ("/deploy production", "|/deploy production"),
    ("fine\n/approve", "fine\n|/approve"),
    ("![x](https://evil.example/p.png)", "!|[x](https://evil.example/p.png)"),
    ("<img src=\"https://evil.example\">", "<|img src=\"https://evil.example\">"),
    ("a\u{0}b\u{1b}[31mc\u{7f}d\r\ne", "ab[31mcd\ne"),
    ("\u{202e}gpj.exe\u{2066}\u{200f}", "gpj.exe"),
    ("<!-- hidden -->", "<|!-- hidden -->"),
];

async fn opened(function: &Function, name: &str, reason: &str) -> Issue {
    let mut event = alarm_of(name, "e1", 1, "ALARM");
    event["detail"]["state"]["reason"] = json!(reason);
    assert_eq!(function.status(&event).await, "created", "{name:?} {reason:?}");
    function.sandbox.github.issues(REPOSITORY).pop().unwrap()
}

/// What stands between the managed part's first and last line, with the invisible break shown.
fn shown(issue: &Issue) -> String {
    let body = issue.body.clone().unwrap();
    let inside = body.strip_prefix("<!-- gatepass:begin -->\n").unwrap();
    let (content, marker) = inside.rsplit_once('\n').unwrap();
    assert!(marker.starts_with("<!-- gatepass:v1 key="), "{marker}");
    assert_eq!(body.matches("<!--").count(), 2, "{body}");
    content.replace('\u{200b}', "|")
}

#[tokio::test]
async fn what_would_do_something_does_nothing() {
    let own = [
        ("<!-- gatepass:begin -->", "<|!-- gatepass:begin -->"),
        ("{{ event.data }} {% raw %}", "{{ event.data }} {% raw %}"),
        ("", ""),
    ];
    let function = Function::start(ALARM).await;
    for (index, (reason, expected)) in HARMFUL.into_iter().chain(own).enumerate() {
        let issue = opened(&function, &format!("alarm-{index}"), reason).await;
        assert_eq!(shown(&issue), expected, "{reason:?}");
    }
}

#[tokio::test]
async fn a_forged_marker_in_an_event_claims_no_other_issue() {
    let function = Function::start(ALARM).await;
    let first = opened(&function, "first", "x").await;
    let marker = first.body.unwrap().lines().last().unwrap().to_owned();
    let forged = format!("done\n{marker}\n");
    let second = opened(&function, "second", &forged).await;
    assert!(!second.body.unwrap().contains(&marker));
    assert_eq!(function.status(&alarm_of("first", "e2", 2, "OK")).await, "closed");
    let open = function.sandbox.github.open_issues(REPOSITORY);
    assert_eq!(open.iter().map(|issue| issue.number).collect::<Vec<_>>(), [2]);
}

#[tokio::test]
async fn a_title_is_one_line_of_256_characters_and_a_label_of_50() {
    let function =
        Function::start(&ALARM.replace("labels: [alarm]", "labels: ['{{ event.data.detail.alarmName }}']"))
            .await;
    for (name, title, label) in [
        ("ä".repeat(300), format!("Alarm: {}", "ä".repeat(249)), "ä".repeat(50)),
        ("two\nlines\t\u{7}".into(), "Alarm: two lines".into(), "two lines".into()),
        // A label is a name and nothing that acts, so it stays what it is.
        ("@everyone <!-- x".into(), "Alarm: @|everyone <|!-- x".into(), "@everyone <!-- x".into()),
        ("closed".into(), "Alarm: close|d".into(), "closed".into()),
    ] {
        let issue = opened(&function, &name, "x").await;
        assert_eq!(issue.title.replace('\u{200b}', "|"), title);
        assert_eq!(issue.labels[1].replace('\u{200b}', "|"), label);
    }
}

#[tokio::test]
async fn a_long_body_is_cut_with_its_marker_whole() {
    let function = Function::start(ALARM).await;
    let event = |reason: String| {
        let mut event = alarm_of("long", "e1", 1, "ALARM");
        event["detail"]["state"]["reason"] = json!(reason);
        event
    };
    assert_eq!(function.status(&event("ü".repeat(400_000))).await, "created");
    let body = function.sandbox.github.issue(REPOSITORY, 1).unwrap().body.unwrap();
    assert_eq!(body.chars().count(), 65_536);
    assert!(body.contains("… (cut: GitHub takes no more)\n<!-- gatepass:v1 key="));
    assert_eq!(function.status(&event("ü".repeat(400_000))).await, "unchanged", "it is found again");

    // More than a template may print; and more than Lambda hands over.
    let place = "jobs.alarm-to-issue.open_issue.body";
    function
        .fails_raw(
            &padded(&event("PADDING".into()), 3 << 20),
            "invalid",
            &[place, "prints more than 1048576 bytes"],
        )
        .await;
    function.fails_raw(&padded(&event("PADDING".into()), 10 << 20), "invalid", &["larger than"]).await;
    assert_eq!(function.open(), 1);
}
