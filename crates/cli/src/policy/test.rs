//! `gatepass policy test`: tokens that must pass and tokens that must not, held against their policy.

use std::fs;
use std::path::Path;

use clap::Args;
use gatepass_core::config::Sts;
use gatepass_policy::{Case, Cases, TrustPolicy, explain};

use super::document::{Document, FOLDER};
use super::explanation::{self, sentence};
use crate::Stop;
use crate::input::{self, MAX_FILE};
use crate::problems::{Level, Source, show};
use crate::terminal::{BAD, FAINT, GOOD, STRONG, Stream, Terminal, clean, count};

/// How the files of cases end.
const ENDS: [&str; 2] = [".test.yaml", ".test.yml"];

/// Hold a trust policy against tokens that must pass and tokens that must not
///
/// The cases of NAME.sts.yaml stand beside it in NAME.test.yaml; docs/policy/cases.md says how they
/// are written. Octo STS does not look at files of that name.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Exit code: 0 when every case is as it must be, 1 when one is not or a file cannot be used, 2 when there
are no cases."
)]
pub(crate) struct Options {
    /// Files of cases [default: every *.test.yaml in .github/chainguard]
    #[arg(value_name = "FILE")]
    files: Vec<String>,

    /// The bare domain of the Octo STS, where the file does not say it [default: octo-sts.dev]
    #[arg(long)]
    domain: Option<String>,

    /// The policies are of an organisation's repository `.github`
    #[arg(long)]
    org: bool,
}

/// How many cases are as they must be.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    passed: usize,
    failed: usize,
    /// Files of which no case could be judged.
    broken: usize,
}

pub(crate) fn run(options: &Options, terminal: &Terminal) -> Result<(), Stop> {
    let files = if options.files.is_empty() { in_folder()? } else { options.files.clone() };
    if let Some(absent) = files.iter().find(|path| !Path::new(path).exists()) {
        return Err(Stop::Usage(format!("there is no file {absent}")));
    }
    let out = terminal.out;
    let mut tally = Tally::default();
    for file in &files {
        out.line(&out.paint(STRONG, &clean(file)));
        match read(file, options.org, out) {
            Ok((cases, policy)) => {
                let domain = cases.domain.as_deref().or(options.domain.as_deref()).unwrap_or(Sts::DOMAIN);
                run_cases(out, &cases.cases, &policy, domain, &mut tally);
            }
            Err(Stop::Said) => tally.broken += 1,
            Err(Stop::Usage(why) | Stop::Failed(why)) => {
                out.line(&format!("  {}: {}", out.paint(BAD, "error"), clean(&why)));
                tally.broken += 1;
            }
        }
    }
    let broken = match tally.broken {
        0 => String::new(),
        number => format!(", {} unusable", count(number, "file")),
    };
    out.line(&out.paint(STRONG, &format!("{} passed, {} failed{broken}", tally.passed, tally.failed)));
    if tally.failed == 0 && tally.broken == 0 { Ok(()) } else { Err(Stop::Said) }
}

/// Every file of cases in the folder of policies.
fn in_folder() -> Result<Vec<String>, Stop> {
    let paths = fs::read_dir(FOLDER).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let names = paths.filter_map(|path| Some(path.to_str()?.to_owned()));
    let mut files: Vec<String> =
        names.filter(|name| ENDS.iter().any(|end| name.to_lowercase().ends_with(end))).collect();
    files.sort();
    if files.is_empty() {
        return Err(Stop::Usage(format!(
            "there are no cases here: no *.test.yaml in {FOLDER}; name the files"
        )));
    }
    Ok(files)
}

/// The cases of a file, and the policy that they are about.
fn read(file: &str, org: bool, out: Stream) -> Result<(Cases, TrustPolicy), Stop> {
    let text = input::read_text(file, MAX_FILE).map_err(|why| Stop::Failed(format!("{file} {why}")))?;
    let cases = Cases::read(&text).map_err(|problems| {
        let source = Source { file, text: Some(&text) };
        problems.iter().for_each(|problem| show(out, Level::Error, source, problem, None));
        Stop::Said
    })?;
    let policy = policy_of(file, cases.policy.as_deref());
    let Document { policy, .. } = Document::read(&policy, org, out)?;
    Ok((cases, policy))
}

/// The policy that is named, from where the cases are; or else the one of the same name.
fn policy_of(file: &str, named: Option<&str>) -> String {
    let path = match named {
        Some(named) => Path::new(file).with_file_name("").join(named),
        None => {
            let stem = ENDS.iter().find_map(|end| file.strip_suffix(end)).unwrap_or(file);
            return format!("{stem}.sts.yaml");
        }
    };
    path.display().to_string()
}

fn run_cases(out: Stream, cases: &[Case], policy: &TrustPolicy, domain: &str, tally: &mut Tally) {
    for case in cases {
        let name = clean(&case.name);
        let Some(verdict) = case.judge(policy, domain) else {
            tally.passed += 1;
            let must = if case.must_pass { "admitted" } else { "refused" };
            out.line(&format!("  {}      {name}  {}", out.paint(GOOD, "ok"), out.paint(FAINT, must)));
            continue;
        };
        tally.failed += 1;
        let must = match (&case.because, case.must_pass) {
            (_, true) => "it must be admitted".to_owned(),
            (None, false) => "it must be refused".to_owned(),
            (Some(because), false) => format!("it must be refused because of {because:?}"),
        };
        out.line(&format!("  {}  {name}", out.paint(BAD, "FAILED")));
        out.line(&format!("          {}; {}", clean(&must), clean(&sentence(&verdict))));
        out.line("");
        explanation::tell(out, &explain(policy, &case.claims, domain));
        out.line("");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_about_the_policy_beside_them() {
        for (file, named, policy) in [
            ("a/b.test.yaml", None, "a/b.sts.yaml"),
            ("b.test.yml", None, "b.sts.yaml"),
            ("a/b.test.yaml", Some("c.sts.yaml"), "a/c.sts.yaml"),
            ("b.test.yaml", Some("../c.sts.yaml"), "../c.sts.yaml"),
        ] {
            assert_eq!(policy_of(file, named), policy);
        }
    }
}
