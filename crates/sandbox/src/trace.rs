//! What happened, hop by hop, in the order in which the services finished.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::broadcast;

/// How long [`Trace::wait_for`] waits before it gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// How many hops a slow subscriber may fall behind before it misses some.
const BACKLOG: usize = 4096;

/// One request to one stand-in, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The stand-in that was asked, for example `github`.
    pub service: &'static str,
    /// The request's method.
    pub method: String,
    /// Path and query, with everything that could be a secret masked.
    pub path: String,
    /// The status that was answered; `None` when the connection was closed without an answer.
    pub status: Option<u16>,
    /// What the stand-in found out, for example `SigV4 verified`.
    pub note: Option<String>,
}

impl fmt::Display for Hop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ", self.service, self.method, self.path)?;
        match self.status {
            Some(status) => write!(f, "{status}")?,
            None => f.write_str("(no answer)")?,
        }
        match &self.note {
            Some(note) => write!(f, ": {note}"),
            None => Ok(()),
        }
    }
}

/// A remark that a service attaches to its response, as an extension, for the trace. Never a token.
///
/// A handler returns it beside its answer: `(Extension(Note::new("SigV4 verified")), Json(answer))`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note(String);

impl Note {
    /// A remark for whoever reads the trace.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The remark's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The record of all requests to all stand-ins. Clones share the record.
#[derive(Clone, Debug)]
pub struct Trace {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    hops: Mutex<Vec<Hop>>,
    live: broadcast::Sender<Hop>,
}

/// No hop like the one that was waited for was recorded in time.
#[derive(Debug, thiserror::Error)]
#[error("no such hop within {}s; recorded so far:\n{recorded}", PATIENCE.as_secs())]
pub struct NoSuchHop {
    recorded: String,
}

impl Default for Trace {
    fn default() -> Self {
        Self::new()
    }
}

impl Trace {
    /// An empty record.
    pub fn new() -> Self {
        let (live, _) = broadcast::channel(BACKLOG);
        Self { shared: Arc::new(Shared { hops: Mutex::new(Vec::new()), live }) }
    }

    /// Every hop so far.
    pub fn hops(&self) -> Vec<Hop> {
        self.lock().clone()
    }

    /// The hops of one service so far.
    pub fn hops_of(&self, service: &str) -> Vec<Hop> {
        self.lock().iter().filter(|hop| hop.service == service).cloned().collect()
    }

    /// Forgets what was recorded; subscribers stay.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Hops from now on, as they happen.
    pub fn subscribe(&self) -> broadcast::Receiver<Hop> {
        self.shared.live.subscribe()
    }

    /// Adds a hop. [`crate::server::Server`] does this for every request; hosts do it for what they send.
    pub fn record(&self, hop: Hop) {
        let mut hops = self.lock();
        hops.push(hop.clone());
        // Sent under the lock, so that a subscriber who read the list misses nothing and sees nothing twice.
        let _ = self.shared.live.send(hop);
    }

    /// The first recorded hop that satisfies `wanted`, past or future.
    ///
    /// # Errors
    /// [`NoSuchHop`] after twenty seconds, naming what was recorded instead.
    pub async fn wait_for(&self, wanted: impl Fn(&Hop) -> bool) -> Result<Hop, NoSuchHop> {
        let mut live = {
            let hops = self.lock();
            if let Some(hop) = hops.iter().find(|hop| wanted(hop)) {
                return Ok(hop.clone());
            }
            self.shared.live.subscribe()
        };
        let arrival = async {
            loop {
                match live.recv().await {
                    Ok(hop) if wanted(&hop) => return Some(hop),
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => return None,
                }
            }
        };
        match tokio::time::timeout(PATIENCE, arrival).await {
            Ok(Some(hop)) => Ok(hop),
            _ => Err(NoSuchHop { recorded: self.to_string() }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Hop>> {
        self.shared.hops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lock().iter().try_for_each(|hop| writeln!(f, "  {hop}"))
    }
}

/// Path and query with the values masked that are, or look like, credentials.
pub(crate) fn without_secrets(uri: &http::Uri) -> String {
    let mut shown = uri.path().split('/').map(mask_credential).collect::<Vec<_>>().join("/");
    if let Some(query) = uri.query() {
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, _)) if names_a_secret(name) => format!("{name}=***"),
            Some((name, value)) => format!("{name}={}", mask_credential(value)),
            None => mask_credential(pair).to_owned(),
        });
        shown.push('?');
        shown.push_str(&pairs.collect::<Vec<_>>().join("&"));
    }
    shown
}

fn names_a_secret(parameter: &str) -> bool {
    let name = parameter.to_ascii_lowercase();
    ["token", "secret", "assertion", "signature", "password", "credential", "code"]
        .iter()
        .any(|word| name.contains(word))
}

fn mask_credential(text: &str) -> &str {
    let is_credential =
        ["ghs_", "ghp_", "gho_", "github_pat_", "eyJ"].iter().any(|start| text.starts_with(start));
    if is_credential { "***" } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(path: &str) -> Hop {
        Hop { service: "github", method: "GET".into(), path: path.into(), status: Some(200), note: None }
    }

    #[test]
    fn credentials_in_a_path_or_query_are_masked() {
        for (given, shown) in [
            (
                "/repos/acme/widgets/issues?state=open&labels=a,b",
                "/repos/acme/widgets/issues?state=open&labels=a,b",
            ),
            ("/x?access_token=abc&resource=api://y", "/x?access_token=***&resource=api://y"),
            ("/x?X-Amz-Signature=abc", "/x?X-Amz-Signature=***"),
            ("/x?jwt=eyJhbGciOiJSUzI1NiJ9.e30.c2ln", "/x?jwt=***"),
            ("/applications/ghs_abc/token?flag", "/applications/***/token?flag"),
        ] {
            assert_eq!(without_secrets(&given.parse().unwrap()), shown);
        }
    }

    #[tokio::test]
    async fn waiting_finds_past_and_future_hops() {
        let trace = Trace::new();
        trace.record(hop("/past"));
        assert_eq!(trace.wait_for(|hop| hop.path == "/past").await.unwrap(), hop("/past"));

        let (found, ()) = tokio::join!(trace.wait_for(|hop| hop.path == "/future"), async {
            trace.record(hop("/other"));
            trace.record(hop("/future"));
        });
        assert_eq!(found.unwrap(), hop("/future"));
        assert_eq!(trace.hops_of("github").len(), 3);
        assert!(trace.hops_of("octo-sts").is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_in_vain_ends_and_names_what_was_seen() {
        let trace = Trace::new();
        trace.record(hop("/seen"));
        let error = trace.wait_for(|_| false).await.unwrap_err();
        assert!(error.to_string().contains("github GET /seen 200"), "{error}");
    }

    #[test]
    fn a_hop_reads_as_one_line() {
        let note = Some("issue #1 created".to_owned());
        assert_eq!(Hop { note, ..hop("/issues") }.to_string(), "github GET /issues 200: issue #1 created");
        assert_eq!(Hop { status: None, ..hop("/issues") }.to_string(), "github GET /issues (no answer)");
    }
}
