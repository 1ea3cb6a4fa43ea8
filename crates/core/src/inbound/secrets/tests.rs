use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::NamedTempFile;
use tokio::sync::Semaphore;

use super::*;
use crate::config::{AwsSecret, SecretSource, Signature as Scheme};
use crate::id_token::Pending;

fn signed(secret: &str, body: &[u8]) -> Signature {
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let value = format!("sha256={}", crate::event::hex(ring::hmac::sign(&key, body).as_ref()));
    let headers = [("x-hub-signature-256".parse().unwrap(), value.parse().unwrap())];
    Signature::read(&Scheme::Github, &headers.into_iter().collect(), Timestamp::now()).unwrap()
}

fn webhook(signature: Scheme, secrets: Vec<SecretSource>) -> WebhookTrigger {
    WebhookTrigger { signature, events: Vec::new(), secrets }
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(5))
}

fn file(text: &str) -> (NamedTempFile, SecretSource) {
    let file = NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let source = SecretSource::File(file.path().to_str().unwrap().to_owned());
    (file, source)
}

fn in_env(name: &str) -> SecretSource {
    SecretSource::Env(name.parse().unwrap())
}

async fn read(sources: Vec<SecretSource>, env: &Env) -> Secrets {
    Secrets::read(&webhook(Scheme::Github, sources), env, None, soon()).await.unwrap()
}

async fn verify(secrets: &Secrets, secret: &str) -> Result<(), Failure> {
    secrets.verify(&signed(secret, b"x"), b"x", soon()).await
}

/// A minute passes.
async fn minute(secrets: &Secrets) {
    secrets.shared.last.lock().await.at -= REREAD;
}

/// A store that counts how often it is asked, and takes its time.
struct Store {
    answer: RwLock<Result<&'static str, Failure>>,
    asked: AtomicU32,
    gate: Semaphore,
}

impl SecretStore for Store {
    fn keeps(&self, source: &SecretSource) -> bool {
        matches!(source, SecretSource::AwsSecret(_))
    }

    fn read<'a>(&'a self, _: &'a SecretSource, _: Deadline) -> Pending<'a, Result<WebhookSecret, Failure>> {
        Box::pin(async {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let _open = self.gate.acquire().await.unwrap();
            self.answer.read().unwrap().clone().map(|text| WebhookSecret::new(text).unwrap())
        })
    }
}

impl Store {
    fn of(text: &'static str) -> Arc<Self> {
        Arc::new(Self { answer: RwLock::new(Ok(text)), asked: AtomicU32::new(0), gate: Semaphore::new(1) })
    }

    fn set(&self, answer: Result<&'static str, Failure>) {
        *self.answer.write().unwrap() = answer;
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::SeqCst)
    }

    async fn secrets(self: &Arc<Self>) -> Secrets {
        let store: Arc<dyn SecretStore> = Arc::clone(self) as _;
        let webhook = webhook(Scheme::Github, vec![kept()]);
        Secrets::read(&webhook, &Env::default(), Some(&store), soon()).await.unwrap()
    }
}

fn kept() -> SecretSource {
    SecretSource::AwsSecret(AwsSecret::Whole("hooks/github".into()))
}

#[tokio::test]
async fn all_that_cannot_be_read_is_named_at_once() {
    let env = Env::from_iter([("EMPTY", ""), ("BROKEN", "whsec_*")]);
    let parameter = SecretSource::AwsParameter("/hooks/github".into());
    let sources = vec![
        in_env("UNSET"),
        in_env("EMPTY"),
        SecretSource::File("/nowhere/secret".into()),
        kept(),
        parameter.clone(),
    ];
    let problems = Secrets::read(&webhook(Scheme::Github, sources), &env, None, soon()).await.unwrap_err();
    let expected =
        ["UNSET", "EMPTY", "/nowhere/secret", "hooks/github can be read by gatepass-aws", "/hooks/github"];
    assert_eq!(problems.len(), expected.len());
    for (problem, words) in problems.iter().zip(expected) {
        assert!(problem.contains(words), "{words}: {problem}");
    }
    let store: Arc<dyn SecretStore> = Store::of("one");
    let problems =
        Secrets::read(&webhook(Scheme::Github, vec![kept(), parameter]), &env, Some(&store), soon()).await;
    assert!(
        problems.unwrap_err()[0]
            .starts_with("the AWS parameter /hooks/github can be read by gatepass-aws alone")
    );

    let standard = webhook(Scheme::StandardWebhooks, vec![in_env("BROKEN")]);
    let problems = Secrets::read(&standard, &env, None, soon()).await.unwrap_err();
    assert!(problems[0].contains("BROKEN holds no secret of Standard Webhooks"), "{problems:?}");
    assert!(
        Secrets::read(&webhook(Scheme::Github, vec![in_env("BROKEN")]), &env, None, soon()).await.is_ok()
    );
}

