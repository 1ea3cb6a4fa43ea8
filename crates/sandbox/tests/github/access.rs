//! Tokens, permissions, headers and limits: everything that is checked before a route does its work.

use std::time::Duration;

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::github::{Edition, GitHub, MintError, Permissions, Reach, Visibility};
use gatepass_sandbox::trace::Trace;
use http::Method;
use jiff::SignedDuration;
use serde_json::json;

use crate::{Answer, REPOSITORY, Setup};

const HERE: &str = "/repos/acme/widgets";

#[tokio::test]
async fn a_request_without_a_user_agent_is_forbidden() {
    let setup = Setup::start(&[]).await;
    let answer = setup.bare(Method::GET, HERE).bearer_auth(&setup.token).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 403);
    assert!(answer.text().await.unwrap().contains("User-Agent"));
}

#[tokio::test]
async fn version_and_media_type_are_checked() {
    let setup = Setup::start(&[]).await;
    let with = |name, value| setup.bare(Method::GET, HERE).header("user-agent", "t").header(name, value);
    let versioned = with("x-github-api-version", "2019-01-01").bearer_auth(&setup.token);
    assert_eq!(Answer::of(versioned).await.message(), (400, "API version \"2019-01-01\" is not supported."));
    let html = with("accept", "text/html").bearer_auth(&setup.token);
    assert_eq!(Answer::of(html).await.status, 415);
    let neither = setup.bare(Method::GET, HERE).header("user-agent", "t").bearer_auth(&setup.token);
    assert_eq!(Answer::of(neither).await.status, 200);
}

#[tokio::test]
async fn a_stranger_reads_what_is_public_from_a_small_budget_of_its_own() {
    let setup = Setup::start(&[]).await;
    let ask = |path: &str| Answer::of(setup.bare(Method::GET, path).header("user-agent", "t"));
    assert_eq!(ask(HERE).await.status, 404);
    setup.github.configure("acme/widgets", |repository| repository.visibility = Visibility::Public).unwrap();
    assert_eq!(ask(HERE).await.status, 200);
    let left = ask("/rate_limit").await.json["rate"]["remaining"].clone();
    assert_eq!((left, setup.github.rate_remaining()), (58.into(), 5000));
}

#[tokio::test]
async fn a_token_must_be_there_known_and_alive() {
    let setup = Setup::start(&[]).await;
    let ask = |authorization: Option<String>| {
        let request = setup.bare(Method::GET, HERE).header("user-agent", "t");
        Answer::of(match authorization {
            Some(value) => request.header("authorization", value),
            None => request,
        })
    };
    assert_eq!(ask(None).await.message(), (404, "Not Found"), "a stranger does not see what is private");
    let post = setup.bare(Method::POST, &format!("{HERE}/issues")).header("user-agent", "t");
    assert_eq!(Answer::of(post).await.message(), (401, "Requires authentication"));
    for wrong in ["Bearer ghs_unknown", "Basic dTpw", "Bearer", "nonsense"] {
        assert_eq!(ask(Some(wrong.to_owned())).await.message(), (401, "Bad credentials"), "{wrong}");
    }
    for right in ["Bearer", "bearer", "token"] {
        assert_eq!(ask(Some(format!("{right} {}", setup.token))).await.status, 200, "{right}");
    }

    setup.github.advance(SignedDuration::from_mins(59));
    assert_eq!(ask(Some(format!("Bearer {}", setup.token))).await.status, 200);
    setup.github.advance(SignedDuration::from_mins(1));
    assert_eq!(ask(Some(format!("Bearer {}", setup.token))).await.message(), (401, "Bad credentials"));
}

#[tokio::test]
async fn a_revoked_or_expired_token_is_dead() {
    let setup = Setup::start(&[]).await;
    let revoke = || Answer::of(setup.request(Method::DELETE, "/installation/token"));
    assert_eq!(revoke().await.status, 204);
    assert_eq!(setup.get(HERE).await.status, 401);
    assert_eq!(revoke().await.status, 401);
    let records = setup.github.tokens();
    assert_eq!(records.iter().map(|record| record.revoked).collect::<Vec<_>>(), [true]);
    assert_eq!(records[0].hashed, gatepass_sandbox::github::hashed_token(&setup.token));

    let another = Setup::start(&[]).await;
    another.github.expire_tokens();
    assert_eq!(another.get(HERE).await.status, 401);
}

