//! Amazon SQS: the queue of a deployment, and when a message comes back.
//!
//! Source: Amazon SQS API reference (AWS JSON 1.0), "SendMessage" and "ChangeMessageVisibility"; "Amazon SQS message quotas".

mod receive;

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use gatepass_core::client::ServiceUrl;
use gatepass_core::deadline::Deadline;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::Pending;
use gatepass_core::queue::{Message, Queue, Reached, insist};
use serde_json::{Value, json};

pub use self::receive::Received;
use crate::account::{Account, Service};
use crate::api::{Call, NOT_ALLOWED};

/// The most that SQS takes, in bytes: 1 MiB since August 2025. A queue may be set to less, and says so.
const LONGEST_TEXT: usize = 1_048_576;

/// The longest that SQS holds a message back before it is received for the first time.
const LONGEST_DELAY: Duration = Duration::from_secs(15 * 60);

/// What is said to whoever writes another name for a queue.
const FORM: &str = "write the queue's ARN, as in arn:aws:sqs:eu-central-1:123456789012:gatepass";

/// The ARN of a queue of Amazon SQS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueArn {
    text: String,
    region: String,
    account: String,
    name: String,
}

impl QueueArn {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it keeps the order, and takes the same message once.
    pub fn is_fifo(&self) -> bool {
        self.name.ends_with(".fifo")
    }
}

impl FromStr for QueueArn {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no queue of Amazon SQS: {FORM}");
        let parts: Vec<&str> = text.split(':').collect();
        let &["arn", partition, "sqs", region, account, name] = parts.as_slice() else { return Err(wrong()) };
        let is_there = match partition {
            "aws" => !region.starts_with("cn-") && !region.starts_with("us-gov-"),
            "aws-cn" => region.starts_with("cn-"),
            "aws-us-gov" => region.starts_with("us-gov-"),
            _ => false,
        };
        let is_region = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
        let plain = name.strip_suffix(".fifo").unwrap_or(name);
        let is_arn = is_there
            && !region.is_empty()
            && region.bytes().all(is_region)
            && account.len() == 12
            && account.bytes().all(|b| b.is_ascii_digit())
            && !plain.is_empty()
            && name.len() <= 80
            && plain.bytes().all(is_name);
        if !is_arn {
            return Err(wrong());
        }
        let [region, account, name] = [region, account, name].map(str::to_owned);
        Ok(Self { text: text.to_owned(), region, account, name })
    }
}

/// A queue of Amazon SQS.
#[derive(Debug)]
pub struct Sqs {
    account: Arc<Account>,
    arn: QueueArn,
    endpoint: ServiceUrl,
    url: String,
}

impl Sqs {
    /// The queue with this ARN, reached as `account`.
    ///
    /// # Errors
    /// A sentence that names the variable that is wrong.
    pub fn new(account: Arc<Account>, arn: QueueArn) -> Result<Self, String> {
        let endpoint = account.endpoint(Service::SQS, &arn.region)?;
        let url = format!("{}/{}/{}", endpoint.as_str(), arn.account, arn.name);
        Ok(Self { account, arn, endpoint, url })
    }

    async fn send(&self, message: Message<'_>, deadline: Deadline) -> Result<(), Failure> {
        let mut body = json!({ "QueueUrl": self.url, "MessageBody": message.text });
        if let Value::Object(fields) = &mut body {
            if self.arn.is_fifo() {
                fields.insert("MessageGroupId".into(), json!(message.group));
                fields.insert("MessageDeduplicationId".into(), json!(message.id));
            } else if !message.delay.is_zero() {
                let delay = message.delay.min(LONGEST_DELAY);
                // Not a moment too early.
                let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
                fields.insert("DelaySeconds".into(), json!(seconds));
            }
        }
        self.call("Amazon SQS (SendMessage)", "AmazonSQS.SendMessage", "sqs:SendMessage", &body, deadline)
            .await
            .map(drop)
    }

    /// Lets a message that has been received come back after so many seconds.
    ///
    /// # Errors
    /// As [`Account::call`]; the message then comes back when the queue's own visibility timeout has passed.
    pub(crate) async fn hold_back(
        &self,
        receipt: &str,
        seconds: u64,
        deadline: Deadline,
    ) -> Result<(), Failure> {
        let body = json!({ "QueueUrl": self.url, "ReceiptHandle": receipt, "VisibilityTimeout": seconds });
        let (place, target) = ("Amazon SQS (ChangeMessageVisibility)", "AmazonSQS.ChangeMessageVisibility");
        self.call(place, target, "sqs:ChangeMessageVisibility", &body, deadline).await.map(drop)
    }

