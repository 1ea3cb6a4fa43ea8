//! The time as GitHub sees it, which a test may set.

use jiff::{SignedDuration, Timestamp};

/// How many seconds a clock can be away from the Unix epoch without leaving what a timestamp can hold.
const FAR: i64 = 253_402_207_200;

/// The system's time until it is set; then it stands still until it is advanced.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Clock {
    set_to: Option<Timestamp>,
    /// Whole seconds ahead of the system's time, or of what it was set to.
    ahead: i64,
}

impl Clock {
    /// Now, to the second, as GitHub's timestamps are.
    pub(crate) fn now(&self) -> Timestamp {
        let base = self.set_to.unwrap_or_else(Timestamp::now).as_second();
        let second = base.saturating_add(self.ahead).clamp(-FAR, FAR);
        Timestamp::from_second(second).unwrap_or_default()
    }

    pub(crate) fn set(&mut self, now: Timestamp) {
        *self = Self { set_to: Some(now), ahead: 0 };
    }

    pub(crate) fn advance(&mut self, by: SignedDuration) {
        self.ahead = self.ahead.saturating_add(by.as_secs());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_runs_until_it_is_set_and_then_moves_only_when_advanced() {
        let mut clock = Clock::default();
        assert!(clock.now() <= Timestamp::now());
        clock.advance(SignedDuration::from_hours(1));
        assert!(clock.now() > Timestamp::now());

        clock.set("2026-11-20T09:00:00.7Z".parse().unwrap());
        assert_eq!(clock.now().to_string(), "2026-11-20T09:00:00Z");
        clock.advance(SignedDuration::from_mins(-1));
        assert_eq!(clock.now().to_string(), "2026-11-20T08:59:00Z");
        clock.advance(SignedDuration::MAX);
        assert!(clock.now() > Timestamp::UNIX_EPOCH);
    }
}
