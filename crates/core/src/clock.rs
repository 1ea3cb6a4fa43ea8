//! Ages by wall clock: a frozen function's monotonic clock stands still.

use std::time::Duration;

use jiff::Timestamp;

/// How long it is from now to `at`; zero once that has passed.
pub(crate) fn until(at: Timestamp) -> Duration {
    at.duration_since(Timestamp::now()).try_into().unwrap_or_default()
}

/// How old at `now` something is that was made at `made`. For ever, if it is still to come: then the clock has been set,
/// and its age is unknown.
pub(crate) fn age(made: Timestamp, now: Timestamp) -> Duration {
    let age = now.duration_since(made);
    if age.is_negative() { Duration::MAX } else { age.unsigned_abs() }
}
