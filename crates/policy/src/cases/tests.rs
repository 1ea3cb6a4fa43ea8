//! Files of cases, right and wrong, and how cases are judged.

use serde_json::json;

use super::*;
use crate::PolicyKind;

const DOMAIN: &str = "octo-sts.dev";

const FILE: &str = "
policy: ../alarms.sts.yaml
domain: sts.example.com
claims:
  iss: https://accounts.google.com
  sub: '107691503500061500000'
  aud: octo-sts.dev
  email_verified: true
  google: {compute_engine: {zone: eu, number: 1}}
pass:
  - name: the service account
fail:
  - name: another account
    claims: {sub: '2', n: 1.5, aud: [a, b]}
    because: 'trust policy: subject'
  - name: without the flag
    claims: {email_verified: null}
";

#[test]
fn a_file_is_read_with_the_kinds_of_json() {
    let cases = Cases::read(FILE).unwrap();
    assert_eq!(cases.policy.as_deref(), Some("../alarms.sts.yaml"));
    assert_eq!(cases.domain.as_deref(), Some("sts.example.com"));
    let [first, second, third] = cases.cases.as_slice() else { panic!("{cases:?}") };
    assert!(first.must_pass && !second.must_pass && !third.must_pass);
    assert_eq!(first.claims.subject(), "107691503500061500000");
    assert_eq!(first.claims.get("email_verified"), Some(&json!(true)));
    assert_eq!(first.claims.get("google"), Some(&json!({"compute_engine": {"zone": "eu", "number": 1}})));
    assert_eq!((second.claims.subject(), second.claims.audiences()), ("2", vec!["a", "b"]));
    assert_eq!(second.claims.get("n"), Some(&json!(1.5)));
    assert_eq!(second.because.as_deref(), Some("trust policy: subject"));
    assert_eq!(third.claims.get("email_verified"), None);
    assert_eq!(third.claims.get("google"), first.claims.get("google"));
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let head = "claims: {iss: 'https://a', sub: x, aud: d}\n";
    let whole = |cases: &str| format!("{head}{cases}");
    for (text, problems) in [
        ("", vec!["expected a mapping"]),
        ("- a", vec!["expected"]),
        ("a: [", vec!["unclosed bracket"]),
        ("pass: []\nfail: []\n", vec!["no cases"]),
        (&whole("pass: [{name: a}]\n---\npass: []"), vec!["document"]),
        (&whole("pas: [{name: a}]"), vec!["did you mean `pass`?"]),
        (&whole("pass: [{claims: {}}]"), vec!["name"]),
        (&whole("pass: [{name: a, because: x}]"), vec!["unknown key `because`"]),
        (&whole("pass: [{name: a}]\nfail: [{name: a}]"), vec!["another case's"]),
        (&whole("pass: [{name: ' '}]"), vec!["a name that is empty"]),
        (&whole("policy: /etc/x.sts.yaml\npass: [{name: a}]"), vec!["not a relative path"]),
        (&whole("domain: https://octo-sts.dev\npass: [{name: a}]"), vec!["not a bare domain"]),
        ("pass: [{name: a, claims: {sub: x}}]", vec!["no `iss`", "no `aud`"]),
        (&whole("fail: [{name: a, claims: {sub: null}}]"), vec!["no `sub`"]),
        (&whole("pass: [{name: a, claims: {sub: 107691503500061500000}}]"), vec!["quote it"]),
        (&whole("pass: [{name: a, claims: {sub: 107}}]"), vec!["`sub` is text in every token"]),
        (&whole("pass: [{name: a, claims: {aud: [d, 1.5]}}]"), vec!["`aud` is text in every token"]),
        (&whole("pass: [{name: a, claims: {n: [{m: -99999999999999999999}]}}]"), vec!["is rounded"]),
        (&whole("pass: [{name: a, claims: {n: 1e999}}]"), vec!["no number that a token can hold"]),
        (&whole("pass: [{name: a, claims: {n: .inf, m: -.NaN}}]"), vec!["no number", "no number"]),
        (
            "claims: {sub: 1}\npass: [{name: a, clams: {}}]\nfail: [{}, {name: b, claims: {n: 1e999}}]",
            vec!["`sub` is text", "unknown key `clams`", "name", "no number"],
        ),
    ] {
        let found = Cases::read(text).expect_err(text);
        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), problems.len(), "{text}: {shown:#?}");
        for (shown, words) in shown.iter().zip(problems) {
            assert!(shown.contains(words), "{text}: {words}: {shown}");
        }
    }
}

#[test]
fn what_is_as_numbers_is_kept() {
    let text = "claims: {iss: a, sub: '1', aud: d, i: -5, u: 18446744073709551615, f: 1e3, t: '99999999999999999999', e: 1.2.3}\n\
                pass: [{name: a}]";
    let cases = Cases::read(text).unwrap();
    let claim = |name: &str| cases.cases[0].claims.get(name).cloned().unwrap();
    assert_eq!(
        [claim("i"), claim("u"), claim("f"), claim("t"), claim("e")],
        [json!(-5), json!(u64::MAX), json!(1000.0), json!("99999999999999999999"), json!("1.2.3")]
    );
}

#[test]
fn a_case_is_judged_with_its_reason() {
    let policy = |tail: &str| {
        TrustPolicy::parse(&format!("issuer: https://a\n{tail}\n"), PolicyKind::Repository).unwrap()
    };
    let case = |must_pass, because: Option<&str>| Case {
        name: "x".to_owned(),
        claims: Claims::from_json(br#"{"iss":"https://a","sub":"x","aud":"octo-sts.dev"}"#).unwrap(),
        must_pass,
        because: because.map(str::to_owned),
    };
    let (admits, refuses) = (policy("subject: x"), policy("subject: y"));
    assert_eq!(case(true, None).judge(&admits, DOMAIN), None);
    assert_eq!(case(false, None).judge(&admits, DOMAIN), Some(Verdict::Admitted));
    assert_eq!(case(false, None).judge(&refuses, DOMAIN), None);
    assert_eq!(case(false, Some("subject \"x\"")).judge(&refuses, DOMAIN), None);
    assert!(matches!(case(false, Some("audience")).judge(&refuses, DOMAIN), Some(Verdict::Refused(_))));
    assert!(matches!(case(true, None).judge(&refuses, DOMAIN), Some(Verdict::Refused(_))));
    assert!(matches!(case(true, None).judge(&admits, "other.dev"), Some(Verdict::Refused(_))));
}

/// A few hundred kilobytes must not become gigabytes.
#[test]
fn shared_claims_are_bounded() {
    let shared: String = (0..5_000).map(|n| format!("  k{n}: v\n")).collect();
    let cases: String = (0..20_000).map(|n| format!("  - name: c{n}\n")).collect();
    let problems =
        Cases::read(&format!("claims:\n  iss: a\n  sub: b\n  aud: c\n{shared}pass:\n{cases}")).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].message.contains("more than 16 MB") && problems[0].position.line == 1,
        "{problems:?}"
    );
}
