//! `gatepass policy lint`: what Octo STS will refuse in a policy, and what it will accept too widely.

mod files;
mod json;
mod sarif;
mod workflow;

use clap::{Args, ValueEnum};
use gatepass_core::config::Sts;
use gatepass_core::env::Env;
use gatepass_core::names::RepositoryName;
use gatepass_policy::PolicyKind;
use gatepass_policy::lint::{self, Code, Finding, PolicyFile, Settings, Severity};
use gatepass_yaml::{Path, Position, Problem};

use self::files::File;
use super::document::kind_in;
use crate::Stop;
use crate::input::{self, MAX_FILE};
use crate::problems::{Source, show_finding};
use crate::terminal::{STRONG, Terminal, count, json};

/// Find what Octo STS will refuse in a trust policy, or accept too widely
///
/// Files are looked at as they are; of a folder, what looks like a policy in it; of a checkout, its
/// .github/chainguard. `-` is standard input. Policies of an organisation's repository `.github` are
/// read by other rules than those of an ordinary one: which apply is told by --org, by --repository,
/// by GITHUB_REPOSITORY, or by the name of the checkout's folder, the first that there is.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Exit code: 0 without errors (there may be warnings), 1 with errors or, with --deny-warnings, warnings,
2 when there is nothing to lint.
Every code is explained in docs/policy/lints.md."
)]
pub(crate) struct Options {
    /// Files and folders [default: .github/chainguard]
    #[arg(value_name = "PATH")]
    paths: Vec<String>,

    /// For whom the findings are written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,

    /// The files are of an organisation's repository `.github`
    #[arg(long, conflicts_with = "repository")]
    org: bool,

    /// The repository that the files are of
    #[arg(long, value_name = "OWNER/NAME")]
    repository: Option<RepositoryName>,

    /// The bare domain of the Octo STS, which a policy without `audience` demands
    #[arg(long, value_name = "DOMAIN", default_value = Sts::DOMAIN)]
    domain: String,

    /// The App is one of your own, which may grant what the hosted one cannot
    #[arg(long)]
    self_hosted: bool,

    /// End with 1 also where there are only warnings
    #[arg(long)]
    deny_warnings: bool,
}

/// For whom findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people: the line, the caret, the help
    Human,
    /// For programs: see docs/policy/README.md
    Json,
    /// SARIF 2.1.0, for GitHub code scanning
    Sarif,
    /// Workflow commands, which GitHub shows beside the lines of a pull request
    Github,
}

/// A file, and what was found in it.
#[derive(Debug)]
struct Report {
    file: File,
    findings: Vec<Finding>,
}

/// How much was found.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    errors: usize,
    warnings: usize,
}

pub(crate) fn run(options: &Options, terminal: &Terminal) -> Result<(), Stop> {
    let repository = options.repository.as_ref().map(ToString::to_string);
    let repository = repository.or_else(|| Env::from_process().get("GITHUB_REPOSITORY").map(str::to_owned));
    let kind = match &repository {
        _ if options.org => Some(PolicyKind::Organization),
        Some(repository) => Some(kind_in(repository)),
        None => None,
    };
    let settings = Settings { domain: options.domain.clone(), hosted: !options.self_hosted };
    let out = terminal.out;
    let mut reports = Vec::new();
    for file in files::find(&options.paths)? {
        let (text, findings) = look(&file, kind, &settings);
        if options.format == Format::Human {
            let source = Source { file: file.name(), text: text.as_deref() };
            findings.iter().for_each(|finding| show_finding(out, source, finding));
        }
        reports.push(Report { file, findings });
    }
    let tally = Tally::of(&reports);
    match options.format {
        Format::Human => out.line(&out.paint(STRONG, &tally.sentence(reports.len()))),
        Format::Json => out.line(&json(&json::document(&reports, tally))),
        Format::Sarif => out.line(&json(&sarif::document(&reports))),
        Format::Github => {
            let commands = reports.iter().flat_map(workflow::commands);
            commands.for_each(|command| out.line(&command));
            out.line(&tally.sentence(reports.len()));
        }
    }
    let is_good = tally.errors == 0 && (tally.warnings == 0 || !options.deny_warnings);
    if is_good { Ok(()) } else { Err(Stop::Said) }
}

/// What is found in a file, and its text where it has one.
fn look(file: &File, kind: Option<PolicyKind>, settings: &Settings) -> (Option<String>, Vec<Finding>) {
    let read = file.trouble.clone().map_or_else(|| input::read(&file.path, MAX_FILE), Err);
    let bytes = match read {
        Ok(bytes) => bytes,
        Err(why) => return (None, vec![unreadable(why)]),
    };
    let kind = kind.unwrap_or_else(|| file.place.kind());
    let findings = lint::lint(&PolicyFile { path: &file.place.path, bytes: &bytes, kind }, settings);
    (String::from_utf8(bytes).ok(), findings)
}

fn unreadable(why: String) -> Finding {
    Finding {
        code: Code::Unreadable,
        problem: Problem {
            position: Position::START,
            path: Path::root(),
            message: format!("this {why}"),
            help: Some("put a text file of a few lines there, or take it away".to_owned()),
        },
        why: "Octo STS answers 404 for a policy that it cannot read".to_owned(),
    }
}

impl Tally {
    fn of(reports: &[Report]) -> Self {
        let mut tally = Self::default();
        for finding in reports.iter().flat_map(|report| &report.findings) {
            match finding.code.severity() {
                Severity::Error => tally.errors += 1,
                Severity::Warning => tally.warnings += 1,
            }
        }
        tally
    }

    fn sentence(self, files: usize) -> String {
        let Self { errors, warnings } = self;
        format!("{}: {}, {}", count(files, "file"), count(errors, "error"), count(warnings, "warning"))
    }
}
