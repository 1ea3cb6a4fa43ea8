//! Asks Go itself.

use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde::Deserialize;

use crate::case::Case;

const PROGRAM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/go/main.go");

/// The version of this Go, and the cases with its verdicts.
pub(crate) fn ask(go: &OsStr, cases: &[Case]) -> (String, Vec<Case>) {
    #[derive(Deserialize)]
    struct Answer {
        alone: String,
        current: String,
        older: String,
        matches: Option<Vec<bool>>,
        older_matches: Option<Vec<bool>>,
    }

    let mut child =
        Command::new(go).args(["run", PROGRAM]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let values = |case: &Case| case.values().map(|(value, ..)| value.to_owned()).collect::<Vec<_>>();
    let questions: Vec<String> = cases
        .iter()
        .map(|case| serde_json::json!({ "pattern": case.pattern, "values": values(case) }).to_string() + "\n")
        .collect();
    let writer = std::thread::spawn(move || stdin.write_all(questions.concat().as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let (version, lines) = text.split_once('\n').unwrap();
    let answers = lines.lines().map(|line| serde_json::from_str::<Answer>(line).unwrap());
    let answered: Vec<Case> = std::iter::zip(cases, answers)
        .map(|(case, answer)| {
            let mut answered = Case::question(case.pattern.clone(), Vec::new());
            answered.doubts = case.doubts;
            for (i, value) in values(case).into_iter().enumerate() {
                let at = |matches: &Option<Vec<bool>>| matches.as_ref().is_some_and(|matches| matches[i]);
                let list = match (at(&answer.matches), at(&answer.older_matches)) {
                    (true, true) => &mut answered.both,
                    (true, false) => &mut answered.current_only,
                    (false, true) => &mut answered.older_only,
                    (false, false) => &mut answered.neither,
                };
                list.push(value);
            }
            Case { alone: answer.alone, current: answer.current, older: answer.older, ..answered }
        })
        .collect();
    assert_eq!(answered.len(), cases.len());
    (serde_json::from_str(version).unwrap(), answered)
}
