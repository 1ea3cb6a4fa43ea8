//! What issues are planned with: assignees, milestones and issue types.

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{REPOSITORY, Setup};

const ISSUES: &str = "/repos/acme/widgets/issues";

async fn planned() -> Setup {
    let setup = Setup::start(&[("issues", "write")]).await;
    for login in ["ada", "Grace"] {
        setup.github.add_assignable(REPOSITORY, login).unwrap();
    }
    assert_eq!(setup.github.add_milestone(REPOSITORY, "Spring").unwrap(), 1);
    assert_eq!(setup.github.add_milestone(REPOSITORY, "Summer").unwrap(), 2);
    setup.github.add_issue_type("acme", "Bug");
    setup
}

fn logins(issue: &Value) -> Vec<&str> {
    let assignees = issue["assignees"].as_array().unwrap();
    assignees.iter().map(|person| person["login"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_issue_shows_how_it_is_planned() {
    let setup = planned().await;
    let body = json!({
        "title": "t", "assignees": ["ada", "nobody", "grace", "ADA"], "milestone": 2, "type": "bug",
    });
    let created = setup.send(Method::POST, ISSUES, body).await;
    assert_eq!(created.status, 201);
    assert_eq!(logins(&created.json), ["ada", "Grace"], "once each, and nobody else");
    assert_eq!(created.json["assignee"]["login"], "ada");
    assert_eq!(
        (&created.json["milestone"]["number"], &created.json["milestone"]["title"]),
        (&json!(2), &json!("Summer"))
    );
    assert_eq!(created.json["milestone"]["open_issues"], 1);
    assert_eq!(created.json["type"]["name"], "Bug", "as the organisation spells it");
    assert_eq!(setup.get(&format!("{ISSUES}/1")).await.json, created.json);
    assert_eq!(setup.get(ISSUES).await.json[0]["milestone"]["title"], "Summer");

    let kept = setup.github.issue(REPOSITORY, 1).unwrap();
    assert_eq!((kept.assignees, kept.milestone), (vec!["ada".to_owned(), "Grace".to_owned()], Some(2)));
    assert_eq!(kept.issue_type.as_deref(), Some("Bug"));
}

#[tokio::test]
async fn a_change_keeps_what_is_not_sent_and_null_clears() {
    let setup = planned().await;
    let body = json!({ "title": "t", "assignees": ["ada"], "milestone": "1", "type": "Bug" });
    setup.send(Method::POST, ISSUES, body).await;
    let path = format!("{ISSUES}/1");
    let change = |body| setup.send(Method::PATCH, &path, body);

    let closed = change(json!({ "state": "closed" })).await.json;
    assert_eq!((logins(&closed), &closed["type"]["name"]), (vec!["ada"], &json!("Bug")));
    assert_eq!(
        (&closed["milestone"]["open_issues"], &closed["milestone"]["closed_issues"]),
        (&json!(0), &json!(1))
    );
    let moved = change(json!({ "assignees": ["grace"], "milestone": 2 })).await.json;
    assert_eq!((logins(&moved), &moved["milestone"]["title"]), (vec!["Grace"], &json!("Summer")));
    assert_eq!(moved["type"]["name"], "Bug");

    let before = setup.github.issue(REPOSITORY, 1).unwrap();
    setup.github.advance(SignedDuration::from_mins(1));
    change(json!({ "assignees": ["grace"], "milestone": 2, "type": "Bug" })).await;
    assert_eq!(setup.github.issue(REPOSITORY, 1).unwrap(), before, "nothing changed, so it is not updated");

    let cleared = change(json!({ "assignees": [], "milestone": null, "type": null })).await.json;
    assert_eq!(logins(&cleared), [""; 0]);
    for field in ["assignee", "milestone", "type"] {
        assert_eq!(cleared[field], Value::Null, "{field}");
    }
}

#[tokio::test]
async fn what_is_not_there_is_refused() {
    let setup = planned().await;
    setup.github.add_issue_type("other", "Task");
    setup.person_opens("one", &[]);
    for (mut body, field) in [
        (json!({ "milestone": 3 }), "milestone"),
        (json!({ "milestone": 0 }), "milestone"),
        (json!({ "milestone": "Spring" }), "milestone"),
        (json!({ "type": "Task" }), "type"),
        (json!({ "type": "" }), "type"),
        (json!({ "type": [] }), "type"),
        (json!({ "assignees": "ada" }), "assignees"),
    ] {
        let changed = setup.send(Method::PATCH, &format!("{ISSUES}/1"), body.clone()).await;
        body["title"] = json!("t");
        for answer in [changed, setup.send(Method::POST, ISSUES, body.clone()).await] {
            let found =
                (answer.status, &answer.json["errors"][0]["field"], &answer.json["errors"][0]["code"]);
            assert_eq!(found, (422, &json!(field), &json!("invalid")), "{body}");
        }
    }
    assert_eq!(setup.github.issues(REPOSITORY).len(), 1);
}

#[tokio::test]
async fn assignees_who_cannot_be_assigned_may_be_refused() {
    let setup = planned().await;
    setup.github.set_assignees_refused(true);
    let refused =
        setup.send(Method::POST, ISSUES, json!({ "title": "t", "assignees": ["ada", "bob"] })).await;
    let message = "assignees bob cannot be assigned to this issue";
    assert_eq!((refused.status, &refused.json["errors"][0]["message"]), (422, &json!(message)));
    let taken = setup.send(Method::POST, ISSUES, json!({ "title": "t", "assignees": ["ada"] })).await;
    assert_eq!((taken.status, logins(&taken.json)), (201, vec!["ada"]));
    setup.github.set_assignees_refused(false);
    let dropped = setup.send(Method::POST, ISSUES, json!({ "title": "t", "assignees": ["bob"] })).await;
    assert_eq!((dropped.status, logins(&dropped.json)), (201, vec![]));
    assert!(setup.github.add_milestone("acme/none", "x").is_err());
    assert!(setup.github.add_assignable("acme/none", "x").is_err());
}
