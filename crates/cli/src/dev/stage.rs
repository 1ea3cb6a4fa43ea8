//! Everything that runs: the sandbox, and the programs under their hosts.

use std::time::{Duration, Instant};

use gatepass_core::config::{Loaded, SecretSource};
use gatepass_core::job::Job;
use gatepass_sandbox::hosts::cloud_run::{CloudRun, Front};
use gatepass_sandbox::hosts::functions::FunctionsHost;
use gatepass_sandbox::hosts::lambda::LambdaHost;
use gatepass_sandbox::hosts::{Child, HostError, Program};
use gatepass_sandbox::http_client::LoopbackClient;
use gatepass_sandbox::identity::Environment;
use gatepass_sandbox::identity::gcp::SCHEDULER;
use gatepass_sandbox::octo_sts::Settings;
use gatepass_sandbox::trace::Trace;
use gatepass_sandbox::{Options, Sandbox};
use ring::rand::{SecureRandom as _, SystemRandom};
use tempfile::TempDir;

use super::admission;
use super::place::Place;
use super::plan::GOOGLE;
use super::programs::Programs;
use crate::Stop;
use crate::check::Checked;
use crate::terminal::{FAINT, GOOD, Stream};

/// How long a program may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(3);

/// All that runs. It ends, with everything it started, when it is dropped.
pub(super) struct Stage {
    pub(super) sandbox: Sandbox,
    pub(super) client: LoopbackClient,
    /// What webhooks are signed with.
    pub(super) secret: String,
    pub(super) lambda: Option<LambdaHost>,
    pub(super) cloud_run: Option<Service>,
    pub(super) functions: Option<App>,
    _directory: TempDir,
}

/// The Cloud Run service, with a front that lets everybody in and one that does not.
pub(super) struct Service {
    host: CloudRun,
    pub(super) public: Front,
    pub(super) private: Front,
}

/// The function app, and the key that its HTTP functions ask for where it is what protects them.
pub(super) struct App {
    pub(super) host: FunctionsHost,
    pub(super) key: Option<String>,
}

impl Stage {
    /// Starts the sandbox, lets the jobs in with exact-match trust policies, and starts the programs.
    pub(super) async fn set_up(checked: &Checked, programs: &Programs, err: Stream) -> Result<Self, Stop> {
        let failed = |error: &dyn std::fmt::Display| Stop::Failed(error.to_string());
        let started = starting(err, "the sandbox");
        let settings =
            Settings { domain: checked.file.config.sts.audience().to_owned(), ..Settings::default() };
        let sandbox = Sandbox::start_with(Options { octo_sts: settings, ..Options::default() });
        let sandbox =
            sandbox.await.map_err(|error| failed(&format!("the sandbox cannot be started: {error}")))?;
        admission::admit(&sandbox, checked).map_err(Stop::Failed)?;
        ready(err, started, "identity endpoints, Octo STS, GitHub");

        let directory =
            tempfile::tempdir().map_err(|error| failed(&format!("no temporary directory: {error}")))?;
        let (secret, key) = (random()?, random()?);
        let environment = configure(&sandbox, checked, &directory, &secret).map_err(Stop::Failed)?;
        let client = LoopbackClient::new().map_err(|error| failed(&error))?;
        let mut stage = Self {
            sandbox,
            client,
            secret,
            lambda: None,
            cloud_run: None,
            functions: None,
            _directory: directory,
        };
        for (&place, path) in programs {
            let started = starting(err, place.program());
            let program = Program::new(path).envs(environment.clone());
            stage.start(place, program, key.clone(), checked).await.map_err(|error| {
                err.line("");
                failed(&format!("{} does not start: {}", place.program(), error.to_string().trim_end()))
            })?;
            ready(err, started, place.host());
        }
        Ok(stage)
    }

    async fn start(
        &mut self,
        place: Place,
        program: Program,
        key: String,
        checked: &Checked,
    ) -> Result<(), HostError> {
        let (trace, identity) = (self.trace(), &self.sandbox.identity);
        match place {
            Place::Lambda => {
                let program = program.envs(identity.aws.env_lambda());
                self.lambda = Some(LambdaHost::start(program, trace).await?);
            }
            Place::CloudRun => {
                let host = CloudRun::start(program.envs(identity.gcp.env()), trace).await?;
                let public = host.front_public().await?;
                let private = host.front_private(&identity.gcp, &[SCHEDULER.email]).await?;
                self.cloud_run = Some(Service { host, public, private });
            }
            Place::Functions => {
                // GitHub cannot send a key, so a webhook makes the functions anonymous.
                let is_open = jobs_at(checked, place).any(|job| job.webhook().is_some());
                let key = Some(key).filter(|_| !is_open);
                let program = program.envs(identity.azure.env_functions());
                let host = FunctionsHost::start(program, key.clone(), trace).await?;
                self.functions = Some(App { host, key });
            }
        }
        Ok(())
    }

