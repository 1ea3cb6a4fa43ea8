//! The control server: events on request, from another terminal.

use std::io;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use gatepass_sandbox::github::GitHub;
use gatepass_sandbox::trace::Trace;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::plan::{Errand, Plan, Way};
use super::show::all_issues;
use super::stage::Stage;
use crate::outcome::Outcome;
use crate::terminal::{FAINT, GOOD, STRONG, Stream};

/// An event to send.
pub(super) struct Command {
    pub(super) errand: Errand,
    pub(super) change: Option<Value>,
    pub(super) answer: oneshot::Sender<Vec<Outcome>>,
}

/// The running server. It stops when dropped.
pub(super) struct Control {
    url: String,
    task: JoinHandle<()>,
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Desk {
    errands: Vec<Errand>,
    commands: mpsc::Sender<Command>,
    github: GitHub,
    trace: Trace,
}

impl Control {
    /// Listens on loopback; port 0 takes any free one.
    pub(super) async fn start(
        port: u16,
        plan: &Plan,
        stage: &Stage,
        commands: mpsc::Sender<Command>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let desk = Desk {
            errands: plan.errands.clone(),
            commands,
            github: stage.sandbox.github.clone(),
            trace: stage.trace(),
        };
        let router = Router::new()
            .route("/send/{what}", post(send))
            .route("/issues", get(issues))
            .route("/trace", get(trace))
            .fallback(|| async { (StatusCode::NOT_FOUND, "POST /send/EVENT · GET /issues · GET /trace\n") })
            .with_state(desk);
        let task = tokio::spawn(async move {
            // It only ends by being stopped.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { url, task })
    }

    /// Says how to send events.
    pub(super) fn introduce(&self, out: Stream, plan: &Plan) {
        let up = out.paint(GOOD, "up");
        out.line(&format!("\n{up}, and waiting for events. From another terminal:\n"));
        let row = |errand: &Errand| {
            let command = format!("curl -X POST {}/send/{}", self.url, name(&plan.errands, errand));
            (format!("{}, {}", errand.sender(), errand.place.host()), command)
        };
        let mut rows: Vec<(String, String)> = plan.errands.iter().map(row).collect();
        if let Some(index) = plan.errands.iter().position(|errand| matches!(errand.way, Way::Alarm)) {
            let over = r#"'{"detail":{"state":{"value":"OK"}}}'"#;
            let command = format!("curl -X POST {}/send/alarm -d {over}", self.url);
            rows.insert(index + 1, ("… and the alarm is over".to_owned(), command));
        }
        rows.push(("every issue".to_owned(), format!("curl {}/issues", self.url)));
        rows.push(("every request so far".to_owned(), format!("curl {}/trace", self.url)));
        let width = rows.iter().map(|(what, _)| what.chars().count()).max().unwrap_or_default();
        for (what, command) in rows {
            let what = out.paint(FAINT, &format!("{what:<width$}"));
            out.line(&format!("  {what}  {}", out.paint(STRONG, &command)));
        }
        out.line(&format!(
            "\n{}",
            out.paint(FAINT, "-d JSON changes the sample (JSON Merge Patch). Ctrl-C ends everything.")
        ));
    }
}

/// What an errand is called: its kind, or its job where several are of that kind.
fn name<'a>(errands: &[Errand], errand: &'a Errand) -> &'a str {
    let alike = errands.iter().filter(|other| other.kind() == errand.kind()).count();
    if alike == 1 { errand.kind() } else { errand.job() }
}

/// `POST /send/{what}`: a kind of event, or a job. The body changes the sample.
async fn send(State(desk): State<Desk>, Path(what): Path<String>, body: Bytes) -> (StatusCode, Json<Value>) {
    let refuse = |status: StatusCode, detail: String| (status, Json(json!({ "detail": detail })));
    let matching: Vec<&Errand> = desk
        .errands
        .iter()
        .filter(|errand| errand.kind() == what || errand.jobs.iter().any(|job| job.as_str() == what))
        .collect();
    if matching.is_empty() {
        let known: Vec<&str> = desk.errands.iter().map(|errand| name(&desk.errands, errand)).collect();
        return refuse(
            StatusCode::NOT_FOUND,
            format!("there is no such event; known here: {}", known.join(", ")),
        );
    }
    let change = match serde_json::from_slice(&body) {
        Ok(change) => Some(change),
        Err(_) if body.is_empty() => None,
        Err(error) => {
            let place = format!("line {}, column {}", error.line(), error.column());
            return refuse(StatusCode::BAD_REQUEST, format!("the body is not JSON ({place})"));
        }
    };
    let mut outcomes = Vec::new();
    for errand in matching {
        let (answer, answered) = oneshot::channel();
        let command = Command { errand: errand.clone(), change: change.clone(), answer };
        let sent = desk.commands.send(command).await.is_ok();
        match answered.await {
            Ok(more) if sent => outcomes.extend(more),
            _ => return refuse(StatusCode::SERVICE_UNAVAILABLE, "stopping".to_owned()),
        }
    }
    let status = if outcomes.iter().all(Outcome::is_done) { StatusCode::OK } else { StatusCode::BAD_GATEWAY };
    let results: Vec<Value> = outcomes.into_iter().map(|outcome| outcome.answer).collect();
    (status, Json(json!({ "results": results })))
}

/// `GET /issues`: every issue, those that people opened too.
async fn issues(State(desk): State<Desk>) -> Json<Value> {
    let issue = |(repository, issue): (String, gatepass_sandbox::github::Issue)| {
        json!({
            "repository": repository,
            "number": issue.number,
            "state": issue.state.as_str(),
            "title": issue.title,
            "author": issue.author.login,
            "labels": issue.labels,
            "body": issue.body,
        })
    };
    Json(all_issues(&desk.github).into_iter().map(issue).collect())
}

/// `GET /trace`: every request so far.
async fn trace(State(desk): State<Desk>) -> Json<Value> {
    let hops = desk.trace.hops().into_iter().map(|hop| {
        json!({
            "service": hop.service,
            "method": hop.method,
            "path": hop.path,
            "status": hop.status,
            "note": hop.note,
        })
    });
    Json(hops.collect())
}
