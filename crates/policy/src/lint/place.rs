//! Whether the server finds the file at all: `.github/chainguard/{name}.sts.yaml`.

use gatepass_yaml::{Path, Position, Problem};

use super::{Code, Finding};
use crate::{policy_path, trusted_issuers};

const START: Position = Position { line: 1, column: 1 };

/// Whether this is the list of trusted issuers, by its name.
pub(super) fn is_issuer_list(path: &str) -> bool {
    trusted_issuers::PATH.rsplit('/').next() == path.rsplit('/').next()
}

/// Looks at the name of a policy's file, and at its folder where the path says enough.
pub(super) fn policy(path: &str) -> Option<Finding> {
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    let (name, folders) = segments.split_last()?;
    let list = trusted_issuers::PATH.rsplit('/').next().unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    let stem = name.strip_suffix(".sts.yaml");
    let (message, help) =
        if lower.trim_end_matches(".yml").trim_end_matches(".yaml") == list.trim_end_matches(".yaml") {
            (
                format!("the list of trusted issuers is read from `{list}`, not from `{name}`"),
                format!("rename it to `{list}`"),
            )
        } else if let Some(stem) = stem.filter(|stem| is_identity(stem)) {
            return folder(folders, &policy_path(stem));
        } else if let Some(stem) = stem {
            (
                format!("`{stem}` cannot be the name of a policy"),
                "use up to 100 of A-Z, a-z, 0-9, `.`, `_` and `-`".to_owned(),
            )
        } else {
            (
                format!("the file is named `{name}`, and Octo STS reads `<name>.sts.yaml` only"),
                renamed(&lower, name),
            )
        };
    let why = match stem {
        Some(_) => {
            "Such a name has to be escaped in every request, and not every client does: gatepass takes none."
        }
        None => "Octo STS answers 404 `unable to find trust policy for …`, as if there were no file.",
    };
    Some(finding(Code::FileName, message, help, why))
}

/// Looks at the folder of the list of trusted issuers, where the path says enough.
pub(super) fn issuer_list(path: &str) -> Option<Finding> {
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    folder(segments.split_last()?.1, trusted_issuers::PATH)
}

fn folder(folders: &[&str], expected: &str) -> Option<Finding> {
    let github = folders.iter().rposition(|folder| folder.eq_ignore_ascii_case(".github"));
    let inside = github.and_then(|index| folders.get(index..))?;
    let (message, why) = match inside {
        [".github", "chainguard"] => return None,
        [".github", "chainguard", ..] => (
            "the file is in a folder below `.github/chainguard`".to_owned(),
            "A policy's name has no slash in it, and Octo STS does not look into folders below.",
        ),
        _ => (
            format!("the file is in `{}`, and Octo STS looks in `.github/chainguard` only", inside.join("/")),
            "Octo STS answers 404 `unable to find trust policy for …`, as if there were no file.",
        ),
    };
    Some(finding(Code::FilePlace, message, format!("move it to `{expected}`"), why))
}

fn renamed(lower: &str, name: &str) -> String {
    let endings = [".sts.yaml", ".sts.yml", ".sts.json", ".yaml", ".yml", ".sts"];
    let stem = endings
        .iter()
        .find(|ending| lower.ends_with(*ending))
        .and_then(|ending| name.get(..name.len() - ending.len()));
    let stem = stem.filter(|stem| is_identity(stem)).unwrap_or("<name>");
    format!("rename it to `{stem}.sts.yaml`")
}

/// As gatepass and its configuration have the names of policies.
fn is_identity(name: &str) -> bool {
    (1..=100).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
}

fn finding(code: Code, message: String, help: String, why: &str) -> Finding {
    let problem = Problem { position: START, path: Path::root(), message, help: Some(help) };
    Finding { code, problem, why: why.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_files_that_the_server_does_not() {
        for (path, code, help) in [
            ("alarms.yaml", Code::FileName, "rename it to `alarms.sts.yaml`"),
            ("alarms.sts.yml", Code::FileName, "rename it to `alarms.sts.yaml`"),
            ("Alarms.STS.YAML", Code::FileName, "rename it to `Alarms.sts.yaml`"),
            (".github/chainguard/alarms.sts", Code::FileName, "rename it to `alarms.sts.yaml`"),
            ("README.md", Code::FileName, "rename it to `<name>.sts.yaml`"),
            (".sts.yaml", Code::FileName, "use up to 100"),
            ("my alarms.sts.yaml", Code::FileName, "use up to 100"),
            ("trusted-token-issuers.yml", Code::FileName, "rename it to `trusted-token-issuers.yaml`"),
            (".github/alarms.sts.yaml", Code::FilePlace, "move it to `.github/chainguard/alarms.sts.yaml`"),
            (
                "a/.github/workflows/alarms.sts.yaml",
                Code::FilePlace,
                "move it to `.github/chainguard/alarms.sts.yaml`",
            ),
            (".github/chainguard/team/alarms.sts.yaml", Code::FilePlace, "move it to"),
            (".github/Chainguard/alarms.sts.yaml", Code::FilePlace, "move it to"),
            (".GitHub/chainguard/alarms.sts.yaml", Code::FilePlace, "move it to"),
        ] {
            let finding = policy(path).expect(path);
            assert_eq!(finding.code, code, "{path}");
            assert!(finding.problem.help.unwrap().starts_with(help), "{path}");
        }
        for path in [
            "alarms.sts.yaml",
            "./.github/chainguard/a.b_c-D.sts.yaml",
            "/r/.github/chainguard/a.sts.yaml",
            "x/y/a.sts.yaml",
        ] {
            assert_eq!(policy(path), None, "{path}");
        }
    }

    #[test]
    fn knows_the_list_by_its_name() {
        assert!(is_issuer_list(trusted_issuers::PATH) && is_issuer_list("trusted-token-issuers.yaml"));
        assert!(!is_issuer_list("trusted-token-issuers.yml") && !is_issuer_list("a.sts.yaml"));
        assert_eq!(issuer_list(trusted_issuers::PATH), None);
        let code = issuer_list(".github/trusted-token-issuers.yaml").map(|finding| finding.code);
        assert_eq!(code, Some(Code::FilePlace));
    }
}
