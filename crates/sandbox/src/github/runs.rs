//! The workflow runs of one repository, and what its lists show of them.

use super::actions::Run;

/// Runs in the order in which they were started. Lists can lag behind.
#[derive(Debug, Default)]
pub(crate) struct Runs {
    /// Each with the last list call that does not show it.
    all: Vec<(Run, u64)>,
    list_calls: u64,
    lag: u64,
}

impl Runs {
    pub(crate) fn all(&self) -> impl Iterator<Item = &Run> {
        self.all.iter().map(|(run, _)| run)
    }

    /// Gives the run its numbers and keeps it.
    pub(crate) fn add(&mut self, repository: u64, mut run: Run) -> Run {
        run.number = u64::try_from(self.all.len()).unwrap_or(u64::MAX).saturating_add(1);
        run.id = repository * 1_000_000 + run.number;
        let hidden_until = if self.lag == 0 { 0 } else { self.list_calls + self.lag };
        self.all.push((run.clone(), hidden_until));
        run
    }

    /// Lets runs from now on appear only after `calls` further list calls. None at all shows everything at once.
    pub(crate) fn set_lag(&mut self, calls: u64) {
        self.lag = calls;
        if calls == 0 {
            self.all.iter_mut().for_each(|(_, hidden_until)| *hidden_until = 0);
        }
    }

    /// What a list call sees, the latest first. Counts as one.
    pub(crate) fn list(&mut self) -> impl Iterator<Item = &Run> {
        self.list_calls += 1;
        let calls = self.list_calls;
        self.all.iter().rev().filter(move |(_, hidden_until)| *hidden_until < calls).map(|(run, _)| run)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::Timestamp;

    use super::super::user::User;
    use super::*;

    fn run() -> Run {
        Run {
            id: 0,
            number: 0,
            workflow: "deploy.yml".into(),
            title: "Deploy".into(),
            event: "workflow_dispatch".into(),
            branch: "main".into(),
            inputs: BTreeMap::new(),
            actor: User::bot("octo-sts[bot]"),
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn lists_show_the_latest_first_and_can_lag() {
        let mut runs = Runs::default();
        assert_eq!(runs.add(7, run()).id, 7_000_001);
        runs.set_lag(1);
        runs.add(7, run());
        let numbers = |runs: &mut Runs| runs.list().map(|run| run.number).collect::<Vec<_>>();
        assert_eq!(numbers(&mut runs), [1]);
        assert_eq!(numbers(&mut runs), [2, 1]);
        runs.add(7, run());
        assert_eq!(runs.all().count(), 3);
        runs.set_lag(0);
        assert_eq!(numbers(&mut runs), [3, 2, 1]);
    }
}
