//! What AWS STS answers, and what becomes of it.

use std::time::Duration;

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::identity::aws::Refusal;

use crate::samples::{ALARM, alarm, call, many_jobs};
use crate::support::{Deployment, Function};

const STS: &str = "AWS STS (GetWebIdentityToken)";

/// Nothing listens there.
const NOWHERE: &str = "http://127.0.0.1:1";

#[tokio::test]
async fn an_sts_that_is_not_there_is_refused_and_says_what_to_check() {
    let function = Deployment::new(ALARM).await.set("AWS_ENDPOINT_URL_STS", NOWHERE).start().await;
    let words = [STS, "could not be reached", "AWS_REGION", "VPC endpoint"];
    function.fails(&alarm("e1", 1, "ALARM"), "refused", &words).await;
    assert_eq!(function.exchanges(), 0, "no proof, no exchange");
    let record = function.exchange("alarm-to-issue").await;
    assert_eq!((&record["result"], &record["proof_source"]), (&"no proof".into(), &"aws".into()));
    assert!(record["server_message"].as_str().unwrap().contains("could not be reached"));
}

#[tokio::test]
async fn a_slow_sts_is_waited_for_and_a_hanging_one_is_left_within_the_deadline() {
    let deployment = Deployment::new(ALARM).await;
    let faults = deployment.sandbox.identity.aws.sts.faults();
    faults.inject(Fault::on_any("/").delay(Duration::from_millis(200)));
    let function = deployment.start().await;
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");

    let hanging = faults.inject(Fault::on_any("/").hang());
    let function = deployment.timeout(Duration::from_millis(1200)).start().await;
    function.fails(&alarm("e2", 2, "ALARM"), "deferred", &[STS, "deliver it again"]).await;
    assert_eq!(hanging.used(), 1);
    let outcome = function.outcome("e2").await;
    assert_eq!(outcome["status"], "deferred");
    assert!(outcome["milliseconds"].as_u64().unwrap() < 1200, "{outcome}");
    assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, "updated", "nothing is remembered of it");
}

/// An error of STS, in AWS's XML.
fn xml(code: &str) -> String {
    format!("<ErrorResponse><Error><Code>{code}</Code><Message>because</Message></Error></ErrorResponse>")
}

#[tokio::test]
async fn every_answer_of_sts_has_its_class_and_its_next_step() {
    let any = || Fault::on_any("/");
    let table: &[(Fault, &str, &[&str])] = &[
        (any().html(), "refused", &["no OIDC token", "nothing stands between"]),
        (any().garbage(), "refused", &["no OIDC token"]),
        (any().body("<WebIdentityToken>not.a token</WebIdentityToken>"), "refused", &["no OIDC token"]),
        (any().html().status(403), "refused", &["403", "Unexpected", "what stands between"]),
        (any().status(400).body(xml("Surprise")), "refused", &["400", "\"Surprise\"; \"because\""]),
        (any().status(403).body(xml("ExpiredToken")), "refused", &["403", "may have expired"]),
        (any().status(403).body(xml("SignatureDoesNotMatch")), "refused", &["clock", "AWS_REGION"]),
        (any().status(403).body(xml("SessionDurationEscalation")), "refused", &["session ends"]),
        (any().status(307).header("location", "https://example.com/"), "refused", &["307"]),
        (any().status(429).body(xml("Throttling")), "deferred", &["429", "deliver the event again"]),
        (
            any().status(500).body(xml("InternalFailure")),
            "deferred",
            &["500", "InternalFailure", "deliver the event again"],
        ),
        (any().html().status(502), "deferred", &["502", "Unexpected", "deliver the event again"]),
        (any().status(503), "deferred", &["503", "an empty body", "deliver the event again"]),
        (any().reset(), "deferred", &["broke off"]),
        (any().reset_mid_body(), "deferred", &["broke off"]),
    ];
    let function = Deployment::stranger(many_jobs(table.len())).await.start().await;
    for (index, (fault, class, words)) in table.iter().enumerate() {
        let faults = function.sandbox.identity.aws.sts.faults();
        faults.inject(fault.clone().always());
        let error = function.fails(&call(&format!("job-{index}")), class, words).await;
        assert!(error.message.contains(STS), "{error}");
        faults.clear();
    }
    assert_eq!((function.exchanges(), function.sandbox.github.requests().len()), (0, 0));
}

#[tokio::test]
async fn a_refusal_of_aws_names_the_step_that_lifts_it() {
    let table: [(Option<Refusal>, &[&str]); 4] = [
        (Some(Refusal::FederationDisabled), &["aws iam enable-outbound-web-identity-federation", "once"]),
        (Some(Refusal::AccessDenied), &["allow sts:GetWebIdentityToken", "300 seconds", "RS256"]),
        (Some(Refusal::PayloadTooLarge), &["take tags off the role"]),
        // Credentials that AWS has never heard of.
        (None, &["InvalidClientTokenId", "may have expired"]),
    ];
    let function = Deployment::stranger(many_jobs(table.len())).await.start().await;
    let aws = &function.sandbox.identity.aws;
    for (index, (refusal, words)) in table.iter().enumerate() {
        aws.refuse(*refusal);
        if refusal.is_none() {
            aws.forget_credentials();
        }
        function.fails(&call(&format!("job-{index}")), "refused", words).await;
    }
}

#[tokio::test]
async fn throttling_is_not_now_whatever_its_status() {
    // STS says 400 to too many calls at once; a storm of alarms is exactly when that happens.
    let function = Function::start(ALARM).await;
    let fault = Fault::on_any("/").status(400).body(xml("Throttling"));
    function.sandbox.identity.aws.sts.faults().inject(fault);
    function.fails(&alarm("e1", 1, "ALARM"), "deferred", &["Throttling", "deliver the event again"]).await;
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
}

#[tokio::test]
async fn what_the_identity_endpoint_refused_is_asked_again_at_once() {
    let function = Function::start(ALARM).await;
    function.sandbox.identity.aws.refuse(Some(Refusal::AccessDenied));
    function.fails(&alarm("e1", 1, "ALARM"), "refused", &["allow sts:GetWebIdentityToken"]).await;
    function.sandbox.identity.aws.refuse(None);
    assert_eq!(
        function.status(&alarm("e1", 1, "ALARM")).await,
        "created",
        "only Octo STS's no is remembered"
    );
}
