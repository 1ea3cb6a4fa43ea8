//! The exchange that succeeds, and the shape of the service.

use gatepass_sandbox::github::{Level, Reach, hashed_token};
use gatepass_sandbox::octo_sts::Settings;
use http::Method;
use serde_json::json;

use crate::{EXCHANGE, OPERATIONS, Setup, answer, outcome, refusal};

#[tokio::test]
async fn a_token_is_minted_with_the_policys_permissions_for_the_scope_alone() {
    let setup = Setup::admitting().await;
    let (status, json) = setup.exchange(&setup.token(), OPERATIONS, "alarms").await;
    let token = json["token"].as_str().unwrap().to_owned();
    assert_eq!((status, &json["refreshToken"], &json["expiry"]), (200, &json!(""), &json!(null)));
    assert!(token.starts_with("ghs_"));

    let records = setup.github.tokens();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].hashed, hashed_token(&token));
    assert_eq!(records[0].reach, Reach::one("operations"));
    assert_eq!(records[0].actor.login, "octo-sts[bot]");
    let permissions: Vec<_> = records[0].permissions.iter().collect();
    assert_eq!(permissions, [("issues", Level::Write), ("metadata", Level::Read)]);

    let ask = |path: &str| {
        let url = format!("{}/repos/{path}", setup.github.api_url());
        let request = setup.client.request(Method::GET, &url).unwrap().header("user-agent", "t");
        request.bearer_auth(&token).send()
    };
    assert_eq!(ask("acme/operations/issues").await.unwrap().status().as_u16(), 200);
    assert_eq!(ask("acme/operations/pulls").await.unwrap().status().as_u16(), 403);
    assert_eq!(ask("acme/widgets/issues").await.unwrap().status().as_u16(), 404);
}

#[tokio::test]
async fn query_form_and_both_names_of_the_scope_do() {
    let setup = Setup::admitting().await;
    let with = |request: reqwest::RequestBuilder| answer(request.bearer_auth(setup.token()));
    for query in ["scope=acme/operations&identity=alarms", "scopes=acme%2Foperations&identity=alarms"] {
        for method in [Method::GET, Method::POST] {
            let request = setup.request(method.clone(), &format!("{EXCHANGE}?{query}"));
            assert_eq!(with(request).await.0, 200, "{method} {query}");
        }
    }
    let form = [("scope", OPERATIONS), ("identity", "alarms")];
    assert_eq!(with(setup.request(Method::POST, EXCHANGE).form(&form)).await.0, 200);
    let json =
        setup.request(Method::POST, EXCHANGE).json(&json!({ "scope": OPERATIONS, "identity": "alarms" }));
    assert_eq!(outcome(with(json).await), refusal(400, 3, "scope must be provided"));
}

#[tokio::test]
async fn other_methods_and_paths_are_not_served() {
    let setup = Setup::admitting().await;
    let wrong_method = answer(setup.request(Method::PUT, EXCHANGE).bearer_auth(setup.token())).await;
    assert_eq!(outcome(wrong_method), refusal(501, 12, "Method Not Allowed"));
    let wrong_path = answer(setup.request(Method::POST, "/exchange")).await;
    assert_eq!(outcome(wrong_path), refusal(404, 5, "Not Found"));
}

#[tokio::test]
async fn bots_take_turns_unless_checks_are_written() {
    let bots = ["octo-sts[bot]", "octo-sts-2[bot]"].map(str::to_owned).to_vec();
    let setup = Setup::start_with(Settings { bots, ..Settings::default() }).await;
    setup.write_policy("permissions: { issues: write }");
    for _ in 0..3 {
        assert_eq!(setup.usual().await.0, 200);
    }
    setup.write_policy("permissions: { checks: write }");
    for _ in 0..2 {
        assert_eq!(setup.usual().await.0, 200);
    }
    let actors: Vec<String> = setup.github.tokens().into_iter().map(|record| record.actor.login).collect();
    let (one, two) = ("octo-sts[bot]", "octo-sts-2[bot]");
    assert_eq!(actors, [one, two, one, one, one]);
}

#[tokio::test]
async fn another_domain_is_another_audience() {
    let setup =
        Setup::start_with(Settings { domain: "sts.acme.example".into(), ..Settings::default() }).await;
    setup.write_policy("permissions: { issues: write }");
    let message = "trust policy: audience \"sts.acme.example\" did not match any of [\"octo-sts.dev\"]";
    assert_eq!(setup.usual().await, refusal(403, 7, message));
    let mut claims = setup.claims();
    claims["aud"] = json!(["x", "sts.acme.example"]);
    assert_eq!(setup.outcome(&setup.issuer.mint(&claims), OPERATIONS, "alarms").await.0, 200);
}

#[tokio::test]
async fn the_trace_says_who_was_admitted_and_holds_no_token() {
    let setup = Setup::admitting().await;
    let jwt = setup.token();
    let (_, json) = setup.exchange(&jwt, OPERATIONS, "alarms").await;
    let query = format!("{EXCHANGE}?scope=acme/operations&identity=alarms&token={jwt}");
    answer(setup.request(Method::GET, &query).bearer_auth(&jwt)).await;
    assert_eq!(
        setup.last_note(),
        "policy .github/chainguard/alarms.sts.yaml in acme/operations admits \
         arn:aws:iam::111122223333:role/alarms, issues=write as octo-sts[bot]"
    );
    let trace = setup.trace.to_string();
    assert!(!trace.contains(&jwt) && !trace.contains(json["token"].as_str().unwrap()), "{trace}");
    assert!(trace.contains("issuer GET /aws/.well-known/openid-configuration 200"), "{trace}");
}
