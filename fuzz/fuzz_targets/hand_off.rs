//! Any text as a message of the queue, and any bytes packed as one.

#![no_main]
#![allow(dead_code, reason = "each target calls some of the checks")]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/core/tests/properties/checks.rs"]
mod checks;

fuzz_target!(|bytes: &[u8]| {
    checks::hand_off(&String::from_utf8_lossy(bytes));
    checks::hand_off(&checks::pack(bytes));
});
