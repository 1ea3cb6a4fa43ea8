//! The queue of a deployment on Google Cloud: a topic, whose push subscription of the same name brings hand-offs back.
//!
//! Source: Pub/Sub REST API, `projects.topics.publish`; "Quotas and limits"; "Order messages".

mod pull;
mod reach;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass_core::client::{Answer, Clients, ServiceUrl, excerpt, fetch};
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::event::MAX_BODY;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::Pending;
use gatepass_core::queue::{Message, Queue, Reached, insist};
use reqwest::Client;
use serde::Deserialize;
use serde_json::{Value, json};

pub use self::pull::{Pulled, Subscription};
use crate::identity::AccessTokens;

const PLACE: &str = "Pub/Sub";
const ENDPOINT: &str = "https://pubsub.googleapis.com";
const SCOPE: &str = "https://www.googleapis.com/auth/pubsub";

/// gcloud's own name for another endpoint of this API.
const ENDPOINT_VARIABLE: &str = "CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB";

/// Where Google's emulator listens: plain HTTP, and nobody asks for a token.
const EMULATOR_VARIABLE: &str = "PUBSUB_EMULATOR_HOST";

/// The longest text, in bytes. Pub/Sub takes 10 MB a request; what it pushes must also fit into what this service reads,
/// [`MAX_BODY`], when base64 has made it a third longer and the push request's other fields stand around it.
const LONGEST_TEXT: usize = (MAX_BODY - 64 * 1024) / 4 * 3;

/// How long one try may take.
const TRY: Duration = Duration::from_secs(4);

/// The form of `GATEPASS_QUEUE`.
const FORM: &str = "write it as projects/PROJECT/topics/TOPIC; its push subscription has the topic's name";

/// A topic.
pub struct PubSub {
    client: Client,
    url: String,
    topic: String,
    subscription: String,
    /// None for the emulator.
    tokens: Option<AccessTokens>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Published {
    message_ids: Vec<String>,
}

/// Why a try did not succeed.
enum Unpublished {
    /// The token is not taken.
    Token(String),
    Failed(Failure),
}

impl PubSub {
    /// The topic `projects/P/topics/T`, reached as this workload's service account, or as whoever may act for
    /// `service_account` away from the platform.
    ///
    /// # Errors
    /// A sentence that names the variable that is wrong, and the right form.
    pub fn new(
        topic: &str,
        env: &Env,
        clients: &Clients,
        service_account: Option<&str>,
    ) -> Result<Self, String> {
        let (project, name) =
            parse(topic).ok_or_else(|| format!("GATEPASS_QUEUE is `{topic}`, which is no topic: {FORM}"))?;
        let (base, tokens) = service(env, clients, service_account)?;
        Ok(Self {
            client: clients.outbound.clone(),
            url: format!("{}/v1/{topic}", base.as_str()),
            topic: topic.to_owned(),
            subscription: format!("projects/{project}/subscriptions/{name}"),
            tokens,
        })
    }

    /// Publishes, with another token where this one is no longer taken.
    async fn publish(&self, body: &Value, deadline: Deadline) -> Result<(), Failure> {
        let url = format!("{}:publish", self.url);
        let Some(tokens) = &self.tokens else {
            return self
                .ask(self.client.post(&url).json(body), deadline)
                .await
                .map_err(Unpublished::into_failure);
        };
        let mut token = tokens.get(deadline).await?;
        let publish = async |token: &str| {
            self.ask(self.client.post(&url).bearer_auth(token).json(body), deadline).await
        };
        let mut result = publish(token.expose()).await;
        if let Err(Unpublished::Token(_)) = result {
            tokens.forget(&token).await;
            token = tokens.get(deadline).await?;
            result = publish(token.expose()).await;
        }
        result.map_err(Unpublished::into_failure)
    }

    async fn ask(&self, request: reqwest::RequestBuilder, deadline: Deadline) -> Result<(), Unpublished> {
        let later =
            |why: String| Unpublished::Failed(Failure::deferred(Duration::ZERO, format!("{PLACE} {why}")));
        let answer = fetch(PLACE, request, MAX_BODY, deadline.at_most(TRY)).await;
        let Answer { status, body, .. } = answer.map_err(Unpublished::Failed)?;
        match status {
            200 if is_published(&body) => Ok(()),
            200 => Err(later("answered with something that is no message id".into())),
            _ => Err(self.judge(status, &body)),
        }
    }

