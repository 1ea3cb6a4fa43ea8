//! `gatepass`: tries jobs on loopback, checks a file, writes a first one, sends events to
//! a running program, sends again what ended among the dead letters, and works on trust policies and the tokens that they
//! are about.
//!
//! What was asked for goes to standard output; progress and errors go to standard error. The exit code is 0 when all is
//! well, 1 when something failed, and 2 when the command itself was not understood.

mod check;
mod dev;
mod doctor;
mod identity;
mod init;
mod input;
mod outcome;
mod policy;
mod problems;
mod rehearsal;
mod replay;
mod samples;
mod secrets;
mod send;
mod terminal;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::terminal::Terminal;

/// Cloud functions that act on GitHub with a gate pass instead of a key
///
/// A job in AWS, Google Cloud or Azure proves who it is with its cloud's own identity, trades that
/// proof at Octo STS for a GitHub token that lives for minutes, and opens issues or reads
/// repositories with it. Jobs are written in gatepass.yaml.
#[derive(Parser)]
#[command(name = "gatepass", version, verbatim_doc_comment, after_help = FIRST_STEPS)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const FIRST_STEPS: &str = "\
First steps:
  gatepass dev --once               see five events through three clouds, without an account or a network
  gatepass init --cloud gcp         write a first gatepass.yaml
  gatepass check                    find everything that is wrong with it, and see what it would write
  gatepass send --list              see what can be sent to a running program
  gatepass policy suggest --help    write the trust policy that lets a job's workload in, and nobody else
  gatepass policy lint              find what Octo STS will refuse in one, or accept too widely
  gatepass token                    see what the token of this workload says
  gatepass doctor                   find the link between a workload and GitHub that is broken
  gatepass replay --help            send again what ended among the dead letters";

#[derive(Subcommand)]
enum Command {
    Dev(dev::Options),
    Check(check::Options),
    Init(init::Options),
    Send(Box<send::Options>),
    #[command(subcommand)]
    Policy(policy::Command),
    Token(token::Options),
    Doctor(doctor::Options),
    Replay(replay::Options),
}

/// Why a command ends without success.
#[derive(Debug)]
enum Stop {
    /// Everything has been said.
    Said,
    /// Something failed; this says what, and what to do.
    Failed(String),
    /// The command line asks for something that there is not.
    Usage(String),
}

fn main() -> ExitCode {
    let terminal = Terminal::new();
    let result = secrets::refuse(std::env::args_os()).map_err(Stop::Usage).and_then(|()| run(&terminal));
    let (message, code) = match result {
        Ok(()) if terminal::was_lost() => {
            ("standard output cannot be written; is the disk full?".to_owned(), 1)
        }
        Ok(()) => return ExitCode::SUCCESS,
        Err(Stop::Said) => return ExitCode::FAILURE,
        Err(Stop::Failed(message)) => (message, 1),
        Err(Stop::Usage(message)) => (message, 2),
    };
    let label = terminal.err.paint(terminal::BAD, "error");
    let lines: Vec<String> = message.lines().map(terminal::clean).collect();
    terminal.err.line(&format!("{label}: {}", lines.join("\n")));
    ExitCode::from(code)
}

fn run(terminal: &Terminal) -> Result<(), Stop> {
    match Cli::parse().command {
        Command::Dev(options) => dev::run(&options, terminal),
        Command::Check(options) => check::run(&options, terminal),
        Command::Init(options) => init::run(&options, terminal),
        Command::Send(options) => send::run(&options, terminal),
        Command::Policy(command) => policy::run(&command, terminal),
        Command::Token(options) => token::run(&options, terminal),
        Command::Doctor(options) => doctor::run(&options, terminal),
        Command::Replay(options) => replay::run(&options, terminal),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
