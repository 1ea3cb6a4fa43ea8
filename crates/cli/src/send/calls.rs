//! Requests as their platforms make them.

use gatepass_core::config::{DigestEncoding, HmacScheme};
use gatepass_sandbox::hosts::HttpCall;
use gatepass_sandbox::hosts::cloud_run::SchedulerJob;
use gatepass_sandbox::hosts::webhook::{Signature, StandardWebhook, Webhook, base64_mac};
use http::{Method, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use ring::hmac;
use serde_json::{Map, Value};

use crate::samples::Form;

/// Where a job's webhook is delivered.
pub(crate) fn hook_path(job: &str) -> String {
    format!("/hooks/{job}")
}

/// Where a job is called.
pub(crate) fn job_path(job: &str) -> String {
    format!("/jobs/{job}")
}

/// A delivery of GitHub's; `event` is its name, perhaps with an action.
pub(crate) fn github(event: &str, body: impl Into<Vec<u8>>) -> Webhook {
    Webhook::of_bytes(event.split('.').next().unwrap_or_default(), body)
}

/// The same as a request, signed.
pub(super) fn github_hook(job: &str, event: &str, body: Vec<u8>, secret: &str) -> HttpCall {
    github(event, body).call(&hook_path(job), secret, Signature::Right)
}

/// A delivery as standardwebhooks.com has it.
pub(super) fn standard_hook(job: &str, body: Vec<u8>, secret: &str) -> HttpCall {
    let webhook = StandardWebhook { body, ..StandardWebhook::new(&Value::Null) };
    let signature = webhook.signature(secret);
    webhook.call(&hook_path(job), &signature)
}

/// A delivery that is signed as `scheme` says.
pub(super) fn hmac_hook(job: &str, scheme: &HmacScheme, body: Vec<u8>, secret: &str) -> HttpCall {
    let digest = match scheme.encoding {
        DigestEncoding::Base64 => base64_mac(secret, &body),
        DigestEncoding::Hex => {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), &body);
            tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
        }
    };
    json(hook_path(job), body).header(scheme.header.as_str(), &format!("{}{digest}", scheme.prefix))
}

/// A tick of Cloud Scheduler, due now.
pub(super) fn tick(job: &str, body: Vec<u8>) -> HttpCall {
    let mut scheduled = SchedulerJob::new(job, "", job_path(job));
    scheduled.body = body;
    let mut call = scheduled.call("");
    call.headers.remove(header::AUTHORIZATION);
    call
}

/// A call of a job: with a body where there is one, and else with GET where that is enough.
pub(crate) fn job_call(path: String, get: bool, body: Option<&Value>) -> HttpCall {
    match (body, get) {
        (Some(body), _) => HttpCall::post_json(path, body),
        (None, true) => HttpCall::get(path),
        (None, false) => HttpCall::new(Method::POST, path).header("content-length", "0"),
    }
}

/// Bytes as JSON.
pub(super) fn json(path: impl Into<String>, body: Vec<u8>) -> HttpCall {
    HttpCall::new(Method::POST, path).header("content-type", "application/json").body(body)
}

/// An event in this form.
///
/// # Errors
/// When it is no CloudEvent where the form is one of theirs.
pub(super) fn event(form: Form, body: Vec<u8>) -> Result<HttpCall, String> {
    let call = json("/events", body);
    Ok(match form {
        Form::Json => call,
        Form::Structured => call.header("content-type", "application/cloudevents+json"),
        Form::Batch => {
            let bytes = [b"[".as_slice(), &call.body, b"]"].concat();
            call.header("content-type", "application/cloudevents-batch+json").body(bytes)
        }
        Form::Binary => {
            let envelope: Map<String, Value> =
                serde_json::from_slice(&call.body).map_err(|_| "a CloudEvent is a JSON object".to_owned())?;
            binary(envelope)
        }
    })
}

