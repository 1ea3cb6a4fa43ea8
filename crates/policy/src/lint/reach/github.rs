//! Workflows of GitHub: other owners, other repositories, other branches, tags and pull requests.

use std::collections::{HashMap, HashSet};

use super::super::look::{Look, Says};
use super::super::{Code, sample, shape};
use super::Demands;

/// Branches with whose names others begin by accident only.
const MAIN_BRANCHES: [&str; 8] =
    ["main", "master", "trunk", "develop", "production", "prod", "stable", "default"];

/// What starts a workflow from any branch.
const BRANCH_EVENTS: [&str; 2] = ["push", "workflow_dispatch"];

/// Claims that depend on what started a workflow, and from where.
const OF_THE_RUN: [&str; 5] = ["ref", "ref_type", "ref_protected", "environment", "event_name"];

/// Claims that say nothing about who may start a workflow.
const AS_IT_COMES: [&str; 8] = [
    "repository_visibility",
    "runner_environment",
    "workflow",
    "head_ref",
    "base_ref",
    "run_id",
    "run_number",
    "run_attempt",
];

/// How far a pattern reaches, the farthest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Reach {
    Owners,
    Repositories,
    Refs,
}

/// A subject in GitHub's default form, taken apart.
struct Job<'t> {
    subject: &'t str,
    owner: &'t str,
    name: &'t str,
    context: &'t str,
}

pub(super) fn check(look: &mut Look<'_>, demands: &Demands<'_>) {
    let mut widest: Option<(Reach, String)> = None;
    let mut homes: HashMap<(String, Reach), bool> = HashMap::new();
    for subject in demands.subjects(&fills(demands)) {
        let Some(job) = Job::parse(&subject) else { continue };
        let Some(reach) = job.reach(demands) else { continue };
        let closer = widest.as_ref().is_some_and(|(found, _)| *found <= reach);
        if closer {
            continue;
        }
        let home = homes.entry((job.repository(), reach)).or_insert_with(|| job.lives_here(demands, reach));
        if *home && job.runs_so(demands, reach) && demands.admits(&subject) {
            widest = Some((reach, subject));
        }
        if widest.as_ref().is_some_and(|(found, _)| *found == Reach::Owners) {
            break;
        }
    }
    let Some((reach, witness)) = widest else { return };
    let (code, what, help, why) = match reach {
        Reach::Owners => (
            Code::AdmitsOwners,
            "workflows of other owners",
            "write the owner in full with a slash after it, as in `repo:<owner>/<repository>:ref:refs/heads/main`, or match the claim \
             `repository_owner_id`",
            "Anybody can have an account or organisation of such a name, and run a workflow there that gets this token.",
        ),
        Reach::Repositories => (
            Code::AdmitsRepositories,
            "workflows of other repositories of the owner",
            "write the repository in full, or all of them as `(<one>|<other>)`, or match the claim `repository`",
            "Whoever can create a repository of such a name, or write to one, gets this token.",
        ),
        Reach::Refs => (
            Code::AdmitsRefs,
            "other branches, tags, environments or pull requests",
            "write what may follow the repository, as in `ref:refs/heads/main` or `environment:<name>`, or match the claim `ref`",
            "Whoever may push a branch, and by that change a workflow, gets this token before anybody has reviewed the change.",
        ),
    };
    let message = format!("this also admits {what}, such as `{}`", shape::shown(&witness));
    demands.report(look, code, Says { message, help: help.to_owned(), why });
}

