//! One stand-in on one loopback port: serves a router, strikes its faults, records its hops.

use std::io;
use std::net::Ipv4Addr;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt;

use crate::faults::{Closed, Faults};
use crate::trace::{Hop, Note, Trace, without_secrets};

/// A loopback port that is bound but not yet served, for services that must know their own address first.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    url: String,
}

impl Bound {
    /// Binds 127.0.0.1; port 0 takes any free one.
    ///
    /// # Errors
    /// What the operating system says, most often that the port is taken.
    pub async fn bind(port: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        Ok(Self { listener, url })
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Starts serving.
    pub fn serve(self, service: &'static str, router: Router, faults: Faults, trace: Trace) -> Server {
        let station = Station { service, router, faults, trace };
        let accepting = tokio::spawn(accept(self.listener, station));
        Server { url: self.url, accepting }
    }
}

/// A running stand-in. It stops, with all its connections, when dropped.
#[derive(Debug)]
pub struct Server {
    url: String,
    accepting: JoinHandle<()>,
}

impl Server {
    /// Serves `router` on any free loopback port, under the name `service` in the trace.
    ///
    /// # Errors
    /// What the operating system says when no port can be bound.
    pub async fn start(
        service: &'static str,
        router: Router,
        faults: Faults,
        trace: Trace,
    ) -> io::Result<Self> {
        Self::start_on(0, service, router, faults, trace).await
    }

    /// As [`Server::start`], on the given port.
    ///
    /// # Errors
    /// What the operating system says, most often that the port is taken.
    pub async fn start_on(
        port: u16,
        service: &'static str,
        router: Router,
        faults: Faults,
        trace: Trace,
    ) -> io::Result<Self> {
        Ok(Bound::bind(port).await?.serve(service, router, faults, trace))
    }

    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The connections live in the accepting task's JoinSet and end with it.
        self.accepting.abort();
    }
}

#[derive(Clone)]
struct Station {
    service: &'static str,
    router: Router,
    faults: Faults,
    trace: Trace,
}

impl Station {
    async fn handle(self, request: Request<Incoming>) -> Result<Response, Closed> {
        let mut recording = Recording::begin(&self, &request);
        let fault = self.faults.take(request.method(), request.uri());
        let service = async {
            match self.router.oneshot(request.map(Body::new)).await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        };
        let outcome = match fault {
            Some(fault) => fault.strike(service).await,
            None => Ok(service.await),
        };
        match &outcome {
            Ok(response) => {
                recording.hop.status = Some(response.status().as_u16());
                recording.hop.note = response.extensions().get::<Note>().map(|note| note.as_str().to_owned());
            }
            Err(Closed) => recording.hop.note = Some("fault: connection closed".to_owned()),
        }
        outcome
    }
}

/// Records the hop when it is dropped: before the answer is sent, or when the client goes away without one.
struct Recording {
    trace: Trace,
    hop: Hop,
}

impl Recording {
    fn begin(station: &Station, request: &Request<Incoming>) -> Self {
        let hop = Hop {
            service: station.service,
            method: request.method().to_string(),
            path: without_secrets(request.uri()),
            status: None,
            note: Some("the client went away".to_owned()),
        };
        Self { trace: station.trace.clone(), hop }
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        self.trace.record(self.hop.clone());
    }
}

