//! The form of an issuer's subjects.

use super::{Issuer, is_uuid};
use crate::names::{Arn, is_account};

/// Why no token of an issuer has a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectProblem {
    /// What the subject is instead: a phrase that goes on after it ("is an e-mail address").
    pub what: &'static str,
    /// What the tokens have.
    pub expected: &'static str,
    /// The subject that is meant, where it can be told.
    pub meant: Option<String>,
}

const ROLE: &str = "the role's ARN, `arn:aws:iam::<account>:role/<name>`";
const UNIQUE_ID: &str = "the service account's numeric unique id (`gcloud iam service-accounts describe <e-mail> --format 'value(uniqueId)'`)";
const OBJECT_ID: &str = "the identity's principal (object) id, a UUID in lower case";
const WORKFLOW: &str =
    "`repo:<owner>/<repository>:ref:refs/heads/<branch>`, `…:environment:<name>` or `…:pull_request`";
const SERVICE_ACCOUNT: &str = "`system:serviceaccount:<namespace>:<name>`";
const PROJECT: &str = "`project_path:<group>/<project>:ref_type:<branch or tag>:ref:<name>`";
const CIRCLE: &str = "`org/<organisation's id>/project/<project's id>/user/<user's id>`";
const STEP: &str = "`organization:<name>:pipeline:<name>:ref:<ref>:commit:<commit>:step:<key>`";
const RUN: &str = "`organization:<name>:project:<name>:workspace:<name>:run_phase:<plan or apply>`";

/// What its subjects are, for a sentence.
pub(super) fn form(issuer: Issuer) -> &'static str {
    match issuer {
        Issuer::Aws => ROLE,
        Issuer::Google => UNIQUE_ID,
        Issuer::EntraV1 | Issuer::EntraV2 => OBJECT_ID,
        Issuer::GitHub | Issuer::GitHubServer => WORKFLOW,
        Issuer::Eks | Issuer::Gke | Issuer::Aks => SERVICE_ACCOUNT,
        Issuer::GitLab => PROJECT,
        Issuer::CircleCi => CIRCLE,
        Issuer::Terraform => RUN,
        Issuer::Buildkite => STEP,
    }
}

pub(super) fn problem(issuer: Issuer, subject: &str) -> Option<SubjectProblem> {
    match issuer {
        Issuer::Aws => aws(subject),
        Issuer::Google => google(subject),
        Issuer::EntraV1 | Issuer::EntraV2 => entra(subject),
        Issuer::GitHub | Issuer::GitHubServer => github(subject),
        Issuer::Eks | Issuer::Gke | Issuer::Aks => kubernetes(subject),
        Issuer::GitLab => prefixed(subject, "project_path:", PROJECT),
        Issuer::CircleCi => prefixed(subject, "org/", CIRCLE),
        Issuer::Terraform => prefixed(subject, "organization:", RUN),
        Issuer::Buildkite => None,
    }
}

fn found(what: &'static str, expected: &'static str, meant: Option<String>) -> Option<SubjectProblem> {
    Some(SubjectProblem { what, expected, meant })
}

fn prefixed(subject: &str, prefix: &str, expected: &'static str) -> Option<SubjectProblem> {
    if subject.starts_with(prefix) { None } else { found("is not in the form of a subject", expected, None) }
}

fn aws(subject: &str) -> Option<SubjectProblem> {
    let Some(arn) = Arn::parse(subject) else { return found("is not an ARN", ROLE, None) };
    if !is_account(arn.account) {
        return found("has no account's number of 12 digits", ROLE, None);
    }
    if arn.service == "sts" && arn.resource.starts_with("assumed-role/") {
        let meant =
            arn.session().map(|role| format!("arn:{}:iam::{}:role/{role}", arn.partition, arn.account));
        return found("is the ARN of a session", ROLE, meant);
    }
    match arn.resource.split_once('/') {
        _ if arn.service != "iam" || !arn.region.is_empty() => {
            found("is the ARN of something else than a role", ROLE, None)
        }
        Some(("role" | "user", name)) if !name.is_empty() => None,
        Some(("instance-profile", _)) => found("is the ARN of an instance profile", ROLE, None),
        _ => found("is the ARN of something else than a role", ROLE, None),
    }
}

fn google(subject: &str) -> Option<SubjectProblem> {
    if subject.contains('@') {
        found("is an e-mail address", UNIQUE_ID, None)
    } else if subject.starts_with("serviceAccount:") || subject.contains('/') {
        found("is a name of a resource", UNIQUE_ID, None)
    } else if !subject.bytes().all(|b| b.is_ascii_digit()) {
        found("is not a number", UNIQUE_ID, None)
    } else {
        None
    }
}

