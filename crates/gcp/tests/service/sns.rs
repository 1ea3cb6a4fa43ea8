//! Messages of Amazon SNS over HTTPS: notifications, subscriptions, and what must not pass for them.

use gatepass_sandbox::hosts::{HttpAnswer, HttpCall};
use gatepass_sandbox::issuer::Key;
use gatepass_sandbox::sns::{Certificate, Message, Sns, TOPIC};
use serde_json::json;

use crate::support::{REPOSITORY, Service, Setup, assert_problem, status};

const CONFIG: &str = "
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
callers:
  alarms: { sns: { topics: ['TOPIC'] } }
  grid: { oidc: { issuer: ISSUER, audience: [https://jobs.example.com], subject: '1' }, may_send: [a.bucket] }
jobs:
  notice:
    triggers: [{ event: { source: 'TOPIC' } }]
    open_issue: { key: ['{{ event.id }}'], title: '{{ event.type }}: {{ event.data }}', body: '{{ event.subject }}' }
  alarm:
    triggers: [{ event: { source: aws.cloudwatch } }, { event: { source: a.bucket } }]
    open_issue: { key: ['{{ event.id }}'], title: '{{ event.type }}' }
";

async fn start() -> (Service, Sns) {
    start_with(
        &CONFIG
            .replace("aws.cloudwatch", "a.second.bucket")
            .replace("[a.bucket]", "[a.bucket, a.second.bucket]"),
    )
    .await
}

async fn start_with(config: &str) -> (Service, Sns) {
    let setup = Setup::new().await;
    let sns = Sns::start(setup.sandbox.trace.clone()).await.unwrap();
    let [(name, url)] = sns.env();
    (setup.env(&name, url).start(&config.replace("TOPIC", TOPIC)).await, sns)
}

impl Service {
    async fn hear(&self, sns: &Sns, message: &Message) -> HttpAnswer {
        self.send(sns.call("/events", message)).await
    }

    fn assert_nobody_asked(&self, what: &str) {
        assert!(!self.hops().contains(&"sns"), "{what}:\n{}", self.sandbox.trace);
        self.assert_untouched(what);
    }
}

#[tokio::test]
async fn a_notification_is_an_event_of_its_topic_once() {
    let (service, sns) = start().await;
    let message = Sns::notification("the build is broken");
    for expected in ["created", "unchanged"] {
        let answer = service.hear(&sns, &message).await;
        assert_eq!(status(&answer), expected, "{}", answer.text());
    }
    let issues = service.sandbox.github.issues(REPOSITORY);
    assert_eq!((issues.len(), issues[0].title.as_str()), (1, "sns: the build is broken"));
    assert!(issues[0].body.as_ref().unwrap().contains("sandbox"), "the subject");
    let fetched = service.sandbox.trace.hops().iter().filter(|hop| hop.service == "sns").count();
    assert_eq!(fetched, 1, "a certificate is fetched once");
}

#[tokio::test]
async fn a_subscription_of_a_listed_topic_is_confirmed_and_its_end_is_told() {
    let (service, sns) = start().await;
    let answer = service.hear(&sns, &Sns::confirmation("token-1")).await;
    assert_eq!((answer.status, answer.json()), (200, json!({"results": []})));
    assert_eq!(sns.confirmed(), ["token-1"]);
    let record = service.record("a subscription of SNS was confirmed", |_| true).await;
    assert_eq!(record["topic"], TOPIC);
    let end = Sns::confirmation("token-2").with("Type", "UnsubscribeConfirmation");
    assert_eq!(service.hear(&sns, &end).await.status, 200);
    service
        .record("this endpoint is no longer subscribed to a topic of SNS", |line| line["topic"] == TOPIC)
        .await;
    assert_eq!(sns.confirmed(), ["token-1"], "who unsubscribes is not subscribed again");
    service.assert_untouched("subscriptions");
}

#[tokio::test]
async fn what_a_stranger_can_say_makes_us_ask_nobody() {
    let (service, sns) = start().await;
    let other = "arn:aws:sns:eu-central-1:111122223333:others";
    let unlisted = Sns::confirmation("t").with("TopicArn", other).with(
        "SubscribeURL",
        &format!(
            "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn={other}&Token=t"
        ),
    );
    for message in [Sns::notification("x").with("TopicArn", other), unlisted] {
        let answer = service.hear(&sns, &message).await;
        assert_problem(&answer, 401, "untrusted", &["the log says why"]);
        assert!(!answer.text().contains("others"), "{}", answer.text());
        let record = service.record_of(&answer.json()["correlation_id"]).await;
        assert!(record["details"].as_str().unwrap().contains(other), "{record}");
    }
    let notification = || Sns::notification("x");
    for (message, words) in [
        (notification().with("SignatureVersion", "1"), "set the topic's attribute SignatureVersion to 2"),
        (notification().with("SignatureVersion", "3"), "not of version 2"),
        (notification().with("Timestamp", "2026-01-01T00:00:00.000Z"), "older than SNS tries to deliver it"),
        (notification().with("SigningCertURL", "https://evil.example/a.pem"), "its topic's own endpoint"),
        (
            notification().with("SigningCertURL", "http://sns.eu-central-1.amazonaws.com/a.pem"),
            "its topic's own endpoint",
        ),
        (
            notification().with("SigningCertURL", "https://sns.us-east-1.amazonaws.com/a.pem"),
            "its topic's own endpoint",
        ),
        (notification().with("Type", "Other"), "none that SNS has"),
        (notification().with("Timestamp", "now"), "its Timestamp"),
    ] {
        assert_problem(&service.hear(&sns, &message).await, 401, "untrusted", &[words]);
    }
    let right = sns.call("/events", &notification());
    let raw = right.clone().header("x-amz-sns-rawdelivery", "true").body("hello");
    assert_problem(&service.send(raw).await, 401, "untrusted", &["raw message delivery"]);
    let cut = HttpCall { body: right.body[..right.body.len() - 1].to_vec(), ..right.clone() };
    assert_problem(&service.send(cut).await, 401, "untrusted", &["not the JSON of a signed message"]);
    let another = right.clone().header("x-amz-sns-message-type", "SubscriptionConfirmation");
    assert_problem(&service.send(another).await, 401, "untrusted", &["is not its Type"]);
    service.assert_nobody_asked("messages of strangers");
}

#[tokio::test]
async fn what_sns_has_not_signed_is_refused() {
    let (service, sns) = start().await;
    let right = sns.call("/events", &Sns::notification("x"));
    let tampered =
        String::from_utf8(right.body.clone()).unwrap().replace("\"Message\":\"x\"", "\"Message\":\"y\"");
    assert_ne!(tampered.as_bytes(), right.body);
    let stranger = Sns::notification("x").call("/events", &Key::Stranger.load());
    for call in [HttpCall { body: tampered.into(), ..right.clone() }, stranger] {
        assert_problem(&service.send(call).await, 401, "untrusted", &["its signature is wrong"]);
    }
    for (certificate, words) in [
        (Certificate::Expired, "its certificate has expired"),
        (Certificate::Early, "its certificate is not valid yet"),
        (Certificate::OtherName, "its certificate is for another name"),
    ] {
        let message = Sns::notification("x").with("SigningCertURL", &certificate.url());
        assert_problem(&service.hear(&sns, &message).await, 401, "untrusted", &[words]);
    }
    let nowhere =
        Sns::notification("x").with("SigningCertURL", "https://sns.eu-central-1.amazonaws.com/none.pem");
    assert_problem(&service.hear(&sns, &nowhere).await, 401, "untrusted", &["there is no certificate"]);
    let elsewhere = "https://evil.example/?Action=ConfirmSubscription";
    let message = Sns::confirmation("t").with("SubscribeURL", elsewhere);
    assert_problem(&service.hear(&sns, &message).await, 401, "untrusted", &["its topic's own endpoint"]);
    assert!(sns.confirmed().is_empty());
    service.assert_untouched("messages that SNS has not signed");
    assert_eq!(service.send(right).await.status, 201);
}

#[tokio::test]
async fn an_alarm_inside_is_cloudwatchs_and_needs_its_own_permission() {
    let alarm =
        json!({"AlarmName": "cpu", "AlarmArn": "arn:x", "NewStateValue": "ALARM", "StateChangeTime": "t"})
            .to_string();
    let (service, sns) = start().await;
    let answer = service.hear(&sns, &Sns::notification(&alarm)).await;
    assert_problem(&answer, 403, "untrusted", &["aws.cloudwatch", "callers.alarms.may_send"]);
    service.assert_untouched("an alarm that this caller may not send");

    let config = CONFIG.replace("['TOPIC'] }", "['TOPIC'] }, may_send: [aws.cloudwatch, 'TOPIC']");
    let (service, sns) = start_with(&config).await;
    let answer = service.hear(&sns, &Sns::notification(&alarm)).await;
    assert_eq!(status(&answer), "created", "{}", answer.text());
    assert_eq!(service.sandbox.github.issues(REPOSITORY)[0].title, "CloudWatch Alarm Notification");
}

#[tokio::test]
async fn without_a_caller_for_it_sns_is_a_stranger() {
    let config = CONFIG
        .replace("  alarms: { sns: { topics: ['TOPIC'] } }\n", "")
        .replace("{ event: { source: 'TOPIC' } }", "{ event: { source: a.bucket } }")
        .replace("aws.cloudwatch", "a.bucket");
    let (service, sns) = start_with(&config).await;
    for message in [Sns::notification("x"), Sns::confirmation("t")] {
        assert_problem(&service.hear(&sns, &message).await, 401, "untrusted", &["the log says why"]);
    }
    service.assert_nobody_asked("messages that nobody expects");
}
