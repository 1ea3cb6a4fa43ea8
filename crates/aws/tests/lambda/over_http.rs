//! HTTP through a Function URL and an API Gateway.

use std::time::Duration;

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::hosts::HttpCall;
use gatepass_sandbox::hosts::lambda::{Entrance, IamCaller};
use gatepass_sandbox::hosts::webhook::{Signature, Webhook};
use http::Method;
use serde_json::{Value, json};

use crate::samples::REPOSITORY;
use crate::support::{Deployment, Function, problem};

const SECRET: &str = "a shared secret of some length";
const OLD_SECRET: &str = "the one before it";

/// A job for releases of acme/site.
const HOOK: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  released:
    triggers: [{ webhook: { signature: github, events: [release.published], secrets: [{ env: NEW_SECRET }, { env: OLD_SECRET }] } }]
    open_issue:
      key: ["{{ event.data.release.tag_name }}"]
      title: "Announce {{ event.data.release.tag_name }}"
"#;

/// Jobs that the platform's callers may start.
const CALLED: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
callers: { console: { host: true } }
jobs:
  report:
    triggers: [{ http: { caller: console } }]
    open_issue: { key: [report], title: "{{ event.data.method }} {{ event.data.query.a }} {{ event.data.body.b }}" }
  status:
    triggers: [{ http: { caller: console } }]
    read_repository: {}
"#;

async fn hooked() -> Function {
    let deployment = Deployment::new(HOOK).await;
    deployment.set("NEW_SECRET", SECRET).set("OLD_SECRET", OLD_SECRET).start().await
}

fn release(tag: &str) -> Value {
    json!({
        "action": "published", "release": {"tag_name": tag}, "repository": {"full_name": "acme/site"},
        "sender": {"login": "ada"},
    })
}

fn somebody() -> Option<IamCaller> {
    Some(IamCaller { user_arn: "arn:aws:iam::111122223333:user/ops".into() })
}

#[tokio::test]
async fn a_signed_webhook_arrives_through_both_entrances_as_text_and_as_base64() {
    let function = hooked().await;
    for (index, entrance) in [Entrance::FunctionUrl(None), Entrance::ApiGateway(None)].into_iter().enumerate()
    {
        for (media, secret) in [("application/json", SECRET), ("application/octet-stream", OLD_SECRET)] {
            let tag = format!("v{index}-{media}");
            let hook = Webhook::new("release", &release(&tag));
            let call = hook.call("/hooks/released", secret, Signature::Right).header("content-type", media);
            let answer = function.host.http(entrance.clone(), &call).await.unwrap();
            assert_eq!(
                (answer.status, &answer.json()["results"][0]["status"]),
                (201, &json!("created")),
                "{media}"
            );
            let again = function.host.http(entrance.clone(), &call).await.unwrap();
            assert_eq!((again.status, &again.json()["results"][0]["status"]), (200, &json!("unchanged")));
        }
    }
    assert_eq!(function.open(), 4);
}

#[tokio::test]
async fn an_unsigned_or_wrongly_signed_webhook_does_nothing() {
    let function = hooked().await;
    let hook = Webhook::new("release", &release("v1"));
    for wrong in Signature::WRONG {
        let call = hook.call("/hooks/released", SECRET, wrong);
        let answer = function.host.http(Entrance::FunctionUrl(somebody()), &call).await.unwrap();
        problem(&answer, 401, "untrusted", &[]);
    }
    let call = hook.call("/hooks/released", "another secret", Signature::Right);
    let answer = function.host.http(Entrance::ApiGateway(None), &call).await.unwrap();
    problem(&answer, 401, "untrusted", &["fits none of this webhook's secrets", "gatepass.yaml"]);
    assert_eq!((function.open(), function.exchanges()), (0, 0));
}

