//! What must hold for any payload. It panics when it does not.

use gatepass_aws::events::{Invocation, read};

/// Stands in the events, and must stand in no error.
pub(crate) const PRIVATE: &str = "xyzzy";

/// Reads an invocation's payload.
pub(crate) fn event(payload: &str) {
    let failure = match read(payload) {
        Ok(Invocation::UnreadableHttp(unreadable)) => unreadable.failure,
        Ok(_) => return,
        Err(failure) => failure,
    };
    assert_eq!(failure.class.name(), "invalid", "{failure}");
    assert!(!failure.message.is_empty() && failure.message.len() < 1000, "{failure}");
    assert!(!failure.to_string().contains(PRIVATE), "{failure}");
}
