//! Labels of a repository and of an issue, and comments.

use http::Method;
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