fn entra(subject: &str) -> Option<SubjectProblem> {
    let lower = subject.to_ascii_lowercase();
    // The subject of a person is pairwise: 32 bytes in base64url.
    let pairwise =
        subject.len() == 43 && subject.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if is_uuid(subject) || pairwise {
        None
    } else if is_uuid(&lower) {
        found("has capital letters", OBJECT_ID, Some(lower))
    } else if lower.starts_with("/subscriptions/") {
        found("is the identity's resource id", OBJECT_ID, None)
    } else if subject.contains('@') {
        found("is a user's name", OBJECT_ID, None)
    } else {
        found("is not a UUID", OBJECT_ID, None)
    }
}

/// What may stand after the repository: the context, or any claim where a repository's subject is customised.
/// <https://docs.github.com/actions/reference/security/oidc#customizing-the-subject-claims-for-an-organization-or-repository>
fn github(subject: &str) -> Option<SubjectProblem> {
    let Some(rest) = subject.strip_prefix("repo:") else {
        let bare = subject.split('/').count() == 2 && !subject.contains(':');
        let meant = bare.then(|| format!("repo:{subject}:ref:refs/heads/main"));
        let customised = subject.contains(':') && !subject.contains("://");
        return if customised { None } else { found("does not start with `repo:`", WORKFLOW, meant) };
    };
    let (repository, context) = rest.split_once(':').map_or((rest, None), |(r, c)| (r, Some(c)));
    if repository.starts_with("http")
        || repository.split('/').count() != 2
        || repository.split('/').any(str::is_empty)
    {
        return found("does not name a repository as `<owner>/<repository>`", WORKFLOW, None);
    }
    let (key, value) = context?.split_once(':').map_or((context?, None), |(k, v)| (k, Some(v)));
    let known = Issuer::GitHub.claim(key) != super::ClaimKind::Absent;
    let before = format!("repo:{repository}");
    match (key, value) {
        ("ref", Some(name)) if !name.starts_with("refs/") => {
            let meant = (!name.is_empty()).then(|| format!("{before}:ref:refs/heads/{name}"));
            found("does not give the ref in full", WORKFLOW, meant)
        }
        ("refs/heads" | "refs/tags", _) => found("lacks `ref:`", WORKFLOW, None),
        ("pull_request", _) => None,
        (_, Some(_)) if known => None,
        ("branch", Some(name)) => found(
            "has `branch:`, which no subject has",
            WORKFLOW,
            Some(format!("{before}:ref:refs/heads/{name}")),
        ),
        ("tag", Some(name)) => found(
            "has `tag:`, which no subject has",
            WORKFLOW,
            Some(format!("{before}:ref:refs/tags/{name}")),
        ),
        (key, None) if key.starts_with("refs/") => {
            found("lacks `ref:`", WORKFLOW, Some(format!("{before}:ref:{key}")))
        }
        ("environment" | "ref", None) | ("", _) => found("breaks off", WORKFLOW, None),
        (key, None) if !known => {
            let meant = format!("{before}:ref:refs/heads/{key}");
            found("does not say what stands after the repository", WORKFLOW, Some(meant))
        }
        _ => None,
    }
}

