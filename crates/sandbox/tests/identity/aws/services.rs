//! AWS: queues, secrets and parameters.

use std::time::Duration;

use gatepass_sandbox::hosts::HttpAnswer;
use gatepass_sandbox::identity::aws::{Aws, REGION};
use gatepass_sandbox::trace::Trace;
use serde_json::{Value, json};

use super::signed_for;
use crate::support::{notes, send};

const SQS: (&str, &str) = ("sqs", "application/x-amz-json-1.0");
const SECRETS: (&str, &str) = ("secretsmanager", "application/x-amz-json-1.1");
const SSM: (&str, &str) = ("ssm", "application/x-amz-json-1.1");

async fn call(
    aws: &Aws,
    (service, media): (&str, &str),
    url: &str,
    target: &str,
    body: &Value,
) -> HttpAnswer {
    let headers = [("content-type", media), ("x-amz-target", target)];
    let call = signed_for(service, &headers, url, &body.to_string(), &aws.credentials(), REGION);
    send(url, call).await
}

async fn sqs(aws: &Aws, action: &str, body: Value) -> HttpAnswer {
    call(aws, SQS, aws.sqs.url(), &format!("AmazonSQS.{action}"), &body).await
}

fn code(answer: &HttpAnswer) -> String {
    let json = answer.json();
    let kind = json["__type"].as_str().unwrap_or_default();
    kind.rsplit('#').next().unwrap_or_default().to_owned()
}

fn url(aws: &Aws, arn: &str) -> String {
    format!("{}/111122223333/{}", aws.sqs.url(), arn.rsplit(':').next().unwrap())
}

#[tokio::test]
async fn a_message_is_sent_received_held_back_and_deleted() {
    let trace = Trace::new();
    let aws = Aws::start(trace.clone()).await.unwrap();
    let arn = aws.sqs.create("work");
    let url = url(&aws, &arn);
    assert_eq!(arn, "arn:aws:sqs:eu-west-1:111122223333:work");
    for (body, delay) in [("a", json!(0)), ("b", json!(60))] {
        let sent = json!({ "QueueUrl": url, "MessageBody": body, "DelaySeconds": delay });
        assert_eq!(sqs(&aws, "SendMessage", sent).await.status, 200);
    }
    let batch = aws.sqs.receive(&arn, 10).unwrap();
    let event = batch.event();
    let record = &event["Records"][0];
    assert_eq!(
        (batch.ids().len(), &record["body"], &record["eventSourceARN"]),
        (1, &json!("a"), &json!(arn))
    );
    assert!(aws.sqs.receive(&arn, 10).is_none(), "one is in flight, the other is delayed");

    let hold = |receipt: &Value, seconds: i64| json!({ "QueueUrl": url, "ReceiptHandle": receipt, "VisibilityTimeout": seconds });
    let receipt = &record["receiptHandle"];
    assert_eq!(sqs(&aws, "ChangeMessageVisibility", hold(receipt, 7200)).await.status, 200);
    assert_eq!(code(&sqs(&aws, "ChangeMessageVisibility", hold(&json!("x"), 1)).await), "MessageNotInflight");
    assert_eq!(
        code(&sqs(&aws, "ChangeMessageVisibility", hold(receipt, 43_201)).await),
        "InvalidParameterValue"
    );
    assert!((7198..=7200).contains(&aws.sqs.invisible_for(&aws.sqs.messages(&arn)[0])));
    aws.sqs.pass(Duration::from_secs(61));
    let second = aws.sqs.receive(&arn, 10).unwrap();
    aws.sqs.settle(&second, Some(&json!({ "batchItemFailures": [] })));
    assert_eq!(aws.sqs.messages(&arn).len(), 1, "the first is still held back");
    aws.sqs.pass(Duration::from_secs(7200));
    let again = aws.sqs.receive(&arn, 10).unwrap();
    assert_eq!(again.event()["Records"][0]["attributes"]["ApproximateReceiveCount"], "2");
    let failed = json!({ "batchItemFailures": [{ "itemIdentifier": again.ids()[0] }] });
    let unknown = json!({ "batchItemFailures": [{ "itemIdentifier": "" }] });
    for answer in [Some(&failed), Some(&unknown), None] {
        aws.sqs.settle(&again, answer);
        assert_eq!(aws.sqs.messages(&arn).len(), 1);
    }
    aws.sqs.settle(&again, Some(&json!({})));
    assert!(aws.sqs.messages(&arn).is_empty());
    assert_eq!(notes(&trace, "aws-sqs")[0], "SigV4 verified; message on work, delay 0 s");
}

