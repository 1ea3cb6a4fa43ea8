//! The four ways to fail, and what is said to whom.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

use crate::clock;

/// What kind of failure this is: it alone decides what a host is told. `docs/contract.md`, "Failures".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Caller, signature or source not accepted: nobody proved who they are.
    Unauthenticated,
    /// Caller or source known, and not allowed to do this.
    Forbidden,
    /// There is no such job or route.
    NotFound,
    /// More than is taken in one delivery.
    TooLarge,
    /// Can never succeed as it is.
    Invalid,
    /// A person must change something first.
    Refused,
    /// Not now; not before this time.
    Deferred(Timestamp),
}

impl Class {
    /// The name of the class in answers and log records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unauthenticated | Self::Forbidden => "untrusted",
            Self::NotFound | Self::TooLarge | Self::Invalid => "invalid",
            Self::Refused => "refused",
            Self::Deferred(_) => "deferred",
        }
    }

    /// The HTTP status of the class.
    pub fn status(self) -> u16 {
        match self {
            Self::Unauthenticated => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::TooLarge => 413,
            Self::Invalid => 422,
            Self::Refused => 502,
            Self::Deferred(_) => 503,
        }
    }

    /// How much the host should hear of it when several jobs fail: a delivery worth repeating outranks one
    /// that only a person can help, which outranks one that nothing can.
    pub(crate) fn rank(self) -> u8 {
        match self {
            Self::Deferred(_) => 3,
            Self::Refused => 2,
            Self::Invalid | Self::NotFound | Self::TooLarge => 1,
            Self::Unauthenticated | Self::Forbidden => 0,
        }
    }
}

/// Why something was not done.
///
/// `message` may be shown to whoever called: it names the thing, the place and the next step, and holds no claim,
/// policy or body. `details` is for the log, and for callers that the configuration marks `details: true`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Decides what the host hears.
    pub class: Class,
    /// For the caller.
    pub message: String,
    /// For the log.
    pub details: Option<String>,
}

impl Failure {
    fn new(class: Class, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), details: None }
    }

    /// Nobody proved who they are.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(Class::Unauthenticated, message)
    }

    /// Known, and not allowed.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(Class::Forbidden, message)
    }

    /// No such job or route.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(Class::NotFound, message)
    }

    /// More than is taken in one delivery.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(Class::TooLarge, message)
    }

    /// Can never succeed.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Class::Invalid, message)
    }

    /// A person must change something first.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Class::Refused, message)
    }

    /// A panic that was caught: the log names its place.
    pub(crate) fn bug() -> Self {
        Self::refused("a bug in gatepass: please report the place that the log names")
    }

    /// Not before `wait` has passed.
    pub fn deferred(wait: Duration, message: impl Into<String>) -> Self {
        let until = Timestamp::now().checked_add(wait).unwrap_or(Timestamp::MAX);
        Self::new(Class::Deferred(until), message)
    }

    /// Adds what only the log should hold.
    #[must_use]
    pub fn with_details(mut self, details: impl Into<String>) -> Self {
        self.details = Some(details.into());
        self
    }

    /// Whole seconds until a deferred event may come back, at least one; `None` for every other class.
    pub fn retry_after(&self) -> Option<u64> {
        let Class::Deferred(until) = self.class else { return None };
        Some(clock::until(until).as_secs().max(1))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.class.name(), self.message)
    }
}

impl std::error::Error for Failure {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_map_to_the_contracts_statuses() {
        let table = [
            (Failure::unauthenticated(""), "untrusted", 401),
            (Failure::forbidden(""), "untrusted", 403),
            (Failure::not_found(""), "invalid", 404),
            (Failure::too_large(""), "invalid", 413),
            (Failure::invalid(""), "invalid", 422),
            (Failure::refused(""), "refused", 502),
            (Failure::deferred(Duration::ZERO, ""), "deferred", 503),
        ];
        for (failure, name, status) in table {
            assert_eq!((failure.class.name(), failure.class.status()), (name, status));
        }
    }

    #[test]
    fn only_a_deferred_failure_says_when_to_come_back() {
        assert_eq!(Failure::refused("").retry_after(), None);
        assert_eq!(Failure::deferred(Duration::ZERO, "").retry_after(), Some(1));
        let later = Failure::deferred(Duration::from_secs(120), "").retry_after();
        assert!(later.is_some_and(|s| (118..=120).contains(&s)), "{later:?}");
    }
}
