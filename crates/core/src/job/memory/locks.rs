use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

use super::Topic;

/// One lock a topic, for as long as somebody holds it or waits for it. Whoever waits is served in turn.
#[derive(Debug, Default)]
pub(in crate::job) struct Locks {
    wanted: Mutex<HashMap<Topic, Arc<AsyncMutex<()>>>>,
}

/// Whoever holds it has the topic for itself. Dropping it lets the next one in.
#[derive(Debug)]
pub(in crate::job) struct Held<'a> {
    place: Place<'a>,
}

/// A place in the queue, which is left also when nobody waits for the lock any more.
#[derive(Debug)]
struct Place<'a> {
    locks: &'a Locks,
    topic: Topic,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Locks {
    /// Waits until nobody else in this process works on the topic.
    pub(in crate::job) async fn hold(&self, topic: Topic) -> Held<'_> {
        let lock = Arc::clone(self.lock().entry(topic.clone()).or_default());
        let mut place = Place { locks: self, topic, guard: None };
        place.guard = Some(lock.lock_owned().await);
        Held { place }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Topic, Arc<AsyncMutex<()>>>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held<'_> {
    /// What is held.
    pub(in crate::job) fn topic(&self) -> &Topic {
        &self.place.topic
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        drop(self.guard.take());
        let mut wanted = self.locks.lock();
        // One is the map's own.
        if wanted.get(&self.topic).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            wanted.remove(&self.topic);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    fn topic(n: u64) -> Topic {
        Topic::run(&"acme/site".parse().unwrap(), n)
    }

    #[tokio::test]
    async fn one_at_a_time_and_others_do_not_wait() {
        let locks = Locks::default();
        let held = locks.hold(topic(1)).await;
        assert!(locks.hold(topic(1)).now_or_never().is_none());
        let other = locks.hold(topic(2)).now_or_never().unwrap();
        assert_eq!(locks.lock().len(), 2);
        drop(other);
        let next = async {
            let held = locks.hold(topic(1)).await;
            assert_eq!(*held.topic(), topic(1));
        };
        tokio::join!(next, async { drop(held) });
        assert_eq!(locks.lock().len(), 0, "nothing stays");
    }

    #[tokio::test]
    async fn whoever_gives_up_leaves_nothing() {
        let locks = Locks::default();
        let held = locks.hold(topic(1)).await;
        assert!(locks.hold(topic(1)).now_or_never().is_none());
        drop(held);
        assert_eq!(locks.lock().len(), 0);
        locks.hold(topic(1)).now_or_never().unwrap();
    }

    #[tokio::test]
    async fn many_at_once_take_turns() {
        let locks = Arc::new(Locks::default());
        let inside = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let tasks = (0..50u64).map(|n| {
            let (locks, inside) = (Arc::clone(&locks), Arc::clone(&inside));
            tokio::spawn(async move {
                let held = locks.hold(topic(n % 2)).await;
                let before = inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                tokio::task::yield_now().await;
                inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                drop(held);
                before
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            assert!(task.await.unwrap() < 2);
        }
        assert_eq!(locks.lock().len(), 0);
    }
}
