//! `gatepass policy lint`.

use std::fs;

use gatepass_policy::lint::Code;
use serde_json::Value;

use super::{Checkout, GOOD, json_of, jwt, stranger};
use crate::support::gatepass;

/// Two mistakes: an unknown key, which leaves it without a subject, and a permission in another spelling.
const BAD: &str = "issuer: \"https://accounts.google.com\"\nsubjct: x\npermissions:\n  pull-requests: read\n";

fn error(code: Code) -> String {
    format!("error[{code}]: ")
}

/// An error that only the human eye is spared.
const FORGED: &str = "issuer: \"https://accounts.google.com\"\nsubject: x\npermissions: { issues: read }\n\"\\e[2J::error::forged\": 1\n";

#[test]
fn what_is_good_is_said_to_be() {
    let run = Checkout::with(&[("a.sts.yaml", GOOD), ("b.sts.yaml", GOOD)]).policy(&["lint"]).ended(0);
    assert_eq!(run.out, "2 files: no errors, no warnings\n");
    assert_eq!(run.err, "");
}

#[test]
fn every_finding_is_shown_as_compilers_do() {
    let run = Checkout::with(&[("a.sts.yaml", BAD), ("b.sts.yaml", GOOD)]).policy(&["lint"]).ended(1);
    for (code, place) in [
        (Code::UnknownKey, " --> .github/chainguard/a.sts.yaml:2:1\n"),
        (Code::UnknownPermission, " --> .github/chainguard/a.sts.yaml:4:3\n"),
    ] {
        let shown = run.out.split("\n\n").any(|finding| {
            finding.starts_with(&error(code)) && finding.contains(place) && finding.contains("= why: ")
        });
        assert!(shown, "{code} {place}\n{}", run.out);
    }
    assert!(run.out.contains("2 | subjct: x\n  | ^^^^^^\n"), "{}", run.out);
    assert!(run.out.contains("= help: did you mean `subject`?"), "{}", run.out);
    assert!(run.out.ends_with("2 files: 2 errors, no warnings\n"), "{}", run.out);
}

#[test]
fn json_has_a_stable_shape() {
    let run = Checkout::with(&[("a.sts.yaml", BAD), ("b.sts.yaml", GOOD)])
        .policy(&["lint", "--format", "json"])
        .ended(1);
    let document = json_of(&run);
    assert_eq!(document["version"], 1);
    assert_eq!(document["errors"], 2);
    assert_eq!(document["warnings"], 0);
    assert_eq!(document["files"].as_array().unwrap().len(), 2);
    let findings = document["findings"].as_array().unwrap();
    let unknown = findings.iter().find(|finding| finding["code"] == Code::UnknownKey.as_str()).unwrap();
    assert_eq!(unknown["slug"], "unknown-key");
    assert_eq!(unknown["severity"], "error");
    assert_eq!(unknown["file"], ".github/chainguard/a.sts.yaml");
    assert_eq!((unknown["line"].as_u64(), unknown["column"].as_u64()), (Some(2), Some(1)));
    for finding in findings {
        let keys: Vec<&String> = finding.as_object().unwrap().keys().collect();
        let expected =
            ["code", "column", "file", "help", "line", "message", "path", "severity", "slug", "why"];
        assert_eq!(keys, expected, "{finding}");
    }
}

#[test]
fn sarif_has_what_code_scanning_asks_for() {
    let checkout = Checkout::with(&[("a.sts.yaml", BAD)]);
    fs::create_dir(checkout.path().join(".git")).unwrap();
    checkout.write(".github/chainguard/b c.sts.yaml", BAD);
    let folder = checkout.path().join(".github/chainguard").display().to_string();
    let document = json_of(&checkout.policy(&["lint", "--format", "sarif", &folder]).ended(1));
    assert_eq!(document["version"], "2.1.0");
    assert!(document["$schema"].as_str().unwrap().starts_with("https://"));
    let run = &document["runs"][0];
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for rule in rules {
        for text in [&rule["id"], &rule["name"], &rule["shortDescription"]["text"], &rule["help"]["text"]] {
            assert!(text.as_str().is_some_and(|text| !text.is_empty()), "{rule}");
        }
        assert!(is_level(&rule["defaultConfiguration"]["level"]), "{rule}");
    }
    let results = run["results"].as_array().unwrap();
    assert!(results.len() >= 4, "{}", results.len());
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(is_level(&result["level"]) && result["message"]["text"].is_string(), "{result}");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uriBaseId"], "%SRCROOT%");
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        let expected = [".github/chainguard/a.sts.yaml", ".github/chainguard/b%20c.sts.yaml"];
        assert!(expected.contains(&uri), "relative to the root, whatever was named: {uri}");
        for number in [&place["region"]["startLine"], &place["region"]["startColumn"]] {
            assert!(number.as_u64().unwrap() >= 1, "{result}");
        }
    }
}

