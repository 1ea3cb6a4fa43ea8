//! What is sent: the sample or a file, and what was changed in it.

use serde_json::{Value, json};

use super::job::Addressee;
use super::{Options, lambda, proof};
use crate::Stop;
use crate::samples::{self, Kind, Transport};

/// What is sent.
pub(super) fn of(kind: &Kind, to: &Addressee, options: &Options) -> Result<Vec<u8>, Stop> {
    let change = change(&options.set)?;
    let bearer = proof::bearer(options)?.filter(|_| kind.transport == Transport::Front);
    let mut value = match &options.file {
        None => kind.fresh(to.job(), change.as_ref()).map_err(Stop::Failed)?,
        Some(path) => {
            let bytes = samples::bytes_of(path).map_err(Stop::Failed)?;
            if change.is_none() && bearer.is_none() {
                return Ok(bytes);
            }
            let mut value = serde_json::from_slice(&bytes).map_err(|error| {
                Stop::Failed(format!("{path} is not JSON, so that nothing in it can be set: {error}"))
            })?;
            change.iter().for_each(|change| samples::merge(&mut value, change));
            value
        }
    };
    if let Some(bearer) = bearer {
        lambda::authorize(&mut value, &bearer);
    }
    // A tick carries nothing unless something is set.
    let is_empty_tick = kind.transport == Transport::Tick && options.file.is_none();
    match (is_empty_tick, change) {
        (true, None) => Ok(Vec::new()),
        (true, Some(change)) => Ok(change.to_string().into_bytes()),
        (false, _) => Ok(value.to_string().into_bytes()),
    }
}

/// All of `--set` as one JSON Merge Patch.
fn change(set: &[String]) -> Result<Option<Value>, Stop> {
    let mut change = None;
    for pair in set {
        let (path, text) = pair
            .split_once('=')
            .filter(|(path, _)| path.split('.').all(|name| !name.is_empty()))
            .ok_or_else(|| {
                Stop::Usage(format!("--set {pair}: write PATH=VALUE, as in detail.state.value=OK"))
            })?;
        let value = serde_json::from_str(text).unwrap_or_else(|_| json!(text));
        let patch = path.rsplit('.').fold(value, |value, name| json!({ name: value }));
        samples::merge(change.get_or_insert(json!({})), &patch);
    }
    Ok(change)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_set_by_their_paths() {
        let change = |pairs: &[&str]| {
            let pairs: Vec<String> = pairs.iter().map(|pair| (*pair).to_owned()).collect();
            change(&pairs)
        };
        assert_eq!(change(&[]).unwrap(), None);
        assert_eq!(
            change(&["a.b=OK", "a.c=7", "d={\"e\":1}", "f=", "g=a=b"]).unwrap(),
            Some(json!({"a": {"b": "OK", "c": 7}, "d": {"e": 1}, "f": "", "g": "a=b"}))
        );
        for bad in ["a", "=x", "a..b=x"] {
            assert!(matches!(change(&[bad]), Err(Stop::Usage(_))), "{bad}");
        }
    }
}
