//! The issuers whose tokens we know: what they say, and what of it a policy can match.

mod claims;
mod near;
mod subject;

pub use self::claims::ClaimKind;
pub use self::near::NearMiss;
pub use self::subject::SubjectProblem;

/// An issuer whose tokens we know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Issuer {
    /// IAM outbound identity federation, one issuer for an account: `https://<uuid>.tokens.sts.global.api.aws`.
    /// <https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_outbound_token_claims.html>
    Aws,
    /// Service accounts (and people) of Google: `https://accounts.google.com`.
    /// <https://cloud.google.com/docs/authentication/token-types#id-tokens>
    Google,
    /// Entra, tokens of version 2: `https://login.microsoftonline.com/<tenant>/v2.0`.
    /// <https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference>
    EntraV2,
    /// Entra, tokens of version 1: `https://sts.windows.net/<tenant>/`, with the slash. The same page.
    EntraV1,
    /// Actions on github.com (also `…/<enterprise>`) and on `*.ghe.com`.
    /// <https://docs.github.com/actions/reference/security/oidc>
    GitHub,
    /// Actions on GitHub Enterprise Server: `https://<host>/_services/token`. The same page.
    GitHubServer,
    /// Pods on EKS: `https://oidc.eks.<region>.amazonaws.com/id/<id>`.
    /// <https://docs.aws.amazon.com/eks/latest/userguide/iam-roles-for-service-accounts.html>
    Eks,
    /// Pods on GKE: `https://container.googleapis.com/v1/projects/<p>/locations/<l>/clusters/<c>`.
    /// <https://cloud.google.com/kubernetes-engine/docs/concepts/workload-identity>
    Gke,
    /// Pods on AKS: `https://<region>.oic.prod-aks.azure.com/<tenant>/<id>/`, with the slash.
    /// <https://learn.microsoft.com/azure/aks/use-oidc-issuer>
    Aks,
    /// Jobs on gitlab.com. <https://docs.gitlab.com/ci/secrets/id_token_authentication/>
    GitLab,
    /// Jobs on CircleCI: `https://oidc.circleci.com/org/<organisation's id>`.
    /// <https://circleci.com/docs/openid-connect-tokens/>
    CircleCi,
    /// Runs on HCP Terraform: `https://app.terraform.io`.
    /// <https://developer.hashicorp.com/terraform/cloud-docs/workspaces/dynamic-provider-credentials/workload-identity-tokens>
    Terraform,
    /// Jobs on Buildkite: `https://agent.buildkite.com`. <https://buildkite.com/docs/agent/v3/cli-oidc>
    Buildkite,
}

impl Issuer {
    /// Whose issuer this is, exactly as a token spells it. Nothing for one that is not known, and for a near miss.
    pub fn of(issuer: &str) -> Option<Self> {
        match issuer {
            "https://accounts.google.com" => return Some(Self::Google),
            "https://token.actions.githubusercontent.com" => return Some(Self::GitHub),
            "https://gitlab.com" => return Some(Self::GitLab),
            "https://app.terraform.io" => return Some(Self::Terraform),
            "https://agent.buildkite.com" => return Some(Self::Buildkite),
            _ => {}
        }
        let rest = issuer.strip_prefix("https://")?;
        let (host, path) = rest.split_once('/').map_or((rest, None), |(host, path)| (host, Some(path)));
        let segments: Vec<&str> = path.map(|path| path.split('/').collect()).unwrap_or_default();
        match (host, segments.as_slice()) {
            ("login.microsoftonline.com", &[tenant, "v2.0"]) => is_uuid(tenant).then_some(Self::EntraV2),
            ("sts.windows.net", &[tenant, ""]) => is_uuid(tenant).then_some(Self::EntraV1),
            ("token.actions.githubusercontent.com", &[slug]) => is_label(slug).then_some(Self::GitHub),
            ("oidc.circleci.com", &["org", id]) => is_uuid(id).then_some(Self::CircleCi),
            (
                "container.googleapis.com",
                &["v1", "projects", project, "locations", place, "clusters", cluster],
            ) => [project, place, cluster].iter().all(|part| !part.is_empty()).then_some(Self::Gke),
            (host, &[]) if host.strip_suffix(".tokens.sts.global.api.aws").is_some_and(is_label) => {
                Some(Self::Aws)
            }
            (host, &[]) => {
                let ghe = host.strip_prefix("token.actions.").and_then(|host| host.strip_suffix(".ghe.com"));
                ghe.is_some_and(is_label).then_some(Self::GitHub)
            }
            (host, &["id", id]) => {
                let region = host.strip_prefix("oidc.eks.");
                let region = region.and_then(|host| {
                    host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))
                });
                (region.is_some_and(is_label) && is_label(id)).then_some(Self::Eks)
            }
            (host, &[tenant, id, ""]) => {
                let region = host.strip_suffix(".oic.prod-aks.azure.com");
                (region.is_some_and(is_label) && is_uuid(tenant) && is_uuid(id)).then_some(Self::Aks)
            }
            (host, &["_services", "token"]) => (!host.is_empty()).then_some(Self::GitHubServer),
            _ => None,
        }
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Google => "Google",
            Self::EntraV1 | Self::EntraV2 => "Entra",
            Self::GitHub => "GitHub Actions",
            Self::GitHubServer => "GitHub Enterprise Server",
            Self::Eks => "EKS",
            Self::Gke => "GKE",
            Self::Aks => "AKS",
            Self::GitLab => "GitLab",
            Self::CircleCi => "CircleCI",
            Self::Terraform => "HCP Terraform",
            Self::Buildkite => "Buildkite",
        }
    }

    /// Whether its tokens are for GitHub's workflows.
    pub fn is_github(self) -> bool {
        matches!(self, Self::GitHub | Self::GitHubServer)
    }

    /// Whether its tokens are for service accounts of a cluster.
    pub fn is_kubernetes(self) -> bool {
        matches!(self, Self::Eks | Self::Gke | Self::Aks)
    }

    /// Whether its tokens can be for this audience. Entra decides that itself: a token of version 2 has an
    /// application's id, one of version 1 that or the application's URI, which no stranger can register on a
    /// domain that is not theirs. With all others the workload, or who sets it up, asks for any text.
    pub fn can_carry(self, audience: &str) -> bool {
        match self {
            Self::EntraV2 => is_uuid(audience),
            Self::EntraV1 => is_uuid(audience) || audience.contains("://"),
            _ => true,
        }
    }

    /// What its tokens say under this name, and whether a policy can match that.
    pub fn claim(self, name: &str) -> ClaimKind {
        claims::kind(self, name)
    }

    /// The known claim that this name is probably meant to be.
    pub fn nearest_claim(self, name: &str) -> Option<&'static str> {
        claims::nearest(self, name)
    }

    /// What its subjects are, for a sentence, with an example or the command that shows it.
    pub fn subject_form(self) -> &'static str {
        subject::form(self)
    }

    /// Why no token of this issuer has this subject; nothing where one may have it.
    pub fn subject_problem(self, subject: &str) -> Option<SubjectProblem> {
        subject::problem(self, subject)
    }

    /// The known issuer that this one is probably meant to be, if it is none.
    pub fn near(issuer: &str) -> Option<NearMiss> {
        near::miss(issuer)
    }
}

