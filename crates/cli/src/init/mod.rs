//! `gatepass init`: a first file, and what to do next.

mod files;
mod next_steps;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};

use clap::{Args, ValueEnum};
use gatepass_core::config;
use gatepass_core::job::{Actions, Jobs};

use crate::Stop;
use crate::terminal::{GOOD, Terminal};

/// Write a first gatepass.yaml for a cloud and a job, with comments
///
/// The file holds one job that works as it is: `gatepass dev --once --config FILE` shows it at
/// work without an account. What is left is to name your own repository, and to let the function
/// in there with a trust policy.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Jobs:
  alarm      a CloudWatch alarm opens an issue, which closes when the alarm is over  (aws)
  schedule   one issue lists the open pull requests every working day                (aws, gcp, azure)
  webhook    a published release opens an issue in another repository                (aws, gcp, azure)
  http       a request is answered with the state of a repository                    (aws, gcp, azure)"
)]
pub(crate) struct Options {
    /// Where the job runs [default: aws]
    #[arg(long, value_enum)]
    cloud: Option<Cloud>,

    /// What the job does [default: alarm on aws, schedule elsewhere]
    #[arg(long, value_enum)]
    job: Option<Kind>,

    /// The file to write
    #[arg(long, short, default_value = gatepass_core::app::DEFAULT_CONFIG, value_name = "FILE")]
    output: String,

    /// Overwrite the file if it is there
    #[arg(long)]
    force: bool,
}

/// Where a job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Cloud {
    /// AWS Lambda
    Aws,
    /// Google Cloud Run
    Gcp,
    /// Azure Functions
    Azure,
}

/// What a job does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// A CloudWatch alarm opens an issue
    Alarm,
    /// An issue lists the open pull requests
    Schedule,
    /// A release opens an issue
    Webhook,
    /// A request is answered with the state of a repository
    Http,
}

pub(crate) fn run(options: &Options, terminal: &Terminal) -> Result<(), Stop> {
    let (cloud, kind) = choose(options.cloud, options.job)?;
    let text = files::text(cloud, kind, &options.output);
    let file = config::load(&options.output, &text).map_err(|error| Stop::Failed(error.to_string()))?;
    let (jobs, _) =
        Jobs::compile(&file, None, &Actions::any()).map_err(|error| Stop::Failed(error.to_string()))?;
    write(&options.output, &text, options.force)?;
    let out = terminal.out;
    let names: Vec<&str> = jobs.iter().map(|job| job.name().as_str()).collect();
    out.line(&format!(
        "{} {}: the job {} on {}",
        out.paint(GOOD, "wrote"),
        options.output,
        names.join(", "),
        cloud.host()
    ));
    next_steps::tell(out, cloud, &jobs, &options.output);
    Ok(())
}

/// What is meant where something is left out.
fn choose(cloud: Option<Cloud>, kind: Option<Kind>) -> Result<(Cloud, Kind), Stop> {
    let cloud = cloud.unwrap_or(Cloud::Aws);
    let kind = kind.unwrap_or(if cloud == Cloud::Aws { Kind::Alarm } else { Kind::Schedule });
    if kind == Kind::Alarm && cloud != Cloud::Aws {
        return Err(Stop::Usage(format!(
            "--job alarm is for --cloud aws: CloudWatch sends its alarms to EventBridge, and EventBridge to Lambda. For {} there are --job schedule, webhook and http",
            cloud.host()
        )));
    }
    Ok((cloud, kind))
}

fn write(path: &str, text: &str, force: bool) -> Result<(), Stop> {
    let mut options = OpenOptions::new();
    options.write(true);
    if force {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        Stop::Failed(match error.kind() {
            ErrorKind::AlreadyExists => {
                format!("{path} is there already; --force overwrites it, and --output FILE writes another")
            }
            _ => format!("{path} cannot be written: {error}"),
        })
    })
}

impl Cloud {
    /// What runs a job there.
    fn host(self) -> &'static str {
        match self {
            Self::Aws => "AWS Lambda",
            Self::Gcp => "Google Cloud Run",
            Self::Azure => "Azure Functions",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_chosen_sensibly() {
        for (cloud, kind, expected) in [
            (None, None, (Cloud::Aws, Kind::Alarm)),
            (Some(Cloud::Gcp), None, (Cloud::Gcp, Kind::Schedule)),
            (Some(Cloud::Azure), None, (Cloud::Azure, Kind::Schedule)),
            (None, Some(Kind::Http), (Cloud::Aws, Kind::Http)),
        ] {
            assert_eq!(choose(cloud, kind).unwrap(), expected);
        }
    }

    #[test]
    fn what_makes_no_sense_says_what_does() {
        for cloud in [Cloud::Gcp, Cloud::Azure] {
            let Err(Stop::Usage(message)) = choose(Some(cloud), Some(Kind::Alarm)) else {
                panic!("{cloud:?}")
            };
            assert!(
                message.contains("--cloud aws") && message.contains("schedule, webhook and http"),
                "{message}"
            );
        }
    }
}
