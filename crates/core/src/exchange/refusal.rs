use std::time::Duration;

use gatepass_policy::{Claims, exact_policy, policy_path};

use super::Access;
use crate::failure::Failure;

/// The longest that a server's hint is followed, in seconds.
const LONGEST_WAIT: u64 = 3600;

/// What Octo STS said instead of a token.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) message: String,
    /// `Retry-After`, in seconds.
    pub(super) hint: Option<u64>,
}

/// Why, probably, and what to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Diagnosis {
    /// A few words that hold no claim and nothing of a policy.
    pub(super) cause: &'static str,
    /// One sentence for the person who must act.
    pub(super) next_step: String,
    /// The file that Octo STS looked for, and where.
    pub(super) policy_path: String,
    /// A policy that admits this workload and nothing else, with what the job needs.
    pub(super) policy: Option<String>,
}

/// The start of the message, the cause, and the next step, in which `{…}` is filled in. One row for each row of the
/// server's table; the first that fits counts.
const TABLE: &[(&str, &str, &str)] = &[
    (
        "unable to find trust policy",
        "the trust policy is missing, or the App cannot see the repository",
        "commit the policy below as {path} on the default branch and make sure the Octo STS App may access {scope}; if you have just done so, wait: Octo STS remembers for five minutes that it was missing",
    ),
    (
        "unable to parse trust policy",
        "the trust policy is no valid YAML or has an unknown key",
        "mend {path}: Octo STS reads it strictly; the policy below is one that it takes; a correction counts after at most five minutes",
    ),
    (
        "unable to compile trust policy",
        "the trust policy lacks an issuer or subject, or has a broken pattern",
        "mend {path}: it needs exactly one of issuer and issuer_pattern and exactly one of subject and subject_pattern; the policy below is one that it takes; a correction counts after at most five minutes",
    ),
    (
        "unable to read trust policy",
        "the trust policy cannot be read",
        "look at {path}: it must be a text file, on the default branch",
    ),
    (
        "trust policy:",
        "the token's claims do not match the trust policy",
        "change {path} so that it matches this token exactly, as the policy below does; a correction counts after at most five minutes",
    ),
    (
        "no installation found for",
        "the Octo STS App is not installed on the owner",
        "install the Octo STS GitHub App on {owner}, and write the owner with the same capital letters as GitHub does",
    ),
    (
        "issuer not permitted by organization policy",
        "the organisation's allow-list does not name this issuer",
        "add the issuer to .github/chainguard/trusted-token-issuers.yaml in {owner}/.github",
    ),
    (
        "organization trusted-issuer configuration is invalid",
        "the organisation's allow-list is broken",
        "mend .github/chainguard/trusted-token-issuers.yaml in {owner}/.github",
    ),
    (
        "organization trusted-issuer configuration",
        "the organisation's allow-list cannot be read now",
        "nothing to change: deliver the event again later",
    ),
    (
        "token exchange failure",
        "GitHub does not grant the permissions that the trust policy asks for",
        "compare `permissions` in {path} with the policy below: each must be one that the Octo STS App can grant, spelt as GitHub spells it (`pull_requests`, `issues`), with read or write",
    ),
    (
        "unable to verify bearer token",
        "the token was expired, not yet valid, or not signed by its issuer",
        "check this workload's clock, and that its identity endpoint is the cloud's own",
    ),
    (
        "unable to fetch or create the provider",
        "Octo STS cannot reach the token's issuer",
        "check that the issuer's discovery document is public; if it is, deliver the event again later",
    ),
    (
        "invalid bearer token",
        "what the identity endpoint gave is no OIDC token",
        "check where this workload's token comes from",
    ),
    (
        "invalid issuer",
        "the token's issuer is one that Octo STS does not take",
        "use an identity whose issuer is an https URL without query or fragment",
    ),
    (
        "invalid subject",
        "the token's subject has a character that Octo STS does not take",
        "rename the identity: white space, quotes, brackets and $&;<>\\ are not taken in a subject",
    ),
    (
        "invalid audience",
        "the token's audience has a character that Octo STS does not take",
        "ask for another audience: white space, quotes, brackets, | and @ are not taken in one",
    ),
    (
        "transient error fetching trust policy",
        "Octo STS could not read the repository just now",
        "nothing to change: deliver the event again later",
    ),
    (
        "GitHub API rate limit exceeded",
        "Octo STS is over GitHub's rate limit",
        "nothing to change: deliver the event again later",
    ),
    (
        "failed to get token",
        "GitHub gave Octo STS no token",
        "deliver the event again later; if it stays so, check that the App may access {scope}",
    ),
    (
        "Not Found",
        "there is no exchange at this address",
        "check sts.url and GATEPASS_STS_URL: the path is /sts/exchange",
    ),
];

