//! The Lambda host.

use std::time::Duration;

use gatepass_sandbox::hosts::lambda::{Entrance, IamCaller, LambdaHost, RuntimeApi};
use gatepass_sandbox::hosts::{HostError, HttpCall, webhook};
use gatepass_sandbox::http_client::LoopbackClient;
use gatepass_sandbox::identity::aws::Aws;
use gatepass_sandbox::trace::Trace;
use serde_json::{Value, json};

use crate::child::program;

const NEXT: &str = "/2018-06-01/runtime/invocation/next";

#[tokio::test]
async fn events_go_in_and_answers_and_errors_come_out() {
    let trace = Trace::new();
    let host = LambdaHost::start(program("lambda"), trace.clone()).await.unwrap();
    assert!(host.child().text().contains("lambda runtime starts as gatepass"));

    assert_eq!(host.invoke(br#"{"a":1}"#).await.unwrap(), br#"{"a":1}"#);
    let error = host.invoke(br#"{"do":"fail"}"#).await.unwrap_err();
    assert_eq!((error.error_type.as_str(), error.message.as_str()), ("Refused", "ask an owner"));
    let huge = host.invoke(br#"{"do":"huge"}"#).await.unwrap_err();
    assert_eq!(huge.error_type, "Function.ResponseSizeTooLarge");

    let notes: Vec<String> = trace.hops_of("lambda").into_iter().filter_map(|hop| hop.note).collect();
    assert_eq!(
        notes,
        ["answered 7 bytes", "function error Refused", "function error Function.ResponseSizeTooLarge"]
    );
}

#[tokio::test]
async fn the_deadline_is_told_and_a_slow_function_is_killed() {
    let host = LambdaHost::start(program("lambda"), Trace::new()).await.unwrap();
    let before = jiff::Timestamp::now().as_millisecond();
    let told: Value = serde_json::from_slice(&host.invoke(br#"{"do":"deadline"}"#).await.unwrap()).unwrap();
    let ahead = told.as_i64().unwrap() - before;
    assert!((15_000..30_000).contains(&ahead), "{ahead}");

    let host = host.with_timeout(Duration::from_millis(50));
    let error = host.invoke(br#"{"do":"sleep"}"#).await.unwrap_err();
    assert_eq!(error.error_type, "Sandbox.Timedout");
    assert!(error.message.ends_with("Task timed out after 0.05 seconds"), "{error}");
    assert!(host.child().ended().is_some());
}

#[tokio::test]
async fn a_crash_is_an_error_of_the_invocation() {
    let host = LambdaHost::start(program("lambda"), Trace::new()).await.unwrap();
    let error = host.invoke(br#"{"do":"crash"}"#).await.unwrap_err();
    assert_eq!(error.error_type, "Runtime.ExitError");
    assert!(error.message.contains("exit status: 7"), "{error}");
}

#[tokio::test]
async fn a_function_that_cannot_start_says_why() {
    let error = LambdaHost::start(program("init-error"), Trace::new()).await.unwrap_err();
    assert_eq!(error.to_string(), "initialisation failed: Config: no such file");
    let error = LambdaHost::start(program("talk"), Trace::new()).await.unwrap_err();
    assert!(matches!(error, HostError::Ended { .. }) && error.to_string().contains("to stderr"), "{error}");
}

#[tokio::test]
async fn http_goes_through_a_function_url() {
    let host = LambdaHost::start(program("lambda"), Trace::new()).await.unwrap();
    let hook = webhook::Webhook::new("push", &json!({ "do": "x" }));
    let call = hook.call("/hooks/deploy", "secret", webhook::Signature::Right);
    let caller = IamCaller { user_arn: "arn:aws:iam::111122223333:user/ops".into() };
    let answer = host.http(Entrance::FunctionUrl(Some(caller)), &call).await.unwrap();
    let event = answer.json();
    assert_eq!(event["body"], json!({ "do": "x" }).to_string());
    assert_eq!(event["headers"]["x-github-event"], "push");
    assert_eq!(event["requestContext"]["authorizer"]["iam"]["accountId"], "111122223333");
    assert!(host.http(Entrance::ApiGateway(None), &HttpCall::get("/health")).await.unwrap().status == 200);
}

#[tokio::test]
async fn http_goes_through_a_rest_api_and_a_load_balancer() {
    let host = LambdaHost::start(program("lambda"), Trace::new()).await.unwrap();
    // The child answers with the event, which is no answer that these take.
    for entrance in [Entrance::RestApi(None), Entrance::LoadBalancer { multi_value: true }] {
        let error = host.http(entrance, &HttpCall::get("/health")).await.unwrap_err();
        assert_eq!(error.error_type, "Sandbox.MalformedAnswer");
    }
}

#[tokio::test]
async fn a_queue_is_polled_and_what_succeeds_is_deleted() {
    let trace = Trace::new();
    let aws = Aws::start(trace.clone()).await.unwrap();
    let host = LambdaHost::start(program("lambda"), trace).await.unwrap();
    let arn = aws.sqs.create("q");
    assert!(host.poll(&aws.sqs, &arn, 10).await.is_none());
    aws.sqs.put(&arn, "hello", None);
    let answer: Value =
        serde_json::from_slice(&host.poll(&aws.sqs, &arn, 10).await.unwrap().unwrap()).unwrap();
    assert_eq!(answer["Records"][0]["body"], "hello");
    assert!(aws.sqs.messages(&arn).is_empty());
}

#[tokio::test]
async fn the_runtime_api_speaks_its_protocol_without_a_child() {
    let arn = "arn:aws:lambda:eu-west-1:111122223333:function:f";
    let api = RuntimeApi::start(arn.into(), Trace::new()).await.unwrap();
    let (client, base) = (LoopbackClient::new().unwrap(), format!("http://{}", api.authority()));
    let runtime = async {
        let next = HttpCall::get(NEXT).send(&client, &base).await.unwrap();
        assert_eq!(next.header("lambda-runtime-invoked-function-arn"), Some(arn));
        assert!(next.header("lambda-runtime-trace-id").unwrap().starts_with("Root=1-"));
        assert_eq!(next.header("content-type"), Some("application/json"));
        let id = next.header("lambda-runtime-aws-request-id").unwrap().to_owned();
        let path = |id: &str| format!("/2018-06-01/runtime/invocation/{id}/response");
        let post =
            async |id: &str| HttpCall::post_json(path(id), &json!(1)).send(&client, &base).await.unwrap();
        let unknown = post("another").await;
        assert_eq!((unknown.status, &unknown.json()["errorType"]), (400, &json!("InvalidRequestID")));
        assert_eq!(post(&id).await.status, 202);
        assert_eq!(post(&id).await.status, 400, "an invocation is answered once");
    };
    let (outcome, ()) = tokio::join!(api.invoke(b"{}", Duration::from_secs(5)), runtime);
    assert_eq!(outcome.unwrap(), b"1");
    api.initialised().await.unwrap();
    assert_eq!(api.init_error(), None);
}