/// Lower case and with hyphens, as Entra and AWS write them.
pub(crate) fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(index, byte)| match index {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
        })
}

/// One part of a host's name, or a short name of that kind.
fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";

    #[test]
    fn knows_them_by_their_exact_form() {
        for (issuer, expected) in [
            ("https://6f2e9c4a-8d4b-4f6e-9a51-0c2d7b1e3f58.tokens.sts.global.api.aws", Some(Issuer::Aws)),
            ("https://6f2e9c4a.tokens.sts.global.api.aws/", None),
            ("https://tokens.sts.global.api.aws", None),
            ("https://a.b.tokens.sts.global.api.aws", None),
            ("https://accounts.google.com", Some(Issuer::Google)),
            ("https://accounts.google.com/", None),
            ("http://accounts.google.com", None),
            ("accounts.google.com", None),
            (
                "https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0",
                Some(Issuer::EntraV2),
            ),
            ("https://login.microsoftonline.com/9188040d-6c67-4c5b-b112-36a304b66dad", None),
            ("https://login.microsoftonline.com/common/v2.0", None),
            ("https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad/", Some(Issuer::EntraV1)),
            ("https://sts.windows.net/9188040d-6c67-4c5b-b112-36a304b66dad", None),
            ("https://token.actions.githubusercontent.com", Some(Issuer::GitHub)),
            ("https://token.actions.githubusercontent.com/acme-inc", Some(Issuer::GitHub)),
            ("https://token.actions.githubusercontent.com/", None),
            ("https://token.actions.acme.ghe.com", Some(Issuer::GitHub)),
            ("https://github.example.com/_services/token", Some(Issuer::GitHubServer)),
            ("https://github.example.com/_services/token/", None),
            ("https://oidc.eks.eu-west-1.amazonaws.com/id/D539D4633E53DE1B71EXAMPLE", Some(Issuer::Eks)),
            ("https://oidc.eks.eu-west-1.amazonaws.com/D539D4633E53DE1B71EXAMPLE", None),
            ("https://container.googleapis.com/v1/projects/p/locations/l/clusters/c", Some(Issuer::Gke)),
            ("https://container.googleapis.com/v1/projects/p/zones/l/clusters/c", None),
            (
                "https://westeurope.oic.prod-aks.azure.com/9188040d-6c67-4c5b-b112-36a304b66dad/6f2e9c4a-8d4b-4f6e-9a51-0c2d7b1e3f58/",
                Some(Issuer::Aks),
            ),
            ("https://westeurope.oic.prod-aks.azure.com/9188040d-6c67-4c5b-b112-36a304b66dad/x/", None),
            ("https://gitlab.com", Some(Issuer::GitLab)),
            ("https://gitlab.example.com", None),
            ("https://oidc.circleci.com/org/9188040d-6c67-4c5b-b112-36a304b66dad", Some(Issuer::CircleCi)),
            ("https://oidc.circleci.com/org/acme", None),
            ("https://app.terraform.io", Some(Issuer::Terraform)),
            ("https://agent.buildkite.com", Some(Issuer::Buildkite)),
            ("", None),
            ("https://", None),
            ("https:///_services/token", None),
        ] {
            assert_eq!(Issuer::of(issuer), expected, "{issuer}");
        }
    }

    #[test]
    fn entra_alone_chooses_the_audience() {
        assert!(!Issuer::EntraV2.can_carry("octo-sts.dev"));
        assert!(!Issuer::EntraV1.can_carry("octo-sts.dev"));
        assert!(!Issuer::EntraV2.can_carry("api://AzureADTokenExchange"));
        assert!(Issuer::EntraV1.can_carry("api://AzureADTokenExchange"));
        assert!(Issuer::EntraV2.can_carry(TENANT) && Issuer::EntraV1.can_carry(TENANT));
        assert!(Issuer::Aws.can_carry("octo-sts.dev") && Issuer::Gke.can_carry("octo-sts.dev"));
    }
}
