//! The queue of a deployment on Azure: one of Queue Storage, whose queue function brings hand-offs back.
//!
//! Source: Queue Storage REST API, "Put Message"; "Authorize with Microsoft Entra ID".

mod reach;
mod receive;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass_core::client::{Answer, Clients, ServiceUrl, excerpt, fetch, harmless};
use gatepass_core::deadline::Deadline;
use gatepass_core::event::MAX_BODY;
use gatepass_core::failure::Failure;
use gatepass_core::id_token::Pending;
use gatepass_core::queue::{Message, Queue, Reached, insist};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use reqwest::{Client, RequestBuilder};

pub use self::receive::Received;
use crate::identity::ManagedIdentity;

const PLACE: &str = "Queue Storage";

/// The same for every storage account, in every cloud of Azure.
const SCOPE: &str = "https://storage.azure.com/.default";

/// The version of the API. From 2017-11-09 on it takes tokens, from 2017-07-29 on messages that never expire.
const VERSION: &str = "2021-12-02";

/// Where storage accounts are. The token is sent nowhere else but to loopback.
const DOMAINS: [&str; 4] = [
    ".queue.core.windows.net",
    ".queue.core.usgovcloudapi.net",
    ".queue.core.chinacloudapi.cn",
    ".queue.storage.azure.net",
];

/// The longest text of a hand-off, in bytes: a message has 64 KiB, and base64, which the Functions host expects, makes four
/// bytes of three.
const LONGEST_TEXT: usize = 64 * 1024 / 4 * 3;

/// The longest `visibilitytimeout`: seven days.
const LONGEST_DELAY: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// How long one try may take.
const TRY: Duration = Duration::from_secs(4);

/// The form of `GATEPASS_QUEUE`.
const FORM: &str = "write it as https://ACCOUNT.queue.core.windows.net/QUEUE";

/// A queue.
pub struct StorageQueue {
    client: Client,
    url: String,
    queue: String,
    identity: Arc<ManagedIdentity>,
}

impl StorageQueue {
    /// The queue at `url`: a storage account's, or below an account's name on loopback, as Azurite has it.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the URL, and the right form.
    pub fn new(url: &str, clients: &Clients, identity: Arc<ManagedIdentity>) -> Result<Self, String> {
        // Before anything is shown of it: a shared access signature is a credential.
        if url.contains('?') {
            return Err(format!(
                "GATEPASS_QUEUE has a query, which may hold a credential: leave it out; {FORM}"
            ));
        }
        let base = ServiceUrl::parse(url).map_err(|error| format!("GATEPASS_QUEUE: {error}; {FORM}"))?;
        let queue = name(&base)
            .ok_or_else(|| format!("GATEPASS_QUEUE is `{url}`, which is no queue: {FORM}"))?
            .to_owned();
        Ok(Self { client: clients.outbound.clone(), url: base.as_str().to_owned(), queue, identity })
    }

    async fn put(&self, message: Message<'_>, token: &str, deadline: Deadline) -> Result<(), Failure> {
        let delay = message.delay.min(LONGEST_DELAY);
        // Not a moment too early.
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        let text = STANDARD.encode(message.text);
        let url = format!("{}/messages?visibilitytimeout={seconds}&messagettl=-1", self.url);
        let request = dated(self.client.post(url))
            .header("content-type", "application/xml")
            .bearer_auth(token)
            .body(format!("<QueueMessage><MessageText>{text}</MessageText></QueueMessage>"));
        let answer = fetch(PLACE, request, MAX_BODY, deadline.at_most(TRY)).await?;
        match answer.status {
            201 if String::from_utf8_lossy(&answer.body).contains("<MessageId>") => Ok(()),
            200..=299 => {
                let why = format!("{PLACE} answered with something that is no message id");
                Err(Failure::deferred(Duration::ZERO, why))
            }
            status => Err(self.judge(status, &reason(&answer))),
        }
    }

    fn judge(&self, status: u16, why: &str) -> Failure {
        let (message, url) = (format!("{PLACE} answered {status}: {why}"), &self.url);
        let next = match status {
            408 | 429 | 500..=599 => return Failure::deferred(Duration::ZERO, message),
            401 => format!("is {url} in the tenant of this workload's managed identity?"),
            403 => format!(
                "give this workload's managed identity the role Storage Queue Data Message Sender on {url}, and let the storage account's network rules admit it"
            ),
            404 => {
                format!("create the queue {} in the storage account, or correct GATEPASS_QUEUE", self.queue)
            }
            _ => "check GATEPASS_QUEUE, and the storage account's settings".to_owned(),
        };
        Failure::refused(format!("{message}; {next}"))
    }
}

impl Queue for StorageQueue {
    fn name(&self) -> &str {
        &self.url
    }

    fn comes_back_as(&self) -> &str {
        &self.queue
    }

    fn longest_text(&self) -> usize {
        LONGEST_TEXT
    }

    fn longest_delay(&self) -> Duration {
        LONGEST_DELAY
    }

