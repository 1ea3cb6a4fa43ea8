//! `read:` steps: paths stay below the repository whatever an event says, and lists stay within their limits.

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::github::{Edition, User};
use gatepass_sandbox::hosts::HttpCall;
use gatepass_sandbox::{Options, Sandbox};

use crate::support::{REPOSITORY, SCHEDULED, Service, Setup, assert_problem, post, status};

const FILES: &str = r#"
  file:
    triggers: [{ http: { caller: scheduler } }]
    read: { found: "contents/{{ event.data.query.v }}" }
    open_issue: { key: ["{{ found.name }}"], title: "{{ found.name }}" }
  dotted:
    triggers: [{ http: { caller: scheduler } }]
    read: { found: "contents/.{{ event.data.query.v }}/x" }
    open_issue: { key: [dotted], title: dotted }
  listed:
    triggers: [{ http: { caller: scheduler } }]
    read: { found: "pulls?state={{ event.data.query.v }}&per_page=1" }
    open_issue: { key: [listed], title: listed }
"#;

async fn start(edition: Edition) -> Service {
    let setup = Setup::of(Options { edition, ..Options::default() }).await;
    let github = &setup.sandbox.github;
    github.put_file(REPOSITORY, "README.md", "# Operations").unwrap();
    github.put_file(REPOSITORY, "docs/a b?.md", "# A").unwrap();
    setup.start(&format!("{SCHEDULED}{FILES}")).await
}

/// The paths that GitHub was asked for since this was last called.
fn asked(sandbox: &Sandbox) -> Vec<String> {
    let paths = sandbox.github.requests().into_iter().map(|hop| hop.path).collect();
    sandbox.trace.clear();
    paths
}

#[tokio::test]
async fn a_value_from_an_event_fills_one_segment_and_no_more() {
    for (edition, prefix) in [(Edition::DotCom, "/repos"), (Edition::EnterpriseServer, "/api/v3/repos")] {
        let service = start(edition).await;
        for (value, segment, expected) in [
            ("README.md", "README.md", 201),
            ("docs%2Fa%20b%3F.md", "docs%2Fa%20b%3F.md", 201),
            ("%252e%252e", "%252e%252e", 502),
            ("%252e%252e%252fx", "%252e%252e%252fx", 502),
            ("x%3Fref%3Devil", "x%3Fref%3Devil", 502),
            ("%26x", "%26x", 502),
            ("%00", "%00", 502),
            ("%0D%0AHost:evil", "%0D%0AHost%3Aevil", 502),
            ("%E2%80%A5", "%E2%80%A5", 502),
            ("...", "...", 502),
            ("evil.example:443", "evil.example%3A443", 502),
        ] {
            let answer = service.send_as_scheduler(post("/jobs/file").query(format!("v={value}"))).await;
            assert_eq!(answer.status, expected, "{value}: {}", answer.text());
            let paths = asked(&service.sandbox);
            assert_eq!(paths[0], format!("{prefix}/{REPOSITORY}/contents/{segment}?per_page=100"));
            assert!(
                paths.iter().all(|path| path.starts_with(&format!("{prefix}/{REPOSITORY}/"))),
                "{paths:?}"
            );
            if expected == 502 {
                assert_problem(&answer, 502, "refused", &["reading `found`", "not there", "check the name"]);
            }
        }
    }
}

#[tokio::test]
async fn a_value_that_would_climb_out_can_never_succeed() {
    for edition in [Edition::DotCom, Edition::EnterpriseServer] {
        let service = start(edition).await;
        for (job, value, words) in [
            ("file", "..", "climbs out"),
            ("file", ".", "climbs out"),
            ("file", "..%2F..%2F..%2F..%2Fuser", "climbs out"),
            ("file", "a%2F..%2F..%2Fb", "climbs out"),
            ("file", "..%20", "climbs out"),
            ("file", "%2Fetc%2Fpasswd", "empty segment"),
            ("file", "%2F%2Fevil.example", "empty segment"),
            ("file", "https%3A%2F%2Fevil.example%2Fx", "names a host"),
            ("file", "..%5C..%5Cx", "backslash"),
            ("file", "%5C%5Cevil.example", "backslash"),
            ("file", "x%23y", "fragment"),
            ("dotted", ".", "climbs out"),
            ("dotted", "", "climbs out"),
            ("dotted", ".%2F..", "climbs out"),
        ] {
            let answer =
                service.send_as_scheduler(post(&format!("/jobs/{job}")).query(format!("v={value}"))).await;
            assert_problem(&answer, 422, "invalid", &["reading `found`: the path for this event", words]);
            assert_eq!(answer.json()["results"][0]["job"], job);
        }
        let missing = service.send_as_scheduler(post("/jobs/file")).await;
        let words = ["jobs.file.read.found", "`event.data.query.v` is not there in this event"];
        assert_problem(&missing, 422, "invalid", &words);
        // A template gives a path, not the right to a token: none was asked for.
        service.assert_untouched("paths that climb out");
    }
}

