//! Any bytes as a trust policy.

#![no_main]
#![allow(dead_code, reason = "each target calls one of the checks")]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/policy/tests/properties/checks.rs"]
mod checks;

fuzz_target!(|bytes: &[u8]| checks::policy(bytes));
