//! A pattern with values, and the verdicts that Go gives.

use gatepass_policy::Pattern;
use gatepass_policy::pattern::Server;
use serde::{Deserialize, Serialize};

/// A line of the corpus.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Case {
    pub(crate) pattern: String,
    /// Go's error without anchors.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) alone: String,
    /// Go's error under the current server's anchors.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) current: String,
    /// Go's error under an older server's anchors.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) older: String,
    /// What matches under both anchors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) both: Vec<String>,
    /// What matches under the current server's anchors only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) current_only: Vec<String>,
    /// What matches under an older server's anchors only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) older_only: Vec<String>,
    /// What matches under neither.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) neither: Vec<String>,
    /// How many of the verdicts we may leave open: one if all of them.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(crate) doubts: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Case {
    pub(crate) fn question(pattern: String, values: Vec<String>) -> Self {
        Self { pattern, neither: values, ..Self::default() }
    }

    /// Every value, with whether it matches under the current server's anchors and under an older one's.
    pub(crate) fn values(&self) -> impl Iterator<Item = (&str, bool, bool)> {
        let with = |values, current, older| std::iter::zip(values, std::iter::repeat((current, older)));
        with(&self.both, true, true)
            .chain(with(&self.current_only, true, false))
            .chain(with(&self.older_only, false, true))
            .chain(with(&self.neither, false, false))
            .map(|(value, (current, older)): (&String, _)| (value.as_str(), current, older))
    }

    /// What we say differently, and how often we are in doubt.
    pub(crate) fn differences(&self) -> (Vec<String>, usize) {
        let (mut differences, mut doubts) = (Vec::new(), 0);
        let pattern = match Pattern::compile(self.pattern.as_str()) {
            Err(broken) => {
                if broken.message != self.current {
                    differences.push(format!("we say {broken:?}, Go says {:?}", self.current));
                }
                assert!(self.pattern.get(broken.at.clone()).is_some(), "{broken:?} in {:?}", self.pattern);
                return (differences, doubts);
            }
            Ok(pattern) if pattern.doubt().is_some() => return (differences, 1),
            Ok(pattern) => pattern,
        };
        if !self.current.is_empty() {
            differences.push(format!("we take it, Go says {}", self.current));
            return (differences, doubts);
        }
        let alone = pattern.compiles_alone().err().map(|broken| broken.message).unwrap_or_default();
        if alone != self.alone {
            differences.push(format!("without anchors we say {alone:?}, Go says {:?}", self.alone));
        }
        let older = pattern.older_compiles().err().map(|broken| broken.message.as_str()).unwrap_or_default();
        if older != self.older {
            differences.push(format!("of an older server we say {older:?}, Go says {:?}", self.older));
        }
        for (value, current, older) in self.values() {
            if current != older && !pattern.older_may_differ() {
                differences.push(format!("{value:?} tells the servers apart"));
            }
            let servers = [(Server::Current, current), (Server::Older, older)];
            for (server, matches) in servers.into_iter().take(if self.older.is_empty() { 2 } else { 1 }) {
                match pattern.judge(value, server) {
                    Err(_) => doubts += 1,
                    Ok(ours) if ours == matches => {}
                    Ok(ours) => {
                        differences
                            .push(format!("{value:?} by {server:?}: we say {ours}, Go says {matches}"));
                    }
                }
            }
            if let Some(literal) = pattern.literal()
                && (literal == value) != current
            {
                differences.push(format!("{literal:?} is not the only text"));
            }
        }
        (differences, doubts)
    }
}
