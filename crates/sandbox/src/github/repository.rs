//! One repository: its settings, files, labels, issues and workflows.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::actions::{RepositoryDispatch, Workflow};
use super::issue::{Comment, Issue, State};
use super::issues::Issues;
use super::planning::Milestone;
use super::runs::Runs;
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

/// Who can see a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Visibility {
    /// Everybody: no permission is needed to read.
    Public,
    /// Those who were let in.
    Private,
    /// The enterprise. For an App the same as private.
    Internal,
}

impl Visibility {
    /// GitHub's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Private => "private",
            Self::Internal => "internal",
        }
    }
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
    pub(crate) runs: Runs,
    pub(crate) dispatches: Vec<RepositoryDispatch>,
    /// How many comments were ever made, so that ids of deleted ones are not given again.
    comments_made: u64,
    /// What it is about.
    pub description: Option<String>,
    /// The branch that `files` are on.
    pub default_branch: String,
    /// Whether issues are enabled; disabled ones answer 410.
    pub has_issues: bool,
    /// Who can see it; private unless it is said.
    pub visibility: Visibility,
    /// Whether it is read-only; every change of an archived one answers 403.
    pub archived: bool,
    /// Whether it was forked from another.
    pub fork: bool,
    /// Its topics.
    pub topics: Vec<String>,
    /// Logins that issues can be assigned to.
    pub assignable: BTreeSet<String>,
    /// Its milestones, by number from 1.
    pub milestones: Vec<Milestone>,
    /// The workflows on the default branch.
    pub workflows: Vec<Workflow>,
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
            runs: Runs::default(),
            dispatches: Vec::new(),
            comments_made: 0,
            description: None,
            default_branch: "main".to_owned(),
            has_issues: true,
            visibility: Visibility::Private,
            archived: false,
            fork: false,
            topics: Vec::new(),
            assignable: BTreeSet::new(),
            milestones: Vec::new(),
            workflows: Vec::new(),
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
        let id = self.id * 1_000_000 + self.comments_made + 1;
        let comment = Comment { id, author, body: body.to_owned(), created_at: now, updated_at: now };
        self.issues.change(number, now, |issue| issue.comments.push(comment.clone()))?;
        self.comments_made += 1;
        Some(comment)
    }

    /// The number of the issue that the comment is on.
    pub(crate) fn commented(&self, comment: u64) -> Option<u64> {
        let has_it = |issue: &&Issue| issue.comments.iter().any(|known| known.id == comment);
        self.issues.all().find(has_it).map(|issue| issue.number)
    }

    /// Rewrites a comment; `None` when there is none such.
    pub(crate) fn rewrite_comment(&mut self, id: u64, body: &str, now: Timestamp) -> Option<Comment> {
        let number = self.commented(id)?;
        let issue = self.issues.change(number, now, |issue| {
            let comment = issue.comments.iter_mut().find(|known| known.id == id && known.body != body);
            if let Some(comment) = comment {
                body.clone_into(&mut comment.body);
                comment.updated_at = now;
            }
        })?;
        issue.comments.into_iter().find(|known| known.id == id)
    }

    /// Deletes a comment; `None` when there is none such.
    pub(crate) fn delete_comment(&mut self, id: u64, now: Timestamp) -> Option<()> {
        let number = self.commented(id)?;
        self.issues.change(number, now, |issue| issue.comments.retain(|known| known.id != id))?;
        Some(())
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

    /// The short name of a branch or tag that is there, whether it was given short or as `refs/…`.
    pub(crate) fn resolve_ref<'a>(&self, name: &'a str) -> Option<&'a str> {
        let (branch, tag) = (name.strip_prefix("refs/heads/"), name.strip_prefix("refs/tags/"));
        let is_branch = |name: &&str| self.branches().any(|known| known == *name);
        let is_tag = |name: &&str| self.releases.iter().any(|release| release.tag == *name);
        match (branch, tag) {
            (Some(branch), _) => Some(branch).filter(is_branch),
            (_, Some(tag)) => Some(tag).filter(is_tag),
            (None, None) => Some(name).filter(|name| is_branch(name) || is_tag(name)),
        }
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

    #[test]
    fn a_ref_is_a_branch_or_a_tag_that_is_there() {
        let mut repository = Repository::new(1, "acme", "widgets", Timestamp::UNIX_EPOCH);
        let published_at = Timestamp::UNIX_EPOCH;
        repository.releases.push(Release { tag: "v1".into(), name: "one".into(), published_at });
        for (name, found) in [
            ("main", Some("main")),
            ("refs/heads/main", Some("main")),
            ("v1", Some("v1")),
            ("refs/tags/v1", Some("v1")),
            ("refs/heads/v1", None),
            ("refs/tags/main", None),
            ("dev", None),
            ("", None),
        ] {
            assert_eq!(repository.resolve_ref(name), found, "{name}");
        }
    }

    #[test]
    fn the_id_of_a_deleted_comment_is_not_given_again() {
        let mut repository = Repository::new(1, "acme", "widgets", Timestamp::UNIX_EPOCH);
        let (ada, now) = (User::person("ada"), Timestamp::UNIX_EPOCH);
        let number = repository.issues.add(Issue::new("t", None, ada.clone(), now)).number;
        let first = repository.comment(number, "a", ada.clone(), now).unwrap();
        assert_eq!(repository.delete_comment(first.id, now), Some(()));
        assert_eq!(repository.delete_comment(first.id, now), None);
        let second = repository.comment(number, "b", ada, now).unwrap();
        assert_ne!(first.id, second.id);
    }
}
