//! Managed identity: from the Functions endpoint and from IMDS, which identity, and for which resource.

use gatepass_sandbox::Workload;
use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::identity::azure::{APP_V1, APP_V2, AppRegistration, Assigned, USER_ASSIGNED};
use serde_json::{Value, json};

use crate::support::{HOSTED, REPOSITORY, Setup, TICK, assert_problem};

const FUNCTIONS: &str = "/msi/token";
const IMDS: &str = "/metadata/identity/oauth2/token";
const ISSUES: [(&str, &str); 1] = [("issues", "write")];

fn config(azure: &str) -> String {
    format!("id_token: {{ azure: {{ {azure} }} }}\n{}{TICK}", HOSTED.trim_start())
}

#[tokio::test]
async fn either_endpoint_proves_who_we_are() {
    for (imds, service, path) in [(false, "azure-identity", FUNCTIONS), (true, "azure-imds", IMDS)] {
        let setup = Setup::new().await;
        let setup = if imds { setup.with_imds() } else { setup };
        let function = setup.start(&config("")).await;
        let invoked = function.tick("tick").await.unwrap();
        assert!(invoked.logs[0].starts_with("tick: created"), "{invoked:?}");
        assert_eq!(function.hops(), [service, "entra", "octo-sts", "github", "azure-timer"]);
        let hop = function.sandbox.trace.hops_of(service).pop().unwrap();
        assert!(hop.path.starts_with(path) && hop.path.contains("AzureADTokenExchange"), "{}", hop.path);
        assert!(!hop.path.contains("client_id"), "{}", hop.path);
        let record = function.record("exchange", |_| true).await;
        let workload = function.sandbox.azure_function();
        let told = [&record["proof_source"], &record["iss"], &record["sub"], &record["aud"]];
        assert_eq!(told, ["azure", &workload.issuer, &workload.subject, &workload.audience]);
    }
}

/// A user-assigned identity must be named: in the file, or by the variable, and the file wins.
#[tokio::test]
async fn a_user_assigned_identity_is_named() {
    let in_file = format!("client_id: {}", USER_ASSIGNED.client_id);
    let other = "00000000-0000-0000-0000-000000000000";
    for (imds, settings, variable) in [
        (false, "", Some(USER_ASSIGNED.client_id)),
        (false, in_file.as_str(), None),
        (false, &in_file, Some(other)),
        (true, "", Some(USER_ASSIGNED.client_id)),
        (true, &in_file, None),
    ] {
        let setup = Setup::unadmitted().await;
        let sandbox = &setup.sandbox;
        sandbox.identity.azure.assign(Assigned::User);
        assert_eq!(sandbox.azure_function().subject, USER_ASSIGNED.principal_id);
        sandbox.admit(REPOSITORY, "ops", &sandbox.azure_function(), &ISSUES).unwrap();
        let setup = if imds { setup.with_imds() } else { setup };
        let setup = match variable {
            Some(id) => setup.env("AZURE_CLIENT_ID", id),
            None => setup,
        };
        let function = setup.start(&config(settings)).await;
        let invoked = function.tick("tick").await.unwrap();
        assert!(invoked.logs[0].starts_with("tick: created"), "{settings} {variable:?}: {invoked:?}");
    }
}

/// The resource decides issuer and audience of the token.
#[tokio::test]
async fn the_configured_resource_is_asked_for() {
    type Claims = fn(&Setup, AppRegistration) -> (String, String);
    let v2: Claims = |setup, app| (setup.sandbox.identity.azure.issuer().url().into(), app.client_id.into());
    let v1: Claims = |setup, app| (setup.sandbox.identity.azure.issuer_v1().url().into(), app.id_uri.into());
    for (app, claims) in [(APP_V2, v2), (APP_V1, v1)] {
        let setup = Setup::unadmitted().await;
        let (issuer, audience) = claims(&setup, app);
        let workload = Workload::new(&issuer, setup.sandbox.identity.azure.subject(), &audience);
        setup.sandbox.admit(REPOSITORY, "ops", &workload, &ISSUES).unwrap();
        let function = setup.start(&config(&format!("resource: '{}'", app.id_uri))).await;
        let invoked = function.tick("tick").await.unwrap();
        assert!(invoked.logs[0].starts_with("tick: created"), "{invoked:?}");
        let record = function.record("exchange", |_| true).await;
        assert_eq!([&record["iss"], &record["aud"]], [&issuer, &audience]);
    }
}

