//! The issues of one repository, and what its lists show of them.

use std::collections::{BTreeMap, VecDeque};

use jiff::Timestamp;

use super::issue::Issue;

/// Issues by number. Reading one is always current; lists can lag, as GitHub's replicas do.
#[derive(Debug, Default)]
pub(crate) struct Issues {
    current: BTreeMap<u64, Issue>,
    /// What a list call shows.
    listed: BTreeMap<u64, Issue>,
    /// What list calls will show later, oldest first.
    pending: VecDeque<Pending>,
    list_calls: u64,
    /// How many list calls a change stays invisible for.
    lag: u64,
}

#[derive(Debug)]
struct Pending {
    /// The last list call that does not show it.
    hidden_until: u64,
    issue: Issue,
}

impl Issues {
    pub(crate) fn get(&self, number: u64) -> Option<&Issue> {
        self.current.get(&number)
    }

    /// All of them as they are now, by number.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Issue> {
        self.current.values()
    }

    /// Gives the issue the next number and keeps it.
    pub(crate) fn add(&mut self, mut issue: Issue) -> Issue {
        issue.number = self.current.last_key_value().map_or(1, |(last, _)| last + 1);
        self.store(issue.clone());
        issue
    }

    /// Changes an issue, and its `updated_at` if that changed anything; `None` when there is no such issue.
    pub(crate) fn change(
        &mut self,
        number: u64,
        now: Timestamp,
        change: impl FnOnce(&mut Issue),
    ) -> Option<Issue> {
        let before = self.current.get(&number)?;
        let mut after = before.clone();
        change(&mut after);
        if after != *before {
            after.updated_at = now;
            self.store(after.clone());
        }
        Some(after)
    }

    /// Lets changes from now on appear only after `calls` further list calls. None at all shows everything at once.
    pub(crate) fn set_lag(&mut self, calls: u64) {
        self.lag = calls;
        if calls == 0 {
            self.pending.clear();
            self.listed = self.current.clone();
        }
    }

    /// What a list call sees. Counts as one.
    pub(crate) fn list(&mut self) -> impl Iterator<Item = &Issue> {
        self.list_calls += 1;
        while self.pending.front().is_some_and(|pending| pending.hidden_until < self.list_calls) {
            if let Some(Pending { issue, .. }) = self.pending.pop_front() {
                self.listed.insert(issue.number, issue);
            }
        }
        self.listed.values()
    }

    fn store(&mut self, issue: Issue) {
        if self.lag == 0 {
            self.listed.insert(issue.number, issue.clone());
        } else {
            let hidden_until = self.list_calls + self.lag;
            self.pending.push_back(Pending { hidden_until, issue: issue.clone() });
        }
        self.current.insert(issue.number, issue);
    }
}

#[cfg(test)]
mod tests {
    use super::super::user::User;
    use super::*;

    fn issue(title: &str) -> Issue {
        Issue::new(title, None, User::person("ada"), Timestamp::UNIX_EPOCH)
    }

    fn titles(issues: &mut Issues) -> Vec<String> {
        issues.list().map(|issue| issue.title.clone()).collect()
    }

    #[test]
    fn numbers_count_up_and_a_change_is_dated_only_when_it_changes_something() {
        let mut issues = Issues::default();
        assert_eq!(issues.add(issue("a")).number, 1);
        assert_eq!(issues.add(issue("b")).number, 2);
        let later = Timestamp::from_second(9).unwrap();
        assert_eq!(issues.change(1, later, |_| {}).unwrap().updated_at, Timestamp::UNIX_EPOCH);
        assert_eq!(issues.change(1, later, |issue| issue.title = "c".into()).unwrap().updated_at, later);
        assert!(issues.change(3, later, |_| {}).is_none());
        assert_eq!(titles(&mut issues), ["c", "b"]);
    }

    #[test]
    fn lists_lag_by_the_given_number_of_calls() {
        let mut issues = Issues::default();
        issues.add(issue("old"));
        issues.set_lag(2);
        issues.add(issue("new"));
        issues.change(1, Timestamp::UNIX_EPOCH, |issue| issue.title = "changed".into());
        assert_eq!(issues.get(1).unwrap().title, "changed", "reading one is current");
        assert_eq!(titles(&mut issues), ["old"]);
        assert_eq!(titles(&mut issues), ["old"]);
        assert_eq!(titles(&mut issues), ["changed", "new"]);

        issues.add(issue("newest"));
        assert_eq!(titles(&mut issues).len(), 2);
        issues.set_lag(0);
        assert_eq!(titles(&mut issues), ["changed", "new", "newest"]);
    }
}
