//! Where the role's own credentials come from: a container, an instance, or a pod's web identity.

use std::sync::Arc;
use std::time::Duration;

use gatepass_sandbox::Workload;
use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::identity::Environment;
use gatepass_sandbox::identity::aws::Aws;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::samples::{ALARM, REPOSITORY, alarm, call, many_jobs};
use crate::support::{Deployment, Function};

const ENDPOINT: &str = "/v1/credentials";
const PLACE: &str = "the container's credentials endpoint";

/// What Lambda gives a function and a task has not.
const LAMBDA_ONLY: [&str; 3] = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// [`ALARM`], with an exchange for each event.
fn exchanging() -> String {
    ALARM.replace("    if: ", "    revoke: after_run\n    if: ")
}

/// A task in ECS, admitted.
async fn task(config: &str) -> Deployment {
    elsewhere(config, Aws::task_subject, Aws::env_ecs).await
}

/// A program on an EC2 instance, admitted.
async fn instance(config: &str) -> Deployment {
    elsewhere(config, Aws::instance_subject, Aws::env_ec2).await
}

/// A workload with this subject and these variables, admitted.
async fn elsewhere(
    config: &str,
    subject: impl Fn(&Aws) -> String,
    environment: impl Fn(&Aws) -> Environment,
) -> Deployment {
    let deployment = Deployment::stranger(config).await;
    let aws = &deployment.sandbox.identity.aws;
    let workload = Workload::new(aws.issuer().url(), &subject(aws), deployment.sandbox.octo_sts.domain());
    deployment.sandbox.admit(REPOSITORY, "alarms", &workload, &[("issues", "write")]).unwrap();
    let environment = environment(aws);
    deployment.unset(&LAMBDA_ONLY).set_all(environment)
}

fn fetches(function: &Function) -> usize {
    function.sandbox.trace.hops_of("aws-credentials").len()
}

#[tokio::test]
async fn a_task_fetches_its_credentials_once_while_they_last() {
    let function = task(&exchanging()).await.start().await;
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
    assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, "updated");
    assert_eq!((fetches(&function), function.exchanges()), (1, 2));
    let record = function.exchange("alarm-to-issue").await;
    assert_eq!(record["sub"], json!(function.sandbox.identity.aws.task_subject()));
}

#[tokio::test]
async fn credentials_that_are_about_to_expire_are_fetched_again() {
    let deployment = task(&exchanging()).await;
    let (sandbox, aws) = (&deployment.sandbox, &deployment.sandbox.identity.aws);
    // What the test hands out is the function's.
    sandbox.admit(REPOSITORY, "alarms", &sandbox.lambda(), &[("issues", "write")]).unwrap();
    let credentials = aws.credentials();
    let answer = json!({
        "AccessKeyId": credentials.access_key_id, "SecretAccessKey": credentials.secret_access_key,
        "Token": credentials.session_token, "Expiration": Timestamp::now() + SignedDuration::from_secs(299),
    });
    aws.containers.faults().inject(Fault::on_any(ENDPOINT).body(answer.to_string()).times(2));
    let function = deployment.start().await;
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
    assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, "updated");
    assert_eq!(fetches(&function), 2);
}

#[tokio::test]
async fn a_pod_reads_its_token_file_anew_each_time() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    let deployment = task(&many_jobs(3)).await;
    let aws = &deployment.sandbox.identity.aws;
    let eks = aws.env_eks(&file);
    let right = aws.authorization_token().to_owned();
    let function = deployment.unset(&["AWS_CONTAINER_AUTHORIZATION_TOKEN"]).set_all(eks).start().await;

    let path = file.to_str().unwrap();
    let words = ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path, "cannot be read"];
    function.fails(&call("job-0"), "refused", &words).await;
    std::fs::write(&file, "yesterday's").unwrap();
    function.fails(&call("job-1"), "refused", &[PLACE, "403", "AWS_CONTAINER_AUTHORIZATION_TOKEN"]).await;
    std::fs::write(&file, format!("{right}\n")).unwrap();
    function.fails(&call("job-2"), "refused", &["the trust policy is missing"]).await;
    assert_eq!((fetches(&function), function.exchanges()), (2, 1), "the proof was had");
}

