//! One open issue a key: what stays, what changes, and what people may do to it.

use gatepass_sandbox::github::{GitHub, Issue, State, StateReason, User};
use jiff::{SignedDuration, Timestamp};

use crate::samples::{ALARM, LABEL, REPOSITORY, alarm, alarm_of, alarm_without_window};
use crate::support::Function;

fn first(function: &Function) -> Issue {
    function.sandbox.github.issue(REPOSITORY, 1).unwrap()
}

/// What people do happens this long ago.
fn in_the_past(github: &GitHub, hours: i64, deed: impl FnOnce()) {
    github.set_now(Timestamp::now() - SignedDuration::from_hours(hours));
    deed();
    github.set_now(Timestamp::now());
}

#[tokio::test]
async fn a_new_issue_costs_three_calls_and_four_with_a_window() {
    // An update reads the issue by itself before it writes, because lists lag, and after, because deliveries overlap.
    for (config, calls) in [(alarm_without_window(), [3, 1, 4]), (ALARM.to_owned(), [4, 1, 4])] {
        let function = Function::start(&config).await;
        let events = [("e1", 1, "created"), ("e1", 1, "unchanged"), ("e2", 2, "updated")];
        for ((id, minute, status), calls) in events.into_iter().zip(calls) {
            let event = alarm(id, minute, "ALARM");
            assert_eq!(function.status(&event).await, status);
            assert_eq!(function.github_calls(), calls, "{status}");
        }
    }
}

#[tokio::test]
async fn the_issue_is_the_contracts() {
    let function = Function::start(ALARM).await;
    let result = function.send(&alarm("e1", 1, "ALARM")).await;
    let issue = first(&function);
    assert_eq!(
        result["url"].as_str().unwrap(),
        format!("{}/acme/operations/issues/1", function.sandbox.github.url())
    );
    assert_eq!(
        (issue.title.as_str(), issue.labels),
        ("Alarm: cpu", vec![LABEL.to_owned(), "alarm".to_owned()])
    );
    let key = function.outcome("e1").await["key"].as_str().unwrap().to_owned();
    let body = issue.body.unwrap();
    let lines: Vec<&str> = body.lines().collect();
    assert_eq!(lines[..2], ["<!-- gatepass:begin -->", "Threshold crossed at 1"]);
    let id = lines[2].strip_prefix(&format!("<!-- gatepass:v1 key={key} at=2026-11-20T09:01:00Z id="));
    let rest = id.and_then(|rest| rest.strip_suffix(" -->")).unwrap();
    let (id, title) = rest.split_once(" title=").unwrap();
    assert_eq!((lines.len(), key.len(), id.len(), title.len()), (3, 64, 16, 16));
}

#[tokio::test]
async fn the_order_of_events_is_their_own_time() {
    let function = Function::start(ALARM).await;
    assert_eq!(function.status(&alarm("e3", 3, "ALARM")).await, "created");
    for (id, minute, state, status) in [
        ("e1", 1, "OK", "ignored"),
        ("e2", 2, "ALARM", "ignored"),
        ("e3", 3, "ALARM", "unchanged"),
        ("e4", 3, "ALARM", "updated"),
        ("e5", 5, "OK", "closed"),
        ("e5", 5, "OK", "unchanged"),
        ("e4", 3, "ALARM", "ignored"),
        ("e6", 6, "OK", "unchanged"),
        ("e7", 7, "ALARM", "reopened"),
    ] {
        assert_eq!(function.status(&alarm(id, minute, state)).await, status, "{id}");
    }
    assert_eq!(function.sandbox.github.issues(REPOSITORY).len(), 1);
    assert_eq!(function.status(&alarm_of("disk", "e8", 8, "OK")).await, "unchanged", "nothing to close");
    assert_eq!(function.sandbox.github.issues(REPOSITORY).len(), 1);
}

#[tokio::test]
async fn what_people_add_stays() {
    let function = Function::start(ALARM).await;
    let github = &function.sandbox.github;
    function.status(&alarm("e1", 1, "ALARM")).await;
    github.add_label(REPOSITORY, 1, "p1").unwrap();
    github.remove_label(REPOSITORY, 1, "alarm").unwrap();
    github.edit_body(REPOSITORY, 1, |body| format!("On it.\r\n\r\n{body}\r\n- [ ] call the vendor")).unwrap();
    github.comment_as_person(REPOSITORY, 1, "Looking.").unwrap();
    for (id, minute, state, status) in
        [("e2", 2, "ALARM", "updated"), ("e3", 3, "OK", "closed"), ("e4", 4, "ALARM", "reopened")]
    {
        assert_eq!(function.status(&alarm(id, minute, state)).await, status);
        let issue = first(&function);
        let body = issue.body.unwrap();
        let start = "On it.\r\n\r\n<!-- gatepass:begin -->\n";
        assert!(
            body.starts_with(&format!("{start}Threshold crossed at {minute}\n<!-- gatepass:v1 ")),
            "{body}"
        );
        assert!(body.ends_with(" -->\r\n- [ ] call the vendor"), "{body}");
        assert_eq!(body.matches("<!--").count(), 2);
        assert_eq!(issue.labels, [LABEL, "p1", "alarm"]);
        assert_eq!(issue.comments.len(), 1);
    }
}

