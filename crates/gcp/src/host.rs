//! The host: HTTP/1.1 on `$PORT`, drained on SIGTERM.
//!
//! Cloud Run sends SIGTERM, waits ten seconds and kills. An answer is given only when the work is done: with
//! request-based billing the CPU stops after it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use gatepass_core::app::{App, StartError};
use gatepass_core::env::Env;
use gatepass_core::http::HostCheck;
use gatepass_core::telemetry::TARGET;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Where Cloud Run connects unless it says otherwise.
const DEFAULT_PORT: u16 = 8080;

/// A `host` caller is one that a private service's own IAM has let in. Anywhere but on Cloud Run, which says that it is there
/// by `K_SERVICE` (Cloud Run, "Container runtime contract"), nobody stands before the port.
fn host_check(env: &Env) -> HostCheck {
    if env.get("K_SERVICE").is_some() { HostCheck::Passed } else { HostCheck::Missing }
}

/// Serves until SIGTERM or SIGINT, and then until the last request is answered and the last job is done.
///
/// # Errors
/// When a webhook's secret cannot be read, or the port cannot be had.
pub async fn serve(env: &Env, app: App) -> Result<(), StartError> {
    let port = match env.get("PORT") {
        Some(text) => text
            .parse()
            .map_err(|_| StartError::Environment(format!("PORT is `{text}`, which is no port")))?,
        None => DEFAULT_PORT,
    };
    let app = Arc::new(app);
    let router = app.router(host_check(env)).await?;
    let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    let cannot = |what: &str, error: std::io::Error| StartError::Environment(format!("{what}: {error}"));
    let listener =
        TcpListener::bind(address).await.map_err(|error| cannot("PORT cannot be listened on", error))?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| cannot("SIGTERM", error))?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| cannot("SIGINT", error))?;
    tracing::info!(target: TARGET, message = "listening", port);
    let stopped = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!(target: TARGET, message = "draining");
    };
    axum::serve(listener, router)
        .with_graceful_shutdown(stopped)
        .await
        .map_err(|error| cannot("the HTTP server stopped", error))?;
    // Whose sender has hung up, the server does not wait for.
    app.drained().await;
    Ok(())
}
