//! Letting the jobs of a file in: their repositories, and trust policies that admit them and nobody else.

use std::collections::BTreeMap;

use gatepass_core::config::Repositories;
use gatepass_core::job::Job;
use gatepass_core::names::RepositoryName;
use gatepass_sandbox::octo_sts::Settings;
use gatepass_sandbox::{Sandbox, Workload};

use super::place::Place;
use crate::check::Checked;

/// What one trust policy must say.
struct Policy {
    place: Place,
    permissions: BTreeMap<String, String>,
}

/// Makes every repository of the file, and commits the trust policies that let its jobs in.
///
/// # Errors
/// When this cannot be done with policies that admit one identity each, or not for the sandbox's bots.
pub(super) fn admit(sandbox: &Sandbox, checked: &Checked) -> Result<(), String> {
    let bots = checked.jobs.bots();
    if let Some(bot) = Settings::default().bots.iter().find(|bot| !bots.matches(bot)) {
        return Err(format!(
            "the sandbox's Octo STS acts as {bot}, which `sts.bots` of this file does not match; leave it out to try the file here"
        ));
    }
    let mut policies: BTreeMap<(RepositoryName, &str), Policy> = BTreeMap::new();
    for job in checked.jobs.iter() {
        for repository in repositories(checked, job) {
            sandbox.github.install(repository.owner());
            sandbox.github.add_repository(repository.as_str()).map_err(|error| error.to_string())?;
            for place in Place::of_job(checked, job) {
                let policy = policies
                    .entry((repository.clone(), job.trust_policy().as_str()))
                    .or_insert_with(|| Policy { place, permissions: BTreeMap::new() });
                if policy.place != place {
                    return Err(format!(
                        "the trust policy {} in {repository} would have to admit {} and {}; a policy admits one identity, so give jobs on different clouds different trust policies",
                        job.trust_policy(),
                        policy.place.host(),
                        place.host()
                    ));
                }
                policy.add(job.permissions());
            }
        }
    }
    for ((repository, name), Policy { place, permissions }) in &policies {
        let permissions: Vec<(&str, &str)> =
            permissions.iter().map(|(name, level)| (name.as_str(), level.as_str())).collect();
        sandbox
            .admit(repository.as_str(), name, &workload(sandbox, *place), &permissions)
            .map_err(|error| format!("the trust policy {name} of {repository} cannot be written: {error}"))?;
    }
    Ok(())
}

/// Every repository that the job may be about.
fn repositories(checked: &Checked, job: &Job) -> Vec<RepositoryName> {
    let several = checked.file.config.jobs.get(job.name()).and_then(|job| job.repositories.as_ref());
    let listed = match several {
        Some(Repositories::Listed(list)) => list.as_slice(),
        // Nobody knows them before the sandbox's App has been asked.
        Some(Repositories::Organization(_)) | None => &[],
    };
    job.repository().into_iter().chain(listed).cloned().collect()
}

fn workload(sandbox: &Sandbox, place: Place) -> Workload {
    match place {
        Place::Lambda => sandbox.lambda(),
        Place::CloudRun => sandbox.cloud_run(),
        Place::Functions => sandbox.azure_function(),
    }
}

impl Policy {
    /// Where one job reads and another writes, the policy lets them write.
    fn add(&mut self, permissions: &BTreeMap<String, String>) {
        for (name, level) in permissions {
            let known = self.permissions.entry(name.clone()).or_insert_with(|| level.clone());
            if level == "write" {
                known.clone_from(level);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_gives_the_most_that_any_of_its_jobs_needs() {
        let levels = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
            pairs.iter().map(|(name, level)| ((*name).to_owned(), (*level).to_owned())).collect()
        };
        let mut policy = Policy { place: Place::Lambda, permissions: levels(&[("issues", "write")]) };
        policy.add(&levels(&[("issues", "read"), ("contents", "read")]));
        policy.add(&levels(&[("contents", "write")]));
        assert_eq!(policy.permissions, levels(&[("contents", "write"), ("issues", "write")]));
    }
}
