//! Any text as a trust policy.

#![no_main]

use gatepass_policy::{Claims, PolicyKind, TrustPolicy};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    for kind in [PolicyKind::Repository, PolicyKind::Organization] {
        match TrustPolicy::parse(text, kind) {
            Ok(policy) => {
                let claims = Claims::from_json(br#"{"iss":"https://a","sub":"x","aud":"x"}"#).expect("JSON");
                let _ = policy.evaluate(&claims, "octo-sts.dev");
            }
            Err(error) => assert!(!error.message.is_empty()),
        }
    }
});
