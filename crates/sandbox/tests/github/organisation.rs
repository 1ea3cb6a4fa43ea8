//! Tokens for an organisation: from its policy in `.github`, through Octo STS, to the repositories they reach.

use gatepass_sandbox::{Sandbox, Workload};
use http::Method;
use serde_json::{Value, json};

use crate::Answer;

/// What a token from the policy `fleet` in acme/.github reaches, and may do to an issue in acme/widgets.
async fn reached(policy: &str) -> (Vec<String>, u16) {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.github.add_repository("acme/.github").unwrap();
    sandbox.github.install("other");
    sandbox.github.add_repository("other/widgets").unwrap();
    let Workload { issuer, subject, audience } = sandbox.lambda();
    let text = format!("issuer: {issuer}\nsubject: {subject}\npermissions: {{ issues: write }}\n{policy}\n");
    sandbox.github.put_file("acme/.github", ".github/chainguard/fleet.sts.yaml", text).unwrap();

    let now = jiff::Timestamp::now().as_second();
    let claims = json!({ "iss": issuer, "sub": subject, "aud": audience, "iat": now, "exp": now + 300 });
    let proof = sandbox.identity.aws.issuer().mint(&claims);
    let client = gatepass_sandbox::http_client::LoopbackClient::new().unwrap();
    let request = client.request(Method::POST, &format!("{}/sts/exchange", sandbox.octo_sts.url())).unwrap();
    let form = [("scope", "acme"), ("identity", "fleet")];
    let exchanged = Answer::of(request.bearer_auth(proof).form(&form)).await;
    assert_eq!(exchanged.status, 200, "{:?}", exchanged.json);
    let token = exchanged.json["token"].as_str().unwrap().to_owned();

    let ask = |method, path: &str, body: Value| {
        let request = client.request(method, &format!("{}{path}", sandbox.github.api_url())).unwrap();
        Answer::of(request.bearer_auth(&token).header("user-agent", "t").body(body.to_string()))
    };
    let listed = ask(Method::GET, "/installation/repositories", json!({})).await;
    let names = listed.json["repositories"].as_array().unwrap().iter();
    let names = names.map(|repository| repository["full_name"].as_str().unwrap().to_owned()).collect();
    let created = ask(Method::POST, "/repos/acme/widgets/issues", json!({ "title": "t" })).await;
    (names, created.status)
}

#[tokio::test]
async fn an_organisations_token_reaches_every_repository_or_those_its_policy_names() {
    let everywhere = ["acme/.github", "acme/operations", "acme/site", "acme/widgets"].map(str::to_owned);
    assert_eq!(reached("").await, (everywhere.to_vec(), 201));
    assert_eq!(reached("repositories: [site]").await, (vec!["acme/site".to_owned()], 404));
}
