//! Patterns that nearly match.

use super::writing::matches;
use crate::Pattern;
use crate::names::RunSubject;
use crate::suggest::quote;

/// What a pattern lacks to match, if it is little.
pub(super) fn difference(key: &str, pattern: &Pattern, actual: &str) -> Option<String> {
    let text = pattern.as_str();
    if matches(text, actual) {
        return None;
    }
    if matches(text, actual.trim_end_matches('/')) || matches(text, &format!("{actual}/")) {
        return Some("a slash at the end counts: write the pattern's end as the token's".to_owned());
    }
    if let Some(old) = old_form(actual).filter(|old| matches(text, old)) {
        return Some(format!(
            "the pattern matches {}, GitHub's older form, and this repository's tokens have the ids of owner and repository in it",
            quote(&old)
        ));
    }
    if matches(&format!("(?i:{text})"), actual) {
        return Some("they differ in letter case only, which counts: write it as the token does".to_owned());
    }
    if text.ends_with('\n') && matches(text.trim_end(), actual) {
        return Some(format!(
            "the policy's `{key}_pattern` ends in a line break, as a `|` block does: write it on one line, in quotes"
        ));
    }
    let meant = text.replace('*', ".*");
    if text.contains('*') && !text.contains(".*") && matches(&meant, actual) {
        return Some(format!(
            "in a pattern `*` repeats the character before it: {} would match, and with it everything like it",
            quote(&meant)
        ));
    }
    matches(&format!("(?s:.*)(?:{text})(?s:.*)"), actual).then(|| {
        "the pattern matches only a part, and Octo STS wants it to match the whole: write the rest of it, too".to_owned()
    })
}

/// A subject of a run without the ids that the newer form has.
fn old_form(subject: &str) -> Option<String> {
    let run = RunSubject::parse(subject)?;
    run.ids?;
    let (_, context) = subject.strip_prefix("repo:")?.split_once(':')?;
    Some(format!("repo:{}:{context}", run.repository()))
}
