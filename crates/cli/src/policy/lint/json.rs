//! Findings for programs. The shape is documented in docs/policy/README.md; a key keeps its meaning within a version.

use serde_json::{Value, json};

use super::{Report, Tally};

/// The version of the shape.
const VERSION: u32 = 1;

pub(super) fn document(reports: &[Report], tally: Tally) -> Value {
    let findings = reports.iter().flat_map(|report| {
        report.findings.iter().map(|finding| {
            let problem = &finding.problem;
            json!({
                "code": finding.code.as_str(),
                "slug": finding.code.slug(),
                "severity": finding.code.severity().name(),
                "file": report.file.name(),
                "line": problem.position.line,
                "column": problem.position.column,
                "path": problem.path.to_string(),
                "message": problem.message,
                "why": finding.why,
                "help": problem.help,
            })
        })
    });
    json!({
        "version": VERSION,
        "files": reports.iter().map(|report| report.file.name()).collect::<Vec<_>>(),
        "errors": tally.errors,
        "warnings": tally.warnings,
        "findings": findings.collect::<Vec<_>>(),
    })
}
