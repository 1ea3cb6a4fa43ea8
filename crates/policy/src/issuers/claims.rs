//! Which claims an issuer's tokens have, and of which kind.

use super::Issuer;

/// What a token says under a name, seen by the server's rule: text as it is, booleans as `true` and `false`, and nothing
/// else ever matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClaimKind {
    /// Text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A number, which never matches.
    Number,
    /// A list, which never matches.
    List,
    /// A mapping, which never matches.
    Object,
    /// The issuer's tokens do not have it.
    Absent,
    /// Not known: the issuer has more claims than are listed here, or lets its users add some.
    Unknown,
}

/// The claims of one issuer by kind.
struct Claims {
    text: &'static [&'static str],
    boolean: &'static [&'static str],
    number: &'static [&'static str],
    list: &'static [&'static str],
    object: &'static [&'static str],
    absent: &'static [&'static str],
    /// Whether there are no others.
    complete: bool,
}

/// In every token, if at all. `aud` is text in most and a list in some.
const REGISTERED: Claims = Claims {
    text: &["iss", "sub", "jti"],
    boolean: &[],
    number: &["exp", "iat", "nbf"],
    list: &[],
    object: &[],
    absent: &[],
    complete: false,
};

const AWS: Claims = Claims {
    text: &["aud"],
    boolean: &[],
    number: &[],
    list: &[],
    object: &["https://sts.amazonaws.com/"],
    absent: &[],
    complete: true,
};

/// With `format=full`, or `includeEmail`; people's have a few more.
const GOOGLE: Claims = Claims {
    text: &[
        "aud",
        "azp",
        "email",
        "hd",
        "at_hash",
        "name",
        "given_name",
        "family_name",
        "picture",
        "locale",
        "nonce",
        "profile",
    ],
    boolean: &["email_verified"],
    number: &[],
    list: &[],
    object: &["google"],
    absent: &[],
    complete: true,
};

const ENTRA_V2: Claims = Claims {
    text: &["aud", "azp", "azpacr", "idtyp", "oid", "tid", "ver", "uti", "rh", "aio", "scp", "xms_mirid"],
    boolean: &[],
    number: &["xms_tcdt"],
    list: &["roles", "wids", "groups", "amr"],
    object: &[],
    absent: &["appid", "appidacr"],
    complete: false,
};

const ENTRA_V1: Claims = Claims {
    text: &[
        "aud",
        "appid",
        "appidacr",
        "idtyp",
        "oid",
        "tid",
        "ver",
        "uti",
        "rh",
        "aio",
        "scp",
        "idp",
        "xms_mirid",
    ],
    absent: &["azp", "azpacr"],
    ..ENTRA_V2
};

/// `claims_supported` of the issuer's discovery document. Everything is text, numbers and `ref_protected` too;
/// properties of repositories come as `repo_property_<name>`.
const GITHUB: Claims = Claims {
    text: &[
        "actor",
        "actor_id",
        "aud",
        "base_ref",
        "check_run_id",
        "enterprise",
        "enterprise_id",
        "environment",
        "environment_node_id",
        "event_name",
        "head_ref",
        "issuer_scope",
        "job_workflow_ref",
        "job_workflow_sha",
        "ref",
        "ref_protected",
        "ref_type",
        "repository",
        "repository_id",
        "repository_owner",
        "repository_owner_id",
        "repository_visibility",
        "run_attempt",
        "run_id",
        "run_number",
        "runner_environment",
        "sha",
        "workflow",
        "workflow_ref",
        "workflow_sha",
    ],
    boolean: &[],
    number: &[],
    list: &[],
    object: &[],
    absent: &[],
    complete: true,
};

const KUBERNETES: Claims = Claims {
    text: &[],
    boolean: &[],
    number: &[],
    list: &["aud"],
    object: &["kubernetes.io"],
    absent: &[],
    complete: true,
};

const GITLAB: Claims = Claims {
    text: &[
        "aud",
        "ci_config_ref_uri",
        "ci_config_sha",
        "deployment_action",
        "deployment_tier",
        "environment",
        "environment_action",
        "environment_protected",
        "job_id",
        "job_namespace_id",
        "job_namespace_path",
        "job_project_id",
        "job_project_path",
        "namespace_id",
        "namespace_path",
        "pipeline_id",
        "pipeline_source",
        "project_id",
        "project_path",
        "project_visibility",
        "ref",
        "ref_path",
        "ref_protected",
        "ref_type",
        "runner_environment",
        "sha",
        "user_access_level",
        "user_email",
        "user_id",
        "user_login",
    ],
    boolean: &[],
    number: &["runner_id"],
    list: &["groups_direct", "user_identities"],
    object: &[],
    absent: &[],
    complete: false,
};

const CIRCLE_CI: Claims = Claims {
    text: &[
        "aud",
        "oidc.circleci.com/org-id",
        "oidc.circleci.com/pipeline-definition-id",
        "oidc.circleci.com/pipeline-id",
        "oidc.circleci.com/project-id",
        "oidc.circleci.com/vcs-origin",
        "oidc.circleci.com/vcs-ref",
    ],
    boolean: &[],
    number: &[],
    list: &["oidc.circleci.com/context-ids"],
    object: &[],
    absent: &[],
    complete: false,
};

