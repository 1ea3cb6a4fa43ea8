use std::time::Duration;

use gatepass_policy::{Claims, Field, Grants, exact_policy, time_warnings};
use jiff::Timestamp;

use super::{Access, Scope};
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
    /// When it said so. A refusal that is remembered is still about the token of that time.
    pub(super) at: Timestamp,
}

/// Why, probably, and what to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Diagnosis {
    /// A few words that hold no claim and nothing of a policy.
    pub(super) cause: &'static str,
    /// How the token and what it is held against differ, and what is probably meant. It may hold claims and text of the
    /// policy, so it is for the log.
    pub(super) difference: Option<String>,
    /// One sentence for the person who must act.
    pub(super) next_step: String,
    /// The file that Octo STS looked for, and where.
    pub(super) policy_path: String,
    /// A policy that admits this workload and nothing else, with what the job needs.
    pub(super) policy: Option<String>,
}

/// What the policy that would admit leaves open for an organisation: which repositories it is for.
const OF_ORGANIZATION: &str =
    "; name the job's repositories under `repositories` in it, or it reaches all of the organisation's";

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
        "trust policy: issuer",
        "the token's claims do not match the trust policy: it wants another issuer",
        "change `issuer` in {path} so that it matches this token exactly, as in the policy below; a correction counts after at most five minutes",
    ),
    (
        "trust policy: subject",
        "the token's claims do not match the trust policy: it wants another subject",
        "change `subject` in {path} so that it matches this token exactly, as in the policy below; a correction counts after at most five minutes",
    ),
    (
        "trust policy: audience",
        "the token's claims do not match the trust policy: it wants another audience",
        "change `audience` in {path} so that it matches this token exactly, as in the policy below (none is needed for the server's own domain); a correction counts after at most five minutes",
    ),
    (
        "trust policy: expected claim",
        "the token's claims do not match the trust policy: it wants one that the token does not have as text",
        "remove that claim from `claim_pattern` in {path}, or use an identity whose tokens have it; a correction counts after at most five minutes",
    ),
    (
        "trust policy: claim",
        "the token's claims do not match the trust policy: it wants another value of one",
        "change that claim in `claim_pattern` in {path} to what this workload's tokens say, or remove it; a correction counts after at most five minutes",
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
        "organization trusted-issuer lookup",
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
    ("invalid issuer", "the token's issuer is one that Octo STS does not take", Field::Issuer.mend()),
    (
        "invalid subject",
        "the token's subject has a character that Octo STS does not take",
        Field::Subject.mend(),
    ),
    (
        "invalid audience",
        "the token's audience has a character that Octo STS does not take",
        Field::Audience.mend(),
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
        let policy_path = access.scope.locate(access.trust_policy);
        let mut next_step = next_step
            .replace("{path}", &policy_path)
            .replace("{scope}", access.scope.as_str())
            .replace("{owner}", access.scope.owner());
        let grants = Grants { permissions: access.permissions, repositories: &access.scope.named() };
        let policy = match claims.map(|claims| exact_policy(claims, domain, grants)) {
            Some(Ok(policy)) => Some(policy),
            Some(Err(why)) if next_step.contains("policy below") => {
                next_step.push_str(&format!("; no such policy can be written: {why}"));
                None
            }
            Some(Err(_)) | None => None,
        };
        if policy.is_some() && matches!(access.scope, Scope::Organization(_)) {
            next_step.push_str(OF_ORGANIZATION);
        }
        let difference = claims.and_then(|claims| self.difference(claims));
        Diagnosis { cause, difference, next_step, policy_path, policy }
    }

    /// What differs, as far as the message and the token tell.
    fn difference(&self, claims: &Claims) -> Option<String> {
        if self.message.starts_with("unable to verify bearer token") {
            let found = time_warnings(claims, self.at.as_second()).into_iter().next()?;
            return Some(format!("{}: {}", found.what, found.help));
        }
        self.message.parse::<gatepass_policy::Refusal>().ok()?.hint(claims)
    }

    pub(super) fn into_failure(self, access: &Access<'_>, claims: Option<&Claims>, domain: &str) -> Failure {
        let Diagnosis { cause, difference, next_step, policy, .. } = self.diagnose(access, claims, domain);
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
        let line = |text: String| format!("\n{text}");
        let (difference, policy) =
            (difference.map(line).unwrap_or_default(), policy.map(line).unwrap_or_default());
        failure.with_details(format!("{}{difference}\n{next_step}{policy}", self.message))
    }
}

#[cfg(test)]
mod tests;
