use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;

use super::Topic;
use crate::clock::age;

/// How many entries are kept: about a megabyte.
const MOST: usize = 4096;

/// How long an entry counts. Redeliveries come within minutes, and lists catch up within seconds.
const LIFETIME: Duration = Duration::from_secs(3600);

/// The latest entries, by topic. The oldest goes first.
#[derive(Debug)]
pub(super) struct Recent<V> {
    entries: Mutex<Entries<V>>,
}

#[derive(Debug)]
struct Entries<V> {
    by_topic: HashMap<Topic, Entry<V>>,
    /// By the order in which they were put here.
    by_turn: BTreeMap<u64, Topic>,
    turns: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    made: Timestamp,
    turn: u64,
}

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Self { entries: Mutex::new(Entries { by_topic: HashMap::new(), by_turn: BTreeMap::new(), turns: 0 }) }
    }
}

impl<V: Clone> Recent<V> {
    pub(super) fn get(&self, topic: &Topic) -> Option<V> {
        let entries = self.lock();
        let entry = entries.by_topic.get(topic)?;
        (age(entry.made, Timestamp::now()) < LIFETIME).then(|| entry.value.clone())
    }

    pub(super) fn put(&self, topic: Topic, value: V) {
        let mut entries = self.lock();
        if let Some(entry) = entries.by_topic.remove(&topic) {
            entries.by_turn.remove(&entry.turn);
        }
        if entries.by_topic.len() >= MOST
            && let Some((_, oldest)) = entries.by_turn.pop_first()
        {
            entries.by_topic.remove(&oldest);
        }
        entries.turns += 1;
        let turn = entries.turns;
        entries.by_turn.insert(turn, topic.clone());
        entries.by_topic.insert(topic, Entry { value, made: Timestamp::now(), turn });
    }

    fn lock(&self) -> MutexGuard<'_, Entries<V>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(n: usize) -> Topic {
        Topic::run(&"acme/site".parse().unwrap(), u64::try_from(n).unwrap())
    }

    #[test]
    fn the_oldest_goes_first_and_what_is_put_again_is_young() {
        let recent = Recent::default();
        for n in 0..MOST {
            recent.put(topic(n), n);
        }
        recent.put(topic(0), 7);
        recent.put(topic(MOST), MOST);
        assert_eq!(recent.get(&topic(0)), Some(7));
        assert_eq!(recent.get(&topic(1)), None);
        assert_eq!(recent.get(&topic(2)), Some(2));
        let entries = recent.lock();
        assert_eq!((entries.by_topic.len(), entries.by_turn.len()), (MOST, MOST));
    }

    #[test]
    fn an_entry_ends_by_wall_clock() {
        let recent = Recent::default();
        for (seconds, counts) in [(0, true), (3590, true), (3600, false), (-60, false)] {
            recent.put(topic(0), ());
            let made = Timestamp::from_second(Timestamp::now().as_second() - seconds).unwrap();
            recent.lock().by_topic.get_mut(&topic(0)).unwrap().made = made;
            assert_eq!(recent.get(&topic(0)).is_some(), counts, "{seconds}");
        }
    }
}
