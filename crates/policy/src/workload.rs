//! A workload by the facts that are known of it before it has ever run.

use serde_json::{Map, Value};

use crate::hint::TOKEN_EXCHANGE;
use crate::names::{Arn, is_account, is_uuid};
use crate::show::shown;
use crate::{Claims, format};

/// What its tokens will say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Workload {
    /// A role on AWS.
    Aws {
        /// The account's issuer, `https://<uuid>.tokens.sts.global.api.aws`.
        issuer: String,
        /// `arn:aws:iam::<account>:role/[path/]<name>`.
        role_arn: String,
    },
    /// A service account of Google Cloud.
    Google {
        /// Its numeric unique id.
        unique_id: String,
    },
    /// A managed identity of Azure.
    Azure {
        /// The tenant's id.
        tenant: String,
        /// The identity's principal (object) id.
        principal_id: String,
        /// The audience that its tokens have: the client id of an app registration whose tokens are of version 2, or the
        /// App ID URI of one whose tokens are of version 1. The one of `api://AzureADTokenExchange` when nothing.
        audience: Option<String>,
    },
    /// A workflow of GitHub Actions.
    GitHub {
        /// The whole subject, in the form that the repository uses.
        subject: String,
    },
}

/// Why a fact cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAFact(pub String);

/// What AWS calls its parts of the world in an ARN.
const PARTITIONS: [&str; 3] = ["aws", "aws-cn", "aws-us-gov"];

/// The shortest unique id of a service account that is believed, in digits. They have 21; a project's number has about 12.
const SHORTEST_UNIQUE_ID: usize = 18;

impl Workload {
    /// The claims that its tokens will have, as far as a policy can use them, when they are asked for `domain`.
    ///
    /// # Errors
    /// When a fact is of a form that the cloud does not have, with the form that it has.
    pub fn claims(&self, domain: &str) -> Result<Claims, NotAFact> {
        let (issuer, subject, audience) = match self {
            Self::Aws { issuer, role_arn } => {
                (aws_issuer(issuer, role_arn)?, role(role_arn)?, domain.to_owned())
            }
            Self::Google { unique_id } => {
                ("https://accounts.google.com".to_owned(), service_account(unique_id)?, domain.to_owned())
            }
            Self::Azure { tenant, principal_id, audience } => {
                azure(tenant, principal_id, audience.as_deref())?
            }
            Self::GitHub { subject } => {
                ("https://token.actions.githubusercontent.com".to_owned(), run(subject)?, domain.to_owned())
            }
        };
        let pairs = [("iss", issuer), ("sub", subject), ("aud", audience)];
        Ok(Claims::new(Map::from_iter(pairs.map(|(name, value)| (name.to_owned(), Value::from(value))))))
    }
}

fn role(text: &str) -> Result<String, NotAFact> {
    let no = |why: String| NotAFact(format!("{} {why}", shown(text)));
    let form = "write the role's own ARN, `arn:aws:iam::<account>:role/[path/]<name>`";
    let arn = Arn::parse(text).ok_or_else(|| no(format!("is no ARN: {form}")))?;
    if let Some(name) = arn.session() {
        return Err(no(format!(
            "is the ARN of a session: write the role's own, `arn:{}:iam::{}:role/{name}`, with the role's path before its \
             name if it has one (`aws iam get-role --role-name {name}` tells)",
            arn.partition, arn.account
        )));
    }
    let (path, name) = arn.role().ok_or_else(|| no(format!("is not a role: {form}")))?;
    if !PARTITIONS.contains(&arn.partition) {
        return Err(no(format!("begins with another partition than {}", PARTITIONS.join(", "))));
    }
    if !is_account(arn.account) {
        return Err(no("has no account of 12 digits".to_owned()));
    }
    let is_name = |b: u8| b.is_ascii_alphanumeric() || b"+=,.@_-".contains(&b);
    if !(1..=64).contains(&name.len()) || !name.bytes().all(is_name) {
        return Err(no(
            "has no valid role name: it is 1 to 64 letters, digits or any of `+=,.@_-`".to_owned()
        ));
    }
    if path.starts_with('/') {
        return Err(no("has a slash too many after `role`".to_owned()));
    }
    format::subject(text).map_err(|violation| no(format!("{violation}, so Octo STS refuses it")))?;
    Ok(text.to_owned())
}

/// The form of the issuer is known for the ordinary partition only.
fn aws_issuer(text: &str, role_arn: &str) -> Result<String, NotAFact> {
    let host = text.strip_prefix("https://").and_then(|rest| rest.strip_suffix(".tokens.sts.global.api.aws"));
    let ordinary = Arn::parse(role_arn).is_none_or(|arn| arn.partition == "aws");
    match format::issuer(text) {
        Ok(()) if host.is_some_and(is_uuid) || !ordinary => Ok(text.to_owned()),
        _ => Err(NotAFact(format!(
            "{} is not the issuer of an AWS account: write `https://<uuid>.tokens.sts.global.api.aws`, without a slash at the \
             end, as `aws iam get-outbound-web-identity-federation-info` tells it",
            shown(text)
        ))),
    }
}

