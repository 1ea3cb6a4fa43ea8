//! Google Cloud: metadata server, IAM credentials, OAuth.

use gatepass_sandbox::hosts::HttpCall;
use gatepass_sandbox::identity::gcp::{Gcp, KEY_HOLDER, SCHEDULER, WORKLOAD};
use gatepass_sandbox::issuer::Key;
use gatepass_sandbox::trace::Trace;
use gcp_auth::{CustomServiceAccount, TokenProvider};
use http::Method;
use serde_json::{Value, json};

use crate::support::{notes, send, verified};

const IDENTITY: &str = "/computeMetadata/v1/instance/service-accounts/default/identity";
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

fn metadata(path: &str, query: &str) -> HttpCall {
    HttpCall::get(path).query(query).header("metadata-flavor", "Google")
}

#[tokio::test]
async fn the_metadata_server_gives_an_id_token_as_raw_text() {
    let trace = Trace::new();
    let gcp = Gcp::start(trace.clone()).await.unwrap();
    let base = format!("http://{}", gcp.env()["GCE_METADATA_HOST"]);
    let answer = send(&base, metadata(IDENTITY, "audience=octo-sts.dev&format=full")).await;
    assert_eq!((answer.status, answer.header("metadata-flavor")), (200, Some("Google")));
    let claims = verified(gcp.issuer(), &answer.text()).await;
    assert_eq!((&claims["sub"], &claims["aud"]), (&gcp.subject().into(), &"octo-sts.dev".into()));
    assert_eq!(claims["azp"], gcp.subject());
    assert_eq!((&claims["email"], &claims["email_verified"]), (&WORKLOAD.email.into(), &true.into()));
    assert_eq!(claims["google"]["compute_engine"]["project_id"], "acme-sandbox");
    assert!(gcp.subject().len() == 21 && gcp.subject().bytes().all(|byte| byte.is_ascii_digit()));

    let standard = send(&base, metadata(IDENTITY, "audience=octo-sts.dev")).await;
    let claims = verified(gcp.issuer(), &standard.text()).await;
    assert!(claims.get("email").is_none() && claims.get("google").is_none());
    let note = format!("token for octo-sts.dev, sub={}", gcp.subject());
    assert_eq!(notes(&trace, "gcp-metadata"), [note.clone(), note]);
}

#[tokio::test]
async fn the_metadata_server_checks_headers_and_parameters() {
    let gcp = Gcp::start(Trace::new()).await.unwrap();
    let other = "/computeMetadata/v1/instance/service-accounts/other@x.iam.gserviceaccount.com/identity";
    for (call, status) in [
        (HttpCall::get(IDENTITY).query("audience=a"), 403),
        (HttpCall::get(IDENTITY).query("audience=a").header("metadata-flavor", "Yahoo"), 403),
        (metadata(IDENTITY, "audience=a").header("x-forwarded-for", "203.0.113.7"), 403),
        (metadata(IDENTITY, ""), 400),
        (metadata(IDENTITY, "audience="), 400),
        (metadata(IDENTITY, "audience=a&format=huge"), 400),
        (metadata(other, "audience=a"), 404),
        (metadata("/computeMetadata/v1/nothing", ""), 404),
        (metadata(&IDENTITY.replace("default", WORKLOAD.email), "audience=a"), 200),
        (metadata("/computeMetadata/v1/project/project-id", ""), 200),
        (metadata("/", ""), 200),
    ] {
        let (shown, answer) = (format!("{call:?}"), send(gcp.metadata.url(), call).await);
        assert_eq!(answer.status, status, "{shown}: {}", answer.text());
        assert_eq!(answer.header("metadata-flavor"), Some("Google"), "{shown}");
    }
}

async fn generate(gcp: &Gcp, token: &str, email: &str, body: Value) -> (u16, Value) {
    let call = HttpCall::post_json(format!("/v1/projects/-/serviceAccounts/{email}:generateIdToken"), &body)
        .header("authorization", &format!("Bearer {token}"));
    let answer = send(gcp.iam_credentials.url(), call).await;
    (answer.status, answer.json())
}

