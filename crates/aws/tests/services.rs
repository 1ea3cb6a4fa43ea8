//! The queue and the secret store, through the library, against the sandbox's services.

#![expect(clippy::unwrap_used, reason = "a failed test")]

use std::sync::Arc;
use std::time::Duration;

use gatepass_aws::account::Account;
use gatepass_aws::queue::Sqs;
use gatepass_aws::secrets::AwsSecrets;
use gatepass_core::client::Clients;
use gatepass_core::config::{AwsSecret, AwsSecretField, SecretSource};
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::failure::Failure;
use gatepass_core::queue::{Message, Queue};
use gatepass_core::secret_store::SecretStore;
use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::identity::Environment;
use gatepass_sandbox::identity::aws::Aws;
use gatepass_sandbox::trace::Trace;

fn account(variables: Environment) -> Arc<Account> {
    Account::from_env(&Env::from_iter(variables), &Clients::new(None).unwrap()).unwrap()
}

fn soon() -> Deadline {
    Deadline::after(Duration::from_secs(10))
}

async fn send(queue: &Sqs, delay: Duration) -> Result<(), Failure> {
    let hex = "0123456789abcdef".repeat(4);
    Queue::send(queue, Message { text: "SGVsbG8=", group: &hex, id: &hex, delay }, soon()).await
}

async fn read(store: &AwsSecrets, source: &SecretSource) -> Result<Vec<u8>, Failure> {
    store.read(source, soon()).await.map(|secret| secret.expose().to_vec())
}

#[tokio::test]
async fn a_message_is_held_back_and_not_a_moment_too_short() {
    let aws = Aws::start(Trace::new()).await.unwrap();
    let arn = aws.sqs.create("gatepass");
    let queue = Sqs::new(account(aws.env_lambda()), arn.parse().unwrap()).unwrap();
    assert_eq!((queue.name(), queue.comes_back_as()), (arn.as_str(), arn.as_str()));
    assert_eq!((queue.longest_text(), queue.longest_delay().as_secs()), (1_048_576, 900));
    for (milliseconds, low, high) in
        [(0, 0, 0), (1, 0, 1), (1001, 1, 2), (900_000, 898, 900), (5_000_000, 898, 900)]
    {
        send(&queue, Duration::from_millis(milliseconds)).await.unwrap();
        let away = aws.sqs.invisible_for(aws.sqs.messages(&arn).last().unwrap());
        assert!((low..=high).contains(&away), "{milliseconds}: {away}");
    }
}

#[tokio::test]
async fn a_fifo_queue_gets_group_and_id_and_no_delay() {
    let aws = Aws::start(Trace::new()).await.unwrap();
    let arn = aws.sqs.create("gatepass.fifo");
    let queue = Sqs::new(account(aws.env_lambda()), arn.parse().unwrap()).unwrap();
    assert_eq!(queue.longest_delay(), Duration::ZERO);
    for _ in 0..2 {
        send(&queue, Duration::from_secs(60)).await.unwrap();
    }
    let messages = aws.sqs.messages(&arn);
    assert_eq!((messages.len(), messages[0].group.as_deref().map(str::len)), (1, Some(64)));
    assert!(aws.sqs.invisible_for(&messages[0]) <= 0);
}

#[tokio::test]
async fn credentials_that_have_expired_are_fetched_once_more() {
    let trace = Trace::new();
    let aws = Aws::start(trace.clone()).await.unwrap();
    let arn = aws.sqs.create("gatepass");
    let fetched = || trace.hops_of("aws-credentials").len();
    let queue = Sqs::new(account(aws.env_ecs()), arn.parse().unwrap()).unwrap();
    send(&queue, Duration::ZERO).await.unwrap();
    let expired = r#"{"__type":"com.amazon.coral.service#ExpiredTokenException","message":"expired"}"#;
    aws.sqs.faults().inject(Fault::on_any("/").status(400).body(expired));
    send(&queue, Duration::ZERO).await.unwrap();
    assert_eq!((fetched(), aws.sqs.messages(&arn).len()), (2, 2));
    aws.sqs.faults().inject(Fault::on_any("/").status(400).body(expired).times(2));
    let failure = send(&queue, Duration::ZERO).await.unwrap_err();
    assert!(failure.message.contains("may have expired"), "{failure}");
    assert_eq!((fetched(), failure.class.name()), (3, "refused"));

    // A function's own are what Lambda gave it.
    let function = Sqs::new(account(aws.env_lambda()), arn.parse().unwrap()).unwrap();
    let fault = aws.sqs.faults().inject(Fault::on_any("/").status(400).body(expired).times(2));
    assert!(send(&function, Duration::ZERO).await.is_err());
    assert_eq!(fault.used(), 1);
}

