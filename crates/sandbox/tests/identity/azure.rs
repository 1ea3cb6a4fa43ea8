//! Azure: the Functions identity endpoint and IMDS.

use gatepass_sandbox::hosts::{HttpAnswer, HttpCall};
use gatepass_sandbox::identity::azure::{APP_V1, APP_V2, Assigned, Azure, SYSTEM, TENANT, USER_ASSIGNED};
use gatepass_sandbox::trace::Trace;
use serde_json::{Value, json};

use crate::support::{notes, send, verified};

const EXCHANGE: &str = "api://AzureADTokenExchange";
const IMDS: &str = "/metadata/identity/oauth2/token";

/// Asks the Functions endpoint as its variables say.
async fn functions(azure: &Azure, query: &str) -> HttpAnswer {
    let environment = azure.env_functions();
    let path = environment["IDENTITY_ENDPOINT"].strip_prefix(azure.functions.url()).unwrap();
    let call = HttpCall::get(path).query(query).header("x-identity-header", &environment["IDENTITY_HEADER"]);
    send(azure.functions.url(), call).await
}

async fn imds(azure: &Azure, query: &str) -> HttpAnswer {
    let host = &azure.env_imds()["AZURE_POD_IDENTITY_AUTHORITY_HOST"];
    send(host, HttpCall::get(IMDS).query(query).header("metadata", "true")).await
}

fn query(resource: &str, more: &str) -> String {
    format!("api-version=2019-08-01&resource={resource}{more}")
}

#[tokio::test]
async fn the_token_exchange_resource_gives_a_version_2_token_on_both_endpoints() {
    let trace = Trace::new();
    let azure = Azure::start(trace.clone()).await.unwrap();
    let asked = query("api%3A%2F%2FAzureADTokenExchange", "");
    let older = format!("api-version=2018-02-01&resource={EXCHANGE}");
    for answer in [functions(&azure, &asked).await, imds(&azure, &asked).await, imds(&azure, &older).await] {
        assert_eq!(answer.status, 200, "{}", answer.text());
        let json = answer.json();
        assert_eq!((&json["resource"], &json["token_type"]), (&json!(EXCHANGE), &json!("Bearer")));
        assert_eq!(json["client_id"], SYSTEM.client_id);
        let claims = verified(azure.issuer(), json["access_token"].as_str().unwrap()).await;
        assert_eq!(claims["aud"], "fb60f99c-7a34-4190-8149-302f77469936");
        assert_eq!((&claims["sub"], &claims["oid"]), (&json!(azure.subject()), &json!(SYSTEM.principal_id)));
        assert_eq!((&claims["azp"], &claims["tid"]), (&json!(SYSTEM.client_id), &json!(TENANT)));
        assert_eq!((&claims["ver"], &claims["nbf"]), (&json!("2.0"), &claims["iat"]));
        assert_eq!(json["expires_on"], claims["exp"].to_string(), "a text, not a number");
    }
    let note = format!("X-IDENTITY-HEADER accepted; token for {EXCHANGE}, sub={}", SYSTEM.principal_id);
    assert_eq!(notes(&trace, "azure-identity"), [note]);
}

#[tokio::test]
async fn the_resource_decides_issuer_audience_and_version() {
    let azure = Azure::start(Trace::new()).await.unwrap();
    for (resource, issuer, audience, version) in [
        (APP_V2.id_uri, azure.issuer(), APP_V2.client_id, "2.0"),
        (APP_V2.client_id, azure.issuer(), APP_V2.client_id, "2.0"),
        (APP_V1.id_uri, azure.issuer_v1(), APP_V1.id_uri, "1.0"),
    ] {
        let answer = functions(&azure, &query(resource, "")).await.json();
        let claims = verified(issuer, answer["access_token"].as_str().unwrap()).await;
        assert_eq!((&claims["aud"], &claims["ver"]), (&json!(audience), &json!(version)), "{resource}");
        let app = if version == "2.0" { "azp" } else { "appid" };
        assert_eq!(claims[app], SYSTEM.client_id);
    }
    assert!(azure.issuer().url().ends_with(&format!("/{TENANT}/v2.0")));
    assert!(azure.issuer_v1().url().ends_with(&format!("/sts.windows.net/{TENANT}/")));
}

