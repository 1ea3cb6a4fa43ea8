//! What the jobs of a `gatepass.yaml` need on GitHub, and in which files the policies stand that grant it.

use std::collections::{BTreeMap, BTreeSet};

use gatepass_core::config::{OrganizationFilter, Platform, Repositories};
use gatepass_core::job::Job;
use gatepass_policy::PolicyKind;
use gatepass_policy::permissions::need;

use crate::Stop;
use crate::check::Checked;
use crate::policy::document::{ORGANIZATION, kind_in};

/// What a policy must grant, and where it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Needs {
    /// The policy's name and the repositories that hold it; none where no job says.
    pub(super) file: Option<(String, Vec<String>)>,
    /// The level of each permission.
    pub(super) permissions: BTreeMap<String, String>,
    /// Who needs it.
    pub(super) reasons: BTreeMap<String, Vec<String>>,
    /// The names of the repositories that an organisation's policy is to reach; none where they are not known.
    pub(super) repositories: Vec<String>,
    /// What else to know.
    pub(super) remarks: Vec<String>,
}

/// Which jobs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice<'a> {
    /// This one, and those that share its policy; all where there is none.
    pub(super) job: Option<&'a str>,
    /// Of the repositories that hold the policy, only this one.
    pub(super) repository: Option<&'a str>,
    /// The cloud of the token: a job that does not run there has another one.
    pub(super) platform: Option<Platform>,
}

/// A policy's file: the repository, and the name.
type File = (String, String);

impl Needs {
    /// Adds a permission; of two levels, the higher.
    pub(super) fn add(&mut self, permission: &str, level: &str, reason: &str) {
        need(&mut self.permissions, permission, level);
        let reasons = self.reasons.entry(permission.to_owned()).or_default();
        if !reasons.iter().any(|known| known == reason) {
            reasons.push(reason.to_owned());
        }
    }

    /// What the chosen jobs need.
    ///
    /// # Errors
    /// Usage when there is no such job, or when the choice leaves more than one policy.
    pub(super) fn of_jobs(checked: &Checked, choice: Choice<'_>) -> Result<Self, Stop> {
        let jobs: Vec<&Job> = checked.jobs.iter().collect();
        let chosen = choose(&jobs, choice.job)?;
        let mut files: BTreeSet<File> = chosen.iter().flat_map(|job| files_of(job)).collect();
        if let Some(wanted) = choice.repository {
            files.retain(|(home, _)| home.eq_ignore_ascii_case(wanted));
            if files.is_empty() {
                return Err(Stop::Usage(format!("no policy of these jobs stands in {wanted}")));
            }
        }
        // A policy that admits this token and stands in several repositories is one only if it says the same in all.
        let mut policies: Vec<(Self, Vec<File>)> = Vec::new();
        for file in files {
            let needs = Self::of_file(checked, &jobs, &chosen, &file, choice.platform);
            match policies.iter_mut().find(|(known, files)| *known == needs && named_alike(files, &file)) {
                Some((_, files)) => files.push(file),
                None => policies.push((needs, vec![file])),
            }
        }
        if policies.len() > 1 {
            return Err(Stop::Usage(several(&policies, choice.job)));
        }
        let Some((mut needs, files)) = policies.pop() else {
            return Err(Stop::Usage("no job says which repository it is for".to_owned()));
        };
        let name = files.first().map(|(_, name)| name.clone()).unwrap_or_default();
        needs.file = Some((name, files.into_iter().map(|(home, _)| home).collect()));
        Ok(needs)
    }

    /// What one file must grant.
    fn of_file(
        checked: &Checked,
        jobs: &[&Job],
        chosen: &[&Job],
        file: &File,
        platform: Option<Platform>,
    ) -> Self {
        let mut needs = Self::default();
        let mut sharing = Vec::new();
        let mut are_known = true;
        for &job in jobs.iter().filter(|job| files_of(job).contains(file)) {
            let name = job.name().as_str();
            let Some(settings) = checked.file.config.jobs.get(job.name()) else { continue };
            let is_chosen = chosen.iter().any(|chosen| chosen.name() == job.name());
            if let Some(platform) = platform.filter(|platform| !settings.runs_on(*platform)) {
                let elsewhere = format!("the job {name} does not run on {}", platform.name());
                needs.remarks.push(match is_chosen {
                    true => format!("{elsewhere}: is this the right token?"),
                    false => format!(
                        "{elsewhere} and shares this policy, which admits one workload only: give that job a policy of its own"
                    ),
                });
                if !is_chosen {
                    continue;
                }
            }
            sharing.push(name);
            let action = action_of(settings);
            let reading = if settings.read.is_empty() { "" } else { "read, " };
            for (permission, level) in job.permissions() {
                needs.add(permission, level, &format!("{name} ({reading}{action})"));
            }
            if settings.custom.is_some() {
                needs.remarks.push(format!(
                    "the job {name} runs an action that is written in Rust, and only that knows what it needs: add it with --permission NAME=LEVEL"
                ));
            }
            match &settings.repositories {
                Some(Repositories::Organization(filter)) => {
                    let names = names_in(filter);
                    are_known &= !names.is_empty();
                    needs.repositories.extend(names);
                }
                // Whoever asks for the organisation with this policy would reach all of it.
                _ if kind_in(&file.0) == PolicyKind::Organization => {
                    needs.repositories.push(ORGANIZATION.to_owned());
                }
                _ => {}
            }
        }
        if sharing.len() > 1 {
            let list = sharing.join(", ");
            needs.remarks.push(format!("the jobs {list} share this policy: it grants what all of them need"));
        }
        if !are_known {
            needs.repositories.clear();
        }
        needs.repositories.sort();
        needs.repositories.dedup();
        needs
    }
}