#[tokio::test]
async fn a_webhook_is_read_only_once_it_is_verified() {
    let function = hooked().await;
    let table = [
        (Webhook::of_bytes("release", "not json"), "is not JSON"),
        (Webhook::of_bytes("release", "[]"), "not a JSON object"),
        (Webhook::of_bytes("release", ""), "is not JSON"),
        (Webhook::of_bytes("Release!", "{}"), "X-GitHub-Event"),
        (Webhook::new("release", &json!({"action": "published"})), "`event.data.release.tag_name`"),
    ];
    for (hook, words) in table {
        let right = hook.call("/hooks/released", SECRET, Signature::Right);
        let answer = function.host.http(Entrance::FunctionUrl(None), &right).await.unwrap();
        problem(&answer, 422, "invalid", &[words]);
        let wrong = hook.call("/hooks/released", SECRET, Signature::Wrong);
        let answer = function.host.http(Entrance::FunctionUrl(None), &wrong).await.unwrap();
        problem(&answer, 401, "untrusted", &[]);
    }
    for (event, mut body) in [("push", json!({})), ("ping", release("v1")), ("release", release("v1"))] {
        if event == "release" {
            body["action"] = json!("created");
        }
        let call = Webhook::new(event, &body).call("/hooks/released", SECRET, Signature::Right);
        let answer = function.host.http(Entrance::FunctionUrl(None), &call).await.unwrap();
        assert_eq!(
            (answer.status, &answer.json()["results"][0]["status"]),
            (200, &json!("ignored")),
            "{event}"
        );
    }
    let mut own = release("v1");
    own["sender"]["login"] = json!("octo-sts[bot]");
    let call = Webhook::new("release", &own).call("/hooks/released", SECRET, Signature::Right);
    let answer = function.host.http(Entrance::FunctionUrl(None), &call).await.unwrap();
    assert_eq!(answer.json()["results"][0]["status"], "ignored", "what we did ourselves");
    assert_eq!((function.open(), function.exchanges()), (0, 0));
}

#[tokio::test]
async fn a_host_caller_is_whom_lambda_has_checked() {
    let function = Function::start(CALLED).await;
    let call = HttpCall::post_json("/jobs/report", &json!({"b": 2})).query("a=1");
    for open in [Entrance::FunctionUrl(None), Entrance::ApiGateway(None)] {
        let answer = function.host.http(open, &call).await.unwrap();
        problem(&answer, 401, "untrusted", &["this request is not accepted"]);
        assert!(!answer.text().contains("console"), "{}", answer.text());
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
    }
    assert_eq!((function.open(), function.exchanges()), (0, 0));
    for (checked, status) in
        [(Entrance::FunctionUrl(somebody()), 201), (Entrance::ApiGateway(somebody()), 200)]
    {
        let answer = function.host.http(checked, &call).await.unwrap();
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    assert_eq!(function.sandbox.github.issue(REPOSITORY, 1).unwrap().title, "POST 1 2");

    let get = |path: &str| HttpCall::get(path.to_owned());
    let answer = function.host.http(Entrance::FunctionUrl(somebody()), &get("/jobs/report")).await.unwrap();
    problem(&answer, 422, "invalid", &["report", "POST", "a GET must change nothing"]);
    let answer = function.host.http(Entrance::FunctionUrl(somebody()), &get("/jobs/status")).await.unwrap();
    assert_eq!(
        (answer.status, &answer.json()["results"][0]["status"]),
        (200, &json!("read")),
        "{}",
        answer.text()
    );
    let answer = function.host.http(Entrance::FunctionUrl(None), &get("/jobs/status")).await.unwrap();
    problem(&answer, 401, "untrusted", &["this request is not accepted"]);
    let why = |record: &Value| record["details"].as_str().is_some_and(|details| details.contains("AWS_IAM"));
    function.log_until("a call was not taken", why).await;
}

#[tokio::test]
async fn no_other_authorizer_stands_for_iam() {
    let function = Function::start(CALLED).await;
    for authorizer in [
        json!({"jwt": {"claims": {"sub": "somebody"}, "scopes": []}}),
        json!({"lambda": {"iam": {"userArn": "arn:aws:iam::111122223333:user/ops"}}}),
        json!({"principalId": "somebody"}),
        json!({"iam": null}),
        json!({}),
        json!(null),
    ] {
        let event = json!({
            "version": "2.0", "rawPath": "/jobs/report", "rawQueryString": "a=1", "isBase64Encoded": false,
            "headers": {"content-type": "application/json"}, "body": "{\"b\":2}",
            "requestContext": {"http": {"method": "POST", "path": "/jobs/report"}, "authorizer": authorizer},
        });
        let answer = function.host.invoke(event.to_string().as_bytes()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["statusCode"], 401, "{authorizer}: {answer}");
    }
    assert_eq!((function.open(), function.exchanges()), (0, 0));
}

#[tokio::test]
async fn the_routes_are_the_contracts() {
    let function = hooked().await;
    let routes = "the routes are /health, /hooks/JOB, /jobs/JOB and /events";
    let table = [
        (HttpCall::get("/"), 404, routes),
        (HttpCall::get("/healthz"), 404, routes),
        (HttpCall::get("/hooks/released/more"), 404, routes),
        (HttpCall::new(Method::POST, "/health"), 405, "POST is not what \"/health\" takes"),
        (HttpCall::get("/hooks/released"), 405, "GET is not what \"/hooks/released\" takes"),
        (HttpCall::new(Method::PUT, "/jobs/released"), 405, "PUT is not what"),
        (HttpCall::new(Method::POST, "/jobs/released"), 404, "not started over HTTP"),
        (HttpCall::new(Method::POST, "/hooks/relaesed"), 404, "there is no job \"relaesed\""),
    ];
    for (call, status, words) in table {
        for entrance in [Entrance::FunctionUrl(None), Entrance::ApiGateway(somebody())] {
            let answer = function.host.http(entrance, &call).await.unwrap();
            problem(&answer, status, "invalid", &[words]);
        }
    }
    let answer = function
        .host
        .http(Entrance::FunctionUrl(None), &HttpCall::new(Method::POST, "/events"))
        .await
        .unwrap();
    problem(&answer, 401, "untrusted", &["this request is not accepted", "gatepass.yaml"]);
    let answer = function.host.http(Entrance::FunctionUrl(None), &HttpCall::get("/health")).await.unwrap();
    assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("ok")));
}

