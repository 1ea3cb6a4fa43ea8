//! Lambda, the host: what it is told when an event is done or fails.

mod batch;

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::response::IntoResponse as _;
use gatepass_core::app::{App, StartError};
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::failure::Failure;
use gatepass_core::http::{HostCheck, HttpAnswer};
use gatepass_core::telemetry::Correlation;
use gatepass_core::telemetry::TARGET;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::{Deserialize, Deserializer};
use serde_json::json;
use serde_json::value::RawValue;
use tower::ServiceExt as _;

use crate::account::Account;
use crate::events::{self, HttpInvocation, Invocation, UnreadableHttp};

/// What is left to tell Lambda before it ends the invocation.
const MARGIN: Duration = Duration::from_millis(500);

/// No function runs longer, so a deadline beyond is no time of this clock.
const LONGEST: Duration = Duration::from_secs(15 * 60 + 60);

/// Serves the runtime API, one invocation at a time, or as many as `AWS_LAMBDA_MAX_CONCURRENCY` says.
///
/// # Errors
/// When a webhook's secret cannot be read, when this is not started by Lambda, or when the runtime API fails.
pub async fn serve(env: &Env, app: App, account: Arc<Account>) -> Result<(), StartError> {
    // The runtime crate would panic without them.
    for name in [
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    ] {
        if env.get(name).is_none() {
            return Err(StartError::Environment(format!(
                "{name} is not set: this program is started by Lambda, as the executable `bootstrap` of a custom runtime"
            )));
        }
    }
    let app = Arc::new(app);
    let router = app.router(HostCheck::Missing).await?;
    let handler = service_fn(move |event: LambdaEvent<Payload>| {
        let (app, router, account) = (Arc::clone(&app), router.clone(), Arc::clone(&account));
        async move {
            let id = event.context.request_id.clone();
            let trace = event.context.xray_trace_id.clone();
            let deadline = deadline(event.context.deadline);
            Correlation { id, trace }.scope(handle(&app, router, &account, event.payload, deadline)).await
        }
    });
    lambda_runtime::run_concurrent(handler)
        .await
        .map_err(|error| StartError::Environment(format!("Lambda's runtime API failed: {error}")))
}

async fn handle(
    app: &Arc<App>,
    router: Router,
    account: &Arc<Account>,
    payload: Payload,
    deadline: Deadline,
) -> Result<Box<RawValue>, Failed> {
    match payload.read().inspect_err(not_taken)? {
        Invocation::Http(http) => {
            let HttpInvocation { mut request, front } = *http;
            request.extensions_mut().insert(deadline);
            let Ok(response) = router.oneshot(request).await;
            Ok(events::answer_over_http(response, front).await?)
        }
        Invocation::UnreadableHttp(UnreadableHttp { failure, front }) => {
            not_taken(&failure);
            Ok(events::answer_over_http(HttpAnswer::from(failure).into_response(), front).await?)
        }
        Invocation::Batch(batch) => {
            Ok(events::answer_directly(&batch::work(app, account, batch, deadline).await)?)
        }
        Invocation::Doctor(request) => {
            let examination = app.examine(&request, deadline).await.inspect_err(not_taken)?;
            Ok(events::answer_directly(&json!(examination))?)
        }
        Invocation::Delivery(delivery) => {
            let report = app.handle(&delivery, deadline).await.inspect_err(not_taken)?;
            match report.worst() {
                Some((_, failure)) => Err(Failed(failure.clone())),
                None => Ok(events::answer_directly(&report.answer(false))?),
            }
        }
    }
}

/// What has no job has no record `outcome`.
fn not_taken(failure: &Failure) {
    tracing::warn!(
        target: TARGET, message = "an event was not taken", status = failure.class.name(),
        reason = failure.message,
    );
}

/// What Lambda hands over, or why it is no JSON. It reads itself from anything: what it cannot read, the runtime crate
/// would report under an error type that is none of ours.
struct Payload(Result<Box<RawValue>, String>);

impl<'de> Deserialize<'de> for Payload {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(Box::deserialize(deserializer).map_err(|error: D::Error| error.to_string())))
    }
}

impl Payload {
    fn read(&self) -> Result<Invocation, Failure> {
        match &self.0 {
            Ok(json) => events::read(json.get()),
            Err(error) => Err(events::not_json(error)),
        }
    }
}

/// From milliseconds since 1970. Some local hosts say something else there.
fn deadline(milliseconds: u64) -> Deadline {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(milliseconds);
    let left = at.duration_since(SystemTime::now()).ok().filter(|left| *left <= LONGEST);
    Deadline::after(left.map_or(Deadline::DEFAULT, |left| left.saturating_sub(MARGIN)))
}

/// A failure as Lambda shows and counts it: `errorType` is the class.
struct Failed(Failure);

/// What the runtime crate logs of it: the record `outcome` has said the rest.
impl fmt::Debug for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the invocation has failed: {}", self.0.class.name())
    }
}

impl From<Failure> for Failed {
    fn from(failure: Failure) -> Self {
        Self(failure)
    }
}

impl From<Failed> for Diagnostic {
    fn from(Failed(failure): Failed) -> Self {
        Self { error_type: failure.class.name().into(), error_message: failure.message }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_is_no_time_is_replaced() {
        let now =
            u64::try_from(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis())
                .unwrap();
        let left = deadline(now + 3000).remaining();
        assert!(left > Duration::from_millis(2300) && left <= Duration::from_millis(2500), "{left:?}");
        for odd in [0, 3000, u64::MAX / 1000] {
            assert!(deadline(odd).remaining() > Duration::from_secs(50), "{odd}");
        }
    }
}
