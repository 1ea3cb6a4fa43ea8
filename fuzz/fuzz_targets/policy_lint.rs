//! Any bytes as every kind of file that is linted.

#![no_main]
#![allow(dead_code, reason = "each target calls one of the checks")]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/policy/tests/properties/checks.rs"]
mod checks;

fuzz_target!(|bytes: &[u8]| checks::linted(bytes));
