//! What Octo STS answers: every row of its table, and everything else that may stand at its address.

use std::time::Duration;

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::github::Permissions;
use gatepass_sandbox::octo_sts::Row;
use serde_json::{Value, json};

use crate::samples::{ALARM, REPOSITORY, alarm, call, many_jobs};
use crate::support::{Deployment, Function, at_once};

const EXCHANGE: &str = "/sts/exchange";

/// The class of each row, and words of its next step (`docs/contract.md`, "Failures").
fn expected(row: &Row) -> (&'static str, &'static str) {
    let (refused, deferred) = ("refused", "deferred");
    match row {
        Row::MultipleScopes | Row::Authorization | Row::NoScope | Row::NoIdentity => {
            (refused, "read its message")
        }
        Row::NotAToken => (refused, "where this workload's token comes from"),
        Row::IssuerFormat | Row::TokenField("issuer") => (refused, "use an identity whose issuer"),
        Row::Provider => (deferred, "discovery document is public"),
        Row::Verification => (refused, "this workload's clock"),
        Row::NotInstalled(_) => (refused, "install the Octo STS GitHub App on acme"),
        Row::IssuerNotPermitted => (refused, "trusted-token-issuers.yaml in acme/.github"),
        Row::AllowListInvalid => (refused, "mend .github/chainguard/trusted-token-issuers.yaml"),
        Row::PolicyMissing(_) => (refused, "remembers for five minutes"),
        Row::PolicyUnreadable(_) => (refused, "must be a text file"),
        Row::PolicyUnparseable(_) => (refused, "reads it strictly"),
        Row::PolicyUncompilable(_) => (refused, "exactly one of subject"),
        Row::TokenField("subject") => (refused, "rename the identity"),
        Row::TokenField(_) => (refused, "ask for another audience"),
        Row::Refused(_) => (refused, "matches this token exactly"),
        Row::Permissions => (refused, "one that the Octo STS App can grant"),
        Row::AllowListUnavailable
        | Row::AllowListRateLimited
        | Row::PolicyTransient(_)
        | Row::PolicyRateLimited(_)
        | Row::Minting => (deferred, "deliver the event again later"),
        Row::NotJudged(_) => (deferred, ""),
    }
}

#[tokio::test]
async fn every_row_of_the_table_is_told_with_its_next_step() {
    let rows = Row::all("acme", "policy");
    let function = Deployment::stranger(many_jobs(rows.len())).await.start().await;
    let workload = function.sandbox.lambda();
    for (index, row) in rows.iter().enumerate() {
        let job = format!("job-{index}");
        let (class, next_step) = expected(row);
        let before = function.exchanges();
        // 503 is asked again at once, twice.
        let tries = if row.status().0 == 503 { 3 } else { 1 };
        (0..tries).for_each(|_| function.sandbox.octo_sts.answer_next(row.clone()));
        let words = [REPOSITORY, &format!("`policy-{index}`"), "the log record `exchange`"];
        let error = function.fails(&call(&job), class, &words).await;
        assert!(!error.message.contains("arn:aws"), "claims are for the log: {error}");
        assert_eq!(function.exchanges() - before, tries, "{row:?}");

        let record = function.exchange(&job).await;
        let text =
            |name: &str| record[name].as_str().unwrap_or_else(|| panic!("{name}: {record}")).to_owned();
        assert!(text("next_step").contains(next_step), "{row:?}: {record}");
        assert!(error.message.contains(&text("cause")), "{error}");
        let path = format!(".github/chainguard/policy-{index}.sts.yaml in acme/operations");
        let expected = json!({
            "result": "refused", "status": row.status().0.as_u16(), "server_message": row.to_string(),
            "iss": workload.issuer, "sub": workload.subject, "aud": "octo-sts.dev", "scope": REPOSITORY,
            "trust_policy": format!("policy-{index}"), "policy_path": path, "proof_source": "aws",
        });
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&record[name], value, "{name} of {record}");
        }
        assert!(text("policy_that_would_admit").contains(&workload.subject), "{record}");
    }
    assert_eq!(function.sandbox.github.requests().len(), 0);
}

