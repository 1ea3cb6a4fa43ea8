//! `read:` steps: what a job reads from its repository before it acts.

use gatepass_yaml::Path;
use minijinja::Value;

use super::template::{Compiler, Purpose, Template, Templates};
use crate::config::{ReadStep, check_relative};
use crate::failure::Failure;
use crate::github::GitHub;
use crate::telemetry::TARGET;

/// A compiled step.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) name: String,
    path: Template,
    max_items: usize,
    truncate: bool,
    permission: &'static str,
}

impl Read {
    /// `None` when something was reported.
    pub(super) fn compile(
        compiler: &mut Compiler<'_>,
        place: &Path,
        name: &str,
        step: &ReadStep,
    ) -> Option<Self> {
        let settings = step.settings();
        if settings.max_items == 0 {
            compiler.report(&place.key("max_items"), "nothing could ever be read", "write 1 or more");
        }
        let path = compiler.template(Purpose::Path, place, settings.path.as_str(), &[])?;
        Some(Self {
            name: name.to_owned(),
            path,
            max_items: usize::try_from(settings.max_items).unwrap_or(usize::MAX),
            truncate: settings.truncate,
            permission: permission(settings.path.as_str()),
        })
    }

    /// The permission that this path needs, in the words of a trust policy.
    pub(super) fn permission(&self) -> &'static str {
        self.permission
    }

    /// The path for this event, relative to the repository.
    pub(super) fn path(&self, templates: &Templates, scope: &Value) -> Result<String, Failure> {
        let path = templates.render(&self.path, scope)?;
        check_relative(&path).map_err(|why| {
            Failure::invalid(format!("reading `{}`: the path for this event {why}", self.name))
        })?;
        Ok(path)
    }

    pub(super) async fn run(
        &self,
        templates: &Templates,
        scope: &Value,
        github: &GitHub<'_>,
    ) -> Result<serde_json::Value, Failure> {
        let path = self.path(templates, scope)?;
        let what = format!("reading `{}`", self.name);
        let mut url = github.repository_url(&path)?;
        if !url.query_pairs().any(|(name, _)| name == "per_page") {
            url.query_pairs_mut().append_pair("per_page", "100");
        }
        let read = github.read(url, self.max_items, &what).await?;
        if read.more && !self.truncate {
            return Err(Failure::refused(format!(
                "{what}: there are more than {} items; raise max_items, narrow the path, or set truncate: true",
                self.max_items
            )));
        }
        if read.more {
            tracing::warn!(
                target: TARGET, message = "a list was cut as `truncate` allows", read = self.name,
                max_items = u64::try_from(self.max_items).unwrap_or(u64::MAX),
            );
        }
        Ok(read.value)
    }
}

/// GitHub Docs, "Permissions required for GitHub Apps": by the first segment of a path below the repository.
fn permission(path: &str) -> &'static str {
    match path.split(['/', '?']).next().unwrap_or_default() {
        "actions" => "actions",
        "check-runs" | "check-suites" => "checks",
        "code-scanning" => "security_events",
        "deployments" => "deployments",
        "environments" => "environments",
        "issues" | "labels" | "milestones" | "assignees" => "issues",
        "pages" => "pages",
        "pulls" => "pull_requests",
        "statuses" => "statuses",
        _ => "contents",
    }
}
