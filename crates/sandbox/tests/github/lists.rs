//! What lists show: filters, order, pages, and replicas that lag.

use gatepass_sandbox::github::{StateReason, User};
use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};

use crate::{Answer, REPOSITORY, Setup};

const ISSUES: &str = "/repos/acme/widgets/issues";

async fn numbers(setup: &Setup, query: &str) -> Vec<u64> {
    let answer = setup.get(&format!("{ISSUES}{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {:?}", answer.json);
    answer.column("number").iter().map(|number| number.as_u64().unwrap()).collect()
}

#[tokio::test]
async fn issues_are_filtered_and_sorted() {
    let setup = Setup::start(&[("issues", "write")]).await;
    for (title, labels) in [("one", vec!["bug"]), ("two", vec!["Bug", "ui"]), ("three", vec!["ui"])] {
        setup.person_opens(title, &labels);
        setup.github.advance(SignedDuration::from_mins(1));
    }
    setup.github.add_pull(REPOSITORY, User::person("bob"), "four", "feature").unwrap();
    setup.github.advance(SignedDuration::from_mins(1));
    setup.github.close_as_person(REPOSITORY, 1, StateReason::Completed).unwrap();
    setup.github.comment_as_person(REPOSITORY, 3, "me too").unwrap();

    for (query, expected) in [
        ("", vec![4, 3, 2]),
        ("?state=open&direction=asc", vec![2, 3, 4]),
        ("?state=closed", vec![1]),
        ("?state=all", vec![4, 3, 2, 1]),
        ("?state=all&labels=bug", vec![2, 1]),
        ("?state=all&labels=bug,ui", vec![2]),
        ("?state=all&labels=none", vec![]),
        ("?state=all&sort=updated", vec![3, 1, 4, 2]),
        ("?state=all&sort=comments&direction=desc", vec![3, 4, 2, 1]),
        ("?state=all&since=2026-11-20T09:03:00Z", vec![4, 3, 1]),
        ("?creator=bob", vec![4]),
    ] {
        assert_eq!(numbers(&setup, query).await, expected, "{query}");
    }
    for wrong in ["?state=shut", "?sort=size", "?direction=up", "?since=yesterday"] {
        assert_eq!(setup.get(&format!("{ISSUES}{wrong}")).await.status, 422, "{wrong}");
    }
    let listed = setup.get(ISSUES).await;
    assert_eq!(
        listed.json[0]["pull_request"]["url"],
        format!("{}/repos/acme/widgets/pulls/4", setup.github.api_url())
    );
    assert_eq!(listed.json[1]["pull_request"], Value::Null);
}

#[tokio::test]
async fn links_lead_through_all_pages() {
    let setup = Setup::start(&[("issues", "read")]).await;
    for number in 1..=5 {
        setup.person_opens(&format!("issue {number}"), &["a:b"]);
    }
    let mut path = format!("{}{ISSUES}?labels=a%3Ab&per_page=2", setup.github.api_url());
    let mut seen = Vec::new();
    loop {
        let request = setup.client.request(Method::GET, &path).unwrap().header("user-agent", "t");
        let answer = Answer::of(request.bearer_auth(&setup.token)).await;
        seen.extend(answer.column("number"));
        let link = answer.header("link");
        let Some(next) = link.split(", ").find_map(|link| link.strip_suffix(">; rel=\"next\"")) else {
            break;
        };
        path = next.trim_start_matches('<').to_owned();
        assert!(path.starts_with(&format!("{}/repositories/", setup.github.api_url())), "{path}");
    }
    assert_eq!(seen, [5, 4, 3, 2, 1]);
    assert_eq!(numbers(&setup, "?per_page=2&page=9").await, [0; 0]);
}

#[tokio::test]
async fn lists_can_lag_behind() {
    let setup = Setup::start(&[("issues", "write")]).await;
    setup.github.lag_lists(2);
    let created = setup.send(Method::POST, ISSUES, json!({ "title": "t" })).await;
    assert_eq!(created.status, 201);
    assert_eq!(setup.get(&format!("{ISSUES}/1")).await.status, 200, "reading it is current");
    assert_eq!(numbers(&setup, "").await, [0; 0]);
    assert_eq!(numbers(&setup, "").await, [0; 0]);
    assert_eq!(numbers(&setup, "").await, [1]);

    setup.send(Method::PATCH, &format!("{ISSUES}/1"), json!({ "state": "closed" })).await;
    assert_eq!(numbers(&setup, "").await, [1], "still shown as open");
    setup.github.lag_lists(0);
    assert_eq!(numbers(&setup, "").await, [0; 0]);
}
