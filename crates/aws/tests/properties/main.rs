//! Nothing that Lambda may hand over makes the event's reader panic, or say what was in the event.
//!
//! What is checked stands in `checks`, which the fuzz target calls too (`fuzz/`).

mod checks;

use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

/// One payload of each kind, with what its reader looks at.
fn samples() -> Vec<Value> {
    let private = checks::PRIVATE;
    let record = json!({
        "messageId": "m", "receiptHandle": "r", "body": format!("{{\"a\":\"{private}\"}}"), "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-west-1:111122223333:q", "attributes": {"SentTimestamp": "1760000000000"},
        "messageAttributes": {}, "awsRegion": "eu-west-1",
    });
    let notification = json!({
        "EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": "arn:aws:sns:eu-west-1:111122223333:t:1",
        "Sns": {"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:eu-west-1:111122223333:t",
            "Subject": private, "Message": format!("{{\"AlarmName\":\"{private}\",\"NewStateValue\":\"OK\"}}"),
            "Timestamp": "2026-11-20T09:00:00.000Z", "MessageAttributes": {}},
    });
    let http = json!({"method": "POST", "path": "/hooks/j", "protocol": "HTTP/1.1", "sourceIp": "192.0.2.1"});
    vec![
        json!({"Records": [record]}),
        json!({"Records": [notification]}),
        json!({"version": "0", "id": "e", "detail-type": "t", "source": "s", "account": "1", "region": "r",
            "time": "2026-11-20T09:00:00Z", "resources": [], "detail": {"a": private}}),
        json!({"source": "aws.cloudwatch", "alarmArn": "arn:aws:cloudwatch:eu-west-1:111122223333:alarm:cpu", "accountId": "1",
            "time": "2026-11-20T09:00:00.000+0000", "region": "eu-west-1",
            "alarmData": {"alarmName": private, "state": {"value": "ALARM", "timestamp": "2026-11-20T09:00:00.000+0000"}}}),
        json!({"version": "2.0", "rawPath": "/hooks/j", "rawQueryString": "a=b", "headers": {"a": private}, "cookies": ["c=d"],
            "requestContext": {"requestId": "r", "http": http, "timeEpoch": 1}, "body": "e30=", "isBase64Encoded": true}),
        json!({"version": "1.0", "httpMethod": "POST", "path": "/hooks/j", "headers": {"a": private},
            "multiValueHeaders": {"a": [private]}, "queryStringParameters": null, "requestContext": {"identity": {}},
            "body": "{}", "isBase64Encoded": false}),
        json!({"httpMethod": "POST", "path": "/hooks/j", "headers": {"a": private}, "requestContext": {"elb": {}},
            "body": "{}", "isBase64Encoded": false}),
        json!({"job": "j", "input": {"a": private}, "scheduled_time": "2026-11-20T09:00:00Z", "execution_id": "x"}),
    ]
}

/// Every place of a value, as JSON pointers.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    let escaped = |name: &str| name.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(name, value)| places(value, &format!("{at}/{}", escaped(name)), all));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, value)| places(value, &format!("{at}/{index}"), all));
        }
        _ => {}
    }
}

/// What may stand in the place of something else.
fn other() -> impl Strategy<Value = Value> {
    let odd = [
        "",
        "2.0",
        "aws:sqs",
        "aws:sns",
        "xyzzy",
        "\u{0}",
        "-1",
        "9999-99-99T99:99:99Z",
        "253402300800000",
        "e30",
        "a b",
    ];
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        select(odd.to_vec()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([{"xyzzy": "xyzzy"}, null])),
        select(samples()),
    ]
}

proptest! {
    #[test]
    fn any_text(text in any::<String>()) {
        checks::event(&text);
    }

    #[test]
    fn any_event_with_something_else_in_its_places(
        mut sample in select(samples()),
        changes in prop::collection::vec((any::<Index>(), other()), 0..4),
    ) {
        for (place, other) in changes {
            let mut all = Vec::new();
            places(&sample, "", &mut all);
            *sample.pointer_mut(&all[place.index(all.len())]).unwrap() = other;
        }
        checks::event(&sample.to_string());
    }

    #[test]
    fn an_event_that_is_two_kinds_at_once(one in select(samples()), two in select(samples()), cut in any::<Index>()) {
        let (Value::Object(mut one), Value::Object(two)) = (one, two) else { panic!("they are objects") };
        one.extend(two);
        let text = Value::Object(one).to_string();
        checks::event(&text);
        // They are ASCII.
        checks::event(&text[..cut.index(text.len())]);
    }
}
