//! From the scope to the mint: rows about installations, policies, claims and permissions.

use gatepass_sandbox::github::Reach;
use jiff::SignedDuration;
use serde_json::json;

use crate::{OPERATIONS, POLICY, SUBJECT, Setup, refusal};

#[tokio::test]
async fn scope_and_identity_are_demanded_after_verification() {
    let setup = Setup::admitting().await;
    let token = setup.token();
    assert_eq!(setup.outcome(&token, "", "alarms").await, refusal(400, 3, "scope must be provided"));
    assert_eq!(setup.outcome(&token, OPERATIONS, "").await, refusal(400, 3, "identity must be provided"));
    let forged = setup.issuer.forge(setup.claims()).expired();
    assert_eq!(setup.outcome(&forged, "", "").await.0, 401);
}

#[tokio::test]
async fn the_app_must_be_installed_on_the_owner_so_spelled() {
    let setup = Setup::admitting().await;
    let token = setup.token();
    for owner in ["Acme", "other", "acme/operations"] {
        let expected = refusal(404, 5, &format!("no installation found for \"{owner}\""));
        assert_eq!(setup.outcome(&token, &format!("{owner}/operations"), "alarms").await, expected);
    }
    assert_eq!(setup.outcome(&token, "acme/Operations", "alarms").await.0, 200, "the repository may be");
}

#[tokio::test]
async fn a_policy_that_is_missing_or_broken_is_not_found() {
    let setup = Setup::start().await;
    let token = setup.token();
    let missing = refusal(404, 5, "unable to find trust policy for \"alarms\"");
    for scope in [OPERATIONS, "acme/none", "acme", "acme/.github"] {
        assert_eq!(setup.outcome(&token, scope, "alarms").await, missing, "{scope}");
    }
    setup.outcome(&token, OPERATIONS, "alarms").await;
    assert!(setup.last_note().contains(".github/chainguard/alarms.sts.yaml in acme/operations"));

    for (text, verb) in [
        (&b"issuer: \xff\n"[..], "parse"),
        (b"issuer: [", "parse"),
        (b"nonsense: true\n", "parse"),
        (b"issuer: https://h\npermissions: { issues: write }\n", "compile"),
        (b"issuer: https://h\nissuer_pattern: x\nsubject: s\n", "compile"),
        (b"issuer: https://h\nsubject_pattern: 'repo:['\n", "compile"),
        (b"issuer: https://h\nsubject: s\nclaim_pattern: { ref: '(?=x)' }\n", "compile"),
    ] {
        setup.github.put_file(OPERATIONS, POLICY, text).unwrap();
        let expected = refusal(404, 5, &format!("unable to {verb} trust policy found for \"alarms\""));
        assert_eq!(setup.outcome(&token, OPERATIONS, "alarms").await, expected);
    }
    setup.github.put_file(OPERATIONS, POLICY, "#".repeat(1_100_000)).unwrap();
    let expected = refusal(404, 5, "unable to read trust policy found for \"alarms\"");
    assert_eq!(setup.outcome(&token, OPERATIONS, "alarms").await, expected, "GitHub gives no text this long");
}

#[tokio::test]
async fn patterns_are_judged() {
    let setup = Setup::start().await;
    let policy = |pattern: &str| {
        let issuer = setup.issuer.url();
        format!("issuer: {issuer}\nsubject_pattern: '{pattern}'\npermissions: {{ issues: write }}\n")
    };
    for (pattern, admits) in [
        ("arn:aws:iam::[0-9]{12}:role/alarms", true),
        ("arn:.*", true),
        ("alarms|.*/alarms", true),
        ("arn:aws:iam::111122223333:role/", false),
        ("alarms|arn", false),
    ] {
        setup.github.put_file(OPERATIONS, POLICY, policy(pattern)).unwrap();
        let message = format!("trust policy: subject \"{SUBJECT}\" did not match pattern \"{pattern}\"");
        let refused = refusal(403, 7, &message);
        let outcome = setup.usual().await;
        assert!(if admits { outcome.0 == 200 } else { outcome == refused }, "{pattern}: {outcome:?}");
    }
}

#[tokio::test]
async fn claims_that_do_not_match_are_refused_in_the_servers_words() {
    let setup = Setup::start().await;
    let issuer = setup.issuer.url().to_owned();
    let policy = |lines: &str| format!("permissions: {{ issues: write }}\n{lines}\n");
    for (lines, message) in [
        (
            format!("issuer: https://h\nsubject: {SUBJECT}"),
            format!("trust policy: issuer \"{issuer}\" did not match \"https://h\""),
        ),
        (
            format!("issuer: {issuer}\nsubject: somebody"),
            format!("trust policy: subject \"{SUBJECT}\" did not match \"somebody\""),
        ),
        (
            format!("issuer: {issuer}\nsubject: {SUBJECT}\naudience: https://github.com/acme"),
            "trust policy: audience \"https://github.com/acme\" did not match any of [\"octo-sts.dev\"]"
                .to_owned(),
        ),
        (
            format!("issuer: {issuer}\nsubject: {SUBJECT}\nclaim_pattern: {{ email: ada }}"),
            "trust policy: expected claim \"email\" not found in token".to_owned(),
        ),
        (
            format!("issuer: {issuer}\nsubject: {SUBJECT}\nclaim_pattern: {{ exp: ada }}"),
            "trust policy: expected claim \"exp\" not a string".to_owned(),
        ),
    ] {
        setup.github.put_file(OPERATIONS, POLICY, policy(&lines)).unwrap();
        assert_eq!(setup.usual().await, refusal(403, 7, &message));
    }
    assert!(setup.github.tokens().is_empty());
}

