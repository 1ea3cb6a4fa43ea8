//! The whole sandbox: a workload of each cloud, from its identity to its issue.

use gatepass_sandbox::github::{Edition, User};
use gatepass_sandbox::http_client::LoopbackClient;
use gatepass_sandbox::identity::azure::TOKEN_EXCHANGE;
use gatepass_sandbox::{Options, Sandbox, Workload};
use http::Method;
use serde_json::{Value, json};

async fn metadata_token(sandbox: &Sandbox, client: &LoopbackClient) -> String {
    let path =
        "/computeMetadata/v1/instance/service-accounts/default/identity?audience=octo-sts.dev&format=full";
    let url = format!("{}{path}", sandbox.identity.gcp.metadata.url());
    let request = client.request(Method::GET, &url).unwrap().header("metadata-flavor", "Google");
    request.send().await.unwrap().text().await.unwrap()
}

async fn managed_identity_token(sandbox: &Sandbox, client: &LoopbackClient) -> String {
    let env = sandbox.identity.azure.env_functions();
    let url =
        format!("{}?api-version=2019-08-01&resource={}", env["IDENTITY_ENDPOINT"], TOKEN_EXCHANGE.id_uri);
    let request =
        client.request(Method::GET, &url).unwrap().header("x-identity-header", &env["IDENTITY_HEADER"]);
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    answer["access_token"].as_str().unwrap().to_owned()
}

fn web_identity_token(sandbox: &Sandbox) -> String {
    let Workload { issuer, subject, audience } = sandbox.lambda();
    let now = jiff::Timestamp::now().as_second();
    let claims = json!({ "iss": issuer, "sub": subject, "aud": audience, "iat": now, "exp": now + 300 });
    sandbox.identity.aws.issuer().mint(&claims)
}

/// Trades the token and opens an issue with what it got; answers both statuses.
async fn open_issue(sandbox: &Sandbox, client: &LoopbackClient, token: &str, policy: &str) -> (u16, u16) {
    let env = sandbox.env();
    let form = [("scope", "acme/operations"), ("identity", policy)];
    let url = format!("{}/sts/exchange", env["GATEPASS_STS_URL"]);
    let request = client.request(Method::POST, &url).unwrap().bearer_auth(token).form(&form);
    let exchanged = request.send().await.unwrap();
    let status = exchanged.status().as_u16();
    let answer: Value = exchanged.json().await.unwrap();
    let token = answer["token"].as_str().unwrap_or_default().to_owned();

    let url = format!("{}/repos/acme/operations/issues", env["GATEPASS_GITHUB_API_URL"]);
    let request = client.request(Method::POST, &url).unwrap().bearer_auth(token).header("user-agent", "t");
    let created = request.body(json!({ "title": policy }).to_string()).send().await.unwrap();
    (status, created.status().as_u16())
}

#[tokio::test]
async fn a_workload_of_each_cloud_opens_an_issue_once_it_is_admitted() {
    let sandbox = Sandbox::start().await.unwrap();
    let client = LoopbackClient::new().unwrap();
    let google = metadata_token(&sandbox, &client).await;
    let azure = managed_identity_token(&sandbox, &client).await;
    let aws = web_identity_token(&sandbox);
    let workloads = [
        ("lambda", sandbox.lambda(), aws),
        ("cloud-run", sandbox.cloud_run(), google),
        ("functions", sandbox.azure_function(), azure),
    ];
    for (policy, workload, token) in &workloads {
        assert_eq!(
            open_issue(&sandbox, &client, token, policy).await,
            (404, 401),
            "{policy}: not yet admitted"
        );
        sandbox.admit("acme/operations", policy, workload, &[("issues", "write")]).unwrap();
        assert_eq!(open_issue(&sandbox, &client, token, policy).await, (200, 201), "{policy}");
    }
    let (_, _, google) = &workloads[1];
    assert_eq!(open_issue(&sandbox, &client, google, "lambda").await, (403, 401), "another's policy");

    let issues = sandbox.github.issues("acme/operations");
    let titles: Vec<&str> = issues.iter().map(|issue| issue.title.as_str()).collect();
    assert_eq!(titles, ["lambda", "cloud-run", "functions"]);
    assert!(issues.iter().all(|issue| issue.author == User::bot("octo-sts[bot]")));
    let trace = sandbox.trace.to_string();
    assert!(workloads.iter().all(|(_, _, token)| !trace.contains(token.as_str())), "{trace}");
    assert!(trace.contains("github POST /repos/acme/operations/issues 201: issue #3 created"), "{trace}");
}

#[tokio::test]
async fn an_enterprise_server_can_stand_in() {
    let options = Options { edition: Edition::EnterpriseServer, ..Options::default() };
    let sandbox = Sandbox::start_with(options).await.unwrap();
    sandbox.admit("acme/operations", "lambda", &sandbox.lambda(), &[("issues", "write")]).unwrap();
    let token = web_identity_token(&sandbox);
    let client = LoopbackClient::new().unwrap();
    assert_eq!(open_issue(&sandbox, &client, &token, "lambda").await, (200, 201));
    assert!(sandbox.github.writes()[0].path.starts_with("/api/v3/"));
}

#[tokio::test]
async fn what_no_policy_can_say_is_not_committed() {
    let sandbox = Sandbox::start().await.unwrap();
    let admit = |repository: &str, workload: &Workload, permission| {
        sandbox.admit(repository, "p", workload, &[(permission, "read")]).map_err(|error| error.to_string())
    };
    let lambda = sandbox.lambda();
    assert!(admit("acme/none", &lambda, "issues").unwrap_err().contains("acme/none"));
    assert!(admit("acme/site", &lambda, "pull-requests").unwrap_err().contains("pull-requests"));
    assert!(
        admit("acme/site", &Workload::new("https://h", "a b", "x"), "issues")
            .unwrap_err()
            .contains("subject")
    );
    assert_eq!(sandbox.github.file("acme/site", ".github/chainguard/p.sts.yaml"), None);
}
