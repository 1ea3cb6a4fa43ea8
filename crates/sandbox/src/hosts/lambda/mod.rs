//! AWS Lambda: a custom runtime's binary, driven over the Runtime API.

mod http_event;
mod rest_event;
mod runtime_api;

use std::fmt;
use std::time::Duration;

use tokio::time::timeout;

use super::{Child, HostError, HttpAnswer, HttpCall, Program};
use crate::identity::aws::services::Sqs;
use crate::identity::aws::{ACCOUNT, FUNCTION, REGION};
use crate::trace::{Hop, Trace};

pub use http_event::{Entrance, IamCaller};
pub use runtime_api::RuntimeApi;

/// How long Lambda lets a function initialise.
const INIT: Duration = Duration::from_secs(10);

/// How long an invocation may take, unless [`LambdaHost::with_timeout`] says otherwise.
const TIMEOUT: Duration = Duration::from_secs(15);

/// What an invocation comes to: the bytes the function answered with, or its error.
pub type InvocationResult = Result<Vec<u8>, FunctionError>;

/// An error as Lambda reports it to whoever invoked the function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    /// `errorType`: the function's own, or one of Lambda's (`Runtime.ExitError`, `Sandbox.Timedout`).
    pub error_type: String,
    /// `errorMessage`.
    pub message: String,
}

impl fmt::Display for FunctionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.error_type, self.message)
    }
}

impl std::error::Error for FunctionError {}

/// A function in its execution environment.
#[derive(Debug)]
pub struct LambdaHost {
    api: RuntimeApi,
    child: Child,
    trace: Trace,
    timeout: Duration,
}

impl LambdaHost {
    /// Starts the function and waits until it asks for its first event. The environment is
    /// [`crate::identity::aws::Aws::env_lambda`] and whatever the function is configured with; the host adds
    /// `AWS_LAMBDA_RUNTIME_API`.
    ///
    /// # Errors
    /// [`HostError::Init`] when the function reports so, [`HostError::Ended`] when it ends instead,
    /// [`HostError::Timeout`] after ten seconds.
    pub async fn start(program: Program, trace: Trace) -> Result<Self, HostError> {
        let name = program.variable("AWS_LAMBDA_FUNCTION_NAME").unwrap_or(FUNCTION).to_owned();
        let arn = format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}");
        let api = RuntimeApi::start(arn, trace.clone()).await?;
        let program = program
            .env("AWS_LAMBDA_RUNTIME_API", api.authority())
            .env_default("AWS_LAMBDA_FUNCTION_NAME", name)
            .env_default("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env_default("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128");
        let child = Child::spawn(&program)?;
        let host = Self { api, child, trace, timeout: TIMEOUT };
        host.initialised().await?;
        Ok(host)
    }

    /// Sets how long an invocation may take; the function is told as its deadline.
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    async fn initialised(&self) -> Result<(), HostError> {
        let first_of = async {
            tokio::select! {
                biased;
                ready = self.api.initialised() => ready.map_err(HostError::Init),
                status = self.child.end() => match self.api.init_error() {
                    Some(error) => Err(HostError::Init(error)),
                    None => Err(self.child.ended_error(status, "before it asked for its first event")),
                },
            }
        };
        match timeout(INIT, first_of).await {
            Ok(outcome) => outcome,
            Err(_) => Err(self.child.timeout_error("ask for its first event", INIT)),
        }
    }

    /// The function's process.
    pub fn child(&self) -> &Child {
        &self.child
    }

    /// Invokes the function and waits for what it comes to. Payloads over Lambda's 6 MB are passed on, so that
    /// the function's own limit can be seen. A function that takes too long is killed.
    ///
    /// # Errors
    /// The [`FunctionError`] that Lambda would report.
    pub async fn invoke(&self, payload: &[u8]) -> InvocationResult {
        let outcome = tokio::select! {
            biased;
            outcome = self.api.invoke(payload, self.timeout) => outcome,
            status = self.child.end() => Err(FunctionError {
                error_type: "Runtime.ExitError".to_owned(),
                message: format!("Runtime exited with error: {status}"),
            }),
        };
        if outcome.as_ref().is_err_and(|error| error.error_type == runtime_api::TIMED_OUT) {
            self.child.kill().await;
        }
        self.trace.record(Hop {
            service: "lambda",
            method: "INVOKE".to_owned(),
            path: self.api.function().to_owned(),
            status: Some(200),
            note: Some(match &outcome {
                Ok(bytes) => format!("answered {} bytes", bytes.len()),
                Err(error) => format!("function error {}", error.error_type),
            }),
        });
        outcome
    }

    /// Sends an HTTP request through the function's URL, or an API Gateway or a load balancer in front of it.
    ///
    /// # Errors
    /// The [`FunctionError`] behind the 502 (Function URL, REST API, load balancer) or 500 (HTTP API) the sender would see.
    pub async fn http(&self, entrance: Entrance, call: &HttpCall) -> Result<HttpAnswer, FunctionError> {
        let event = entrance.event(call);
        let payload = self.invoke(event.to_string().as_bytes()).await?;
        entrance.answer(&payload)
    }

    /// Receives what is visible on a queue, at most so many messages, and hands it to the function, as an event source
    /// mapping does once. What the function's answer does not report as failed is deleted. `None` when nothing was visible.
    pub async fn poll(&self, sqs: &Sqs, queue: &str, at_most: usize) -> Option<InvocationResult> {
        let batch = sqs.receive(queue, at_most)?;
        let result = self.invoke(batch.event().to_string().as_bytes()).await;
        let answer = result.as_ref().ok().map(|bytes| serde_json::from_slice(bytes).unwrap_or_default());
        sqs.settle(&batch, answer.as_ref());
        Some(result)
    }
}