async fn accept(listener: TcpListener, station: Station) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(serve(stream, station.clone())); }
                // Out of descriptors, or a connection that died while it waited: neither ends the service.
                Err(error) => {
                    tracing::debug!(service = station.service, %error, "accept failed");
                    tokio::task::yield_now().await;
                }
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, station: Station) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(service = station.service, %error, "TCP_NODELAY not set");
    }
    let service = station.service;
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service_fn(move |request| station.clone().handle(request)));
    if let Err(error) = connection.await {
        tracing::debug!(service, %error, "connection ended");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::Extension;
    use axum::routing::{get, post};
    use http::Method;

    use super::*;
    use crate::faults::Fault;
    use crate::http_client::LoopbackClient;

    struct Bench {
        server: Server,
        faults: Faults,
        trace: Trace,
        effects: Arc<AtomicUsize>,
        client: LoopbackClient,
    }

    impl Bench {
        async fn start() -> Self {
            let (faults, trace, effects) = (Faults::new(), Trace::new(), Arc::new(AtomicUsize::new(0)));
            let counter = Arc::clone(&effects);
            let router = Router::new()
                .route("/noted", get(|| async { (Extension(Note::new("all is well")), "hello") }))
                .route(
                    "/effect",
                    post(move || async move { format!("{}", counter.fetch_add(1, Ordering::SeqCst)) }),
                );
            let server = Server::start("bench", router, faults.clone(), trace.clone()).await.unwrap();
            Self { server, faults, trace, effects, client: LoopbackClient::new().unwrap() }
        }

        async fn send(&self, method: Method, path: &str) -> reqwest::Result<reqwest::Response> {
            let url = format!("{}{path}", self.server.url());
            self.client.request(method, &url).unwrap().send().await
        }

        fn effects(&self) -> usize {
            self.effects.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn a_request_is_served_and_recorded_with_its_note() {
        let bench = Bench::start().await;
        let answer = bench.send(Method::GET, "/noted?token=abc").await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "hello");
        let hops: Vec<String> = bench.trace.hops().iter().map(ToString::to_string).collect();
        assert_eq!(hops, ["bench GET /noted?token=*** 200: all is well"]);
    }

    #[tokio::test]
    async fn a_fault_before_the_effect_prevents_it_and_one_after_it_only_loses_the_answer() {
        let bench = Bench::start().await;
        bench.faults.inject(Fault::on(Method::POST, "/effect").status(503).header("retry-after", "7"));
        let answer = bench.send(Method::POST, "/effect").await.unwrap();
        assert_eq!((answer.status().as_u16(), bench.effects()), (503, 0));
        assert_eq!(answer.headers().get("retry-after").unwrap(), "7");

        bench.faults.inject(Fault::on(Method::POST, "/effect").after_effect().reset());
        assert!(bench.send(Method::POST, "/effect").await.is_err());
        assert_eq!(bench.effects(), 1);
        bench.trace.wait_for(|hop| hop.status.is_none()).await.unwrap();

        let answer = bench.send(Method::POST, "/effect").await.unwrap();
        assert_eq!((answer.status().as_u16(), bench.effects()), (200, 2));
    }

    #[tokio::test]
    async fn broken_answers_reach_the_client_broken() {
        let bench = Bench::start().await;
        bench.faults.inject(Fault::on_any("/noted").reset_mid_body());
        let answer = bench.send(Method::GET, "/noted").await.unwrap();
        assert!(answer.bytes().await.is_err());

        bench.faults.inject(Fault::on_any("/noted").html());
        let answer = bench.send(Method::GET, "/noted").await.unwrap();
        assert_eq!(answer.headers().get("content-type").unwrap(), "text/html; charset=utf-8");

        bench.faults.inject(Fault::on_any("/noted").drip());
        let mut answer = bench.send(Method::GET, "/noted").await.unwrap();
        for _ in 0..2 {
            assert_eq!(answer.chunk().await.unwrap().unwrap(), " ");
        }

        bench.faults.inject(Fault::on_any("/noted").garbage().status(201));
        let answer = bench.send(Method::GET, "/noted").await.unwrap();
        assert_eq!(answer.status().as_u16(), 201);
        assert!(answer.json::<serde_json::Value>().await.is_err());

        bench.faults.inject(Fault::on_any("/noted").header("x-more", "1"));
        let answer = bench.send(Method::GET, "/noted").await.unwrap();
        assert_eq!(answer.headers().get("x-more").unwrap(), "1");
        assert_eq!(answer.text().await.unwrap(), "hello");
    }

    #[tokio::test]
    async fn a_hanging_answer_ends_with_the_clients_patience() {
        let bench = Bench::start().await;
        let fault = bench.faults.inject(Fault::on_any("/noted").hang());
        let url = format!("{}/noted", bench.server.url());
        let request = bench.client.request(Method::GET, &url).unwrap();
        let error = request.timeout(std::time::Duration::from_millis(50)).send().await.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        let hop = bench.trace.wait_for(|hop| hop.path == "/noted").await.unwrap();
        assert_eq!(hop.to_string(), "bench GET /noted (no answer): the client went away");
        assert_eq!(fault.used(), 1);
    }

    #[tokio::test]
    async fn dropping_the_server_frees_its_port() {
        let bench = Bench::start().await;
        bench.send(Method::GET, "/noted").await.unwrap();
        let port = bench.server.url().rsplit(':').next().unwrap().parse().unwrap();
        drop(bench);
        for _ in 0..1000 {
            if Bound::bind(port).await.is_ok() {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("port {port} is still taken");
    }
}
