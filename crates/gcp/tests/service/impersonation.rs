//! Away from the platform: credentials from a file, and `generateIdToken` for a service account.

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::identity::gcp::{KEY_HOLDER, WORKLOAD};
use serde_json::{Value, json};

use crate::support::{SCHEDULED, Service, Setup, TICK, assert_problem, status};

const GENERATE: &str = "/v1/projects";
const ENDPOINT: &str = "CLOUDSDK_API_ENDPOINT_OVERRIDES_IAMCREDENTIALS";

fn config() -> String {
    let account = WORKLOAD.email;
    format!("id_token: {{ google: {{ service_account: {account} }} }}\n{}{TICK}", SCHEDULED.trim_start())
}

/// With these credentials, or the ones of the sandbox's key file.
async fn start(credentials: Option<&str>) -> Service {
    let setup = Setup::new().await.env("GCE_METADATA_HOST", "127.0.0.1:1");
    let key = setup.sandbox.identity.gcp.service_account_key_json();
    let file = setup.file("credentials.json", credentials.unwrap_or(&key));
    let endpoint = setup.sandbox.identity.gcp.iam_credentials.url().to_owned();
    setup.env("GOOGLE_APPLICATION_CREDENTIALS", file).env(ENDPOINT, endpoint).start(&config()).await
}

#[tokio::test]
async fn credentials_from_a_file_impersonate_the_service_account() {
    let service = start(None).await;
    let answer = service.start("tick").await;
    assert_eq!((answer.status, status(&answer).as_str()), (201, "created"), "{}", answer.text());
    assert_eq!(service.hops(), ["google-issuer", "gcp-oauth", "gcp-iamcredentials", "octo-sts", "github"]);
    let hop = service.sandbox.trace.hops_of("gcp-iamcredentials").pop().unwrap();
    assert_eq!(hop.path, format!("/v1/projects/-/serviceAccounts/{}:generateIdToken", WORKLOAD.email));
    let note =
        format!("{} impersonates; token for octo-sts.dev, sub={}", KEY_HOLDER.email, WORKLOAD.unique_id);
    assert_eq!(hop.note, Some(note));
    let record = service.record("exchange", |_| true).await;
    assert_eq!(record["proof_source"], "gcp:generateIdToken");
}

#[tokio::test]
async fn a_denied_impersonation_names_the_role() {
    let service = start(None).await;
    service.sandbox.identity.gcp.deny_impersonation(true);
    let answer = service.start("tick").await;
    let words = [
        "generateIdToken answered 403",
        "getOpenIdToken",
        "roles/iam.serviceAccountOpenIdTokenCreator on the service account",
        WORKLOAD.email,
    ];
    assert_problem(&answer, 502, "refused", &words);
    assert!(!service.hops().contains(&"octo-sts") && !service.hops().contains(&"github"));
}

#[tokio::test]
async fn generate_id_token_may_fail_in_many_ways() {
    let on = || Fault::on_any(GENERATE).always();
    let not_found =
        json!({"error": {"code": 404, "message": "Not found; Gaia id not found", "status": "NOT_FOUND"}});
    for (fault, code, words) in [
        (on().status(404).body(not_found.to_string()), 502, "is there such a service account?"),
        (
            on().status(400).body(r#"{"error":{"message":"Invalid audience"}}"#),
            502,
            "400: \"Invalid audience\"",
        ),
        (on().status(500), 503, "answered 500"),
        (on().status(429), 503, "answered 429"),
        (on().reset(), 503, "broke off"),
        (on().html(), 502, "answered with something else"),
        (on().body("{}"), 502, "answered with something else"),
        (on().body(r#"{"token":"<html>"}"#), 502, "no OIDC token"),
        (on().status(302).header("location", "/elsewhere"), 502, "answered 302"),
    ] {
        let service = start(None).await;
        service.sandbox.identity.gcp.iam_credentials.faults().inject(fault);
        let answer = service.start("tick").await;
        let class = if code == 503 { "deferred" } else { "refused" };
        assert_problem(&answer, code, class, &["Google's generateIdToken", words]);
        assert!(!service.hops().contains(&"octo-sts") && !service.hops().contains(&"github"));
    }
}

#[tokio::test]
async fn credentials_that_are_none_say_how_to_get_some() {
    let gcp = Setup::new().await.sandbox;
    let mut broken: Value = serde_json::from_str(&gcp.identity.gcp.service_account_key_json()).unwrap();
    broken["private_key"] = json!("-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n");
    for credentials in ["", "not JSON", "{}", &broken.to_string()] {
        let answer = start(Some(credentials)).await.start("tick").await;
        let words = [
            "no Google credentials here",
            "gcloud auth application-default login",
            "GOOGLE_APPLICATION_CREDENTIALS",
        ];
        assert_problem(&answer, 502, "refused", &words);
        assert!(!answer.text().contains("bm90"), "{}", answer.text());
    }
    let setup = Setup::new().await.env("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere/credentials.json");
    let answer = setup.start(&config()).await.start("tick").await;
    assert_problem(
        &answer,
        502,
        "refused",
        &["no Google credentials here", "GOOGLE_APPLICATION_CREDENTIALS"],
    );
}

/// `gcp_auth` does not say which status it was, so this is deferred: nothing is lost.
#[tokio::test]
async fn an_access_token_that_cannot_be_had_is_deferred() {
    for fault in [
        Fault::on_any("/token").status(400).body(r#"{"error":"invalid_grant"}"#),
        Fault::on_any("/token").reset(),
    ] {
        let service = start(None).await;
        let oauth = &service.sandbox.identity.gcp.oauth;
        oauth.faults().inject(fault.always());
        let answer = service.start("tick").await;
        let words =
            ["Google gives no access token now", "check that these credentials have not been revoked"];
        assert_problem(&answer, 503, "deferred", &words);
        assert!(!service.hops().contains(&"gcp-iamcredentials"));
        oauth.faults().clear();
        assert_eq!(service.start("tick").await.status, 201);
    }
}

/// The assertion is signed by the key file's own key: whoever reads it can become the account for an hour.
#[tokio::test]
async fn an_assertion_that_is_sent_back_is_not_logged() {
    let service = start(None).await;
    let forger = service.sandbox.identity.gcp.issuer().forge(service.claims());
    let echo = format!("assertion={} was not understood", forger.honest());
    let oauth = service.sandbox.identity.gcp.oauth.faults();
    oauth.inject(Fault::on_any("/token").status(400).body(echo).always());
    assert_problem(&service.start("tick").await, 503, "deferred", &["Google gives no access token now"]);
    service.run.stop().await.unwrap();
    let text = service.run.child().text();
    assert!(
        !text.contains("eyJ") && !text.contains("was not understood"),
        "a token endpoint's answer is logged"
    );
}
