//! What to do with a new file.

use gatepass_core::job::Jobs;

use super::Cloud;
use crate::terminal::{FAINT, STRONG, Stream};

/// Tells how the job gets to work: repository, trust policy, a try.
pub(super) fn tell(out: Stream, cloud: Cloud, jobs: &Jobs, path: &str) {
    let step =
        |number: u8, text: &str| out.line(&format!("\n{} {text}", out.paint(STRONG, &format!("{number}."))));
    let command = |text: &str| out.line(&format!("     {}", out.paint(STRONG, text)));

    step(1, "See it at work, without an account or a network:");
    command(&format!("gatepass dev --once --config {path}"));

    for job in jobs.iter() {
        let repository = job.repository().map_or_else(String::new, ToString::to_string);
        step(2, &format!("Put your repository into {path}, where it says {repository}, and check the file:"));
        command(&format!("gatepass check {path}"));

        let policy = format!(".github/chainguard/{}.sts.yaml", job.trust_policy());
        step(
            3,
            &format!(
                "Install the App Octo STS (https://github.com/apps/octo-sts) on that repository, and commit\n   the trust policy {policy} to its default branch:"
            ),
        );
        let lines = policy_lines(cloud);
        let width = lines.iter().map(|(line, _)| line.len()).max().unwrap_or_default();
        for (line, remark) in lines {
            let remark = if remark.is_empty() { String::new() } else { format!("# {remark}") };
            out.line(format!("     {line:<width$}  {}", out.paint(FAINT, &remark)).trim_end());
        }
        out.line("     permissions:");
        for (name, level) in job.permissions() {
            out.line(&format!("       {name}: {level}"));
        }
    }
    step(4, &format!("Deploy the program {} with this file; GATEPASS_CONFIG names it.", cloud.program()));
}

impl Cloud {
    fn program(self) -> &'static str {
        match self {
            Self::Aws => "gatepass-aws",
            Self::Gcp => "gatepass-gcp",
            Self::Azure => "gatepass-azure",
        }
    }
}

/// Who is let in. Source: each cloud's documentation of its tokens' `iss`, `sub` and `aud`.
fn policy_lines(cloud: Cloud) -> Vec<(&'static str, &'static str)> {
    match cloud {
        Cloud::Aws => vec![
            (
                "issuer: https://ISSUER.tokens.sts.global.api.aws",
                "aws iam get-outbound-web-identity-federation-info",
            ),
            ("subject: arn:aws:iam::ACCOUNT:role/ROLE", "the function's own role"),
        ],
        Cloud::Gcp => vec![
            ("issuer: https://accounts.google.com", ""),
            ("subject: \"UNIQUE-ID\"", "21 digits: gcloud iam service-accounts describe EMAIL"),
        ],
        Cloud::Azure => vec![
            ("issuer: https://login.microsoftonline.com/TENANT/v2.0", "az account show --query tenantId"),
            ("subject: PRINCIPAL-ID", "az functionapp identity show: principalId"),
            ("audience: fb60f99c-7a34-4190-8149-302f77469936", "api://AzureADTokenExchange, in every tenant"),
        ],
    }
}
