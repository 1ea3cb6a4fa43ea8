//! Calls of AWS's services with a JSON protocol, and what their refusals mean.

use std::time::Duration;

use gatepass_core::client::{ServiceUrl, excerpt, harmless};
use gatepass_core::deadline::Deadline;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::Reason;
use serde_json::Value;

use crate::account::{Account, Received, Request, Service};
use crate::signing::ToSign;

/// How much is shown of an error's name and of its message, in characters.
const MAX_CODE: usize = 80;
const MAX_MESSAGE: usize = 200;

/// What is said of whatever a role may not do.
pub(crate) const NOT_ALLOWED: &str = "the role may not do this: allow";

/// One action of one service.
pub(crate) struct Call<'a> {
    pub(crate) service: Service,
    pub(crate) region: &'a str,
    pub(crate) endpoint: &'a ServiceUrl,
    /// For messages, as in `Amazon SQS (SendMessage)`.
    pub(crate) place: &'a str,
    /// The protocol's version: `1.0` or `1.1`.
    pub(crate) protocol: &'static str,
    /// As in `AmazonSQS.SendMessage`.
    pub(crate) target: &'static str,
    /// What a role must be allowed, and on what.
    pub(crate) allow: &'a str,
    /// What to check when the thing is not there.
    pub(crate) absent: &'a str,
}

impl Account {
    /// Calls an action as this workload.
    ///
    /// # Errors
    /// Deferred when the service cannot be reached, is overloaded or broken; too large when it says so; else Refused, with
    /// what to change.
    pub(crate) async fn call(
        &self,
        call: &Call<'_>,
        body: &Value,
        deadline: Deadline,
    ) -> Result<Value, Failure> {
        let request = Request {
            place: call.place,
            to: ToSign {
                service: call.service.name,
                region: call.region,
                url: &format!("{}/", call.endpoint.as_str()),
                headers: &[
                    ("content-type", &format!("application/x-amz-json-{}", call.protocol)),
                    ("x-amz-target", call.target),
                ],
                body: &body.to_string(),
            },
            absent: None,
        };
        let received = self.send(&request, deadline).await?;
        if !received.is_success() {
            return Err(call.refusal(&received));
        }
        serde_json::from_slice(&received.body).map_err(|_| {
            let message = format!(
                "{} answered with no JSON; check what stands between this workload and it",
                call.place
            );
            Failure::deferred(Duration::ZERO, message)
        })
    }
}

impl Call<'_> {
    /// Source: "Common errors" of the three services, and each action's own.
    fn refusal(&self, received: &Received) -> Failure {
        let status = received.status;
        let body: Value = serde_json::from_slice(&received.body).unwrap_or_default();
        let Some(code) = code(&body) else {
            let next = match status {
                429 | 500.. => "deliver the event again",
                _ => "no answer of AWS: check what stands between this workload and it",
            };
            let text = format!("{}; {next}", excerpt(&received.body));
            return received.refusal(self.place, Reason::by_status(status, text));
        };
        let message = ["message", "Message"].into_iter().find_map(|name| body.get(name)?.as_str());
        let message = harmless(message.unwrap_or_default(), MAX_MESSAGE);
        if is_too_long(code, &message) {
            return Failure::too_large(format!("{} answered {status}: {message}; send less", self.place));
        }
        let shown = harmless(code, MAX_CODE);
        let reason = match code {
            _ if is_passing(code) => Reason::passing(format!("{shown}; deliver the event again")),
            "AccessDenied" | "AccessDeniedException" | "NotAuthorized" | "KmsAccessDenied" => {
                Reason::by_status(status, format!("{shown}; {NOT_ALLOWED} {}", self.allow))
            }
            "QueueDoesNotExist"
            | "AWS.SimpleQueueService.NonExistentQueue"
            | "ResourceNotFoundException"
            | "ParameterNotFound"
            | "ParameterVersionNotFound" => Reason::by_status(status, format!("{shown}; {}", self.absent)),
            "ExpiredToken"
            | "ExpiredTokenException"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException" => Reason::by_status(
                status,
                format!("{shown}; the role's credentials are not accepted: they may have expired"),
            ),
            "SignatureDoesNotMatch"
            | "InvalidSignatureException"
            | "IncompleteSignature"
            | "RequestExpired" => {
                let next = "the signature is not accepted: check the clock, AWS_REGION and the credentials";
                Reason::by_status(status, format!("{shown}; {next}"))
            }
            _ if status >= 500 => Reason::by_status(status, format!("{shown}; deliver the event again")),
            _ => Reason::by_status(status, format!("{shown}; {message:?}")),
        };
        received.refusal(self.place, reason)
    }
}

