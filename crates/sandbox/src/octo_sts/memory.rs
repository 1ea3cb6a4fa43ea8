//! What the server remembers of the files it read.

use std::collections::HashMap;

use gatepass_policy::TrustedIssuers;
use jiff::{SignedDuration, Timestamp};

use crate::github::GitHub;

/// How long a file counts as it was read, and as missing when it was not there.
const FRESH: SignedDuration = SignedDuration::from_mins(5);

/// How long the last list of trusted issuers that was good stands in for one that is not.
const LAST_GOOD: SignedDuration = SignedDuration::from_hours(1);

/// What was read, if anything, and when.
type Read = (Option<Vec<u8>>, Timestamp);

/// The server's memory: off until asked for, so that a file that was just written counts at once.
#[derive(Debug, Default)]
pub(crate) struct Memory(Option<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    /// By repository and path.
    files: HashMap<(String, String), Read>,
    /// By owner.
    good_lists: HashMap<String, (TrustedIssuers, Timestamp)>,
}

impl Memory {
    /// Starts remembering from now on, or forgets.
    pub(crate) fn set(&mut self, on: bool) {
        self.0 = on.then(Remembered::default);
    }

    /// A file, as it is or as it is remembered.
    pub(super) fn read(&mut self, github: &GitHub, repository: String, path: &str) -> Option<Vec<u8>> {
        let Some(remembered) = &mut self.0 else { return github.file(&repository, path) };
        let now = github.now();
        let key = (repository, path.to_owned());
        if let Some((bytes, read_at)) = remembered.files.get(&key)
            && now.duration_since(*read_at) < FRESH
        {
            return bytes.clone();
        }
        let bytes = github.file(&key.0, &key.1);
        remembered.files.insert(key, (bytes.clone(), now));
        bytes
    }

    /// Whether the file is remembered as missing. To the server's memory an empty file is a missing one.
    pub(super) fn knows_none(&self, github: &GitHub, repository: &str, path: &str) -> bool {
        let files = self.0.as_ref().map(|remembered| &remembered.files);
        let known = files.and_then(|files| files.get(&(repository.to_owned(), path.to_owned())));
        known.is_some_and(|(bytes, read_at)| {
            bytes.as_ref().is_none_or(Vec::is_empty) && github.now().duration_since(*read_at) < FRESH
        })
    }

    /// Keeps a list of trusted issuers for a time when it is broken.
    pub(super) fn keep_list(&mut self, github: &GitHub, owner: &str, list: &TrustedIssuers) {
        if let Some(remembered) = &mut self.0 {
            remembered.good_lists.insert(owner.to_owned(), (list.clone(), github.now()));
        }
    }

    /// The list that was kept, unless it is too old.
    pub(super) fn last_good_list(&self, github: &GitHub, owner: &str) -> Option<TrustedIssuers> {
        let (list, kept_at) = self.0.as_ref()?.good_lists.get(owner)?;
        (github.now().duration_since(*kept_at) < LAST_GOOD).then(|| list.clone())
    }
}