#[tokio::test]
async fn the_policy_in_the_log_admits_once_it_is_committed() {
    let deployment = Deployment::stranger(ALARM).await;
    let function = deployment.start().await;
    function.fails(&alarm("e1", 1, "ALARM"), "refused", &["the trust policy is missing"]).await;
    let record = function.exchange("alarm-to-issue").await;
    let path = record["policy_path"].as_str().unwrap().strip_suffix(" in acme/operations").unwrap();
    let policy = record["policy_that_would_admit"].as_str().unwrap();
    deployment.sandbox.github.put_file(REPOSITORY, path, policy).unwrap();

    let fresh = deployment.start().await;
    assert_eq!(fresh.status(&alarm("e1", 1, "ALARM")).await, "created");
    let tokens = deployment.sandbox.github.tokens();
    assert_eq!(tokens.len(), 1);
    assert_eq!(tokens[0].permissions, Permissions::new([("issues", "write")]).unwrap(), "and nothing more");
    let granted = fresh.exchange("alarm-to-issue").await;
    assert_eq!((&granted["result"], &granted["hashed_token"]), (&json!("granted"), &json!(tokens[0].hashed)));
}

#[tokio::test]
async fn a_refusal_is_remembered_and_a_storm_asks_once() {
    let deployment = Deployment::stranger(ALARM).await;
    for revoke in ["", "    revoke: after_run\n"] {
        let config = ALARM.replace("    if: ", &format!("{revoke}    if: "));
        let function = deployment.with_config(config).start().await;
        let before = function.exchanges();
        for n in 1..=5 {
            let event = alarm(&format!("e{n}"), n, "ALARM");
            function.fails(&event, "refused", &["the trust policy is missing"]).await;
            assert_eq!(function.outcome(&format!("e{n}")).await["status"], "refused", "each event is logged");
        }
        assert_eq!(function.exchanges() - before, 1, "{revoke:?}");
    }
}

#[tokio::test]
async fn what_is_not_now_is_not_remembered() {
    let function = Function::start(ALARM).await;
    function.sandbox.octo_sts.answer_next(Row::PolicyRateLimited("alarms".into()));
    function.fails(&alarm("e1", 1, "ALARM"), "deferred", &["rate limit"]).await;
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
    assert_eq!(function.exchanges(), 2);
}

#[tokio::test]
async fn whatever_else_answers_is_told_apart() {
    let any = || Fault::on_any(EXCHANGE);
    let is_none = "check sts.url and GATEPASS_STS_URL";
    let not_found = "{\"message\":\"Not Found\"}";
    let table: &[(Fault, &str, &[&str])] = &[
        (any().html(), "refused", &["200 and no token", "Unexpected", is_none]),
        (any().garbage(), "refused", &["200 and no token", is_none]),
        (any().body("{}"), "refused", &["some other JSON", is_none]),
        (any().body("{\"token\":\"\"}"), "refused", &["some other JSON", is_none]),
        (any().body("{\"jwt\":\"ghs_0123456789abcdefghij\"}"), "refused", &["some other JSON", is_none]),
        (any().body("[1]"), "refused", &["some other JSON", is_none]),
        (any().html().status(404), "refused", &["404", is_none]),
        (any().status(302).header("location", "https://x"), "refused", &["302", is_none]),
        (any().status(404).body(not_found), "refused", &["no exchange at this address"]),
        (any().status(500), "deferred", &["500", "cannot answer now"]),
        (any().html().status(429), "deferred", &["429", "cannot answer now"]),
    ];
    let function = Deployment::stranger(many_jobs(table.len())).await.start().await;
    for (index, (fault, class, words)) in table.iter().enumerate() {
        let injected = function.sandbox.octo_sts.faults().inject(fault.clone().times(5));
        let error = function.fails(&call(&format!("job-{index}")), class, words).await;
        assert_eq!(injected.used(), 1, "{error}");
        function.sandbox.octo_sts.faults().clear();
    }
}

#[tokio::test]
async fn a_passing_fault_is_tried_again_at_once_and_twice() {
    let any = || Fault::on_any(EXCHANGE);
    let (cannot, broke): (&[&str], &[&str]) =
        (&["cannot answer now", "`alarms`"], &["Octo STS", "broke off", "deliver it again"]);
    let table = [
        (any().html().status(502), cannot),
        (any().html().status(503), cannot),
        (any().status(504), cannot),
        (any().reset(), broke),
        (any().reset_mid_body(), broke),
    ];
    at_once(table.map(|(fault, words)| async move {
        let function = Function::start(ALARM).await;
        let (event, faults) = (alarm("e1", 1, "ALARM"), function.sandbox.octo_sts.faults());
        let often = faults.inject(fault.clone().times(3));
        let error = function.fails(&event, "deferred", words).await;
        assert_eq!((often.used(), function.exchanges()), (3, 3), "{error}");
        let seldom = faults.inject(fault.times(2));
        assert_eq!(function.status(&event).await, "created");
        assert_eq!((seldom.used(), function.exchanges(), function.open()), (2, 6, 1));
    }))
    .await;
}

