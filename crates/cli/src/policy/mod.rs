//! `gatepass policy`: trust policies, from suggestion to test.

mod document;
mod explain;
mod explanation;
mod lint;
mod suggest;
mod test;

use clap::{Subcommand, ValueEnum};

use crate::Stop;
use crate::terminal::Terminal;

/// Suggest, lint, explain and test the trust policies of Octo STS
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    Lint(lint::Options),
    Explain(explain::Options),
    Suggest(Box<suggest::Options>),
    Test(test::Options),
}

/// For whom a result is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Human,
    /// For programs
    Json,
}

pub(crate) fn run(command: &Command, terminal: &Terminal) -> Result<(), Stop> {
    match command {
        Command::Lint(options) => lint::run(options, terminal),
        Command::Explain(options) => explain::run(options, terminal),
        Command::Suggest(options) => suggest::run(options, terminal),
        Command::Test(options) => test::run(options, terminal),
    }
}
