//! How events and what follows from them look.

use gatepass_sandbox::github::{GitHub, Issue, UserKind};
use gatepass_sandbox::trace::Hop;
use serde_json::Value;

use super::plan::Errand;
use crate::outcome::Outcome;
use crate::terminal::{BAD, FAINT, GOOD, PLACE, STRONG, Stream, clean, shorten};

/// The most columns that are used.
const WIDTH: usize = 120;
/// Where paths begin, after service, method and status.
const BEFORE: usize = 30;
/// The width of the column of paths, where a remark stands beside it.
const PATH: usize = 54;

/// Names an event that is about to be sent.
pub(super) fn heading(out: Stream, label: &str, errand: &Errand) {
    out.line(&format!("\n{} {}\n", out.paint(PLACE, label), out.paint(STRONG, &errand.title())));
}

/// One request: a line, and further ones below for a remark that is too long to stand beside it.
pub(super) fn hop(out: Stream, hop: &Hop) {
    let status = hop.status.map_or_else(|| "---".to_owned(), |status| status.to_string());
    let style = match hop.status {
        Some(200..=399) => GOOD,
        _ => BAD,
    };
    let start = format!("   {:<15} {:<6} {}", hop.service, hop.method, out.paint(style, &status));
    let (path, note) = (readable(&hop.path), hop.note.as_deref().map(clean).unwrap_or_default());
    if note.chars().count() <= WIDTH - BEFORE - PATH - 2 {
        let line = format!("{start} {:<PATH$}  {}", shorten(&path, PATH), out.paint(FAINT, &note));
        return out.line(line.trim_end());
    }
    out.line(&format!("{start} {}", shorten(&path, WIDTH - BEFORE)));
    for line in wrap(&note, WIDTH - BEFORE) {
        out.line(&format!("{:BEFORE$}{}", "", out.paint(FAINT, &line)));
    }
}

/// A path and query as people read them: nothing percent-encoded, and of identifiers only the start.
fn readable(path: &str) -> String {
    let mut text = path.to_owned();
    for (code, plain) in [("%2F", "/"), ("%3A", ":"), ("%20", " ")] {
        text = text.replace(code, plain);
    }
    let is_uuid = |part: &str| {
        part.len() == 36
            && part.chars().enumerate().all(|(index, c)| match index {
                8 | 13 | 18 | 23 => c == '-',
                _ => c.is_ascii_hexdigit(),
            })
    };
    let part = |part: &str| match part.get(..8) {
        Some(start) if is_uuid(part) => format!("{start}…"),
        _ => part.to_owned(),
    };
    clean(&text.split('/').map(part).collect::<Vec<_>>().join("/"))
}

/// Lines of at most `width` characters, broken between words.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// What a log record of a program tells about a failure beyond what the `outcomes` say themselves.
pub(super) fn record(out: Stream, line: &str, outcomes: &[Outcome]) {
    for line in complaint(line, outcomes).iter().flat_map(|text| text.lines()) {
        out.line(&format!("   {} {}", out.paint(BAD, "|"), clean(line)));
    }
}

fn complaint(line: &str, outcomes: &[Outcome]) -> Vec<String> {
    let Ok(Value::Object(record)) = serde_json::from_str::<Value>(line) else { return Vec::new() };
    let text = |name: &str| record.get(name).and_then(Value::as_str);
    if !matches!(text("level").or(text("severity")), Some("ERROR" | "WARN" | "WARNING")) {
        return Vec::new();
    }
    let is_said = |text: &str| outcomes.iter().any(|outcome| outcome.detail.as_deref() == Some(text));
    let said = [text("reason"), text("details")].into_iter().flatten();
    said.filter(|text| !is_said(text)).map(str::to_owned).collect()
}

/// Every issue with the repository it is in.
pub(super) fn all_issues(github: &GitHub) -> Vec<(String, Issue)> {
    let repositories = github.repositories().into_iter();
    repositories
        .flat_map(|name| github.issues(&name).into_iter().map(move |issue| (name.clone(), issue)))
        .collect()
}

/// The issues that the jobs keep, as a table.
pub(super) fn issues(out: Stream, github: &GitHub) {
    let all = all_issues(github);
    let ours: Vec<&(String, Issue)> =
        all.iter().filter(|(_, issue)| issue.author.kind == UserKind::Bot).collect();
    out.line(&format!("\n{}\n", out.paint(STRONG, "Issues that the jobs keep")));
    let row = |(repository, issue): &(String, Issue)| {
        [
            repository.clone(),
            format!("#{}", issue.number),
            issue.state.as_str().to_owned(),
            shorten(&clean(&issue.title), PATH),
            clean(&issue.labels.join(", ")),
        ]
    };
    let rows: Vec<[String; 5]> = ours.iter().map(|issue| row(issue)).collect();
    if rows.is_empty() {
        out.line("   none");
    }
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|text| text.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: [usize; 5] = [width(0), width(1), width(2), width(3), width(4)];
    for [repository, number, state, title, labels] in &rows {
        let [a, b, c, d, _] = widths;
        let style = if state == "open" { GOOD } else { FAINT };
        let state = out.paint(style, &format!("{state:<c$}"));
        let labels = out.paint(FAINT, labels);
        out.line(&format!("   {repository:<a$}  {number:<b$}  {state}  {title:<d$}  {labels}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_readable() {
        for (path, expected) in [
            ("/sts/exchange?scope=acme%2Fsite&identity=a", "/sts/exchange?scope=acme/site&identity=a"),
            ("/5b7882dc-70ed-4cf2-9fdb-a19b17276488/.well-known/jwks", "/5b7882dc…/.well-known/jwks"),
            ("/5b7882dc-70ed-4cf2-9fdb-a19b1727648/x", "/5b7882dc-70ed-4cf2-9fdb-a19b1727648/x"),
            ("/a\u{1b}[2J", "/a\\u{1b}[2J"),
        ] {
            assert_eq!(readable(path), expected);
        }
    }

    #[test]
    fn long_remarks_are_broken_between_words() {
        assert_eq!(wrap("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrap("aaaaaaa b", 5), ["aaaaaaa", "b"]);
    }

    #[test]
    fn of_a_log_only_what_is_new_about_the_failure_is_shown() {
        let outcome = Outcome {
            job: "a".into(),
            status: "refused".into(),
            url: None,
            detail: Some("known".into()),
            answer: Value::Null,
        };
        for (line, expected) in [
            (r#"{"level":"ERROR","reason":"known","details":"claims"}"#, vec!["claims"]),
            (r#"{"severity":"WARNING","reason":"new"}"#, vec!["new"]),
            (r#"{"level":"INFO","reason":"new"}"#, vec![]),
            ("no record", vec![]),
        ] {
            assert_eq!(complaint(line, std::slice::from_ref(&outcome)), expected, "{line}");
        }
    }
}
