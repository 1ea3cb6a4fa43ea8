//! `gatepass policy test`.

use super::{Checkout, GOOD};

const CASES: &str = r#"claims: { iss: "https://accounts.google.com", aud: octo-sts.dev }
pass:
  - name: the function
    claims: { sub: "107691503500061507151" }
fail:
  - name: another function
    claims: { sub: "107691503500061507152" }
    because: subject
  - name: a token for others
    claims: { sub: "107691503500061507151", aud: other.example }
"#;

#[test]
fn every_case_has_its_line() {
    let checkout = Checkout::with(&[("a.sts.yaml", GOOD), ("a.test.yaml", CASES)]);
    let run = checkout.policy(&["test"]).ended(0);
    assert_eq!(
        run.out,
        ".github/chainguard/a.test.yaml\n  ok      the function  admitted\n  ok      another function  refused\n  ok      a token for others  refused\n3 passed, 0 failed\n"
    );
    checkout.policy(&["lint"]).ended(0);
}

#[test]
fn a_case_that_is_not_as_it_must_be_is_explained() {
    let wide = GOOD.replace("subject: \"107691503500061507151\"", "subject_pattern: \"[0-9]+\"");
    let checkout = Checkout::with(&[("a.sts.yaml", &wide), ("a.test.yaml", CASES)]);
    let run = checkout.policy(&["test"]).ended(1);
    for words in [
        "  FAILED  another function\n          it must be refused because of \"subject\"; admitted\n",
        "ok          subject",
        "2 passed, 1 failed\n",
    ] {
        assert!(run.out.contains(words), "{words}\n{}", run.out);
    }
    let narrow = GOOD.replace("507151", "507150");
    checkout.write(".github/chainguard/a.sts.yaml", narrow);
    let run = checkout.policy(&["test", ".github/chainguard/a.test.yaml"]).ended(1);
    assert!(run.out.contains("it must be admitted; refused: Octo STS answers 403: "), "{}", run.out);
    assert!(run.out.contains("differs     subject"), "{}", run.out);
}

#[test]
fn a_refusal_for_another_reason_is_none() {
    let cases = CASES.replace("because: subject", "because: issuer");
    let checkout = Checkout::with(&[("a.sts.yaml", GOOD), ("a.test.yaml", &cases)]);
    let run = checkout.policy(&["test"]).ended(1);
    assert!(run.out.contains("it must be refused because of \"issuer\"; refused: Octo STS"), "{}", run.out);
}

#[test]
fn the_servers_domain_is_the_files_or_the_commands() {
    let cases = CASES.replace("octo-sts.dev", "sts.acme.example");
    let checkout = Checkout::with(&[("a.sts.yaml", GOOD), ("a.test.yaml", &cases)]);
    checkout.policy(&["test"]).ended(1);
    checkout.policy(&["test", "--domain", "sts.acme.example"]).ended(0);
    checkout.write(".github/chainguard/a.test.yaml", format!("domain: sts.acme.example\n{cases}"));
    checkout.policy(&["test"]).ended(0);
}

#[test]
fn what_cannot_be_run_fails_and_the_rest_is_run_all_the_same() {
    let checkout = Checkout::with(&[
        ("a.test.yaml", CASES),
        ("b.sts.yaml", "issuer: https://a.example\n"),
        ("b.test.yaml", CASES),
        ("c.sts.yaml", GOOD),
        ("c.test.yaml", "pass: [{ name: x, clams: {} }]\n"),
        ("d.sts.yaml", GOOD),
        ("d.test.yaml", CASES),
        ("e.test.yaml", ""),
    ]);
    checkout.write(".github/chainguard/f.test.yaml", [0, 159, 255]);
    let run = checkout.policy(&["test"]).ended(1);
    for words in [
        "there is no file .github/chainguard/a.sts.yaml",
        "--> .github/chainguard/b.sts.yaml:1:1",
        "unknown key `clams`",
        "f.test.yaml is not UTF-8 text",
        "3 passed, 0 failed, 5 files unusable\n",
    ] {
        assert!(run.out.contains(words), "{words}\n{}", run.out);
    }
}

#[test]
fn no_cases_are_a_mistake_of_the_command() {
    let run = Checkout::with(&[("a.sts.yaml", GOOD)]).policy(&["test"]).ended(2);
    assert!(run.err.contains("there are no cases here"), "{}", run.err);
    let run = Checkout::new().policy(&["test", "none.test.yaml"]).ended(2);
    assert!(run.err.contains("there is no file none.test.yaml"), "{}", run.err);
}
