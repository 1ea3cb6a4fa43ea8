//! What people do on GitHub, and what a test may look at.

use super::issue::{Comment, Issue, Pull, State, StateReason};
use super::repository::Repository;
use super::user::User;
use super::world::World;
use super::{GitHub, Label};

/// The person who acts when nobody else is named.
const PERSON: &str = "ada";

/// There is no such repository, issue, or owner.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sandbox's GitHub has no {0}")]
pub struct NotThere(String);

impl GitHub {
    /// Adds an empty repository, `owner/name`, with issues enabled. One that is there stays as it is.
    ///
    /// # Errors
    /// When the name is not of the form `owner/name`.
    pub fn add_repository(&self, full_name: &str) -> Result<(), NotThere> {
        let parts = full_name.split_once('/').filter(|(owner, name)| !owner.is_empty() && !name.is_empty());
        let (owner, name) = parts.ok_or_else(|| NotThere(format!("repository {full_name:?}")))?;
        self.inner.shared.world().add_repository(owner, name);
        Ok(())
    }

    /// Changes a repository's settings, languages, releases or files.
    ///
    /// # Errors
    /// When there is no such repository.
    pub fn configure(&self, repository: &str, change: impl FnOnce(&mut Repository)) -> Result<(), NotThere> {
        self.change(repository, |repository, _| change(repository))
    }

    /// Commits a file to the default branch.
    ///
    /// # Errors
    /// When there is no such repository.
    pub fn put_file(&self, repository: &str, path: &str, content: impl AsRef<[u8]>) -> Result<(), NotThere> {
        let content = content.as_ref().to_vec();
        self.configure(repository, |repository| {
            repository.files.insert(path.trim_start_matches('/').to_owned(), content);
        })
    }

    /// Deletes a file from the default branch, if it is there.
    ///
    /// # Errors
    /// When there is no such repository.
    pub fn delete_file(&self, repository: &str, path: &str) -> Result<(), NotThere> {
        self.configure(repository, |repository| {
            repository.files.remove(path.trim_start_matches('/'));
        })
    }

    /// The text of a file on the default branch.
    pub fn file(&self, repository: &str, path: &str) -> Option<Vec<u8>> {
        self.inner.shared.world().repository(repository)?.files.get(path).cloned()
    }

    /// Opens an issue as `author`, and answers its number.
    ///
    /// # Errors
    /// When there is no such repository.
    pub fn add_issue(
        &self,
        repository: &str,
        author: User,
        title: &str,
        body: &str,
        labels: &[&str],
    ) -> Result<u64, NotThere> {
        self.change(repository, |repository, now| {
            let mut issue = Issue::new(title, Some(body), author, now);
            let labels: Vec<String> = labels.iter().map(|&label| label.to_owned()).collect();
            issue.labels = repository.ensure_labels(&labels);
            repository.issues.add(issue).number
        })
    }

    /// Opens a pull request from `head` into the default branch, and answers its number.
    ///
    /// # Errors
    /// When there is no such repository.
    pub fn add_pull(&self, repository: &str, author: User, title: &str, head: &str) -> Result<u64, NotThere> {
        self.change(repository, |repository, now| {
            let base = repository.default_branch.clone();
            let pull = Some(Pull { head: head.to_owned(), base, draft: false });
            repository.issues.add(Issue { pull, ..Issue::new(title, None, author, now) }).number
        })
    }

    /// Closes an issue, as a person would.
    ///
    /// # Errors
    /// When there is no such issue.
    pub fn close_as_person(
        &self,
        repository: &str,
        number: u64,
        reason: StateReason,
    ) -> Result<(), NotThere> {
        let person = User::person(PERSON);
        self.change_issue(repository, number, |issue, now| {
            issue.change_state(State::Closed, Some(reason), &person, now);
        })
    }

    /// Reopens an issue, as a person would.
    ///
    /// # Errors
    /// When there is no such issue.
    pub fn reopen_as_person(&self, repository: &str, number: u64) -> Result<(), NotThere> {
        let person = User::person(PERSON);
        self.change_issue(repository, number, |issue, now| {
            issue.change_state(State::Open, None, &person, now)
        })
    }

