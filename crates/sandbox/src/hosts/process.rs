//! The child process.

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::HostError;
use super::leaks::Watch;
use crate::identity::Environment;

/// How long [`Child::wait_for_line`] and [`Child::exit`] wait before they give up.
const PATIENCE: Duration = Duration::from_secs(20);

/// What to run: a program, its arguments, and the whole of its environment.
///
/// Nothing is inherited: a variable of the machine it happens to run on never decides how it behaves.
#[derive(Clone)]
pub struct Program {
    path: PathBuf,
    arguments: Vec<OsString>,
    environment: Environment,
}

/// The names of the variables, not their values: credentials are among them.
impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.environment.keys().collect();
        f.debug_struct("Program")
            .field("path", &self.path)
            .field("arguments", &self.arguments)
            .field("environment", &names)
            .finish()
    }
}

impl Program {
    /// A program without arguments, in an empty environment.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), arguments: Vec::new(), environment: Environment::new() }
    }

    /// Adds an argument.
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets a variable; a later value replaces an earlier one.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.environment.insert(name.into(), value.into());
        self
    }

    /// Sets variables; a later value replaces an earlier one.
    pub fn envs(mut self, environment: Environment) -> Self {
        self.environment.extend(environment);
        self
    }

    /// Sets a variable unless it is set.
    pub(super) fn env_default(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.entry(name.to_owned()).or_insert_with(|| value.into());
        self
    }

    /// The value of a variable, if it is set.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.environment.get(name).map(String::as_str)
    }

    /// The program's path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Where a line was written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A line the child has written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where to.
    pub stream: Stream,
    /// Its text, without the end of the line.
    pub text: String,
}

/// A running program. It is killed when dropped.
#[derive(Debug)]
pub struct Child {
    name: String,
    pid: Option<u32>,
    output: Output,
    leaks: Watch,
    ended: watch::Receiver<Option<ExitStatus>>,
    kill: Arc<Notify>,
    keeper: JoinHandle<()>,
}

impl Drop for Child {
    fn drop(&mut self) {
        // The keeper owns the process, which dies with it (kill_on_drop).
        self.keeper.abort();
        self.refuse_leaks();
    }
}

