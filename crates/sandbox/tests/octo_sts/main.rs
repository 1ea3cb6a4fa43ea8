//! The Octo STS stand-in, asked over HTTP as a client would.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that cannot get at what it expects has failed"
)]

mod bearer;
mod exchange;
mod policies;
mod sandbox;
mod table;
mod trusted_issuers;

use gatepass_sandbox::faults::Faults;
use gatepass_sandbox::github::{Edition, GitHub};
use gatepass_sandbox::http_client::LoopbackClient;
use gatepass_sandbox::issuer::{Issuer, Key};
use gatepass_sandbox::octo_sts::{OctoSts, Settings};
use gatepass_sandbox::server::{Bound, Server};
use gatepass_sandbox::trace::Trace;
use http::Method;
use serde_json::{Value, json};

const SUBJECT: &str = "arn:aws:iam::111122223333:role/alarms";
const OPERATIONS: &str = "acme/operations";
const POLICY: &str = ".github/chainguard/alarms.sts.yaml";
const EXCHANGE: &str = "/sts/exchange";

/// An Octo STS, the GitHub behind it, and an issuer.
struct Setup {
    github: GitHub,
    octo_sts: OctoSts,
    issuer: Issuer,
    issuer_faults: Faults,
    _issuer_server: Server,
    trace: Trace,
    client: LoopbackClient,
}

/// Status, gRPC code and message of an error; of a success, status, 0 and nothing.
type Outcome = (u16, u64, String);

impl Setup {
    async fn start() -> Self {
        Self::start_with(Settings::default()).await
    }

    async fn start_with(settings: Settings) -> Self {
        let trace = Trace::new();
        let github = GitHub::start(Edition::DotCom, trace.clone()).await.unwrap();
        github.install("acme");
        github.add_repository(OPERATIONS).unwrap();
        github.add_repository("acme/widgets").unwrap();
        let octo_sts = OctoSts::start(settings, github.clone(), trace.clone()).await.unwrap();
        let bound = Bound::bind(0).await.unwrap();
        let issuer = Issuer::new(format!("{}/aws", bound.url()), Key::Aws);
        let issuer_faults = Faults::new();
        let server = bound.serve("issuer", issuer.router(), issuer_faults.clone(), trace.clone());
        let client = LoopbackClient::new().unwrap();
        Self { github, octo_sts, issuer, issuer_faults, _issuer_server: server, trace, client }
    }

    /// As [`Setup::start`], with a policy that admits what [`Setup::token`] makes.
    async fn admitting() -> Self {
        let setup = Self::start().await;
        setup.write_policy("permissions: { issues: write }");
        setup
    }

    /// Commits the policy: our issuer and subject, and the given lines.
    fn write_policy(&self, lines: &str) {
        let text = format!("issuer: {}\nsubject: {SUBJECT}\n{lines}\n", self.issuer.url());
        self.github.put_file(OPERATIONS, POLICY, text).unwrap();
    }

    fn claims(&self) -> Value {
        let now = jiff::Timestamp::now().as_second();
        json!({ "iss": self.issuer.url(), "sub": SUBJECT, "aud": "octo-sts.dev", "iat": now, "exp": now + 300 })
    }

    fn token(&self) -> String {
        self.issuer.mint(&self.claims())
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, &format!("{}{path}", self.octo_sts.url())).unwrap()
    }

    /// An exchange as a good client makes it.
    async fn exchange(&self, token: &str, scope: &str, identity: &str) -> (u16, Value) {
        let form = [("scope", scope), ("scopes", scope), ("identity", identity)];
        answer(self.request(Method::POST, EXCHANGE).bearer_auth(token).form(&form)).await
    }

    async fn outcome(&self, token: &str, scope: &str, identity: &str) -> Outcome {
        outcome(self.exchange(token, scope, identity).await)
    }

    /// The usual exchange, with our own token.
    async fn usual(&self) -> Outcome {
        self.outcome(&self.token(), OPERATIONS, "alarms").await
    }

    /// The last note in the trace.
    fn last_note(&self) -> String {
        self.octo_sts.requests().last().and_then(|hop| hop.note.clone()).unwrap_or_default()
    }
}

async fn answer(request: reqwest::RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    (response.status().as_u16(), response.json().await.unwrap())
}

fn outcome((status, json): (u16, Value)) -> Outcome {
    assert_eq!(json["token"].is_string(), status == 200, "a token comes with 200 and with nothing else");
    if status != 200 {
        assert_eq!(json["details"], json!([]));
    }
    let message = json["message"].as_str().unwrap_or_default().to_owned();
    (status, json["code"].as_u64().unwrap_or(0), message)
}

fn refusal(status: u16, code: u64, message: &str) -> Outcome {
    (status, code, message.to_owned())
}
