//! Google Cloud Run: a container's binary behind Google's front end, and Cloud Scheduler.

mod front;
mod scheduler;

use std::net::Ipv4Addr;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Child, HostError, Program, free_port, is_taken};
use crate::identity::gcp::Gcp;
use crate::trace::Trace;

pub use front::Front;
pub use scheduler::SchedulerJob;

/// How long Cloud Run's start-up probe tries, here.
const START: Duration = Duration::from_secs(20);

/// Between two tries of the start-up probe.
const PROBE: Duration = Duration::from_millis(5);

/// From SIGTERM to SIGKILL.
const GRACE: Duration = Duration::from_secs(10);

/// How often another port is tried when somebody takes the one that was free.
const ATTEMPTS: usize = 5;

/// A running container.
#[derive(Debug)]
pub struct CloudRun {
    child: Child,
    url: String,
    trace: Trace,
}

/// How a container ended after SIGTERM.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// By itself, within ten seconds.
    Drained(ExitStatus),
    /// By SIGKILL.
    Killed,
}

impl CloudRun {
    /// Starts the container with `PORT` and waits until it accepts connections there. The rest of the environment
    /// is [`Gcp::env`] and whatever the service is configured with.
    ///
    /// # Errors
    /// [`HostError::Ended`] when it ends instead, [`HostError::Timeout`] when it never listens.
    pub async fn start(program: Program, trace: Trace) -> Result<Self, HostError> {
        let mut attempt = 1;
        loop {
            let port = free_port()?;
            let child = Child::spawn(&program.clone().env("PORT", port.to_string()))?;
            match listening(&child, port).await {
                Ok(()) => return Ok(Self { child, url: format!("http://127.0.0.1:{port}"), trace }),
                Err(HostError::Ended { .. }) if attempt < ATTEMPTS && is_taken(port) => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }

    /// The container's own address, behind the front end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The container's process.
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// A front end that lets everybody in (`--allow-unauthenticated`).
    ///
    /// # Errors
    /// What the operating system says when no port can be bound.
    pub async fn front_public(&self) -> Result<Front, HostError> {
        Front::public(self.url(), self.trace.clone()).await
    }

    /// A front end that lets in only whom IAM allows: the accounts with these e-mail addresses, each proven by a
    /// Google-signed ID token for the front's own URL.
    ///
    /// # Errors
    /// What the operating system says when no port can be bound.
    pub async fn front_private(&self, gcp: &Gcp, invokers: &[&str]) -> Result<Front, HostError> {
        Front::private(self.url(), gcp.issuer().clone(), invokers, self.trace.clone()).await
    }

    /// Sends SIGTERM, and SIGKILL ten seconds later.
    ///
    /// # Errors
    /// [`HostError::Io`] when the signal cannot be sent.
    pub async fn stop(&self) -> Result<Stopped, HostError> {
        self.child.terminate().await?;
        match timeout(GRACE, self.child.end()).await {
            Ok(status) => Ok(Stopped::Drained(status)),
            Err(_) => {
                self.child.kill().await;
                Ok(Stopped::Killed)
            }
        }
    }
}

/// Tries to connect until it works, as the platform does.
async fn listening(child: &Child, port: u16) -> Result<(), HostError> {
    let probe = async {
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await.is_err() {
            tokio::time::sleep(PROBE).await;
        }
    };
    tokio::select! {
        biased;
        status = child.end() => Err(child.ended_error(status, "before it listened on $PORT")),
        probed = timeout(START, probe) => probed.map_err(|_| child.timeout_error("listen on $PORT", START)),
    }
}