#[tokio::test]
async fn credentials_that_are_good_for_a_while_outlast_an_outage_of_their_endpoint() {
    let aws = Aws::start(Trace::new()).await.unwrap();
    let arn = aws.sqs.create("gatepass");
    aws.set_session_seconds(120);
    let queue = Sqs::new(account(aws.env_ecs()), arn.parse().unwrap()).unwrap();
    send(&queue, Duration::ZERO).await.unwrap();
    let fault = aws.containers.faults().inject(Fault::on_any("/").status(503).always());
    send(&queue, Duration::ZERO).await.unwrap();
    assert_eq!((fault.used(), aws.sqs.messages(&arn).len()), (1, 2));
}

#[tokio::test]
async fn a_lost_answer_of_the_queue_is_asked_for_once_more() {
    let aws = Aws::start(Trace::new()).await.unwrap();
    let arn = aws.sqs.create("gatepass");
    let queue = Sqs::new(account(aws.env_lambda()), arn.parse().unwrap()).unwrap();
    aws.sqs.faults().inject(Fault::on_any("/").after_effect().reset());
    send(&queue, Duration::ZERO).await.unwrap();
    assert_eq!(aws.sqs.messages(&arn).len(), 2, "twice is no harm, never would be");
    let hangs = aws.sqs.faults().inject(Fault::on_any("/").hang());
    let hex = "0".repeat(64);
    let message = Message { text: "x", group: &hex, id: &hex, delay: Duration::ZERO };
    let failure =
        Queue::send(&queue, message, Deadline::after(Duration::from_millis(200))).await.unwrap_err();
    assert_eq!((failure.class.name(), hangs.used()), ("deferred", 1), "{failure}");
}

#[tokio::test]
async fn secrets_are_read_as_they_are_now() {
    let aws = Aws::start(Trace::new()).await.unwrap();
    let store = AwsSecrets::new(account(aws.env_lambda())).unwrap();
    let arn = aws.secrets.put("hook", "one");
    let whole = SecretSource::AwsSecret(AwsSecret::Whole("hook".into()));
    let by_arn = SecretSource::AwsSecret(AwsSecret::Whole(arn.clone()));
    let field = SecretSource::AwsSecret(AwsSecret::Field(AwsSecretField { id: arn, key: "b".into() }));
    let parameter = SecretSource::AwsParameter("/gatepass/hook".into());
    for source in [&whole, &by_arn, &field, &parameter] {
        assert!(store.keeps(source));
    }
    assert!(!store.keeps(&SecretSource::File("/x".into())));
    assert_eq!(
        (read(&store, &whole).await.unwrap(), read(&store, &by_arn).await.unwrap()),
        (b"one".to_vec(), b"one".to_vec())
    );
    aws.secrets.put("hook", r#"{"a":"x","b":"two"}"#);
    assert_eq!(read(&store, &field).await.unwrap(), b"two");
    aws.secrets.put_binary("hook", b"three");
    assert_eq!(read(&store, &whole).await.unwrap(), b"three");
    aws.parameters.put("/gatepass/hook", "four");
    assert_eq!(read(&store, &parameter).await.unwrap(), b"four");
    aws.parameters.put("/gatepass/hook", "five");
    assert_eq!(read(&store, &parameter).await.unwrap(), b"five", "and not as it was kept");
}

#[tokio::test]
async fn a_failure_to_read_a_secret_names_it_and_shows_nothing_of_it() {
    let aws = Aws::start(Trace::new()).await.unwrap();
    let store = AwsSecrets::new(account(aws.env_lambda())).unwrap();
    let whole = SecretSource::AwsSecret(AwsSecret::Whole("hook".into()));
    let field =
        SecretSource::AwsSecret(AwsSecret::Field(AwsSecretField { id: "hook".into(), key: "b".into() }));
    let failure = read(&store, &whole).await.unwrap_err();
    assert!(failure.message.contains("there is no aws_secret hook in eu-west-1"), "{failure}");
    for (kept, source) in [
        (&b"hunter2-hunter2"[..], &field),
        (b"{\"b\":7,\"hunter2\":1}", &field),
        (b"{\"c\":\"hunter2\"}", &field),
        (b"", &whole),
        (b"\xffhunter2", &whole),
    ] {
        aws.secrets.put_binary("hook", kept);
        let failure = read(&store, source).await.unwrap_err();
        assert_eq!(failure.class.name(), "refused", "{failure}");
        assert!(
            failure.message.contains("aws_secret hook") && !format!("{failure:?}").contains("hunter2"),
            "{failure:?}"
        );
    }
    for (fault, class) in [
        (Fault::on_any("/").status(500), "deferred"),
        (Fault::on_any("/").status(400).body(r#"{"__type":"ThrottlingException"}"#), "deferred"),
        (Fault::on_any("/").status(400).body(r#"{"__type":"DecryptionFailure","Message":"x"}"#), "refused"),
    ] {
        aws.secrets.faults().inject(fault);
        let failure = read(&store, &whole).await.unwrap_err();
        assert_eq!(
            (failure.class.name(), failure.message.contains("the aws_secret hook")),
            (class, true),
            "{failure}"
        );
    }
}