#[tokio::test]
async fn a_failure_over_http_says_its_class_and_when_to_come_back() {
    let function = Function::start(CALLED).await;
    let call = HttpCall::post_json("/jobs/report", &json!({"b": 2})).query("a=1");
    let send = async || function.host.http(Entrance::FunctionUrl(somebody()), &call).await.unwrap();
    let faults = function.sandbox.github.faults();
    faults.inject(Fault::on_any("/repos").status(404));
    let answer = send().await;
    problem(&answer, 502, "refused", &["not visible"]);
    assert_eq!(answer.header("retry-after"), None);
    assert_eq!(answer.json()["job"], "report");
    let answer = function
        .host
        .http(Entrance::FunctionUrl(somebody()), &HttpCall::new(Method::POST, "/jobs/report"))
        .await;
    problem(&answer.unwrap(), 422, "invalid", &["jobs.report.open_issue.title", "`event.data.query.a`"]);
    faults.inject(Fault::on_any("/repos").status(403).header("retry-after", "90"));
    // The second time, GitHub is not even asked.
    for _ in 0..2 {
        let answer = send().await;
        problem(&answer, 503, "deferred", &["rate limit"]);
        let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((80..=90).contains(&wait), "{wait}");
    }
    assert_eq!(function.open(), 0);
}

#[tokio::test]
async fn a_request_is_answered_before_lambda_ends_it() {
    let deployment = Deployment::new(CALLED).await.timeout(Duration::from_millis(1200));
    deployment.sandbox.github.faults().inject(Fault::on_any("/repos").hang());
    let function = deployment.start().await;
    let call = HttpCall::post_json("/jobs/report", &json!({"b": 2})).query("a=1");
    let answer = function.host.http(Entrance::FunctionUrl(somebody()), &call).await.unwrap();
    problem(&answer, 503, "deferred", &["deliver it again"]);
    assert_eq!(answer.header("retry-after"), Some("1"));
    let answer = function.host.http(Entrance::FunctionUrl(somebody()), &call).await.unwrap();
    assert_eq!(answer.status, 201);
}

