//! The primary rate limit, as GitHub counts and tells it.

use http::{HeaderMap, HeaderName, HeaderValue};
use jiff::{SignedDuration, Timestamp};

/// How long GitHub counts before it starts again.
const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// The budget of the installation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    pub(crate) limit: u64,
    pub(crate) remaining: u64,
    /// When `remaining` becomes `limit` again; `None` until the first request.
    pub(crate) reset: Option<Timestamp>,
}

impl Default for Rate {
    fn default() -> Self {
        Self { limit: 5000, remaining: 5000, reset: None }
    }
}

impl Rate {
    /// Counts one request; false when none is left.
    pub(crate) fn spend(&mut self, now: Timestamp) -> bool {
        self.refresh(now);
        let left = self.remaining > 0;
        self.remaining = self.remaining.saturating_sub(1);
        left
    }

    /// Starts a new window when the old one is over.
    pub(crate) fn refresh(&mut self, now: Timestamp) {
        match self.reset {
            Some(reset) if now < reset => {}
            Some(_) => {
                self.remaining = self.limit;
                self.reset = now.saturating_add(WINDOW).ok();
            }
            None => self.reset = now.saturating_add(WINDOW).ok(),
        }
    }

    pub(crate) fn used(&self) -> u64 {
        self.limit.saturating_sub(self.remaining)
    }

    /// Unix seconds, as in `x-ratelimit-reset`.
    pub(crate) fn reset_at(&self) -> i64 {
        self.reset.map_or(0, Timestamp::as_second)
    }

    pub(crate) fn write_headers(&self, headers: &mut HeaderMap) {
        for (name, value) in [
            ("x-ratelimit-limit", self.limit.into()),
            ("x-ratelimit-remaining", self.remaining.into()),
            ("x-ratelimit-used", self.used().into()),
            ("x-ratelimit-reset", HeaderValue::from(self.reset_at())),
            ("x-ratelimit-resource", HeaderValue::from_static("core")),
        ] {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_until_the_window_is_over() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut rate = Rate { limit: 2, remaining: 2, reset: None };
        assert!(rate.spend(at(0)) && rate.spend(at(1)) && !rate.spend(at(2)));
        let mut headers = HeaderMap::new();
        rate.write_headers(&mut headers);
        assert_eq!(headers["x-ratelimit-remaining"], "0");
        assert_eq!(headers["x-ratelimit-used"], "2");
        assert_eq!(headers["x-ratelimit-reset"], "3600");
        assert!(rate.spend(at(3600)));
        assert_eq!(rate.remaining, 1);
    }
}
