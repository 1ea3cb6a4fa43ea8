//! Nothing that anyone writes makes the reader panic, and a suggested policy always admits.

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

fn policy_text() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("issuer"),
        Just("subject"),
        Just("audience"),
        Just("_pattern"),
        Just("claim_pattern"),
        Just("permissions"),
        Just("repositories"),
        Just(": "),
        Just(":\n"),
        Just("\n"),
        Just("\n  "),
        Just("- "),
        Just("["),
        Just("]"),
        Just("{"),
        Just("}"),
        Just(", "),
        Just("'"),
        Just("\""),
        Just("x"),
        Just("1"),
        Just("on"),
        Just("issues"),
        Just("~"),
        Just("<<"),
        Just("&a "),
        Just("*a"),
        Just("!!str "),
        Just("|\n"),
    ];
    prop::collection::vec(word, 0..40).prop_map(|words| words.concat())
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
    fn any_text_is_read_or_refused(text in prop_oneof![any::<String>(), policy_text()]) {
        for kind in [PolicyKind::Repository, PolicyKind::Organization] {
            match TrustPolicy::parse(&text, kind) {
                Ok(policy) => {
                    let claims = Claims::from_json(br#"{"iss":"https://a","sub":"x","aud":"x"}"#).unwrap();
                    let _ = policy.evaluate(&claims, "octo-sts.dev");
                }
                Err(error) => prop_assert!(!error.message.is_empty()),
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
