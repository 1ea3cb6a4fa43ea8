//! The issuer's keys: how often they are asked for, and what happens when they cannot be had.

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::issuer::Publish;
use serde_json::json;

use crate::support::{AUDIENCE, Service, TICK, assert_problem, bearer, post};

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
        let service = Service::with_jobs(TICK).await;
        let gcp = &service.sandbox.identity.gcp;
        gcp.openid.faults().inject(fault.always());
        let said = ["the keys of the issuer", gcp.issuer().url(), "cannot be had now", words];
        assert_problem(&service.start("tick").await, 503, "deferred", &said);
        let asked = service.sandbox.trace.hops_of("google-issuer").len();
        // It is not asked again at once, whoever knocks, not even when it is well again.
        gcp.openid.faults().clear();
        assert_problem(&service.start("tick").await, 503, "deferred", &said);
        assert_eq!(service.sandbox.trace.hops_of("google-issuer").len(), asked, "{}", service.sandbox.trace);
        service.assert_untouched("an issuer that is away");
    }
}

#[tokio::test]
async fn a_discovery_document_of_another_is_for_a_person_to_look_at() {
    let other = "write the issuer in callers exactly as its tokens do";
    for (named, keys, words) in [
        ("https://accounts.google.com", KEYS, other),
        ("ISSUER/", KEYS, other),
        ("ISSUER", "http://keys.example.com/jwks", "not encrypted"),
        ("ISSUER", "file:///etc/passwd", "file"),
        ("ISSUER", "https://me@keys.example.com/jwks", "user info"),
        ("ISSUER", "/jwks", "not a URL"),
    ] {
        let service = Service::with_jobs(TICK).await;
        let gcp = &service.sandbox.identity.gcp;
        let issuer = gcp.issuer().url();
        let document = json!({ "issuer": named.replace("ISSUER", issuer), "jwks_uri": keys });
        gcp.openid.faults().inject(Fault::on_any(DISCOVERY).body(document.to_string()));
        assert_problem(&service.start("tick").await, 502, "refused", &[issuer, words]);
        service.assert_untouched("a strange issuer");
    }
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
