//! What becomes of an issue between its opening and its end, and what people may do to it meanwhile.

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::github::{Issue, State, StateReason};
use http::Method;

use crate::samples::{ALARM, ISSUES, LABEL, REPOSITORY, alarm, alarm_without_window};
use crate::support::{Deployment, Function};

/// [`ALARM`] with more lines in its `open_issue`.
fn alarm_with(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("      {}\n", line.trim())).collect();
    ALARM.replace("      max_open: 50\n", &format!("      max_open: 50\n{lines}"))
}

fn first(function: &Function) -> Issue {
    function.sandbox.github.issue(REPOSITORY, 1).unwrap()
}

/// The comments on the first issue, each without its marker.
fn comments(function: &Function) -> Vec<String> {
    let comments = first(function).comments.into_iter();
    comments
        .map(|comment| comment.body.rsplit_once("\n\n<!-- gatepass:v1 comment ").unwrap().0.to_owned())
        .collect()
}

const COMMENTING: &str = "on_repeat: comment\nrepeat_comment: 'Again: {{ event.data.detail.state.reason }}'";

#[tokio::test]
async fn a_repeat_can_be_a_comment_once_an_event() {
    let deployment = Deployment::new(alarm_with(COMMENTING)).await;
    let (function, other) = (deployment.start().await, deployment.start().await);
    for (process, id, minute, status, said) in [
        (&function, "e1", 1, "created", 0),
        (&function, "e3", 3, "updated", 1),
        (&function, "e3", 3, "unchanged", 1),
        (&other, "e3", 3, "unchanged", 1),
        (&other, "e2", 2, "ignored", 1),
        (&other, "e4", 4, "updated", 2),
    ] {
        assert_eq!(process.status(&alarm(id, minute, "ALARM")).await, status, "{id}");
        assert_eq!(comments(&function).len(), said, "{id}");
        assert!(first(&function).body.unwrap().contains("\nThreshold crossed at 1\n"), "it stays as it was");
    }
    assert_eq!(comments(&function), ["Again: Threshold crossed at 3", "Again: Threshold crossed at 4"]);
    assert_eq!(function.status(&alarm("e5", 5, "OK")).await, "closed");
    assert_eq!(comments(&function).len(), 2, "closing is no repeat");
    assert_eq!(function.status(&alarm("e6", 6, "ALARM")).await, "reopened");
    assert!(
        first(&function).body.unwrap().contains("\nThreshold crossed at 6\n"),
        "opened again, it is about the new one"
    );
    assert_eq!(comments(&function).len(), 2);
}

#[tokio::test]
async fn without_words_of_its_own_a_repeat_says_the_body() {
    let function = Function::start(&alarm_with("on_repeat: comment")).await;
    function.status(&alarm("e1", 1, "ALARM")).await;
    function.status(&alarm("e2", 2, "ALARM")).await;
    assert_eq!(comments(&function), ["Threshold crossed at 2"]);
}

#[tokio::test]
async fn a_repeat_can_be_nothing_and_older_events_are_known_all_the_same() {
    let deployment = Deployment::new(alarm_with("on_repeat: nothing")).await;
    let (function, other) = (deployment.start().await, deployment.start().await);
    function.status(&alarm("e1", 1, "ALARM")).await;
    function.sandbox.github.remove_label(REPOSITORY, 1, "alarm").unwrap();
    assert_eq!(function.status(&alarm("e3", 3, "ALARM")).await, "unchanged");
    for (id, minute, state, status) in
        [("e2", 2, "OK", "ignored"), ("e3", 3, "ALARM", "unchanged"), ("e1", 1, "ALARM", "ignored")]
    {
        assert_eq!(other.status(&alarm(id, minute, state)).await, status, "{id}");
    }
    let issue = first(&function);
    assert!(issue.body.unwrap().contains("\nThreshold crossed at 1\n"));
    assert_eq!((issue.labels, issue.comments.len()), (vec![LABEL.to_owned()], 0));
}