#[tokio::test]
async fn a_repository_out_of_reach_does_not_exist() {
    let setup = Setup::start(&[("issues", "write")]).await;
    setup.github.install("other");
    setup.github.add_repository("other/widgets").unwrap();
    for path in ["/repos/acme/site", "/repos/acme/site/issues", "/repos/other/widgets", "/repos/acme/none"] {
        assert_eq!(setup.get(path).await.message(), (404, "Not Found"), "{path}");
    }
    assert_eq!(setup.get("/repos/ACME/Widgets").await.status, 200, "GitHub does not look at letter case");
}

#[tokio::test]
async fn every_route_demands_its_permission_and_names_it() {
    let setup = Setup::start(&[]).await;
    let issue = setup.person_opens("one", &["bug"]);
    assert_eq!(issue, 1);
    for (method, path, need) in [
        (Method::GET, "/issues", "issues=read"),
        (Method::POST, "/issues", "issues=write"),
        (Method::GET, "/issues/1", "issues=read"),
        (Method::GET, "/issues/99", "issues=read"),
        (Method::PATCH, "/issues/1", "issues=write"),
        (Method::GET, "/issues/1/comments", "issues=read"),
        (Method::POST, "/issues/1/comments", "issues=write"),
        (Method::GET, "/issues/comments/99", "issues=read"),
        (Method::PATCH, "/issues/comments/99", "issues=write"),
        (Method::DELETE, "/issues/comments/99", "issues=write"),
        (Method::POST, "/issues/1/labels", "issues=write"),
        (Method::DELETE, "/issues/1/labels/bug", "issues=write"),
        (Method::GET, "/labels", "issues=read; pull_requests=read"),
        (Method::POST, "/labels", "issues=write; pull_requests=write"),
        (Method::GET, "/contents/README.md", "contents=read"),
        (Method::GET, "/releases/latest", "contents=read"),
        (Method::GET, "/branches", "contents=read"),
        (Method::GET, "/pulls", "pull_requests=read"),
        (Method::GET, "/actions/workflows/deploy.yml/runs", "actions=read"),
        (Method::POST, "/actions/workflows/deploy.yml/dispatches", "actions=write"),
        (Method::POST, "/dispatches", "contents=write"),
    ] {
        let answer = setup.send(method.clone(), &format!("{HERE}{path}"), json!({})).await;
        assert_eq!(answer.message(), (403, "Resource not accessible by integration"), "{method} {path}");
        assert_eq!(answer.header("x-accepted-github-permissions"), need, "{method} {path}");
    }
    for path in ["", "/languages", "/tags"] {
        assert_eq!(setup.get(&format!("{HERE}{path}")).await.status, 200, "metadata is always there: {path}");
    }
    assert!(
        setup.github.issues(REPOSITORY) == [setup.github.issue(REPOSITORY, 1).unwrap()],
        "nothing changed"
    );
}

#[tokio::test]
async fn read_is_not_write() {
    let setup = Setup::start(&[("issues", "read")]).await;
    assert_eq!(setup.get(&format!("{HERE}/issues")).await.status, 200);
    let answer = setup.send(Method::POST, &format!("{HERE}/issues"), json!({ "title": "t" })).await;
    assert_eq!(answer.status, 403);
    assert!(setup.github.issues(REPOSITORY).is_empty());
}

#[tokio::test]
async fn unknown_paths_and_methods_are_not_found() {
    let setup = Setup::start(&[("issues", "write")]).await;
    for (method, path) in
        [(Method::GET, "/nonsense"), (Method::PUT, HERE), (Method::GET, "/repositories/7/issues")]
    {
        assert_eq!(setup.send(method, path, json!({})).await.message(), (404, "Not Found"), "{path}");
    }
}

#[tokio::test]
async fn every_answer_tells_the_rate_and_none_left_is_forbidden() {
    let setup = Setup::start(&[]).await;
    let first = setup.get(HERE).await;
    assert_eq!(
        ["limit", "remaining", "used", "resource"].map(|name| first.header(&format!("x-ratelimit-{name}"))),
        ["5000", "4999", "1", "core"]
    );
    assert_eq!(first.header("x-ratelimit-reset"), (setup.github.now().as_second() + 3600).to_string());
    assert_eq!(setup.get("/nonsense").await.header("x-ratelimit-remaining"), "4998", "errors too");

    let reset = setup.github.now() + SignedDuration::from_secs(90);
    setup.github.set_rate(0, reset);
    let refused = setup.get(HERE).await;
    assert_eq!(refused.message(), (403, "API rate limit exceeded for installation."));
    assert_eq!(refused.header("x-ratelimit-remaining"), "0");
    assert_eq!(refused.header("x-ratelimit-reset"), reset.as_second().to_string());

    let free = setup.get("/rate_limit").await;
    assert_eq!((free.status, free.json["rate"]["remaining"].as_u64()), (200, Some(0)));
    setup.github.advance(SignedDuration::from_secs(90));
    assert_eq!(setup.get(HERE).await.status, 200);
    assert_eq!(setup.github.rate_remaining(), 4999);
}