    /// A function that takes messages from its queue may read its attributes: Lambda demands it of the event source mapping's
    /// role. A program that only sends need not.
    async fn attributes(&self, deadline: Deadline) -> Result<Reached, Failure> {
        let body = json!({ "QueueUrl": self.url, "AttributeNames": ["QueueArn"] });
        let (place, target) = ("Amazon SQS (GetQueueAttributes)", "AmazonSQS.GetQueueAttributes");
        let needs = "sqs:GetQueueAttributes";
        match self.call(place, target, needs, &body, deadline).await {
            Ok(_) => Ok(Reached::There),
            Err(failure) if failure.message.contains(NOT_ALLOWED) => {
                let needs = format!("{needs} on {}", self.arn.text);
                Ok(Reached::Untold { found: format!("{place} is refused"), needs })
            }
            Err(failure) => Err(failure),
        }
    }

    async fn call(
        &self,
        place: &str,
        target: &'static str,
        action: &str,
        body: &Value,
        deadline: Deadline,
    ) -> Result<Value, Failure> {
        let call = Call {
            service: Service::SQS,
            region: &self.arn.region,
            endpoint: &self.endpoint,
            place,
            protocol: "1.0",
            target,
            allow: &format!("{action} on {}", self.arn.text),
            absent: &format!("there is no queue {}: check GATEPASS_QUEUE", self.arn.text),
        };
        self.account.call(&call, body, deadline).await
    }
}

impl Queue for Sqs {
    fn name(&self) -> &str {
        self.arn.as_str()
    }

    fn comes_back_as(&self) -> &str {
        self.arn.as_str()
    }

    fn longest_text(&self) -> usize {
        LONGEST_TEXT
    }

    /// A FIFO queue delays all its messages alike or none.
    fn longest_delay(&self) -> Duration {
        if self.arn.is_fifo() { Duration::ZERO } else { LONGEST_DELAY }
    }

    fn send<'a>(&'a self, message: Message<'a>, deadline: Deadline) -> Pending<'a, Result<(), Failure>> {
        Box::pin(insist(deadline, move || self.send(message, deadline)))
    }

    fn reach<'a>(&'a self, deadline: Deadline) -> Pending<'a, Result<Reached, Failure>> {
        Box::pin(self.attributes(deadline))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_is_one_of_a_queue() {
        for good in [
            "arn:aws:sqs:eu-central-1:123456789012:gatepass",
            "arn:aws:sqs:eu-central-1:123456789012:gate_pass-1.fifo",
            "arn:aws-cn:sqs:cn-north-1:123456789012:q",
            "arn:aws-us-gov:sqs:us-gov-west-1:123456789012:q",
        ] {
            let arn: QueueArn = good.parse().unwrap();
            assert_eq!((arn.as_str(), arn.is_fifo()), (good, good.ends_with(".fifo")));
        }
        let long = format!("arn:aws:sqs:eu-west-1:123456789012:{}", "q".repeat(81));
        for bad in [
            "",
            "gatepass",
            "https://sqs.eu-central-1.amazonaws.com/123456789012/gatepass",
            "arn:aws:sns:eu-central-1:123456789012:gatepass",
            "arn:aws:sqs::123456789012:gatepass",
            "arn:aws:sqs:evil.example/:123456789012:gatepass",
            "arn:aws:sqs:eu-central-1:1234:gatepass",
            "arn:aws:sqs:eu-central-1:123456789012:",
            "arn:aws:sqs:eu-central-1:123456789012:.fifo",
            "arn:aws:sqs:eu-central-1:123456789012:a/b",
            "arn:aws:sqs:eu-central-1:123456789012:a.b",
            "arn:aws:sqs:eu-central-1:123456789012:a:b",
            "arn:aws:sqs:cn-north-1:123456789012:q",
            "arn:aws-cn:sqs:eu-west-1:123456789012:q",
            "arn:evil:sqs:eu-west-1:123456789012:q",
            &long,
        ] {
            let error = bad.parse::<QueueArn>().unwrap_err();
            assert!(error.contains("arn:aws:sqs:eu-central-1:123456789012:gatepass"), "{error}");
        }
    }
}
