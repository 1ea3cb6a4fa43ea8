//! Any row, provoked.

use std::collections::BTreeSet;

use gatepass_sandbox::faults::Fault;
use gatepass_sandbox::octo_sts::Row;
use http::Method;

use crate::{EXCHANGE, Setup, refusal};

#[tokio::test]
async fn every_row_of_the_table_can_be_provoked() {
    let setup = Setup::admitting().await;
    let quoted = |text: &str| text.replace('$', "\"alarms\"");
    let expected = [
        (400, 3, "multiple scopes not supported"),
        (401, 16, "expected exactly one authorization header"),
        (400, 3, "invalid bearer token"),
        (400, 3, "invalid issuer format"),
        (400, 3, "unable to fetch or create the provider"),
        (401, 16, "unable to verify bearer token"),
        (400, 3, "scope must be provided"),
        (400, 3, "identity must be provided"),
        (404, 5, "no installation found for \"acme\""),
        (403, 7, "issuer not permitted by organization policy"),
        (400, 9, "organization trusted-issuer configuration is invalid"),
        (503, 14, "organization trusted-issuer lookup unavailable"),
        (429, 8, "organization trusted-issuer lookup rate limited"),
        (404, 5, "unable to find trust policy for $"),
        (503, 14, "transient error fetching trust policy for $"),
        (429, 8, "GitHub API rate limit exceeded for $"),
        (404, 5, "unable to read trust policy found for $"),
        (404, 5, "unable to parse trust policy found for $"),
        (404, 5, "unable to compile trust policy found for $"),
        (400, 3, "invalid issuer in token"),
        (400, 3, "invalid subject in token"),
        (400, 3, "invalid audience in token"),
        (403, 7, "trust policy: subject \"a\" did not match \"b\""),
        (403, 7, "token exchange failure (StatusUnprocessableEntity)"),
        (500, 13, "failed to get token"),
    ];
    let rows = Row::all("acme", "alarms");
    assert_eq!(rows.len(), expected.len());
    for (row, (status, code, message)) in rows.into_iter().zip(expected) {
        setup.octo_sts.answer_next(row.clone());
        assert_eq!(setup.usual().await, refusal(status, code, &quoted(message)), "{row:?}");
    }
    assert_eq!(setup.usual().await.0, 200, "only the next one is provoked");
}

#[tokio::test]
async fn provoked_rows_queue_and_can_carry_a_hint() {
    let setup = Setup::admitting().await;
    setup.octo_sts.answer_next(Row::Minting);
    setup.octo_sts.answer_next(Row::PolicyRateLimited("alarms".into()));
    setup.octo_sts.faults().inject(Fault::on(Method::POST, EXCHANGE).skip(1).header("retry-after", "9"));
    let send = || setup.request(Method::POST, EXCHANGE).send();
    let first = send().await.unwrap();
    assert_eq!((first.status().as_u16(), first.headers().get("retry-after")), (500, None));
    let second = send().await.unwrap();
    assert_eq!((second.status().as_u16(), second.headers()["retry-after"].to_str().unwrap()), (429, "9"));
}

#[tokio::test]
async fn a_lost_answer_leaves_a_token_behind() {
    let setup = Setup::admitting().await;
    setup.octo_sts.faults().inject(Fault::on(Method::POST, EXCHANGE).after_effect().reset());
    let form = [("scope", "acme/operations"), ("identity", "alarms")];
    let request = setup.request(Method::POST, EXCHANGE).bearer_auth(setup.token()).form(&form);
    assert!(request.send().await.is_err());
    assert_eq!(setup.usual().await.0, 200);
    let hashes: BTreeSet<String> = setup.github.tokens().into_iter().map(|record| record.hashed).collect();
    assert_eq!((hashes.len(), setup.octo_sts.requests().len()), (2, 2));
}