#[tokio::test]
async fn a_resource_of_nobodys_is_refused_by_its_number() {
    let azure = Azure::start(Trace::new()).await.unwrap();
    for resource in ["https://github.com/acme/widgets", "octo-sts.dev"] {
        let asked = query(resource, "");
        let (functions, imds) = (functions(&azure, &asked).await, imds(&azure, &asked).await);
        assert_eq!((functions.status, imds.status), (400, 400));
        let (functions, imds) = (functions.json(), imds.json());
        for text in [&functions["message"], &imds["error_description"]] {
            let text = text.as_str().unwrap();
            assert!(text.starts_with("AADSTS500011: ") && text.contains(resource), "{text}");
        }
    }
}

#[tokio::test]
async fn headers_versions_and_parameters_are_checked() {
    let azure = Azure::start(Trace::new()).await.unwrap();
    let good = query(EXCHANGE, "");
    for call in [
        HttpCall::get("/msi/token").query(&good),
        HttpCall::get("/msi/token").query(&good).header("x-identity-header", "wrong"),
    ] {
        assert_eq!(send(azure.functions.url(), call).await.status, 401);
    }
    for (asked, says) in [
        (format!("resource={EXCHANGE}"), "api-version"),
        (good.replace("2019-08-01", "2017-09-01"), "api-version"),
        ("api-version=2019-08-01".to_owned(), "resource"),
    ] {
        let answer = functions(&azure, &asked).await;
        assert!(answer.status == 400 && answer.text().contains(says), "{asked}: {}", answer.text());
    }
    let imds = |call: HttpCall| send(azure.imds.url(), call);
    let right = HttpCall::get(IMDS).query(&good).header("metadata", "True");
    assert_eq!(imds(right.clone()).await.status, 200);
    for (call, says) in [
        (HttpCall::get(IMDS).query(&good), "metadata header"),
        (right.clone().header("metadata", "false"), "metadata header"),
        (right.clone().header("x-forwarded-for", "203.0.113.7"), "X-Forwarded-For"),
        (right.clone().query(format!("resource={EXCHANGE}")), "api-version"),
        (right.clone().query(good.replace("2019", "2001")), "api-version"),
        (right.query("api-version=2018-02-01"), "resource"),
    ] {
        let answer = imds(call).await;
        let description = answer.json()["error_description"].as_str().unwrap_or_default().to_owned();
        assert!(answer.status == 400 && description.contains(says), "{says}: {description}");
    }
}

#[tokio::test]
async fn a_user_assigned_identity_must_be_named() {
    let azure = Azure::start(Trace::new()).await.unwrap();
    azure.assign(Assigned::User);
    assert_eq!(azure.subject(), USER_ASSIGNED.principal_id);
    let unnamed = functions(&azure, &query(EXCHANGE, "")).await;
    assert_eq!(unnamed.status, 400);
    assert!(unnamed.json()["message"].as_str().unwrap().contains("please specify the clientId"));

    let id = &USER_ASSIGNED;
    for named in [
        format!("&client_id={}", id.client_id),
        format!("&principal_id={}", id.principal_id),
        format!("&object_id={}", id.principal_id),
        format!("&mi_res_id={}", id.resource_id),
    ] {
        let answer = functions(&azure, &query(EXCHANGE, &named)).await;
        let claims = verified(azure.issuer(), answer.json()["access_token"].as_str().unwrap()).await;
        assert_eq!((&claims["sub"], &claims["azp"]), (&json!(id.principal_id), &json!(id.client_id)));
    }
    for named in [
        format!("&object_id={}", id.principal_id),
        format!("&msi_res_id={}", id.resource_id),
        format!("&client_id={}", id.client_id.to_uppercase()),
    ] {
        assert_eq!(imds(&azure, &query(EXCHANGE, &named)).await.status, 200, "{named}");
    }
    let both = format!("&client_id={}&object_id={}", id.client_id, id.principal_id);
    for named in
        [both.as_str(), "&client_id=5f7b1c9e-0000-4c0d-9d61-0b7a2f4e8c11", "&mi_res_id=/subscriptions/x"]
    {
        assert_eq!(imds(&azure, &query(EXCHANGE, named)).await.status, 400, "{named}");
    }
    azure.assign(Assigned::None);
    let absent: Value = imds(&azure, &query(EXCHANGE, "")).await.json();
    assert!(absent["error_description"].as_str().unwrap().starts_with("Identity not found"));
}
