//! `gatepass check`: everything that is wrong with a file, and what its templates would write.

use clap::Args;
use gatepass_core::config::{self, ConfigError, Loaded, Platform, Trigger};
use gatepass_core::job::{Actions, Job, Jobs};
use gatepass_yaml::Problem;

use crate::Stop;
use crate::problems::{Level, Source, show};
use crate::rehearsal::{located, tell, unread};
use crate::samples::{self, Sample};
use crate::terminal::{STRONG, Stream, Terminal, clean, count};

/// Find everything that is wrong with a gatepass.yaml, and see what it would write
///
/// All problems are shown at once, each with its place and what to do about it. When there are
/// none, the templates of every job are rendered with sample events that fit its triggers.
/// Nothing is sent anywhere: what a job would read from GitHub is empty here, and the variables
/// of `vars` print their own names.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Exit code: 0 without errors (there may be warnings), 1 with errors."
)]
pub(crate) struct Options {
    /// The file to check
    #[arg(default_value = gatepass_core::app::DEFAULT_CONFIG)]
    file: String,

    /// Render with this event instead of a sample; may be given several times
    ///
    /// The file holds what a platform sends (EventBridge, SNS, SQS, an alarm action, a push of Pub/Sub, an alert of Azure
    /// Monitor) or a CloudEvent, as JSON, as those in examples/events do.
    #[arg(long = "event", value_name = "EVENT.json")]
    events: Vec<String>,

    /// Print the JSON Schema of gatepass.yaml and do nothing else
    #[arg(long)]
    schema: bool,
}

/// A file without errors, and the jobs in it.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) text: String,
    pub(crate) file: Loaded,
    pub(crate) jobs: Jobs,
    pub(crate) warnings: Vec<Problem>,
}

pub(crate) fn run(options: &Options, terminal: &Terminal) -> Result<(), Stop> {
    if options.schema {
        let schema = serde_json::to_string_pretty(&config::schema())
            .map_err(|error| Stop::Failed(format!("the schema cannot be written: {error}")))?;
        terminal.out.line(&schema);
        return Ok(());
    }
    let given = options.events.iter().map(|path| samples::from_file(path)).collect::<Result<Vec<_>, _>>();
    let given: Vec<Sample> = given.map_err(Stop::Failed)?.into_iter().flatten().collect();
    let mut checked = read(&options.file, terminal.out)?;
    checked.jobs.stand_in_vars(&checked.file);
    let source = Source { file: &options.file, text: Some(&checked.text) };
    for warning in &checked.warnings {
        show(terminal.out, Level::Warning, source, warning, None);
    }
    let errors = rehearse(&checked, &given, source, terminal.out).map_err(Stop::Failed)?;
    for sample in
        given.iter().filter(|sample| !checked.jobs.iter().any(|job| samples::concerns(job, &sample.event)))
    {
        terminal.err.line(&format!(
            "{} was not used: no trigger asks for the source {:?} with the type {:?}",
            sample.name, sample.event.source, sample.event.kind
        ));
    }
    let jobs = count(checked.jobs.iter().count(), "job");
    sum(terminal.out, &format!("{}: {jobs}, ", options.file), errors, checked.warnings.len());
    if errors == 0 { Ok(()) } else { Err(Stop::Said) }
}

/// Reads and compiles a file, and shows on `stream` what is wrong with it.
pub(crate) fn read(path: &str, stream: Stream) -> Result<Checked, Stop> {
    match config::read_file(path) {
        Ok(text) => read_text(path, text, stream),
        Err(error) => Err(refuse(stream, Source { file: path, text: None }, &error)),
    }
}

/// As [`read`], with the text at hand.
pub(crate) fn read_text(path: &str, text: String, stream: Stream) -> Result<Checked, Stop> {
    let read = config::load(path, &text).and_then(|file| {
        let (jobs, warnings) = Jobs::compile(&file, None, &Actions::any())?;
        Ok((file, jobs, warnings))
    });
    match read {
        Ok((file, jobs, warnings)) => Ok(Checked { text, file, jobs, warnings }),
        Err(error) => Err(refuse(stream, Source { file: path, text: Some(&text) }, &error)),
    }
}

fn refuse(stream: Stream, source: Source<'_>, error: &ConfigError) -> Stop {
    for problem in &error.problems {
        show(stream, Level::Error, source, problem, None);
    }
    for warning in &error.warnings {
        show(stream, Level::Warning, source, warning, None);
    }
    sum(stream, &format!("{}: ", source.file), error.problems.len(), error.warnings.len());
    Stop::Said
}

fn sum(stream: Stream, what: &str, errors: usize, warnings: usize) {
    let warnings = if warnings == 0 { String::new() } else { format!(", {}", count(warnings, "warning")) };
    stream.line(&stream.paint(STRONG, &format!("{}{}{warnings}", clean(what), count(errors, "error"))));
}

/// Renders every job with every event that fits, and counts the errors.
fn rehearse(checked: &Checked, given: &[Sample], source: Source<'_>, out: Stream) -> Result<usize, String> {
    let mut errors = 0;
    for job in checked.jobs.iter() {
        let fitting = fitting(job, given)?;
        out.line(&out.paint(STRONG, job.name().as_str()));
        for line in schedules(checked, job) {
            out.line(&format!("  {}", clean(&line)));
        }
        if fitting.is_empty() {
            out.line("  not rendered: no sample fits its triggers; give an event with --event FILE\n");
        }
        for Sample { name, event } in fitting {
            match checked.jobs.rehearse(job, &event) {
                Ok(rehearsal) => tell(out, &name, &rehearsal, &unread(&checked.file, job)),
                Err(failure) => {
                    errors += 1;
                    out.line("");
                    let note =
                        format!("rendered for the job {} with the event: {}", job.name(), clean(&name));
                    show(
                        out,
                        Level::Error,
                        source,
                        &located(&checked.file, job, &failure.message),
                        Some(&note),
                    );
                }
            }
        }
    }
    Ok(errors)
}

/// The schedules of a job, as the scheduler of each cloud that it runs on takes them.
fn schedules(checked: &Checked, job: &Job) -> Vec<String> {
    let runs_on = checked.file.config.jobs.get(job.name()).and_then(|job| job.runs_on.as_deref());
    let platforms = runs_on.unwrap_or(&[Platform::Aws, Platform::Gcp, Platform::Azure]);
    let mut lines = Vec::new();
    for trigger in job.triggers() {
        let Trigger::Schedule(schedule) = trigger else { continue };
        for platform in platforms {
            let words = match schedule.cron.on(*platform) {
                Ok(words) => format!("{words}, {}", schedule.zone()),
                Err(reason) => format!("none: {reason}"),
            };
            lines.push(format!("schedule on {:<6} {words}", platform.name()));
        }
    }
    lines
}

/// For every trigger, the given events that fit it, or else the samples that do.
fn fitting(job: &Job, given: &[Sample]) -> Result<Vec<Sample>, String> {
    let mut fitting = Vec::new();
    for trigger in job.triggers() {
        let of_user: Vec<Sample> =
            given.iter().filter(|sample| samples::fits(trigger, &sample.event)).cloned().collect();
        let more = if of_user.is_empty() { samples::embedded(job.name(), trigger)? } else { of_user };
        // Two schedules of one job are rendered alike.
        let is_new = |sample: &Sample| !fitting.iter().any(|known: &Sample| known.event == sample.event);
        let more: Vec<Sample> = more.into_iter().filter(is_new).collect();
        fitting.extend(more);
    }
    Ok(fitting)
}
