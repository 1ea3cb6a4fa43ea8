//! What GitHub answers to a look: the decision table, and where the token goes.

use std::time::Duration;

use gatepass_sandbox::faults::Fault;
use http::Method;
use jiff::{SignedDuration, Timestamp};

use crate::samples::{ISSUES, alarm, alarm_of, alarm_without_window};
use crate::support::{Deployment, Function, at_once};

fn look() -> Fault {
    Fault::on(Method::GET, ISSUES)
}

fn message(text: &str) -> String {
    serde_json::json!({ "message": text }).to_string()
}

/// A look that fails, in which class, with which words, and when to come back, in seconds.
type Row = (Fault, &'static str, &'static [&'static str], Option<(u64, u64)>);

fn decisions() -> Vec<Row> {
    let reset = (Timestamp::now() + SignedDuration::from_mins(10)).as_second().to_string();
    let past = (Timestamp::now() - SignedDuration::from_mins(10)).as_second().to_string();
    let limited = |status: u16| look().status(status).body(message("API rate limit exceeded"));
    let spent = |status: u16, reset: &str| {
        limited(status).header("x-ratelimit-remaining", "0").header("x-ratelimit-reset", reset)
    };
    let secondary = message("You have exceeded a secondary rate limit. Please wait.");
    let needed = look().status(403).header("x-accepted-github-permissions", "issues=read");
    let not_accessible = message("Resource not accessible by integration");
    vec![
        (limited(403).header("retry-after", "120"), "deferred", &["rate limit"], Some((110, 120))),
        (limited(429).header("retry-after", "30"), "deferred", &["rate limit"], Some((20, 30))),
        (limited(429).header("retry-after", "99999999"), "deferred", &["rate limit"], Some((7000, 7200))),
        (spent(403, &reset), "deferred", &["rate limit"], Some((590, 630))),
        (spent(429, &past), "deferred", &["rate limit"], Some((1, 30))),
        (spent(403, "soon"), "deferred", &["rate limit"], Some((50, 90))),
        (look().status(429), "deferred", &["rate limit"], Some((50, 60))),
        (look().status(403).body(secondary), "deferred", &["rate limit"], Some((50, 60))),
        (needed.body(not_accessible.clone()), "refused", &["issues=read", "trust policy"], None),
        (look().status(403).body(not_accessible), "refused", &["the trust policy's permissions"], None),
        (look().html().status(403), "refused", &["may not do this", "Unexpected"], None),
        (look().status(404).body(message("Not Found")), "refused", &["not visible", "check the name"], None),
        (
            look().status(410).body(message("Issues are disabled")),
            "refused",
            &["Issues are disabled", "enable"],
            None,
        ),
        (look().status(451).body(message("Blocked")), "refused", &["legal reasons", "Blocked"], None),
        (look().status(422).body(message("Validation Failed")), "invalid", &["Validation Failed"], None),
        (
            look().status(400).body(message("Problems")),
            "refused",
            &["400", "Problems", "github.api_url"],
            None,
        ),
        (look().status(418), "refused", &["418", "github.api_url"], None),
        (look().status(304), "refused", &["304", "github.api_url"], None),
        (look().html(), "deferred", &["not what GitHub documents", "deliver it again"], Some((1, 1))),
        (look().garbage(), "deferred", &["not what GitHub documents"], Some((1, 1))),
        (look().body("{}"), "deferred", &["not what GitHub documents"], Some((1, 1))),
        (look().body("[{\"number\":\"x\"}]"), "deferred", &["not what GitHub documents"], Some((1, 1))),
        (look().status(302), "refused", &["has moved", "does not say where"], None),
        (look().status(302).header("location", ISSUES).times(9), "refused", &["keeps redirecting"], None),
    ]
}

#[tokio::test]
async fn every_answer_to_a_look_has_its_class_and_loses_nothing() {
    let deployment = Deployment::new(alarm_without_window()).await;
    let (mut function, mut waiting) = (deployment.start().await, 0);
    for (index, (fault, class, words, wait)) in decisions().into_iter().enumerate() {
        let id = format!("e{index}");
        let event = alarm_of(&format!("alarm-{index}"), &id, 1, "ALARM");
        let injected = function.sandbox.github.faults().inject(fault);
        let error = function.fails(&event, class, words).await;
        assert!(error.message.starts_with("GitHub, listing the issues of acme/operations: "), "{error}");
        assert_eq!(injected.used(), if words == ["keeps redirecting"] { 4 } else { 1 }, "{error}");
        let outcome = function.outcome(&id).await;
        assert_eq!((&outcome["status"], &outcome["reason"]), (&class.into(), &error.message.into()));
        assert_eq!(outcome["github_calls"], injected.used());
        let told = outcome["retry_after"].as_u64();
        assert_eq!(told.is_some(), wait.is_some(), "{outcome}");
        assert!(told.zip(wait).is_none_or(|(told, (low, high))| (low..=high).contains(&told)), "{outcome}");

        assert_eq!(function.open(), index, "a look that failed opens nothing");
        function.sandbox.github.faults().clear();
        if words == ["rate limit"] {
            // This process waits as it was told to.
            function.fails(&event, "deferred", &["not asked", "rate limit", "acme before"]).await;
            assert_eq!(function.outcome(&id).await["github_calls"], 0);
            (function, waiting) = (deployment.start().await, waiting + 1);
        }
        assert_eq!(function.status(&event).await, "created", "and the event can come again");
    }
    assert_eq!((waiting, function.open()), (8, decisions().len()));
    assert_eq!(
        function.exchanges(),
        4 + waiting,
        "a token that may not do it is not used again: the policy may change"
    );
}

#[tokio::test]
async fn a_spent_rate_limit_is_deferred_until_it_is_reset() {
    let deployment = Deployment::new(alarm_without_window()).await;
    let function = deployment.start().await;
    function.sandbox.github.set_rate(0, Timestamp::now() + SignedDuration::from_mins(20));
    let error = function.fails(&alarm("e1", 1, "ALARM"), "deferred", &["over a rate limit"]).await;
    let outcome = function.outcome("e1").await;
    assert!((1190..=1230).contains(&outcome["retry_after"].as_u64().unwrap()), "{error}");
    assert_eq!(outcome["rate_left"], 0);
    function.sandbox.github.set_rate(100, Timestamp::now() + SignedDuration::from_mins(20));
    function.fails(&alarm("e1", 1, "ALARM"), "deferred", &["not asked", "acme before"]).await;
    let outcome = function.outcome("e1").await;
    assert_eq!(outcome["github_calls"], 0, "it waits as it was told to");
    assert!((1180..=1230).contains(&outcome["retry_after"].as_u64().unwrap()), "{outcome}");
    let function = deployment.start().await;
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
    assert_eq!(function.outcome("e1").await["rate_left"], 97);
}

#[tokio::test]
async fn a_passing_fault_is_tried_again_twice_and_no_more() {
    let kinds = [look().status(500), look().html().status(502), look().status(503), look().reset()];
    at_once(kinds.map(|fault| async move {
        let function = Function::start(&alarm_without_window()).await;
        let (event, faults) = (alarm("e1", 1, "ALARM"), function.sandbox.github.faults());
        let often = faults.inject(fault.clone().times(3));
        let error = function.fails(&event, "deferred", &["listing the issues", "deliver it again"]).await;
        assert_eq!((often.used(), function.open()), (3, 0), "{error}");
        let seldom = faults.inject(fault.times(2));
        assert_eq!(function.status(&event).await, "created");
        assert_eq!(seldom.used(), 2);
    }))
    .await;
    let function = Function::start(&alarm_without_window()).await;
    let half = function.sandbox.github.faults().inject(look().reset_mid_body());
    assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, "created");
    assert_eq!(half.used(), 1);
}

#[tokio::test]
async fn a_github_that_hangs_or_is_not_there_is_not_now() {
    let deployment = Deployment::new(alarm_without_window()).await;
    let nowhere =
        deployment.with_config(alarm_without_window()).set("GATEPASS_GITHUB_API_URL", "http://127.0.0.1:1");
    let words = ["listing the issues", "could not be reached", "deliver it again"];
    nowhere.start().await.fails(&alarm("e1", 1, "ALARM"), "deferred", &words).await;

    let function = deployment.timeout(Duration::from_millis(1200)).start().await;
    let hanging = function.sandbox.github.faults().inject(look().hang());
    function.fails(&alarm("e1", 1, "ALARM"), "deferred", &["deliver it again"]).await;
    assert_eq!((hanging.used(), function.open()), (1, 0));
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
}

#[tokio::test]
async fn the_token_follows_a_redirect_on_its_own_host_and_to_no_other() {
    let function = Function::start(&alarm_without_window()).await;
    let (github, elsewhere) =
        (&function.sandbox.github, function.sandbox.identity.gcp.metadata.url().to_owned());
    for (index, status) in [301, 302, 307, 308].into_iter().enumerate() {
        let moved = look().status(status).header("location", &format!("{elsewhere}{ISSUES}"));
        github.faults().inject(moved);
        let event = alarm_of(&format!("alarm-{index}"), "e1", 1, "ALARM");
        let words = ["another host, 127.0.0.1", "the token is not sent there", "github.api_url"];
        function.fails(&event, "refused", &words).await;

        github
            .faults()
            .inject(look().status(status).header("location", &format!("{ISSUES}?state=open&labels=x")));
        assert_eq!(function.status(&event).await, "created", "{status}");
        assert_eq!(function.open(), index + 1);
    }
    for location in ["//example.com/x", "https://127.0.0.1/x", "ftp://x/", "http://user@localhost/x"] {
        github.faults().inject(look().status(302).header("location", location));
        function.fails(&alarm("e9", 9, "ALARM"), "refused", &["another host"]).await;
    }
    let hops = function.sandbox.trace.hops();
    let strays = hops.iter().filter(|hop| hop.service == "gcp-metadata");
    assert_eq!(strays.count(), 0, "{}", function.sandbox.trace);
}

#[tokio::test]
async fn pages_are_followed_on_its_own_host_and_not_for_ever() {
    let function = Function::start(&alarm_without_window()).await;
    let (github, elsewhere) = (&function.sandbox.github, function.sandbox.octo_sts.url());
    function.status(&alarm_of("first", "e0", 0, "ALARM")).await;
    let next = |origin: &str| format!("<{origin}{ISSUES}?page=2>; rel=\"next\"");
    github.faults().inject(look().header("link", &next(elsewhere)));
    let words = ["another host", "the token is not sent there"];
    function.fails(&alarm("e1", 1, "ALARM"), "refused", &words).await;
    assert_eq!(function.exchanges(), 1, "nothing else arrived there");

    let endless = look().body("[]").header("link", &next(github.url())).always();
    let injected = github.faults().inject(endless);
    function.fails(&alarm("e1", 1, "ALARM"), "refused", &["50 or more issues"]).await;
    assert_eq!(injected.used(), 1);
}
