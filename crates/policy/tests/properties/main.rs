//! Nothing that anyone writes makes the reader panic, and a suggested policy always admits.
//!
//! What holds for any input stands in `checks`, which the fuzz targets call too (`fuzz/`).

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a failed test")]

mod checks;

use std::collections::BTreeMap;

use gatepass_policy::{Claims, PolicyKind, TrustPolicy, Verdict, exact_policy, format, permissions};
use proptest::prelude::*;
use serde_json::json;

/// Values that nearly or really keep the format rules, in the characters that YAML finds interesting.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z0-9:/#!%*,?~|@_=+^é日\u{301}\u{1f600}.-]{1,20}",
        Just("~".to_owned()),
        Just("null".to_owned()),
        Just("yes".to_owned()),
        Just("0x10".to_owned()),
        Just("1e3".to_owned()),
        Just("107691503500061500000".to_owned()),
        Just("-".to_owned()),
        Just("#x".to_owned()),
        Just("octo-sts.dev".to_owned()),
    ]
}

fn issuer() -> impl Strategy<Value = String> {
    prop_oneof![value(), "https://[a-z!$&'()*+,;=._~-]{1,12}(:[0-9]{1,4})?(/[A-Za-z0-9._~-]{1,8}){0,3}/?"]
}

/// Some of these words, one after the other.
fn words(words: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(words), 0..most).prop_map(|words| words.concat())
}

fn policy_text() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "issuer",
        "subject",
        "audience",
        "_pattern",
        "claim_pattern",
        "permissions",
        "repositories",
        ": ",
        ":\n",
        "\n",
        "\n  ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ", ",
        "'",
        "\"",
        "x",
        "1",
        "on",
        "issues",
        "~",
        "<<",
        "&a ",
        "*a",
        "!!str ",
        "|\n",
        "https://a.example",
        ".*",
        "(a|b)",
        "issuer: https://a.example\nsubject: x\n",
    ];
    words(WORDS, 40)
}

fn list_text() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "mode: ",
        "audit",
        "enforce",
        "issuers:",
        "issuer_patterns:",
        "\n",
        "\n- ",
        "[",
        "]",
        ", ",
        "'",
        "https://",
        "a\\.example",
        "/",
        "|",
        "(",
        ")",
        "*",
        "[a-z]+",
        ".",
        "x",
    ];
    words(WORDS, 30)
}

fn cases_text() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "policy: ",
        "domain: ",
        "claims:",
        "pass:",
        "fail:",
        "\n",
        "\n- ",
        "\n  ",
        "name: ",
        "because: ",
        "iss: ",
        "sub: ",
        "aud: ",
        "{",
        "}",
        "[",
        "]",
        ", ",
        "x",
        "1",
        "1e999",
        "~",
        "&a ",
        "*a",
        "https://a.example",
    ];
    words(WORDS, 30)
}

fn pattern_text() -> impl Strategy<Value = String> {
    const WORDS: &[&str] = &[
        "a",
        "x",
        "é",
        "\u{212a}",
        ".",
        "\\.",
        "|",
        "(",
        "(?:",
        "(?i)",
        "(?s",
        "(?P<n>",
        ")",
        "[",
        "[^",
        "]",
        "a-z",
        "&&",
        "\\d",
        "\\w",
        "\\b",
        "\\pL",
        "\\Q",
        "\\E",
        "\\x{41}",
        "\\",
        "*",
        "+",
        "?",
        "{2}",
        "{9,}",
        "{1000}",
        "^",
        "$",
        "[[:alpha:]]",
        "\n",
    ];
    words(WORDS, 16)
}

/// Claims in which the standard ones are of every kind, and often what policies ask for.
fn jwt_claims() -> impl Strategy<Value = serde_json::Value> {
    let any = || {
        prop_oneof![
            value().prop_map(serde_json::Value::from),
            Just(json!("https://a")),
            Just(json!("x")),
            Just(json!("octo-sts.dev")),
            Just(json!(null)),
            Just(json!(7)),
            Just(json!(true)),
            Just(json!({ "a": "b" })),
            Just(json!([])),
            Just(json!(["octo-sts.dev", "x"])),
            Just(json!(["octo-sts.dev", null])),
            Just(json!(["octo-sts.dev", 7])),
        ]
    };
    let name = prop::sample::select(&["iss", "sub", "aud", "ref", "email", "exp"][..]);
    let good = json!({ "iss": "https://a", "sub": "x", "aud": "octo-sts.dev", "ref": "main" });
    prop::collection::vec((name, any()), 0..4).prop_map(move |changes| {
        let mut claims = good.clone();
        for (name, value) in changes {
            claims[name] = value;
        }
        claims
    })
}

