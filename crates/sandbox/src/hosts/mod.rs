//! Drivers that run a built binary as its real platform would: a child process with a bare environment, spoken
//! to over the platform's own protocol.
//!
//! Each host is in two parts: what the platform serves or sends, which needs no child and is tested alone, and
//! the child.

pub mod cloud_run;
pub mod functions;
pub mod http;
pub mod lambda;
mod leaks;
pub mod process;
pub mod webhook;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::net::TcpSocket;

use crate::http_client::ClientError;

pub use http::{HttpAnswer, HttpCall};
pub use process::{Child, Program};

/// Why a host could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The program could not be started at all.
    #[error("{program} could not be started: {source}. Build it first, or give the right path.")]
    Spawn {
        /// The program's path.
        program: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// The program ended when it should have run on.
    #[error("{program} ended ({status}) {moment}. It said:\n{output}")]
    Ended {
        /// The program's path.
        program: String,
        /// How it ended.
        status: ExitStatus,
        /// What was being waited for.
        moment: String,
        /// Everything it had written.
        output: String,
    },
    /// Something did not happen in time.
    #[error("{program} did not {what} within {}s. It said:\n{output}", after.as_secs_f32())]
    Timeout {
        /// The program's path.
        program: String,
        /// What was being waited for.
        what: String,
        /// How long.
        after: Duration,
        /// Everything it had written.
        output: String,
    },
    /// The function reported that it cannot start.
    #[error("initialisation failed: {0}")]
    Init(lambda::FunctionError),
    /// No answer came over HTTP.
    #[error("no answer: {0}")]
    Http(String),
    /// The host's own servers could not be started.
    #[error("the host could not be started: {0}")]
    Io(#[from] io::Error),
    /// The host's own client could not be used.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl From<reqwest::Error> for HostError {
    fn from(error: reqwest::Error) -> Self {
        // Without the URL: a query may hold a key.
        Self::Http(error.without_url().to_string())
    }
}

/// The first of the ports that children are told to listen on, and how many there are: below those from which the
/// system chooses by itself, so that no other server or connection gets one by chance while the child starts.
const PORTS: (u16, u16) = (16_384, 16_384);

/// A loopback port that was free a moment ago, and that this process gives out once. Somebody may take it before
/// the child does; the hosts try again then.
fn free_port() -> io::Result<u16> {
    static GIVEN: AtomicU32 = AtomicU32::new(0);
    let (first, count) = (PORTS.0, u32::from(PORTS.1));
    // Processes start far from each other.
    let start = std::process::id().wrapping_mul(0x9e37_79b1);
    for _ in 0..count {
        let at = start.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % count;
        let port = first.saturating_add(u16::try_from(at).unwrap_or_default());
        if !is_taken(port) {
            return Ok(port);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "no port is free"))
}

/// Whether somebody listens on `port`. It asks by binding and never listens itself: whoever waits for a child on this port
/// would take it for the child, and the child could not have the port meanwhile.
fn is_taken(port: u16) -> bool {
    let bound = TcpSocket::new_v4().and_then(|socket| {
        socket.set_reuseaddr(true)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    });
    bound.is_err()
}