fn choose<'a>(jobs: &[&'a Job], wanted: Option<&str>) -> Result<Vec<&'a Job>, Stop> {
    let Some(wanted) = wanted else { return Ok(jobs.to_vec()) };
    let names = || jobs.iter().map(|job| job.name().as_str()).collect::<Vec<_>>().join(", ");
    let found = jobs.iter().find(|job| job.name().as_str() == wanted);
    let found =
        found.ok_or_else(|| Stop::Usage(format!("there is no job {wanted}; there are: {}", names())))?;
    Ok(vec![*found])
}

fn files_of(job: &Job) -> Vec<File> {
    let name = job.trust_policy().to_string();
    job.scopes().iter().map(|scope| (scope.home(), name.clone())).collect()
}

fn named_alike(files: &[File], file: &File) -> bool {
    files.iter().all(|(_, name)| *name == file.1)
}

fn several(policies: &[(Needs, Vec<File>)], job: Option<&str>) -> String {
    let lines: Vec<String> = policies
        .iter()
        .map(|(needs, files)| {
            let homes: Vec<&str> = files.iter().map(|(home, _)| home.as_str()).collect();
            let jobs: BTreeSet<&str> = needs.reasons.values().flatten().map(String::as_str).collect();
            let jobs: Vec<&str> = jobs.into_iter().collect();
            let name = files.first().map_or("", |(_, name)| name.as_str());
            format!("  {name} in {}: {}", homes.join(", "), jobs.join(", "))
        })
        .collect();
    let choice = if job.is_some() { "--repository OWNER/NAME" } else { "--job NAME" };
    format!("more than one policy is needed; say which with {choice}:\n{}", lines.join("\n"))
}

fn action_of(job: &gatepass_core::config::Job) -> &'static str {
    let actions = [
        ("open_issue", job.open_issue.is_some()),
        ("read_repository", job.read_repository.is_some()),
        ("comment", job.comment.is_some()),
        ("dispatch_workflow", job.dispatch_workflow.is_some()),
        ("dispatch_repository", job.dispatch_repository.is_some()),
        ("custom", job.custom.is_some()),
    ];
    actions.into_iter().find(|(_, is_it)| *is_it).map_or("no action", |(name, _)| name)
}

/// The repositories that a filter takes, where its pattern is nothing but names.
fn names_in(filter: &OrganizationFilter) -> Vec<String> {
    let Some(pattern) = &filter.name else { return Vec::new() };
    let pattern = pattern.as_str();
    let is_names = pattern.chars().all(|c| c.is_ascii_alphanumeric() || "-_|".contains(c));
    let names = pattern.split('|').filter(|name| !name.is_empty()).map(str::to_owned);
    if is_names { names.collect() } else { Vec::new() }
}

#[cfg(test)]
mod tests {
    use gatepass_core::config;
    use gatepass_core::job::{Actions, Jobs};

    use super::*;

