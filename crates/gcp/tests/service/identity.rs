//! The metadata server: what happens when it is away, slow to wake, or not itself.

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::identity::gcp::WORKLOAD;
use serde_json::json;

use crate::support::{SCHEDULED, Setup, TICK, assert_problem, status};

const IDENTITY: &str = "/computeMetadata/v1/instance/service-accounts/default/identity";

fn config() -> String {
    format!("{SCHEDULED}{TICK}")
}

#[tokio::test]
async fn the_metadata_server_proves_who_we_are() {
    let service = Setup::new().await.start(&config()).await;
    assert_eq!(service.start("tick").await.status, 201);
    let hop = service.sandbox.trace.hops_of("gcp-metadata").pop().unwrap();
    assert_eq!(hop.path, format!("{IDENTITY}?audience=octo-sts.dev&format=full"));
    assert_eq!(hop.note, Some(format!("token for octo-sts.dev, sub={}", WORKLOAD.unique_id)));
    let record = service.record("exchange", |_| true).await;
    assert_eq!((&record["proof_source"], &record["sub"]), (&json!("gcp"), &json!(WORKLOAD.unique_id)));
}

#[tokio::test]
async fn without_a_metadata_server_the_next_step_is_named() {
    let service = Setup::new().await.env("GCE_METADATA_HOST", "127.0.0.1:1").start(&config()).await;
    let answer = service.start("tick").await;
    let words = [
        "Google's metadata server could not be reached",
        "set id_token.google.service_account in gatepass.yaml",
    ];
    assert_problem(&answer, 502, "refused", &words);
    let record = service.record("exchange", |_| true).await;
    assert_eq!((&record["result"], &record["job"]), (&json!("no proof"), &json!("tick")));
    assert!(record["server_message"].as_str().unwrap().contains("could not be reached"));
    service.assert_untouched("a workload without identity");
}

#[tokio::test]
async fn what_may_pass_is_deferred_and_what_will_not_is_refused() {
    let on = || Fault::on_any(IDENTITY).always();
    let flavored = |fault: Fault| fault.header("metadata-flavor", "Google");
    for (fault, code, words) in [
        (on().status(500).body("boom"), 503, "answered 500: \"boom\""),
        (on().status(503), 503, "answered 503: an empty body"),
        (on().status(429).body("slow down"), 503, "answered 429"),
        (on().reset(), 503, "Google's metadata server broke off"),
        (on().reset_mid_body(), 503, "Google's metadata server broke off"),
        (on().status(404).body("no such account"), 502, "does this workload run as a service account?"),
        (
            on().status(403).body("X-Forwarded-For is not allowed"),
            502,
            "403: \"X-Forwarded-For is not allowed\"",
        ),
        (on().status(302).header("location", "/elsewhere"), 502, "answered 302"),
        (on().html(), 502, "its answer has no `Metadata-Flavor: Google`; away from Google Cloud, set"),
        (on().garbage(), 502, "its answer has no `Metadata-Flavor: Google`"),
        (flavored(on().body("")), 502, "no OIDC token; check that nothing stands between"),
        (flavored(on().body("{}")), 502, "no OIDC token"),
        (flavored(on().body("a.b")), 502, "no OIDC token"),
        (flavored(on().body(format!("a.b.{}", "c".repeat(20_000)))), 502, "no OIDC token"),
    ] {
        let service = Setup::new().await.start(&config()).await;
        let metadata = &service.sandbox.identity.gcp.metadata;
        metadata.faults().inject(fault);
        let answer = service.start("tick").await;
        let class = if code == 503 { "deferred" } else { "refused" };
        assert_problem(&answer, code, class, &["Google's metadata server", words]);
        let hops = service.sandbox.trace.hops_of("gcp-metadata");
        assert!(hops.iter().all(|hop| hop.path.starts_with(IDENTITY)), "a redirect was followed");
        assert!(!service.hops().contains(&"octo-sts") && !service.hops().contains(&"github"));

        // Nothing is lost: what may pass has passed when it comes again.
        metadata.faults().clear();
        if code == 503 {
            assert_eq!(status(&service.start("tick").await), "created");
        }
    }
}
