//! `gatepass replay`: what ended among the dead letters, or in a file, is sent again.

mod file;
mod letter;
mod place;
mod source;
mod target;
mod work;

use clap::Args;

use self::place::Place;
use self::source::Source;
use self::target::Target;
use self::work::Work;
use crate::Stop;
use crate::terminal::{FAINT, STRONG, Terminal, clean, count};

/// What `--help` says of it.
const HELP: &str = "\
Take events out of a dead-letter queue or a file, and send them again

SOURCE and TARGET are a queue, or a file with a message on each line:

  arn:aws:sqs:REGION:ACCOUNT:NAME                   Amazon SQS
  projects/PROJECT/subscriptions/NAME               Pub/Sub, to take from (a subscription that is pulled)
  projects/PROJECT/topics/NAME                      Pub/Sub, to send to
  https://ACCOUNT.queue.core.windows.net/NAME       Queue Storage (dead letters are on NAME-poison)
  letters.jsonl                                     a file

A message leaves its source only when the target has it. Whatever happens in between, nothing is lost; a message
may come twice then, which changes nothing where the job converges, as open_issue does. Each message is tried
once. Hand-offs start afresh: they come back at once, and their deferrals count from zero.

  gatepass replay --from arn:aws:sqs:eu-central-1:123456789012:gatepass-dead --dry-run
  gatepass replay --from arn:aws:sqs:eu-central-1:123456789012:gatepass-dead --to letters.jsonl
  gatepass replay --from letters.jsonl --to arn:aws:sqs:eu-central-1:123456789012:gatepass";

/// Take events out of a dead-letter queue or a file, and send them again
#[derive(Args, Debug)]
#[command(
    long_about = HELP,
    after_help = "\
Credentials, as the cloud's own programs find them:
  AWS      the environment, a web-identity token, a container's or an instance's role; on your own
           machine: eval \"$(aws configure export-credentials --format env)\"
  Google   gcloud auth application-default login, GOOGLE_APPLICATION_CREDENTIALS, or the metadata server
  Azure    a managed identity: in a virtual machine, a container, or a function app

Exit code: 0 when nothing failed, 1 otherwise."
)]
pub(crate) struct Options {
    /// Where they are
    #[arg(long, value_name = "SOURCE")]
    from: String,

    /// Where to send them
    #[arg(long, value_name = "TARGET", required_unless_present = "dry_run")]
    to: Option<String>,

    /// Take so many at the most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    max: Option<u32>,

    /// Show what is there, and leave everything where it is
    #[arg(long)]
    dry_run: bool,

    /// Send, and leave everything where it is too
    #[arg(long, conflicts_with = "dry_run")]
    keep: bool,
}

pub(crate) fn run(options: &Options, terminal: &Terminal) -> Result<(), Stop> {
    let from: Place = options.from.parse().map_err(|why| Stop::Usage(format!("--from: {why}")))?;
    let to = options.to.as_deref().filter(|_| !options.dry_run).map(str::parse::<Place>).transpose();
    let to = to.map_err(|why| Stop::Usage(format!("--to: {why}")))?;
    if to.as_ref() == Some(&from) {
        return Err(Stop::Usage("--from and --to are the same place".to_owned()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Stop::Failed(format!("no thread can be started: {error}")))?;
    runtime.block_on(replay(from, to, options, terminal))
}

async fn replay(from: Place, to: Option<Place>, options: &Options, terminal: &Terminal) -> Result<(), Stop> {
    let mut source = Source::open(from).map_err(|why| Stop::Failed(format!("--from: {why}")))?;
    let target = to.map(Target::open).transpose().map_err(|why| Stop::Failed(format!("--to: {why}")))?;
    let mut work =
        Work { max: options.max, keep: options.keep, out: terminal.out, sent: 0, seen: 0, failed: 0 };
    let ended = work.run(&mut source, target.as_ref()).await;
    let out = terminal.out;
    let messages = |number: usize| count(number, "message");
    let mut told = match &target {
        None => format!("{} there", messages(work.seen)),
        Some(_) => format!("{} sent", messages(work.sent)),
    };
    if work.failed > 0 {
        told.push_str(&format!(", {} failed and left where it was", work.failed));
    }
    if options.keep {
        told.push_str("; all are still there");
    }
    if ended.is_ok() || work.seen > 0 {
        out.line(&out.paint(STRONG, &told));
    }
    if options.max.is_some_and(|max| work.seen >= usize::try_from(max).unwrap_or(usize::MAX)) {
        out.line(&out.paint(FAINT, "stopped at --max; there may be more"));
    }
    match ended {
        Err(why) => Err(Stop::Failed(clean(&why))),
        Ok(()) if work.failed > 0 => Err(Stop::Said),
        Ok(()) => Ok(()),
    }
}
