//! Policies as people write them: the shapes of the guides and of the cases, right and wrong, put together anew for each.

use std::fmt::Write as _;

use gatepass_policy::{PolicyKind, policy_path};

/// A policy and where it would be.
pub(crate) struct Policy {
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) kind: PolicyKind,
}

/// So many policies, the same in every run.
pub(crate) fn policies(count: usize) -> Vec<Policy> {
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    (0..count).map(|number| policy(number, &mut dice)).collect()
}

/// Numbers that look random and are the same in every run (xorshift64).
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap_or(1)).unwrap_or(0)
    }

    /// Once in so many times.
    fn once_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from.get(self.below(from.len())).copied().unwrap_or_default()
    }

    fn uuid(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", a >> 32, a & 0xffff, b >> 52, b & 0xfff, b >> 16)
    }
}

const OWNERS: &[&str] = &["acme", "globex", "initech", "umbrella-corp", "octo-org"];
const REPOSITORIES: &[&str] = &["widgets", "site", "operations", "terraform-modules", "api.v2", "docs"];
const PERMISSIONS: &[&str] = &[
    "actions",
    "checks",
    "contents",
    "deployments",
    "issues",
    "packages",
    "pages",
    "pull_requests",
    "statuses",
    "workflows",
    // What people write instead, and what is never granted.
    "pull-requests",
    "secrets",
];
const LEVELS: &[&str] = &["read", "read", "read", "write", "write", "\"write\"", "writ"];

fn policy(number: usize, dice: &mut Dice) -> Policy {
    let kind = if dice.once_in(4) { PolicyKind::Organization } else { PolicyKind::Repository };
    let mut text = String::new();
    if dice.once_in(3) {
        text.push_str("# Lets the job in. Ask the platform team before this is made wider.\n");
    }
    match dice.below(6) {
        0 => aws(dice, &mut text),
        1 => google(dice, &mut text),
        2 => azure(dice, &mut text),
        3 => cluster(dice, &mut text),
        _ => github(dice, &mut text),
    }
    permissions(dice, &mut text);
    if kind == PolicyKind::Organization && !dice.once_in(3) {
        text.push_str("repositories:\n");
        for _ in 0..=dice.below(4) {
            line(&mut text, "  - ", dice.pick(REPOSITORIES));
        }
    }
    if dice.once_in(10) {
        mistake(dice, &mut text);
    }
    Policy { path: policy_path(&format!("policy-{number}")), text, kind }
}

fn line(text: &mut String, key: &str, value: &str) {
    // A String takes everything.
    let _ = writeln!(text, "{key}{value}");
}

fn aws(dice: &mut Dice, text: &mut String) {
    let account = 100_000_000_000 + dice.next() % 899_999_999_999;
    line(text, "issuer: ", &format!("https://{}.tokens.sts.global.api.aws", dice.uuid()));
    match dice.below(3) {
        0 => line(text, "subject_pattern: ", &format!("arn:aws:iam::{account}:role/deploy-.*")),
        _ => line(text, "subject: ", &format!("arn:aws:iam::{account}:role/job-{}", dice.below(500))),
    }
    if dice.once_in(5) {
        text.push_str("claim_pattern:\n  \"https://sts.amazonaws.com/\": .*\n");
    }
}

fn google(dice: &mut Dice, text: &mut String) {
    line(text, "issuer: ", "https://accounts.google.com");
    let id = format!("1{:020}", dice.next());
    match dice.below(4) {
        0 => line(text, "subject: ", &id),
        1 => line(text, "subject_pattern: ", "'[0-9]+'"),
        _ => line(text, "subject: ", &format!("\"{id}\"")),
    }
    if dice.once_in(2) {
        text.push_str("claim_pattern:\n");
        let mail = format!("job-{}@{}-prod.iam.gserviceaccount.com", dice.below(90), dice.pick(OWNERS));
        line(text, "  email: ", &mail.replace('.', "\\."));
        line(text, "  email_verified: ", dice.pick(&["\"true\"", "true"]));
    }
}

