//! Trying again at once, where that can help.
//!
//! Nothing longer is ever waited for inside a billed function: what needs more than a moment is Deferred, and the host or
//! its queue brings it back.

use std::time::Duration;

use jiff::Timestamp;

/// How often a call that may be repeated is repeated.
pub(crate) const RETRIES: u32 = 2;

/// A jittered moment: 50 to 250 ms, twice that before the second try.
pub(crate) async fn moment(attempt: u32) {
    let jitter = u64::from(Timestamp::now().subsec_nanosecond().unsigned_abs() / 1000 % 200);
    tokio::time::sleep(Duration::from_millis((50 + jitter) * u64::from(attempt + 1))).await;
}
