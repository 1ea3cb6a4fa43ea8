//! Creating, reading and changing issues.

use gatepass_sandbox::github::{State, StateReason, User};
use http::Method;
use jiff::SignedDuration;
use serde_json::json;

use crate::{REPOSITORY, Setup};

const ISSUES: &str = "/repos/acme/widgets/issues";

#[tokio::test]
async fn a_created_issue_is_the_bots_and_has_its_labels() {
    let setup = Setup::start(&[("issues", "write")]).await;
    let body = json!({ "title": " Alarm ", "body": "text", "labels": ["alarm", "gatepass:x"], "assignees": ["ada"] });
    let created = setup.send(Method::POST, ISSUES, body).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.header("location"), created.json["url"]);
    let expected = json!({
        "number": 1, "title": "Alarm", "body": "text", "state": "open", "state_reason": null, "locked": false,
        "comments": 0, "assignees": [], "closed_at": null, "closed_by": null,
        "created_at": "2026-11-20T09:00:00Z", "updated_at": "2026-11-20T09:00:00Z",
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(created.json[field], *value, "{field}");
    }
    assert_eq!(created.json["user"]["login"], "octo-sts[bot]");
    assert_eq!(created.json["user"]["type"], "Bot");
    let labels: Vec<_> =
        created.json["labels"].as_array().unwrap().iter().map(|label| &label["name"]).collect();
    assert_eq!(labels, ["alarm", "gatepass:x"]);

    let kept = setup.github.issue(REPOSITORY, 1).unwrap();
    assert_eq!(
        (kept.author, kept.labels),
        (User::bot("octo-sts[bot]"), vec!["alarm".into(), "gatepass:x".into()])
    );
    assert_eq!(setup.github.labels(REPOSITORY).len(), 2, "created on demand");
    assert_eq!(setup.get(&format!("{ISSUES}/1")).await.json, created.json);
}

#[tokio::test]
async fn limits_are_those_of_github() {
    let setup = Setup::start(&[("issues", "write")]).await;
    let body = |text: usize| json!({ "title": "t", "body": "ü".repeat(text) });
    assert_eq!(setup.send(Method::POST, ISSUES, body(65_536)).await.status, 201);
    assert_eq!(
        setup.send(Method::POST, ISSUES, json!({ "title": "t".repeat(256) })).await.status,
        201,
        "the longest title"
    );
    for (body, field, code) in [
        (body(65_537), "body", "custom"),
        (json!({ "title": "t".repeat(257) }), "title", "custom"),
        (json!({ "body": "no title" }), "title", "missing_field"),
        (json!({ "title": "t", "labels": "alarm" }), "labels", "invalid"),
        (json!({ "title": "t", "labels": ["l".repeat(51)] }), "name", "invalid"),
    ] {
        let answer = setup.send(Method::POST, ISSUES, body).await;
        assert_eq!(answer.message(), (422, "Validation Failed"), "{field}");
        assert_eq!(
            (&answer.json["errors"][0]["field"], &answer.json["errors"][0]["code"]),
            (&json!(field), &json!(code))
        );
    }
    assert_eq!(setup.github.issues(REPOSITORY).len(), 2);
    let garbage = setup.request(Method::POST, ISSUES).body("{").send().await.unwrap();
    assert_eq!(garbage.status().as_u16(), 400);
}

#[tokio::test]
async fn closing_and_reopening_are_recorded() {
    let setup = Setup::start(&[("issues", "write")]).await;
    let number = setup.person_opens("one", &[]);
    let path = format!("{ISSUES}/{number}");
    setup.github.advance(SignedDuration::from_mins(1));
    let change = |body| setup.send(Method::PATCH, &path, body);

    let closed = change(json!({ "state": "closed", "state_reason": "duplicate" })).await.json;
    assert_eq!((&closed["state"], &closed["state_reason"]), (&json!("closed"), &json!("duplicate")));
    assert_eq!(
        (&closed["closed_at"], &closed["updated_at"]),
        (&json!("2026-11-20T09:01:00Z"), &closed["closed_at"])
    );
    assert_eq!(closed["closed_by"]["login"], "octo-sts[bot]");

    let open = change(json!({ "state": "open" })).await.json;
    assert_eq!((&open["state"], &open["state_reason"]), (&json!("open"), &json!("reopened")));
    assert_eq!((&open["closed_at"], &open["closed_by"]), (&json!(null), &json!(null)));

    setup.github.close_as_person(REPOSITORY, number, StateReason::NotPlanned).unwrap();
    let by_person = setup.get(&path).await.json;
    assert_eq!(
        (&by_person["state_reason"], &by_person["closed_by"]["type"]),
        (&json!("not_planned"), &json!("User"))
    );
    setup.github.reopen_as_person(REPOSITORY, number).unwrap();
    assert_eq!(setup.github.issue(REPOSITORY, number).unwrap().state, State::Open);
}

