//! Any headers, a line each, an empty line, and any body, as CloudEvents.

#![no_main]
#![allow(dead_code, reason = "each target calls one of the checks")]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/core/tests/properties/checks.rs"]
mod checks;

fuzz_target!(|bytes: &[u8]| checks::cloudevents(bytes));
