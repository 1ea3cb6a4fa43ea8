//! Running the program, and what it needs beside it.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

/// How long one run may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the programs may take to be built, where nobody has built them yet.
const BUILD: Duration = Duration::from_secs(900);

/// What a run came to.
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    /// Asserts the exit code, and shows everything when it is another.
    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "--- stdout\n{}\n--- stderr\n{}", self.out, self.err);
        self
    }
}

/// The program, with a clean environment.
pub(crate) fn gatepass() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gatepass"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// Runs `gatepass` with these arguments in `directory`.
pub(crate) fn run_in(directory: &Path, arguments: &[&str]) -> Run {
    finish(gatepass().args(arguments).current_dir(directory), PATIENCE)
}

/// Runs `gatepass` with these arguments.
pub(crate) fn run(arguments: &[&str]) -> Run {
    run_in(Path::new(env!("CARGO_MANIFEST_DIR")), arguments)
}

/// The repository's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Builds the three programs beside `gatepass` where they are not there: `cargo test -p gatepass` does not.
pub(crate) fn programs() {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        let names = ["gatepass-aws", "gatepass-gcp", "gatepass-azure"];
        let directory = Path::new(env!("CARGO_BIN_EXE_gatepass")).parent().unwrap();
        if names.iter().all(|name| directory.join(name).is_file()) {
            return;
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsStr::new("cargo").to_owned());
        let mut build = Command::new(cargo);
        build.arg("build").current_dir(root()).stdin(Stdio::null());
        build.env("CARGO_TARGET_DIR", directory.parent().unwrap());
        for name in names {
            build.args(["-p", name]);
        }
        if directory.ends_with("release") {
            build.arg("--release");
        }
        finish(&mut build, BUILD).ended(0);
    });
}

/// Runs to the end, or kills what takes too long.
pub(crate) fn finish(command: &mut Command, limit: Duration) -> Run {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (out, err) = (reader(child.stdout.take().unwrap()), reader(child.stderr.take().unwrap()));
    let status = wait(&mut child, limit);
    Run { code: status.and_then(|status| status.code()), out: out.join().unwrap(), err: err.join().unwrap() }
}

/// Waits for the end of `child`; kills it, and answers `None`, when it takes too long.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return Some(status);
        }
        if started.elapsed() > limit {
            child.kill().unwrap();
            child.wait().unwrap();
            return None;
        }
        thread::park_timeout(Duration::from_millis(10));
    }
}

fn reader(mut from: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    })
}
