//! Callers that prove themselves with an OIDC token: every way of not doing so.

use gatepass_sandbox::hosts::{HttpAnswer, HttpCall};
use gatepass_sandbox::identity::gcp::{KEY_HOLDER, SCHEDULER, WORKLOAD};
use serde_json::{Value, json};

use crate::support::{
    AUDIENCE, SCHEDULED, SEE_LOG, Service, Setup, TICK, assert_problem, bearer, now, post, status,
};

async fn send(service: &Service, token: &str) -> HttpAnswer {
    service.send(bearer(post("/jobs/tick"), token)).await
}

/// What is said of each forgery.
fn reason(forgery: &str) -> &'static str {
    match forgery {
        "expired" => "it has expired",
        "not valid yet" => "it is not valid yet",
        "issued in the future" => "it was issued in the future",
        "without exp" => "it never expires",
        "alg none" => "its algorithm is not one of",
        "HS256 keyed with the public key in PEM" | "HS256 keyed with the public key in DER" => {
            "its algorithm is not one of"
        }
        "unknown kid" | "its own key in the header" => "its issuer has no such key",
        "signature removed by Google" => "make this caller `host: true`",
        "signature empty" => "it is not signed",
        "signature altered" | "claims altered" | "signed by a stranger under our kid" => {
            "its signature is wrong"
        }
        "duplicate sub" => "its payload is not understood",
        "crit" => "it has a critical extension",
        "another issuer" => "it is from another issuer",
        other => panic!("a new forgery, {other}: what should be said of it?"),
    }
}

#[tokio::test]
async fn no_forgery_gets_in() {
    let service = Service::with_jobs(TICK).await;
    let forger = service.sandbox.identity.gcp.issuer().forge(service.claims());
    for (name, token) in forger.all() {
        let answer = send(&service, &token).await;
        let heard = if name == "signature removed by Google" { reason(name) } else { SEE_LOG };
        service.assert_unknown(&answer, heard, &["scheduler: ", reason(name)]).await;
        assert_eq!(answer.header("www-authenticate"), Some("Bearer"), "{name}");
        assert!(
            !answer.text().contains("eyJ") && !answer.text().contains(SCHEDULER.email),
            "{}",
            answer.text()
        );
    }
    service.assert_untouched("forged tokens");
    let honest = send(&service, &forger.honest()).await;
    assert_eq!((honest.status, status(&honest).as_str()), (201, "created"), "{}", honest.text());
}

/// Signed for real, and wrong in what it says.
#[tokio::test]
async fn every_claim_is_checked() {
    let service = Service::with_jobs(TICK).await;
    let forger = service.sandbox.identity.gcp.issuer().forge(service.claims());
    let far = now() * 1000;
    for (claim, value, reason) in [
        ("aud", json!("octo-sts.dev"), "another audience"),
        ("aud", json!(format!("{AUDIENCE}/")), "another audience"),
        ("aud", json!([]), "another audience"),
        ("aud", json!({ AUDIENCE: true }), "another audience"),
        ("aud", Value::Null, "another audience"),
        ("iss", json!("https://accounts.google.com"), "another issuer"),
        ("iss", json!(["https://accounts.google.com"]), "another issuer"),
        ("email", json!("mallory@acme-sandbox.iam.gserviceaccount.com"), "another e-mail"),
        ("email", json!("SCHEDULER@acme-sandbox.iam.gserviceaccount.com"), "another e-mail"),
        ("email", json!([SCHEDULER.email]), "another e-mail"),
        ("email_verified", json!(false), "not verified"),
        ("email_verified", json!("true"), "not verified"),
        ("email_verified", json!(1), "not verified"),
        ("exp", json!(now() - 61), "has expired"),
        ("exp", json!("tomorrow"), "no number"),
        ("exp", Value::Null, "no number"),
        ("nbf", json!(now() + 120), "not valid yet"),
        ("nbf", json!(far), "not valid yet"),
        ("iat", json!(far), "issued in the future"),
    ] {
        let answer = send(&service, &forger.with(claim, value.clone())).await;
        service.assert_unknown(&answer, SEE_LOG, &["scheduler", reason]).await;
    }
    for (claim, reason) in [
        ("iss", "another issuer"),
        ("aud", "another audience"),
        ("email", "another e-mail"),
        ("email_verified", "not verified"),
        ("exp", "never expires"),
    ] {
        let answer = send(&service, &forger.without(claim)).await;
        service.assert_unknown(&answer, SEE_LOG, &["scheduler", reason]).await;
    }
    service.assert_untouched("tokens for somebody else");
    for (claim, value) in [
        ("aud", json!(["https://elsewhere.example.com", AUDIENCE])),
        ("exp", json!(now() - 30)),
        ("nbf", json!(now() + 30)),
        ("iat", json!(now() + 30)),
        ("sub", json!("somebody else: the e-mail is pinned, not the subject")),
    ] {
        let answer = send(&service, &forger.with(claim, value.clone())).await;
        assert!(answer.status < 300, "{claim} {value}: {}", answer.text());
    }
}