    /// Rewrites the body of an issue, as a person would.
    ///
    /// # Errors
    /// When there is no such issue.
    pub fn edit_body(
        &self,
        repository: &str,
        number: u64,
        edit: impl FnOnce(&str) -> String,
    ) -> Result<(), NotThere> {
        self.change_issue(repository, number, |issue, _| {
            issue.body = Some(edit(issue.body.as_deref().unwrap_or_default()));
        })
    }

    /// Rewrites the title of an issue, as a person would.
    ///
    /// # Errors
    /// When there is no such issue.
    pub fn edit_title(&self, repository: &str, number: u64, title: &str) -> Result<(), NotThere> {
        self.change_issue(repository, number, |issue, _| title.clone_into(&mut issue.title))
    }

    /// Adds a label to an issue, as a person would.
    ///
    /// # Errors
    /// When there is no such issue.
    pub fn add_label(&self, repository: &str, number: u64, label: &str) -> Result<(), NotThere> {
        let label = self.change(repository, |repository, _| repository.ensure_label(label))?;
        self.change_issue(repository, number, |issue, _| {
            if !issue.has_label(&label) {
                issue.labels.push(label);
            }
        })
    }

    /// Takes a label off an issue, as a person would.
    ///
    /// # Errors
    /// When there is no such issue.
    pub fn remove_label(&self, repository: &str, number: u64, label: &str) -> Result<(), NotThere> {
        self.change_issue(repository, number, |issue, _| {
            issue.labels.retain(|known| !known.eq_ignore_ascii_case(label));
        })
    }

    /// Comments on an issue, as a person would.
    ///
    /// # Errors
    /// When there is no such issue.
    pub fn comment_as_person(&self, repository: &str, number: u64, body: &str) -> Result<Comment, NotThere> {
        self.change(repository, |repository, now| {
            repository.comment(number, body, User::person(PERSON), now)
        })?
        .ok_or_else(|| no_issue(repository, number))
    }

    /// The issues of a repository as they are now, without pull requests, by number.
    pub fn issues(&self, repository: &str) -> Vec<Issue> {
        let world = self.inner.shared.world();
        let all = world.repository(repository).into_iter().flat_map(|repository| repository.issues.all());
        all.filter(|issue| issue.pull.is_none()).cloned().collect()
    }

    /// The open ones of [`GitHub::issues`].
    pub fn open_issues(&self, repository: &str) -> Vec<Issue> {
        let mut issues = self.issues(repository);
        issues.retain(|issue| issue.state == State::Open);
        issues
    }

    /// One issue or pull request as it is now.
    pub fn issue(&self, repository: &str, number: u64) -> Option<Issue> {
        self.inner.shared.world().repository(repository)?.issues.get(number).cloned()
    }

    /// The comments on an issue or pull request as they are now, oldest first.
    pub fn comments(&self, repository: &str, number: u64) -> Vec<Comment> {
        self.issue(repository, number).map(|issue| issue.comments).unwrap_or_default()
    }

    /// The labels of a repository.
    pub fn labels(&self, repository: &str) -> Vec<Label> {
        let world = self.inner.shared.world();
        world.repository(repository).map(|repository| repository.labels.clone()).unwrap_or_default()
    }

    /// Names of all repositories, `owner/name`.
    pub fn repositories(&self) -> Vec<String> {
        self.inner.shared.world().repositories().map(Repository::full_name).collect()
    }

    pub(super) fn change<T>(
        &self,
        repository: &str,
        change: impl FnOnce(&mut Repository, jiff::Timestamp) -> T,
    ) -> Result<T, NotThere> {
        let mut world = self.inner.shared.world();
        let World { clock, .. } = &*world;
        let now = clock.now();
        let found = world.repository_mut(repository);
        found
            .map(|found| change(found, now))
            .ok_or_else(|| NotThere(format!("repository {repository:?}; add it with add_repository")))
    }

    fn change_issue(
        &self,
        repository: &str,
        number: u64,
        change: impl FnOnce(&mut Issue, jiff::Timestamp),
    ) -> Result<(), NotThere> {
        let changed = self.change(repository, |repository, now| {
            repository.issues.change(number, now, |issue| change(issue, now))
        })?;
        changed.map(|_| ()).ok_or_else(|| no_issue(repository, number))
    }
}

fn no_issue(repository: &str, number: u64) -> NotThere {
    NotThere(format!("issue #{number} in {repository}"))
}