fn service_account(text: &str) -> Result<String, NotAFact> {
    let no = |why: &str| NotAFact(format!("{} {why}", shown(text)));
    let how = "`gcloud iam service-accounts describe … --format='value(uniqueId)'` tells it";
    if text.contains('@') {
        return Err(no(&format!("is an e-mail address, and tokens speak for the numeric unique id: {how}")));
    }
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(no(&format!(
            "is no unique id of a service account, which is a number of 21 digits: {how}"
        )));
    }
    match text.len() {
        ..SHORTEST_UNIQUE_ID => Err(no(&format!("is too short for a unique id, which has 21 digits: {how}"))),
        26.. => Err(no(&format!("is too long for a unique id, which has 21 digits: {how}"))),
        _ => Ok(text.to_owned()),
    }
}

fn azure(
    tenant: &str,
    principal: &str,
    audience: Option<&str>,
) -> Result<(String, String, String), NotAFact> {
    // In tokens they are in small letters.
    let uuid = |text: &str, what: &str| {
        let found = is_uuid(text).then(|| text.to_ascii_lowercase());
        found.ok_or_else(|| {
            NotAFact(format!("{} is no {what}: write the UUID that Azure shows for it", shown(text)))
        })
    };
    let (tenant, principal) = (uuid(tenant, "tenant id")?, uuid(principal, "principal (object) id")?);
    let (v1, v2) = (
        format!("https://sts.windows.net/{tenant}/"),
        format!("https://login.microsoftonline.com/{tenant}/v2.0"),
    );
    let (resource, id) = TOKEN_EXCHANGE;
    match audience {
        None => Ok((v2, principal, id.to_owned())),
        Some(audience) if audience == resource => Ok((v2, principal, id.to_owned())),
        Some(audience) if is_uuid(audience) => Ok((v2, principal, audience.to_ascii_lowercase())),
        Some(audience) if audience.contains("://") && format::audience(audience).is_ok() => {
            Ok((v1, principal, audience.to_owned()))
        }
        Some(audience) => Err(NotAFact(format!(
            "{} is no audience that a token of Azure can have: write the client id of an app registration, or the App ID URI of \
             one whose tokens are of version 1",
            shown(audience)
        ))),
    }
}

