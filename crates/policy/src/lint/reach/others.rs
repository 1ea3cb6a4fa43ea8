//! Identities of the other issuers: any role, any managed identity, any service account, any project of anybody.

use super::super::Code;
use super::super::look::{Look, Says};
use super::{Demands, NUMBER, UUID, is_made_up};
use crate::issuers::Issuer;
use crate::names::is_account;
use crate::show::shown;

/// Claims of Entra that every token of the tenant has, whoever it is for.
const TENANT_CLAIMS: [&str; 8] = ["tid", "ver", "idtyp", "iss", "aud", "azpacr", "appidacr", "idp"];

/// Claims of GitLab, HCP Terraform and Buildkite that say nothing about whose job it is.
const OF_THE_JOB: [&str; 22] = [
    "aud",
    "build_branch",
    "build_source",
    "build_tag",
    "deployment_action",
    "deployment_tier",
    "environment",
    "environment_action",
    "environment_protected",
    "iss",
    "pipeline_slug",
    "pipeline_source",
    "project_visibility",
    "ref",
    "ref_path",
    "ref_protected",
    "ref_type",
    "runner_environment",
    "step_key",
    "terraform_project_name",
    "terraform_run_phase",
    "terraform_workspace_name",
];

pub(super) fn check(look: &mut Look<'_>, demands: &Demands<'_>, issuer: Option<Issuer>) {
    match issuer {
        Some(Issuer::Aws) => roles(look, demands),
        Some(Issuer::EntraV1 | Issuer::EntraV2) => managed_identities(look, demands),
        Some(Issuer::Eks | Issuer::Gke | Issuer::Aks) => service_accounts(look, demands),
        Some(Issuer::GitLab) => owners(look, demands, "project_path:", '/', "/x:ref_type:branch:ref:main"),
        Some(Issuer::Terraform) => {
            owners(look, demands, "organization:", ':', ":project:x:workspace:x:run_phase:apply");
        }
        Some(Issuer::Buildkite) => {
            owners(look, demands, "organization:", ':', ":pipeline:x:ref:refs/heads/main:commit:0:step:x");
        }
        _ => anybody(look, demands),
    }
}

fn roles(look: &mut Look<'_>, demands: &Demands<'_>) {
    let evil = demands.marker;
    let account = "123456789012";
    let fills = [
        evil.to_owned(),
        format!("role/{evil}"),
        format!(":role/{evil}"),
        account.to_owned(),
        "aws".to_owned(),
        format!("{account}:role/{evil}"),
        format!("arn:aws:iam::{account}:role/{evil}"),
    ];
    let any = |subject: &str| {
        let name = subject.strip_prefix("arn:aws:iam::").and_then(|rest| rest.split_once(":role/"));
        name.is_some_and(|(account, name)| is_account(account) && name == evil)
    };
    let what = "every role of the account";
    identity(
        look,
        demands,
        &fills,
        &[],
        any,
        what,
        "write `subject: arn:aws:iam::<account>:role/<name>`, one role for each workload",
    );
}

fn managed_identities(look: &mut Look<'_>, demands: &Demands<'_>) {
    let fills = [UUID.to_owned()];
    let what = "every identity of the tenant";
    identity(
        look,
        demands,
        &fills,
        &TENANT_CLAIMS,
        |subject| is_made_up(subject) && !demands.spot.text.contains(subject),
        what,
        "write `subject: <principal (object) id of the identity>`",
    );
}

fn service_accounts(look: &mut Look<'_>, demands: &Demands<'_>) {
    let evil = demands.marker;
    let fills = [
        evil.to_owned(),
        format!("{evil}:{evil}"),
        format!("system:serviceaccount:{evil}:{evil}"),
        format!("system:serviceaccount:{evil}"),
    ];
    let any = |subject: &str| {
        let rest = subject.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
        rest.is_some_and(|(namespace, name)| namespace == evil && !name.is_empty() && !name.contains(':'))
    };
    let what = "service accounts of every namespace of the cluster";
    identity(
        look,
        demands,
        &fills,
        &[],
        any,
        what,
        "write `subject: system:serviceaccount:<namespace>:<name>`",
    );
}

/// An issuer that is not known: only a pattern that takes everything says something.
fn anybody(look: &mut Look<'_>, demands: &Demands<'_>) {
    if [demands.marker, NUMBER].iter().all(|text| demands.admits(text)) {
        let fills = [demands.marker.to_owned()];
        let what = "everybody who has a token of the issuer";
        identity(look, demands, &fills, &[], |_| true, what, "write `subject: <the token's sub>`");
    }
}

fn identity(
    look: &mut Look<'_>,
    demands: &Demands<'_>,
    fills: &[String],
    harmless_claims: &[&str],
    any: impl Fn(&str) -> bool,
    what: &str,
    help: &str,
) {
    if !demands.only_demands(harmless_claims) {
        return;
    }
    let subjects = demands.subjects(fills);
    let Some(witness) = subjects.iter().find(|subject| any(subject) && demands.admits(subject)) else {
        return;
    };
    let message = format!("this admits {what}, such as `{}`", shown(witness));
    let why = "Whoever runs anything there, or can set up something that does, gets this token.";
    demands.report(look, Code::AdmitsIdentities, Says { message, help: help.to_owned(), why });
}

/// An issuer that all its customers share: the subject begins with the customer's name.
fn owners(look: &mut Look<'_>, demands: &Demands<'_>, before: &str, end: char, after: &str) {
    let evil = demands.marker;
    let fills = [
        format!("-{evil}{after}"),
        format!("{evil}{after}"),
        format!("{before}{evil}{after}"),
        format!("-{evil}"),
        evil.to_owned(),
        format!("{evil}/x"),
        after.to_owned(),
    ];
    if !demands.only_demands(&OF_THE_JOB) {
        return;
    }
    let strange = |subject: &&String| {
        let owner = subject.strip_prefix(before).and_then(|rest| rest.split(end).next());
        owner.is_some_and(|owner| {
            owner.contains(evil) && !owner.contains([':', '/']) && !owner.starts_with('-')
        })
    };
    let subjects = demands.subjects(&fills);
    let Some(witness) = subjects.iter().filter(strange).find(|subject| demands.admits(subject)) else {
        return;
    };
    let message = format!("this also admits other owners, such as `{}`", shown(witness));
    let help = format!("write the owner in full with a `{end}` after it, as in `{before}<owner>{end}…`");
    let why = "Anybody can have an account or organisation of such a name, and run a job there that gets this token.";
    demands.report(look, Code::AdmitsOwners, Says { message, help, why });
}