/// What is percent-encoded in a header's value (CloudEvents 1.0.2, HTTP protocol binding, "HTTP header values").
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// Attributes become headers, the data the body (CloudEvents 1.0.2, HTTP protocol binding, "Binary content mode").
fn binary(mut envelope: Map<String, Value>) -> HttpCall {
    let data = envelope.remove("data").map(|data| data.to_string()).unwrap_or_default();
    let media = envelope.remove("datacontenttype");
    let media = media.as_ref().and_then(Value::as_str).unwrap_or("application/json");
    let call = json("/events", data.into_bytes()).header("content-type", media);
    envelope.iter().fold(call, |call, (name, value)| {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        call.header(&format!("ce-{name}"), &utf8_percent_encode(&text, UNSAFE).to_string())
    })
}

#[cfg(test)]
mod tests {
    use gatepass_core::config::Signature as Scheme;
    use gatepass_core::event::Event;
    use gatepass_core::inbound::signature::Signature as Given;
    use gatepass_core::secret::WebhookSecret;
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_webhook_is_signed_so_that_the_core_takes_it() {
        let (body, secret) = (b"{}".to_vec(), "whsec_c2VjcmV0");
        let scheme = |encoding| HmacScheme {
            header: "X-Signature".parse().unwrap(),
            prefix: "v0=".to_owned(),
            encoding,
        };
        let (hex, base64) = (scheme(DigestEncoding::Hex), scheme(DigestEncoding::Base64));
        let plain = WebhookSecret::new(secret).unwrap();
        let decoded = plain.clone().of_standard_webhooks().unwrap();
        for (call, scheme, key) in [
            (github_hook("a", "push", body.clone(), secret), Scheme::Github, &plain),
            (standard_hook("a", body.clone(), secret), Scheme::StandardWebhooks, &decoded),
            (hmac_hook("a", &hex, body.clone(), secret), Scheme::Hmac(hex.clone()), &plain),
            (hmac_hook("a", &base64, body.clone(), secret), Scheme::Hmac(base64.clone()), &plain),
        ] {
            assert_eq!((call.path.as_str(), &call.body), ("/hooks/a", &body));
            let given = Given::read(&scheme, &call.headers, Timestamp::now()).unwrap();
            assert!(given.is_by_any([key], &call.body), "{scheme:?}");
        }
    }

    #[test]
    fn one_cloudevent_in_three_forms() {
        let envelope = json!({
            "specversion": "1.0", "id": "1", "source": "s", "type": "t", "datacontenttype": "application/json",
            "n": 7, "subject": "100 % über", "data": {"a": 1},
        });
        let call = |form| event(form, envelope.to_string().into_bytes()).unwrap();
        let header = |call: &HttpCall, name: &str| call.headers[name].to_str().unwrap().to_owned();
        let binary = call(Form::Binary);
        assert_eq!((header(&binary, "ce-id"), header(&binary, "ce-n")), ("1".to_owned(), "7".to_owned()));
        assert_eq!(
            (binary.body.as_slice(), header(&binary, "content-type")),
            (br#"{"a":1}"#.as_slice(), "application/json".to_owned())
        );
        assert!(
            !binary.headers.contains_key("ce-data") && !binary.headers.contains_key("ce-datacontenttype")
        );
        assert_eq!(header(&binary, "ce-subject"), "100%20%25%20%C3%BCber");
        let received = Event::from_cloudevents(&binary.headers, &binary.body).unwrap();
        assert_eq!(received.subject.as_deref(), Some("100 % über"));
        assert_eq!(header(&call(Form::Structured), "content-type"), "application/cloudevents+json");
        let batch = call(Form::Batch);
        assert!(batch.body.starts_with(b"[{") && batch.body.ends_with(b"}]"));
        assert!(event(Form::Binary, b"[]".to_vec()).is_err());
    }

    #[test]
    fn a_tick_is_cloud_schedulers_and_has_no_token_of_its_own() {
        let call = tick("nightly", Vec::new());
        assert_eq!(call.path, "/jobs/nightly");
        assert_eq!(call.headers["x-cloudscheduler-jobname"], "nightly");
        assert!(!call.headers.contains_key("authorization"));
    }
}
