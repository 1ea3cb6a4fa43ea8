//! What the readers find: all of it in the order of the text, for lints; and the first of it in the server's order.

use gatepass_yaml::{MAX_PROBLEMS, Path, Position, Problem};

use crate::lint::{Code, Finding};
use crate::{ParseError, ParseErrorKind};

/// What is being read, and so what a mistake in it costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum File {
    Policy,
    IssuerList,
}

/// Something in the file that a finding can be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) position: Position,
    pub(crate) path: Path,
}

impl Place {
    /// A place that has no name of its own.
    pub(crate) fn at(position: Position) -> Self {
        Self { position, path: Path::root() }
    }
}

/// Found in the server's order; at most one more than [`MAX_PROBLEMS`].
pub(crate) struct Findings {
    file: File,
    found: Vec<Found>,
}

struct Found {
    /// Nothing when the server uses the file all the same.
    kind: Option<ParseErrorKind>,
    finding: Finding,
}

impl Findings {
    pub(crate) fn of(file: File) -> Self {
        Self { file, found: Vec::new() }
    }

    /// For what is said elsewhere already.
    pub(crate) fn ignored() -> Self {
        Self::of(File::Policy)
    }

    /// Whether looking for more is of no use.
    pub(crate) fn full(&self) -> bool {
        self.found.len() >= MAX_PROBLEMS && self.found.iter().any(|found| found.kind.is_some())
    }

    /// Whether something has been found on this line: what follows there is most likely its consequence.
    pub(crate) fn on_line(&self, line: usize) -> bool {
        self.found.iter().any(|found| found.finding.position().line == line)
    }

    /// The server makes this of the file.
    pub(crate) fn refuse(
        &mut self,
        kind: ParseErrorKind,
        code: Code,
        place: &Place,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let why = consequence(self.file, kind, code).to_owned();
        let code = match (self.file, kind) {
            (File::Policy, _) | (File::IssuerList, ParseErrorKind::NotJudged) => code,
            (File::IssuerList, _) => Code::AllowListInvalid,
        };
        self.push(Some(kind), code, place, message.into(), help.into(), why);
    }

    /// The server uses the file all the same.
    pub(crate) fn note(
        &mut self,
        code: Code,
        place: &Place,
        message: impl Into<String>,
        help: impl Into<String>,
        why: impl Into<String>,
    ) {
        self.push(None, code, place, message.into(), help.into(), why.into());
    }

    fn push(
        &mut self,
        kind: Option<ParseErrorKind>,
        code: Code,
        place: &Place,
        message: String,
        help: String,
        why: String,
    ) {
        // Of refusals at least the first one is kept, whatever else there is.
        if self.full() || (self.found.len() >= MAX_PROBLEMS && kind.is_none()) {
            return;
        }
        let Place { position, path } = place.clone();
        let help = (!help.is_empty()).then_some(help);
        let finding = Finding { code, problem: Problem { position, path, message, help }, why };
        self.found.push(Found { kind, finding });
    }

    /// The first reason, in the server's order, why it does not use the file, or why that is not known.
    pub(crate) fn first(&self) -> Option<ParseError> {
        self.found.iter().find_map(|Found { kind, finding }| {
            let Finding { code, problem, .. } = finding;
            let message = match &problem.help {
                Some(help) if help.starts_with("did you mean") => format!("{}, {help}", problem.message),
                Some(help) => format!("{}: {help}", problem.message),
                None => problem.message.clone(),
            };
            Some(ParseError { kind: (*kind)?, code: *code, position: problem.position, message })
        })
    }

    pub(crate) fn in_text_order(self) -> Vec<Finding> {
        let mut findings: Vec<Finding> = self.found.into_iter().map(|found| found.finding).collect();
        findings.sort_by_key(Finding::position);
        findings
    }
}

/// What the server does about it.
fn consequence(file: File, kind: ParseErrorKind, code: Code) -> &'static str {
    match (file, kind) {
        (_, ParseErrorKind::NotJudged) if code == Code::NewerOnly => {
            "Servers built before September 2026 refuse the whole policy over this key, and it is not known which one answers."
        }
        (_, ParseErrorKind::NotJudged) => {
            "What the server makes of it is not known for certain, so nothing that is said about the file can be relied on."
        }
        (File::IssuerList, _) => {
            "Octo STS refuses every exchange in the organisation with 400 `organization trusted-issuer configuration is \
             invalid`, unless it still remembers an earlier list."
        }
        (File::Policy, ParseErrorKind::Unreadable) => {
            "Octo STS answers 404 `unable to read trust policy found for …`, and every workload is refused."
        }
        (File::Policy, ParseErrorKind::Unparseable) => {
            "Octo STS answers 404 `unable to parse trust policy found for …`, and every workload is refused."
        }
        (File::Policy, ParseErrorKind::Uncompilable) => {
            "Octo STS answers 404 `unable to compile trust policy found for …`, and every workload is refused."
        }
    }
}
