//! Lists that lag, deliveries that race, limits: at rest there is one open issue a key, and never too many.

use std::time::Duration;

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::github::{State, StateReason, User};
use http::Method;

use crate::samples::{ALARM, ISSUES, LABEL, REPOSITORY, alarm, alarm_of, alarm_without_window};
use crate::support::{Deployment, Function};

/// The numbers of the open issues whose body has a marker.
fn marked(function: &Function) -> Vec<u64> {
    let open = function.sandbox.github.open_issues(REPOSITORY).into_iter();
    let marked = open.filter(|issue| issue.body.as_ref().is_some_and(|body| body.contains("gatepass:v1")));
    marked.map(|issue| issue.number).collect()
}

#[tokio::test]
async fn a_list_that_lags_comes_to_rest_at_one_issue() {
    for config in [ALARM.to_owned(), alarm_without_window()] {
        for lag in 1..=3 {
            let function = Function::start(&config).await;
            let github = &function.sandbox.github;
            github.lag_lists(lag);
            for delivery in 0..3 {
                let status = function.status(&alarm("e1", 1, "ALARM")).await;
                assert!(["created", "unchanged"].contains(&status.as_str()), "{lag}, {delivery}: {status}");
            }
            // The list has caught up.
            github.lag_lists(0);
            assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "unchanged");
            assert_eq!(marked(&function), [1], "lag {lag}");
            assert_eq!(function.status(&alarm("e2", 2, "OK")).await, "closed");
            assert_eq!(function.open(), 0);
        }
    }
}

#[tokio::test]
async fn of_several_open_issues_the_lowest_stays() {
    let function = Function::start(ALARM).await;
    let github = &function.sandbox.github;
    function.status(&alarm("e1", 1, "ALARM")).await;
    let body = github.issue(REPOSITORY, 1).unwrap().body.unwrap();
    for bot in ["octo-sts[bot]", "octo-sts-2[bot]"] {
        let body = format!("A person's note.\n{body}\nAnd another.");
        github.add_issue(REPOSITORY, User::bot(bot), "Alarm: cpu", &body, &[LABEL, "alarm"]).unwrap();
    }
    // Even an event that changes nothing else.
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "unchanged");
    assert_eq!(marked(&function), [1]);
    for number in [2, 3] {
        let issue = github.issue(REPOSITORY, number).unwrap();
        assert_eq!((issue.state, issue.state_reason), (State::Closed, Some(StateReason::Duplicate)));
        assert_eq!(issue.body.unwrap(), "A person's note.\nDuplicate of #1\nAnd another.");
    }
    assert_eq!(function.status(&alarm("e2", 2, "OK")).await, "closed");
    assert_eq!(function.status(&alarm("e3", 3, "ALARM")).await, "reopened");
    assert_eq!(marked(&function), [1], "the duplicates do not come back");
}

#[tokio::test]
async fn two_functions_at_once_come_to_rest_at_one_issue() {
    let deployment = Deployment::new(ALARM).await;
    let (one, other) = (deployment.start().await, deployment.start().await);
    for round in 0..12 {
        let name = format!("alarm-{round}");
        // The same event twice, or two events of one alarm; the interleaving is shaken by late answers.
        let ids = if round % 2 == 0 { ("e1", "e1") } else { ("e1", "e2") };
        let late = Fault::on_any(ISSUES).skip(round % 5).delay(Duration::from_millis(10));
        deployment.sandbox.github.faults().inject(late);
        let (first, second) = (alarm_of(&name, ids.0, 1, "ALARM"), alarm_of(&name, ids.1, 2, "ALARM"));
        tokio::join!(one.status(&first), other.status(&second));
        let open_now = || {
            let open = deployment.sandbox.github.open_issues(REPOSITORY).into_iter();
            open.filter(|issue| issue.title == format!("Alarm: {name}")).count()
        };
        assert_eq!(open_now(), 1, "the list is current, so the last to look has seen both");
        let last = one.status(&alarm_of(&name, "e3", 3, "ALARM")).await;
        assert_eq!(last, "updated");
        deployment.sandbox.github.faults().clear();
        assert_eq!(open_now(), 1, "round {round}\n{}", deployment.sandbox.trace);
        deployment.sandbox.trace.clear();
    }
}

#[tokio::test]
async fn racing_functions_on_a_lagging_list_wait_until_they_see_each_other() {
    for lag in 1..=4 {
        let deployment = Deployment::new(ALARM).await;
        let (one, other) = (deployment.start().await, deployment.start().await);
        deployment.sandbox.github.lag_lists(lag);
        let event = alarm("e1", 1, "ALARM");
        let (first, second) = tokio::join!(one.status(&event), other.status(&event));
        assert!(first == "created" || second == "created", "{first} {second}");
        assert_eq!(marked(&one), [1], "lag {lag}\n{}", deployment.sandbox.trace);
    }
}