impl Refusal {
    /// 429, 5xx and an issuer that cannot be reached may pass; the rest is final (`docs/contract.md`, "Failures").
    pub(super) fn may_pass(&self) -> bool {
        self.status == 429
            || self.status >= 500
            || self.message.starts_with("unable to fetch or create the provider")
    }

    pub(super) fn diagnose(&self, access: &Access<'_>, claims: Option<&Claims>, domain: &str) -> Diagnosis {
        let row = TABLE.iter().find(|(start, _, _)| self.message.starts_with(start));
        let (cause, next_step) = match row {
            Some((_, cause, next_step)) => (*cause, *next_step),
            None if self.may_pass() => {
                ("Octo STS cannot answer now", "nothing to change: deliver the event again later")
            }
            None => (
                "Octo STS gave a reason that gatepass does not know",
                "read its message, and compare {path} with the policy below",
            ),
        };
        let policy_path = format!("{} in {}", policy_path(access.trust_policy.as_str()), access.scope.home());
        let next_step = next_step
            .replace("{path}", &policy_path)
            .replace("{scope}", access.scope.as_str())
            .replace("{owner}", access.scope.owner());
        let policy = claims.and_then(|claims| exact_policy(claims, domain, access.permissions).ok());
        Diagnosis { cause, next_step, policy_path, policy }
    }

