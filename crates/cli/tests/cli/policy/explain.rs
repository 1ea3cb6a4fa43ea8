//! `gatepass policy explain`.

use serde_json::json;

use super::{Checkout, GOOD, admitted, json_of, jwt, stranger};

#[test]
fn a_token_that_is_admitted_is_shown_check_by_check() {
    let checkout = Checkout::with(&[("a.sts.yaml", GOOD)]);
    checkout.write("token", jwt(&admitted()));
    checkout.write("claims.json", admitted().to_string());
    for given in [["--token", "token"], ["--claims", "claims.json"]] {
        let policy = ".github/chainguard/a.sts.yaml";
        let run = checkout.policy(&[&["explain", policy], given.as_slice()].concat()).ended(0);
        for words in ["ok          issuer", "ok          subject", "ok          audience", "\nadmitted\n"] {
            assert!(run.out.contains(words), "{words}\n{}", run.out);
        }
        assert!(!run.out.contains("differs") && !run.out.contains("smallest change"), "{}", run.out);
    }
}

#[test]
fn a_token_that_is_refused_shows_where_and_what_would_admit_it() {
    let checkout = Checkout::with(&[("a.sts.yaml", GOOD)]);
    checkout.write("claims.json", stranger().to_string());
    let run = checkout.policy(&["explain", "a", "--claims", "claims.json"]).ended(1);
    for words in [
        "differs     subject",
        "expected  107691503500061507151",
        "actual    107691503500061507152",
        "refused: Octo STS answers 403: trust policy: subject \"107691503500061507152\" did not match \"107691503500061507151\"",
        "the smallest change that admits this token: ",
        "    subject: \"107691503500061507152\"",
        "what it admits besides: ",
    ] {
        assert!(run.out.contains(words), "{words}\n{}", run.out);
    }
    assert!(run.err.is_empty(), "everything has been said: {}", run.err);

    let document =
        json_of(&checkout.policy(&["explain", "a", "--claims", "claims.json", "--format", "json"]).ended(1));
    assert_eq!((&document["version"], &document["older_servers"]), (&json!(1), &json!(null)));
    assert_eq!(document["verdict"]["verdict"], "refused");
    assert_eq!(document["verdict"]["status"], 403);
    let checks = document["checks"].as_array().unwrap();
    let subject = checks.iter().find(|check| check["check"] == "subject").unwrap();
    assert_eq!(subject["outcome"], "differs");
    assert_eq!(subject["actual"], "107691503500061507152");
    assert!(document["change"]["lines"].is_array(), "{document}");
}

#[test]
fn a_token_that_no_policy_can_help_is_said_to_be_so() {
    let checkout = Checkout::with(&[("a.sts.yaml", GOOD)]);
    let mut claims = admitted();
    claims["exp"] = json!(1_000_000_000);
    checkout.write("old.json", claims.to_string());
    let run = checkout.policy(&["explain", "a", "--claims", "old.json"]).ended(0);
    assert!(run.out.contains("warning: ") && run.out.contains("expired"), "{}", run.out);
    let document =
        json_of(&checkout.policy(&["explain", "a", "--claims", "old.json", "--format", "json"]).ended(0));
    assert_eq!(document["warnings"].as_array().map(Vec::len), Some(1), "{document}");
    assert_eq!(document["impossible"], json!(null));

    let mut claims = admitted();
    claims["sub"] = json!("a b");
    checkout.write("never.json", claims.to_string());
    let run = checkout.policy(&["explain", "a", "--claims", "never.json"]).ended(1);
    assert!(run.out.contains("no change of the policy admits it: "), "{}", run.out);
}

#[test]
fn an_older_server_that_judges_otherwise_is_named() {
    let text = GOOD.replace("subject: \"107691503500061507151\"", "subject_pattern: main|dev");
    let checkout = Checkout::with(&[("a.sts.yaml", &text)]);
    let mut claims = admitted();
    claims["sub"] = json!("main-evil");
    checkout.write("claims.json", claims.to_string());
    let run = checkout.policy(&["explain", "a", "--claims", "claims.json"]).ended(1);
    assert!(
        run.out.contains("a server from before September 2026 judges otherwise: admitted"),
        "{}",
        run.out
    );
}

#[test]
fn another_server_demands_its_own_domain() {
    let checkout = Checkout::with(&[("a.sts.yaml", GOOD)]);
    let mut claims = admitted();
    claims["aud"] = json!(["x", "sts.acme.example"]);
    checkout.write("claims.json", claims.to_string());
    let arguments = ["explain", "a", "--claims", "claims.json"];
    checkout.policy(&arguments).ended(1);
    checkout.policy(&[&arguments[..], &["--domain", "sts.acme.example"]].concat()).ended(0);
}