    /// Queue Storage knows neither groups nor duplicates.
    fn send<'a>(&'a self, message: Message<'a>, deadline: Deadline) -> Pending<'a, Result<(), Failure>> {
        Box::pin(async move {
            let token = self.identity.token(SCOPE, deadline).await?;
            insist(deadline, || self.put(message, token.secret(), deadline)).await
        })
    }

    fn reach<'a>(&'a self, deadline: Deadline) -> Pending<'a, Result<Reached, Failure>> {
        Box::pin(self.metadata(deadline))
    }
}

/// Why a request was refused: the service's own name for it, or what else it says.
fn reason(answer: &Answer) -> String {
    let code = answer.headers.get("x-ms-error-code").and_then(|code| code.to_str().ok());
    code.map_or_else(|| excerpt(&answer.body), |code| harmless(code, 100))
}

/// With what every request of the API needs.
fn dated(request: RequestBuilder) -> RequestBuilder {
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now());
    request.header("x-ms-version", VERSION).header("x-ms-date", date.unwrap_or_default())
}

/// The queue's name, where this is the URL of one. Source: "Naming queues and metadata".
fn name(url: &ServiceUrl) -> Option<&str> {
    let (account, path) = url.as_str().split_once("://")?.1.split_once('/')?;
    let is_storage =
        DOMAINS.iter().any(|domain| account.strip_suffix(domain).is_some_and(|name| !name.is_empty()));
    let is_local = matches!(url.host(), "127.0.0.1" | "localhost" | "[::1]");
    let name = match path.split_once('/') {
        None if is_storage => path,
        Some((_, name)) if is_local => name,
        _ => return None,
    };
    let is_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let valid = (3..=63).contains(&name.len())
        && name.bytes().all(is_name)
        && !name.starts_with('-')
        && !name.ends_with('-')
        && !name.contains("--");
    valid.then_some(name)
}

#[cfg(test)]
mod tests {
    use gatepass_core::config::AzureIdentity;
    use gatepass_core::env::Env;
    use gatepass_core::failure::Class;
    use gatepass_sandbox::Sandbox;
    use gatepass_sandbox::faults::Fault;
    use gatepass_sandbox::identity::azure::Assigned;
    use gatepass_sandbox::storage_queue::StorageQueues;

    use super::*;

    const PATH: &str = "/acmestorage/gatepass/messages";

    struct Stand {
        sandbox: Sandbox,
        service: StorageQueues,
        queue: StorageQueue,
    }

    impl Stand {
        async fn new() -> Self {
            let sandbox = Sandbox::start().await.unwrap();
            let service = StorageQueues::start(&sandbox.identity.azure, sandbox.trace.clone()).await.unwrap();
            service.create("gatepass");
            let clients = Clients::new(None).unwrap();
            let queue = StorageQueue::new(&service.url("gatepass"), &clients, identity(&sandbox)).unwrap();
            Self { sandbox, service, queue }
        }

        async fn send(&self, text: &str, delay: Duration) -> Result<(), Failure> {
            let message = Message { text, group: "group", id: "id", delay };
            self.queue.send(message, Deadline::after(Duration::from_secs(9))).await
        }

        async fn refused(&self) -> String {
            let failure = self.send("hello", Duration::ZERO).await.unwrap_err();
            assert_eq!(failure.class, Class::Refused, "{failure}");
            failure.message
        }
    }

    /// By IMDS: azure_identity finds the Functions endpoint in the process's own environment.
    fn identity(sandbox: &Sandbox) -> Arc<ManagedIdentity> {
        let env: Env = sandbox.identity.azure.env_imds().into_iter().collect();
        let identity = ManagedIdentity::new(&env, &Clients::new(None).unwrap(), &AzureIdentity::default());
        Arc::new(identity.unwrap())
    }

    #[tokio::test]
    async fn only_a_queue_of_azure_or_of_this_machine_is_one() {
        let sandbox = Sandbox::start().await.unwrap();
        let (clients, identity) = (Clients::new(None).unwrap(), identity(&sandbox));
        for (good, name) in [
            ("https://acme.queue.core.windows.net/gatepass", "gatepass"),
            ("https://acme.queue.core.windows.net/gatepass/", "gatepass"),
            ("https://acme.queue.core.usgovcloudapi.net/a-1", "a-1"),
            ("https://acme.z12.queue.storage.azure.net/gatepass", "gatepass"),
            ("http://127.0.0.1:10001/devstoreaccount1/gatepass", "gatepass"),
            ("https://127.0.0.1:10001/devstoreaccount1/gatepass", "gatepass"),
            ("http://localhost:10001/devstoreaccount1/gatepass", "gatepass"),
        ] {
            let queue = StorageQueue::new(good, &clients, Arc::clone(&identity)).unwrap();
            assert_eq!(queue.comes_back_as(), name, "{good}");
            assert_eq!(queue.name(), good.trim_end_matches('/'));
        }
        for bad in [
            "",
            "gatepass",
            "http://acme.queue.core.windows.net/gatepass",
            "https://acme.queue.core.windows.net",
            "https://acme.queue.core.windows.net/",
            "https://acme.queue.core.windows.net/a/gatepass",
            "https://acme.queue.core.windows.net/gatepass/messages",
            "https://acme.queue.core.windows.net/Gatepass",
            "https://acme.queue.core.windows.net/ab",
            "https://acme.queue.core.windows.net/-abc",
            "https://acme.queue.core.windows.net/a--b",
            "https://acme.queue.core.windows.net/gatepass?sv=2021&sig=x",
            "https://acme.blob.core.windows.net/gatepass",
            "https://acme.queue.core.windows.net.example.com/gatepass",
            "https://queue.core.windows.net/gatepass",
            "https://example.com/acme/gatepass",
            "http://127.0.0.1:10001/gatepass",
            "projects/acme/topics/gatepass",
        ] {
            let error = StorageQueue::new(bad, &clients, Arc::clone(&identity)).err();
            let error = error.unwrap_or_else(|| panic!("{bad} was accepted"));
            assert!(!error.contains("sig="), "{error}");
            assert!(
                error.contains("GATEPASS_QUEUE")
                    && error.contains("https://ACCOUNT.queue.core.windows.net/QUEUE"),
                "{error}"
            );
        }
    }

