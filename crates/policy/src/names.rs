//! The names that clouds and GitHub give to identities, taken apart.

use crate::issuers;

/// An ARN of AWS IAM or STS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    pub(crate) partition: &'a str,
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    pub(crate) resource: &'a str,
}

impl<'a> Arn<'a> {
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", partition, service, region, account, resource] => {
                Some(Self { partition, service, region, account, resource })
            }
            _ => None,
        }
    }

    /// The path (empty, or with a slash at its end) and the name of an IAM role.
    pub(crate) fn role(&self) -> Option<(&'a str, &'a str)> {
        let role = self.resource.strip_prefix("role/").filter(|_| self.service == "iam")?;
        let name = role.rfind('/').map_or(0, |slash| slash + 1);
        Some(role.split_at(name))
    }

    /// The name of the role behind a session of STS, which no longer tells the role's path.
    pub(crate) fn session(&self) -> Option<&'a str> {
        let session = self.resource.strip_prefix("assumed-role/").filter(|_| self.service == "sts")?;
        session.split('/').next().filter(|name| !name.is_empty())
    }
}

/// The subject of a workflow run in GitHub's default form, old or new: `repo:owner[@id]/name[@id]:context`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunSubject<'a> {
    pub(crate) owner: &'a str,
    pub(crate) name: &'a str,
    /// Of the owner and the repository; only in the form of repositories made, renamed or transferred from 2026-07-15.
    pub(crate) ids: Option<(&'a str, &'a str)>,
    pub(crate) context: RunContext<'a>,
}

/// What a workflow run is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RunContext<'a> {
    Branch(&'a str),
    Tag(&'a str),
    Environment(&'a str),
    PullRequest,
    /// Anything else; nothing at all where it is empty.
    Other(&'a str),
}

impl<'a> RunSubject<'a> {
    pub(crate) fn parse(subject: &'a str) -> Option<Self> {
        let rest = subject.strip_prefix("repo:")?;
        let (repository, context) = rest.split_once(':').unwrap_or((rest, ""));
        let (owner, name) = repository.split_once('/')?;
        let with_id =
            |part: &'a str| part.split_once('@').map_or((part, None), |(name, id)| (name, Some(id)));
        let ((owner, owner_id), (name, id)) = (with_id(owner), with_id(name));
        Some(Self { owner, name, ids: owner_id.zip(id), context: RunContext::parse(context) })
    }

    /// `owner/name`.
    pub(crate) fn repository(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }
}

impl<'a> RunContext<'a> {
    fn parse(context: &'a str) -> Self {
        match context.split_once(':') {
            _ if context == "pull_request" => Self::PullRequest,
            Some(("environment", name)) => Self::Environment(name),
            Some(("ref", reference)) => {
                match (reference.strip_prefix("refs/heads/"), reference.strip_prefix("refs/tags/")) {
                    (Some(branch), _) => Self::Branch(branch),
                    (_, Some(tag)) => Self::Tag(tag),
                    _ => Self::Other(context),
                }
            }
            _ => Self::Other(context),
        }
    }
}

/// The tenant of an issuer of Microsoft Entra, and whether its tokens are of version 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entra<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) is_v2: bool,
}

impl<'a> Entra<'a> {
    /// Of an issuer, also of one that is not quite right: `https://sts.windows.net/<tenant>` without its slash.
    pub(crate) fn of(issuer: &'a str) -> Option<Self> {
        let v1 = issuer.strip_prefix("https://sts.windows.net/");
        let v2 = issuer.strip_prefix("https://login.microsoftonline.com/");
        let tenant = v1.or(v2)?.split('/').next()?;
        Some(Self { tenant, is_v2: v2.is_some() })
    }
}

/// Whether this is the number of an AWS account.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

/// Whether this is a UUID, in either letter case.
pub(crate) fn is_uuid(text: &str) -> bool {
    issuers::is_uuid(&text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_roles_and_sessions() {
        for (arn, role, session) in [
            ("arn:aws:iam::123456789012:role/alarms", Some(("", "alarms")), None),
            ("arn:aws-cn:iam::123456789012:role/a/b/alarms", Some(("a/b/", "alarms")), None),
            ("arn:aws:sts::123456789012:assumed-role/alarms/i-1", None, Some("alarms")),
            ("arn:aws:sts::123456789012:assumed-role/", None, None),
            ("arn:aws:iam::123456789012:user/me", None, None),
            ("arn:aws:lambda:eu-west-1:123456789012:function:alarms", None, None),
        ] {
            let parsed = Arn::parse(arn).unwrap();
            assert_eq!(
                (parsed.role(), parsed.session(), parsed.account),
                (role, session, "123456789012"),
                "{arn}"
            );
        }
        for text in ["", "arn:aws:iam", "alarms", "ARN:aws:iam::1:role/x"] {
            assert_eq!(Arn::parse(text), None, "{text}");
        }
    }

    #[test]
    fn subjects_of_runs_in_both_forms() {
        for (subject, ids, context) in [
            ("repo:o/r:ref:refs/heads/a:b", None, RunContext::Branch("a:b")),
            ("repo:o@1/r@2:ref:refs/tags/v1", Some(("1", "2")), RunContext::Tag("v1")),
            ("repo:o/r:environment:prod", None, RunContext::Environment("prod")),
            ("repo:o/r:pull_request", None, RunContext::PullRequest),
            ("repo:o/r:ref:refs/pull/1/merge", None, RunContext::Other("ref:refs/pull/1/merge")),
            ("repo:o/r", None, RunContext::Other("")),
        ] {
            let parsed = RunSubject::parse(subject).unwrap();
            assert_eq!(
                (parsed.owner, parsed.name, parsed.ids, parsed.context),
                ("o", "r", ids, context),
                "{subject}"
            );
            assert_eq!(parsed.repository(), "o/r");
        }
        assert_eq!(RunSubject::parse("repository_owner:o"), None);
        assert_eq!(RunSubject::parse("repo:o"), None);
    }

    #[test]
    fn tenants_and_uuids() {
        let tenant = "9188040d-6c67-4c5b-b112-36a304b66dad";
        for (issuer, is_v2) in [
            (format!("https://sts.windows.net/{tenant}/"), false),
            (format!("https://sts.windows.net/{tenant}"), false),
            (format!("https://login.microsoftonline.com/{tenant}/v2.0"), true),
        ] {
            assert_eq!(Entra::of(&issuer), Some(Entra { tenant, is_v2 }), "{issuer}");
        }
        assert_eq!(Entra::of("https://accounts.google.com"), None);
        assert!(is_uuid(tenant) && is_uuid(&tenant.to_uppercase()));
        for text in
            ["", "9188040d", "9188040d6c674c5bb11236a304b66dad", "9188040g-6c67-4c5b-b112-36a304b66dad"]
        {
            assert!(!is_uuid(text), "{text}");
        }
    }
}
