//! Labels of a repository and of an issue, and comments.

use gatepass_sandbox::github::User;
use http::Method;
use jiff::SignedDuration;
use serde_json::json;

use crate::{REPOSITORY, Setup};

const HERE: &str = "/repos/acme/widgets";

#[tokio::test]
async fn labels_are_created_once() {
    let setup = Setup::start(&[("issues", "write")]).await;
    let path = format!("{HERE}/labels");
    let label = json!({ "name": "bug", "color": "d73a4a", "description": "broken" });
    let created = setup.send(Method::POST, &path, label).await;
    assert_eq!((created.status, &created.json["color"]), (201, &json!("d73a4a")));
    for (body, code) in [
        (json!({ "name": "BUG" }), "already_exists"),
        (json!({}), "missing_field"),
        (json!({ "name": "x", "color": "#fff" }), "invalid"),
        (json!({ "name": "l".repeat(51) }), "custom"),
        (json!({ "name": "x", "description": "d".repeat(101) }), "custom"),
    ] {
        let answer = setup.send(Method::POST, &path, body).await;
        assert_eq!((answer.status, &answer.json["errors"][0]["code"]), (422, &json!(code)));
    }
    assert_eq!(setup.get(&path).await.column("name"), ["bug"]);
}

#[tokio::test]
async fn labels_of_an_issue_are_added_and_removed() {
    let setup = Setup::start(&[("issues", "write")]).await;
    let issue = setup.person_opens("one", &["bug"]);
    let path = format!("{HERE}/issues/{issue}/labels");
    let added = setup.send(Method::POST, &path, json!({ "labels": ["ui", "Bug", "a/b"] })).await;
    assert_eq!((added.status, added.column("name")), (200, vec![json!("bug"), json!("ui"), json!("a/b")]));
    let bare = setup.send(Method::POST, &path, json!(["more"])).await;
    assert_eq!(bare.column("name").len(), 4);
    assert_eq!(setup.send(Method::POST, &path, json!({ "labels": [] })).await.status, 422);

    let removed = setup.send(Method::DELETE, &format!("{path}/a%2Fb"), json!({})).await;
    assert_eq!((removed.status, removed.column("name").len()), (200, 3));
    let again = setup.send(Method::DELETE, &format!("{path}/a%2Fb"), json!({})).await;
    assert_eq!(again.message(), (404, "Label does not exist"));
    let nowhere = setup.send(Method::DELETE, &format!("{HERE}/issues/99/labels/bug"), json!({})).await;
    assert_eq!(nowhere.message(), (404, "Not Found"));

    setup.github.remove_label(REPOSITORY, issue, "BUG").unwrap();
    setup.github.add_label(REPOSITORY, issue, "by hand").unwrap();
    assert_eq!(setup.github.issue(REPOSITORY, issue).unwrap().labels, ["ui", "more", "by hand"]);
}

#[tokio::test]
async fn comments_are_kept_in_order_and_counted() {
    let setup = Setup::start(&[("issues", "write")]).await;
    let issue = setup.person_opens("one", &[]);
    let path = format!("{HERE}/issues/{issue}/comments");
    setup.github.comment_as_person(REPOSITORY, issue, "first").unwrap();
    let created = setup.send(Method::POST, &path, json!({ "body": "second" })).await;
    assert_eq!((created.status, &created.json["user"]["login"]), (201, &json!("octo-sts[bot]")));
    let listed = setup.get(&path).await;
    assert_eq!(listed.column("body"), ["first", "second"]);
    assert_ne!(listed.json[0]["id"], listed.json[1]["id"]);
    assert_eq!(setup.get(&format!("{HERE}/issues/{issue}")).await.json["comments"], 2);
    for wrong in [json!({}), json!({ "body": "" }), json!({ "body": "b".repeat(65_537) })] {
        assert_eq!(setup.send(Method::POST, &path, wrong).await.status, 422);
    }
    let nowhere =
        setup.send(Method::POST, &format!("{HERE}/issues/99/comments"), json!({ "body": "x" })).await;
    assert_eq!(nowhere.status, 404);
}

#[tokio::test]
async fn a_comment_is_read_changed_and_deleted_by_its_id() {
    let setup = Setup::start(&[("issues", "write")]).await;
    let issue = setup.person_opens("one", &[]);
    setup.github.comment_as_person(REPOSITORY, issue, "before").unwrap();
    let list = format!("{HERE}/issues/{issue}/comments");
    let created = setup.send(Method::POST, &list, json!({ "body": "first" })).await;
    let path = created.json["url"].as_str().unwrap().strip_prefix(setup.github.api_url()).unwrap();
    assert_eq!(setup.get(path).await.json, created.json);

    setup.github.advance(SignedDuration::from_mins(1));
    let changed = setup.send(Method::PATCH, path, json!({ "body": "second" })).await;
    assert_eq!((changed.status, &changed.json["body"]), (200, &json!("second")));
    assert_eq!(
        (&changed.json["created_at"], &changed.json["updated_at"]),
        (&json!("2026-11-20T09:00:00Z"), &json!("2026-11-20T09:01:00Z"))
    );
    assert_eq!(setup.get(path).await.json, changed.json);
    setup.github.advance(SignedDuration::from_mins(1));
    let same = setup.send(Method::PATCH, path, json!({ "body": "second" })).await;
    assert_eq!(same.json["updated_at"], changed.json["updated_at"], "nothing changed");
    assert_eq!(setup.send(Method::PATCH, path, json!({ "body": " " })).await.status, 422);

    for (query, expected) in [
        ("", vec!["before", "second"]),
        ("?since=2026-11-20T09:01:00Z", vec!["second"]),
        ("?since=2026-11-20T09:02:00Z", vec![]),
        ("?per_page=1", vec!["before"]),
        ("?per_page=1&page=2", vec!["second"]),
    ] {
        assert_eq!(setup.get(&format!("{list}{query}")).await.column("body"), expected, "{query}");
    }
    assert_eq!(setup.get(&format!("{list}?since=now")).await.status, 422);
    let first = setup.get(&format!("{list}?per_page=1")).await;
    let next = format!("/issues/{issue}/comments?per_page=1&page=2>; rel=\"next\"");
    assert!(first.header("link").contains(&next), "{}", first.header("link"));

    assert_eq!(setup.send(Method::DELETE, path, json!({})).await.status, 204);
    assert_eq!(setup.send(Method::DELETE, path, json!({})).await.message(), (404, "Not Found"));
    assert_eq!(setup.get(path).await.status, 404);
    assert_eq!(setup.get(&format!("{HERE}/issues/comments/x")).await.status, 404);
    let left: Vec<String> =
        setup.github.comments(REPOSITORY, issue).into_iter().map(|comment| comment.body).collect();
    assert_eq!(left, ["before"]);
    assert_eq!(setup.get(&format!("{HERE}/issues/{issue}")).await.json["comments"], 1);
}

#[tokio::test]
async fn a_comment_on_a_pull_request_needs_either_permission() {
    let setup = Setup::start(&[("pull_requests", "write")]).await;
    let issue = setup.person_opens("one", &[]);
    let pull = setup.github.add_pull(REPOSITORY, User::person("ada"), "two", "feature").unwrap();
    for (number, status) in [(issue, 403), (pull, 200)] {
        let comment = setup.github.comment_as_person(REPOSITORY, number, "x").unwrap();
        let path = format!("{HERE}/issues/comments/{}", comment.id);
        let changed = setup.send(Method::PATCH, &path, json!({ "body": "y" })).await;
        assert_eq!(changed.status, status, "{number}");
    }
}