#[tokio::test]
async fn gcp_auth_trades_a_key_file_for_an_access_token_which_iam_trades_for_an_id_token() {
    let trace = Trace::new();
    let gcp = Gcp::start(trace.clone()).await.unwrap();
    let account = CustomServiceAccount::from_json(&gcp.service_account_key_json()).unwrap();
    let access = account.token(&[SCOPE]).await.unwrap();

    let body = json!({ "audience": "octo-sts.dev", "includeEmail": true });
    let (status, answer) = generate(&gcp, access.as_str(), WORKLOAD.email, body.clone()).await;
    assert_eq!(status, 200);
    let claims = verified(gcp.issuer(), answer["token"].as_str().unwrap()).await;
    assert_eq!((&claims["sub"], &claims["email"]), (&gcp.subject().into(), &WORKLOAD.email.into()));
    let note = format!("assertion verified; access token for {}", KEY_HOLDER.email);
    assert_eq!(notes(&trace, "gcp-oauth"), [note]);

    let silent = generate(&gcp, access.as_str(), WORKLOAD.email, json!({ "audience": "a" })).await.1;
    assert!(verified(gcp.issuer(), silent["token"].as_str().unwrap()).await.get("email").is_none());

    let email = WORKLOAD.email;
    for (token, account, body, status, reason) in [
        ("wrong", email, body.clone(), 401, "UNAUTHENTICATED"),
        (access.as_str(), "other@x.iam.gserviceaccount.com", body.clone(), 403, "PERMISSION_DENIED"),
        (access.as_str(), email, json!({}), 400, "INVALID_ARGUMENT"),
        (access.as_str(), email, json!([]), 400, "INVALID_ARGUMENT"),
    ] {
        let (answered, answer) = generate(&gcp, token, account, body).await;
        assert_eq!((answered, &answer["error"]["status"]), (status, &json!(reason)));
    }
    gcp.deny_impersonation(true);
    assert_eq!(generate(&gcp, access.as_str(), email, body.clone()).await.0, 403);
    gcp.deny_impersonation(false);
    gcp.forget_access_tokens();
    assert_eq!(generate(&gcp, access.as_str(), email, body).await.0, 401);
}

#[tokio::test]
async fn the_metadata_servers_access_token_is_good_for_iam_too() {
    let gcp = Gcp::start(Trace::new()).await.unwrap();
    let path = "/computeMetadata/v1/instance/service-accounts/default/token";
    let answer = send(gcp.metadata.url(), metadata(path, "")).await.json();
    assert_eq!(answer["token_type"], "Bearer");
    let access = answer["access_token"].as_str().unwrap();
    let (status, _) = generate(&gcp, access, WORKLOAD.email, json!({ "audience": "a" })).await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn an_assertion_is_verified_in_every_part() {
    let gcp = Gcp::start(Trace::new()).await.unwrap();
    let key_file: Value = serde_json::from_str(&gcp.service_account_key_json()).unwrap();
    let now = jiff::Timestamp::now().as_second();
    let good = json!({
        "iss": KEY_HOLDER.email, "scope": SCOPE, "aud": key_file["token_uri"], "iat": now, "exp": now + 3600,
    });
    let with = |claim: &str, value: Value| {
        let mut claims = good.clone();
        claims[claim] = value;
        claims
    };
    let (rs256, key) = (json!({ "alg": "RS256" }), Key::ServiceAccount.load());
    let sign = |claims: &Value| key.sign_jwt(&rs256, claims);
    let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
    let post = async |grant: &str, assertion: &str| {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("grant_type", grant), ("assertion", assertion)])
            .finish();
        send(gcp.oauth.url(), HttpCall::new(Method::POST, "/token").body(form)).await
    };
    assert_eq!(post(grant, &sign(&good)).await.status, 200);
    let to_me = post(grant, &sign(&with("target_audience", json!("octo-sts.dev")))).await.json();
    let claims = verified(gcp.issuer(), to_me["id_token"].as_str().unwrap()).await;
    assert_eq!((&claims["aud"], &claims["sub"]), (&json!("octo-sts.dev"), &json!(KEY_HOLDER.unique_id)));

    for (grant, assertion, error) in [
        ("client_credentials", sign(&good), "unsupported_grant_type"),
        (grant, "nonsense".into(), "invalid_grant"),
        (grant, Key::Stranger.load().sign_jwt(&rs256, &good), "invalid_grant"),
        (grant, key.sign_jwt(&json!({ "alg": "HS256" }), &good), "invalid_grant"),
        (grant, sign(&with("iss", json!("other@x.iam.gserviceaccount.com"))), "invalid_grant"),
        (grant, sign(&with("sub", json!("boss@example.com"))), "invalid_grant"),
        (grant, sign(&with("aud", json!("https://oauth2.googleapis.com/token"))), "invalid_grant"),
        (grant, sign(&with("exp", json!(now - 1))), "invalid_grant"),
        (grant, sign(&with("exp", json!(now + 3601))), "invalid_grant"),
        (grant, sign(&with("iat", json!(now + 600))), "invalid_grant"),
        (grant, sign(&with("iat", Value::Null)), "invalid_grant"),
        (grant, sign(&with("scope", json!(""))), "invalid_scope"),
    ] {
        let answer = post(grant, &assertion).await;
        assert_eq!((answer.status, &answer.json()["error"]), (400, &json!(error)), "{}", answer.text());
    }
}

#[tokio::test]
async fn the_schedulers_token_carries_a_verified_email() {
    let gcp = Gcp::start(Trace::new()).await.unwrap();
    let claims = verified(gcp.issuer(), &gcp.mint_scheduler_token("https://jobs.example.com")).await;
    assert_eq!(
        (&claims["aud"], &claims["email"]),
        (&json!("https://jobs.example.com"), &json!(SCHEDULER.email))
    );
    assert_eq!(claims["email_verified"], true);
}