#[tokio::test]
async fn a_value_in_the_query_stays_one_value() {
    let service = start(Edition::DotCom).await;
    for (value, expected) in [
        ("open%26per_page%3D100", "pulls?state=open%26per_page%3D100&per_page=1"),
        ("open%23x", "pulls?state=open%23x&per_page=1"),
        ("%2F..%2F..", "pulls?state=%2F..%2F..&per_page=1"),
    ] {
        let answer = service.send_as_scheduler(post("/jobs/listed").query(format!("v={value}"))).await;
        assert_problem(&answer, 422, "invalid", &["GitHub, reading `found`: not accepted"]);
        assert_eq!(asked(&service.sandbox), [format!("/repos/{REPOSITORY}/{expected}")]);
    }
}

#[tokio::test]
async fn a_token_goes_to_no_other_host() {
    let service = start(Edition::DotCom).await;
    let contents = format!("/repos/{REPOSITORY}/contents");
    let next = r#"<http://127.0.0.1:9/steal>; rel="next""#;
    for fault in [
        Fault::on_any(&contents).status(302).header("location", "http://127.0.0.1:9/steal"),
        Fault::on_any(&contents).status(301).header("location", "//127.0.0.2/steal"),
        Fault::on_any(&contents).body("[]").header("link", next),
    ] {
        service.sandbox.github.faults().inject(fault);
        let answer = service.send_as_scheduler(post("/jobs/file").query("v=README.md")).await;
        let words = ["points to another host", "127.0.0.", "the token is not sent there", "github.api_url"];
        assert_problem(&answer, 502, "refused", &words);
    }
    assert!(service.sandbox.github.writes().is_empty());
}

const LISTS: &str = r#"
  all:
    triggers: [{ schedule: { cron: "0 2 * * *", caller: scheduler } }]
    read: { pulls: "pulls?state=open" }
    open_issue: { key: [all], title: "{{ pulls | length }} open" }
  few:
    triggers: [{ schedule: { cron: "0 2 * * *", caller: scheduler } }]
    read: { pulls: { path: "pulls?state=open", max_items: 119 } }
    open_issue: { key: [few], title: "{{ pulls | length }} open" }
  exact:
    triggers: [{ schedule: { cron: "0 2 * * *", caller: scheduler } }]
    read: { pulls: { path: "pulls?state=open&per_page=30", max_items: 120 } }
    open_issue: { key: [exact], title: "{{ pulls | length }} open" }
  cut:
    triggers: [{ schedule: { cron: "0 2 * * *", caller: scheduler } }]
    read: { pulls: { path: "pulls?state=open", max_items: 110, truncate: true } }
    open_issue: { key: [cut], title: "{{ pulls | length }} open" }
  two:
    triggers: [{ schedule: { cron: "0 2 * * *", caller: scheduler } }]
    read: { pulls: { path: "pulls?state=open", max_items: 100, truncate: true }, readme: "contents/README.md" }
    open_issue: { key: [two], title: "{{ pulls | length }} open, {{ readme.name }}" }
"#;

#[tokio::test]
async fn lists_are_read_to_their_end_or_to_their_limit() {
    let setup = Setup::new().await;
    let github = setup.sandbox.github.clone();
    github.put_file(REPOSITORY, "README.md", "# Operations").unwrap();
    for n in 0..120 {
        github
            .add_pull(REPOSITORY, User::person("ada"), &format!("Pull {n}"), &format!("branch-{n}"))
            .unwrap();
    }
    let service = setup.start(&format!("{SCHEDULED}{LISTS}")).await;
    for (job, pages, title) in [
        ("all", 2, Some("120 open")),
        ("few", 2, None),
        ("exact", 4, Some("120 open")),
        ("cut", 2, Some("110 open")),
        ("two", 2, Some("100 open, README.md")),
    ] {
        let answer = service.start(job).await;
        let paths = asked(&service.sandbox);
        let read = paths.iter().filter(|path| path.contains("/pulls?")).count();
        assert_eq!(read, pages, "{job}: {paths:?}");
        match title {
            Some(title) => {
                assert_eq!(status(&answer), "created", "{job}: {}", answer.text());
                assert_eq!(github.open_issues(REPOSITORY).pop().unwrap().title, title);
            }
            None => {
                let words = ["reading `pulls`", "more than 119 items", "raise max_items", "truncate: true"];
                assert_problem(&answer, 502, "refused", &words);
                assert!(github.writes().is_empty());
            }
        }
    }
    let cut = service.record("a list was cut as `truncate` allows", |line| line["max_items"] == 110).await;
    assert_eq!((&cut["read"], &cut["severity"]), (&"pulls".into(), &"WARNING".into()));
    let call = service.send_as_scheduler(HttpCall::get("/jobs/all")).await;
    assert_eq!(call.status, 422);
}