/// The error's name, without the namespace before it and the link behind it.
fn code(body: &Value) -> Option<&str> {
    let kind = ["__type", "code"].into_iter().find_map(|name| body.get(name)?.as_str())?;
    let name = kind.rsplit('#').next().unwrap_or_default();
    name.split(':').next().filter(|name| !name.is_empty())
}

/// They pass whatever the status says: AWS answers 400 to most of them.
fn is_passing(code: &str) -> bool {
    const WORDS: [&str; 8] = [
        "Throttl",
        "TooManyRequests",
        "RequestLimitExceeded",
        "SlowDown",
        "OverLimit",
        "ServiceUnavailable",
        "InternalFailure",
        "InternalServ",
    ];
    WORDS.iter().any(|word| code.contains(word))
}

/// SQS has no name of its own for it: a queue may take less than SQS does.
fn is_too_long(code: &str, message: &str) -> bool {
    (code.starts_with("InvalidParameterValue") && message.contains("must be shorter than"))
        || code.contains("RequestEntityTooLarge")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn judged(status: u16, body: impl Into<Vec<u8>>) -> Failure {
        let endpoint = ServiceUrl::parse("https://sqs.eu-west-1.amazonaws.com").unwrap();
        let call = Call {
            service: Service::SQS,
            region: "eu-west-1",
            endpoint: &endpoint,
            place: "Amazon SQS (SendMessage)",
            protocol: "1.0",
            target: "AmazonSQS.SendMessage",
            allow: "sqs:SendMessage on arn:x",
            absent: "check GATEPASS_QUEUE",
        };
        call.refusal(&Received { status, body: body.into() })
    }

    fn error(code: &str) -> String {
        json!({ "__type": format!("com.amazonaws.sqs#{code}:http://x/"), "message": "why" }).to_string()
    }

    #[test]
    fn a_refusal_has_its_class_and_its_next_step() {
        for (status, code, class, words) in [
            (400, "AccessDenied", "refused", "allow sqs:SendMessage on arn:x"),
            (400, "AccessDeniedException", "refused", "allow sqs:SendMessage on arn:x"),
            (400, "QueueDoesNotExist", "refused", "check GATEPASS_QUEUE"),
            (400, "ResourceNotFoundException", "refused", "check GATEPASS_QUEUE"),
            (400, "ExpiredTokenException", "refused", "may have expired"),
            (403, "InvalidSignatureException", "refused", "check the clock"),
            (400, "Other", "refused", "\"why\""),
            (400, "ThrottlingException", "deferred", "again"),
            (400, "RequestThrottled", "deferred", "again"),
            (400, "KmsThrottled", "deferred", "again"),
            (400, "OverLimit", "deferred", "again"),
            (500, "InternalServiceError", "deferred", "again"),
            (503, "Whatever", "deferred", "again"),
        ] {
            let failure = judged(status, error(code));
            assert_eq!(failure.class.name(), class, "{failure}");
            assert!(failure.message.contains(words) && failure.message.contains(code), "{failure}");
        }
        assert_eq!(judged(503, "<html>").class.name(), "deferred");
        assert_eq!(judged(429, "").class.name(), "deferred");
        assert!(judged(403, "<html>").message.contains("stands between"));
    }

    #[test]
    fn a_message_that_is_too_long_is_told_as_one() {
        let body = json!({
            "__type": "com.amazon.coral.service#InvalidParameterValueException",
            "message": "One or more parameters are invalid. Reason: Message must be shorter than 262144 bytes.",
        });
        let failure = judged(400, body.to_string());
        assert_eq!((failure.class.status(), failure.message.contains("262144")), (413, true), "{failure}");
    }

    #[test]
    fn what_somebody_else_says_is_cut_and_holds_no_credential() {
        let jwt = format!("eyJ{}.eyJ{}.c2ln", "a".repeat(20), "b".repeat(20));
        for text in [jwt.as_str(), &"word ".repeat(2000), "a\n\u{7}\u{1b}[31m"] {
            let message = judged(400, json!({ "__type": text, "message": text }).to_string()).message;
            assert!(message.len() < 400 && !message.contains("eyJ"), "{message}");
            assert!(!message.contains(char::is_control), "{message}");
        }
    }
}
