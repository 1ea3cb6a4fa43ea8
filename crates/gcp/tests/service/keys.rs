//! The issuer's keys: how often they are asked for, and what happens when they cannot be had.

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::issuer::Publish;
use serde_json::json;

use crate::support::{AUDIENCE, Service, TICK, assert_problem, bearer, post, status};

const DISCOVERY: &str = "/google/.well-known/openid-configuration";
const KEYS: &str = "/google/.well-known/jwks";

async fn status_of(service: &Service, token: &str) -> u16 {
    service.send(bearer(post("/jobs/tick"), token)).await.status
}

#[tokio::test]
async fn an_unknown_kid_asks_the_issuer_at_most_once_a_minute() {
    let service = Service::with_jobs(TICK).await;
    let issuer = service.sandbox.identity.gcp.issuer();
    let forger = issuer.forge(service.claims());
    assert_eq!(status_of(&service, &forger.with("iss", json!("https://issuer.example.com"))).await, 401);
    assert_eq!((issuer.discovery_requests(), issuer.key_requests()), (0, 0));
    for _ in 0..5 {
        assert_eq!(status_of(&service, &forger.unknown_kid()).await, 401);
        assert_eq!(status_of(&service, &forger.own_key_in_header()).await, 401);
    }
    assert_eq!((issuer.discovery_requests(), issuer.key_requests()), (1, 1));
    service.assert_untouched("unknown keys");
}

#[tokio::test]
async fn keys_are_asked_for_once_however_many_knock_at_once() {
    let service = Service::with_jobs(TICK).await;
    let issuer = service.sandbox.identity.gcp.issuer();
    let forged = issuer.forge(service.claims()).signature_altered();
    let knock = || status_of(&service, &forged);
    assert_eq!(tokio::join!(knock(), knock(), knock(), knock()), (401, 401, 401, 401));
    assert_eq!((issuer.discovery_requests(), issuer.key_requests()), (1, 1));
}

/// A careful issuer publishes its next key before it signs with it: then a rotation is not noticed at all. One that
/// does not is believed a minute later, and what was signed with the key that is known stays good.
#[tokio::test]
async fn a_rotation_is_followed() {
    let service = Service::with_jobs(TICK).await;
    let gcp = &service.sandbox.identity.gcp;
    let issuer = gcp.issuer();
    let old = gcp.mint_scheduler_token(AUDIENCE);
    issuer.rotate(Publish::Both);
    let new = gcp.mint_scheduler_token(AUDIENCE);
    assert_eq!(issuer.key_requests(), 0);
    assert_eq!(status_of(&service, &old).await, 201);
    assert_eq!(status_of(&service, &new).await, 200);

    let service = Service::with_jobs(TICK).await;
    let gcp = &service.sandbox.identity.gcp;
    let old = gcp.mint_scheduler_token(AUDIENCE);
    assert_eq!(status_of(&service, &old).await, 201);
    let asked = gcp.issuer().key_requests();
    gcp.issuer().rotate(Publish::NewOnly);
    let new = gcp.mint_scheduler_token(AUDIENCE);
    assert_eq!((status_of(&service, &new).await, status_of(&service, &old).await), (401, 200));
    assert_eq!(gcp.issuer().key_requests(), asked);
}

#[tokio::test]
async fn an_issuer_that_cannot_be_asked_is_no_reason_to_mistrust() {
    let service = Service::with_jobs(TICK).await;
    let gcp = &service.sandbox.identity.gcp;
    let (faults, issuer) = (gcp.openid.faults(), gcp.issuer().url());
    for (fault, words) in [
        (Fault::on_any(DISCOVERY).status(500), "500"),
        (Fault::on_any(DISCOVERY).status(404), "404"),
        (Fault::on_any(DISCOVERY).status(429), "429"),
        (Fault::on_any(DISCOVERY).status(302).header("location", KEYS), "302"),
        (Fault::on_any(DISCOVERY).html(), "not the document"),
        (Fault::on_any(DISCOVERY).garbage(), "not the document"),
        (Fault::on_any(DISCOVERY).body("[]"), "not the document"),
        (Fault::on_any(DISCOVERY).reset(), "broke off"),
        (Fault::on_any(DISCOVERY).reset_mid_body(), "broke off"),
        (Fault::on_any(KEYS).status(503), "503"),
        (Fault::on_any(KEYS).status(307).header("location", DISCOVERY), "307"),
        (Fault::on_any(KEYS).html(), "not the document"),
        (Fault::on_any(KEYS).body(r#"{"keys":1}"#), "not the document"),
        (Fault::on_any(KEYS).reset(), "broke off"),
    ] {
        faults.inject(fault.always());
        let answer = service.start("tick").await;
        assert_problem(
            &answer,
            503,
            "deferred",
            &["the keys of the issuer", issuer, "cannot be had now", words],
        );
        faults.clear();
    }
    service.assert_untouched("an issuer that is away");
    assert_eq!(status(&service.start("tick").await), "created");
}

#[tokio::test]
async fn a_discovery_document_of_another_is_for_a_person_to_look_at() {
    let service = Service::with_jobs(TICK).await;
    let gcp = &service.sandbox.identity.gcp;
    let issuer = gcp.issuer().url();
    let document = |issuer: &str, keys: &str| json!({ "issuer": issuer, "jwks_uri": keys }).to_string();
    for (body, words) in [
        (
            document("https://accounts.google.com", KEYS),
            "write the issuer in callers exactly as its tokens do",
        ),
        (document(&format!("{issuer}/"), KEYS), "write the issuer in callers exactly as its tokens do"),
        (document(issuer, "http://keys.example.com/jwks"), "not encrypted"),
        (document(issuer, "file:///etc/passwd"), "file"),
        (document(issuer, "/jwks"), "not a URL"),
    ] {
        gcp.openid.faults().inject(Fault::on_any(DISCOVERY).body(body));
        assert_problem(&service.start("tick").await, 502, "refused", &[issuer, words]);
    }
    service.assert_untouched("a strange issuer");
}

/// Keys that are not understood, or not for signatures, hide no others.
#[tokio::test]
async fn other_keys_of_the_set_do_no_harm() {
    let service = Service::with_jobs(TICK).await;
    let gcp = &service.sandbox.identity.gcp;
    let mut set = gcp.issuer().jwks();
    let real = set["keys"][0].clone();
    let keys = set["keys"].as_array_mut().unwrap();
    let mut for_encryption = real.clone();
    for_encryption["use"] = json!("enc");
    for_encryption["n"] = json!("AQAB");
    let strange =
        [json!(7), json!({"kty": 1}), json!({"kty": "OKP", "crv": "Ed25519", "x": "AA"}), for_encryption];
    keys.splice(0..0, strange);
    gcp.openid.faults().inject(Fault::on_any(KEYS).body(set.to_string()));
    assert_eq!(service.start("tick").await.status, 201);
}