fn is_level(value: &Value) -> bool {
    ["error", "warning"].map(Value::from).contains(value)
}

#[test]
fn workflow_commands_stand_alone_on_their_lines() {
    let checkout = Checkout::with(&[("a.sts.yaml", BAD), ("b,c.sts.yaml", FORGED)]);
    let run = checkout.policy(&["lint", "--format", "github"]).ended(1);
    let commands: Vec<&str> = run.out.lines().filter(|line| line.starts_with("::")).collect();
    assert!(commands.len() >= 4, "{}", run.out);
    for command in &commands {
        let (properties, message) = command.strip_prefix("::error ").unwrap().split_once("::").unwrap();
        let names: Vec<&str> = properties.split(',').map(|it| it.split('=').next().unwrap()).collect();
        assert_eq!(names, ["file", "line", "col", "title"], "{command}");
        assert!(message.contains("%0Awhy: "), "{command}");
    }
    assert!(commands[0].starts_with("::error file=.github/chainguard/a.sts.yaml,line="), "{}", commands[0]);
    assert!(run.out.contains("file=.github/chainguard/b%2Cc.sts.yaml,"), "{}", run.out);
    assert!(!run.out.lines().any(|line| line.starts_with("::error::forged")), "{}", run.out);
    assert!(run.out.lines().last().unwrap().starts_with("2 files: "), "{}", run.out);
}

#[test]
fn warnings_are_denied_where_that_is_asked_for() {
    let text = GOOD.replace("subject:", "audience: \"https://octo-sts.dev\"\nsubject:");
    let checkout = Checkout::with(&[("a.sts.yaml", &text)]);
    let run = checkout.policy(&["lint"]).ended(0);
    assert!(
        run.out.contains(&format!("warning[{}]: ", Code::AudienceNotDomain))
            && run.out.contains("no errors, 1 warning"),
        "{}",
        run.out
    );
    checkout.policy(&["lint", "--deny-warnings"]).ended(1);
}

#[test]
fn who_owns_the_policies_decides_the_rules() {
    let text = format!("{GOOD}repositories: [widgets]\n");
    let checkout = Checkout::with(&[("a.sts.yaml", &text)]);
    for (arguments, code) in [
        (&["lint"] as &[&str], 1),
        (&["lint", "--org"], 0),
        (&["lint", "--repository", "acme/.github"], 0),
        (&["lint", "--repository", "acme/ops"], 1),
    ] {
        let run = checkout.policy(arguments).ended(code);
        assert_eq!(run.out.contains(&error(Code::RepositoriesHere)), code == 1, "{arguments:?}: {}", run.out);
    }
    let organization = tempfile::tempdir().unwrap();
    let folder = organization.path().join(".github/.github/chainguard");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("a.sts.yaml"), text).unwrap();
    checkout.policy(&["lint", folder.to_str().unwrap()]).ended(0);
}

#[test]
fn what_an_own_app_grants_is_its_own_affair() {
    let checkout = Checkout::with(&[("a.sts.yaml", &GOOD.replace("issues:", "secrets:"))]);
    let run = checkout.policy(&["lint"]).ended(1);
    assert!(run.out.contains(&error(Code::PermissionNotGranted)), "{}", run.out);
    checkout.policy(&["lint", "--self-hosted"]).ended(0);
}

#[test]
fn standard_input_is_a_file_like_any_other() {
    let checkout = Checkout::new();
    checkout.write("bad", BAD);
    checkout.write("good", GOOD);
    let run = checkout.policy_with_stdin(&["lint", "-"], "bad").ended(1);
    assert!(run.out.contains("--> <stdin>:2:1"), "{}", run.out);
    checkout.policy_with_stdin(&["lint", "-"], "good").ended(0);
    let run = checkout.policy_with_stdin(&["lint", "-", "--format", "github"], "bad").ended(1);
    assert!(run.out.contains("file=stdin,line=2"), "{}", run.out);
}

