//! The command line of the binaries: serve, run one job once, or examine.

use std::io::Write as _;
use std::process::ExitCode;

use crate::app::{Cloud, Setup, StartError};
use crate::deadline::Deadline;
use crate::doctor::{Aids, Chain, LONGEST};
use crate::env::Env;
use crate::job::Actions;
use crate::names::JobId;
use crate::once::Once;
use crate::telemetry::{self, Dialect};

/// What the command line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Nothing: serve the host.
    Serve,
    /// `run JOB [--event FILE]`.
    Once(Once),
    /// `doctor [--job JOB] [--json]`.
    Doctor(Doctor),
}

/// An examination that is asked for by hand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doctor {
    job: Option<JobId>,
    json: bool,
}

impl Command {
    /// Reads the arguments that follow the program's name.
    ///
    /// # Errors
    /// How to write them.
    pub fn read(arguments: impl IntoIterator<Item = String>) -> Result<Self, StartError> {
        let arguments: Vec<String> = arguments.into_iter().collect();
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let job = |name: &str| name.parse().map_err(|error: String| usage(&error));
        match words.as_slice() {
            [] => Ok(Self::Serve),
            ["doctor", options @ ..] => Doctor::read(options).map(Self::Doctor),
            ["run", name] => Ok(Self::Once(Once::new(job(name)?, None))),
            ["run", name, "--event", file] | ["run", "--event", file, name] => {
                Ok(Self::Once(Once::new(job(name)?, Some((*file).to_owned()))))
            }
            _ => Err(usage("these arguments are not understood")),
        }
    }

    /// Starts the log; of an examination there is none, because standard output is for what was found.
    ///
    /// # Errors
    /// When `GATEPASS_LOG` is no level.
    pub fn start_log(&self, dialect: Dialect, env: &Env) -> Result<(), StartError> {
        let level = if let Self::Doctor(_) = self { Some("off") } else { env.get("GATEPASS_LOG") };
        telemetry::init(dialect, level).map_err(StartError::Environment)
    }
}

impl Doctor {
    fn read(options: &[&str]) -> Result<Self, StartError> {
        let mut doctor = Self::default();
        let mut options = options.iter();
        while let Some(option) = options.next() {
            match (*option, doctor.job.is_some()) {
                ("--json", _) => doctor.json = true,
                ("--job", false) => {
                    let name = options.next().ok_or_else(|| usage("--job names no job"))?;
                    doctor.job = Some(name.parse().map_err(|error: String| usage(&error))?);
                }
                _ => return Err(usage("these arguments are not understood")),
            }
        }
        Ok(doctor)
    }

    /// Examines what the environment names, as `cloud` finds it, and says on standard output what was found: exit code 0
    /// when no link is wrong, else 1.
    ///
    /// # Errors
    /// When nothing at all can be examined.
    pub async fn run(
        &self,
        env: &Env,
        cloud: impl FnOnce(&Setup) -> Cloud,
        actions: &Actions,
    ) -> Result<ExitCode, StartError> {
        let chain = Chain::put_together(env, cloud, actions, self.job.as_ref(), Aids::default())?;
        let examination = chain.examine(Deadline::after(LONGEST)).await;
        let text = if self.json {
            serde_json::to_string(&examination).unwrap_or_default() + "\n"
        } else {
            examination.to_text(&|_, word| word.to_owned())
        };
        // A closed pipe must not change what the exit code says.
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
        Ok(if examination.healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

fn usage(what: &str) -> StartError {
    StartError::Usage(format!(
        "{what}: write nothing to serve events; `run JOB` to run one job once, perhaps with `--event FILE` (- is the standard input); or `doctor`, perhaps with `--job JOB` and `--json`, to find what is wrong"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(arguments: &[&str]) -> Result<Command, String> {
        Command::read(arguments.iter().map(|&word| word.to_owned())).map_err(|error| error.to_string())
    }

    #[test]
    fn arguments_are_none_or_a_job_or_an_examination() {
        let once = |event: Option<&str>| {
            Ok(Command::Once(Once::new("nightly".parse().unwrap(), event.map(str::to_owned))))
        };
        let doctor = |job: Option<&str>, json| {
            Ok(Command::Doctor(Doctor { job: job.map(|job| job.parse().unwrap()), json }))
        };
        assert_eq!(read(&[]), Ok(Command::Serve));
        assert_eq!(read(&["run", "nightly"]), once(None));
        assert_eq!(read(&["run", "nightly", "--event", "e.json"]), once(Some("e.json")));
        assert_eq!(read(&["run", "--event", "-", "nightly"]), once(Some("-")));
        assert_eq!(read(&["doctor"]), doctor(None, false));
        assert_eq!(read(&["doctor", "--json", "--job", "nightly"]), doctor(Some("nightly"), true));
        let bad: [&[&str]; 10] = [
            &["run"],
            &["serve"],
            &["run", "a", "b"],
            &["run", "Nightly"],
            &["run", "a", "--event"],
            &["--help"],
            &["doctor", "nightly"],
            &["doctor", "--job"],
            &["doctor", "--job", "Nightly"],
            &["doctor", "--job", "a", "--job", "b"],
        ];
        for arguments in bad {
            let error = read(arguments).unwrap_err();
            assert!(error.contains("run JOB") && error.contains("--json"), "{arguments:?}: {error}");
        }
    }
}