/// What could stand in a token: claims, bare, and as a JWT has them.
fn jwt_text() -> impl Strategy<Value = String> {
    jwt_claims().prop_map(|claims| claims.to_string())
}

proptest! {
    #[test]
    fn a_suggested_policy_admits(
        iss in issuer(),
        sub in value(),
        aud in prop::collection::vec(value(), 0..3),
        granted in prop::collection::btree_map(prop::sample::select(permissions::KNOWN), value(), 0..3),
    ) {
        let payload = json!({ "iss": iss, "sub": sub, "aud": aud }).to_string();
        let claims = Claims::from_json(payload.as_bytes()).unwrap();
        let granted: BTreeMap<String, String> = granted.into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
        let possible = format::issuer(&iss).is_ok()
            && format::subject(&sub).is_ok()
            && !aud.is_empty()
            && aud.iter().all(|aud| format::audience(aud).is_ok());
        match exact_policy(&claims, "octo-sts.dev", &granted) {
            Err(_) => prop_assert!(!possible),
            Ok(text) => {
                prop_assert!(possible);
                for kind in [PolicyKind::Repository, PolicyKind::Organization] {
                    let policy = TrustPolicy::parse(&text, kind).unwrap();
                    prop_assert_eq!(policy.evaluate(&claims, "octo-sts.dev"), Verdict::Admitted);
                    prop_assert_eq!(&policy.permissions, &granted);
                }
            }
        }
    }

    #[test]
    fn any_policy_is_read_or_refused(text in prop_oneof![any::<String>(), policy_text()]) {
        checks::policy(text.as_bytes());
    }

    #[test]
    fn any_bytes_are_looked_at(bytes in prop_oneof![
        prop::collection::vec(any::<u8>(), 0..60),
        policy_text().prop_map(String::into_bytes),
    ]) {
        checks::policy(&bytes);
        checks::linted(&bytes);
    }

    #[test]
    fn any_pattern_is_compiled_or_refused(text in prop_oneof![
        any::<String>(),
        pattern_text(),
        r"[-ab(){}|*+?^$.:<>PQEpxi,0-9\\é\[\]]{0,40}",
    ]) {
        checks::pattern(&text);
    }

    #[test]
    fn any_token_is_read_or_refused(text in prop_oneof![any::<String>(), jwt_text()]) {
        checks::token(&text);
    }

    #[test]
    fn any_cases_are_read_or_refused(text in prop_oneof![any::<String>(), cases_text()]) {
        checks::cases(&text);
    }

    #[test]
    fn any_list_of_issuers_is_read_or_refused(text in prop_oneof![any::<String>(), list_text()]) {
        checks::issuer_list(&text);
    }

    #[test]
    fn explanations_agree_with_verdicts(
        claims in jwt_claims(),
        audience in prop::option::of(value()),
        pattern in pattern_text(),
    ) {
        let claims = Claims::from_json(claims.to_string().as_bytes()).unwrap();
        let audience = audience.map(|audience| format!("audience: {}\n", serde_json::Value::from(audience)));
        let pattern = serde_json::Value::from(pattern);
        for head in ["issuer: https://a\nsubject: x\n", "issuer_pattern: https://.*\nsubject_pattern: '.*'\n"] {
            let text = format!("{head}{}claim_pattern: {{ref: {pattern}}}\n", audience.as_deref().unwrap_or_default());
            if let Ok(policy) = TrustPolicy::parse(&text, PolicyKind::Repository) {
                checks::explained(&policy, &claims);
            }
        }
    }

    #[test]
    fn refusals_are_one_line(sub in value(), expected in value()) {
        let payload = json!({ "iss": "https://a", "sub": sub, "aud": "octo-sts.dev" }).to_string();
        let claims = Claims::from_json(payload.as_bytes()).unwrap();
        let text = format!("issuer: https://a\nsubject: {}\n", serde_json::Value::from(expected));
        if let Ok(policy) = TrustPolicy::parse(&text, PolicyKind::Repository)
            && let Verdict::Refused(refusal) = policy.evaluate(&claims, "octo-sts.dev")
        {
            prop_assert!(!refusal.to_string().contains(char::is_control));
        }
    }
}
