//! The same binary where no platform stands before it.

use axum::http::Method;
use gatepass_sandbox::hosts::HttpCall;

use crate::support::{SEE_LOG, Setup, status};

const HOSTED: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
callers: { console: { host: true } }
jobs:
  tick:
    triggers: [{ http: { caller: console } }]
    open_issue: { key: [tick], title: tick }
"#;

#[tokio::test]
async fn a_host_caller_is_accepted_on_cloud_run_and_nowhere_else() {
    let call = || HttpCall::new(Method::POST, "/jobs/tick");
    let service = Setup::new().await.start(HOSTED).await;
    let answer = service.send(call()).await;
    assert_eq!((answer.status, status(&answer).as_str()), (201, "created"), "{}", answer.text());

    // A variable that is set to nothing counts as not set.
    let service = Setup::new().await.env("K_SERVICE", "").start(HOSTED).await;
    for call in [call(), call().header("authorization", "Bearer x"), call().header("k_service", "x")] {
        let answer = service.send(call).await;
        let reasons = ["console: ", "the platform has not checked this request"];
        service.assert_unknown(&answer, SEE_LOG, &reasons).await;
    }
    assert!(service.hops().is_empty(), "{:?}", service.hops());
}