const TERRAFORM: Claims = Claims {
    text: &[
        "aud",
        "terraform_full_workspace",
        "terraform_organization_id",
        "terraform_organization_name",
        "terraform_project_id",
        "terraform_project_name",
        "terraform_run_id",
        "terraform_run_phase",
        "terraform_workspace_id",
        "terraform_workspace_name",
    ],
    boolean: &[],
    number: &[],
    list: &[],
    object: &[],
    absent: &[],
    complete: false,
};

const BUILDKITE: Claims = Claims {
    text: &[
        "agent_id",
        "aud",
        "build_branch",
        "build_commit",
        "build_source",
        "build_tag",
        "job_id",
        "organization_slug",
        "pipeline_slug",
        "runner_environment",
        "step_key",
    ],
    boolean: &[],
    number: &["build_number"],
    list: &[],
    object: &[],
    absent: &[],
    complete: false,
};

fn of(issuer: Issuer) -> &'static Claims {
    match issuer {
        Issuer::Aws => &AWS,
        Issuer::Google => &GOOGLE,
        Issuer::EntraV2 => &ENTRA_V2,
        Issuer::EntraV1 => &ENTRA_V1,
        Issuer::GitHub | Issuer::GitHubServer => &GITHUB,
        Issuer::Eks | Issuer::Gke | Issuer::Aks => &KUBERNETES,
        Issuer::GitLab => &GITLAB,
        Issuer::CircleCi => &CIRCLE_CI,
        Issuer::Terraform => &TERRAFORM,
        Issuer::Buildkite => &BUILDKITE,
    }
}

pub(super) fn kind(issuer: Issuer, name: &str) -> ClaimKind {
    let listed = |claims: &Claims| {
        [
            (claims.text, ClaimKind::Text),
            (claims.boolean, ClaimKind::Boolean),
            (claims.number, ClaimKind::Number),
            (claims.list, ClaimKind::List),
            (claims.object, ClaimKind::Object),
            (claims.absent, ClaimKind::Absent),
        ]
        .into_iter()
        .find_map(|(names, kind)| names.contains(&name).then_some(kind))
    };
    let claims = of(issuer);
    let open = !claims.complete || (issuer.is_github() && name.starts_with("repo_property_"));
    let otherwise = if open { ClaimKind::Unknown } else { ClaimKind::Absent };
    listed(claims).or_else(|| listed(&REGISTERED)).unwrap_or(otherwise)
}

pub(super) fn nearest(issuer: Issuer, name: &str) -> Option<&'static str> {
    let claims = of(issuer);
    gatepass_yaml::nearest(name, claims.text.iter().chain(claims.boolean).copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_can_match() {
        for (issuer, name, kind) in [
            (Issuer::Aws, "https://sts.amazonaws.com/", ClaimKind::Object),
            (Issuer::Aws, "aws_account", ClaimKind::Absent),
            (Issuer::Aws, "iat", ClaimKind::Number),
            (Issuer::Google, "email", ClaimKind::Text),
            (Issuer::Google, "email_verified", ClaimKind::Boolean),
            (Issuer::Google, "google", ClaimKind::Object),
            (Issuer::Google, "google.compute_engine.project_id", ClaimKind::Absent),
            (Issuer::EntraV2, "azp", ClaimKind::Text),
            (Issuer::EntraV2, "appid", ClaimKind::Absent),
            (Issuer::EntraV1, "appid", ClaimKind::Text),
            (Issuer::EntraV1, "azp", ClaimKind::Absent),
            (Issuer::EntraV1, "roles", ClaimKind::List),
            (Issuer::EntraV2, "employee_id", ClaimKind::Unknown),
            (Issuer::GitHub, "run_number", ClaimKind::Text),
            (Issuer::GitHub, "ref_protected", ClaimKind::Text),
            (Issuer::GitHub, "repo_property_tier", ClaimKind::Unknown),
            (Issuer::GitHubServer, "organization", ClaimKind::Absent),
            (Issuer::Eks, "kubernetes.io", ClaimKind::Object),
            (Issuer::Gke, "aud", ClaimKind::List),
            (Issuer::Aks, "namespace", ClaimKind::Absent),
            (Issuer::GitLab, "runner_id", ClaimKind::Number),
            (Issuer::GitLab, "groups_direct", ClaimKind::List),
            (Issuer::CircleCi, "oidc.circleci.com/context-ids", ClaimKind::List),
            (Issuer::Terraform, "terraform_workspace_id", ClaimKind::Text),
            (Issuer::Buildkite, "build_number", ClaimKind::Number),
        ] {
            assert_eq!(issuer.claim(name), kind, "{issuer:?} {name}");
        }
        assert_eq!(Issuer::GitHub.nearest_claim("job-workflow-ref"), Some("job_workflow_ref"));
        assert_eq!(Issuer::GitHub.nearest_claim("quux"), None);
    }
}
