//! What SNS and CloudWatch invoke the function with.

use serde_json::{Value, json};

use crate::samples::REPOSITORY;
use crate::support::Function;

const CONFIG: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  deployed:
    triggers: [{ event: { source: "arn:aws:sns:eu-west-1:111122223333:deployments", type: sns } }]
    open_issue: { key: ["{{ event.data.version }}"], title: "Deployed {{ event.data.version }} by {{ event.attributes.team }}" }
  notified:
    triggers: [{ event: { source: aws.cloudwatch, type: CloudWatch Alarm Notification } }]
    open_issue:
      key: ["{{ event.data.AlarmArn }}"]
      state: "{{ 'closed' if event.data.NewStateValue == 'OK' else 'open' }}"
      title: "Alarm: {{ event.data.AlarmName }}"
  acted:
    triggers: [{ event: { source: aws.cloudwatch, type: CloudWatch Alarm Action } }]
    open_issue:
      key: ["{{ event.data.alarmArn }}"]
      state: "{{ 'closed' if event.data.alarmData.state.value == 'OK' else 'open' }}"
      title: "Action: {{ event.data.alarmData.alarmName }}"
"#;

fn notification(id: &str, minute: u32, message: &Value) -> Value {
    json!({ "Records": [{
        "EventSource": "aws:sns", "EventVersion": "1.0",
        "EventSubscriptionArn": "arn:aws:sns:eu-west-1:111122223333:deployments:21be56ed-a058-49f5-8c98-aedd2564c486",
        "Sns": {
            "Type": "Notification", "MessageId": id, "TopicArn": "arn:aws:sns:eu-west-1:111122223333:deployments",
            "Subject": null, "Message": message.to_string(), "Timestamp": format!("2026-11-20T09:{minute:02}:28.012Z"),
            "SignatureVersion": "1", "Signature": "x", "SigningCertUrl": "x", "UnsubscribeUrl": "x",
            "MessageAttributes": {"team": {"Type": "String", "Value": "ops"}},
        },
    }]})
}

fn titles(function: &Function) -> Vec<String> {
    function.sandbox.github.open_issues(REPOSITORY).into_iter().map(|issue| issue.title).collect()
}

#[tokio::test]
async fn a_notification_is_an_event_of_its_topic() {
    let function = Function::start(CONFIG).await;
    let event = notification("m1", 1, &json!({ "version": "v1.2.3" }));
    assert_eq!(function.status(&event).await, "created");
    assert_eq!(function.status(&event).await, "unchanged");
    assert_eq!(titles(&function), ["Deployed v1.2.3 by ops"]);
}

#[tokio::test]
async fn an_alarm_in_a_notification_opens_and_closes_one_issue() {
    let function = Function::start(CONFIG).await;
    let alarm = |state: &str| {
        json!({
            "AlarmName": "cpu", "AlarmArn": "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:cpu", "NewStateValue": state,
            "StateChangeTime": "2026-11-20T09:21:28.012+0000", "NewStateReason": "Threshold crossed",
        })
    };
    assert_eq!(function.status(&notification("m1", 1, &alarm("ALARM"))).await, "created");
    assert_eq!(titles(&function), ["Alarm: cpu"]);
    assert_eq!(function.status(&notification("m2", 2, &alarm("OK"))).await, "closed");
}

#[tokio::test]
async fn an_alarm_that_invokes_the_function_itself_opens_and_closes_one_issue() {
    let function = Function::start(CONFIG).await;
    let action = |minute: u32, state: &str| {
        let time = format!("2026-11-20T09:{minute:02}:28.490+0000");
        json!({
            "source": "aws.cloudwatch", "alarmArn": "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:cpu",
            "accountId": "111122223333", "time": time, "region": "eu-west-1",
            "alarmData": {"alarmName": "cpu", "state": {"value": state, "reason": "test", "timestamp": time}},
        })
    };
    assert_eq!(function.status(&action(1, "ALARM")).await, "created");
    assert_eq!(function.status(&action(1, "ALARM")).await, "unchanged");
    assert_eq!(titles(&function), ["Action: cpu"]);
    assert_eq!(function.status(&action(2, "OK")).await, "closed");
    assert_eq!(function.status(&action(1, "ALARM")).await, "ignored", "it is older");
}