#[tokio::test]
async fn every_answer_of_the_endpoint_has_its_class_and_its_next_step() {
    let any = || Fault::on_any(ENDPOINT);
    let role = "does this task have a role?";
    let table: &[(Fault, &str, &[&str])] = &[
        (any().html(), "refused", &["something else", role]),
        (any().garbage(), "refused", &["something else", role]),
        (any().body("{\"AccessKeyId\":\"AKIA\"}"), "refused", &["something else", role]),
        (any().status(400).body("{\"code\":\"x\"}"), "refused", &["400", role]),
        (any().status(401), "refused", &["401", "AWS_CONTAINER_AUTHORIZATION_TOKEN"]),
        (any().html().status(404), "refused", &["404", role]),
        (any().status(429), "deferred", &["429", "deliver the event again"]),
        (any().status(500), "deferred", &["500", "deliver the event again"]),
        (any().html().status(503), "deferred", &["503", "Unexpected", "deliver the event again"]),
        (any().reset(), "deferred", &["broke off"]),
    ];
    let function = task(&many_jobs(table.len())).await.start().await;
    for (index, (fault, class, words)) in table.iter().enumerate() {
        let faults = function.sandbox.identity.aws.containers.faults();
        faults.inject(fault.clone().always());
        let error = function.fails(&call(&format!("job-{index}")), class, words).await;
        assert!(error.message.contains(PLACE), "{error}");
        faults.clear();
    }
    assert_eq!(function.sandbox.trace.hops_of("aws-sts").len(), 0, "nothing was signed");
}

#[tokio::test]
async fn an_endpoint_that_is_not_there_is_refused_and_one_that_hangs_is_deferred() {
    let nowhere = task(ALARM).await.set("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/v1");
    let words = [PLACE, "could not be reached", "does this task have a role?"];
    nowhere.start().await.fails(&alarm("e1", 1, "ALARM"), "refused", &words).await;

    let function = task(ALARM).await.timeout(Duration::from_millis(1200)).start().await;
    function.sandbox.identity.aws.containers.faults().inject(Fault::on_any(ENDPOINT).hang());
    function.fails(&alarm("e1", 1, "ALARM"), "deferred", &[PLACE, "deliver it again"]).await;
}

#[tokio::test]
async fn an_instance_fetches_its_credentials_once_while_they_last() {
    let function = instance(&exchanging()).await.start().await;
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
    assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, "updated");
    let hops = function.sandbox.trace.hops_of("aws-instance");
    let methods: Vec<&str> = hops.iter().map(|hop| hop.method.as_str()).collect();
    assert_eq!(methods, ["PUT", "GET", "GET"], "a session token, the role, its credentials");
    let record = function.exchange("alarm-to-issue").await;
    assert_eq!(record["sub"], json!(function.sandbox.identity.aws.instance_subject()));
}

#[tokio::test]
async fn every_answer_of_an_instances_metadata_has_its_class_and_its_next_step() {
    const TOKEN: &str = "/latest/api/token";
    const ROLES: &str = "/latest/meta-data/iam/security-credentials/";
    let role = "does this instance have a role";
    let of_role = || Fault::on_any(&format!("{ROLES}*e"));
    let failed = json!({ "Code": "AssumeRoleUnauthorizedAccess", "Message": "x" }).to_string();
    let table: &[(Fault, &str, &[&str])] = &[
        (Fault::on_any(TOKEN).status(403), "refused", &["403", "turned off"]),
        (Fault::on_any(TOKEN).status(404), "refused", &["404", role]),
        (Fault::on_any(TOKEN).html(), "refused", &["no session token", role]),
        (Fault::on_any(TOKEN).status(503), "deferred", &["503", "deliver the event again"]),
        (Fault::on_any(TOKEN).hang(), "deferred", &["has not answered in time", "hop limit"]),
        (Fault::on_any(ROLES).status(404), "refused", &["404", role]),
        (Fault::on_any(ROLES).status(401), "refused", &["401", role]),
        (Fault::on_any(ROLES).body("../../x"), "refused", &["no role's name"]),
        (of_role().body(failed), "refused", &["AssumeRoleUnauthorizedAccess", role]),
        (of_role().body("{\"Code\":\"Success\"}"), "refused", &["Success", role]),
        (of_role().garbage(), "refused", &["something else", role]),
    ];
    let function = instance(&many_jobs(table.len())).await.start().await;
    for (index, (fault, class, words)) in table.iter().enumerate() {
        let faults = function.sandbox.identity.aws.instances.faults();
        faults.inject(fault.clone().always());
        let error = function.fails(&call(&format!("job-{index}")), class, words).await;
        assert!(error.message.contains("EC2's instance metadata"), "{error}");
        faults.clear();
    }
    assert_eq!(function.sandbox.trace.hops_of("aws-sts").len(), 0, "nothing was signed");
}