    fn judge(&self, status: u16, body: &[u8]) -> Unpublished {
        let message = told(status, body);
        let topic = &self.topic;
        let refused = |next: String| Unpublished::Failed(Failure::refused(format!("{message}; {next}")));
        match status {
            401 => Unpublished::Token(message),
            403 => refused(format!("give this workload's service account roles/pubsub.publisher on {topic}")),
            404 => refused(format!(
                "create the topic {topic} and a push subscription of the same name, or correct GATEPASS_QUEUE"
            )),
            408 | 429 | 499 | 500..=599 => Unpublished::Failed(Failure::deferred(Duration::ZERO, message)),
            _ => refused("check GATEPASS_QUEUE, and the topic's settings".into()),
        }
    }
}

impl Unpublished {
    fn into_failure(self) -> Failure {
        match self {
            Self::Failed(failure) => failure,
            Self::Token(message) => Failure::refused(format!(
                "{message}; a new access token is not taken either: check what this workload runs as"
            )),
        }
    }
}

impl Queue for PubSub {
    fn name(&self) -> &str {
        &self.topic
    }

    fn comes_back_as(&self) -> &str {
        &self.subscription
    }

    fn longest_text(&self) -> usize {
        LONGEST_TEXT
    }

    /// Pub/Sub holds nothing back: it backs off by itself.
    fn longest_delay(&self) -> Duration {
        Duration::ZERO
    }

    /// The ordering key changes nothing for a subscription that has message ordering off. For one that has it on, Pub/Sub
    /// keeps one message a key outstanding and takes 1 MB/s a key.
    fn send<'a>(&'a self, message: Message<'a>, deadline: Deadline) -> Pending<'a, Result<(), Failure>> {
        Box::pin(async move {
            let body = json!({ "messages": [{
                "data": STANDARD.encode(message.text),
                "attributes": { "id": message.id },
                "orderingKey": message.group,
            }] });
            insist(deadline, || self.publish(&body, deadline)).await
        })
    }

    fn reach<'a>(&'a self, deadline: Deadline) -> Pending<'a, Result<Reached, Failure>> {
        Box::pin(self.look(deadline))
    }
}

/// What a refusal says, in Google's own words where they are there.
fn told(status: u16, body: &[u8]) -> String {
    let document: Option<Value> = serde_json::from_slice(body).ok();
    let said = document.as_ref().and_then(|document| document.pointer("/error/message")?.as_str());
    format!("{PLACE} answered {status}: {}", excerpt(said.map_or(body, str::as_bytes)))
}

/// Where the API answers, and the tokens that it wants.
fn service(
    env: &Env,
    clients: &Clients,
    service_account: Option<&str>,
) -> Result<(ServiceUrl, Option<AccessTokens>), String> {
    let (base, variable, tokens) = match env.get(EMULATOR_VARIABLE) {
        Some(host) => (format!("http://{}", host.trim_start_matches("http://")), EMULATOR_VARIABLE, None),
        None => {
            let tokens = AccessTokens::new(env, clients, service_account, SCOPE);
            (env.get(ENDPOINT_VARIABLE).unwrap_or(ENDPOINT).to_owned(), ENDPOINT_VARIABLE, Some(tokens))
        }
    };
    let base = ServiceUrl::parse(&base).map_err(|error| format!("{variable}: {error}"))?;
    Ok((base, tokens))
}

/// Whether this is the answer of a topic that keeps one message.
fn is_published(body: &[u8]) -> bool {
    let published = serde_json::from_slice::<Published>(body);
    published.is_ok_and(|published| matches!(published.message_ids.as_slice(), [id] if !id.is_empty()))
}

/// Project and name of a topic. Source: Pub/Sub, "Guidelines to name a topic"; the rarer `~`, `+` and `%` are left out.
fn parse(topic: &str) -> Option<(&str, &str)> {
    let (project, name) = topic.strip_prefix("projects/")?.split_once("/topics/")?;
    let is_project = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.' | b':');
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    let valid = (1..=100).contains(&project.len())
        && project.starts_with(|c: char| c.is_ascii_alphanumeric())
        && project.bytes().all(is_project)
        && (3..=255).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(is_name);
    valid.then_some((project, name))
}

