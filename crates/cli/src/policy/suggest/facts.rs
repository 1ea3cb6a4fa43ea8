//! A workload by what is known of it before it has ever run.

use clap::Args;
use gatepass_core::config::Platform;
use gatepass_policy::Workload;

/// The facts, of one cloud.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "By facts, before it has ever run")]
pub(super) struct Facts {
    /// AWS: the ARN of the workload's own role
    #[arg(long, value_name = "ARN", requires = "issuer")]
    role_arn: Option<String>,

    /// AWS: the account's issuer, from `aws iam get-outbound-web-identity-federation-info`
    #[arg(long, value_name = "URL", requires = "role_arn")]
    issuer: Option<String>,

    /// Google Cloud: the service account's unique id, a number of 21 digits
    #[arg(long, value_name = "ID")]
    google_id: Option<String>,

    /// Azure: the tenant's id
    #[arg(long, value_name = "ID", requires = "principal_id")]
    tenant: Option<String>,

    /// Azure: the managed identity's principal (object) id
    #[arg(long, value_name = "ID", requires = "tenant")]
    principal_id: Option<String>,

    /// Azure: the audience of its tokens [default: that of api://AzureADTokenExchange]
    #[arg(long, value_name = "AUDIENCE", requires = "tenant")]
    audience: Option<String>,

    /// GitHub Actions: the whole subject, as the repository's tokens have it
    #[arg(long, value_name = "SUBJECT")]
    github_subject: Option<String>,
}

impl Facts {
    /// The workloads that are described: one, none, or more than there should be.
    pub(super) fn workloads(&self) -> Vec<Workload> {
        let aws = self.role_arn.clone().zip(self.issuer.clone());
        let aws = aws.map(|(role_arn, issuer)| Workload::Aws { issuer, role_arn });
        let google = self.google_id.clone().map(|unique_id| Workload::Google { unique_id });
        let azure = self.tenant.clone().zip(self.principal_id.clone()).map(|(tenant, principal_id)| {
            Workload::Azure { tenant, principal_id, audience: self.audience.clone() }
        });
        let github = self.github_subject.clone().map(|subject| Workload::GitHub { subject });
        [aws, google, azure, github].into_iter().flatten().collect()
    }
}

/// The cloud whose tokens this issuer signs, where it is one of those that our binaries run in.
pub(super) fn platform_of(issuer: &str) -> Option<Platform> {
    let host = issuer.strip_prefix("https://")?.split('/').next()?;
    match host {
        "accounts.google.com" => Some(Platform::Gcp),
        "login.microsoftonline.com" | "sts.windows.net" => Some(Platform::Azure),
        host if host.ends_with(".tokens.sts.global.api.aws") => Some(Platform::Aws),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_issuer_tells_the_cloud() {
        for (issuer, platform) in [
            ("https://0f1c.tokens.sts.global.api.aws", Some(Platform::Aws)),
            ("https://accounts.google.com", Some(Platform::Gcp)),
            ("https://login.microsoftonline.com/t/v2.0", Some(Platform::Azure)),
            ("https://sts.windows.net/t/", Some(Platform::Azure)),
            ("https://token.actions.githubusercontent.com", None),
            ("http://accounts.google.com", None),
        ] {
            assert_eq!(platform_of(issuer), platform, "{issuer}");
        }
    }
}
