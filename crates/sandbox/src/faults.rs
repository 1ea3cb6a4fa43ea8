//! Faults: what a test or `gatepass dev` makes a stand-in do instead of, or after, its real work.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use tokio::sync::watch;

use crate::trace::Note;

/// How often a slow drip drips.
const DRIP: Duration = Duration::from_millis(50);

/// One thing that goes wrong: for which requests, how often, and how.
///
/// Without further words a fault strikes once, before the service has done anything.
#[derive(Clone, Debug)]
pub struct Fault {
    method: Option<Method>,
    path: String,
    query: String,
    skip: usize,
    times: usize,
    delay: Duration,
    moment: Moment,
    kind: Kind,
    headers: HeaderMap,
    /// How many requests hang.
    hanging: watch::Sender<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    BeforeEffect,
    AfterEffect,
}

#[derive(Clone, Debug)]
enum Kind {
    /// The service's own answer, late or with more headers.
    Own,
    Answer {
        status: StatusCode,
        body: Bytes,
    },
    Reset,
    ResetMidBody,
    Drip,
    Hang,
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("connection closed by an injected fault")]
pub(crate) struct Closed;

impl Fault {
    /// A fault for requests of `method` to `path`: a prefix of the path, or the whole path when it contains a `*`,
    /// which stands for any run of characters.
    pub fn on(method: Method, path: &str) -> Self {
        Self { method: Some(method), ..Self::on_any(path) }
    }

    /// A fault for requests to `path`, whatever their method.
    pub fn on_any(path: &str) -> Self {
        Self {
            method: None,
            path: path.to_owned(),
            query: String::new(),
            skip: 0,
            times: 1,
            delay: Duration::ZERO,
            moment: Moment::BeforeEffect,
            kind: Kind::Own,
            headers: HeaderMap::new(),
            hanging: watch::Sender::new(0),
        }
    }

    /// Only for requests that have these very characters in their query.
    pub fn with_query(mut self, characters: &str) -> Self {
        characters.clone_into(&mut self.query);
        self
    }

    /// Strikes the next `n` matching requests instead of one.
    pub fn times(mut self, n: usize) -> Self {
        self.times = n;
        self
    }

    /// Strikes every matching request until [`Faults::clear`].
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    /// Lets `n` matching requests pass first.
    pub fn skip(mut self, n: usize) -> Self {
        self.skip = n;
        self
    }

    /// Answers with this status; an impossible number becomes 500.
    pub fn status(mut self, status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = match self.kind {
            Kind::Answer { body, .. } => body,
            _ => Bytes::new(),
        };
        self.kind = Kind::Answer { status, body };
        self
    }

    /// Adds a header to the answer, the service's own or the fault's. A name or value HTTP forbids is left out.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Answers with this body, as JSON unless a `content-type` header is given; status 200 unless one is given.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        let status = match self.kind {
            Kind::Answer { status, .. } => status,
            _ => StatusCode::OK,
        };
        self.kind = Kind::Answer { status, body: body.into() };
        self
    }

    /// Answers an HTML page, as proxies and captive portals do; status 200 unless one is given.
    pub fn html(self) -> Self {
        self.header("content-type", "text/html; charset=utf-8")
            .body("<!DOCTYPE html><html><body><h1>Unexpected</h1></body></html>")
    }

    /// Answers bytes that are neither JSON nor UTF-8, and says that they are JSON; status 200 unless one is given.
    pub fn garbage(self) -> Self {
        self.body(Bytes::from_static(b"{\"\xff\xfe\x00garbage"))
    }

    /// Waits before answering.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Never answers: the connection stays open until the client gives up.
    pub fn hang(mut self) -> Self {
        self.kind = Kind::Hang;
        self
    }

    /// Closes the connection without an answer.
    pub fn reset(mut self) -> Self {
        self.kind = Kind::Reset;
        self
    }

    /// Sends a head and half of the body, then closes the connection.
    pub fn reset_mid_body(mut self) -> Self {
        self.kind = Kind::ResetMidBody;
        self
    }

    /// Sends a head, and then a blank twenty times a second without an end: whoever waits for the next byte only waits
    /// for ever.
    pub fn drip(mut self) -> Self {
        self.kind = Kind::Drip;
        self
    }

    /// Strikes before the service has done anything: the default.
    pub fn before_effect(mut self) -> Self {
        self.moment = Moment::BeforeEffect;
        self
    }

    /// Strikes when the service has done its work, so that only the answer is lost.
    pub fn after_effect(mut self) -> Self {
        self.moment = Moment::AfterEffect;
        self
    }

    fn matches(&self, method: &Method, uri: &Uri) -> bool {
        let path = uri.path();
        let path_matches =
            if self.path.contains('*') { glob(&self.path, path) } else { path.starts_with(&self.path) };
        path_matches
            && uri.query().unwrap_or_default().contains(&self.query)
            && self.method.as_ref().is_none_or(|wanted| wanted == method)
    }

    /// What the client gets, where `service` would do the real work.
    pub(crate) async fn strike(self, service: impl Future<Output = Response>) -> Result<Response, Closed> {
        if self.moment == Moment::AfterEffect {
            let own = service.await;
            self.answer(std::future::ready(own)).await
        } else {
            self.answer(service).await
        }
    }

    async fn answer(self, service: impl Future<Output = Response>) -> Result<Response, Closed> {
        if !self.delay.is_zero() {
            tokio::time::sleep(self.delay).await;
        }
        let (mut response, note) = match self.kind {
            Kind::Own => (service.await, None),
            Kind::Answer { status, body } => {
                (json_answer(status, body), Some(format!("fault: {}", status.as_u16())))
            }
            Kind::ResetMidBody => (half_an_answer(), Some("fault: closed in mid body".to_owned())),
            Kind::Drip => (slow_drip(), Some("fault: slow drip".to_owned())),
            Kind::Reset => return Err(Closed),
            Kind::Hang => {
                self.hanging.send_modify(|count| *count += 1);
                std::future::pending().await
            }
        };
        response.headers_mut().extend(self.headers);
        if let Some(note) = note {
            response.extensions_mut().insert(Note::new(note));
        }
        Ok(response)
    }
}

