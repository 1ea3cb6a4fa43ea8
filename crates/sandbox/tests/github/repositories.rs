//! Repositories and what belongs to them as a whole.

use gatepass_sandbox::github::{Permissions, Reach, Release, StateReason, User, Visibility};
use http::Method;
use serde_json::json;

use crate::{REPOSITORY, Setup};

const HERE: &str = "/repos/acme/widgets";

#[tokio::test]
async fn a_repository_tells_what_it_is() {
    let setup = Setup::start(&[("contents", "read")]).await;
    setup
        .github
        .configure(REPOSITORY, |repository| {
            repository.description = Some("Widgets".to_owned());
            repository.languages.insert("Rust".to_owned(), 900);
            repository.languages.insert("HCL".to_owned(), 100);
        })
        .unwrap();
    setup.person_opens("one", &[]);
    setup.github.add_pull(REPOSITORY, User::person("ada"), "two", "feature").unwrap();
    setup.person_opens("three", &[]);
    setup.github.close_as_person(REPOSITORY, 3, StateReason::Completed).unwrap();

    let answer = setup.get(HERE).await;
    let expected = json!({
        "full_name": "acme/widgets", "name": "widgets", "description": "Widgets", "language": "Rust",
        "default_branch": "main", "has_issues": true, "private": true, "open_issues_count": 2,
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(answer.json[field], *value, "{field}");
    }
    assert_eq!(answer.json["owner"]["type"], "Organization");
    assert_eq!(setup.get(&format!("{HERE}/languages")).await.json, json!({ "Rust": 900, "HCL": 100 }));
    assert_eq!(setup.get(&format!("{HERE}/branches")).await.column("name"), ["main", "feature"]);
}

#[tokio::test]
async fn the_latest_release_is_the_last_or_none() {
    let setup = Setup::start(&[("contents", "read")]).await;
    let latest = format!("{HERE}/releases/latest");
    assert_eq!(setup.get(&latest).await.message(), (404, "Not Found"));
    let published_at = setup.github.now();
    for tag in ["v1.0.0", "v1.1.0"] {
        let release = Release { tag: tag.to_owned(), name: tag.to_owned(), published_at };
        setup.github.configure(REPOSITORY, |repository| repository.releases.push(release)).unwrap();
    }
    assert_eq!(setup.get(&latest).await.json["tag_name"], "v1.1.0");
    assert_eq!(setup.get(&format!("{HERE}/tags")).await.column("name"), ["v1.1.0", "v1.0.0"]);
}

#[tokio::test]
async fn pulls_are_listed_by_state_and_branch() {
    let setup = Setup::start(&[("pull_requests", "read")]).await;
    setup.person_opens("an issue", &[]);
    for (title, head) in [("two", "feature"), ("three", "fix")] {
        setup.github.add_pull(REPOSITORY, User::person("ada"), title, head).unwrap();
    }
    setup.github.close_as_person(REPOSITORY, 2, StateReason::Completed).unwrap();
    for (query, expected) in [
        ("", vec![3]),
        ("?state=closed", vec![2]),
        ("?state=all&direction=asc", vec![2, 3]),
        ("?state=all&head=acme:feature", vec![2]),
        ("?base=main", vec![3]),
        ("?base=other", vec![]),
    ] {
        assert_eq!(setup.get(&format!("{HERE}/pulls{query}")).await.column("number"), expected, "{query}");
    }
    let pull = setup.get(&format!("{HERE}/pulls")).await.json[0].clone();
    assert_eq!((&pull["head"]["ref"], &pull["base"]["ref"]), (&json!("fix"), &json!("main")));
    assert_eq!(setup.get(&format!("{HERE}/pulls?state=merged")).await.status, 422);
}

#[tokio::test]
async fn an_installation_lists_the_repositories_in_reach() {
    let mut setup = Setup::start(&[]).await;
    let one = setup.get("/installation/repositories").await;
    assert_eq!(
        (&one.json["total_count"], &one.json["repositories"][0]["name"]),
        (&json!(1), &json!("widgets"))
    );

    let nothing = Permissions::new::<&str, &str>([]).unwrap();
    let token = setup.github.mint("acme", Reach::All, nothing, "octo-sts[bot]").unwrap();
    setup.token = token.expose().to_owned();
    let all = setup.get("/installation/repositories?per_page=1").await;
    assert_eq!(
        (&all.json["total_count"], all.json["repositories"].as_array().unwrap().len()),
        (&json!(2), 1)
    );
    assert!(all.header("link").contains("/installation/repositories?per_page=1&page=2>; rel=\"next\""));
    assert_eq!(setup.github.repositories(), ["acme/site", "acme/widgets"]);
}

#[tokio::test]
async fn a_repository_shows_its_settings() {
    let setup = Setup::start(&[]).await;
    let fields = |json: &serde_json::Value| {
        ["archived", "fork", "private", "visibility", "topics"].map(|field| json[field].clone())
    };
    let plain = [json!(false), json!(false), json!(true), json!("private"), json!([])];
    assert_eq!(fields(&setup.get(HERE).await.json), plain);
    let set = |visibility| {
        let configured = setup.github.configure(REPOSITORY, |repository| {
            repository.archived = true;
            repository.fork = true;
            repository.topics = vec!["alarms".to_owned()];
            repository.visibility = visibility;
        });
        configured.unwrap();
    };
    set(Visibility::Public);
    let listed = setup.get("/installation/repositories").await.json;
    let public = [json!(true), json!(true), json!(false), json!("public"), json!(["alarms"])];
    assert_eq!(fields(&listed["repositories"][0]), public);
    assert_eq!(listed["repository_selection"], "selected");
    set(Visibility::Internal);
    let internal = setup.get(HERE).await.json;
    assert_eq!((&internal["private"], &internal["visibility"]), (&json!(true), &json!("internal")));
}

#[tokio::test]
async fn an_archived_repository_is_read_only() {
    let setup = Setup::start(&[("issues", "write"), ("contents", "write")]).await;
    setup.person_opens("one", &[]);
    setup.github.configure(REPOSITORY, |repository| repository.archived = true).unwrap();
    for (method, path) in [
        (Method::POST, "/issues"),
        (Method::PATCH, "/issues/1"),
        (Method::POST, "/issues/1/comments"),
        (Method::POST, "/labels"),
        (Method::POST, "/dispatches"),
    ] {
        let answer = setup.send(method, &format!("{HERE}{path}"), json!({})).await;
        assert_eq!(answer.message(), (403, "Repository was archived so is read-only."), "{path}");
    }
    assert_eq!(setup.get(&format!("{HERE}/issues")).await.status, 200);
}

#[tokio::test]
async fn a_public_repository_is_read_without_permission_and_changed_only_with_it() {
    let setup = Setup::start(&[]).await;
    for repository in [REPOSITORY, "acme/site"] {
        setup.github.configure(repository, |repository| repository.visibility = Visibility::Public).unwrap();
    }
    for here in [HERE, "/repos/acme/site"] {
        assert_eq!(setup.get(&format!("{here}/issues")).await.status, 200, "{here}");
        let answer = setup.send(Method::POST, &format!("{here}/issues"), json!({ "title": "t" })).await;
        assert_eq!(answer.message(), (403, "Resource not accessible by integration"), "{here}");
    }
}