#[tokio::test]
async fn an_octo_sts_that_is_not_there_or_hangs_is_not_now() {
    let deployment = Deployment::new(ALARM).await.timeout(Duration::from_secs(3));
    let nowhere = deployment.with_config(ALARM).set("GATEPASS_STS_URL", "http://127.0.0.1:1");
    let words = ["Octo STS", "could not be reached", "GATEPASS_STS_URL"];
    nowhere.start().await.fails(&alarm("e1", 1, "ALARM"), "deferred", &words).await;

    let deployment = deployment.timeout(Duration::from_millis(1200));
    let hanging = deployment.sandbox.octo_sts.faults().inject(Fault::on_any(EXCHANGE).hang());
    let function = deployment.start().await;
    let words = ["the exchange at Octo STS", "deliver it again"];
    function.fails(&alarm("e1", 1, "ALARM"), "deferred", &words).await;
    assert_eq!(hanging.used(), 1);
    assert_eq!(function.exchange("alarm-to-issue").await["result"], "late");
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
}

#[tokio::test]
async fn a_hint_when_to_come_back_is_passed_on() {
    for (hint, least) in [("120", 100), ("0", 1), ("soon", 1), ("999999999", 3500)] {
        let function = Function::start(ALARM).await;
        let fault =
            Fault::on_any(EXCHANGE).status(429).header("retry-after", hint).body("{\"message\":\"slow\"}");
        function.sandbox.octo_sts.faults().inject(fault);
        function.fails(&alarm("e1", 1, "ALARM"), "deferred", &["429"]).await;
        let wait = function.outcome("e1").await["retry_after"].as_u64().unwrap();
        assert!((least..=3600).contains(&wait), "{hint}: {wait}");
    }
}

#[tokio::test]
async fn both_spellings_of_scope_and_of_the_answer_are_understood() {
    let function = Function::start(ALARM).await;
    let minted = function.sandbox.github.mint_for(REPOSITORY, &[("issues", "write")]).unwrap();
    let answer: Value = json!({ "access_token": minted });
    function.sandbox.octo_sts.faults().inject(Fault::on_any(EXCHANGE).body(answer.to_string()));
    assert_eq!(function.status(&alarm("e1", 1, "ALARM")).await, "created");
    let path = function.sandbox.octo_sts.requests()[0].path.clone();
    for parameter in ["scope=acme%2Foperations", "scopes=acme%2Foperations", "identity=alarms"] {
        assert!(path.split(['?', '&']).any(|part| part == parameter), "{path}");
    }
}

#[tokio::test]
async fn a_gateway_that_sends_the_token_back_does_not_put_it_into_the_log() {
    // As API gateways do: the header that they could not read, in a message. The host refuses a child that prints it.
    let function = Function::start(ALARM).await;
    let jwt = format!("eyJhbGciOiJSUzI1NiJ9{0}.eyJzdWIiOiJtZSJ9{0}.c2ln", "a".repeat(40));
    let body = json!({ "message": format!("'{jwt}' not a valid key=value pair {}", "word ".repeat(4000)) });
    let fault = Fault::on_any(EXCHANGE).status(403).body(body.to_string());
    function.sandbox.octo_sts.faults().inject(fault);
    function.fails(&alarm("e1", 1, "ALARM"), "refused", &["does not know"]).await;
    let said = function.exchange("alarm-to-issue").await["server_message"].as_str().unwrap().to_owned();
    assert!(said.starts_with("… not a valid key=value pair word"), "{said}");
    assert_eq!(said.chars().count(), 1000);
}

#[tokio::test]
async fn a_remembered_refusal_names_the_permissions_of_the_job_that_hears_it() {
    let config = "version: 1\ndefaults: { repository: acme/operations, trust_policy: alarms }\njobs:\n  \
        write:\n    triggers: [{ schedule: { cron: 0 2 * * * } }]\n    open_issue: { key: [x], title: x }\n  \
        read:\n    triggers: [{ schedule: { cron: 0 2 * * * } }]\n    read_repository: {}\n";
    let function = Deployment::stranger(config).await.start().await;
    for (job, needs, not) in
        [("write", "issues: \"write\"", "contents"), ("read", "contents: \"read\"", "issues")]
    {
        let event = json!({ "job": job, "execution_id": job });
        function.fails(&event, "refused", &["missing"]).await;
        let details = function.outcome(job).await["details"].as_str().unwrap().to_owned();
        assert!(details.contains(needs) && !details.contains(not), "{job}: {details}");
    }
    assert_eq!(function.exchanges(), 1);
}
