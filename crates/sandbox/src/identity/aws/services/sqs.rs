//! Amazon SQS: two actions over HTTP, and what a test does to queues.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::post;
use http::{HeaderMap, Method, Uri};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::queue::{Message, Queue};
use super::{Answer, ApiError, Protocol, only, text};
use crate::faults::Faults;
use crate::identity::Service;
use crate::identity::aws::{ACCOUNT, Account};
use crate::server::Bound;
use crate::trace::Trace;

const PROTOCOL: Protocol = Protocol {
    service: "sqs",
    target: "AmazonSQS.",
    content_type: "application/x-amz-json-1.0",
    errors: "com.amazonaws.sqs#",
};

/// The longest that a message can be invisible, in seconds: twelve hours.
const LONGEST_VISIBILITY: i64 = 43_200;

/// Amazon SQS in the account.
#[derive(Debug)]
pub struct Sqs {
    service: Service,
    pub(super) queues: Arc<Queues>,
}

/// The queues, and how far time has been moved on.
pub(super) struct Queues {
    account: Arc<Account>,
    held: Mutex<Held>,
}

#[derive(Default)]
pub(super) struct Held {
    pub(super) queues: BTreeMap<String, Queue>,
    ahead: SignedDuration,
}

impl fmt::Debug for Queues {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.lock().queues.keys()).finish()
    }
}

impl Queues {
    pub(super) fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    pub(super) fn now(&self) -> Timestamp {
        Timestamp::now() + self.ahead
    }

    /// The queue with this ARN, or of this name.
    pub(super) fn queue(&mut self, arn: &str) -> Option<&mut Queue> {
        self.queues.get_mut(arn.rsplit(':').next().unwrap_or_default())
    }
}

impl Sqs {
    pub(in crate::identity::aws) async fn start(account: &Arc<Account>, trace: Trace) -> io::Result<Self> {
        let queues = Arc::new(Queues { account: Arc::clone(account), held: Mutex::default() });
        // The service takes a megabyte of text, which JSON may make larger.
        let router = Router::new().route("/", post(act)).layer(DefaultBodyLimit::max(8 << 20));
        let router = router.with_state(Arc::clone(&queues));
        Ok(Self { service: Service::serve(Bound::bind(0).await?, "aws-sqs", router, trace), queues })
    }

    /// Where it is.
    pub fn url(&self) -> &str {
        self.service.url()
    }

    /// Its faults.
    pub fn faults(&self) -> &Faults {
        self.service.faults()
    }

    /// Makes a queue, a FIFO queue if the name ends in `.fifo`, and gives its ARN.
    pub fn create(&self, name: &str) -> String {
        let queue = Queue::new(name);
        let arn = queue.arn();
        self.queues.lock().queues.insert(name.to_owned(), queue);
        arn
    }

    /// Makes a queue beside `arn` that takes what was received so many times in vain, and gives its ARN.
    pub fn create_dead_letters(&self, arn: &str, receives: u32) -> String {
        let dead = self.create(&format!("dead-{}", arn.rsplit(':').next().unwrap_or_default()));
        if let Some(queue) = self.queues.lock().queue(arn) {
            queue.dead_letters = Some((dead.clone(), receives));
        }
        dead
    }

    /// Sets the longest message that a queue takes, in bytes: queues made before August 2025 still take 256 KiB.
    pub fn set_longest(&self, arn: &str, bytes: usize) {
        if let Some(queue) = self.queues.lock().queue(arn) {
            queue.longest = bytes;
        }
    }

    /// Puts a message on a queue, as anybody in the account; for a FIFO queue with its group.
    pub fn put(&self, arn: &str, body: &str, group: Option<&str>) {
        self.put_with(arn, body, group, &json!({}));
    }

    /// The same with message attributes, as Lambda shows them.
    pub fn put_with(&self, arn: &str, body: &str, group: Option<&str>, attributes: &Value) {
        let mut state = self.queues.lock();
        let now = state.now();
        if let Some(queue) = state.queue(arn) {
            let (group, attributes) = (group.map(str::to_owned), attributes.clone());
            queue.keep(now, SignedDuration::ZERO, Message { group, attributes, ..Message::new(body) });
        }
    }

