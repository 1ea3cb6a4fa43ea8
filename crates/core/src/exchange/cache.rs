use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Mutex;

use super::Scope;
use crate::clock::age;
use crate::names::TrustPolicyName;
use crate::secret::InstallationToken;

/// How long a token is used. Octo STS tells no expiry; the token lives for about an hour and the vendor's own clients
/// count on 20 to 45 minutes. By wall clock, because a frozen function's monotonic clock stands still.
const LIFETIME: Duration = Duration::from_secs(20 * 60);

/// How long a refusal is remembered, so that a storm of events does not hammer Octo STS.
const REFUSAL: Duration = Duration::from_secs(60);

/// Everything that two exchanges must have in common to share a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) url: String,
    pub(super) audience: String,
    pub(super) source: String,
    pub(super) scope: Scope,
    pub(super) trust_policy: TrustPolicyName,
}

/// Tokens and refusals, each key with single flight: its mutex is held across the exchange, so that a hundred events at
/// once make one.
pub(super) struct Cache<E> {
    slots: Mutex<HashMap<Key, Slot<E>>>,
}

type Slot<E> = Arc<Mutex<Option<Entry<E>>>>;

struct Entry<E> {
    made: Timestamp,
    result: Result<InstallationToken, E>,
}

impl<E> Default for Cache<E> {
    fn default() -> Self {
        Self { slots: Mutex::default() }
    }
}

impl<E> Entry<E> {
    fn is_fresh(&self, now: Timestamp) -> bool {
        age(self.made, now) < if self.result.is_ok() { LIFETIME } else { REFUSAL }
    }
}

/// Why an exchange gave no token.
pub(super) struct NoToken<E> {
    pub(super) why: E,
    /// Whether the next event should hear the same without another exchange.
    pub(super) remember: bool,
}

impl<E: Clone> Cache<E> {
    pub(super) async fn get(
        &self,
        key: Key,
        exchange: impl Future<Output = Result<InstallationToken, NoToken<E>>>,
    ) -> Result<InstallationToken, E> {
        let slot = self.slot(key).await;
        let mut slot = slot.lock().await;
        if let Some(entry) = slot.as_ref().filter(|entry| entry.is_fresh(Timestamp::now())) {
            return entry.result.clone();
        }
        let result = exchange.await;
        let keep = result.as_ref().map_or_else(|none| none.remember, |_| true);
        let result = result.map_err(|none| none.why);
        *slot = keep.then(|| Entry { made: Timestamp::now(), result: result.clone() });
        result
    }

    /// A token for one event alone: only a refusal is kept, and counts for shared tokens too.
    pub(super) async fn get_unshared(
        &self,
        key: Key,
        exchange: impl Future<Output = Result<InstallationToken, NoToken<E>>>,
    ) -> Result<InstallationToken, E> {
        let slot = self.slot(key).await;
        if let Some(entry) = slot.lock().await.as_ref()
            && entry.result.is_err()
            && entry.is_fresh(Timestamp::now())
        {
            return entry.result.clone();
        }
        let NoToken { why, remember } = match exchange.await {
            Ok(token) => return Ok(token),
            Err(none) => none,
        };
        if remember {
            let mut slot = slot.lock().await;
            let made = Timestamp::now();
            if !slot.as_ref().is_some_and(|entry| entry.is_fresh(made)) {
                *slot = Some(Entry { made, result: Err(why.clone()) });
            }
        }
        Err(why)
    }

    async fn slot(&self, key: Key) -> Slot<E> {
        Arc::clone(self.slots.lock().await.entry(key).or_default())
    }

