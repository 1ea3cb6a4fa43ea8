//! Taking messages off a queue by hand. The Functions host does so by itself: this is for `gatepass replay`.
//!
//! Source: Queue Storage REST API, "Get Messages", "Delete Message" and "Update Message".

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass_core::client::fetch;
use gatepass_core::deadline::Deadline;
use gatepass_core::event::MAX_BODY;
use gatepass_core::failure::Failure;
use reqwest::Method;

use super::{PLACE, SCOPE, StorageQueue, dated, reason};

/// The most messages that Queue Storage gives at once.
const AT_ONCE: &str = "32";

/// A message, as it was got.
#[derive(Debug, PartialEq, Eq)]
pub struct Received {
    /// The same every time that it is got.
    pub id: String,
    /// What deletes or releases it.
    pub receipt: String,
    /// Its text, decoded, where it is text in base64, as the Functions host wants it.
    pub text: Option<String>,
}

impl StorageQueue {
    /// Gets up to 32 messages, which nobody else sees for `hidden`; none when none can be seen.
    ///
    /// # Errors
    /// Deferred when Queue Storage or the identity cannot answer now, Refused when it says no.
    pub async fn receive(&self, hidden: Duration, deadline: Deadline) -> Result<Vec<Received>, Failure> {
        let seconds = hidden.as_secs().to_string();
        let parameters = [("numofmessages", AT_ONCE), ("visibilitytimeout", &seconds)];
        let body = self.ask(Method::GET, None, &parameters, deadline).await?;
        messages(&String::from_utf8_lossy(&body)).ok_or_else(|| {
            Failure::refused(format!("{PLACE} answered with something that is no list of messages"))
        })
    }

    /// Deletes a message that was got.
    ///
    /// # Errors
    /// As [`StorageQueue::receive`]; the message then comes again.
    pub async fn delete(&self, message: &Received, deadline: Deadline) -> Result<(), Failure> {
        let parameters = [("popreceipt", message.receipt.as_str())];
        self.ask(Method::DELETE, Some(&message.id), &parameters, deadline).await.map(drop)
    }

    /// Lets others see a message again that was got.
    ///
    /// # Errors
    /// As [`StorageQueue::receive`]; they then see it when its time is up.
    pub async fn release(&self, message: &Received, deadline: Deadline) -> Result<(), Failure> {
        let parameters = [("popreceipt", message.receipt.as_str()), ("visibilitytimeout", "0")];
        self.ask(Method::PUT, Some(&message.id), &parameters, deadline).await.map(drop)
    }

    async fn ask(
        &self,
        method: Method,
        id: Option<&str>,
        parameters: &[(&str, &str)],
        deadline: Deadline,
    ) -> Result<Vec<u8>, Failure> {
        let token = self.identity.token(SCOPE, deadline).await?;
        let path = id.map(|id| format!("/{id}")).unwrap_or_default();
        let request = self.client.request(method, format!("{}/messages{path}", self.url)).query(parameters);
        let request = dated(request).header("content-length", "0").bearer_auth(token.secret());
        let answer = fetch(PLACE, request, MAX_BODY, deadline).await?;
        match answer.status {
            200..=299 => Ok(answer.body),
            403 => Err(Failure::refused(format!(
                "{PLACE} answered 403: {}; you need the role Storage Queue Data Message Processor on {}, and a way through the storage account's network rules",
                reason(&answer),
                self.url
            ))),
            status => Err(self.judge(status, &reason(&answer))),
        }
    }
}

/// The messages of an answer; `None` when it is none.
fn messages(xml: &str) -> Option<Vec<Received>> {
    if !xml.contains("<QueueMessagesList") {
        return None;
    }
    xml.split("<QueueMessage>").skip(1).map(message).collect()
}

fn message(xml: &str) -> Option<Received> {
    let text = element(xml, "MessageText").unwrap_or_default();
    let decoded = STANDARD.decode(text.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    Some(Received { id: element(xml, "MessageId")?, receipt: element(xml, "PopReceipt")?, text: decoded })
}

/// The text of an element, as XML escapes it.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let escapes = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    Some(escapes.iter().fold(text.to_owned(), |text, (escape, plain)| text.replace(escape, plain)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_messages_is_read() {
        let xml = r#"<?xml version="1.0" encoding="utf-8"?><QueueMessagesList><QueueMessage><MessageId>1</MessageId>
            <PopReceipt>a&amp;b+c=</PopReceipt><MessageText>aGVsbG8=</MessageText></QueueMessage><QueueMessage>
            <MessageId>2</MessageId><PopReceipt>d</PopReceipt><MessageText>no base64</MessageText></QueueMessage>
            </QueueMessagesList>"#;
        let read = messages(xml).unwrap();
        let rows: Vec<_> =
            read.iter().map(|m| (m.id.as_str(), m.receipt.as_str(), m.text.as_deref())).collect();
        assert_eq!(rows, [("1", "a&b+c=", Some("hello")), ("2", "d", None)]);
        assert_eq!(messages("<QueueMessagesList />"), Some(vec![]));
        for other in
            ["", "<html>", "<QueueMessagesList><QueueMessage><MessageText>x</MessageText></QueueMessage>"]
        {
            assert_eq!(messages(other), None, "{other}");
        }
    }
}
