//! Microsoft's own emulator of Queue Storage: a peer that nobody here wrote.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatepass_core::client::Clients;
use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::hosts::webhook::{Signature, Webhook};
use gatepass_sandbox::identity::azure::{STORAGE, SYSTEM, TENANT};
use gatepass_sandbox::issuer::{Issuer, Key};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::support::{QUEUE, REPOSITORY, Setup, result};

const SECRET: &str = "the webhook's secret";

const CONFIG: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
jobs:
  announce:
    triggers: [{ webhook: { signature: github, secrets: [{ env: WEBHOOK_SECRET }] } }]
    open_issue: { key: ["{{ event.data.tag }}"], title: "Release {{ event.data.tag }}" }
"#;

/// How long it may take until it listens.
const START: Duration = Duration::from_secs(60);

/// The emulator. Killed by its own id.
struct Azurite {
    child: Child,
    url: String,
}

impl Azurite {
    /// `GATEPASS_AZURITE` is a directory with its npm package, and the certificate and key of 127.0.0.1 that `ca.pem` signed.
    async fn start(place: &Path) -> Self {
        let file = |name: &str| place.join(name).to_str().unwrap().to_owned();
        let child = Command::new(place.join("node_modules/.bin/azurite-queue"))
            .args([
                "--queuePort",
                "0",
                "--oauth",
                "basic",
                "--inMemoryPersistence",
                "--disableTelemetry",
                "--silent",
            ])
            .args(["--cert", &file("leaf.pem"), "--key", &file("leaf.key")])
            .current_dir(place)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut azurite = Self { child, url: String::new() };
        let output = azurite.child.stdout.take().unwrap();
        let output = tokio::process::ChildStdout::from_std(output).unwrap();
        let mut lines = BufReader::new(output).lines();
        let listens = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, url)) = line.split_once("successfully listens on ") {
                    return url.trim().to_owned();
                }
            }
            panic!("azurite ended before it listened")
        };
        azurite.url = tokio::time::timeout(START, listens).await.unwrap();
        azurite
    }
}

impl Drop for Azurite {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A token as Entra issues it for Queue Storage; the emulator looks at its claims alone.
fn token() -> String {
    let url = format!("https://sts.windows.net/{TENANT}/");
    let now = Timestamp::now().as_second();
    let claims = json!({ "iss": url, "aud": STORAGE.id_uri, "oid": SYSTEM.principal_id, "sub": SYSTEM.principal_id,
                         "tid": TENANT, "ver": "1.0", "iat": now, "nbf": now - 60, "exp": now + 3600 });
    Issuer::new(url, Key::Azure).mint(&claims)
}

/// Whoever looks from outside.
struct Observer {
    client: reqwest::Client,
    url: String,
}

impl Observer {
    async fn ask(&self, request: reqwest::RequestBuilder) -> (u16, String) {
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&Timestamp::now()).unwrap();
        let request =
            request.header("x-ms-version", "2021-12-02").header("x-ms-date", date).bearer_auth(token());
        let answer = request.send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    async fn create(&self) {
        let (status, text) = self.ask(self.client.put(&self.url).header("content-length", "0")).await;
        assert_eq!(status, 201, "{text}");
    }

    /// The texts of what can be seen.
    async fn messages(&self) -> Vec<String> {
        let (status, text) =
            self.ask(self.client.get(format!("{}/messages?peekonly=true&numofmessages=32", self.url))).await;
        assert_eq!(status, 200, "{text}");
        let texts = text.split("<MessageText>").skip(1);
        texts.map(|rest| rest.split_once("</MessageText>").unwrap().0.to_owned()).collect()
    }
}

#[tokio::test]
#[ignore = "needs Azurite: run `make conformance`"]
async fn a_hand_off_goes_through_microsofts_own_emulator() {
    let place = std::env::var("GATEPASS_AZURITE")
        .unwrap_or_else(|_| panic!("GATEPASS_AZURITE: run `make conformance`"));
    let place = Path::new(&place);
    let azurite = Azurite::start(place).await;
    let ca = place.join("ca.pem");
    let client = Clients::new(Some(&std::fs::read(&ca).unwrap())).unwrap().identity;
    let observer = Observer { client, url: format!("{}/devstoreaccount1/{QUEUE}", azurite.url) };
    observer.create().await;

    let setup = Setup::new().await.env("WEBHOOK_SECRET", SECRET).env("GATEPASS_QUEUE", &observer.url);
    let token = json!({ "access_token": token(), "expires_on": "4102444800", "resource": STORAGE.id_uri, "token_type": "Bearer" });
    let faults = setup.sandbox.identity.azure.functions.faults();
    faults.inject(Fault::on_any("/msi/token").body(token.to_string()));
    let function = setup.env("GATEPASS_EXTRA_CA_CERTS", ca.to_str().unwrap()).start(CONFIG).await;
    let payload = json!({"action": "published", "tag": "v1", "sender": {"login": "ada"}, "repository": {"full_name": "acme/widgets"}});
    let call = Webhook::new("release", &payload).call("/api/hooks/announce", SECRET, Signature::Right);
    let answer = function.call(call).await;
    assert_eq!((answer.status, &result(&answer)["status"]), (202, &json!("queued")), "{}", answer.text());

    let texts = observer.messages().await;
    assert!(texts.len() == 1 && STANDARD.decode(&texts[0]).is_ok(), "{texts:?}");
    // What it keeps is what the host takes.
    function.queues.put(QUEUE, texts[0].clone());
    let done = function.poll(QUEUE).await.unwrap().outcome.unwrap().unwrap();
    assert!(done.logs[0].starts_with("announce: created"), "{done:?}");

    // GitHub asks for an hour: it is on the queue, and cannot be seen.
    let limited = Fault::on_any("/repos/").status(429).header("retry-after", "3600");
    function.sandbox.github.faults().inject(limited);
    function.queues.put(QUEUE, texts[0].clone());
    let put_off = function.poll(QUEUE).await.unwrap().outcome.unwrap().unwrap();
    assert_eq!(put_off.logs, ["announce: queued "]);
    assert_eq!(observer.messages().await.len(), 1);
    assert_eq!(function.sandbox.github.issues(REPOSITORY).len(), 1);
    drop(azurite);
}
