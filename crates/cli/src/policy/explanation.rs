//! A token held against a policy, as people and as programs are told.

use gatepass_policy::{Change, Check, Explanation, Outcome, Verdict, Warning};
use serde_json::{Value, json};

use crate::terminal::{BAD, FAINT, GOOD, STRONG, Stream, WARN, clean};
use crate::token::warnings_document;

/// How far the names of the checks reach.
const INDENT: usize = 12;

/// Tells all of it, and whether the token is admitted.
pub(super) fn tell(out: Stream, explanation: &Explanation) {
    let width = explanation.checks.iter().map(|check| check.what.chars().count()).max().unwrap_or(0);
    for check in &explanation.checks {
        row(out, check, width);
    }
    out.line("");
    let style = if explanation.verdict == Verdict::Admitted { GOOD } else { BAD };
    out.line(&out.paint(style, &clean(&sentence(&explanation.verdict))));
    if let Some(older) = &explanation.older {
        let text = format!("a server from before September 2026 judges otherwise: {}", sentence(older));
        out.line(&out.paint(WARN, &clean(&text)));
    }
    if let Some(change) = &explanation.change {
        tell_change(out, change);
    }
    if let Some(reason) = &explanation.impossible {
        out.line(&format!("\n{}: {}", out.paint(STRONG, "no change of the policy admits it"), clean(reason)));
    }
}

/// A check: in one line where both sides are the same or a rule is kept, else one above the other, where a difference is seen.
fn row(out: Stream, check: &Check, width: usize) {
    let (word, style) = match check.outcome {
        Outcome::Matches => ("ok", GOOD),
        Outcome::Differs => ("differs", BAD),
        Outcome::NotJudged => ("not judged", WARN),
    };
    let head = format!("{}{}", out.paint(style, word), " ".repeat(INDENT.saturating_sub(word.len())));
    let what = format!("{:<width$}", clean(&check.what));
    let more = " ".repeat(INDENT + width);
    let says_it_all = check.expected == check.actual || check.what.ends_with(" format");
    if check.outcome == Outcome::Matches && says_it_all {
        out.line(&format!("{head}{what}  {}", clean(&check.actual)));
        return;
    }
    let label = |name: &str| out.paint(FAINT, &format!("{name:<8}"));
    out.line(&format!("{head}{what}  {}  {}", label("expected"), clean(&check.expected)));
    out.line(&format!("{more}  {}  {}", label("actual"), clean(&check.actual)));
    if let Some(hint) = &check.hint {
        out.line(&format!("{more}  {}  {}", label("hint"), clean(hint)));
    }
}

fn tell_change(out: Stream, change: &Change) {
    out.line("");
    out.line(&format!(
        "{}: {}",
        out.paint(STRONG, "the smallest change that admits this token"),
        clean(&change.what)
    ));
    for line in &change.lines {
        out.line(&format!("    {}", clean(line)));
    }
    out.line(&format!("{}: {}", out.paint(STRONG, "what it admits besides"), clean(&change.also_admits)));
}

/// What the server makes of the token.
pub(super) fn sentence(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Admitted => "admitted".to_owned(),
        Verdict::Refused(refusal) => format!("refused: Octo STS answers {}: {refusal}", refusal.status()),
        Verdict::NotJudged(why) => format!("not judged: {why}"),
    }
}

/// The same for programs, with what else speaks against the token.
pub(super) fn document(policy: &str, explanation: &Explanation, warnings: &[Warning]) -> Value {
    let checks = explanation.checks.iter().map(|check| {
        json!({
            "check": check.what,
            "expected": check.expected,
            "actual": check.actual,
            "outcome": match check.outcome {
                Outcome::Matches => "ok",
                Outcome::Differs => "differs",
                Outcome::NotJudged => "not_judged",
            },
            "hint": check.hint,
        })
    });
    let change = explanation.change.as_ref().map(
        |change| json!({ "what": change.what, "lines": change.lines, "also_admits": change.also_admits }),
    );
    json!({
        "version": 1,
        "policy": policy,
        "verdict": verdict(&explanation.verdict),
        "older_servers": explanation.older.as_ref().map(verdict),
        "checks": checks.collect::<Vec<_>>(),
        "change": change,
        "impossible": explanation.impossible,
        "warnings": warnings_document(warnings),
    })
}

fn verdict(verdict: &Verdict) -> Value {
    match verdict {
        Verdict::Admitted => json!({ "verdict": "admitted" }),
        Verdict::Refused(refusal) => {
            json!({ "verdict": "refused", "status": refusal.status(), "message": refusal.to_string() })
        }
        Verdict::NotJudged(why) => json!({ "verdict": "not_judged", "message": why }),
    }
}