#[tokio::test]
async fn enterprise_server_answers_under_its_prefix_alone() {
    let setup = Setup::start_edition(Edition::EnterpriseServer, &[("issues", "write")]).await;
    assert!(setup.github.api_url().ends_with("/api/v3"));
    let created = setup.send(Method::POST, &format!("{HERE}/issues"), json!({ "title": "t" })).await;
    assert_eq!(created.status, 201);
    assert_eq!(created.json["url"], format!("{}/repos/acme/widgets/issues/1", setup.github.api_url()));
    assert_eq!(created.json["html_url"], format!("{}/acme/widgets/issues/1", setup.github.url()));
    setup.person_opens("two", &[]);
    let listed = setup.get(&format!("{HERE}/issues?per_page=1")).await;
    let next = listed.header("link").trim_start_matches('<').split('>').next().unwrap().to_owned();
    assert!(next.starts_with(&format!("{}/repositories/", setup.github.api_url())), "{next}");
    let second = setup.get(next.strip_prefix(setup.github.api_url()).unwrap()).await;
    assert_eq!(second.column("title"), ["t"]);
    let root = format!("{}{HERE}", setup.github.url());
    let request = setup.client.request(Method::GET, &root).unwrap().header("user-agent", "t");
    assert_eq!(Answer::of(request.bearer_auth(&setup.token)).await.status, 404);
    let hops: Vec<String> = setup.github.writes().iter().map(|hop| hop.path.clone()).collect();
    assert_eq!(hops, ["/api/v3/repos/acme/widgets/issues"]);
}

#[tokio::test]
async fn any_answer_can_be_provoked_and_is_counted() {
    let setup = Setup::start(&[("issues", "write")]).await;
    let path = format!("{HERE}/issues");
    let faults = setup.github.faults();
    faults.inject(
        Fault::on(Method::GET, &path).status(403).header("retry-after", "17").body("{\"message\":\"slow\"}"),
    );
    let answer = setup.get(&path).await;
    assert_eq!((answer.message(), answer.header("retry-after")), ((403, "slow"), "17"));

    faults.inject(Fault::on(Method::GET, &path).status(451));
    assert_eq!(setup.get(&path).await.status, 451);

    let lost = faults.inject(Fault::on(Method::POST, &path).after_effect().reset());
    let request = setup.request(Method::POST, &path).body("{\"title\":\"t\"}");
    assert!(request.timeout(Duration::from_secs(10)).send().await.is_err());
    assert_eq!((lost.used(), setup.github.issues(REPOSITORY).len()), (1, 1), "created, and the answer lost");
    assert_eq!((setup.github.requests().len(), setup.github.writes().len()), (3, 1));
}

#[tokio::test]
async fn tokens_never_reach_the_trace_and_notes_do() {
    let setup = Setup::start(&[("issues", "write")]).await;
    setup.send(Method::POST, &format!("{HERE}/issues"), json!({ "title": "t" })).await;
    setup.send(Method::POST, "/repos/acme/widgets/pulls", json!({})).await;
    setup.get("/repos/acme/widgets/pulls?state=open").await;
    let trace = setup.trace.to_string();
    assert!(!trace.contains(&setup.token), "{trace}");
    let notes: Vec<String> = setup.trace.hops().into_iter().filter_map(|hop| hop.note).collect();
    assert_eq!(
        notes,
        [
            "issue #1 created by octo-sts[bot]",
            "Not Found",
            "Resource not accessible by integration, needs pull_requests=read"
        ]
    );
}

#[tokio::test]
async fn minting_is_refused_as_github_refuses_it() {
    let github = GitHub::start(Edition::DotCom, Trace::new()).await.unwrap();
    github.add_repository(REPOSITORY).unwrap();
    let read = || Permissions::new([("issues", "read")]).unwrap();
    let mint = |owner, reach| github.mint(owner, reach, read(), "octo-sts[bot]").map(|_| ());
    assert_eq!(mint("acme", Reach::All), Err(MintError::NotInstalled("acme".into())));
    github.install("acme");
    assert_eq!(mint("acme", Reach::All), Ok(()));
    assert_eq!(mint("Acme", Reach::All), Err(MintError::NotInstalled("Acme".into())));
    assert_eq!(mint("acme", Reach::one("none")), Err(MintError::NoSuchRepository("acme/none".into())));
    assert!(matches!(github.mint_for(REPOSITORY, &[("issues", "writ")]), Err(MintError::Permissions(_))));
    github.uninstall("acme");
    assert!(!github.is_installed("acme"));
}