#[tokio::test]
async fn what_is_wrong_with_a_message_is_refused_by_name() {
    let aws = Aws::start(Trace::new()).await.unwrap();
    let (plain, fifo) = (url(&aws, &aws.sqs.create("q")), url(&aws, &aws.sqs.create("q.fifo")));
    aws.sqs.set_longest("q", 4);
    let wrong = "InvalidParameterValue";
    for (body, expected) in [
        (json!({ "QueueUrl": format!("{plain}x"), "MessageBody": "a" }), "QueueDoesNotExist"),
        (json!({ "QueueUrl": plain }), "MissingParameter"),
        (json!({ "QueueUrl": plain, "MessageBody": "" }), "MissingParameter"),
        (json!({ "QueueUrl": plain, "MessageBody": "12345" }), wrong),
        (json!({ "QueueUrl": plain, "MessageBody": "a", "DelaySeconds": 901 }), wrong),
        (json!({ "QueueUrl": plain, "MessageBody": "a", "MessageDeduplicationId": "d" }), wrong),
        (json!({ "QueueUrl": plain, "MessageBody": "a", "Delay": 1 }), "SerializationException"),
        (json!({ "QueueUrl": fifo, "MessageBody": "a", "MessageDeduplicationId": "d" }), "MissingParameter"),
        (json!({ "QueueUrl": fifo, "MessageBody": "a", "MessageGroupId": "g" }), "MissingParameter"),
        (
            json!({ "QueueUrl": fifo, "MessageBody": "a", "MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 1 }),
            wrong,
        ),
    ] {
        let answer = sqs(&aws, "SendMessage", body).await;
        assert_eq!((answer.status, code(&answer).as_str()), (400, expected), "{}", answer.text());
    }
    assert_eq!(
        code(&sqs(&aws, "PurgeQueue", json!({ "QueueUrl": plain })).await),
        "UnknownOperationException"
    );
    assert!(aws.sqs.messages("q").is_empty() && aws.sqs.messages("q.fifo").is_empty());
}

#[tokio::test]
async fn a_fifo_queue_keeps_its_order_and_takes_the_same_once() {
    let aws = Aws::start(Trace::new()).await.unwrap();
    let arn = aws.sqs.create("q.fifo");
    let url = url(&aws, &arn);
    for (body, group, id) in [("1", "a", "x"), ("2", "a", "y"), ("3", "b", "z"), ("1", "a", "x")] {
        let sent = json!({ "QueueUrl": url, "MessageBody": body, "MessageGroupId": group, "MessageDeduplicationId": id });
        assert_eq!(sqs(&aws, "SendMessage", sent).await.status, 200);
    }
    assert_eq!(aws.sqs.messages(&arn).len(), 3);
    let first = aws.sqs.receive(&arn, 1).unwrap();
    let others = aws.sqs.receive(&arn, 10).unwrap();
    assert_eq!(others.event()["Records"][0]["body"], "3", "the group of the first is held up");
    assert_eq!(first.event()["Records"][0]["attributes"]["MessageGroupId"], "a");
}

#[tokio::test]
async fn what_is_received_too_often_is_dead() {
    let aws = Aws::start(Trace::new()).await.unwrap();
    let arn = aws.sqs.create("q");
    let dead = aws.sqs.create_dead_letters(&arn, 2);
    aws.sqs.put(&arn, "poison", None);
    for _ in 0..2 {
        assert!(aws.sqs.receive(&arn, 1).is_some());
        aws.sqs.pass(Duration::from_secs(31));
    }
    assert!(aws.sqs.receive(&arn, 1).is_none());
    assert_eq!((aws.sqs.messages(&arn).len(), aws.sqs.messages(&dead)[0].body.as_str()), (0, "poison"));
}

#[tokio::test]
async fn a_request_that_is_not_signed_for_the_service_is_refused() {
    let aws = Aws::start(Trace::new()).await.unwrap();
    let arn = aws.sqs.create("q");
    let body = json!({ "QueueUrl": url(&aws, &arn), "MessageBody": "a" });
    let target = "AmazonSQS.SendMessage";
    for (protocol, target, expected) in [
        (("ssm", SQS.1), target, "InvalidSignatureException"),
        (("sqs", SSM.1), target, "UnknownOperationException"),
        (SQS, "AmazonSSM.SendMessage", "UnknownOperationException"),
    ] {
        let answer = call(&aws, protocol, aws.sqs.url(), target, &body).await;
        assert_eq!(code(&answer), expected, "{}", answer.text());
    }
    let headers = [("content-type", SQS.1), ("x-amz-target", target)];
    for (region, seconds, expected) in
        [("us-east-1", 600, "InvalidSignatureException"), (REGION, 0, "ExpiredTokenException")]
    {
        aws.set_session_seconds(seconds);
        let call = signed_for("sqs", &headers, aws.sqs.url(), &body.to_string(), &aws.credentials(), region);
        assert_eq!(code(&send(aws.sqs.url(), call).await), expected);
    }
    assert!(aws.sqs.messages(&arn).is_empty());
}

#[tokio::test]
async fn secrets_and_parameters_are_found_by_name_and_by_arn() {
    let aws = Aws::start(Trace::new()).await.unwrap();
    let (secret, parameter) = (aws.secrets.put("hook", "one"), aws.parameters.put("/gatepass/hook", "two"));
    for id in ["hook", &secret] {
        let body = json!({ "SecretId": id });
        let answer = call(&aws, SECRETS, aws.secrets.url(), "secretsmanager.GetSecretValue", &body).await;
        assert_eq!((&answer.json()["SecretString"], &answer.json()["ARN"]), (&json!("one"), &json!(secret)));
    }
    for id in ["/gatepass/hook", &parameter] {
        for (decrypted, expected) in [(true, json!("two")), (false, json!("ZW5jcnlwdGVkIHR3bw=="))] {
            let body = json!({ "Name": id, "WithDecryption": decrypted });
            let answer = call(&aws, SSM, aws.parameters.url(), "AmazonSSM.GetParameter", &body).await;
            assert_eq!(answer.json()["Parameter"]["Value"], expected);
        }
    }
    aws.secrets.put_binary("hook", b"\x01three");
    let body = json!({ "SecretId": "hook" });
    let answer = call(&aws, SECRETS, aws.secrets.url(), "secretsmanager.GetSecretValue", &body).await;
    assert_eq!(answer.json()["SecretBinary"], "AXRocmVl");
    let absent =
        call(&aws, SECRETS, aws.secrets.url(), "secretsmanager.GetSecretValue", &json!({ "SecretId": "x" }))
            .await;
    assert_eq!(code(&absent), "ResourceNotFoundException");
    let absent =
        call(&aws, SSM, aws.parameters.url(), "AmazonSSM.GetParameter", &json!({ "Name": "x" })).await;
    assert_eq!(code(&absent), "ParameterNotFound");
}