#[tokio::test]
async fn an_http_event_that_is_broken_is_answered_over_http() {
    let function = hooked().await;
    let event = |change: fn(&mut Value)| {
        let mut event = json!({
            "version": "2.0", "routeKey": "$default", "rawPath": "/health", "rawQueryString": "", "headers": {},
            "requestContext": {"http": {"method": "GET", "path": "/health"}}, "isBase64Encoded": false,
        });
        change(&mut event);
        event
    };
    for (change, status, words) in [
        ((|event| event["isBase64Encoded"] = json!("x")) as fn(&mut Value), 422, "is not understood"),
        (
            |event| {
                event["body"] = json!("***");
                event["isBase64Encoded"] = json!(true);
            },
            422,
            "is base64, and it is not",
        ),
        (|event| event["rawPath"] = json!("no slash or space"), 422, "path that is none"),
        (|event| event["rawPath"] = json!(""), 422, "path that is none"),
        (|event| event["rawPath"] = json!("/hooks/a b"), 422, "path that is none"),
        (|event| event["rawQueryString"] = json!("a=<b>\u{7f}"), 422, "path that is none"),
        (|event| event["rawPath"] = json!("//evil.example:x"), 404, "there is nothing at"),
        (|event| event["rawPath"] = json!("evil.example:1"), 404, "there is nothing at"),
        (|event| event["rawPath"] = json!("*"), 404, "there is nothing at"),
        (|event| event["requestContext"]["http"]["method"] = json!("G T"), 422, "is not understood"),
        (|event| event["body"] = json!("x".repeat(6 << 20)), 413, "larger than 6291456 bytes"),
    ] {
        let event = event(change).to_string();
        let answer = function.host.invoke(event.as_bytes()).await;
        let answer = answer.unwrap_or_else(|error| panic!("{event:.400}: {error}"));
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["statusCode"], status, "{event:.400}: {answer}");
        assert_eq!(answer["headers"]["content-type"], "application/problem+json");
        let problem: Value = serde_json::from_str(answer["body"].as_str().unwrap()).unwrap();
        assert_eq!((&problem["status"], &problem["class"]), (&json!(status), &json!("invalid")));
        assert!(problem["detail"].as_str().unwrap().contains(words), "{event:.400}: {problem}");
        assert!(!problem["correlation_id"].as_str().unwrap().is_empty(), "{problem}");
    }
    assert_eq!((function.open(), function.exchanges()), (0, 0));
}

/// Two megabytes of quotes: four as JSON, and eight as JSON in JSON, where Lambda ends at six.
#[tokio::test]
async fn an_answer_that_lambda_would_not_let_through_is_refused_and_says_what_to_change() {
    let more = "  more:\n    triggers: [{ http: { caller: console } }]\n    read_repository: { include: [languages] }\n";
    let function = Function::start(&format!("{CALLED}{more}")).await;
    let description = "\"".repeat(2 << 20);
    let body = json!({ "full_name": REPOSITORY, "description": description }).to_string();
    function.sandbox.github.faults().inject(Fault::on_any("/repos").body(body).always());
    let words = ["the answer is larger than Lambda lets through", "ask for less in read_repository.include"];

    let get = HttpCall::get("/jobs/status");
    let answer = function.host.http(Entrance::FunctionUrl(somebody()), &get).await.unwrap();
    problem(&answer, 502, "refused", &words);
    assert_eq!(function.status(&json!({ "job": "status" })).await, "read", "escaped once, it fits");
    function.fails(&json!({ "job": "more" }), "refused", &words).await;
    let refused = |record: &Value| record["status"] == "refused";
    let log = function.log_until("an answer was not let through", refused).await;
    assert!(log.iter().all(|record| !record.to_string().contains("description")));
}
