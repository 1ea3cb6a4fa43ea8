//! The queue against moto's SQS: a peer that nobody here wrote. It checks no signatures; the sandbox does.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a failed test")]

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gatepass_aws::account::Account;
use gatepass_aws::queue::Sqs;
use gatepass_core::client::Clients;
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::failure::Failure;
use gatepass_core::queue::{Message, Queue};
use gatepass_sandbox::Sandbox;
use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::hosts::lambda::{Entrance, LambdaHost};
use gatepass_sandbox::hosts::process::Program;
use gatepass_sandbox::hosts::webhook::{Signature, Webhook};
use gatepass_sandbox::http_client::LoopbackClient;
use serde_json::{Value, json};

const SECRET: &str = "a shared secret of some length";

const CONFIG: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
jobs:
  hook:
    triggers: [{ webhook: { signature: github, secrets: [{ env: WEBHOOK_SECRET }] } }]
    open_issue: { key: ["{{ event.data.n }}"], title: "{{ event.data.n }}" }
"#;

/// moto's server. Killed by its own id.
struct Moto {
    child: Child,
    url: String,
    client: LoopbackClient,
}

impl Moto {
    async fn start() -> Self {
        let program =
            std::env::var("GATEPASS_MOTO").expect("GATEPASS_MOTO names moto_server: run `make conformance`");
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new(program)
            .args(["-H", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let moto =
            Self { child, url: format!("http://127.0.0.1:{port}"), client: LoopbackClient::new().unwrap() };
        let give_up = Instant::now() + Duration::from_secs(60);
        // It says nowhere that it listens, so the first call knocks until it does.
        while let Err(error) = moto.post("ListQueues", &json!({})).await {
            assert!(error.is_connect() && Instant::now() < give_up, "{error}");
            tokio::task::yield_now().await;
        }
        moto
    }

    async fn post(&self, action: &str, body: &Value) -> reqwest::Result<Value> {
        let request = self.client.request(http::Method::POST, &self.url).unwrap();
        let scope =
            "Credential=AKIDEXAMPLE/20261120/eu-west-1/sqs/aws4_request, SignedHeaders=host, Signature=x";
        let request = request
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AmazonSQS.{action}"))
            .header("authorization", format!("AWS4-HMAC-SHA256 {scope}"))
            .body(body.to_string());
        let answer = request.send().await?;
        let status = answer.status();
        let body = answer.bytes().await?;
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        assert!(status.is_success(), "{action}: {status} {json}");
        Ok(json)
    }

    async fn call(&self, action: &str, body: Value) -> Value {
        self.post(action, &body).await.unwrap()
    }

    /// Makes a queue, and gives its URL and its ARN.
    async fn create(&self, name: &str, attributes: Value) -> (String, String) {
        let url = self.call("CreateQueue", json!({ "QueueName": name, "Attributes": attributes })).await;
        let url = url["QueueUrl"].as_str().unwrap().to_owned();
        let asked = json!({ "QueueUrl": url, "AttributeNames": ["QueueArn"] });
        let arn = self.call("GetQueueAttributes", asked).await["Attributes"]["QueueArn"]
            .as_str()
            .unwrap()
            .to_owned();
        (url, arn)
    }

    async fn receive(&self, url: &str) -> Vec<Value> {
        let asked = json!({ "QueueUrl": url, "MaxNumberOfMessages": 10, "AttributeNames": ["All"] });
        let answer = self.call("ReceiveMessage", asked).await;
        answer["Messages"].as_array().cloned().unwrap_or_default()
    }

    async fn count(&self, url: &str, of: &str) -> String {
        let asked = json!({ "QueueUrl": url, "AttributeNames": ["All"] });
        self.call("GetQueueAttributes", asked).await["Attributes"][of].as_str().unwrap().to_owned()
    }
}

impl Drop for Moto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What Lambda makes of what was received.
fn event(arn: &str, messages: &[Value]) -> Value {
    let record = |message: &Value| {
        json!({
            "messageId": message["MessageId"], "receiptHandle": message["ReceiptHandle"], "body": message["Body"],
            "attributes": message["Attributes"], "messageAttributes": {}, "eventSource": "aws:sqs", "eventSourceARN": arn,
        })
    };
    json!({ "Records": messages.iter().map(record).collect::<Vec<_>>() })
}

#[tokio::test]
#[ignore = "needs moto: run `make conformance`"]
async fn a_webhook_goes_through_motos_queue() {
    let moto = Moto::start().await;
    let (url, arn) = moto.create("gatepass", json!({})).await;
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.admit("acme/operations", "alarms", &sandbox.lambda(), &[("issues", "write")]).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("gatepass.yaml");
    std::fs::write(&config, CONFIG).unwrap();
    let program = || {
        Program::new(env!("CARGO_BIN_EXE_gatepass-aws"))
            .envs(sandbox.identity.aws.env_lambda())
            .envs(sandbox.env())
            .env("GATEPASS_CONFIG", config.to_str().unwrap())
            .env("GATEPASS_QUEUE", &arn)
            .env("AWS_ENDPOINT_URL_SQS", &moto.url)
            .env("WEBHOOK_SECRET", SECRET)
    };
    let host = LambdaHost::start(program(), sandbox.trace.clone()).await.unwrap();
    let call = Webhook::new("push", &json!({ "n": 1 })).call("/hooks/hook", SECRET, Signature::Right);
    let answer = host.http(Entrance::FunctionUrl(None), &call).await.unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text());

    let messages = moto.receive(&url).await;
    assert_eq!(messages.len(), 1);
    let limited = Fault::on_any("/repos").status(403).header("retry-after", "3600");
    sandbox.github.faults().inject(limited);
    let failed = host.invoke(event(&arn, &messages).to_string().as_bytes()).await.unwrap();
    let failed: Value = serde_json::from_slice(&failed).unwrap();
    assert_eq!(failed["batchItemFailures"][0]["itemIdentifier"], messages[0]["MessageId"]);
    host.child().wait_for_line(|line| line.text.contains("\"held back\"")).await.unwrap();
    assert_eq!(moto.count(&url, "ApproximateNumberOfMessagesNotVisible").await, "1");

    // Another instance, which does not know that GitHub's time has not come.
    let later = LambdaHost::start(program(), sandbox.trace.clone()).await.unwrap();
    let done = later.invoke(event(&arn, &messages).to_string().as_bytes()).await.unwrap();
    assert_eq!(serde_json::from_slice::<Value>(&done).unwrap(), json!({ "batchItemFailures": [] }));
    assert_eq!(sandbox.github.open_issues("acme/operations").len(), 1);
}

async fn send(queue: &Sqs, text: &str, id: char, delay: Duration) -> Result<(), Failure> {
    let (group, id) = ("0".repeat(64), id.to_string().repeat(64));
    let message = Message { text, group: &group, id: &id, delay };
    Queue::send(queue, message, Deadline::after(Duration::from_secs(10))).await
}

#[tokio::test]
#[ignore = "needs moto: run `make conformance`"]
async fn the_queue_is_what_moto_takes_it_for() {
    let moto = Moto::start().await;
    let variables = [
        ("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL_SQS", &moto.url),
    ];
    let account = Account::from_env(&Env::from_iter(variables), &Clients::new(None).unwrap()).unwrap();
    let queue = |arn: &str| Sqs::new(account.clone(), arn.parse().unwrap()).unwrap();

    let (url, arn) = moto.create("plain", json!({})).await;
    send(&queue(&arn), "bm93", '1', Duration::ZERO).await.unwrap();
    send(&queue(&arn), "bGF0ZXI=", '2', Duration::from_secs(900)).await.unwrap();
    assert_eq!(moto.count(&url, "ApproximateNumberOfMessagesDelayed").await, "1");
    let received = moto.receive(&url).await;
    assert_eq!((received.len(), &received[0]["Body"]), (1, &json!("bm93")));

    let (url, arn) = moto.create("ordered.fifo", json!({ "FifoQueue": "true" })).await;
    for (text, id) in [("YQ==", 'a'), ("Yg==", 'b'), ("YQ==", 'a')] {
        send(&queue(&arn), text, id, Duration::from_secs(60)).await.unwrap();
    }
    let bodies: Vec<Value> = moto.receive(&url).await.iter().map(|message| message["Body"].clone()).collect();
    assert_eq!(bodies, ["YQ==", "Yg=="], "in order, and each once");

    let gone = send(&queue(&format!("{arn}x").replace(".fifox", "x")), "eA==", '3', Duration::ZERO)
        .await
        .unwrap_err();
    assert_eq!(gone.class.name(), "refused", "{gone}");
    assert!(gone.message.contains("check GATEPASS_QUEUE"), "{gone}");
    let (_, small) = moto.create("small", json!({ "MaximumMessageSize": "1024" })).await;
    let failure = send(&queue(&small), &"x".repeat(1025), '4', Duration::ZERO).await.unwrap_err();
    assert_eq!(failure.class.status(), 413, "{failure}");
}
