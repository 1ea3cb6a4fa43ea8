//! A failure's message, taken apart: what happened, and what to do.

use crate::failure::Failure;

/// The message's last clause is the next step (`docs/contract.md`, "Failures"). What is said to whoever delivers events is
/// said to whoever examines.
pub(super) fn told(failure: &Failure) -> (String, String) {
    let message = failure
        .message
        .replace("was not finished when the time for this event was up", "did not answer in time");
    let (found, next) = match message.rsplit_once("; ") {
        Some((found, next)) => (found.to_owned(), next.to_owned()),
        None => (message, AGAIN.to_owned()),
    };
    (found, again(&next))
}

/// The next step, for whoever examines.
pub(super) fn again(next: &str) -> String {
    let next = ["deliver the event again", "deliver it again"]
        .into_iter()
        .fold(next.to_owned(), |next, words| next.replace(words, "examine again"));
    if next == "examine again" { AGAIN.to_owned() } else { next }
}

const AGAIN: &str = "examine again; if it stays so, look at what stands between";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_clause_is_the_next_step() {
        for (message, found, next) in [
            ("X answered 403: \"a; b\"; turn it on", "X answered 403: \"a; b\"", "turn it on"),
            ("X timed out; deliver the event again", "X timed out", AGAIN),
            (
                "X said no; nothing to change: deliver the event again later",
                "X said no",
                "nothing to change: examine again later",
            ),
            ("X broke off", "X broke off", AGAIN),
            (
                "X was not finished when the time for this event was up; deliver it again",
                "X did not answer in time",
                AGAIN,
            ),
        ] {
            assert_eq!(told(&Failure::refused(message)), (found.to_owned(), next.to_owned()));
        }
    }
}