fn kubernetes(subject: &str) -> Option<SubjectProblem> {
    let Some(rest) = subject.strip_prefix("system:serviceaccount:") else {
        let parts: Vec<&str> = subject.split(['/', ':']).collect();
        let meant = match parts.as_slice() {
            &[namespace, name] if !namespace.is_empty() && !name.is_empty() => {
                Some(format!("system:serviceaccount:{namespace}:{name}"))
            }
            _ => None,
        };
        return found("does not start with `system:serviceaccount:`", SERVICE_ACCOUNT, meant);
    };
    let parts: Vec<&str> = rest.split(':').collect();
    let complete = parts.len() == 2 && parts.iter().all(|part| !part.is_empty() && !part.contains('/'));
    if complete { None } else { found("is not a namespace and a name", SERVICE_ACCOUNT, None) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_ones_pass() {
        for (issuer, subject) in [
            (Issuer::Aws, "arn:aws:iam::123456789012:role/team/alarms"),
            (Issuer::Aws, "arn:aws-us-gov:iam::123456789012:user/eve"),
            (Issuer::Google, "107691503500061507151"),
            (Issuer::EntraV2, "6f2e9c4a-8d4b-4f6e-9a51-0c2d7b1e3f58"),
            (Issuer::EntraV1, "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ"),
            (Issuer::GitHub, "repo:acme/widgets:ref:refs/heads/main"),
            (Issuer::GitHub, "repo:acme@1/widgets@2:environment:prod"),
            (Issuer::GitHub, "repo:acme/widgets:pull_request"),
            (Issuer::GitHub, "repo:acme/widgets"),
            (
                Issuer::GitHub,
                "repo:acme/widgets:job_workflow_ref:acme/w/.github/workflows/a.yml@refs/heads/main",
            ),
            (Issuer::GitHub, "repository_owner:acme"),
            (Issuer::GitHubServer, "repository_id:12:ref:refs/heads/main"),
            (Issuer::Eks, "system:serviceaccount:ops:alarms"),
            (Issuer::GitLab, "project_path:a/b:ref_type:branch:ref:main"),
            (Issuer::CircleCi, "org/1/project/2/user/3"),
            (Issuer::Terraform, "organization:o:project:p:workspace:w:run_phase:apply"),
            (Issuer::Buildkite, "anything"),
        ] {
            assert_eq!(issuer.subject_problem(subject), None, "{issuer:?} {subject}");
        }
    }

    #[test]
    fn others_say_what_they_are() {
        for (issuer, subject, what, meant) in [
            (
                Issuer::Aws,
                "arn:aws:sts::123456789012:assumed-role/alarms/session",
                "session",
                Some("arn:aws:iam::123456789012:role/alarms"),
            ),
            (Issuer::Aws, "alarms", "not an ARN", None),
            (Issuer::Aws, "arn:aws:iam::1234:role/alarms", "12 digits", None),
            (Issuer::Aws, "arn:aws:lambda:eu-west-1:123456789012:function:alarms", "something else", None),
            (Issuer::Aws, "arn:aws:iam::123456789012:instance-profile/alarms", "instance profile", None),
            (Issuer::Aws, "arn:aws:iam::123456789012:role/", "something else", None),
            (Issuer::Google, "alarms@acme.iam.gserviceaccount.com", "e-mail", None),
            (Issuer::Google, "projects/acme/serviceAccounts/1", "resource", None),
            (Issuer::Google, "1.076915e+20", "not a number", None),
            (
                Issuer::EntraV2,
                "6F2E9C4A-8D4B-4F6E-9A51-0C2D7B1E3F58",
                "capital",
                Some("6f2e9c4a-8d4b-4f6e-9a51-0c2d7b1e3f58"),
            ),
            (Issuer::EntraV2, "/subscriptions/x/resourceGroups/y", "resource id", None),
            (Issuer::EntraV2, "alarms", "not a UUID", None),
            (Issuer::EntraV1, "eve@contoso.com", "user's name", None),
            (Issuer::GitHub, "acme/widgets", "`repo:`", Some("repo:acme/widgets:ref:refs/heads/main")),
            (Issuer::GitHub, "https://github.com/acme/widgets", "`repo:`", None),
            (Issuer::GitHub, "repo:acme", "<owner>/<repository>", None),
            (Issuer::GitHub, "repo:https://github.com/acme/widgets", "<owner>/<repository>", None),
            (
                Issuer::GitHub,
                "repo:acme/widgets:main",
                "after the repository",
                Some("repo:acme/widgets:ref:refs/heads/main"),
            ),
            (
                Issuer::GitHub,
                "repo:acme/widgets:ref:main",
                "in full",
                Some("repo:acme/widgets:ref:refs/heads/main"),
            ),
            (
                Issuer::GitHub,
                "repo:acme/widgets:branch:main",
                "`branch:`",
                Some("repo:acme/widgets:ref:refs/heads/main"),
            ),
            (
                Issuer::GitHub,
                "repo:acme/widgets:refs/heads/main",
                "`ref:`",
                Some("repo:acme/widgets:ref:refs/heads/main"),
            ),
            (Issuer::GitHub, "repo:acme/widgets:environment", "breaks off", None),
            (Issuer::Gke, "ops/alarms", "system:serviceaccount", Some("system:serviceaccount:ops:alarms")),
            (Issuer::Gke, "system:serviceaccount:alarms", "namespace and a name", None),
            (Issuer::GitLab, "repo:a/b", "not in the form", None),
            (Issuer::CircleCi, "acme", "not in the form", None),
            (Issuer::Terraform, "acme", "not in the form", None),
        ] {
            let problem = issuer.subject_problem(subject).expect(subject);
            assert!(problem.what.contains(what), "{subject}: {}", problem.what);
            assert_eq!(problem.meant.as_deref(), meant, "{subject}");
        }
    }
}