#[tokio::test]
async fn a_pod_takes_its_role_with_the_token_in_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    let deployment = elsewhere(&many_jobs(5), Aws::pod_subject, |aws| aws.env_irsa(&file)).await;
    let sandbox = Arc::clone(&deployment.sandbox);
    let aws = &sandbox.identity.aws;
    let function = deployment.start().await;
    let words = ["AWS_WEB_IDENTITY_TOKEN_FILE", "cannot be read"];
    function.fails(&call("job-0"), "refused", &words).await;
    let stranger = aws.cluster().forge(json!({ "iss": aws.cluster().url(), "aud": "sts.amazonaws.com" }));
    for (job, token, words) in [
        ("job-1", String::new(), ["AWS_WEB_IDENTITY_TOKEN_FILE", "is empty"]),
        ("job-2", aws.web_identity(-1), ["AssumeRoleWithWebIdentity", "in the file has expired"]),
        ("job-3", stranger.signed_by_stranger(), ["InvalidIdentityToken", "check that IAM knows its issuer"]),
    ] {
        std::fs::write(&file, token).unwrap();
        function.fails(&call(job), "refused", &words).await;
    }
    std::fs::write(&file, format!("{}\n", aws.web_identity(600))).unwrap();
    function.fails(&call("job-4"), "refused", &["the trust policy is missing"]).await;
    let record = function.exchange("job-4").await;
    assert_eq!(record["sub"], json!(aws.pod_subject()), "the proof was had");
}

#[tokio::test]
async fn credentials_that_expired_too_early_are_fetched_once_more() {
    let function = instance(&exchanging()).await.start().await;
    let aws = &function.sandbox.identity.aws;
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
    let expired = "<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>";
    aws.sts.faults().inject(Fault::on_any("/").status(403).body(expired));
    assert_eq!(function.status(&alarm("e2", 2, "ALARM")).await, "updated");
    assert_eq!(function.sandbox.trace.hops_of("aws-instance").len(), 6);
    aws.sts.faults().inject(Fault::on_any("/").status(403).body(expired).times(2));
    function.fails(&alarm("e3", 3, "ALARM"), "refused", &["ExpiredToken", "may have expired"]).await;
    assert_eq!(function.sandbox.trace.hops_of("aws-instance").len(), 9, "once more, and not again");
}

#[tokio::test]
async fn without_a_way_to_credentials_or_a_region_it_does_not_start() {
    let lambda = || Deployment::new(ALARM);
    let regions = ["AWS_REGION", "AWS_DEFAULT_REGION"];
    let uri = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    let table = [
        (lambda().await.unset(&regions), "AWS_REGION is not set"),
        (lambda().await.unset(&LAMBDA_ONLY).set("AWS_EC2_METADATA_DISABLED", "true"), "no AWS credentials"),
        (lambda().await.unset(&LAMBDA_ONLY[1..]), "AWS_SECRET_ACCESS_KEY"),
        (lambda().await.unset(&LAMBDA_ONLY).set(uri, "http://10.0.0.1/x"), uri),
        (lambda().await.set("AWS_ENDPOINT_URL_STS", "http://sts.example.com"), "AWS_ENDPOINT_URL_STS"),
    ];
    for (deployment, words) in table {
        let messages = deployment.start_error().await;
        assert!(messages.len() == 1 && messages[0].contains(words), "{words}: {messages:?}");
    }
}
