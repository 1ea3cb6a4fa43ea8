//! `gatepass dev`: the sandbox, the shipped binaries, and events through them.

mod admission;
mod control;
mod place;
mod plan;
mod programs;
mod run;
mod send;
mod show;
mod stage;

use std::path::PathBuf;

use clap::Args;

use self::place::Place;
use crate::Stop;
use crate::check::{self, Checked};
use crate::terminal::Terminal;

/// The example that runs when no file is named.
const EXAMPLE: &str = include_str!("../../../../examples/quickstart/gatepass.yaml");

/// Run jobs on loopback: events in, GitHub issues out, no account, no network
///
/// Starts stand-ins for the clouds' identity endpoints, Octo STS and GitHub, which check
/// everything for real, and the programs gatepass-aws, gatepass-gcp and gatepass-azure as
/// processes of their own, as Lambda, Cloud Run and the Functions host would start them. Then it
/// sends events to them and shows every request that follows.
///
/// Without --once it stays up, and says how to send events from another terminal.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Exit code of --once: 0 when every event came to what it should, else 1.
Nothing here reaches beyond this machine, and nothing is left behind."
)]
pub(crate) struct Options {
    /// Send one of each event, show what happens, and end
    #[arg(long)]
    once: bool,

    /// How often to send them; from the second time on, nothing may be doubled
    #[arg(long, value_name = "N", default_value_t = 1, requires = "once", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: u32,

    /// Run the jobs of this file instead of the example's
    #[arg(long, value_name = "FILE")]
    config: Option<String>,

    /// Where the programs are [default: beside gatepass itself]
    #[arg(long, value_name = "DIR")]
    bin_dir: Option<PathBuf>,

    /// Where to listen for events to send; 0 takes any free port
    #[arg(long, value_name = "PORT", default_value_t = 0, conflicts_with = "once")]
    port: u16,
}

/// What is run: a file without errors, and whether it is the example, whose results are known.
struct Cast {
    checked: Checked,
    is_example: bool,
}

pub(crate) fn run(options: &Options, terminal: &Terminal) -> Result<(), Stop> {
    let cast = match &options.config {
        Some(path) => Cast { checked: check::read(path, terminal.err)?, is_example: false },
        None => Cast {
            checked: check::read_text("the example", EXAMPLE.to_owned(), terminal.err)?,
            is_example: true,
        },
    };
    let places = Place::of(&cast.checked);
    let programs = programs::find(options.bin_dir.as_deref(), &places)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Stop::Failed(format!("no threads can be started: {error}")))?;
    runtime.block_on(run::run(options, &cast, &programs, terminal))
}