#[test]
fn nothing_to_lint_is_a_mistake_of_the_command() {
    let empty = tempfile::tempdir().unwrap();
    let checkout = Checkout::new();
    let folder = empty.path().to_str().unwrap();
    for (arguments, words) in [
        (&["lint", "none.sts.yaml"] as &[&str], "none.sts.yaml is not there"),
        (&["lint", folder], "there is nothing to lint in"),
        (&["lint"], "there is nothing to lint in .github/chainguard"),
        (&["lint", "--repository", "acme"], "--repository"),
        (&["lint", "--format", "xml"], "xml"),
    ] {
        let run = checkout.policy(arguments).ended(2);
        assert!(run.err.contains(words) && run.out.is_empty(), "{}", run.err);
    }
    let run = crate::support::run_in(empty.path(), &["policy", "lint"]).ended(2);
    assert!(run.err.contains("there is no folder .github/chainguard here"), "{}", run.err);
}

#[test]
fn what_is_no_policy_is_a_finding_and_never_a_crash() {
    let nested = format!("issuer: {}x{}\n", "[".repeat(50_000), "]".repeat(50_000));
    let bomb: String = (0..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, level| {
        format!("{text}a{}: &a{} [*a{level}, *a{level}]\n", level + 1, level + 1)
    });
    let huge = format!("# {}\n{GOOD}", "x".repeat(5 * 1024 * 1024));
    for (name, bytes, code) in [
        ("empty", Vec::new(), "error["),
        ("binary", vec![0, 159, 146, 150, 255, 0], "error[GP001]: "),
        ("huge", huge.into_bytes(), "error[GP001]: "),
        ("nested", nested.into_bytes(), "error["),
        ("bomb", bomb.into_bytes(), "error["),
        ("tabs", b"issuer:\n\t- x\n".to_vec(), "error["),
        ("twice", format!("{GOOD}subject: x\n").into_bytes(), &error(Code::RepeatedKey)),
    ] {
        let checkout = Checkout::new();
        checkout.write(".github/chainguard/a.sts.yaml", &bytes);
        for format in ["human", "json", "sarif", "github"] {
            let run = checkout.policy(&["lint", "--format", format]).ended(1);
            assert!(run.err.is_empty() && run.out.len() < 200_000, "{name}: {}", run.err);
            if format == "human" {
                assert!(run.out.starts_with(code), "{name}: {}", run.out);
            }
        }
    }
    let several = Checkout::with(&[("a.sts.yaml", &format!("{GOOD}---\nissuer: x\n"))]);
    assert!(several.policy(&["lint"]).ended(0).out.contains(&format!("warning[{}]", Code::SecondDocument)));
}

#[test]
fn a_folder_that_is_named_like_a_policy_cannot_be_read() {
    let checkout = Checkout::with(&[("b.sts.yaml", GOOD)]);
    fs::create_dir(checkout.path().join(".github/chainguard/a.sts.yaml")).unwrap();
    let run = checkout.policy(&["lint"]).ended(1);
    assert!(
        run.out.contains("error[GP001]: this is a directory\n --> .github/chainguard/a.sts.yaml\n"),
        "{}",
        run.out
    );
    assert!(run.out.ends_with("2 files: 1 error, no warnings\n"), "{}", run.out);
}

#[test]
fn a_token_that_is_taken_for_a_policy_is_shown_in_no_format() {
    let checkout = Checkout::new();
    let token = jwt(&stranger());
    checkout.write("token", &token);
    checkout.write(
        "in.sts.yaml",
        format!("issuer: {token}\nsubject: {token}\npermissions: {{ {token}: read }}\n"),
    );
    for file in ["token", "in.sts.yaml"] {
        for format in ["human", "json", "sarif", "github"] {
            let run = checkout.policy(&["lint", "--format", format, file]).ended(1);
            let signature = token.rsplit('.').next().unwrap();
            assert!(!run.out.contains(signature), "{}", run.out);
        }
    }
    checkout.policy(&["explain", "token", "--token", "token"]).ended(1);
    checkout.policy(&["test", "token"]).ended(1);
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_a_failure() {
    let checkout = Checkout::with(&[("a.sts.yaml", GOOD)]);
    let mut command = gatepass();
    command.args(["policy", "lint", "--format", "sarif"]).current_dir(checkout.path());
    command.stdout(fs::File::create("/dev/full").unwrap());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains("standard output cannot be written"));
}
