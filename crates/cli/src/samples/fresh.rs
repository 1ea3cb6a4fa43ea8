//! Samples made fresh: every one that is sent is an event of its own.

use gatepass_core::names::JobId;
use jiff::Timestamp;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Value, json};

use super::kinds::Kind;

/// What is new in every event that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stamp {
    /// An id.
    Id,
    /// An id of digits, the same wherever it stands.
    Number,
    /// Now, as RFC 3339 has it.
    Rfc3339,
    /// Now, in whole seconds.
    Second,
    /// Now, as CloudWatch writes it.
    Wallclock,
}

/// The job that samples speak of, where they speak of one.
const JOB: &str = "nightly";

impl Kind {
    /// What is sent of the sample, as if it had happened now, for `job` where it speaks of one, and then changed by `change`, a
    /// JSON Merge Patch.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub(crate) fn fresh(&self, job: Option<&JobId>, change: Option<&Value>) -> Result<Value, String> {
        let text = job.map_or_else(|| self.text.to_owned(), |job| self.text.replace(JOB, job.as_str()));
        let sample = serde_json::from_str(&text).map_err(|error| error.to_string())?;
        let mut payload = self.payload(sample);
        let now = Timestamp::now();
        let number = number()?;
        for (pointer, stamp) in self.stamps {
            let value = match stamp {
                Stamp::Id => json!(within(&payload, pointer, &id()?)),
                Stamp::Number => json!(number.to_string()),
                Stamp::Rfc3339 => json!(now.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()),
                Stamp::Second => json!(now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
                Stamp::Wallclock => json!(now.strftime("%Y-%m-%dT%H:%M:%S%.3f+0000").to_string()),
            };
            put(&mut payload, pointer, value);
        }
        change.into_iter().for_each(|change| merge(&mut payload, change));
        Ok(payload)
    }
}

/// Of an id that is a path, only the last part is new.
fn within(payload: &Value, pointer: &str, id: &str) -> String {
    match payload.pointer(pointer).and_then(Value::as_str).and_then(|old| old.rsplit_once('/')) {
        Some((path, _)) => format!("{path}/{id}"),
        None => id.to_owned(),
    }
}

/// Sets a field of an object.
fn put(payload: &mut Value, pointer: &str, value: Value) {
    let Some((parent, name)) = pointer.rsplit_once('/') else { return };
    if let Some(Value::Object(parent)) = payload.pointer_mut(parent) {
        parent.insert(name.to_owned(), value);
    }
}

fn random<const N: usize>() -> Result<[u8; N], String> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| "the system gives no random numbers")?;
    Ok(bytes)
}

fn number() -> Result<u64, String> {
    random().map(u64::from_be_bytes)
}

/// A new id.
fn id() -> Result<String, String> {
    let bytes: [u8; 16] = random()?;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    Ok([part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-"))
}

/// Changes `target` as a JSON Merge Patch (RFC 7396) does.
pub(crate) fn merge(target: &mut Value, patch: &Value) {
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
    use super::super::kinds::KINDS;
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
    fn every_one_with_an_id_is_a_new_one_unless_it_is_said_otherwise() {
        for kind in KINDS.iter().filter(|kind| kind.stamps.iter().any(|(_, stamp)| *stamp == Stamp::Id)) {
            assert_ne!(kind.fresh(None, None).unwrap(), kind.fresh(None, None).unwrap(), "{}", kind.name);
        }
        let alarm = Kind::named("alarm").unwrap();
        let id = alarm.fresh(None, None).unwrap()["id"].as_str().unwrap().to_owned();
        assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        let over =
            alarm.fresh(None, Some(&json!({"id": "1", "detail": {"state": {"value": "OK"}}}))).unwrap();
        assert_eq!((&over["id"], &over["detail"]["state"]["value"]), (&json!("1"), &json!("OK")));
        assert_eq!(over["detail"]["alarmName"], "checkout-latency");
    }

    #[test]
    fn ids_are_the_same_where_they_name_the_same_and_differ_where_they_do_not() {
        let pushed = Kind::named("pubsub").unwrap().fresh(None, None).unwrap();
        assert_eq!(pushed["message"]["messageId"], pushed["message"]["message_id"]);
        let batch = Kind::named("sqs").unwrap().fresh(None, None).unwrap();
        assert_ne!(batch["Records"][0]["messageId"], batch["Records"][1]["messageId"]);
        let alert = Kind::named("azure-alert").unwrap().fresh(None, None).unwrap();
        let id = alert["data"]["essentials"]["alertId"].as_str().unwrap();
        assert!(id.starts_with("/subscriptions/") && !id.ends_with("83a997729330"), "{id}");
    }

    #[test]
    fn a_sample_that_speaks_of_a_job_speaks_of_the_one_that_is_asked_for() {
        let job = "weekly".parse().unwrap();
        let fresh = |kind: &str| Kind::named(kind).unwrap().fresh(Some(&job), None).unwrap();
        assert_eq!(fresh("call")["job"], "weekly");
        assert_eq!(fresh("function-url")["rawPath"], "/jobs/weekly");
        assert_eq!(fresh("api-gateway")["pathParameters"]["proxy"], "jobs/weekly");
        assert_eq!(fresh("load-balancer")["path"], "/jobs/weekly");
    }
}