#[cfg(test)]
mod tests {
    use gatepass_core::failure::Class;
    use gatepass_sandbox::Sandbox;
    use gatepass_sandbox::faults::Fault;
    use gatepass_sandbox::pubsub as stand_in;

    use super::*;

    const TOPIC: &str = "projects/acme-sandbox/topics/gatepass";
    const PATH: &str = "/v1/projects";

    async fn stand() -> (Sandbox, stand_in::PubSub, PubSub) {
        let sandbox = Sandbox::start().await.unwrap();
        let service = stand_in::PubSub::start(&sandbox.identity.gcp, sandbox.trace.clone()).await.unwrap();
        service.create_topic(TOPIC);
        let env: Env = sandbox.identity.gcp.env().into_iter().chain(service.env()).collect();
        let queue = PubSub::new(TOPIC, &env, &Clients::new(None).unwrap(), None).unwrap();
        (sandbox, service, queue)
    }

    async fn send(queue: &PubSub, text: &str) -> Result<(), Failure> {
        let message = Message { text, group: "group", id: "id", delay: Duration::ZERO };
        queue.send(message, Deadline::after(Duration::from_secs(9))).await
    }

    #[test]
    fn a_topic_has_its_form() {
        for good in [TOPIC, "projects/example.com:acme/topics/a.b_c-1", "projects/210987654321/topics/abc"] {
            assert!(parse(good).is_some(), "{good}");
        }
        for bad in [
            "",
            "gatepass",
            "projects/acme/topics/",
            "projects//topics/abc",
            "projects/acme/topics/ab",
            "projects/acme/topics/1bc",
            "projects/acme/topics/a/b",
            "projects/acme/topics/abc:publish",
            "projects/acme/topics/abc?x",
            "projects/../topics/abc",
            "projects/Acme/topics/abc",
            "projects/acme/subscriptions/abc",
            "arn:aws:sqs:eu-central-1:123456789012:gatepass",
            "https://acme.queue.core.windows.net/gatepass",
        ] {
            let error = PubSub::new(bad, &Env::default(), &Clients::new(None).unwrap(), None).err().unwrap();
            assert!(
                error.contains("GATEPASS_QUEUE") && error.contains("projects/PROJECT/topics/TOPIC"),
                "{error}"
            );
        }
    }

    #[test]
    fn another_endpoint_is_encrypted_or_loopback() {
        let queue = |variable: &str, value: &str| {
            PubSub::new(TOPIC, &Env::from_iter([(variable, value)]), &Clients::new(None).unwrap(), None)
        };
        for (variable, good) in [
            (EMULATOR_VARIABLE, "localhost:8085"),
            (EMULATOR_VARIABLE, "http://127.0.0.1:8085"),
            (ENDPOINT_VARIABLE, "https://pubsub.example.com"),
        ] {
            assert_eq!(
                queue(variable, good).unwrap().tokens.is_some(),
                variable == ENDPOINT_VARIABLE,
                "{good}"
            );
        }
        for (variable, bad) in [
            (EMULATOR_VARIABLE, "pubsub:8085"),
            (EMULATOR_VARIABLE, "https://pubsub.example.com"),
            (ENDPOINT_VARIABLE, "http://pubsub.example.com"),
        ] {
            assert!(queue(variable, bad).err().unwrap().contains(variable), "{bad}");
        }
    }

    #[tokio::test]
    async fn a_message_is_published_as_the_workload() {
        let (sandbox, service, queue) = stand().await;
        let longest = "x".repeat(queue.longest_text());
        send(&queue, "hello").await.unwrap();
        send(&queue, &longest).await.unwrap();
        let kept = service.messages(TOPIC);
        assert_eq!((kept[0].data.as_slice(), kept[1].data.len()), (b"hello".as_slice(), longest.len()));
        assert_eq!((kept[0].attributes["id"].as_str(), kept[0].ordering_key.as_str()), ("id", "group"));
        assert_eq!(queue.comes_back_as(), "projects/acme-sandbox/subscriptions/gatepass");
        assert_eq!(sandbox.trace.hops_of("gcp-metadata").len(), 1, "the token is kept");
        assert!(sandbox.trace.hops_of("pubsub")[0].note.as_ref().unwrap().contains("gatepass@acme-sandbox"));
    }