fn azure(dice: &mut Dice, text: &mut String) {
    let issuer = match dice.below(3) {
        0 => format!("https://sts.windows.net/{}/", dice.uuid()),
        _ => format!("https://login.microsoftonline.com/{}/v2.0", dice.uuid()),
    };
    line(text, "issuer: ", &issuer);
    line(text, "subject: ", &dice.uuid());
    if !dice.once_in(4) {
        line(text, "audience: ", "fb60f99c-7a34-4190-8149-302f77469936");
    }
}

fn cluster(dice: &mut Dice, text: &mut String) {
    let id = format!("{:032X}", u128::from(dice.next()) << 64 | u128::from(dice.next()));
    line(text, "issuer: ", &format!("https://oidc.eks.eu-west-1.amazonaws.com/id/{id}"));
    line(text, "subject: ", &format!("system:serviceaccount:jobs-{}:gatepass", dice.below(40)));
    if dice.once_in(3) {
        line(text, "audience_pattern: ", dice.pick(&["octo-sts\\.dev", "octo-sts.dev|sts.amazonaws.com"]));
    }
}

fn github(dice: &mut Dice, text: &mut String) {
    line(text, "issuer: ", "https://token.actions.githubusercontent.com");
    let (owner, repository) = (dice.pick(OWNERS), dice.pick(REPOSITORIES));
    match dice.below(6) {
        0 => line(
            text,
            "subject_pattern: ",
            &format!("repo:{owner}/{repository}:ref:refs/heads/(main|release-.*)"),
        ),
        1 => line(text, "subject_pattern: ", &format!("repo:{owner}/.*")),
        2 => line(text, "subject: ", &format!("repo:{owner}/*:ref:refs/heads/main")),
        3 => line(text, "subject_pattern: ", "main|dev"),
        4 => line(
            text,
            "subject: ",
            &format!(
                "repo:{owner}@{}/{repository}@{}:environment:production",
                dice.below(9_999),
                dice.below(99_999)
            ),
        ),
        _ => line(text, "subject: ", &format!("repo:{owner}/{repository}:ref:refs/heads/main")),
    }
    if dice.once_in(2) {
        text.push_str("claim_pattern:\n");
        let workflow = format!("{owner}/{repository}/\\.github/workflows/[a-z-]+\\.ya?ml@refs/heads/main");
        line(text, "  job_workflow_ref: ", &workflow);
        line(text, "  ref: ", dice.pick(&["refs/heads/main", "refs/tags/v[0-9]+(\\.[0-9]+){2}", ".*"]));
        if dice.once_in(3) {
            line(text, "  repository_id: ", &format!("\"{}\"", dice.below(900_000_000)));
        }
    }
}

fn permissions(dice: &mut Dice, text: &mut String) {
    if dice.once_in(25) {
        text.push_str("permissions: {}\n");
        return;
    }
    text.push_str("permissions:\n");
    let first = dice.below(PERMISSIONS.len());
    for offset in 0..=dice.below(5) {
        let name = PERMISSIONS.get((first + offset) % PERMISSIONS.len()).copied().unwrap_or_default();
        line(text, &format!("  {name}: "), dice.pick(LEVELS));
    }
}

/// Something that no shape above has.
fn mistake(dice: &mut Dice, text: &mut String) {
    text.push_str(dice.pick(&[
        "descripton: typo\n",
        "subject: twice\n",
        "audience: https://octo-sts.dev\n",
        "audience: yes\n",
        "claim_pattern:\n  ref: '[a'\n",
        "---\nissuer: https://second.example\n",
        "\tissuer: tab\n",
    ]));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_policies_are_alike_and_every_run_has_the_same() {
        let (first, second) = (policies(1_000), policies(1_000));
        let texts: BTreeSet<&str> = first.iter().map(|policy| policy.text.as_str()).collect();
        assert!(texts.len() > 950, "{}", texts.len());
        assert!(first.iter().zip(&second).all(|(a, b)| a.text == b.text && a.kind == b.kind));
        let readable = first.iter().filter(|policy| gatepass_yaml::parse(&policy.text).is_ok()).count();
        assert!((900..1_000).contains(&readable), "{readable}");
    }
}