#[tokio::test]
async fn the_closing_comment_is_made_once_whatever_gets_lost() {
    let change = |fault: Fault| (Fault::on(Method::PATCH, ISSUES), fault);
    let say = || Fault::on(Method::POST, "/repos/acme/operations/issues/1/comments");
    let look = || Fault::on(Method::GET, "/repos/acme/operations/issues/1/comments");
    let (patch, _) = change(say());
    // What gets lost, and whether the first delivery still comes to its end.
    let table = [
        ("the change", patch.status(503).times(3), false),
        ("the comment's answer", say().reset().after_effect(), true),
        ("the comment", say().reset(), true),
        ("both", say().status(502).after_effect().times(2), true),
        ("half of the answer", say().reset_mid_body().after_effect(), true),
        ("the look before", look().status(500).times(3), false),
        ("the look after", look().skip(1).status(500).times(3), false),
    ];
    for (name, fault, ends) in table {
        let deployment =
            Deployment::new(alarm_with("closing_comment: 'Over: {{ event.data.detail.state.reason }}'"))
                .await;
        let (function, other) = (deployment.start().await, deployment.start().await);
        function.status(&alarm("e1", 1, "ALARM")).await;
        function.sandbox.github.faults().inject(fault);
        let event = alarm("e2", 2, "OK");
        if ends {
            assert_eq!(function.status(&event).await, "closed", "{name}");
        } else {
            function.fails(&event, "deferred", &["deliver it again"]).await;
            assert_eq!(other.status(&event).await, "closed", "{name}");
        }
        assert_eq!(other.status(&event).await, "unchanged", "{name}");
        assert_eq!(comments(&function), ["Over: Threshold crossed at 2"], "{name}");
        assert_eq!(first(&function).state, State::Closed);
    }
}

#[tokio::test]
async fn a_closing_event_that_closes_nothing_says_nothing() {
    let function = Function::start(&alarm_with("closing_comment: Over.")).await;
    function.status(&alarm("e1", 1, "ALARM")).await;
    function.sandbox.github.close_as_person(REPOSITORY, 1, StateReason::Completed).unwrap();
    assert_eq!(function.status(&alarm("e2", 2, "OK")).await, "unchanged");
    assert_eq!(first(&function).comments.len(), 0);
}

#[tokio::test]
async fn who_does_it_and_what_it_is_is_said_when_it_is_opened_and_then_left_to_people() {
    let config = alarm_with(
        "assignees: [ada, '@{{ event.data.region }}', ADA, '{{ event.data.none | default(\"\") }}']\nmilestone: 1\ntype: bug",
    );
    let function = Function::start(&config).await;
    let github = &function.sandbox.github;
    github.add_assignable(REPOSITORY, "ada").unwrap();
    github.add_assignable(REPOSITORY, "eu-west-1").unwrap();
    assert_eq!(github.add_milestone(REPOSITORY, "1.0").unwrap(), 1);
    github.add_issue_type("acme", "Bug");
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
    let issue = first(&function);
    assert_eq!((issue.assignees, issue.milestone), (vec!["ada".into(), "eu-west-1".into()], Some(1)));
    assert_eq!(issue.issue_type.as_deref(), Some("Bug"));

    let (body, number) = (issue.body.unwrap(), issue.number);
    github.configure(REPOSITORY, |repository| repository.assignable.clear()).unwrap();
    for (id, minute, state) in [("e2", 2, "ALARM"), ("e3", 3, "OK"), ("e4", 4, "ALARM")] {
        function.status(&alarm(id, minute, state)).await;
    }
    let issue = first(&function);
    assert_eq!((issue.assignees.len(), issue.milestone, number), (2, Some(1), 1));
    assert_ne!(issue.body.unwrap(), body);
}

#[tokio::test]
async fn an_alarm_is_opened_without_whom_and_what_github_refuses_and_the_log_says_so() {
    for (settings, refuse, words) in [
        ("milestone: 7", false, "milestone"),
        ("assignees: [gone]", true, "assignees"),
        ("type: Nope", false, "type"),
    ] {
        let function = Function::start(&alarm_with(settings)).await;
        function.sandbox.github.set_assignees_refused(refuse);
        assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created", "{settings}");
        assert_eq!(function.open(), 1);
        let warning = "opened without assignees, milestone and type";
        let log = function.log_until(warning, |_| true).await;
        let record = log.iter().find(|record| record["message"] == warning).unwrap();
        assert!(record["reason"].as_str().unwrap().to_lowercase().contains(words), "{record}");
    }
}