#[tokio::test]
async fn a_marker_that_a_person_wrote_counts_for_nothing() {
    let function = Function::start(ALARM).await;
    let github = &function.sandbox.github;
    function.status(&alarm("e1", 1, "ALARM")).await;
    let body = first(&function).body.unwrap();
    github.close_as_person(REPOSITORY, 1, StateReason::Completed).unwrap();
    github.edit_body(REPOSITORY, 1, |_| String::new()).unwrap();
    for (number, login) in (2..).zip(["mallory", "octo-sts", "octo-sts-x[bot]", "octo-sts[bot]s"]) {
        github.add_issue(REPOSITORY, User::person(login), "forged", &body, &[LABEL]).unwrap();
        assert_eq!(github.issue(REPOSITORY, number).unwrap().body.as_ref(), Some(&body));
    }
    assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, "created");
    assert_eq!(function.status(&alarm("e3", 3, "OK")).await, "closed");
    let open = github.open_issues(REPOSITORY);
    assert_eq!(open.iter().map(|issue| issue.number).collect::<Vec<_>>(), [2, 3, 4, 5], "left alone");
    assert!(open.iter().all(|issue| issue.body.as_ref() == Some(&body)));
}

#[tokio::test]
async fn another_app_of_the_same_octo_sts_is_one_of_us() {
    let function = Function::start(ALARM).await;
    let github = &function.sandbox.github;
    function.status(&alarm("e1", 1, "ALARM")).await;
    let body = first(&function).body.unwrap();
    github.close_as_person(REPOSITORY, 1, StateReason::Completed).unwrap();
    github.edit_body(REPOSITORY, 1, |_| String::new()).unwrap();
    github.add_issue(REPOSITORY, User::bot("octo-sts-7[bot]"), "Alarm: cpu", &body, &[LABEL]).unwrap();
    assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, "updated");
    assert_eq!(function.open(), 1);
}

#[tokio::test]
async fn who_closed_it_and_when_decides_what_the_next_alarm_does() {
    use StateReason::{Completed, Duplicate, NotPlanned};
    let table = [
        (Completed, 1, "reopened", 1),
        (Duplicate, 1, "reopened", 1),
        (NotPlanned, 1, "ignored", 0),
        (Completed, 7 * 24 - 1, "reopened", 1),
        (Completed, 7 * 24 + 1, "created", 1),
        (NotPlanned, 7 * 24 + 1, "created", 1),
    ];
    for (reason, hours, status, open) in table {
        let function = Function::start(ALARM).await;
        let github = &function.sandbox.github;
        function.status(&alarm("e1", 1, "ALARM")).await;
        in_the_past(github, hours, || github.close_as_person(REPOSITORY, 1, reason).unwrap());
        assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, status, "{reason:?} {hours}");
        assert_eq!(function.open(), open);
        let issues = github.issues(REPOSITORY).len();
        assert_eq!(issues, if status == "created" { 2 } else { 1 });
    }
}

#[tokio::test]
async fn a_comment_on_an_old_issue_does_not_bring_it_back() {
    // GitHub's `since` is about any change; the window is about the closing.
    let function = Function::start(ALARM).await;
    let github = &function.sandbox.github;
    function.status(&alarm("e1", 1, "ALARM")).await;
    in_the_past(github, 30 * 24, || github.close_as_person(REPOSITORY, 1, StateReason::Completed).unwrap());
    github.comment_as_person(REPOSITORY, 1, "Remember this one?").unwrap();
    assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, "created");
    assert_eq!(first(&function).state, State::Closed);
}

#[tokio::test]
async fn without_a_window_a_closed_issue_stays_closed() {
    let function = Function::start(&alarm_without_window()).await;
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
    assert_eq!(function.status(&alarm("e2", 2, "OK")).await, "closed");
    assert_eq!(first(&function).state_reason, Some(StateReason::Completed));
    assert_eq!(function.status(&alarm("e3", 3, "ALARM")).await, "created");
    assert_eq!(function.sandbox.github.open_issues(REPOSITORY)[0].number, 2);
}

#[tokio::test]
async fn taking_the_label_off_detaches_the_issue() {
    let function = Function::start(ALARM).await;
    let github = &function.sandbox.github;
    function.status(&alarm("e1", 1, "ALARM")).await;
    github.remove_label(REPOSITORY, 1, LABEL).unwrap();
    let before = first(&function);
    assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, "created");
    assert_eq!(function.status(&alarm("e3", 3, "OK")).await, "closed");
    assert_eq!(first(&function), before, "it is a person's now");
    assert_eq!(github.issue(REPOSITORY, 2).unwrap().state, State::Closed);
}

#[tokio::test]
async fn a_label_that_does_not_stick_leaves_nothing_open() {
    let function = Function::start(ALARM).await;
    function.sandbox.github.set_labels_stick(false);
    for (number, id) in [(1, "e1"), (2, "e2")] {
        let words = [&format!("issue #{number}"), LABEL, "closed again", "issues: write"];
        function.fails(&alarm(id, number, "ALARM"), "refused", &words).await;
        assert_eq!(function.open(), 0);
    }
    function.sandbox.github.set_labels_stick(true);
    assert_eq!(function.status(&alarm("e3", 3, "ALARM")).await, "created");
    assert_eq!(function.open(), 1);
}