fn run(subject: &str) -> Result<String, NotAFact> {
    let no = |why: String| NotAFact(format!("{} {why}", shown(subject)));
    let form = "`repo:<owner>/<repository>:ref:refs/heads/<branch>`, or with the ids that newer repositories have in it";
    format::subject(subject).map_err(|violation| no(format!("{violation}, so Octo STS refuses it")))?;
    if subject.contains('*') {
        return Err(no(format!("is a glob: write one whole subject, {form}")));
    }
    let of_repository = subject.strip_prefix("repo:");
    let parsed = crate::names::RunSubject::parse(subject);
    let whole = match (of_repository, parsed) {
        (Some(_), Some(run)) => {
            !run.owner.is_empty()
                && !run.name.is_empty()
                && run.context != crate::names::RunContext::Other("")
        }
        (Some(_), None) => false,
        // An organisation can choose other claims for its subjects, as `name:value:name:value`.
        (None, _) => subject.contains(':'),
    };
    whole
        .then(|| subject.to_owned())
        .ok_or_else(|| no(format!("is no whole subject of a workflow run: write {form}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "9188040d-6c67-4c5b-b112-36a304b66dad";
    const OTHER: &str = "11111111-2222-3333-4444-555555555555";
    const ISSUER: &str = "https://9188040d-6c67-4c5b-b112-36a304b66dad.tokens.sts.global.api.aws";

    fn aws(issuer: &str, role_arn: &str) -> Workload {
        Workload::Aws { issuer: issuer.to_owned(), role_arn: role_arn.to_owned() }
    }

    fn google(unique_id: &str) -> Workload {
        Workload::Google { unique_id: unique_id.to_owned() }
    }

    fn azure(tenant: &str, principal_id: &str, audience: Option<&str>) -> Workload {
        let audience = audience.map(str::to_owned);
        Workload::Azure { tenant: tenant.to_owned(), principal_id: principal_id.to_owned(), audience }
    }

    fn github(subject: &str) -> Workload {
        Workload::GitHub { subject: subject.to_owned() }
    }

    #[test]
    fn facts_become_claims() {
        let v2 = format!("https://login.microsoftonline.com/{UUID}/v2.0");
        let v1 = format!("https://sts.windows.net/{UUID}/");
        let google_issuer = "https://accounts.google.com";
        let github_issuer = "https://token.actions.githubusercontent.com";
        let alarms = "arn:aws:iam::123456789012:role/alarms";
        let with_path = "arn:aws:iam::123456789012:role/service-role/a.b+c=d,e@f_g-h";
        let china = "arn:aws-cn:iam::123456789012:role/x";
        for (workload, iss, sub, aud) in [
            (aws(ISSUER, alarms), ISSUER, alarms, "octo-sts.dev"),
            (aws(ISSUER, with_path), ISSUER, with_path, "octo-sts.dev"),
            (aws("https://x.tokens.example.cn", china), "https://x.tokens.example.cn", china, "octo-sts.dev"),
            (google("107691503500061500000"), google_issuer, "107691503500061500000", "octo-sts.dev"),
            (azure(UUID, OTHER, None), &v2, OTHER, TOKEN_EXCHANGE.1),
            (azure(UUID, OTHER, Some(TOKEN_EXCHANGE.0)), &v2, OTHER, TOKEN_EXCHANGE.1),
            (azure(&UUID.to_uppercase(), OTHER, Some(&UUID.to_uppercase())), &v2, OTHER, UUID),
            (azure(UUID, OTHER, Some("api://gatepass")), &v1, OTHER, "api://gatepass"),
            (
                github("repo:o@1/r@2:ref:refs/heads/main"),
                github_issuer,
                "repo:o@1/r@2:ref:refs/heads/main",
                "octo-sts.dev",
            ),
            (github("repo:o/r:pull_request"), github_issuer, "repo:o/r:pull_request", "octo-sts.dev"),
            (github("repository_id:12:ref:x"), github_issuer, "repository_id:12:ref:x", "octo-sts.dev"),
        ] {
            let claims = workload.claims("octo-sts.dev").unwrap();
            assert_eq!(
                (claims.issuer(), claims.subject(), claims.audiences()),
                (iss, sub, vec![aud]),
                "{workload:?}"
            );
        }
    }

    #[test]
    fn what_is_no_fact_is_refused_with_the_form_that_it_has() {
        let role = |arn: &str| aws(ISSUER, arn);
        let alarms = "arn:aws:iam::123456789012:role/alarms";
        for (workload, reason) in [
            (role(""), "is no ARN"),
            (role("alarms"), "is no ARN"),
            (role("arn:aws:iam::123456789012:user/me"), "is not a role"),
            (role("arn:aws:lambda:eu-west-1:123456789012:function:alarms"), "is not a role"),
            (role("arn:aws:iam::123456789012:instance-profile/x"), "is not a role"),
            (
                role("arn:aws-us-gov:sts::123456789012:assumed-role/alarms/session"),
                "`arn:aws-us-gov:iam::123456789012:role/alarms`",
            ),
            (role("arn:amazon:iam::123456789012:role/x"), "partition"),
            (role("arn:aws:iam::12345678901:role/x"), "12 digits"),
            (role("arn:aws:iam::12345678901x:role/x"), "12 digits"),
            (role("arn:aws:iam::123456789012:role/"), "no valid role name"),
            (role("arn:aws:iam::123456789012:role/a*"), "no valid role name"),
            (role(&format!("arn:aws:iam::123456789012:role/{}", "x".repeat(65))), "no valid role name"),
            (role("arn:aws:iam::123456789012:role//x"), "slash too many"),
            (role("arn:aws:iam::123456789012:role/a$b/x"), "Octo STS refuses"),
            (role(&format!("arn:aws:iam::123456789012:role/{}x", "p/".repeat(120))), "longer than 255"),
            (aws("", alarms), "is not the issuer"),
            (aws(&format!("{ISSUER}/"), alarms), "without a slash"),
            (aws("https://sts.amazonaws.com", alarms), "is not the issuer"),
            (aws("https://x.tokens.sts.global.api.aws", alarms), "is not the issuer"),
            (aws("http://x.example.cn", "arn:aws-cn:iam::123456789012:role/x"), "is not the issuer"),
            (google("alarms@p.iam.gserviceaccount.com"), "is an e-mail address"),
            (google(""), "is no unique id"),
            (google("1.076915e+20"), "is no unique id"),
            (google("123456789012"), "too short"),
            (google(&"1".repeat(26)), "too long"),
            (azure("contoso.onmicrosoft.com", OTHER, None), "is no tenant id"),
            (azure(UUID, "alarms", None), "is no principal (object) id"),
            (azure(UUID, OTHER, Some("octo-sts.dev")), "no audience that a token of Azure"),
            (azure(UUID, OTHER, Some("https://a b")), "no audience that a token of Azure"),
            (github("repo:o/r"), "no whole subject"),
            (github("repo:o/r:"), "no whole subject"),
            (github("repo:/r:ref:x"), "no whole subject"),
            (github("repo:o:ref:x"), "no whole subject"),
            (github("main"), "no whole subject"),
            (github("repo:o/*:ref:x"), "is a glob"),
            (github("repo:o/r:ref:refs/heads/a b"), "white space"),
            (github(""), "is empty"),
        ] {
            let error = workload.claims("octo-sts.dev").expect_err(reason).to_string();
            assert!(error.contains(reason), "{workload:?}: {error}");
        }
    }
}