#[tokio::test]
async fn a_title_that_a_person_wrote_stays() {
    let config = ALARM
        .replace("\"Alarm: {{ event.data.detail.alarmName }}\"", "'{{ event.data.detail.state.reason }}'");
    let function = Function::start(&config).await;
    let github = &function.sandbox.github;
    let title = |function: &Function| first(function).title;
    function.status(&alarm("e1", 1, "ALARM")).await;
    function.status(&alarm("e2", 2, "ALARM")).await;
    assert_eq!(title(&function), "Threshold crossed at 2");
    github.edit_title(REPOSITORY, 1, "The database is full").unwrap();
    for (id, minute, state, status) in
        [("e3", 3, "ALARM", "updated"), ("e4", 4, "OK", "closed"), ("e5", 5, "ALARM", "reopened")]
    {
        assert_eq!(function.status(&alarm(id, minute, state)).await, status);
        assert_eq!(title(&function), "The database is full", "{id}");
    }
    assert!(first(&function).body.unwrap().contains("Threshold crossed at 5\n"), "the body is ours");
    github.edit_title(REPOSITORY, 1, "Threshold crossed at 2").unwrap();
    function.status(&alarm("e6", 6, "ALARM")).await;
    assert_eq!(title(&function), "Threshold crossed at 6", "who brings ours back gives it back");

    // An issue that an earlier version opened does not tell.
    let without_title = |body: &str| {
        let (before, rest) = body.split_once(" title=").unwrap();
        format!("{before}{}", &rest[16..])
    };
    github.edit_body(REPOSITORY, 1, without_title).unwrap();
    github.edit_title(REPOSITORY, 1, "old").unwrap();
    function.status(&alarm("e7", 7, "ALARM")).await;
    assert_eq!(title(&function), "Threshold crossed at 7");
}

#[tokio::test]
async fn taking_the_label_away_takes_the_issue_away() {
    for config in [ALARM.to_owned(), alarm_without_window(), alarm_with("closing_comment: Over.")] {
        let deployment = Deployment::new(config).await;
        let (function, other) = (deployment.start().await, deployment.start().await);
        function.status(&alarm("e1", 1, "ALARM")).await;
        function.sandbox.github.remove_label(REPOSITORY, 1, LABEL).unwrap();
        let before = first(&function);
        // Also for the process that remembers it.
        for process in [&function, &other] {
            assert_eq!(process.status(&alarm("e2", 2, "OK")).await, "unchanged");
        }
        assert_eq!(function.status(&alarm("e3", 3, "ALARM")).await, "created");
        assert_eq!(other.status(&alarm("e4", 4, "OK")).await, "closed");
        assert_eq!(first(&function), before);
        assert_eq!(function.sandbox.github.issue(REPOSITORY, 2).unwrap().state, State::Closed);
    }
}

#[tokio::test]
async fn what_cannot_be_meant_stops_the_start() {
    let no_state = "if: event.data.detail.state.value in";
    let table = [
        (alarm_with("repeat_comment: x"), "open_issue.repeat_comment", "add on_repeat: comment"),
        (alarm_with("on_repeat: update\nrepeat_comment: x"), "repeat_comment", "add on_repeat: comment"),
        (alarm_with("on_repeat: sometimes"), "on_repeat", "comment"),
        (alarm_with("assignees: [a, b, c, d, e, f, g, h, i, j, k]"), "assignees", "at most 10"),
        (alarm_with("assignees: ['{{ nobody }}']"), "assignees[0]", "nobody"),
        (alarm_with("milestone: 0"), "milestone", "counted from 1"),
        (alarm_with("type: '{{ event.type }}'"), "open_issue.type", "may not choose"),
        (alarm_with("type: ''"), "open_issue.type", "has a name"),
        (alarm_with("closing_comment: '{{ x }}'"), "closing_comment", "`x` is not defined"),
        (
            ALARM.replace(
                "      body: \"{{ event.data.detail.state.reason }}\"\n",
                "      on_repeat: comment\n",
            ),
            "on_repeat",
            "nothing to comment",
        ),
    ];
    assert!(ALARM.contains(no_state));
    for (config, place, words) in table {
        let said = Deployment::new(&config).await.start_error().await.join("\n");
        assert!(said.contains(place) && said.contains(words), "{place} {words}: {said}");
    }
}
