//! What issues are planned with: assignees, milestones, and the organisation's issue types.

use jiff::Timestamp;

use super::GitHub;
use super::fields::{Fields, MAX_TITLE};
use super::issue::Issue;
use super::people::NotThere;
use super::visit::Scene;

/// A milestone of a repository. It stays open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Milestone {
    /// Unique in the repository, counted from 1.
    pub number: u64,
    /// The title.
    pub title: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl GitHub {
    /// Adds a milestone to a repository, and answers its number.
    ///
    /// # Errors
    /// When there is no such repository.
    pub fn add_milestone(&self, repository: &str, title: &str) -> Result<u64, NotThere> {
        self.change(repository, |repository, created_at| {
            let last = repository.milestones.iter().map(|milestone| milestone.number).max();
            let number = last.unwrap_or(0) + 1;
            repository.milestones.push(Milestone { number, title: title.to_owned(), created_at });
            number
        })
    }

    /// Lets issues of a repository be assigned to `login`.
    ///
    /// # Errors
    /// When there is no such repository.
    pub fn add_assignable(&self, repository: &str, login: &str) -> Result<(), NotThere> {
        self.configure(repository, |repository| {
            repository.assignable.insert(login.to_owned());
        })
    }

    /// Adds an issue type to an organisation, which all its repositories have then.
    pub fn add_issue_type(&self, owner: &str, name: &str) {
        let mut world = self.inner.shared.world();
        world.issue_types.entry(owner.to_lowercase()).or_default().push(name.to_owned());
    }

    /// Whether GitHub refuses a request, 422, that names an assignee who cannot be assigned. When not, such
    /// assignees are dropped silently.
    pub fn set_assignees_refused(&self, refused: bool) {
        self.inner.shared.world().refuse_assignees = refused;
    }
}

/// What a request says about planning. Each is `None` when it is not named, and then stays as it is.
#[derive(Debug)]
pub(crate) struct Plan {
    assignees: Option<Vec<String>>,
    milestone: Option<Option<u64>>,
    issue_type: Option<Option<String>>,
}

impl Plan {
    /// Reads `assignees`, `milestone` and `type`, each as the repository or its organisation spells it.
    pub(crate) fn read(fields: &mut Fields, scene: &Scene<'_>) -> Self {
        let assignees = fields.logins("assignees").map(|logins| {
            let (known, unknown) = assignable(&logins, scene);
            if scene.refuse_assignees && !unknown.is_empty() {
                let message = format!("assignees {} cannot be assigned to this issue", unknown.join(", "));
                fields.error("assignees", "invalid", Some(message));
            }
            known
        });
        let milestone = fields.number("milestone");
        let is_known = |number| scene.repository.milestones.iter().any(|known| known.number == number);
        if milestone.flatten().is_some_and(|number| !is_known(number)) {
            fields.error("milestone", "invalid", None);
        }
        let issue_type = fields.text("type", MAX_TITLE).map(|name| {
            let name = name?;
            let known = scene.issue_types.iter().find(|known| known.eq_ignore_ascii_case(&name));
            if known.is_none() {
                let message = format!("Issue type {name:?} does not exist or is not enabled");
                fields.error("type", "invalid", Some(message));
            }
            known.cloned()
        });
        Self { assignees, milestone, issue_type }
    }

    pub(crate) fn apply(self, issue: &mut Issue) {
        if let Some(assignees) = self.assignees {
            issue.assignees = assignees;
        }
        if let Some(milestone) = self.milestone {
            issue.milestone = milestone;
        }
        if let Some(issue_type) = self.issue_type {
            issue.issue_type = issue_type;
        }
    }
}

/// Those who can be assigned, each once, and those who cannot.
fn assignable(logins: &[String], scene: &Scene<'_>) -> (Vec<String>, Vec<String>) {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for login in logins {
        match scene.repository.assignable.iter().find(|known| known.eq_ignore_ascii_case(login)) {
            Some(found) if known.contains(found) => {}
            Some(found) => known.push(found.clone()),
            None => unknown.push(login.clone()),
        }
    }
    (known, unknown)
}
