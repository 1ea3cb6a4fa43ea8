//! The program that the hosts run: small, obedient, and told by the variable `CHILD` what to be.

use axum::Router;
use axum::body::Bytes;
use axum::extract::Request;
use axum::response::IntoResponse;
use gatepass_sandbox::hosts::{HttpCall, Program};
use gatepass_sandbox::http_client::LoopbackClient;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// This binary, to be run as `role`.
pub(crate) fn program(role: &str) -> Program {
    ["--exact", "child::program_of_the_hosts", "--ignored", "--nocapture", "--quiet"]
        .into_iter()
        .fold(Program::new(std::env::current_exe().unwrap()), Program::arg)
        .env("CHILD", role)
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_default()
}

#[tokio::test]
#[ignore = "the program that the other tests run as a child"]
async fn program_of_the_hosts() {
    match variable("CHILD").as_str() {
        "" => {}
        "talk" => talk(),
        "wait" => wait().await,
        "serve" => serve().await,
        "stubborn" => stubborn().await,
        "lambda" => lambda().await,
        "init-error" => init_error().await,
        role => panic!("no role {role}"),
    }
}

fn talk() {
    println!("to stdout");
    eprintln!("to stderr");
    for (name, value) in std::env::vars() {
        println!("variable {name}={value}");
    }
    std::process::exit(3);
}

async fn wait() {
    println!("waiting");
    std::future::pending().await
}

/// Answers every request with what arrived. Drains on SIGTERM.
async fn serve() {
    let mut terminate = signal(SignalKind::terminate()).unwrap();
    let drained = async move {
        terminate.recv().await;
        println!("draining");
    };
    axum::serve(listen().await, Router::new().fallback(echo)).with_graceful_shutdown(drained).await.unwrap();
    std::process::exit(0);
}

/// Listens, and does not hear SIGTERM.
async fn stubborn() {
    let _deaf = signal(SignalKind::terminate()).unwrap();
    axum::serve(listen().await, Router::new().fallback(echo)).await.unwrap();
}

async fn listen() -> TcpListener {
    let port = format!("{}{}", variable("PORT"), variable("FUNCTIONS_CUSTOMHANDLER_PORT"));
    TcpListener::bind(format!("127.0.0.1:{port}")).await.unwrap()
}

/// The request as JSON, or, for some paths, what a custom handler must not answer.
async fn echo(request: Request) -> impl IntoResponse {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let headers: serde_json::Map<String, Value> = parts
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), json!(value.to_str().unwrap())))
        .collect();
    let (status, answer) = match parts.uri.path() {
        "/null-timer" => (200, "null".to_owned()),
        "/fail-timer" => (500, "no".to_owned()),
        "/good-timer" => {
            println!("{}", String::from_utf8_lossy(&body));
            (200, json!({ "Outputs": {}, "Logs": ["done"], "ReturnValue": null }).to_string())
        }
        path => {
            let arrived = json!({
                "method": parts.method.as_str(), "path": path, "query": parts.uri.query(),
                "headers": headers, "body": String::from_utf8_lossy(&body),
            });
            (if path == "/api/teapot" { 418 } else { 200 }, arrived.to_string())
        }
    };
    let status = http::StatusCode::from_u16(status).unwrap();
    (status, [("content-type", "application/json"), ("x-own", "kept")], answer)
}

/// A runtime that does what the event says.
async fn lambda() {
    let (client, api) =
        (LoopbackClient::new().unwrap(), format!("http://{}", variable("AWS_LAMBDA_RUNTIME_API")));
    println!("lambda runtime starts as {}", variable("AWS_LAMBDA_FUNCTION_NAME"));
    loop {
        let next = HttpCall::get("/2018-06-01/runtime/invocation/next").send(&client, &api).await.unwrap();
        let id = next.header("lambda-runtime-aws-request-id").unwrap().to_owned();
        let event = next.json();
        let (verb, body) = match event["do"].as_str().unwrap_or("echo") {
            "fail" => {
                ("error", json!({ "errorType": "Refused", "errorMessage": "ask an owner" }).to_string())
            }
            "crash" => std::process::exit(7),
            "sleep" => std::future::pending().await,
            "huge" => ("response", "x".repeat(7 * 1024 * 1024)),
            "deadline" => ("response", next.header("lambda-runtime-deadline-ms").unwrap().to_owned()),
            _ => ("response", String::from_utf8(next.body).unwrap()),
        };
        let path = format!("/2018-06-01/runtime/invocation/{id}/{verb}");
        let call = HttpCall::new(http::Method::POST, path).body(Bytes::from(body));
        println!("{verb} {}", call.send(&client, &api).await.unwrap().status);
    }
}

async fn init_error() {
    let (client, api) =
        (LoopbackClient::new().unwrap(), format!("http://{}", variable("AWS_LAMBDA_RUNTIME_API")));
    let body = json!({ "errorType": "Config", "errorMessage": "no such file" });
    HttpCall::post_json("/2018-06-01/runtime/init/error", &body).send(&client, &api).await.unwrap();
    std::process::exit(1);
}