#[tokio::test]
async fn fields_that_break_the_format_are_bad_requests() {
    let setup = Setup::admitting().await;
    let forge = setup.issuer.forge(setup.claims());
    for (claim, value, field) in [
        ("sub", json!("a b"), "subject"),
        ("sub", json!(""), "subject"),
        ("sub", json!("x".repeat(256)), "subject"),
        ("aud", json!("me@here"), "audience"),
        ("aud", json!(["octo-sts.dev", "a|b"]), "audience"),
    ] {
        let token = forge.with(claim, value);
        let expected = refusal(400, 3, &format!("invalid {field} in token"));
        assert_eq!(setup.outcome(&token, OPERATIONS, "alarms").await, expected);
    }
}

#[tokio::test]
async fn permissions_the_app_does_not_hold_fail_at_minting() {
    let setup = Setup::start().await;
    let expected = refusal(403, 7, "token exchange failure (StatusUnprocessableEntity)");
    for permissions in ["{ issues: writ }", "{ secrets: read }", "{ administration: write }"] {
        setup.write_policy(&format!("permissions: {permissions}"));
        assert_eq!(setup.usual().await, expected, "{permissions}");
    }
}

#[tokio::test]
async fn what_cannot_be_judged_is_said_to_be_so() {
    let setup = Setup::start().await;
    setup.write_policy("permissions: { issues: read }\napp: octo");
    let (status, code, message) = setup.usual().await;
    assert_eq!((status, code), (501, 12));
    assert!(message.starts_with("not judged by the sandbox: ") && message.contains("`app`"), "{message}");
}

#[tokio::test]
async fn an_organisation_policy_reaches_what_the_scope_and_it_say() {
    let setup = Setup::start().await;
    setup.github.add_repository("acme/.github").unwrap();
    let only = |names: &[&str]| Reach::Only(names.iter().map(ToString::to_string).collect());
    for (scope, lines, reach) in [
        ("acme", "", Reach::All),
        ("acme", "repositories: []", Reach::All),
        ("acme", "repositories: [widgets]", only(&["widgets"])),
        ("acme/.github", "", only(&[".github"])),
        ("acme/.github", "repositories: []", Reach::All),
    ] {
        let text = format!(
            "issuer: {}\nsubject: {SUBJECT}\npermissions: {{ issues: read }}\n{lines}\n",
            setup.issuer.url()
        );
        setup.github.put_file("acme/.github", POLICY, text).unwrap();
        assert_eq!(setup.outcome(&setup.token(), scope, "alarms").await.0, 200, "{scope} {lines}");
        assert_eq!(setup.github.tokens().last().unwrap().reach, reach, "{scope} {lines}");
    }
    setup.write_policy("repositories: [widgets]\npermissions: { issues: read }");
    let expected = refusal(404, 5, "unable to parse trust policy found for \"alarms\"");
    assert_eq!(setup.usual().await, expected, "a repository's policy names no repositories");
}

#[tokio::test]
async fn policies_are_remembered_for_five_minutes_when_asked_for() {
    let setup = Setup::start().await;
    setup.github.set_now("2026-11-20T09:00:00Z".parse().unwrap());
    setup.octo_sts.remember_policies(true);
    assert_eq!(setup.usual().await.0, 404);
    setup.write_policy("permissions: { issues: write }");
    setup.github.advance(SignedDuration::from_secs(299));
    assert_eq!(setup.usual().await.0, 404, "merged, and not yet found");
    setup.github.advance(SignedDuration::from_secs(1));
    assert_eq!(setup.usual().await.0, 200);
    setup.github.delete_file(OPERATIONS, POLICY).unwrap();
    assert_eq!(setup.usual().await.0, 200, "deleted, and still known");
    setup.octo_sts.remember_policies(false);
    assert_eq!(setup.usual().await.0, 404);
}

#[tokio::test]
async fn an_empty_policy_is_remembered_as_missing() {
    let setup = Setup::start().await;
    setup.github.set_now("2026-11-20T09:00:00Z".parse().unwrap());
    setup.octo_sts.remember_policies(true);
    setup.github.put_file(OPERATIONS, POLICY, "").unwrap();
    let compile = refusal(404, 5, "unable to compile trust policy found for \"alarms\"");
    assert_eq!(setup.usual().await, compile);
    assert_eq!(setup.usual().await, refusal(404, 5, "unable to find trust policy for \"alarms\""));
    setup.github.advance(SignedDuration::from_mins(5));
    assert_eq!(setup.usual().await, compile);
}