/// The crate says of every 400 that the identity is not assigned; the endpoint's own words are what helps.
#[tokio::test]
async fn a_refusal_shows_the_endpoints_own_words() {
    let next = "check the identity that is assigned, AZURE_CLIENT_ID, and id_token.azure in gatepass.yaml";
    let unknown = "resource: 'https://github.com/acme/operations'";
    let stranger = "client_id: 00000000-0000-0000-0000-000000000000";
    for imds in [false, true] {
        for (assigned, settings, words) in [
            (Assigned::System, unknown, "AADSTS500011"),
            (Assigned::System, "resource: 'api://unknown'", "api://unknown was not found in the tenant"),
            (Assigned::System, stranger, "no User Assigned or Delegated Managed Identity found"),
            (Assigned::None, "", "no managed identity is assigned to this resource"),
            (Assigned::User, "", "Multiple user assigned identities may exist, please specify the clientId"),
        ] {
            let setup = Setup::new().await;
            setup.sandbox.identity.azure.assign(assigned);
            let setup = if imds { setup.with_imds() } else { setup };
            let function = setup.start(&config(settings)).await;
            let (status, problem) = function.failed_tick("tick").await;
            assert_eq!(status, 502, "{problem}");
            assert_problem(
                &problem,
                502,
                "refused",
                &["Azure's identity endpoint answered 400", words, next],
            );
            let hops = function.hops();
            assert!(!hops.contains(&"octo-sts") && !hops.contains(&"github"), "{hops:?}");
            let record = function.record("exchange", |_| true).await;
            assert_eq!((&record["result"], &record["hashed_token"]), (&json!("no proof"), &Value::Null));
            assert!(record["server_message"].as_str().unwrap().contains(words), "{record}");
        }
    }
}

#[tokio::test]
async fn an_answer_that_is_no_token_is_refused() {
    let token = |token: &str| json!({"access_token": token, "expires_on": "4102444800", "resource": "r", "token_type": "Bearer"});
    let on = |path| Fault::on_any(path).always();
    let nothing_between = "answered with something that is no token; check that nothing stands between";
    for (imds, path) in [(false, FUNCTIONS), (true, IMDS)] {
        for (fault, words) in [
            (on(path).html(), nothing_between),
            (on(path).garbage(), nothing_between),
            (on(path).body("{}"), nothing_between),
            (on(path).body("null"), nothing_between),
            (on(path).body(token("<html>").to_string()), "no OIDC token"),
            (on(path).body(token("").to_string()), "no OIDC token"),
            (
                on(path).status(401).body("The X-IDENTITY-HEADER header is not accepted."),
                "401: \"The X-IDENTITY",
            ),
            (on(path).status(403).html(), "answered 403"),
            (on(path).status(302).header("location", "/elsewhere"), "answered 302"),
        ] {
            let setup = Setup::new().await;
            let azure = &setup.sandbox.identity.azure;
            let endpoint = if imds { &azure.imds } else { &azure.functions };
            endpoint.faults().inject(fault);
            let setup = if imds { setup.with_imds() } else { setup };
            let function = setup.start(&config("")).await;
            let (status, problem) = function.failed_tick("tick").await;
            assert_eq!(status, 502, "{problem}");
            assert_problem(&problem, 502, "refused", &["Azure's identity endpoint", words]);
            let hops = function.hops();
            assert!(!hops.contains(&"octo-sts") && !hops.contains(&"github"), "{hops:?}");
        }
    }
}