/// What a stranger could put into the open places of a subject.
fn fills(demands: &Demands<'_>) -> Vec<String> {
    let evil = demands.marker;
    let samples = |claim: &str, fills: &[String]| -> Vec<String> {
        let pattern = demands.claim(claim);
        let texts = pattern.map(|pattern| {
            let texts = sample::texts(pattern, fills);
            texts.into_iter().filter(|text| sample::admits(pattern, text)).take(6).collect()
        });
        texts.unwrap_or_default()
    };
    let refs = [format!("refs/heads/{evil}"), evil.to_owned(), format!("-{evil}")];
    let mut contexts: Vec<String> =
        samples("environment", &refs).iter().map(|name| format!("environment:{name}")).collect();
    contexts.extend(samples("ref", &refs).iter().map(|name| format!("ref:{name}")));
    if contexts.is_empty() {
        contexts =
            vec!["pull_request".to_owned(), format!("ref:refs/heads/{evil}"), format!("environment:{evil}")];
    }
    let names = [format!("-{evil}/x"), format!("{evil}/x"), format!("-{evil}"), evil.to_owned()];
    let mut repositories = samples("repository", &names);
    repositories.extend(samples("repository_owner", &names).iter().map(|owner| format!("{owner}/{evil}")));
    repositories.retain(|repository| repository.split('/').count() == 2);
    if repositories.is_empty() {
        repositories.push(format!("{evil}/x"));
    }
    let with_ids = demands.spot.text.contains('@');

    // With a hyphen first: `acme-evil` is more telling than `acmeevil`.
    let mut fills = Vec::new();
    for context in &contexts {
        if with_ids {
            fills.extend([
                format!("-{evil}@1/x@1:{context}"),
                format!("-{evil}@1:{context}"),
                format!("{evil}@1:{context}"),
            ]);
            fills.extend([format!("{evil}@1/x@1:{context}"), format!("repo:{evil}@1/x@1:{context}")]);
        }
        fills.extend([format!("-{evil}/x:{context}"), format!("-{evil}:{context}")]);
        for repository in &repositories {
            fills.extend([format!("{repository}:{context}"), format!("repo:{repository}:{context}")]);
            fills.extend(repository.split_once('/').map(|(_, name)| format!("{name}:{context}")));
        }
        fills.extend([format!("{evil}:{context}"), format!(":{context}"), context.clone()]);
        fills.extend(context.split_once(':').map(|(_, value)| value.to_owned()));
    }
    if with_ids {
        fills.extend([format!("-{evil}@1"), format!("{evil}@1"), format!("{evil}@1/x@1")]);
    }
    for repository in &repositories {
        fills.extend([repository.clone(), format!("repo:{repository}")]);
        fills.extend(repository.split('/').map(str::to_owned));
    }
    fills.extend([
        format!("-{evil}"),
        evil.to_owned(),
        format!("{evil}-"),
        format!("repo:{evil}-"),
        format!("-{evil}/x"),
    ]);
    let mut seen = HashSet::new();
    fills.retain(|fill| seen.insert(fill.clone()));
    fills
}

impl<'t> Job<'t> {
    fn parse(subject: &'t str) -> Option<Self> {
        let (repository, context) = subject.strip_prefix("repo:")?.split_once(':')?;
        let (owner, name) = repository.split_once('/')?;
        let (owner, owner_id) = without_id(owner)?;
        let (name, name_id) = without_id(name)?;
        let letters =
            |text: &str, also: &[u8]| text.bytes().all(|b| b.is_ascii_alphanumeric() || also.contains(&b));
        let good = (1..=39).contains(&owner.len())
            && letters(owner, b"-")
            && !owner.starts_with('-')
            && !owner.ends_with('-')
            && (1..=100).contains(&name.len())
            && letters(name, b"-._")
            && owner_id == name_id
            && context_is_real(context);
        good.then_some(Self { subject, owner, name, context })
    }