#[tokio::test]
async fn both_secrets_of_a_rotation_are_accepted() {
    let (_file, source) = file("old\n");
    let secrets = read(vec![in_env("NEW"), source], &Env::from_iter([("NEW", "new")])).await;
    for secret in ["new", "old"] {
        assert!(verify(&secrets, secret).await.is_ok(), "{secret}");
    }
    assert_eq!(verify(&secrets, "other").await.unwrap_err().class.status(), 401);
}

#[tokio::test]
async fn a_rotated_file_is_read_again_after_a_miss_but_not_at_once() {
    let (file, source) = file("one");
    let secrets = read(vec![source], &Env::default()).await;
    std::fs::write(file.path(), "two").unwrap();
    assert!(verify(&secrets, "two").await.is_err());
    minute(&secrets).await;
    assert!(verify(&secrets, "two").await.is_ok());
    assert!(verify(&secrets, "one").await.is_err());
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_again_stays() {
    let ((gone, first), (rotated, second)) = (file("old"), file("one"));
    let secrets = read(vec![first, second], &Env::default()).await;
    gone.close().unwrap();
    std::fs::write(rotated.path(), "two").unwrap();
    minute(&secrets).await;
    for (secret, accepted) in [("two", true), ("old", true), ("one", false)] {
        assert_eq!(verify(&secrets, secret).await.is_ok(), accepted, "{secret}");
    }
}

#[tokio::test]
async fn a_store_is_asked_again_at_most_once_a_minute_and_once_for_all() {
    let store = Store::of("one");
    let secrets = store.secrets().await;
    assert!(verify(&secrets, "one").await.is_ok());
    store.set(Ok("two"));
    for _ in 0..3 {
        assert_eq!(verify(&secrets, "two").await.unwrap_err().class.status(), 401);
    }
    assert_eq!(store.asked(), 1);
    minute(&secrets).await;
    let (a, b, c) =
        tokio::join!(verify(&secrets, "two"), verify(&secrets, "two"), verify(&secrets, "stranger"));
    assert!(a.is_ok() && b.is_ok() && c.is_err());
    assert_eq!(store.asked(), 2);
}

#[tokio::test]
async fn while_the_store_is_asked_what_fits_does_not_wait_and_a_miss_waits_for_its_own_time_alone() {
    let store = Store::of("one");
    let secrets = store.secrets().await;
    store.set(Ok("two"));
    minute(&secrets).await;
    let closed = store.gate.acquire().await.unwrap();
    let short = Deadline::after(Duration::from_millis(50));
    let failure = secrets.verify(&signed("two", b"x"), b"x", short).await.unwrap_err();
    assert_eq!(failure.class.status(), 503);
    assert!(verify(&secrets, "one").await.is_ok());
    // What nobody waited for is not lost, and is not asked for again.
    drop(closed);
    assert!(verify(&secrets, "two").await.is_ok());
    assert_eq!(store.asked(), 2);
}

#[tokio::test]
async fn while_the_store_does_not_answer_a_miss_is_undecided() {
    let store = Store::of("one");
    let secrets = store.secrets().await;
    store.set(Err(Failure::deferred(Duration::ZERO, "no answer")));
    minute(&secrets).await;
    for _ in 0..3 {
        let failure = verify(&secrets, "two").await.unwrap_err();
        assert_eq!(failure.class.status(), 503);
        assert!(failure.retry_after().is_some_and(|seconds| (50..=60).contains(&seconds)), "{failure:?}");
    }
    assert_eq!(store.asked(), 2);
    assert!(verify(&secrets, "one").await.is_ok(), "what was read before stays good");
    minute(&secrets).await;
    store.set(Err(Failure::refused("no such secret")));
    assert_eq!(verify(&secrets, "two").await.unwrap_err().class.status(), 401);
    minute(&secrets).await;
    store.set(Ok("two"));
    assert!(verify(&secrets, "two").await.is_ok());
}
