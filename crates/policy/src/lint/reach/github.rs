//! Workflows of GitHub: other owners, other repositories, other branches, tags and pull requests.

use std::collections::{HashMap, HashSet};

use super::super::look::{Look, Says};
use super::super::{Code, sample};
use super::{Demands, HASH, NUMBER};
use crate::names::{RunContext, RunSubject};
use crate::show::shown;

/// Branches with whose names others begin by accident only.
const MAIN_BRANCHES: [&str; 8] =
    ["main", "master", "trunk", "develop", "production", "prod", "stable", "default"];

/// What starts a workflow from any branch.
const BRANCH_EVENTS: [&str; 2] = ["push", "workflow_dispatch"];

/// Claims that depend on what started a workflow, and from where.
const OF_THE_RUN: [&str; 5] = ["ref", "ref_type", "ref_protected", "environment", "event_name"];

/// Claims that say nothing about who may start a workflow.
const AS_IT_COMES: [&str; 10] = [
    "iss",
    "aud",
    "repository_visibility",
    "runner_environment",
    "workflow",
    "head_ref",
    "base_ref",
    "run_id",
    "run_number",
    "run_attempt",
];

/// Claims that every workflow of an owner has alike.
const OF_THE_OWNER: [&str; 3] = ["repository_owner_id", "enterprise", "enterprise_id"];

/// Who starts workflows in anybody's repository.
const BOTS: [&str; 3] = ["dependabot[bot]", "github-actions[bot]", "renovate[bot]"];

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
    context: &'t str,
    run: RunSubject<'t>,
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
        let home =
            homes.entry((job.run.repository(), reach)).or_insert_with(|| job.lives_here(demands, reach));
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
    let message = format!("this also admits {what}, such as `{}`", shown(&witness));
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
    let refs = [format!("refs/heads/{evil}"), format!("heads/{evil}"), evil.to_owned(), format!("-{evil}")];
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
    let file = format!(".github/workflows/{evil}.yml@refs/heads/{evil}");
    let mut files: Vec<String> = names.iter().take(2).map(|name| format!("{name}/{file}")).collect();
    files.extend([format!("{evil}/{file}"), format!("{evil}.yml@refs/heads/{evil}")]);
    files.extend([format!("refs/heads/{evil}"), evil.to_owned(), HASH.to_owned()]);
    for claim in ["workflow_ref", "job_workflow_ref"] {
        let texts = samples(claim, &files);
        let homes = texts.iter().filter_map(|text| text.split_once("/.github/workflows/"));
        repositories.extend(homes.map(|(repository, _)| repository.to_owned()));
    }
    // By their ids alone nobody can tell what they are called.
    let pinned = |claim: &str| demands.claim(claim).is_some_and(|pattern| !demands.is_open(pattern));
    if pinned("repository_id") {
        repositories.push("owner/repository".to_owned());
    } else if pinned("repository_owner_id") {
        repositories.push(format!("owner/{evil}"));
    }
    repositories.retain(|repository| repository.split('/').count() == 2);
    if repositories.is_empty() {
        repositories.push(format!("{evil}/x"));
    }
    let with_ids = demands.spot.text.contains('@');

    // With a hyphen first: `acme-evil` is more telling than `acmeevil`.
    let mut fills = Vec::new();
    for context in &contexts {
        if with_ids {
            let (owner, name) = (format!("{evil}@{NUMBER}"), format!("x@{NUMBER}"));
            fills.extend([
                format!("-{owner}/{name}:{context}"),
                format!("/{owner}:{context}"),
                format!("-{owner}:{context}"),
                format!("{owner}:{context}"),
                format!("{owner}/{name}:{context}"),
                format!("repo:{owner}/{name}:{context}"),
            ]);
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
        let owner = format!("{evil}@{NUMBER}");
        fills.extend([
            format!("-{owner}"),
            format!("/{owner}"),
            owner.clone(),
            format!("{owner}/x@{NUMBER}"),
        ]);
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
        NUMBER.to_owned(),
    ]);
    let mut seen = HashSet::new();
    fills.retain(|fill| seen.insert(fill.clone()));
    fills
}