    pub(super) fn into_failure(self, access: &Access<'_>, claims: Option<&Claims>, domain: &str) -> Failure {
        let Diagnosis { cause, next_step, policy, .. } = self.diagnose(access, claims, domain);
        let message = format!(
            "no token for {} with the trust policy `{}`: {cause} (Octo STS, {}); the log record `exchange` says what to change",
            access.scope, access.trust_policy, self.status
        );
        let failure = if self.may_pass() {
            let wait = self.hint.unwrap_or(0).min(LONGEST_WAIT);
            Failure::deferred(Duration::from_secs(wait), message)
        } else {
            Failure::refused(message)
        };
        let policy = policy.map(|policy| format!("\n{policy}")).unwrap_or_default();
        failure.with_details(format!("{}\n{next_step}{policy}", self.message))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::exchange::Scope;
    use crate::failure::Class;

    fn with_access<T>(test: impl FnOnce(&Access<'_>, &Claims) -> T) -> T {
        let permissions = BTreeMap::from([("issues".to_owned(), "write".to_owned())]);
        let job = "alarms".parse().unwrap();
        let scope = Scope::Repository("acme/operations".parse().unwrap());
        let trust_policy = "alarms".parse().unwrap();
        let access =
            Access { job: &job, scope: &scope, trust_policy: &trust_policy, permissions: &permissions };
        let claims = json!({"iss":"https://accounts.google.com","sub":"107","aud":"octo-sts.dev"});
        test(&access, &Claims::new(claims.as_object().unwrap().clone()))
    }

    fn refusal(status: u16, message: &str) -> Refusal {
        Refusal { status, message: message.into(), hint: None }
    }

    /// Every row of the facts page: status, message, words of the cause, deferred.
    const ROWS: &[(u16, &str, &str, bool)] = &[
        (400, "multiple scopes not supported", "does not know", false),
        (401, "expected exactly one authorization header", "does not know", false),
        (400, "invalid bearer token", "no OIDC token", false),
        (400, "invalid issuer format", "issuer", false),
        (400, "unable to fetch or create the provider", "cannot reach the token's issuer", true),
        (401, "unable to verify bearer token", "expired", false),
        (400, "scope must be provided", "does not know", false),
        (400, "identity must be provided", "does not know", false),
        (404, "no installation found for \"acme\"", "not installed", false),
        (403, "issuer not permitted by organization policy", "allow-list does not name", false),
        (400, "organization trusted-issuer configuration is invalid", "allow-list is broken", false),
        (
            503,
            "organization trusted-issuer configuration lookup unavailable",
            "allow-list cannot be read",
            true,
        ),
        (
            429,
            "organization trusted-issuer configuration lookup rate limited",
            "allow-list cannot be read",
            true,
        ),
        (404, "unable to find trust policy for \"alarms\"", "missing", false),
        (503, "transient error fetching trust policy for \"alarms\"", "just now", true),
        (429, "GitHub API rate limit exceeded for \"alarms\"", "rate limit", true),
        (404, "unable to read trust policy found for \"alarms\"", "cannot be read", false),
        (404, "unable to parse trust policy found for \"alarms\"", "no valid YAML", false),
        (404, "unable to compile trust policy found for \"alarms\"", "lacks an issuer or subject", false),
        (400, "invalid issuer in token", "issuer", false),
        (400, "invalid subject in token", "subject", false),
        (400, "invalid audience in token", "audience", false),
        (403, "trust policy: subject \"a\" did not match \"b\"", "claims do not match", false),
        (403, "token exchange failure (StatusUnprocessableEntity)", "permissions", false),
        (500, "failed to get token", "no token", true),
        (501, "Method Not Allowed", "cannot answer now", true),
        (404, "Not Found", "no exchange at this address", false),
    ];

    #[test]
    fn every_row_has_its_cause_and_class() {
        for (status, message, words, deferred) in ROWS {
            with_access(|access, claims| {
                let diagnosis = refusal(*status, message).diagnose(access, Some(claims), "octo-sts.dev");
                assert!(diagnosis.cause.contains(words), "{message}: {}", diagnosis.cause);
                assert!(!diagnosis.next_step.contains('{'), "{}", diagnosis.next_step);
                let class =
                    refusal(*status, message).into_failure(access, Some(claims), "octo-sts.dev").class;
                assert_eq!(matches!(class, Class::Deferred(_)), *deferred, "{message}");
                assert_eq!(class == Class::Refused, !*deferred, "{message}");
            });
        }
    }

    #[test]
    fn the_policy_that_would_admit_goes_to_the_log_and_not_to_the_caller() {
        with_access(|access, claims| {
            let failure = refusal(403, "trust policy: subject \"107\" did not match \"108\"").into_failure(
                access,
                Some(claims),
                "octo-sts.dev",
            );
            let details = failure.details.unwrap();
            assert!(details.contains("issuer: \"https://accounts.google.com\""), "{details}");
            assert!(details.contains("issues: \"write\"") || details.contains("issues: write"), "{details}");
            assert!(details.contains(".github/chainguard/alarms.sts.yaml in acme/operations"), "{details}");
            assert!(
                !failure.message.contains("107") && !failure.message.contains("108"),
                "{}",
                failure.message
            );
        });
    }

    #[test]
    fn a_hint_is_followed_within_reason() {
        with_access(|access, _| {
            let wait = |hint| {
                Refusal { hint, ..refusal(429, "GitHub API rate limit exceeded") }
                    .into_failure(access, None, "octo-sts.dev")
                    .retry_after()
                    .unwrap()
            };
            assert_eq!(wait(None), 1);
            assert!((118..=120).contains(&wait(Some(120))));
            assert!(wait(Some(u64::MAX)) <= LONGEST_WAIT);
        });
    }
}
