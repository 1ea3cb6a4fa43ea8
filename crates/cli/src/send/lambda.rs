//! Lambda's invocation API, as the Runtime Interface Emulator and cargo-lambda have it.

use gatepass_sandbox::hosts::HttpAnswer;
use serde_json::{Value, json};

use crate::outcome::{Outcome, read_results};
use crate::samples::merge;

/// The path of the one function that an emulator has.
pub(super) const INVOKE: &str = "/2015-03-31/functions/function/invocations";

/// Puts a token into a request that came through what stands before the function.
pub(super) fn authorize(event: &mut Value, bearer: &str) {
    if event.get("headers").is_some() {
        merge(event, &json!({ "headers": { "authorization": bearer } }));
    }
    if event.get("multiValueHeaders").is_some() {
        merge(event, &json!({ "multiValueHeaders": { "authorization": [bearer] } }));
    }
}

/// What came of an invocation, and the status within where the function answers over HTTP. A function's error comes with 200,
/// too.
pub(super) fn read(job: &str, answer: &HttpAnswer) -> (Option<u64>, Vec<Outcome>) {
    let document = answer.json();
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    if let Some(kind) = text("errorType") {
        return (None, vec![Outcome::failed(job, kind, text("errorMessage").unwrap_or_default())]);
    }
    if let Some(status) = document.get("statusCode").and_then(Value::as_u64) {
        let body = serde_json::from_str(text("body").unwrap_or_default()).unwrap_or_default();
        return (Some(status), read_results(job, &body));
    }
    if let Some(failures) = document.get("batchItemFailures").and_then(Value::as_array) {
        let failed = |item: &Value| {
            let id = item.get("itemIdentifier").and_then(Value::as_str).unwrap_or_default();
            Outcome::failed(id, "failed", "this message stays on the queue; the function's log says why")
        };
        return (None, failures.iter().map(failed).collect());
    }
    (None, read_results(job, &document))
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn every_form_of_an_answer_is_understood() {
        let told = |body: Value| {
            let answer =
                HttpAnswer { status: 200, headers: HeaderMap::new(), body: body.to_string().into_bytes() };
            let (status, outcomes) = read("a", &answer);
            let outcomes: Vec<(String, bool)> =
                outcomes.into_iter().map(|outcome| (outcome.status.clone(), outcome.is_done())).collect();
            (status, outcomes)
        };
        let one = |status: &str, done: bool| vec![(status.to_owned(), done)];
        let results = json!({"results": [{"job": "a", "status": "created"}]});
        assert_eq!(told(results.clone()), (None, one("created", true)));
        assert_eq!(
            told(json!({"statusCode": 201, "body": results.to_string()})),
            (Some(201), one("created", true))
        );
        let refused = json!({"class": "untrusted", "detail": "who?"});
        assert_eq!(
            told(json!({"statusCode": 401, "body": refused.to_string()})),
            (Some(401), one("untrusted", false))
        );
        assert_eq!(
            told(json!({"errorType": "Refused", "errorMessage": "no"})),
            (None, one("Refused", false))
        );
        assert_eq!(told(json!({"batchItemFailures": []})), (None, vec![]));
        assert_eq!(
            told(json!({"batchItemFailures": [{"itemIdentifier": "m"}]})),
            (None, one("failed", false))
        );
        assert_eq!(told(json!(null)), (None, one("failed", false)));
    }

    #[test]
    fn a_token_goes_where_the_event_has_headers() {
        let mut event = json!({"headers": {"a": "b"}, "multiValueHeaders": {}});
        authorize(&mut event, "Bearer t");
        assert_eq!(
            event,
            json!({"headers": {"a": "b", "authorization": "Bearer t"}, "multiValueHeaders": {"authorization": ["Bearer t"]}})
        );
        let mut bare = json!({"job": "a"});
        authorize(&mut bare, "Bearer t");
        assert_eq!(bare, json!({"job": "a"}));
    }
}
