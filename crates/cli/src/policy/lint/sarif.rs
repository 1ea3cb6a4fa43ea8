//! Findings for GitHub code scanning and others that read SARIF.
//!
//! Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"; GitHub Docs, "SARIF support for code
//! scanning".

use gatepass_policy::lint::{Code, Finding};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde_json::{Value, json};

use super::Report;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// Where the code is published; empty until the package says so.
const REPOSITORY: &str = env!("CARGO_PKG_REPOSITORY");

/// What a path in a URI cannot have as it is. Source: RFC 3986, section 3.3; and `%`, which begins an escape.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

pub(super) fn document(reports: &[Report]) -> Value {
    let results = reports.iter().flat_map(|report| {
        let place = place(report.file.in_repository());
        report.findings.iter().map(move |finding| result(finding, &place))
    });
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": driver() },
            "columnKind": "unicodeCodePoints",
            "results": results.collect::<Vec<_>>(),
        }],
    })
}

fn driver() -> Value {
    let driver = json!({
        "name": "gatepass",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": Code::ALL.iter().map(|code| rule(*code, REPOSITORY)).collect::<Vec<_>>(),
    });
    with_address(driver, "informationUri", REPOSITORY, "")
}

/// Adds an address below the code's home, where it has one.
fn with_address(mut value: Value, key: &str, home: &str, path: &str) -> Value {
    if let Some(object) = value.as_object_mut().filter(|_| !home.is_empty()) {
        object.insert(key.to_owned(), json!(format!("{home}{path}")));
    }
    value
}

fn rule(code: Code, repository: &str) -> Value {
    let section = format!("docs/policy/lints.md#{}-{}", code.as_str().to_lowercase(), code.slug());
    let rule = json!({
        "id": code.as_str(),
        "name": code.slug(),
        "shortDescription": { "text": code.title() },
        "fullDescription": { "text": code.title() },
        "help": { "text": format!("{}: see {section} of gatepass", code.title()) },
        "defaultConfiguration": { "level": code.severity().name() },
        "properties": { "tags": ["security", "octo-sts"] },
    });
    with_address(rule, "helpUri", repository, &format!("/blob/main/{section}"))
}

/// Below the repository's root, or anywhere where that is not known.
fn place(path: &str) -> Value {
    let uri = utf8_percent_encode(path, PATH).to_string();
    match path.starts_with('/') {
        true => json!({ "uri": format!("file://{uri}") }),
        false => json!({ "uri": uri, "uriBaseId": "%SRCROOT%" }),
    }
}

fn result(finding: &Finding, place: &Value) -> Value {
    let Finding { code, problem, why } = finding;
    let key = if problem.path.is_root() { String::new() } else { format!("{}: ", problem.path) };
    let help = problem.help.as_ref().map(|help| format!("\nHelp: {help}")).unwrap_or_default();
    json!({
        "ruleId": code.as_str(),
        "ruleIndex": Code::ALL.iter().position(|other| other == code),
        "level": code.severity().name(),
        "message": { "text": format!("{key}{}\nWhy: {why}{help}", problem.message) },
        "locations": [{
            "physicalLocation": {
                "artifactLocation": place,
                "region": { "startLine": problem.position.line, "startColumn": problem.position.column },
            },
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_leads_to_its_section_once_the_code_has_a_home() {
        assert_eq!(rule(Code::NoIssuer, "").get("helpUri"), None, "an address that is not ours helps nobody");
        assert_eq!(
            rule(Code::NoIssuer, "https://git.example/g")["helpUri"],
            "https://git.example/g/blob/main/docs/policy/lints.md#gp007-issuer-missing"
        );
    }

    #[test]
    fn a_path_is_a_reference_from_the_repositorys_root_where_that_is_known() {
        let below = place("a b/c:d%é#.yaml");
        assert_eq!(below, json!({ "uri": "a%20b/c%3Ad%25%C3%A9%23.yaml", "uriBaseId": "%SRCROOT%" }));
        assert_eq!(place("/tmp/a b.yaml"), json!({ "uri": "file:///tmp/a%20b.yaml" }));
    }
}