impl<'t> Job<'t> {
    fn parse(subject: &'t str) -> Option<Self> {
        let run = RunSubject::parse(subject)?;
        let (repository, context) = subject.strip_prefix("repo:")?.split_once(':')?;
        let letters =
            |text: &str, also: &[u8]| text.bytes().all(|b| b.is_ascii_alphanumeric() || also.contains(&b));
        let is_id = |id: &str| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit());
        let good = (1..=39).contains(&run.owner.len())
            && letters(run.owner, b"-")
            && !run.owner.starts_with('-')
            && !run.owner.ends_with('-')
            && (1..=100).contains(&run.name.len())
            && letters(run.name, b"-._")
            && run.ids.map_or(!repository.contains('@'), |(owner, name)| is_id(owner) && is_id(name))
            && is_real(&run.context);
        good.then_some(Self { subject, context, run })
    }

    /// How far from what is meant this job is, if it is: where the marker stands, a stranger may choose. An id that is
    /// given in full is nobody else's, whatever the name before it.
    fn reach(&self, demands: &Demands<'_>) -> Option<Reach> {
        let evil = demands.marker;
        let RunSubject { owner, name, ids, .. } = self.run;
        let (owner_is_free, name_is_free) =
            ids.map_or((true, true), |(owner, name)| (owner == NUMBER, name == NUMBER));
        if owner_is_free && (owner.contains(evil) || owner.contains(NUMBER)) {
            return Some(Reach::Owners);
        }
        if name_is_free && name.contains(evil) {
            let free = name == evil || self.trapped(demands, name);
            return free.then_some(Reach::Repositories);
        }
        let free = match self.run.context {
            RunContext::PullRequest => !demands.spot.text.contains("pull_request"),
            RunContext::Branch(branch) => {
                let stem = stem(branch, evil).filter(|stem| MAIN_BRANCHES.contains(stem));
                branch == evil || (stem.is_some() && self.trapped(demands, branch))
            }
            RunContext::Tag(name) | RunContext::Environment(name) => name == evil,
            RunContext::Other(_) => false,
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
            "repository" => sample::admits(pattern, &self.run.repository()),
            "repository_owner" => sample::admits(pattern, self.run.owner),
            "repository_id" if reach == Reach::Refs => true,
            name if reach > Reach::Owners && OF_THE_OWNER.contains(&name) => true,
            "actor" if reach < Reach::Refs && BOTS.iter().any(|bot| sample::admits(pattern, bot)) => true,
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
        let (evil, repository) = (demands.marker, self.run.repository());
        let file = format!(".github/workflows/{evil}.yml@refs/heads/{evil}");
        let fills = [
            format!("{repository}/{file}"),
            format!("{}/{file}", self.run.name),
            file,
            format!("{evil}.yml@refs/heads/{evil}"),
            format!("refs/heads/{evil}"),
            repository.clone(),
            self.run.owner.to_owned(),
            self.run.name.to_owned(),
            evil.to_owned(),
            HASH.to_owned(),
        ];
        sample::texts(pattern, &fills).iter().any(|text| {
            let own =
                text.strip_prefix(&repository).is_some_and(|rest| rest.starts_with("/.github/workflows/"));
            let branch = format!("refs/heads/{evil}");
            let changed =
                reach < Reach::Refs || text.split_once('@').is_some_and(|(_, at)| at == branch || at == HASH);
            own && changed && sample::admits(pattern, text)
        })
    }
}

fn is_real(context: &RunContext<'_>) -> bool {
    match context {
        RunContext::Branch(name) | RunContext::Tag(name) | RunContext::Environment(name) => {
            !name.is_empty() && !name.contains(':')
        }
        RunContext::PullRequest => true,
        RunContext::Other(_) => false,
    }
}

/// What the marker has been put behind.
fn stem<'t>(name: &'t str, marker: &str) -> Option<&'t str> {
    name.strip_suffix(marker)?.strip_suffix('-').filter(|stem| !stem.is_empty())
}
