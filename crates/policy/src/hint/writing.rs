//! Slips that can happen in every field: how a value is written in YAML, and how it is compared.

use super::{Pair, Rule};
use crate::Pattern;
use crate::go_text::{float32, is_print};
use crate::lint::shape::glob_as_pattern;
use crate::suggest::quote;

/// These are looked at before the rules of a field.
pub(super) const RULES: &[Rule] = &[white_space, invisible, rounded, pattern_in_exact, glob_in_exact];

/// Characters that make a text a pattern. A dot alone does not: every URL has one.
const OPERATORS: [char; 9] = ['*', '+', '?', '[', '(', '|', '\\', '^', '$'];

pub(super) fn white_space(pair: &Pair<'_>) -> Option<String> {
    let Pair { key, expected, actual, .. } = pair;
    if expected.trim() != *actual {
        return None;
    }
    Some(if expected.ends_with('\n') {
        format!(
            "the policy's `{key}` ends in a line break, as a `|` block does: write it on one line, in quotes"
        )
    } else {
        format!("the policy's `{key}` has white space around it that the token does not have: remove it")
    })
}

pub(super) fn invisible(pair: &Pair<'_>) -> Option<String> {
    let Pair { key, expected, actual, .. } = pair;
    let visible: String = expected.chars().filter(|c| is_print(*c)).collect();
    (visible == *actual && visible != *expected)
        .then(|| format!("the policy's `{key}` has a character that cannot be seen: type it anew"))
}

/// `1.076915e+20`: what the server's YAML reader makes of 21 bare digits.
pub(super) fn rounded(pair: &Pair<'_>) -> Option<String> {
    let Pair { key, expected, actual, .. } = pair;
    let (digits, _) = expected.split_once("e+")?;
    let number: f64 = expected.parse().ok()?;
    if !digits.bytes().all(|b| b.is_ascii_digit() || b == b'.') || !actual.bytes().all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let same = actual.parse().is_ok_and(|actual: f64| float32(actual) == float32(number));
    Some(if same {
        format!(
            "YAML took the bare number for one and rounded it: write it in quotes, `{key}: {}`",
            quote(actual)
        )
    } else {
        format!(
            "YAML took a bare number for one and rounded it, so it can never match: write the policy's `{key}` in quotes"
        )
    })
}

fn pattern_in_exact(pair: &Pair<'_>) -> Option<String> {
    let Pair { key, expected, actual, .. } = pair;
    (expected.contains(OPERATORS) && matches(expected, actual)).then(|| {
        format!("the policy's `{key}` is a pattern, but compared letter by letter: write `{key}_pattern`, or the token's exact value")
    })
}

fn glob_in_exact(pair: &Pair<'_>) -> Option<String> {
    let Pair { key, expected, actual, .. } = pair;
    let pattern = glob_as_pattern(expected);
    (expected.contains('*') && matches(&pattern, actual)).then(|| {
        format!("`*` stands for itself in `{key}`: write the token's exact value, or `{key}_pattern: {}`, which admits all of them", quote(&pattern))
    })
}

pub(super) fn letter_case(pair: &Pair<'_>) -> Option<String> {
    let Pair { expected, actual, .. } = pair;
    (expected.to_lowercase() == actual.to_lowercase())
        .then(|| "they differ in letter case only, which counts: write it as the token does".to_owned())
}

/// `role-name` for a whole ARN, `main` for `refs/heads/main`.
pub(super) fn only_the_end(pair: &Pair<'_>) -> Option<String> {
    let Pair { key, expected, actual, .. } = pair;
    let start = actual.strip_suffix(expected).filter(|_| !expected.is_empty())?;
    start
        .ends_with(['/', ':'])
        .then(|| format!("the policy's `{key}` is only the end of the token's: write all of it"))
}

/// Whether a pattern, if it is one, matches for certain.
pub(super) fn matches(pattern: &str, value: &str) -> bool {
    Pattern::compile(pattern)
        .is_ok_and(|pattern| pattern.judge(value, crate::pattern::Server::Current) == Ok(true))
}
