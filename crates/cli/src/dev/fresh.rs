//! Samples made fresh: every one that is sent is an event of its own.

use gatepass_sandbox::hosts::webhook::Webhook;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::stage::random;
use crate::samples;

/// The sample alarm, as if it had happened now.
pub(super) fn alarm(change: Option<&Value>) -> Result<Value, String> {
    let now = Timestamp::now();
    let mut event: Value = serde_json::from_str(samples::ALARM).map_err(|error| error.to_string())?;
    let since = now.strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string();
    let fresh = json!({
        "id": id()?,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "detail": { "state": { "timestamp": since } },
    });
    merge(&mut event, &fresh);
    change.into_iter().for_each(|change| merge(&mut event, change));
    Ok(event)
}

/// The sample webhook of this name, as in `release.published`, as if it had happened now: its bytes decide its
/// identity.
pub(super) fn webhook(name: &str, change: Option<&Value>) -> Result<Webhook, String> {
    let (_, text) =
        samples::WEBHOOKS.into_iter().find(|(known, _)| *known == name).ok_or("there is no such sample")?;
    let mut body = samples::parse(text)?.data;
    merge(&mut body, &json!({ "repository": { "pushed_at": Timestamp::now() } }));
    change.into_iter().for_each(|change| merge(&mut body, change));
    Ok(Webhook::new(name.split('.').next().unwrap_or_default(), &body))
}

/// A new id.
pub(super) fn id() -> Result<String, String> {
    let hex = random().map_err(|_| "the system gives no random numbers")?;
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    Ok([part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-"))
}

/// Changes `target` as a JSON Merge Patch (RFC 7396) does.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Value::Object(target) = target else { return };
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7396, appendix A.
    #[test]
    fn a_merge_patch_does_what_the_rfc_says() {
        for (target, patch, expected) in [
            (json!({"a":"b"}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":"b"}), json!({"b":"c"}), json!({"a":"b","b":"c"})),
            (json!({"a":"b"}), json!({"a":null}), json!({})),
            (json!({"a":["b"]}), json!({"a":"c"}), json!({"a":"c"})),
            (json!({"a":{"b":"c"}}), json!({"a":{"b":"d","c":null}}), json!({"a":{"b":"d"}})),
            (json!(["a"]), json!({"a":{"b":{"c":null}}}), json!({"a":{"b":{}}})),
            (json!({"a":"b"}), json!(["c"]), json!(["c"])),
        ] {
            let mut changed = target.clone();
            merge(&mut changed, &patch);
            assert_eq!(changed, expected, "{target} {patch}");
        }
    }

    #[test]
    fn every_alarm_is_a_new_one_unless_it_is_said_otherwise() {
        let (one, two) = (alarm(None).unwrap(), alarm(None).unwrap());
        assert_ne!(one["id"], two["id"]);
        assert_eq!(
            one["id"].as_str().unwrap().split('-').map(str::len).collect::<Vec<_>>(),
            [8, 4, 4, 4, 12]
        );
        let over = alarm(Some(&json!({"id": "1", "detail": {"state": {"value": "OK"}}}))).unwrap();
        assert_eq!((&over["id"], &over["detail"]["state"]["value"]), (&json!("1"), &json!("OK")));
        assert_eq!(over["detail"]["alarmName"], "checkout-latency");
    }
}
