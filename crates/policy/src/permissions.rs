//! The permissions a policy may name, and those that the hosted App has to give.

use std::collections::BTreeMap;

/// Every key that the server's strict reader takes under `permissions`, in GitHub's snake case. (The fields of
/// `InstallationPermissions` in go-github v88, which Octo STS uses; what GitHub adds later is refused until the
/// server is built anew.)
pub const KNOWN: &[&str] = &[
    "actions",
    "actions_variables",
    "administration",
    "attestations",
    "blocking",
    "checks",
    "codespaces",
    "codespaces_lifecycle_admin",
    "codespaces_metadata",
    "codespaces_secrets",
    "codespaces_user_secrets",
    "content_references",
    "contents",
    "copilot_messages",
    "dependabot_secrets",
    "deployments",
    "discussions",
    "emails",
    "environments",
    "followers",
    "gists",
    "git_signing_ssh_public_keys",
    "gpg_keys",
    "interaction_limits",
    "issues",
    "keys",
    "members",
    "merge_queues",
    "metadata",
    "organization_actions_variables",
    "organization_administration",
    "organization_announcement_banners",
    "organization_api_insights",
    "organization_codespaces",
    "organization_codespaces_secrets",
    "organization_codespaces_settings",
    "organization_copilot_metrics",
    "organization_copilot_seat_management",
    "organization_custom_org_roles",
    "organization_custom_properties",
    "organization_custom_roles",
    "organization_dependabot_secrets",
    "organization_events",
    "organization_hooks",
    "organization_knowledge_bases",
    "organization_packages",
    "organization_personal_access_token_requests",
    "organization_personal_access_tokens",
    "organization_plan",
    "organization_pre_receive_hooks",
    "organization_projects",
    "organization_secrets",
    "organization_self_hosted_runners",
    "organization_user_blocking",
    "packages",
    "pages",
    "plan",
    "profile",
    "pull_requests",
    "repository_advisories",
    "repository_custom_properties",
    "repository_hooks",
    "repository_pre_receive_hooks",
    "repository_projects",
    "secret_scanning_alerts",
    "secrets",
    "security_events",
    "single_file",
    "starring",
    "statuses",
    "team_discussions",
    "user_events",
    "vulnerability_alerts",
    "watching",
    "workflows",
];

/// What the hosted App can grant on a repository, to read or to write.
pub const HOSTED_WRITE: &[&str] = &[
    "actions",
    "checks",
    "contents",
    "deployments",
    "discussions",
    "environments",
    "issues",
    "packages",
    "pages",
    "pull_requests",
    "repository_projects",
    "security_events",
    "statuses",
    "workflows",
];

/// What the hosted App can grant on a repository, to read only.
pub const HOSTED_READ: &[&str] = &["administration"];

/// What the hosted App can never grant on a repository: it does not have it.
pub const HOSTED_NEVER: &[&str] = &[
    "actions_variables",
    "attestations",
    "codespaces",
    "dependabot_secrets",
    "merge_queues",
    "repository_advisories",
    "repository_custom_properties",
    "repository_hooks",
    "secret_scanning_alerts",
    "secrets",
    "single_file",
    "vulnerability_alerts",
];

/// The levels of a permission, from the lowest; few have the last.
pub const LEVELS: [&str; 3] = ["read", "write", "admin"];

/// How much a level allows, to be compared; nothing, which is the least, for what is no level.
pub fn rank(level: &str) -> Option<usize> {
    LEVELS.iter().position(|known| *known == level)
}

/// Adds a permission to those that are needed; of two levels, the higher.
pub fn need(needed: &mut BTreeMap<String, String>, permission: &str, level: &str) {
    let held = needed.entry(permission.to_owned()).or_insert_with(|| level.to_owned());
    if rank(level) > rank(held) {
        level.clone_into(held);
    }
}

/// The key as the server knows it, which takes any letter case; nothing if it does not know it.
pub fn known(key: &str) -> Option<&'static str> {
    KNOWN.iter().copied().find(|known| known.eq_ignore_ascii_case(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_agree() {
        assert!(KNOWN.is_sorted());
        for key in HOSTED_WRITE.iter().chain(HOSTED_READ).chain(HOSTED_NEVER) {
            assert!(KNOWN.contains(key), "{key}");
        }
        for key in HOSTED_NEVER {
            assert!(!HOSTED_WRITE.contains(key) && !HOSTED_READ.contains(key), "{key}");
        }
    }

    #[test]
    fn of_two_levels_the_higher_is_needed() {
        let mut needed = BTreeMap::new();
        for (level, held) in
            [("what", "what"), ("read", "read"), ("admin", "admin"), ("write", "admin"), ("what", "admin")]
        {
            need(&mut needed, "issues", level);
            assert_eq!(needed["issues"], held, "{level}");
        }
    }

    #[test]
    fn letter_case_is_free_and_nothing_else() {
        assert_eq!(known("Pull_Requests"), Some("pull_requests"));
        assert_eq!(known("pull-requests"), None);
        assert_eq!(known(""), None);
    }
}