    fn repository(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// How far from what is meant this job is, if it is: where the marker stands, a stranger may choose.
    fn reach(&self, demands: &Demands<'_>) -> Option<Reach> {
        let evil = demands.marker;
        if self.owner.contains(evil) {
            return Some(Reach::Owners);
        }
        if self.name.contains(evil) {
            let free = self.name == evil || self.trapped(demands, self.name);
            return free.then_some(Reach::Repositories);
        }
        let branch = self.context.strip_prefix("ref:refs/heads/");
        let free = match self.context {
            "pull_request" => !demands.spot.text.contains("pull_request"),
            context => {
                let values = ["ref:refs/heads/", "ref:refs/tags/", "environment:"];
                values.iter().any(|before| context.strip_prefix(before) == Some(evil))
                    || branch.is_some_and(|branch| {
                        let stem = stem(branch, evil);
                        stem.is_some_and(|stem| MAIN_BRANCHES.contains(&stem))
                            && self.trapped(demands, branch)
                    })
            }
        };
        free.then_some(Reach::Refs)
    }

    /// Whether a name that is meant in full may go on, as in `widgets.*`: then it is also admitted without the rest. With
    /// `widgets-.*` somebody has chosen a beginning.
    fn trapped(&self, demands: &Demands<'_>, name: &str) -> bool {
        let Some(stem) = stem(name, demands.marker) else { return false };
        demands.admits(&self.subject.replacen(&format!("/{name}"), &format!("/{stem}"), 1))
    }

    /// Whether a stranger's workflows in this repository can have the claims that depend on it.
    fn lives_here(&self, demands: &Demands<'_>, reach: Reach) -> bool {
        demands.claims.iter().all(|(name, pattern)| match *name {
            "repository" => sample::admits(pattern, &self.repository()),
            "repository_owner" => sample::admits(pattern, self.owner),
            "workflow_ref" | "job_workflow_ref" => self.workflows(demands, reach, pattern),
            name if AS_IT_COMES.contains(&name) || OF_THE_RUN.contains(&name) => true,
            _ => demands.is_open(pattern),
        })
    }

    /// Whether a run in this context can have the claims that depend on it.
    fn runs_so(&self, demands: &Demands<'_>, reach: Reach) -> bool {
        let at_home = reach < Reach::Refs;
        demands.claims.iter().all(|(name, pattern)| {
            let admits = |text: &str| sample::admits(pattern, text);
            match *name {
                "ref" => match self.context.split_once(':') {
                    Some(("ref", name)) => admits(name),
                    Some(_) => at_home || admits(&format!("refs/heads/{}", demands.marker)),
                    None => admits("refs/pull/1/merge"),
                },
                "ref_type" => at_home || admits("branch"),
                "ref_protected" => at_home || admits("false"),
                "environment" => self.context.strip_prefix("environment:").is_some_and(admits),
                "event_name" => match self.context {
                    "pull_request" => admits("pull_request"),
                    _ => at_home || BRANCH_EVENTS.iter().any(|event| admits(event)),
                },
                _ => true,
            }
        })
    }

    /// Whether a workflow in the stranger's own hands has such a reference.
    fn workflows(&self, demands: &Demands<'_>, reach: Reach, pattern: &crate::Pattern) -> bool {
        let (evil, repository) = (demands.marker, self.repository());
        let file = format!(".github/workflows/{evil}.yml@refs/heads/{evil}");
        let fills = [
            format!("{repository}/{file}"),
            file,
            format!("{evil}.yml@refs/heads/{evil}"),
            format!("refs/heads/{evil}"),
            repository.clone(),
            self.owner.to_owned(),
            self.name.to_owned(),
            evil.to_owned(),
        ];
        sample::texts(pattern, &fills).iter().any(|text| {
            let own =
                text.strip_prefix(&repository).is_some_and(|rest| rest.starts_with("/.github/workflows/"));
            let changed =
                reach < Reach::Refs || text.rsplit_once('@').is_some_and(|(_, at)| at.contains(evil));
            own && changed && sample::admits(pattern, text)
        })
    }
}

/// A name, and whether an id follows it.
fn without_id(text: &str) -> Option<(&str, bool)> {
    match text.split_once('@') {
        None => Some((text, false)),
        Some((name, id)) => {
            (!id.is_empty() && id.bytes().all(|b| b.is_ascii_digit())).then_some((name, true))
        }
    }
}

fn context_is_real(context: &str) -> bool {
    let value = |before: &str| {
        context.strip_prefix(before).is_some_and(|rest| !rest.is_empty() && !rest.contains(':'))
    };
    context == "pull_request" || value("ref:refs/heads/") || value("ref:refs/tags/") || value("environment:")
}

/// What the marker has been put behind.
fn stem<'t>(name: &'t str, marker: &str) -> Option<&'t str> {
    name.strip_suffix(marker)?.strip_suffix('-').filter(|stem| !stem.is_empty())
}