fn json_answer(status: StatusCode, body: Bytes) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn half_an_answer() -> Response {
    let sent = stream::once(async { Ok(Bytes::from_static(b"{\"message\":")) });
    let lost = stream::once(async {
        // One turn of the loop, in which the server writes what it has.
        tokio::task::yield_now().await;
        Err(Closed)
    });
    let mut response = Response::new(Body::from_stream(sent.chain(lost)));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from_static("4096"));
    response
}

fn slow_drip() -> Response {
    let drops = stream::repeat(()).then(|()| async {
        tokio::time::sleep(DRIP).await;
        Ok::<_, Closed>(Bytes::from_static(b" "))
    });
    let mut response = Response::new(Body::from_stream(drops));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Whether `text` is what `pattern` says, where `*` stands for any run of characters.
fn glob(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(head) else { return false };
    loop {
        if glob(rest, text) {
            return true;
        }
        let mut shorter = text.chars();
        if shorter.next().is_none() {
            return false;
        }
        text = shorter.as_str();
    }
}

/// The faults of one service, in the order in which they were injected. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    armed: Arc<Mutex<Vec<Armed>>>,
}

#[derive(Debug)]
struct Armed {
    fault: Fault,
    used: Arc<AtomicUsize>,
}

/// The handle of one injected fault.
#[derive(Clone, Debug)]
pub struct Injected {
    used: Arc<AtomicUsize>,
    hanging: watch::Receiver<usize>,
}

impl Injected {
    /// How many requests it has struck.
    pub fn used(&self) -> usize {
        self.used.load(Ordering::SeqCst)
    }

    /// Waits until a request hangs: where the fault strikes after the effect, the effect is there by then.
    pub async fn hangs(&self) {
        // The sender goes only with the fault, and then nothing will hang any more.
        let _ = self.hanging.clone().wait_for(|count| *count > 0).await;
    }
}

impl Faults {
    /// No faults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Arms a fault. Where several match a request, the first that is not used up strikes.
    pub fn inject(&self, fault: Fault) -> Injected {
        let used = Arc::new(AtomicUsize::new(0));
        // Its own, because a fault may be injected several times.
        let fault = Fault { hanging: watch::Sender::new(0), ..fault };
        let hanging = fault.hanging.subscribe();
        self.lock().push(Armed { fault, used: Arc::clone(&used) });
        Injected { used, hanging }
    }

    /// Disarms everything.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// How many requests the armed faults have struck.
    pub fn used(&self) -> usize {
        self.lock().iter().map(|armed| armed.used.load(Ordering::SeqCst)).sum()
    }

    /// The fault that strikes this request, counted as used.
    pub(crate) fn take(&self, method: &Method, uri: &Uri) -> Option<Fault> {
        let mut armed = self.lock();
        let matching = armed.iter_mut().filter(|armed| armed.fault.matches(method, uri));
        for armed in matching {
            if armed.used.load(Ordering::SeqCst) >= armed.fault.times {
                continue;
            }
            if armed.fault.skip > 0 {
                armed.fault.skip -= 1;
                continue;
            }
            armed.used.fetch_add(1, Ordering::SeqCst);
            return Some(armed.fault.clone());
        }
        None
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.armed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_prefix_or_a_glob() {
        for (pattern, path, expected) in [
            ("/repos", "/repos/acme/widgets", true),
            ("/repos", "/rate_limit", false),
            ("/repos/*/issues", "/repos/acme/widgets/issues", true),
            ("/repos/*/issues", "/repos/acme/widgets/issues/1", false),
            ("/repos/*/issues/*", "/repos/acme/widgets/issues/1", true),
            ("*", "/anything", true),
            ("/repos/*", "/repo", false),
        ] {
            let uri = path.parse().unwrap();
            assert_eq!(Fault::on_any(pattern).matches(&Method::GET, &uri), expected, "{pattern} {path}");
        }
        assert!(!Fault::on(Method::POST, "/").matches(&Method::GET, &Uri::from_static("/")));
    }

    #[test]
    fn a_query_is_looked_for_where_one_is_named() {
        for (query, target, expected) in [
            ("", "/x", true),
            ("scope=a%2Fb", "/x?scope=a%2Fb&identity=c", true),
            ("scope=a%2Fb", "/x?scope=a%2Fc", false),
            ("scope=a%2Fb", "/x", false),
        ] {
            let uri = target.parse().unwrap();
            assert_eq!(
                Fault::on_any("/x").with_query(query).matches(&Method::GET, &uri),
                expected,
                "{target}"
            );
        }
    }

    #[test]
    fn a_fault_is_skipped_used_and_used_up() {
        let faults = Faults::new();
        let second = faults.inject(Fault::on(Method::GET, "/").skip(1).times(2));
        let strikes: Vec<bool> =
            (0..4).map(|_| faults.take(&Method::GET, &Uri::from_static("/x")).is_some()).collect();
        assert_eq!(strikes, [false, true, true, false]);
        assert_eq!((second.used(), faults.used()), (2, 2));

        faults.inject(Fault::on_any("/").always());
        assert!(faults.take(&Method::GET, &Uri::from_static("/x")).is_some());
        faults.clear();
        assert!(faults.take(&Method::GET, &Uri::from_static("/x")).is_none());
    }
}