    const FILE: &str = r#"
version: 1
defaults: { repository: acme/operations, trust_policy: alarms }
callers: { push: { host: true, may_send: [aws.cloudwatch, x] } }
jobs:
  alarm:
    runs_on: [aws]
    triggers: [{ event: { source: aws.cloudwatch } }]
    open_issue: { key: [x], title: x }
  watch:
    runs_on: [aws, gcp]
    triggers: [{ event: { source: aws.cloudwatch } }]
    read: { pulls: "pulls?state=open" }
    open_issue: { key: [x], title: x }
  elsewhere:
    runs_on: [gcp]
    triggers: [{ event: { source: x } }]
    dispatch_workflow: { workflow: deploy.yml, ref: main, once_by: event, max_age: 1h }
  each:
    trust_policy: fleet
    triggers: [{ event: { source: aws.cloudwatch } }]
    repositories: [acme/widgets, acme/site]
    open_issue: { key: [x], title: x }
  site:
    trust_policy: fleet
    repository: acme/site
    triggers: [{ event: { source: aws.cloudwatch } }]
    comment: { issue: "{{ event.data.issue }}", body: x }
    read: { pulls: "pulls?state=open" }
  all:
    trust_policy: all
    triggers: [{ event: { source: aws.cloudwatch } }]
    repositories: { organization: acme, name: widgets|site }
    open_issue: { key: [x], title: x }
  home:
    trust_policy: home
    repository: acme/.github
    triggers: [{ event: { source: aws.cloudwatch } }]
    open_issue: { key: [x], title: x }
  some:
    trust_policy: topics
    triggers: [{ event: { source: aws.cloudwatch } }]
    repositories: { organization: acme, name: widgets|site }
    open_issue: { key: [x], title: x }
  topical:
    trust_policy: topics
    triggers: [{ event: { source: aws.cloudwatch } }]
    repositories: { organization: acme, topics: [alarms] }
    open_issue: { key: [x], title: x }
  own:
    trust_policy: own
    triggers: [{ event: { source: aws.cloudwatch } }]
    custom: { action: paint }
"#;

    fn needs(choice: Choice<'_>) -> Result<Needs, String> {
        let file = config::load("gatepass.yaml", FILE).unwrap();
        let (jobs, warnings) = Jobs::compile(&file, None, &Actions::any()).unwrap();
        let checked = Checked { text: FILE.to_owned(), file, jobs, warnings };
        Needs::of_jobs(&checked, choice).map_err(|stop| match stop {
            Stop::Usage(message) => message,
            other => panic!("{other:?}"),
        })
    }

    fn of(job: &str, platform: Option<Platform>) -> Result<Needs, String> {
        needs(Choice { job: Some(job), repository: None, platform })
    }

    fn granted(needs: &Needs) -> String {
        needs.permissions.iter().map(|(name, level)| format!("{name}={level} ")).collect()
    }

    #[test]
    fn jobs_that_share_a_policy_share_its_permissions_where_they_share_the_token() {
        let needs = of("alarm", Some(Platform::Aws)).unwrap();
        assert_eq!(needs.file, Some(("alarms".into(), vec!["acme/operations".into()])));
        assert_eq!(granted(&needs), "issues=write pull_requests=read ");
        assert_eq!(needs.reasons["issues"], ["alarm (open_issue)", "watch (read, open_issue)"]);
        assert_eq!(needs.reasons["pull_requests"], ["watch (read, open_issue)"]);
        let remarks = needs.remarks.join("\n");
        assert!(remarks.contains("the job elsewhere does not run on aws and shares"), "{remarks}");
        assert!(remarks.contains("the jobs alarm, watch share this policy"), "{remarks}");

        let everywhere = of("alarm", None).unwrap();
        assert_eq!(granted(&everywhere), "actions=write issues=write pull_requests=read ");
        let wrong = of("alarm", Some(Platform::Azure)).unwrap().remarks.join("\n");
        assert!(wrong.contains("the job alarm does not run on azure: is this the right token?"), "{wrong}");
    }

    #[test]
    fn a_policy_that_differs_between_repositories_is_chosen() {
        let error = of("each", None).unwrap_err();
        for words in [
            "--repository",
            "fleet in acme/site: each (open_issue), site (read, comment)",
            "fleet in acme/widgets: each",
        ] {
            assert!(error.contains(words), "{error}");
        }
        let choice = Choice { job: Some("each"), repository: Some("acme/widgets"), platform: None };
        let needs = needs(choice).unwrap();
        assert_eq!(granted(&needs), "issues=write ");
        assert_eq!(needs.file, Some(("fleet".into(), vec!["acme/widgets".into()])));
    }

    #[test]
    fn an_organisations_policy_names_the_repositories_that_the_filter_names() {
        let needs = of("all", None).unwrap();
        assert_eq!(needs.file, Some(("all".into(), vec!["acme/.github".into()])));
        assert_eq!(needs.repositories, ["site", "widgets"]);
    }

    #[test]
    fn a_policy_of_the_organisations_own_repository_reaches_no_other() {
        assert_eq!(of("home", None).unwrap().repositories, [".github"]);
    }

    #[test]
    fn where_one_of_the_repositories_is_unknown_none_is_named() {
        let needs = of("some", None).unwrap();
        assert_eq!(needs.repositories, [] as [&str; 0], "the job `topical` could not work");
    }

    #[test]
    fn what_cannot_be_known_is_said() {
        assert!(of("own", None).unwrap().remarks.join("").contains("add it with --permission"));
        assert!(of("none", None).unwrap_err().contains("there are: alarm, all, each"));
        let all = needs(Choice { job: None, repository: None, platform: None }).unwrap_err();
        assert!(all.contains("--job NAME") && all.contains("alarms in acme/operations"), "{all}");
    }
}
