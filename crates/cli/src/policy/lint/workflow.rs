//! Findings as commands to the runner of a workflow, which shows them beside the lines.
//!
//! Source: GitHub Docs, "Workflow commands for GitHub Actions", "Setting an error message"; the escapes are those of
//! actions/toolkit, `packages/core/src/command.ts`.

use gatepass_policy::lint::Finding;

use super::Report;
use crate::terminal::clean;

pub(super) fn commands(report: &Report) -> impl Iterator<Item = String> {
    report.findings.iter().map(|finding| command(report.file.in_repository(), finding))
}

fn command(file: &str, finding: &Finding) -> String {
    let Finding { code, problem, why } = finding;
    let key = if problem.path.is_root() { String::new() } else { format!("{}: ", problem.path) };
    let first = clean(&format!("{key}{}", problem.message));
    let why = clean(&format!("why: {why}"));
    let help = problem.help.as_ref().map(|help| format!("\n{}", clean(&format!("help: {help}"))));
    format!(
        "::{} file={},line={},col={},title={}::{}",
        code.severity().name(),
        property(&clean(file)),
        problem.position.line,
        problem.position.column,
        property(code.as_str()),
        data(&format!("{first}\n{why}{}", help.unwrap_or_default())),
    )
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use gatepass_policy::lint::Code;
    use gatepass_yaml::{Path, Position, Problem};

    use super::*;

    #[test]
    fn nothing_in_a_finding_ends_the_command_or_begins_another() {
        let finding = Finding {
            code: Code::GlobInExact,
            problem: Problem {
                position: Position { line: 3, column: 10 },
                path: Path::root().key("subject"),
                message: "50% of\n::error::forged\u{1b}[2J".into(),
                help: Some("use subject_pattern: x, y".into()),
            },
            why: "it is compared as it is".into(),
        };
        let expected = format!(
            "::error file=a%3Ab%2Cc%25.sts.yaml,line=3,col=10,title={}::subject: 50%25 of\\u{{a}}::error::forged\
             \\u{{1b}}[2J%0Awhy: it is compared as it is%0Ahelp: use subject_pattern: x, y",
            Code::GlobInExact
        );
        assert_eq!(command("a:b,c%.sts.yaml", &finding), expected);
    }
}