#[tokio::test]
async fn a_list_that_never_catches_up_is_not_waited_for_and_the_next_event_settles_it() {
    // Half of the time that is left at most.
    let deployment = Deployment::new(ALARM).await.timeout(Duration::from_secs(3));
    let (one, other) = (deployment.start().await, deployment.start().await);
    deployment.sandbox.github.lag_lists(1000);
    let event = alarm("e1", 1, "ALARM");
    let (first, second) = tokio::join!(one.status(&event), other.status(&event));
    assert_eq!((first.as_str(), second.as_str(), one.open()), ("created", "created", 2));
    let is_warning = |record: &serde_json::Value| record["level"] == "WARN";
    one.log_until("an issue that was just opened is not listed yet", is_warning).await;
    deployment.sandbox.github.lag_lists(0);
    assert_eq!(other.status(&event).await, "unchanged");
    assert_eq!(marked(&one), [1]);
}

/// An issue of the same job, for some other key.
fn add_others(function: &Function, count: usize) {
    for n in 0..count {
        let body = format!("<!-- gatepass:v1 key={n:064x} at=2026-11-20T09:00:00Z id=0123456789abcdef -->");
        let bot = User::bot("octo-sts[bot]");
        function.sandbox.github.add_issue(REPOSITORY, bot, &format!("Other {n}"), &body, &[LABEL]).unwrap();
    }
}

#[tokio::test]
async fn no_more_issues_are_opened_than_the_job_may_have() {
    let default = alarm_without_window().replace("      max_open: 50\n", "");
    for (config, most) in [(ALARM, 50), (default.as_str(), 100)] {
        let function = Function::start(config).await;
        assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
        add_others(&function, most - 2);
        assert_eq!(function.status(&alarm_of("disk", "e2", 2, "ALARM")).await, "created");
        assert_eq!(function.open(), most);
        for open in [most, most + 1, most + 30] {
            add_others(&function, open - function.open());
            let words = [&format!("{most} or more issues"), LABEL, "close some", "open_issue.max_open"];
            function.fails(&alarm_of("net", "e3", 3, "ALARM"), "refused", &words).await;
            assert_eq!(function.open(), open);
        }
        // Those that are there are still looked after.
        assert_eq!(function.status(&alarm("e4", 4, "ALARM")).await, "updated");
        assert_eq!(function.status(&alarm("e5", 5, "OK")).await, "closed");
    }
}

#[tokio::test]
async fn an_issue_beyond_the_limit_is_not_taken_for_closed() {
    let function = Function::start(ALARM).await;
    add_others(&function, 60);
    let words = ["50 or more issues", "close some"];
    function.fails(&alarm("e1", 1, "OK"), "refused", &words).await;
    assert_eq!(function.sandbox.github.writes().len(), 0);
}

#[tokio::test]
async fn pull_requests_are_no_issues() {
    let function = Function::start(ALARM).await;
    let github = &function.sandbox.github;
    function.status(&alarm("e1", 1, "ALARM")).await;
    let body = github.issue(REPOSITORY, 1).unwrap().body.unwrap();
    github.close_as_person(REPOSITORY, 1, StateReason::Completed).unwrap();
    github.edit_body(REPOSITORY, 1, |_| String::new()).unwrap();
    let pull = github.add_pull(REPOSITORY, User::bot("octo-sts[bot]"), "Alarm: cpu", "fix").unwrap();
    github.add_label(REPOSITORY, pull, LABEL).unwrap();
    github.edit_body(REPOSITORY, pull, |_| body.clone()).unwrap();
    let before = github.issue(REPOSITORY, pull);
    assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, "created");
    assert_eq!(function.status(&alarm("e3", 3, "OK")).await, "closed");
    assert_eq!(github.issue(REPOSITORY, pull), before);
}

#[tokio::test]
async fn labelled_pull_requests_do_not_count_as_issues() {
    let function = Function::start(&ALARM.replace("max_open: 50", "max_open: 1")).await;
    let github = &function.sandbox.github;
    // More than fit on a page.
    for n in 0..130 {
        let pull = github.add_pull(REPOSITORY, User::person("ada"), "Mend it", &format!("fix-{n}")).unwrap();
        github.add_label(REPOSITORY, pull, LABEL).unwrap();
    }
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
    function.fails(&alarm_of("disk", "e2", 2, "ALARM"), "refused", &["1 or more issues"]).await;
}

#[tokio::test]
async fn a_duplicate_that_cannot_be_closed_now_is_closed_by_the_next_event() {
    let function = Function::start(ALARM).await;
    let github = &function.sandbox.github;
    function.status(&alarm("e1", 1, "ALARM")).await;
    let body = github.issue(REPOSITORY, 1).unwrap().body.unwrap();
    github.add_issue(REPOSITORY, User::bot("octo-sts[bot]"), "Alarm: cpu", &body, &[LABEL]).unwrap();
    github.faults().inject(Fault::on(Method::PATCH, ISSUES).status(503).times(3));
    function.fails(&alarm("e2", 2, "ALARM"), "deferred", &["changing issue #2"]).await;
    assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, "updated");
    assert_eq!(marked(&function), [1]);
}