#[test]
fn policy_or_token_may_come_through_a_pipe_and_not_both() {
    let checkout = Checkout::with(&[("a.sts.yaml", GOOD)]);
    checkout.write("token", format!("{}\n", jwt(&admitted())));
    checkout.write("claims.json", admitted().to_string());
    checkout.write("policy", GOOD);
    checkout.policy_with_stdin(&["explain", "a", "--token", "-"], "token").ended(0);
    checkout.policy_with_stdin(&["explain", "a", "--claims", "-"], "claims.json").ended(0);
    checkout.policy_with_stdin(&["explain", "-", "--token", "token"], "policy").ended(0);
    let run = checkout.policy_with_stdin(&["explain", "-", "--token", "-"], "policy").ended(2);
    assert!(run.err.contains("only one of"), "{}", run.err);
}

#[test]
fn claims_of_every_shape_are_explained() {
    let text = format!("{GOOD}claim_pattern: {{ n: \"1\", o: x, l: x, t: \"true\", none: x }}\n");
    let checkout = Checkout::with(&[("a.sts.yaml", &text)]);
    let mut claims = admitted();
    claims["aud"] = json!(["a", "octo-sts.dev", 7]);
    claims["n"] = json!(1);
    claims["o"] = json!({ "a": { "b": [1] } });
    claims["l"] = json!(["x"]);
    claims["t"] = json!(true);
    checkout.write("claims.json", claims.to_string());
    let run = checkout.policy(&["explain", "a", "--claims", "claims.json"]).ended(1);
    for (what, word) in
        [("n", "differs"), ("o", "differs"), ("l", "differs"), ("t", "ok"), ("none", "differs")]
    {
        let start = format!("{word:<12}claim {what}");
        let shown = run.out.lines().any(|line| line.starts_with(&start));
        assert!(shown, "{start}\n{}", run.out);
    }
}

#[test]
fn what_is_no_token_is_said_without_showing_it() {
    let checkout = Checkout::with(&[("a.sts.yaml", GOOD)]);
    let token = jwt(&admitted());
    let two_parts = token.rsplit_once('.').unwrap().0.to_owned();
    let mut big = admitted();
    big["padding"] = json!("x".repeat(1024 * 1024));
    let mut large = admitted();
    large["padding"] = json!("x".repeat(100 * 1024));
    let list = jwt(&json!(["not", "claims"]));
    for (text, words) in [
        ("", "the token is empty"),
        ("not a token", "white space inside"),
        (&two_parts, "2 parts between dots"),
        (&list, "not an object of claims"),
        (&jwt(&big), "is larger than 1 MiB"),
        (&jwt(&large), "no server takes one of more than"),
        ("eyJ\u{1b}[2J.eyJ.eyJ", "the token's second part"),
    ] {
        checkout.write("token", text);
        let run = checkout.policy(&["explain", "a", "--token", "token"]).ended(2);
        assert!(run.err.contains("error: token") && run.err.contains(words), "{}", run.err);
        let run = checkout.policy_with_stdin(&["explain", "a", "--token", "-"], "token").ended(2);
        assert!(run.err.contains("<stdin>") && run.out.is_empty(), "{}", run.err);
    }
    checkout.write("claims.json", &token);
    let run = checkout.policy(&["explain", "a", "--claims", "claims.json"]).ended(2);
    assert!(run.err.contains("a token goes with --token"), "{}", run.err);
}

#[test]
fn a_policy_that_cannot_be_used_is_shown_with_the_servers_words() {
    let checkout = Checkout::with(&[("a.sts.yaml", "issuer: https://a.example\n")]);
    checkout.write("claims.json", admitted().to_string());
    let run = checkout.policy(&["explain", "a", "--claims", "claims.json"]).ended(1);
    for words in [
        "error: ",
        "--> .github/chainguard/a.sts.yaml:1:1",
        "Octo STS answers 404: unable to compile trust policy found for \"a\"",
        "gatepass policy lint .github/chainguard/a.sts.yaml",
    ] {
        assert!(run.err.contains(words), "{words}\n{}", run.err);
    }
}

#[test]
fn what_is_missing_is_said() {
    let checkout = Checkout::with(&[("a.sts.yaml", GOOD)]);
    checkout.write("claims.json", admitted().to_string());
    for (arguments, words) in [
        (&["explain", "a"] as &[&str], "which token?"),
        (&["explain", "b", "--claims", "claims.json"], "no .github/chainguard/b.sts.yaml"),
        (&["explain", "b.yaml", "--claims", "claims.json"], "there is no file b.yaml"),
        (&["explain", ".github", "--claims", "claims.json"], ".github is a directory"),
        (&["explain", "a", "--claims", "none.json"], "none.json cannot be read"),
        (&["explain", "a", "--token", "none"], "none cannot be read"),
        (&["explain", "a", "--token", "x", "--claims", "y"], "cannot be used with"),
        (&["explain", "a", "--from", "moon"], "moon"),
        (&["explain", "a", "--from", "github"], "ACTIONS_ID_TOKEN_REQUEST_URL is not set"),
        (&["explain", "a", "--from", "aws"], "AWS_REGION is not set"),
    ] {
        let run = checkout.policy(arguments).ended(2);
        assert!(run.err.contains(words), "{words}\n{}", run.err);
    }
}