#[tokio::test]
async fn a_change_touches_only_what_it_names() {
    let setup = Setup::start(&[("issues", "write")]).await;
    let number = setup.person_opens("one", &["bug"]);
    let path = format!("{ISSUES}/{number}");
    let before = setup.github.issue(REPOSITORY, number).unwrap();
    setup.github.advance(SignedDuration::from_mins(1));

    assert_eq!(setup.send(Method::PATCH, &path, json!({ "title": "one" })).await.status, 200);
    assert_eq!(
        setup.github.issue(REPOSITORY, number).unwrap(),
        before,
        "nothing changed, so it is not updated"
    );

    setup.send(Method::PATCH, &path, json!({ "body": null, "labels": ["x", "y"] })).await;
    let after = setup.github.issue(REPOSITORY, number).unwrap();
    assert_eq!((after.title.as_str(), after.body, after.labels), ("one", None, vec!["x".into(), "y".into()]));
    assert!(after.updated_at > before.updated_at);

    for (body, field) in [
        (json!({ "state": "shut" }), "state"),
        (json!({ "state_reason": "bored" }), "state_reason"),
        (json!({ "title": " " }), "title"),
        (json!({ "title": "t".repeat(257) }), "title"),
        (json!({ "body": "b".repeat(65_537) }), "body"),
    ] {
        let answer = setup.send(Method::PATCH, &path, body).await;
        assert_eq!((answer.status, &answer.json["errors"][0]["field"]), (422, &json!(field)));
    }
    for missing in ["99", "x", "0"] {
        let answer = setup.send(Method::PATCH, &format!("{ISSUES}/{missing}"), json!({})).await;
        assert_eq!(answer.status, 404, "{missing}");
    }
}

#[tokio::test]
async fn disabled_issues_are_gone() {
    let setup = Setup::start(&[("issues", "write"), ("pull_requests", "write")]).await;
    setup.person_opens("one", &[]);
    setup.github.add_pull(REPOSITORY, User::person("ada"), "two", "feature").unwrap();
    setup.github.configure(REPOSITORY, |repository| repository.has_issues = false).unwrap();
    for (method, path) in [
        (Method::GET, ISSUES.to_owned()),
        (Method::POST, ISSUES.to_owned()),
        (Method::GET, format!("{ISSUES}/1")),
        (Method::PATCH, format!("{ISSUES}/1")),
        (Method::POST, format!("{ISSUES}/1/comments")),
    ] {
        let answer = setup.send(method, &path, json!({ "title": "t", "body": "b" })).await;
        assert_eq!(answer.message(), (410, "Issues has been disabled in this repository."), "{path}");
    }
    assert_eq!(setup.get(&format!("{ISSUES}/2")).await.status, 200, "a pull request is not an issue");
}

#[tokio::test]
async fn labels_may_not_stick() {
    let setup = Setup::start(&[("issues", "write")]).await;
    setup.github.set_labels_stick(false);
    let created = setup.send(Method::POST, ISSUES, json!({ "title": "t", "labels": ["alarm"] })).await;
    assert_eq!((created.status, &created.json["labels"]), (201, &json!([])));
    let changed = setup.send(Method::PATCH, &format!("{ISSUES}/1"), json!({ "labels": ["alarm"] })).await;
    assert_eq!((changed.status, &changed.json["labels"]), (200, &json!([])));
    setup.github.set_labels_stick(true);
    let created = setup.send(Method::POST, ISSUES, json!({ "title": "t", "labels": ["alarm"] })).await;
    assert_eq!(created.json["labels"][0]["name"], "alarm");
}

#[tokio::test]
async fn people_edit_and_a_pull_request_needs_either_permission() {
    let setup = Setup::start(&[("pull_requests", "write")]).await;
    let issue = setup.person_opens("one", &[]);
    let pull = setup.github.add_pull(REPOSITORY, User::person("ada"), "two", "feature").unwrap();
    setup.github.edit_body(REPOSITORY, issue, |body| format!("{body} and more")).unwrap();
    setup.github.edit_title(REPOSITORY, issue, "renamed").unwrap();
    let edited = setup.github.issue(REPOSITORY, issue).unwrap();
    assert_eq!((edited.title.as_str(), edited.body.as_deref()), ("renamed", Some("body and more")));
    assert!(setup.github.edit_title(REPOSITORY, 99, "x").unwrap_err().to_string().contains("issue #99"));
    assert!(setup.github.edit_title("acme/none", 1, "x").unwrap_err().to_string().contains("acme/none"));

    let body = json!({ "body": "me too" });
    let on_issue = setup.send(Method::POST, &format!("{ISSUES}/{issue}/comments"), body.clone()).await;
    assert_eq!((on_issue.status, on_issue.header("x-accepted-github-permissions")), (403, "issues=write"));
    assert_eq!(setup.send(Method::POST, &format!("{ISSUES}/{pull}/comments"), body).await.status, 201);
}
