//! Amazon SNS over HTTPS: every message is signed with a certificate that SNS publishes itself.
//!
//! Only signature version 2 is taken, which is RSA with SHA-256: version 1 is SHA-1. A topic signs with version 1 until its
//! attribute `SignatureVersion` says otherwise.
//! Source: Amazon SNS, "Verifying the signatures of Amazon SNS messages" and "HTTP/HTTPS notification JSON format".

mod certificate;
mod certificates;
mod endpoint;
mod message;

use jiff::Timestamp;
use reqwest::Client;

use self::certificates::Certificates;
use self::endpoint::{Endpoint, Origin};
pub use self::message::{Confirmation, Kind, Message, Unverified};
use crate::client::describe;
use crate::deadline::Deadline;
use crate::env::Env;
use crate::failure::Failure;
use crate::names::TopicArn;

/// The header that marks a message of SNS.
pub const MARK: &str = "x-amz-sns-message-type";

/// How old a message may be, in seconds. SNS tries an HTTPS endpoint again for 3,600 seconds at most (Amazon SNS, "Message
/// delivery retries"); the last try, and our clock, may be a little late.
const MAX_AGE: i64 = 3600 + 300;

/// How far ahead of ours the clock of SNS may be, in seconds.
const LEEWAY: i64 = 300;

/// Verifies messages of SNS, and confirms subscriptions.
///
/// What a message names is asked for at its topic's own regional endpoint alone, `https://sns.REGION.amazonaws.com`, without
/// redirects, through the proxy where there is one. `AWS_ENDPOINT_URL_SNS`, or else `AWS_ENDPOINT_URL`, is asked in its place,
/// as by AWS's own SDKs (SDK reference, "Service-specific endpoints"): the message must name the regional endpoint
/// all the same.
#[derive(Debug)]
pub struct SnsDoor {
    origin: Origin,
    client: Client,
    certificates: Certificates,
}

impl SnsDoor {
    /// With no certificate fetched yet.
    ///
    /// # Errors
    /// A sentence when an endpoint's variable holds no URL that may be asked.
    pub fn new(client: Client, env: &Env) -> Result<Self, String> {
        let origin = Origin::from_env(env)?;
        let certificates = Certificates::new(client.clone(), origin.clone());
        Ok(Self { origin, client, certificates })
    }

    /// Verifies the signature of a message from a topic that a caller lists: whoever calls this has looked that up first,
    /// so that a stranger's message does not make us ask anybody.
    ///
    /// # Errors
    /// Unauthenticated when it is not from SNS, not of version 2, or too old. Deferred when the certificate cannot be had now.
    pub async fn verify(&self, message: Unverified, deadline: Deadline) -> Result<Message, Failure> {
        let now = Timestamp::now();
        check_version(&message)?;
        check_time(&message, now)?;
        let endpoint = Endpoint::of(&message.topic).map_err(|why| refused(&why))?;
        let url = endpoint.certificate(&message.certificate).map_err(|why| refused(&why))?;
        let certificate = self.certificates.get(&url, deadline).await?;
        let names = endpoint.certificate_names();
        certificate.verify(&names, now, message.signed.as_bytes(), &message.signature).map_err(refused)?;
        message.verified()
    }

    /// Confirms a subscription whose message has been verified, at its topic's own regional endpoint.
    ///
    /// # Errors
    /// Unauthenticated when the message names anything else to ask. Deferred when SNS does not answer now, Refused when it
    /// says no.
    pub async fn confirm(&self, confirmation: &Confirmation, deadline: Deadline) -> Result<(), Failure> {
        let Confirmation { topic, token, url } = confirmation;
        let endpoint = Endpoint::of(topic).map_err(|why| refused(&why))?;
        let url = endpoint.confirmation(url, topic, token).map_err(|why| refused(&why))?;
        let what = format!("confirming the subscription of {topic}");
        let later = |why: String| {
            Failure::deferred(std::time::Duration::ZERO, format!("{what} did not work now: {why}"))
        };
        let asking = async {
            let request = self.client.get(self.origin.of(&url)).send();
            let status = request.await.map_err(|error| later(describe(&error)))?.status();
            match status.as_u16() {
                200..=299 => Ok(()),
                400..=499 => Err(Failure::refused(format!(
                    "{what} was refused by SNS ({status}); subscribe this endpoint once more"
                ))),
                _ => Err(later(format!("its answer is {status}"))),
            }
        };
        deadline.run(&what, asking).await
    }
}

/// Why no message of this topic can be verified, whatever it says.
pub(crate) fn why_unverifiable(topic: &TopicArn) -> Option<String> {
    Endpoint::of(topic).err()
}

fn refused(why: &str) -> Failure {
    Failure::unauthenticated(format!("this message of SNS is not accepted: {why}"))
}

fn check_version(message: &Unverified) -> Result<(), Failure> {
    match message.version.as_str() {
        "2" => Ok(()),
        "1" => Err(refused(
            "it is signed with SHA-1 (signature version 1); set the topic's attribute SignatureVersion to 2",
        )),
        _ => Err(refused("its signature is not of version 2")),
    }
}

fn check_time(message: &Unverified, now: Timestamp) -> Result<(), Failure> {
    let age = now.as_second() - message.timestamp.as_second();
    if age > MAX_AGE {
        return Err(refused("it is older than SNS tries to deliver it, or our clock is wrong"));
    }
    if age < -LEEWAY {
        return Err(refused("it is from the future, or our clock is wrong"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