    /// Every request so far, and those to come.
    pub(super) fn trace(&self) -> Trace {
        self.sandbox.trace.clone()
    }

    /// The process at this place.
    pub(super) fn child(&self, place: Place) -> Option<&Child> {
        match place {
            Place::Lambda => self.lambda.as_ref().map(LambdaHost::child),
            Place::CloudRun => self.cloud_run.as_ref().map(|service| service.host.child()),
            Place::Functions => self.functions.as_ref().map(|app| app.host.child()),
        }
    }

    /// Ends every program as its platform would, and waits until it is gone.
    pub(super) async fn stop(self) {
        for place in [Place::Lambda, Place::CloudRun, Place::Functions] {
            let Some(child) = self.child(place) else { continue };
            // One that cannot be told is killed when it is dropped.
            let _ = child.terminate().await;
            if !matches!(tokio::time::timeout(GRACE, child.exit()).await, Ok(Ok(_))) {
                child.kill().await;
            }
        }
    }
}

fn starting(err: Stream, what: &str) -> Instant {
    err.write(&err.paint(FAINT, &format!("starting {what:<15} ")));
    Instant::now()
}

fn ready(err: Stream, started: Instant, remark: &str) {
    let milliseconds = started.elapsed().as_millis();
    let ready = err.paint(GOOD, "ready");
    err.line(&format!("{ready} {}", err.paint(FAINT, &format!("in {milliseconds:>4} ms   {remark}"))));
}

/// The jobs that are tried at `place`.
fn jobs_at(checked: &Checked, place: Place) -> impl Iterator<Item = &Job> {
    checked.jobs.iter().filter(move |job| Place::of_job(checked, job).contains(&place))
}

/// Writes the file as the programs read it, and answers what they have in their environment besides what their
/// clouds set. Google's issuer, which is out there, becomes the sandbox's; secrets in files become one in the directory.
fn configure(
    sandbox: &Sandbox,
    checked: &Checked,
    directory: &TempDir,
    secret: &str,
) -> Result<Environment, String> {
    let unwritable = |error: std::io::Error| format!("the temporary directory cannot be written: {error}");
    let mut environment = sandbox.env();
    let mut text = checked.text.replace(GOOGLE, sandbox.identity.gcp.issuer().url());
    let secret_file = directory.path().join("webhook-secret");
    for source in webhook_secrets(&checked.file) {
        match source {
            SecretSource::Env(name) => {
                environment.insert(name.to_string(), secret.to_owned());
            }
            SecretSource::File(path) => {
                std::fs::write(&secret_file, secret).map_err(unwritable)?;
                text = text.replace(path, &secret_file.display().to_string());
            }
            SecretSource::AwsSecret(_) | SecretSource::AwsParameter(_) => {
                return Err(
                    "secrets in AWS's stores are not played here; name an `env` or a `file` to try this file"
                        .to_owned(),
                );
            }
        }
    }
    for name in &checked.file.config.vars {
        let value = std::env::var(name.as_str()).ok().filter(|value| !value.is_empty());
        environment.insert(name.to_string(), value.unwrap_or_else(|| format!("<{name}>")));
    }
    let file = directory.path().join("gatepass.yaml");
    std::fs::write(&file, text).map_err(unwritable)?;
    environment.insert("GATEPASS_CONFIG".to_owned(), file.display().to_string());
    Ok(environment)
}

fn webhook_secrets(file: &Loaded) -> impl Iterator<Item = &SecretSource> {
    use gatepass_core::config::Trigger;
    file.config.jobs.values().flat_map(|job| &job.triggers).flat_map(|trigger| match trigger {
        Trigger::Webhook(webhook) => webhook.secrets.as_slice(),
        _ => &[],
    })
}

/// 32 random bytes in hex: a secret of this run.
pub(super) fn random() -> Result<String, Stop> {
    let mut bytes = [0; 32];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Stop::Failed("the system gives no random numbers".to_owned()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