#[tokio::test]
async fn exactly_one_bearer_token_is_taken() {
    let service = Service::with_jobs(TICK).await;
    let token = service.sandbox.identity.gcp.mint_scheduler_token(AUDIENCE);
    let one = |value: &str| post("/jobs/tick").header("authorization", value);
    let two = |second: &str| {
        let mut call = one(&format!("Bearer {token}"));
        call.headers.append("authorization", second.parse().unwrap());
        call
    };
    let needed = "exactly one Authorization: Bearer header";
    let long = format!("Bearer {token}{}", "a".repeat(16 * 1024));
    for (call, reason) in [
        (post("/jobs/tick"), needed),
        (two(&format!("Bearer {token}")), needed),
        (two("Basic Zm9vOmJhcg=="), needed),
        (one(""), needed),
        (one("Bearer"), needed),
        (one("Bearer  "), needed),
        (one(&token), needed),
        (one(&format!("Basic {token}")), needed),
        (one("Bearer nonsense"), "not three parts"),
        (one(&format!("Bearer {token}.{token}")), "not three parts"),
        (one(&format!("Bearer {token} {token}")), "not three parts"),
        (one("Bearer ..."), "not three parts"),
        (one("Bearer .."), "header is not understood"),
        (one("Bearer !.!.!"), "header is not base64url"),
        (one("Bearer e30.e30.c2ln"), "header is not understood"),
        (one("Bearer eyJhbGciOiJSUzI1NiJ9.bnVsbA.c2ln"), "payload is not understood"),
        (one("Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2ln"), "another issuer"),
        (one(&long), "longer than any OIDC token"),
    ] {
        let heard = if reason == needed { needed } else { SEE_LOG };
        service.assert_unknown(&service.send(call).await, heard, &["scheduler", reason]).await;
    }
    service.assert_untouched("requests without a token");
    // Not even the issuer was asked.
    assert_eq!(service.sandbox.identity.gcp.issuer().discovery_requests(), 0);
    let lower = service.send(one(&format!("bearer {token}"))).await;
    assert_eq!(lower.status, 201, "{}", lower.text());
}

#[tokio::test]
async fn a_key_that_is_too_weak_signs_nothing() {
    let service = Service::with_jobs(TICK).await;
    let token = service.sandbox.identity.gcp.issuer().forge(service.claims()).weak_key();
    service.assert_unknown(&send(&service, &token).await, SEE_LOG, &["its signature is wrong"]).await;
    service.assert_untouched("a weak key");
    // And it keeps the issuer's other keys from nobody.
    assert_eq!(service.start("tick").await.status, 201);
}

/// Each route has its own callers, whatever else a caller may do.
#[tokio::test]
async fn a_caller_of_one_job_is_nobody_at_another() {
    let config = "
version: 1
defaults: { repository: acme/operations, trust_policy: ops }
callers:
  one: { oidc: { issuer: ISSUER, audience: [https://jobs.example.com], email: scheduler@acme-sandbox.iam.gserviceaccount.com } }
  two: { oidc: { issuer: ISSUER, audience: [https://jobs.example.com], email: laptop@acme-sandbox.iam.gserviceaccount.com } }
jobs:
  first:
    triggers: [{ http: { caller: one } }]
    open_issue: { key: [first], title: first }
  both:
    triggers: [{ http: { caller: one } }, { schedule: { cron: '0 2 * * *', caller: two } }]
    open_issue: { key: [both], title: '{{ event.type }}' }
";
    let service = Setup::new().await.start(config).await;
    let call = async |account, path: &str| {
        let token = service.sandbox.identity.gcp.mint(account, AUDIENCE);
        service.send(bearer(HttpCall::post_json(path, &json!({})), &token)).await
    };
    let refused = call(KEY_HOLDER, "/jobs/first").await;
    let reason = "one: the OIDC token is not accepted: it is for another e-mail";
    service.assert_unknown(&refused, SEE_LOG, &[reason]).await;
    let refused = call(WORKLOAD, "/jobs/both").await;
    service.assert_unknown(&refused, SEE_LOG, &["one: ", "two: "]).await;
    service.assert_untouched("callers of other jobs");
    assert_eq!(call(SCHEDULER, "/jobs/first").await.status, 201);
    let titles = async |account| {
        assert!(call(account, "/jobs/both").await.status < 300);
        let issues = service.sandbox.github.issues("acme/operations");
        issues.iter().find(|issue| issue.title != "first").unwrap().title.clone()
    };
    assert_eq!(titles(SCHEDULER).await, "http");
    assert_eq!(titles(KEY_HOLDER).await, "schedule");
}

/// What the log holds about a refused exchange is for a caller only if the file says so.
#[tokio::test]
async fn details_are_for_those_who_may_see_them() {
    let missing = TICK.replace("open_issue", "trust_policy: not-committed\n    open_issue");
    for may_see in [false, true] {
        let config = format!("{SCHEDULED}{missing}");
        let details = format!("may_send: [schedule, http]\n    details: {may_see}");
        let config = config.replace("may_send: [schedule, http]", &details);
        let service = Setup::new().await.start(&config).await;
        let answer = service.start("tick").await;
        let words =
            ["acme/operations", "`not-committed`", "the trust policy is missing", "log record `exchange`"];
        assert_problem(&answer, 502, "refused", &words);
        let problem = answer.json();
        assert_eq!(problem["results"][0]["job"], "tick");
        assert_eq!(problem["job"], "tick");
        for shown in
            [WORKLOAD.unique_id, "issuer: ", "permissions:", ".github/chainguard/not-committed.sts.yaml"]
        {
            assert_eq!(answer.text().contains(shown), may_see, "{shown}: {}", answer.text());
        }
        let record = service.record("exchange", |line| line["result"] == "refused").await;
        let policy = record["policy_that_would_admit"].as_str().unwrap();
        assert!(policy.contains(WORKLOAD.unique_id) && policy.contains("issues: "), "{policy}");
        assert!(record["next_step"].as_str().unwrap().contains("commit the policy below"));
        assert!(service.sandbox.github.writes().is_empty());
    }
}