    #[tokio::test]
    async fn a_message_is_put_as_the_functions_host_reads_it() {
        let stand = Stand::new().await;
        let longest = "x".repeat(stand.queue.longest_text());
        stand.send("hello", Duration::ZERO).await.unwrap();
        stand.send(&longest, stand.queue.longest_delay()).await.unwrap();
        let kept = stand.service.messages("gatepass");
        let text = |index: usize| STANDARD.decode(&kept[index].text).unwrap();
        assert_eq!((text(0).as_slice(), text(1).len()), (b"hello".as_slice(), longest.len()));
        let away = |index: usize| kept[index].visible.duration_since(kept[index].inserted).as_secs();
        assert_eq!((away(0), away(1)), (0, 7 * 24 * 60 * 60));
        stand.send("later", Duration::from_millis(1001)).await.unwrap();
        let later = stand.service.messages("gatepass").pop().unwrap();
        assert_eq!(later.visible.duration_since(later.inserted).as_secs(), 2, "not a moment too early");
        let imds = stand.sandbox.trace.hops_of("azure-imds");
        assert_eq!(imds.len(), 1, "the token is kept: {imds:?}");
        assert!(imds[0].path.contains("storage.azure.com"), "{}", imds[0].path);

        let failure = stand.send(&format!("{longest}xyz"), Duration::ZERO).await.unwrap_err();
        assert!(failure.message.contains("RequestBodyTooLarge"), "{failure}");
    }

    #[tokio::test]
    async fn a_refusal_says_what_to_change() {
        let stand = Stand::new().await;
        stand.service.deny(true);
        let message = stand.refused().await;
        for words in
            ["403: AuthorizationPermissionMismatch", "Storage Queue Data Message Sender", "/gatepass"]
        {
            assert!(message.contains(words), "{message}");
        }
        let mut stand = Stand::new().await;
        stand.queue.url = stand.service.url("another");
        assert!(stand.refused().await.contains("404: QueueNotFound; create the queue gatepass"));
        let stand = Stand::new().await;
        stand.service.faults().inject(Fault::on_any(PATH).status(401).html());
        assert!(stand.refused().await.contains("in the tenant of this workload's managed identity?"));
        let stand = Stand::new().await;
        stand.sandbox.identity.azure.assign(Assigned::None);
        assert!(stand.refused().await.contains("Azure's identity endpoint answered 400"));
        assert!(stand.sandbox.trace.hops_of("storage-queue").is_empty());
    }

    #[tokio::test]
    async fn what_may_pass_is_tried_three_times() {
        let on = || Fault::on_any(PATH);
        let busy = || on().status(503).header("x-ms-error-code", "ServerBusy");
        for fault in [on().status(500), busy(), on().status(429), on().reset(), on().html(), on().status(201)]
        {
            let stand = Stand::new().await;
            let puts = || stand.sandbox.trace.hops_of("storage-queue").len();
            stand.service.faults().inject(fault.clone().times(2));
            stand.send("hello", Duration::ZERO).await.unwrap();
            assert_eq!((stand.service.messages("gatepass").len(), puts()), (1, 3), "{fault:?}");

            stand.service.faults().inject(fault.always());
            let failure = stand.send("hello", Duration::ZERO).await.unwrap_err();
            assert!(matches!(failure.class, Class::Deferred(_)), "{failure}");
            assert!(failure.message.starts_with("Queue Storage ") && puts() == 6, "{failure}");
        }
    }

    #[tokio::test]
    async fn the_deadline_is_kept() {
        let stand = Stand::new().await;
        stand.service.faults().inject(Fault::on_any(PATH).hang().always());
        let message = Message { text: "hello", group: "group", id: "id", delay: Duration::ZERO };
        let failure =
            stand.queue.send(message, Deadline::after(Duration::from_millis(400))).await.unwrap_err();
        assert!(matches!(failure.class, Class::Deferred(_)), "{failure}");
    }
}
