//! What came of an event, as a program answers, and how it looks.

use gatepass_core::report::Status;
use gatepass_sandbox::hosts::HttpAnswer;
use gatepass_sandbox::hosts::functions::{InvocationFailure, Invoked};
use serde_json::{Value, json};

use crate::terminal::{BAD, FAINT, GOOD, Stream, clean};

/// What became of one job.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outcome {
    /// The job, where it got that far.
    pub(crate) job: String,
    /// The job's status, or the class of its failure.
    pub(crate) status: String,
    /// Where the result can be seen.
    pub(crate) url: Option<String>,
    /// Why it failed.
    pub(crate) detail: Option<String>,
    /// The whole answer.
    pub(crate) answer: Value,
}

/// The statuses of jobs that did not fail.
const DONE: [Status; 9] = [
    Status::Created,
    Status::Updated,
    Status::Reopened,
    Status::Closed,
    Status::Unchanged,
    Status::Read,
    Status::Dispatched,
    Status::Queued,
    Status::Ignored,
];

impl Outcome {
    pub(crate) fn is_done(&self) -> bool {
        DONE.iter().any(|status| status.name() == self.status)
    }

    /// Of what got no further.
    pub(crate) fn failed(job: &str, class: &str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let answer = json!({ "job": job, "status": class, "detail": detail });
        Self { job: job.to_owned(), status: class.to_owned(), url: None, detail: Some(detail), answer }
    }

    fn of(answer: &Value) -> Option<Self> {
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            job: text("job")?,
            status: text("status")?,
            url: text("url"),
            detail: text("detail"),
            answer: answer.clone(),
        })
    }
}

/// Reads what an HTTP request was answered with.
pub(crate) fn read_answer(job: &str, answer: &HttpAnswer) -> Vec<Outcome> {
    let document = answer.json();
    if document.is_null() {
        return vec![Outcome::failed(job, "failed", format!("HTTP {}", answer.status))];
    }
    read_results(job, &document)
}

/// `{"results":[…]}`, or a problem document.
pub(crate) fn read_results(job: &str, document: &Value) -> Vec<Outcome> {
    let results = document.get("results").and_then(Value::as_array);
    match results {
        Some(results) => results.iter().filter_map(Outcome::of).collect(),
        None => {
            let text = |name: &str| document.get(name).and_then(Value::as_str);
            vec![Outcome::failed(
                job,
                text("class").unwrap_or("failed"),
                text("detail").unwrap_or("no answer"),
            )]
        }
    }
}

/// Reads what the Functions host made of an invocation.
pub(crate) fn read_invocation(job: &str, invoked: Result<Invoked, InvocationFailure>) -> Vec<Outcome> {
    match invoked {
        Ok(invoked) => invoked.logs.iter().filter_map(|line| read_log(line)).collect(),
        Err(InvocationFailure::Status { body, .. }) => {
            read_results(job, &serde_json::from_str(&body).unwrap_or_default())
        }
        Err(failure) => vec![Outcome::failed(job, "invocation failed", failure.to_string())],
    }
}

/// `job: status url`, as the answer to an invocation has it.
fn read_log(line: &str) -> Option<Outcome> {
    let (job, rest) = line.split_once(": ")?;
    let (status, url) = rest.split_once(' ').unwrap_or((rest, ""));
    let mut answer = json!({ "job": job, "status": status });
    if let (false, Some(answer)) = (url.is_empty(), answer.as_object_mut()) {
        answer.insert("url".to_owned(), json!(url));
    }
    Outcome::of(&answer)
}

/// What became of a job.
pub(crate) fn show(out: Stream, outcome: &Outcome) {
    let style = if outcome.is_done() { GOOD } else { BAD };
    let place = outcome.url.as_deref().map(clean).unwrap_or_default();
    let words = [clean(&outcome.job), out.paint(style, &clean(&outcome.status)), place];
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    out.line(&format!("\n   {}", words.join(" ")));
    if let Some(detail) = &outcome.detail {
        out.line(&format!("   {}", clean(detail)));
    }
    let parts = parts(&outcome.answer);
    if !parts.is_empty() {
        out.line(&format!("   {}", out.paint(FAINT, &parts.join(" · "))));
    }
}

/// What a repository that was read holds, in few words.
fn parts(answer: &Value) -> Vec<String> {
    let Some(answer) = answer.as_object() else { return Vec::new() };
    let told = |(name, value): (&String, &Value)| {
        let name = name.replace('_', " ");
        match value {
            Value::Array(items) => Some(format!("{name}: {}", items.len())),
            Value::Object(fields) => match (fields.get("full_name"), fields.get("tag_name")) {
                (Some(_), _) => None,
                (None, Some(tag)) => Some(format!("{name}: {}", tag.as_str().unwrap_or_default())),
                (None, None) => {
                    Some(format!("{name}: {}", fields.keys().cloned().collect::<Vec<_>>().join(", ")))
                }
            },
            _ => None,
        }
    };
    answer.iter().filter_map(told).map(|text| clean(&text)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_whatever_they_are() {
        let answer = json!({"results": [{"job": "a", "status": "created", "url": "http://x/1"}, {"job": "b", "status": "refused", "detail": "no"}]});
        let outcomes = read_results("a", &answer);
        assert_eq!(outcomes.iter().map(Outcome::is_done).collect::<Vec<_>>(), [true, false]);
        assert_eq!(
            (outcomes[0].url.as_deref(), outcomes[1].detail.as_deref()),
            (Some("http://x/1"), Some("no"))
        );
        let problem = &read_results("a", &json!({"class": "untrusted", "detail": "who?"}))[0];
        assert_eq!(
            (problem.job.as_str(), problem.status.as_str(), problem.is_done()),
            ("a", "untrusted", false)
        );
        assert!(!read_results("a", &Value::Null)[0].is_done());
    }

    #[test]
    fn a_timers_log_is_read() {
        let created = read_log("weekly: created http://x/1").unwrap();
        assert_eq!(
            (created.job.as_str(), created.status.as_str(), created.url.as_deref()),
            ("weekly", "created", Some("http://x/1"))
        );
        let ignored = read_log("weekly: ignored ").unwrap();
        assert_eq!((ignored.status.as_str(), ignored.url), ("ignored", None));
        assert_eq!(read_log("odd"), None);
    }

    #[test]
    fn a_repository_is_told_in_few_words() {
        let answer = json!({
            "job": "status", "status": "read", "url": "http://x", "repository": { "full_name": "a/b", "id": 1 },
            "languages": { "HCL": 1, "Rust": 2 }, "latest_release": { "tag_name": "v1" }, "open_issues": [1, 2],
        });
        assert_eq!(parts(&answer), ["languages: HCL, Rust", "latest release: v1", "open issues: 2"]);
        assert!(parts(&json!({ "job": "x", "status": "created", "latest_release": null })).is_empty());
    }
}