    pub(super) async fn forget(&self, key: &Key, token: &InstallationToken) {
        let Some(slot) = self.slots.lock().await.get(key).cloned() else { return };
        let mut slot = slot.lock().await;
        let is_this =
            |entry: &Entry<E>| entry.result.as_ref().is_ok_and(|held| held.expose() == token.expose());
        if slot.as_ref().is_some_and(is_this) {
            *slot = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::failure::{Class, Failure};

    fn key() -> Key {
        Key {
            url: "https://octo-sts.dev".into(),
            audience: "octo-sts.dev".into(),
            source: "test".into(),
            scope: Scope::Repository("acme/operations".parse().unwrap()),
            trust_policy: "alarms".parse().unwrap(),
        }
    }

    fn outcome(result: Result<&str, Failure>) -> Result<InstallationToken, NoToken<Failure>> {
        result.map(InstallationToken::new).map_err(|failure| {
            let remember = failure.class == Class::Refused;
            NoToken { why: failure, remember }
        })
    }

    async fn count(
        cache: &Cache<Failure>,
        calls: &AtomicU32,
        result: Result<&str, Failure>,
    ) -> Result<InstallationToken, Failure> {
        cache
            .get(key(), async {
                calls.fetch_add(1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                outcome(result)
            })
            .await
    }

    #[tokio::test]
    async fn many_at_once_make_one_exchange() {
        let (cache, calls) = (Cache::<Failure>::default(), AtomicU32::new(0));
        let all = futures_util::future::join_all((0..100).map(|_| count(&cache, &calls, Ok("t")))).await;
        assert!(all.iter().all(Result::is_ok));
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_forgotten_token_is_exchanged_again_but_a_newer_one_stays() {
        let (cache, calls) = (Cache::<Failure>::default(), AtomicU32::new(0));
        let old = count(&cache, &calls, Ok("old")).await.unwrap();
        cache.forget(&key(), &old).await;
        count(&cache, &calls, Ok("new")).await.unwrap();
        cache.forget(&key(), &old).await;
        assert_eq!(count(&cache, &calls, Ok("newer")).await.unwrap().expose(), "new");
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn a_refusal_is_remembered_and_a_deferral_is_not() {
        let (cache, calls) = (Cache::<Failure>::default(), AtomicU32::new(0));
        count(&cache, &calls, Err(Failure::deferred(Duration::ZERO, "later"))).await.unwrap_err();
        count(&cache, &calls, Err(Failure::refused("no"))).await.unwrap_err();
        assert_eq!(count(&cache, &calls, Ok("t")).await.unwrap_err().message, "no");
        assert_eq!(calls.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn an_unshared_token_is_never_kept_but_a_refusal_is() {
        let (cache, calls) = (Cache::<Failure>::default(), AtomicU32::new(0));
        let unshared = async |result: Result<&str, Failure>| {
            let exchange = async {
                calls.fetch_add(1, Ordering::SeqCst);
                outcome(result)
            };
            cache.get_unshared(key(), exchange).await
        };
        for token in ["one", "two"] {
            assert_eq!(unshared(Ok(token)).await.unwrap().expose(), token);
        }
        assert_eq!(count(&cache, &calls, Ok("shared")).await.unwrap().expose(), "shared");
        assert_eq!(unshared(Ok("three")).await.unwrap().expose(), "three");
        unshared(Err(Failure::refused("no"))).await.unwrap_err();
        assert_eq!(count(&cache, &calls, Ok("x")).await.unwrap().expose(), "shared", "what is held stays");
        assert_eq!(calls.load(Ordering::SeqCst), 5);

        cache.forget(&key(), &InstallationToken::new("shared")).await;
        unshared(Err(Failure::deferred(Duration::ZERO, "later"))).await.unwrap_err();
        unshared(Err(Failure::refused("no"))).await.unwrap_err();
        assert_eq!(unshared(Ok("x")).await.unwrap_err().message, "no");
        assert_eq!(count(&cache, &calls, Ok("x")).await.unwrap_err().message, "no");
        assert_eq!(calls.load(Ordering::SeqCst), 7);
    }

    #[test]
    fn entries_age_by_wall_clock() {
        let made = Timestamp::from_second(1_000_000).unwrap();
        let at = |seconds: i64| Timestamp::from_second(1_000_000 + seconds).unwrap();
        let token = Entry::<Failure> { made, result: Ok(InstallationToken::new("t")) };
        let refusal = Entry { made, result: Err(Failure::refused("")) };
        assert!(token.is_fresh(at(0)) && token.is_fresh(at(1199)) && !token.is_fresh(at(1200)));
        assert!(refusal.is_fresh(at(59)) && !refusal.is_fresh(at(60)));
        assert!(!token.is_fresh(at(-1)));
    }
}
