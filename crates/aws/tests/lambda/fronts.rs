//! HTTP through a REST API and a load balancer: the same routes, other forms.

use gatepass_sandbox::hosts::HttpCall;
use gatepass_sandbox::hosts::lambda::{Entrance, IamCaller};
use gatepass_sandbox::hosts::webhook::{Signature, Webhook};
use serde_json::{Value, json};

use crate::samples::REPOSITORY;
use crate::support::{Deployment, Function, problem};

const SECRET: &str = "a shared secret of some length";

const CONFIG: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  released:
    triggers: [{ webhook: { signature: github, secrets: [{ env: WEBHOOK_SECRET }] } }]
    open_issue: { key: ["{{ event.data.tag }}"], title: "Announce {{ event.data.tag }}" }
"#;

const CALLED: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
callers: { console: { host: true } }
jobs:
  report:
    triggers: [{ http: { caller: console } }]
    open_issue: { key: [report], title: "{{ event.data.query.a }} and {{ event.data.body.b }}" }
"#;

fn fronts() -> [Entrance; 3] {
    let balanced = |multi_value| Entrance::LoadBalancer { multi_value };
    [Entrance::RestApi(None), balanced(false), balanced(true)]
}

fn somebody() -> Option<IamCaller> {
    Some(IamCaller { user_arn: "arn:aws:iam::111122223333:user/ops".into() })
}

#[tokio::test]
async fn a_signed_webhook_arrives_through_each_front_as_text_and_as_base64() {
    let function = Deployment::new(CONFIG).await.set("WEBHOOK_SECRET", SECRET).start().await;
    for (index, front) in fronts().into_iter().enumerate() {
        for media in ["application/json", "application/octet-stream"] {
            let hook = Webhook::new("push", &json!({ "tag": format!("v{index}-{media}") }));
            let call =
                |signature| hook.call("/hooks/released", SECRET, signature).header("content-type", media);
            let answer = function.host.http(front.clone(), &call(Signature::Right)).await.unwrap();
            assert_eq!(
                (answer.status, answer.header("content-type")),
                (201, Some("application/json")),
                "{media}"
            );
            let answer = function.host.http(front.clone(), &call(Signature::Wrong)).await.unwrap();
            problem(&answer, 401, "untrusted", &[]);
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
        }
    }
    assert_eq!(function.open(), 6);
}

#[tokio::test]
async fn only_a_rest_api_can_have_checked_the_caller() {
    let function = Function::start(CALLED).await;
    let call = HttpCall::post_json("/jobs/report", &json!({"b": "c"})).query("a=x%20%26%20y");
    for open in fronts() {
        let answer = function.host.http(open, &call).await.unwrap();
        problem(&answer, 401, "untrusted", &["this request is not accepted"]);
    }
    let answer = function.host.http(Entrance::RestApi(somebody()), &call).await.unwrap();
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(function.sandbox.github.issue(REPOSITORY, 1).unwrap().title, "x & y and c");
}

#[tokio::test]
async fn no_other_authorizer_of_a_rest_api_stands_for_iam() {
    let function = Function::start(CALLED).await;
    let arn = "arn:aws:iam::111122223333:user/ops";
    for context in [
        json!({ "identity": { "userArn": null, "apiKey": "k", "caller": "x" } }),
        json!({ "identity": { "userArn": "" } }),
        json!({ "identity": {}, "authorizer": { "principalId": "somebody", "userArn": arn } }),
        json!({ "authorizer": { "iam": { "userArn": arn } } }),
        // What a load balancer's caller would have to smuggle in.
        json!({ "identity": { "userArn": arn }, "elb": {} }),
    ] {
        let event = json!({
            "httpMethod": "POST", "path": "/jobs/report", "queryStringParameters": {"a": "1"}, "requestContext": context,
            "headers": {"content-type": "application/json", "userArn": arn}, "body": "{\"b\":2}", "isBase64Encoded": false,
        });
        let answer = function.host.invoke(event.to_string().as_bytes()).await.unwrap();
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer["statusCode"], 401, "{context}: {answer}");
    }
    assert_eq!((function.open(), function.exchanges()), (0, 0));
}

#[tokio::test]
async fn a_health_check_of_a_load_balancer_is_answered() {
    let function = Function::start(CALLED).await;
    for front in fronts() {
        let check = HttpCall::get("/health").header("user-agent", "ELB-HealthChecker/2.0");
        let answer = function.host.http(front, &check).await.unwrap();
        assert_eq!((answer.status, &answer.json()["status"]), (200, &json!("ok")));
    }
}

#[tokio::test]
async fn a_request_that_is_broken_is_answered_in_the_fronts_form() {
    let function = Function::start(CALLED).await;
    for (context, described) in [(json!({}), false), (json!({ "elb": {} }), true)] {
        for (path, body, words) in [
            ("/a b", json!("eA=="), "a path that is none"),
            ("/health", json!("***"), "is base64, and it is not"),
        ] {
            let event = json!({
                "httpMethod": "GET", "path": path, "headers": {}, "requestContext": context, "body": body,
                "isBase64Encoded": true,
            });
            let answer = function.host.invoke(event.to_string().as_bytes()).await.unwrap();
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            assert_eq!(
                (&answer["statusCode"], answer.get("statusDescription").is_some()),
                (&json!(422), described)
            );
            assert!(answer["body"].as_str().unwrap().contains(words), "{answer}");
        }
    }
}
