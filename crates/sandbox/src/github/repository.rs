//! One repository: its settings, files, labels and issues.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::issue::{Comment, Issue, State};
use super::issues::Issues;
use super::user::User;

/// A label of a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Unique in the repository, whatever its letter case.
    pub name: String,
    /// Six hexadecimal digits.
    pub color: String,
    /// What it is for.
    pub description: Option<String>,
}

/// A published release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The tag it was made from.
    pub tag: String,
    /// Its title.
    pub name: String,
    /// When it was published.
    pub published_at: Timestamp,
}

/// A repository. What is public here can be changed at will through [`super::GitHub::configure`].
#[derive(Debug)]
pub struct Repository {
    pub(crate) id: u64,
    pub(crate) owner: String,
    pub(crate) name: String,
    pub(crate) created_at: Timestamp,
    pub(crate) labels: Vec<Label>,
    pub(crate) issues: Issues,
    /// What it is about.
    pub description: Option<String>,
    /// The branch that `files` are on.
    pub default_branch: String,
    /// Whether issues are enabled; disabled ones answer 410.
    pub has_issues: bool,
    /// Bytes of code by language.
    pub languages: BTreeMap<String, u64>,
    /// Releases, the latest last.
    pub releases: Vec<Release>,
    /// The files of the default branch, by path without a slash at the start.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// The colour GitHub gives a label that is created by using it.
const DEFAULT_COLOR: &str = "ededed";

impl Repository {
    pub(crate) fn new(id: u64, owner: &str, name: &str, now: Timestamp) -> Self {
        Self {
            id,
            owner: owner.to_owned(),
            name: name.to_owned(),
            created_at: now,
            labels: Vec::new(),
            issues: Issues::default(),
            description: None,
            default_branch: "main".to_owned(),
            has_issues: true,
            languages: BTreeMap::new(),
            releases: Vec::new(),
            files: BTreeMap::new(),
        }
    }

    /// `owner/name`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    pub(crate) fn label(&self, name: &str) -> Option<&Label> {
        self.labels.iter().find(|label| label.name.eq_ignore_ascii_case(name))
    }

    /// The label's name as the repository spells it, created when it is new.
    pub(crate) fn ensure_label(&mut self, name: &str) -> String {
        if let Some(label) = self.label(name) {
            return label.name.clone();
        }
        let label = Label { name: name.to_owned(), color: DEFAULT_COLOR.to_owned(), description: None };
        self.labels.push(label);
        name.to_owned()
    }

    /// The names as the repository spells them, each once, created where they are new.
    pub(crate) fn ensure_labels(&mut self, names: &[String]) -> Vec<String> {
        let mut spelled = Vec::new();
        for name in names {
            let name = self.ensure_label(name);
            if !spelled.contains(&name) {
                spelled.push(name);
            }
        }
        spelled
    }

    /// Adds a comment; `None` when there is no such issue.
    pub(crate) fn comment(
        &mut self,
        number: u64,
        body: &str,
        author: User,
        now: Timestamp,
    ) -> Option<Comment> {
        let before: usize = self.issues.all().map(|issue| issue.comments.len()).sum();
        let id = self.id * 1_000_000 + u64::try_from(before).unwrap_or(0) + 1;
        let comment = Comment { id, author, body: body.to_owned(), created_at: now };
        self.issues.change(number, now, |issue| issue.comments.push(comment.clone()))?;
        Some(comment)
    }

    pub(crate) fn open_issues(&self) -> usize {
        self.issues.all().filter(|issue| issue.state == State::Open).count()
    }

    pub(crate) fn updated_at(&self) -> Timestamp {
        self.issues.all().map(|issue: &Issue| issue.updated_at).max().unwrap_or(self.created_at)
    }

    pub(crate) fn branches(&self) -> impl Iterator<Item = &str> {
        let heads = self.issues.all().filter(|issue| issue.state == State::Open);
        let heads = heads.filter_map(|issue| issue.pull.as_ref()).map(|pull| pull.head.as_str());
        std::iter::once(self.default_branch.as_str()).chain(heads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_created_on_demand_and_keep_their_first_spelling() {
        let mut repository = Repository::new(1, "acme", "widgets", Timestamp::UNIX_EPOCH);
        let given = ["Alarm".to_owned(), "alarm".to_owned(), "gatepass:x".to_owned()];
        assert_eq!(repository.ensure_labels(&given), ["Alarm", "gatepass:x"]);
        assert_eq!(repository.ensure_label("ALARM"), "Alarm");
        assert_eq!(repository.labels.len(), 2);
    }
}
