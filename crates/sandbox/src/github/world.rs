//! Everything this GitHub knows, behind one lock.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::clock::Clock;
use super::json::Urls;
use super::rate::Rate;
use super::recorder::Recorder;
use super::repository::Repository;
use super::tokens::Tokens;

/// The state behind the routes.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) rate: Rate,
    /// Of all who send no token.
    pub(crate) strangers_rate: Rate,
    pub(crate) tokens: Tokens,
    /// Accounts the App is installed on, as they are spelled.
    pub(crate) installations: BTreeSet<String>,
    /// By full name in lower case.
    repositories: BTreeMap<String, Repository>,
    /// Whether issues keep the labels they are given.
    pub(crate) labels_stick: bool,
    /// Whether an assignee who cannot be assigned is refused; otherwise silently dropped.
    pub(crate) refuse_assignees: bool,
    /// Names of issue types by organisation in lower case.
    pub(crate) issue_types: BTreeMap<String, Vec<String>>,
    /// The first answered requests, once a test asked for them.
    pub(crate) recorder: Option<Recorder>,
    /// After how many list calls changes show.
    pub(crate) lag: u64,
}

impl World {
    pub(crate) fn repository(&self, full_name: &str) -> Option<&Repository> {
        self.repositories.get(&full_name.to_lowercase())
    }

    pub(crate) fn repository_mut(&mut self, full_name: &str) -> Option<&mut Repository> {
        self.repositories.get_mut(&full_name.to_lowercase())
    }

    pub(crate) fn repositories(&self) -> impl Iterator<Item = &Repository> {
        self.repositories.values()
    }

    pub(crate) fn repositories_mut(&mut self) -> impl Iterator<Item = &mut Repository> {
        self.repositories.values_mut()
    }

    /// Adds an empty repository; one that is there stays as it is.
    pub(crate) fn add_repository(&mut self, owner: &str, name: &str) {
        let (now, lag) = (self.clock.now(), self.lag);
        let id = 1_000 + u64::try_from(self.repositories.len()).unwrap_or(0);
        self.repositories.entry(format!("{owner}/{name}").to_lowercase()).or_insert_with(|| {
            let mut repository = Repository::new(id, owner, name, now);
            repository.issues.set_lag(lag);
            repository
        });
    }
}

/// The world and where it is served. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    world: Arc<Mutex<World>>,
    pub(crate) urls: Arc<Urls>,
}

impl Shared {
    pub(crate) fn new(urls: Urls) -> Self {
        let world = World {
            clock: Clock::default(),
            rate: Rate::default(),
            strangers_rate: Rate { limit: 60, remaining: 60, reset: None },
            tokens: Tokens::default(),
            installations: BTreeSet::new(),
            repositories: BTreeMap::new(),
            labels_stick: true,
            refuse_assignees: false,
            issue_types: BTreeMap::new(),
            recorder: None,
            lag: 0,
        };
        Self { world: Arc::new(Mutex::new(world)), urls: Arc::new(urls) }
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
