//! Who was asked to wait waits.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::answer::LONGEST;

/// How many owners are remembered.
const MOST: usize = 1000;

/// The owners that GitHub does not want to hear about for now, and until when: an event that comes again too soon is put off
/// without another call. It is kept in this process and ends by wall clock.
#[derive(Debug, Default)]
pub(super) struct Gate {
    shut: Mutex<HashMap<String, Timestamp>>,
}

impl Gate {
    /// Lets nothing about `owner` through before `opens`.
    pub(super) fn shut(&self, owner: &str, opens: Timestamp) {
        let now = Timestamp::now();
        let mut shut = self.shut.lock().unwrap_or_else(PoisonError::into_inner);
        shut.retain(|_, opens| is_shut(*opens, now));
        let owner = owner.to_ascii_lowercase();
        if shut.len() >= MOST
            && !shut.contains_key(&owner)
            && let Some(next) = shut.iter().min_by_key(|(_, opens)| **opens).map(|(owner, _)| owner.clone())
        {
            shut.remove(&next);
        }
        let entry = shut.entry(owner).or_insert(opens);
        *entry = opens.max(*entry);
    }

    /// When it opens, if it is shut.
    pub(super) fn opens(&self, owner: &str) -> Option<Timestamp> {
        let shut = self.shut.lock().unwrap_or_else(PoisonError::into_inner);
        shut.get(&owner.to_ascii_lowercase()).copied().filter(|opens| is_shut(*opens, Timestamp::now()))
    }
}

/// Longer than anybody is ever asked to wait means that the clock has been set back.
fn is_shut(opens: Timestamp, now: Timestamp) -> bool {
    let left = opens.duration_since(now);
    left.is_positive() && left.unsigned_abs() <= LONGEST
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn after(seconds: i64) -> Timestamp {
        Timestamp::from_second(Timestamp::now().as_second() + seconds).unwrap()
    }

    #[test]
    fn it_is_shut_for_one_owner_until_its_time() {
        let gate = Gate::default();
        gate.shut("acme", after(60));
        gate.shut("Acme", after(30));
        assert_eq!(gate.opens("ACME").map(Timestamp::as_second), Some(after(60).as_second()));
        assert_eq!(gate.opens("other"), None);
        gate.shut("other", after(-1));
        assert_eq!(gate.opens("other"), None);
    }

    #[test]
    fn a_time_that_cannot_be_true_shuts_nothing() {
        let now = after(0);
        let longest = i64::try_from(LONGEST.as_secs()).unwrap();
        for (seconds, shut) in [(-1, false), (0, false), (1, true), (longest, true), (longest + 1, false)] {
            let opens = Timestamp::from_second(now.as_second() + seconds).unwrap();
            assert_eq!(is_shut(opens, now), shut, "{seconds}");
        }
        assert!(LONGEST > Duration::from_secs(3600), "the primary limit resets every hour");
    }

    #[test]
    fn it_is_bounded_and_the_next_to_open_goes_first() {
        let gate = Gate::default();
        for n in 0..=MOST {
            gate.shut(&format!("owner-{n}"), after(60 + i64::try_from(n).unwrap()));
        }
        assert_eq!(gate.shut.lock().unwrap().len(), MOST);
        assert_eq!(gate.opens("owner-0"), None);
        assert!(gate.opens("owner-1").is_some());
    }
}
