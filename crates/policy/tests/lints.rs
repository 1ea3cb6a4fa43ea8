//! The page of lints is true: each failing example has its finding and no other, each passing one has none. And the policies
//! of the public guides, in our words, get the finding that a user needs.

use std::collections::BTreeMap;
use std::path::Path;

use gatepass_policy::PolicyKind;
use gatepass_policy::lint::{Code, Finding, PolicyFile, Settings, lint};

const PAGE: &str = include_str!("../../../docs/policy/lints.md");

/// The mark of the line where the finding must be.
const HERE: &str = "# <--";

#[derive(Default)]
struct Section {
    text: String,
    fails: Vec<String>,
    passes: Vec<String>,
}

/// By the heading.
fn sections() -> BTreeMap<String, Section> {
    let mut sections: BTreeMap<String, Section> = BTreeMap::new();
    let (mut heading, mut passing, mut block) = (String::new(), false, None::<String>);
    for line in PAGE.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            heading = title.to_owned();
            passing = false;
        }
        if heading.is_empty() {
            continue;
        }
        let section = sections.entry(heading.clone()).or_default();
        match (line, &mut block) {
            ("```yaml", None) => block = Some(String::new()),
            ("```", Some(_)) => {
                let list = if passing { &mut section.passes } else { &mut section.fails };
                list.extend(block.take());
            }
            (line, Some(block)) => block.extend([line, "\n"]),
            ("Fails:", None) => passing = false,
            ("Passes:", None) => passing = true,
            (line, None) => section.text.extend([line, "\n"]),
        }
    }
    sections
}

fn findings(example: &str) -> Vec<Finding> {
    let first = example.lines().next().unwrap_or_default();
    let kind =
        if first.contains("(organisation)") { PolicyKind::Organization } else { PolicyKind::Repository };
    let path = first.strip_prefix("# .").map_or("alarms.sts.yaml".to_owned(), |path| format!(".{path}"));
    let bytes = if first.contains("(bytes)") { example.replace("\\0", "\0") } else { example.to_owned() };
    lint(&PolicyFile { path: &path, bytes: bytes.as_bytes(), kind }, &Settings::default())
}

fn listed(findings: &[Finding]) -> String {
    let lines =
        findings.iter().map(|finding| format!("{} {} [{}]\n", finding.code, finding.problem, finding.why));
    lines.collect()
}

#[test]
fn every_code_has_a_section_with_examples() {
    let sections = sections();
    assert_eq!(sections.len(), Code::ALL.len());
    for code in Code::ALL {
        let section = &sections[&format!("{code} {}", code.slug())];
        let severity = format!("{:?}. ", code.severity());
        assert!(section.text.trim_start().contains(&severity), "{code}: {}", section.text);
        assert!(!section.fails.is_empty() && !section.passes.is_empty(), "{code}");
        let row =
            format!("| [{code}](#{}-{}) | {} |", code.as_str().to_lowercase(), code.slug(), code.title());
        assert!(PAGE.contains(&row), "{row}");
    }
}

#[test]
fn failing_examples_fail_for_this_reason_alone() {
    let sections = sections();
    let mut wrong = String::new();
    for code in Code::ALL {
        for example in &sections[&format!("{code} {}", code.slug())].fails {
            let findings = findings(example);
            let line = example.lines().position(|line| line.contains(HERE)).map(|index| index + 1);
            let right = match findings.as_slice() {
                [one] => one.code == *code && line.is_none_or(|line| line == one.position().line),
                _ => false,
            };
            if !right {
                wrong += &format!("{code} {} gave\n{}for\n{example}\n", code.slug(), listed(&findings));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn passing_examples_have_no_finding() {
    for (heading, section) in sections() {
        for example in section.passes {
            let findings = findings(&example);
            assert!(findings.is_empty(), "{heading}\n{}{example}", listed(&findings));
        }
    }
}

#[test]
fn every_finding_says_what_to_do_and_why() {
    for (heading, section) in sections() {
        for finding in section.fails.iter().flat_map(|example| findings(example)) {
            let help = finding.problem.help.as_ref().is_some_and(|help| !help.is_empty());
            assert!(help || finding.code == Code::Syntax, "{heading}: {finding:?}");
            assert!(finding.why.ends_with('.'), "{heading}: {}", finding.why);
            assert!(!finding.problem.message.ends_with('.'), "{heading}: {}", finding.problem.message);
        }
    }
}

/// Each file says in its first lines what must be found: `# expect: GP021 4` with the line, or `# expect: nothing`.
#[test]
fn the_guides_policies_get_the_finding_that_a_user_needs() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/guides");
    let mut files: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 12, "{}", files.len());
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let text = std::fs::read_to_string(&file).unwrap();
        let expected: Vec<String> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# expect: "))
            .filter(|line| *line != "nothing")
            .map(str::to_owned)
            .collect();
        assert!(text.contains("# expect: "), "{name}");
        let file = PolicyFile { path: name, bytes: text.as_bytes(), kind: PolicyKind::Repository };
        let findings = lint(&file, &Settings::default());
        let found: Vec<String> =
            findings.iter().map(|finding| format!("{} {}", finding.code, finding.position().line)).collect();
        assert_eq!(found, expected, "{name}\n{}", listed(&findings));
    }
}