    #[tokio::test]
    async fn the_emulator_is_asked_without_a_token() {
        let sandbox = Sandbox::start().await.unwrap();
        let service = stand_in::PubSub::emulator(sandbox.trace.clone()).await.unwrap();
        service.create_topic(TOPIC);
        let env: Env = service.env().into_iter().collect();
        let queue = PubSub::new(TOPIC, &env, &Clients::new(None).unwrap(), None).unwrap();
        send(&queue, "hello").await.unwrap();
        assert_eq!(service.messages(TOPIC).len(), 1);
        assert!(sandbox.trace.hops_of("gcp-metadata").is_empty());
    }

    #[tokio::test]
    async fn a_token_that_is_no_longer_taken_is_renewed_once() {
        let (sandbox, service, queue) = stand().await;
        send(&queue, "one").await.unwrap();
        sandbox.identity.gcp.forget_access_tokens();
        send(&queue, "two").await.unwrap();
        assert_eq!(service.messages(TOPIC).len(), 2);
        assert_eq!(sandbox.trace.hops_of("gcp-metadata").len(), 2);

        service.faults().inject(Fault::on_any(PATH).status(401).always());
        let failure = send(&queue, "three").await.unwrap_err();
        assert!(failure.class == Class::Refused && failure.message.contains("not taken either"), "{failure}");
        assert_eq!(sandbox.trace.hops_of("gcp-metadata").len(), 3);
    }

    #[tokio::test]
    async fn a_refusal_says_what_to_change() {
        let (_sandbox, service, queue) = stand().await;
        service.deny_publishing(true);
        let failure = send(&queue, "hello").await.unwrap_err();
        assert_eq!(failure.class, Class::Refused);
        for words in [
            "answered 403",
            "not authorized",
            "roles/pubsub.publisher on projects/acme-sandbox/topics/gatepass",
        ] {
            assert!(failure.message.contains(words), "{failure}");
        }
        let (_sandbox, _service, mut queue) = stand().await;
        queue.url = queue.url.replace("topics/gatepass", "topics/another");
        let failure = send(&queue, "hello").await.unwrap_err();
        assert!(
            failure.class == Class::Refused && failure.message.contains("push subscription of the same name"),
            "{failure}"
        );
    }

    #[tokio::test]
    async fn what_may_pass_is_tried_three_times() {
        let on = || Fault::on_any(PATH);
        for fault in [
            on().status(500),
            on().status(503).html(),
            on().status(429),
            on().reset(),
            on().html(),
            on().body("{}"),
        ] {
            let (sandbox, service, queue) = stand().await;
            service.faults().inject(fault.clone().times(2));
            send(&queue, "hello").await.unwrap();
            assert_eq!(
                (service.messages(TOPIC).len(), sandbox.trace.hops_of("pubsub").len()),
                (1, 3),
                "{fault:?}"
            );

            service.faults().inject(fault.always());
            let failure = send(&queue, "hello").await.unwrap_err();
            assert!(
                matches!(failure.class, Class::Deferred(_)) && failure.message.starts_with("Pub/Sub "),
                "{failure}"
            );
            assert_eq!(sandbox.trace.hops_of("pubsub").len(), 6);
        }
        let (_sandbox, service, queue) = stand().await;
        service.faults().inject(on().status(400).body(r#"{"error":{"message":"bad ya29.x"}}"#));
        let failure = send(&queue, "hello").await.unwrap_err();
        assert!(failure.class == Class::Refused && failure.message.contains("answered 400"), "{failure}");
    }

    #[tokio::test]
    async fn the_deadline_is_kept() {
        let (_sandbox, service, queue) = stand().await;
        service.faults().inject(Fault::on_any(PATH).hang().always());
        let message = Message { text: "hello", group: "group", id: "id", delay: Duration::ZERO };
        let failure = queue.send(message, Deadline::after(Duration::from_millis(300))).await.unwrap_err();
        assert!(matches!(failure.class, Class::Deferred(_)), "{failure}");
    }
}