impl Child {
    /// Starts the program. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`HostError::Spawn`], which says why.
    pub fn spawn(program: &Program) -> Result<Self, HostError> {
        let name = program.path.display().to_string();
        let mut process = Command::new(&program.path)
            .args(&program.arguments)
            .env_clear()
            .envs(&program.environment)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| HostError::Spawn { program: name.clone(), source })?;
        let output = Output::default();
        let (stdout, stderr) = (process.stdout.take(), process.stderr.take());
        let (tell, ended) = watch::channel(None);
        let (pid, kill) = (process.id(), Arc::new(Notify::new()));
        let (killed, sink) = (Arc::clone(&kill), output.clone());
        let keeper = tokio::spawn(async move {
            let waiting = async {
                loop {
                    tokio::select! {
                        status = process.wait() => break status,
                        () = killed.notified() => { let _ = process.start_kill(); }
                    }
                }
            };
            // Told only after everything is read, so that whoever sees the end has seen every line.
            let (status, (), ()) =
                tokio::join!(waiting, sink.read(Stream::Stdout, stdout), sink.read(Stream::Stderr, stderr));
            tell.send_replace(Some(status.unwrap_or_default()));
        });
        let leaks = Watch::over(&program.environment);
        Ok(Self { name, pid, output, leaks, ended, kill, keeper })
    }

    /// Every test that runs a binary is also a test of this.
    #[expect(clippy::panic, reason = "a leaked credential must fail whatever run it is seen in")]
    fn refuse_leaks(&self) {
        if let Some(what) = self.leaks.find(&self.output.lock())
            && !std::thread::panicking()
        {
            panic!("{} has printed {what}", self.name);
        }
    }

    /// Every line so far, in the order in which they arrived.
    pub fn lines(&self) -> Vec<Line> {
        self.output.lock().clone()
    }

    /// Everything it has written so far, as one text.
    pub fn text(&self) -> String {
        self.output.lock().iter().map(|line| format!("{}\n", line.text)).collect()
    }

    /// How the child ended, if it has.
    pub fn ended(&self) -> Option<ExitStatus> {
        *self.ended.borrow()
    }

    /// The first line that satisfies `wanted`, past or future.
    ///
    /// # Errors
    /// [`HostError::Ended`] as soon as the child has ended without it, [`HostError::Timeout`] after twenty
    /// seconds.
    pub async fn wait_for_line(&self, wanted: impl Fn(&Line) -> bool) -> Result<Line, HostError> {
        let (mut written, mut ended) = (self.output.written.subscribe(), self.ended.clone());
        let search = async {
            loop {
                written.mark_unchanged();
                let over = *ended.borrow_and_update();
                if let Some(line) = self.output.lock().iter().find(|line| wanted(line)) {
                    return Ok(line.clone());
                }
                if let Some(status) = over {
                    return Err(self.ended_error(status, "before it wrote the line that was waited for"));
                }
                tokio::select! {
                    _ = written.changed() => {}
                    _ = ended.changed() => {}
                }
            }
        };
        match timeout(PATIENCE, search).await {
            Ok(found) => found,
            Err(_) => Err(self.timeout_error("write the line that was waited for", PATIENCE)),
        }
    }

    /// Waits until the child has ended.
    ///
    /// # Errors
    /// [`HostError::Timeout`] after twenty seconds.
    pub async fn exit(&self) -> Result<ExitStatus, HostError> {
        timeout(PATIENCE, self.end()).await.map_err(|_| self.timeout_error("end", PATIENCE))
    }

    /// Waits until the child has ended, as long as it takes.
    pub(super) async fn end(&self) -> ExitStatus {
        let mut ended = self.ended.clone();
        match ended.wait_for(Option::is_some).await.map(|status| *status) {
            Ok(Some(status)) => status,
            // The keeper never drops its sender without a word while the child is not dropped.
            _ => ExitStatus::default(),
        }
    }

    /// Sends SIGTERM, as Cloud Run does; nothing happens if the child has ended.
    ///
    /// # Errors
    /// [`HostError::Io`] when the system's shell cannot be run.
    pub async fn terminate(&self) -> Result<(), HostError> {
        if let (Some(pid), None) = (self.pid, self.ended()) {
            let pid = pid.to_string();
            Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).stderr(Stdio::null()).status().await?;
        }
        Ok(())
    }

    /// Sends SIGKILL and waits until the child is gone.
    pub async fn kill(&self) -> ExitStatus {
        self.kill.notify_one();
        self.end().await
    }

    pub(super) fn ended_error(&self, status: ExitStatus, moment: &str) -> HostError {
        let (program, moment, output) = (self.name.clone(), moment.to_owned(), self.text());
        HostError::Ended { program, status, moment, output }
    }

    pub(super) fn timeout_error(&self, what: &str, after: Duration) -> HostError {
        let (program, what, output) = (self.name.clone(), what.to_owned(), self.text());
        HostError::Timeout { program, what, after, output }
    }
}

/// What the child has written, shared with the task that reads it.
#[derive(Clone, Debug)]
struct Output {
    lines: Arc<Mutex<Vec<Line>>>,
    written: watch::Sender<()>,
}

impl Default for Output {
    fn default() -> Self {
        Self { lines: Arc::default(), written: watch::Sender::new(()) }
    }
}

impl Output {
    async fn read(&self, stream: Stream, from: Option<impl AsyncRead + Unpin>) {
        let Some(from) = from else { return };
        let (mut reader, mut bytes) = (BufReader::new(from), Vec::new());
        while matches!(reader.read_until(b'\n', &mut bytes).await, Ok(1..)) {
            let text = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
            self.lock().push(Line { stream, text });
            self.written.send_replace(());
            bytes.clear();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
