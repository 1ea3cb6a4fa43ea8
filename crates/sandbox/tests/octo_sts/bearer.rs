//! The token that is traded in: rows from the header to the signature.

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::issuer::Publish;
use http::Method;
use serde_json::json;

use crate::{EXCHANGE, OPERATIONS, Setup, answer, outcome, refusal};

#[tokio::test]
async fn one_scope_and_one_authorization_header_are_demanded_first() {
    let setup = Setup::admitting().await;
    let post = |query: &str| setup.request(Method::POST, &format!("{EXCHANGE}?identity=alarms&{query}"));
    let multiple = refusal(400, 3, "multiple scopes not supported");
    assert_eq!(outcome(answer(post("scopes=a&scopes=b")).await), multiple, "before the header is looked at");
    let expected = refusal(401, 16, "expected exactly one authorization header");
    assert_eq!(outcome(answer(post("scope=acme/operations")).await), expected);
    let twice = post("scope=acme/operations").bearer_auth(setup.token()).header("authorization", "Bearer x");
    assert_eq!(outcome(answer(twice).await), expected);
}

#[tokio::test]
async fn what_is_not_a_token_of_a_well_formed_issuer_is_a_bad_request() {
    let setup = Setup::admitting().await;
    let forge = setup.issuer.forge(setup.claims());
    let not_a_token = refusal(400, 3, "invalid bearer token");
    for wrong in ["garbage", "a.b.c", "e30.e30", &forge.without("iss"), &forge.with("iss", json!(7))] {
        assert_eq!(setup.outcome(wrong, OPERATIONS, "alarms").await, not_a_token, "{wrong}");
    }
    let format = refusal(400, 3, "invalid issuer format");
    for wrong in
        ["", "accounts.google.com", "http://example.com", "https://h/?q", "https://u@h", "https://h/a/../b"]
    {
        let token = forge.with("iss", json!(wrong));
        assert_eq!(setup.outcome(&token, OPERATIONS, "alarms").await, format, "{wrong}");
    }
    assert_eq!(setup.issuer.discovery_requests(), 0, "nobody was asked");
}

#[tokio::test]
async fn an_issuer_that_cannot_be_asked_is_no_provider() {
    let setup = Setup::admitting().await;
    let provider = refusal(400, 3, "unable to fetch or create the provider");
    let forge = setup.issuer.forge(setup.claims());
    let root = setup.issuer.url().trim_end_matches("/aws").to_owned();
    for (issuer, why) in [
        ("https://accounts.google.com".to_owned(), "outside the sandbox"),
        (format!("{root}/nobody"), "no discovery document"),
        (setup.github.url().to_owned(), "not an issuer at all"),
        (format!("{}/", setup.issuer.url()), "the document speaks for another"),
    ] {
        let token = forge.with("iss", json!(issuer));
        assert_eq!(setup.outcome(&token, OPERATIONS, "alarms").await, provider, "{why}");
    }
    let discovery = "/aws/.well-known/openid-configuration";
    let keys = "/aws/.well-known/jwks";
    for path in [discovery, keys] {
        for fault in [
            Fault::on_any(path).status(503),
            Fault::on_any(path).reset(),
            Fault::on_any(path).html(),
            Fault::on_any(path).garbage(),
            Fault::on_any(path).body("{}"),
            Fault::on_any(path).status(302).header("location", discovery),
        ] {
            let injected = setup.issuer_faults.inject(fault);
            assert_eq!(setup.usual().await, provider, "{path}");
            assert_eq!(injected.used(), 1);
        }
    }
    assert_eq!(setup.usual().await.0, 200, "and when it can be asked again, all is well");
}

#[tokio::test]
async fn forgeries_do_not_verify() {
    let setup = Setup::admitting().await;
    let forge = setup.issuer.forge(setup.claims());
    assert_eq!(setup.outcome(&forge.honest(), OPERATIONS, "alarms").await.0, 200);
    for (name, token) in [
        ("expired", forge.expired()),
        ("not yet valid", forge.not_yet_valid()),
        ("without exp", forge.without("exp")),
        ("alg none", forge.alg_none()),
        ("HS256 with PEM", forge.hs256_with_public_pem()),
        ("HS256 with DER", forge.hs256_with_public_der()),
        ("unknown kid", forge.unknown_kid()),
        ("signature removed", forge.signature_removed()),
        ("signature empty", forge.signature_empty()),
        ("signature altered", forge.signature_altered()),
        ("claims altered", forge.claims_altered()),
        ("a stranger's signature", forge.signed_by_stranger()),
        ("crit", forge.critical_header()),
        ("its own key in the header", forge.own_key_in_header()),
        ("a weak key", forge.weak_key()),
    ] {
        let expected = refusal(401, 16, "unable to verify bearer token");
        assert_eq!(setup.outcome(&token, OPERATIONS, "alarms").await, expected, "{name}");
    }
    assert_eq!(setup.github.tokens().len(), 1, "only the honest one was traded");
}

#[tokio::test]
async fn times_are_judged_as_by_the_server() {
    let setup = Setup::admitting().await;
    let forge = setup.issuer.forge(setup.claims());
    let now = jiff::Timestamp::now().as_second();
    for (claim, value, status) in [
        ("exp", now - 1, 401),
        ("exp", now + 60, 200),
        ("nbf", now + 240, 200),
        ("nbf", now + 400, 401),
        ("iat", now + 7200, 200),
    ] {
        let token = forge.with(claim, json!(value));
        assert_eq!(setup.outcome(&token, OPERATIONS, "alarms").await.0, status, "{claim} {}", value - now);
    }
}

#[tokio::test]
async fn a_rotated_key_is_found_and_a_withdrawn_one_is_not() {
    let setup = Setup::admitting().await;
    let old = setup.token();
    setup.issuer.rotate(Publish::Both);
    assert_eq!(setup.usual().await.0, 200);
    assert_eq!(setup.outcome(&old, OPERATIONS, "alarms").await.0, 200);
    setup.issuer.rotate(Publish::NewOnly);
    let rotated = setup.token();
    assert_eq!(setup.outcome(&rotated, OPERATIONS, "alarms").await.0, 200);
    setup.issuer.rotate(Publish::NewOnly);
    assert_eq!(setup.outcome(&rotated, OPERATIONS, "alarms").await.0, 401);
}