    /// Everything in a queue, in flight or not, in the order in which it was sent.
    pub fn messages(&self, arn: &str) -> Vec<Message> {
        self.queues.lock().queue(arn).map(|queue| queue.messages.clone()).unwrap_or_default()
    }

    /// For how many whole seconds a message cannot be received.
    pub fn invisible_for(&self, message: &Message) -> i64 {
        let left = message.visible_at.duration_since(self.queues.lock().now());
        left.as_secs()
    }

    /// Lets time pass for the queues.
    pub fn pass(&self, time: Duration) {
        self.queues.lock().ahead += SignedDuration::try_from(time).unwrap_or(SignedDuration::MAX);
    }
}

async fn act(
    State(queues): State<Arc<Queues>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    PROTOCOL.answer(&queues.account, (method, uri, headers, body), |action, body| {
        let mut state = queues.lock();
        let now = state.now();
        let url = text(body, "QueueUrl")?;
        let name = url.rsplit_once(&format!("/{ACCOUNT}/")).map(|(_, name)| name).unwrap_or_default();
        let queue = state
            .queues
            .get_mut(name)
            .ok_or_else(|| ApiError::new("QueueDoesNotExist", "The specified queue does not exist."))?;
        match action {
            "SendMessage" => send(queue, now, body),
            "GetQueueAttributes" => {
                Ok((json!({ "Attributes": { "QueueArn": queue.arn() } }), "its ARN".to_owned()))
            }
            "ChangeMessageVisibility" => change_visibility(queue, now, body),
            _ => Err(ApiError::new("UnknownOperationException", format!("{action} is not known here"))),
        }
    })
}

fn send(queue: &mut Queue, now: Timestamp, body: &Value) -> Answer {
    only(body, &["QueueUrl", "MessageBody", "DelaySeconds", "MessageGroupId", "MessageDeduplicationId"])?;
    let wrong = |why: String| ApiError::new("InvalidParameterValue", why);
    let message = text(body, "MessageBody")?;
    if message.len() > queue.longest {
        let longest = queue.longest;
        return Err(wrong(format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {longest} bytes."
        )));
    }
    let delay = match body.get("DelaySeconds").map(Value::as_i64) {
        None => 0,
        Some(Some(_)) if queue.is_fifo() => {
            return Err(wrong(
                "The request include parameter that is not valid for this queue type.".to_owned(),
            ));
        }
        Some(Some(seconds @ 0..=900)) => seconds,
        Some(_) => return Err(wrong("DelaySeconds must be >= 0 and <= 900.".to_owned())),
    };
    let mut sent = Message::new(message);
    if queue.is_fifo() {
        sent.group = Some(text(body, "MessageGroupId")?.to_owned());
        sent.deduplication_id = Some(text(body, "MessageDeduplicationId")?.to_owned());
    } else if body.get("MessageDeduplicationId").is_some() {
        return Err(wrong("The request include parameter that is not valid for this queue type.".to_owned()));
    }
    let note = format!("message on {}, delay {delay} s", queue.name);
    let id = queue.keep(now, SignedDuration::from_secs(delay), sent);
    Ok((json!({ "MessageId": id }), note))
}

fn change_visibility(queue: &mut Queue, now: Timestamp, body: &Value) -> Answer {
    only(body, &["QueueUrl", "ReceiptHandle", "VisibilityTimeout"])?;
    let receipt = text(body, "ReceiptHandle")?;
    let seconds = body.get("VisibilityTimeout").and_then(Value::as_i64);
    let seconds = seconds.filter(|seconds| (0..=LONGEST_VISIBILITY).contains(seconds)).ok_or_else(|| {
        let message = format!("VisibilityTimeout must be an integer between 0 and {LONGEST_VISIBILITY}.");
        ApiError::new("InvalidParameterValue", message)
    })?;
    let message = queue
        .in_flight(receipt, now)
        .ok_or_else(|| ApiError::new("MessageNotInflight", "The specified message isn't in flight."))?;
    message.visible_at = now + SignedDuration::from_secs(seconds);
    Ok((json!({}), format!("invisible for {seconds} s")))
}
