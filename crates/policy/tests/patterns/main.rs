//! Patterns are judged as Go judges them: by a corpus with Go's own verdicts, and by Go itself where it is at hand.
//!
//! `GATEPASS_GO=/path/to/go cargo test -p gatepass-policy --test patterns -- --ignored` holds the corpus and random patterns
//! against that Go. `GATEPASS_GO_PATTERNS` says how many random ones, `GATEPASS_GO_SEED` where they begin, and with
//! `GATEPASS_GO_WRITE=1` the corpus is written anew.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a failed test")]

mod bounds;
mod case;
mod go;
mod random;

use std::env;
use std::fs;

use crate::case::Case;
use crate::random::Random;

const CORPUS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/patterns.txt");

fn corpus() -> Vec<Case> {
    let text = fs::read_to_string(CORPUS).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// Holds our verdicts against Go's; gives how many patterns are left in doubt.
#[track_caller]
fn agree(cases: &[Case]) -> usize {
    let mut total = 0;
    let mut wrong = Vec::new();
    for case in cases {
        let (differences, doubts) = case.differences();
        total += usize::from(doubts > 0);
        wrong.extend(differences.into_iter().map(|difference| format!("{:?}: {difference}", case.pattern)));
    }
    assert!(
        wrong.is_empty(),
        "{} differences:\n{}",
        wrong.len(),
        wrong.iter().take(40).cloned().collect::<Vec<_>>().join("\n")
    );
    total
}

#[test]
fn the_corpus_is_judged_as_go_does() {
    let cases = corpus();
    assert!(cases.len() >= 400, "{}", cases.len());
    agree(&cases);
    for case in cases {
        let (_, doubts) = case.differences();
        assert_eq!(doubts, case.doubts, "{:?} is left open more or less often than it says", case.pattern);
    }
}

/// How a corpus begins.
const HEADER: &str = "\
# Patterns and what Go makes of them, one to a line: its errors alone, under the anchors of a current server, ^(?:p)$,
# and of an older one, ^p$, and which values match under both anchors, one or neither. `doubts` says how many verdicts
# are left open, because they depend on tables of Unicode, on the version of Go or on limits that are not followed.
# To add one, write a line with its `pattern` and its values under `neither`; then let Go fill in the verdicts:
# GATEPASS_GO=/path/to/go GATEPASS_GO_WRITE=1 cargo test -p gatepass-policy --test patterns go_says -- --ignored
";

#[test]
#[ignore = "needs Go: GATEPASS_GO names its command"]
fn go_says_what_the_corpus_says() {
    let go = env::var_os("GATEPASS_GO").unwrap();
    let cases = corpus();
    let (version, answered) = go::ask(&go, &cases);
    if env::var_os("GATEPASS_GO_WRITE").is_some() {
        let mut text = format!("{HEADER}# Made with {version}.\n");
        for mut case in answered {
            case.doubts = case.differences().1;
            text += &(serde_json::to_string(&case).unwrap() + "\n");
        }
        fs::write(CORPUS, text).unwrap();
        return;
    }
    // Where we leave something open, versions of Go may differ.
    for (ours, go) in std::iter::zip(&cases, &answered).filter(|(ours, _)| ours.doubts == 0) {
        assert_eq!(ours, go);
    }
    agree(&answered);
}

#[test]
#[ignore = "needs Go: GATEPASS_GO names its command"]
fn go_judges_random_patterns_alike() {
    let go = env::var_os("GATEPASS_GO").unwrap();
    let number = |name, default| env::var(name).map_or(default, |text| text.parse().unwrap());
    let mut random = Random(number("GATEPASS_GO_SEED", 1));
    let cases: Vec<Case> = (0..number("GATEPASS_GO_PATTERNS", 5_000))
        .map(|i| {
            let pattern = match i % 300 {
                0 => random.deep(),
                i if i % 3 == 0 => random.rubble(),
                _ => random.pattern(4),
            };
            let values = random.values(&pattern);
            Case::question(pattern, values)
        })
        .collect();
    let (_, cases) = go::ask(&go, &cases);
    let doubts = agree(&cases);
    let taken = cases.iter().filter(|case| case.current.is_empty()).count();
    let matches: usize = cases.iter().map(|case| case.both.len() + case.current_only.len()).sum();
    println!(
        "{} patterns, Go takes {taken}, {matches} values match, {doubts} patterns are left in doubt",
        cases.len()
    );
    assert!(doubts * 5 < taken, "{doubts} of {taken} are left in doubt");
}
