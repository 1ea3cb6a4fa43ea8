//! `gatepass policy suggest`: the trust policy that admits one workload and grants what its jobs need.

mod facts;
mod needs;

use clap::Args;
use gatepass_core::names::RepositoryName;
use gatepass_policy::lint::{Code, PolicyFile, Settings, lint};
use gatepass_policy::permissions::LEVELS;
use gatepass_policy::{
    Claims, Grants, PolicyKind, TrustPolicy, Verdict, exact_policy, permissions, policy_path,
};

use self::facts::{Facts, platform_of};
use self::needs::{Choice, Needs};
use super::document::kind_in;
use super::explanation::sentence;
use crate::Stop;
use crate::identity::{Given, configuration, domain, settings};
use crate::problems::{Source, show_finding};
use crate::terminal::{STRONG, Stream, Terminal, clean};

/// Write the trust policy that lets a job's workload in, and nobody else
///
/// The policy goes to standard output, and nothing else does; where it belongs and why it grants
/// what it grants goes to standard error. Issuer, subject and audience are exact. The permissions
/// are those of the job, and of the jobs that share its trust policy and its cloud; or those that
/// --permission names.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Examples:
  gatepass policy suggest --job alarm-to-issue --role-arn arn:aws:iam::111122223333:role/alarms \\
      --issuer https://0f1c2d3e-….tokens.sts.global.api.aws > .github/chainguard/alarms.sts.yaml
  gatepass policy suggest --from gcp --permission issues=write

Exit code: 0 with a policy, 1 when none can admit the workload, 2 when something is missing."
)]
pub(crate) struct Options {
    /// The job that the policy is for
    #[arg(long, value_name = "NAME")]
    job: Option<String>,

    /// The file that the job is in [default: GATEPASS_CONFIG, or gatepass.yaml where there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<String>,

    /// A permission, beside those of the job or instead of one; may be given several times
    #[arg(long = "permission", value_name = "NAME=LEVEL", value_parser = permission)]
    permissions: Vec<(String, String)>,

    /// Of the job's repositories, the one whose policy is written, where they differ
    #[arg(long, value_name = "OWNER/NAME", requires = "job")]
    repository: Option<RepositoryName>,

    /// The repositories that an organisation's policy reaches, by their names without the owner
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = repository_name)]
    repositories: Vec<String>,

    /// The bare domain of the Octo STS [default: gatepass.yaml's, or octo-sts.dev]
    #[arg(long)]
    domain: Option<String>,

    #[command(flatten)]
    given: Given,

    #[command(flatten)]
    facts: Facts,
}

/// `issues=write`.
fn permission(text: &str) -> Result<(String, String), String> {
    let (name, level) = text.split_once('=').ok_or("write NAME=LEVEL, as in issues=write")?;
    let name = permissions::known(name).ok_or_else(|| {
        let near = gatepass_yaml::nearest(name, permissions::KNOWN.iter().copied());
        let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        format!("Octo STS knows no permission `{name}`{near}")
    })?;
    if !LEVELS.contains(&level) {
        return Err(format!("`{level}` is no level: write {}", LEVELS.join(", ")));
    }
    Ok((name.to_owned(), level.to_owned()))
}

/// A repository's name without its owner.
fn repository_name(text: &str) -> Result<String, String> {
    let whole: Result<RepositoryName, _> = format!("owner/{text}").parse();
    whole.map(|_| text.to_owned()).map_err(|_| "write the repository's name without its owner".to_owned())
}

pub(crate) fn run(options: &Options, terminal: &Terminal) -> Result<(), Stop> {
    let checked = configuration(options.config.as_deref(), terminal)?;
    let domain = domain(options.domain.as_deref(), checked.as_ref());
    let claims = options.claims(&domain, &settings(checked.as_ref()))?;
    let mut needs = match (&checked, &options.job) {
        (Some(checked), job) if job.is_some() || options.permissions.is_empty() => {
            let choice = Choice {
                job: job.as_deref(),
                repository: options.repository.as_ref().map(RepositoryName::as_str),
                platform: platform_of(claims.issuer()),
            };
            Needs::of_jobs(checked, choice)?
        }
        (None, Some(job)) => {
            return Err(Stop::Usage(format!(
                "the job {job} is in no file: there is no gatepass.yaml here; name it with --config"
            )));
        }
        (None, None) if options.permissions.is_empty() => {
            return Err(Stop::Usage(
                "what for? name a job of a gatepass.yaml with --job, or permissions with --permission issues=write"
                    .to_owned(),
            ));
        }
        _ => Needs::default(),
    };
    for (name, level) in &options.permissions {
        needs.add(name, level, "--permission");
    }
    if needs.permissions.is_empty() {
        return Err(Stop::Usage(needs.remarks.join("; ")));
    }
    if !options.repositories.is_empty() {
        needs.repositories.clone_from(&options.repositories);
    }
    let suggestion = Suggestion::write(&claims, &domain, &needs)?;
    suggestion.tell(terminal.err, &domain, &needs);
    terminal.out.write(&suggestion.text);
    Ok(())
}

impl Options {
    /// What the workload's tokens say.
    fn claims(
        &self,
        domain: &str,
        settings: &gatepass_core::config::IdTokenSettings,
    ) -> Result<Claims, Stop> {
        let mut workloads = self.facts.workloads();
        match (workloads.pop(), self.given.is_none()) {
            (Some(_), _) if !workloads.is_empty() => {
                Err(Stop::Usage("the facts are of more than one cloud: a policy admits one workload".to_owned()))
            }
            (Some(_), false) => Err(Stop::Usage(
                "a token and facts are both given: which of them is the workload?".to_owned(),
            )),
            (Some(workload), true) => {
                workload.claims(domain).map_err(|error| Stop::Usage(error.to_string()))
            }
            (None, _) => match self.given.proof(domain, settings).map_err(Stop::Usage)? {
                Some(proof) => Ok(proof.claims),
                None => Err(Stop::Usage(
                    "for whom? give --token FILE, --claims FILE, --from HOST, or facts: --role-arn and --issuer, --google-id, --tenant and --principal-id, --github-subject"
                        .to_owned(),
                )),
            },
        }
    }
}

/// A policy, and where it belongs.
#[derive(Debug)]
struct Suggestion {
    text: String,
    path: String,
    kind: PolicyKind,
}

impl Suggestion {
    fn write(claims: &Claims, domain: &str, needs: &Needs) -> Result<Self, Stop> {
        let failed = |why: String| Stop::Failed(why);
        let homes = needs.file.as_ref().map_or(&[][..], |(_, homes)| homes);
        let kind = homes.first().map_or(PolicyKind::Repository, |home| kind_in(home));
        if !needs.repositories.is_empty() && kind != PolicyKind::Organization {
            return Err(Stop::Usage(
                "only an organisation's policy has `repositories`: the others reach the repository that they are in"
                    .to_owned(),
            ));
        }
        let grants = Grants { permissions: &needs.permissions, repositories: &needs.repositories };
        let text = exact_policy(claims, domain, grants).map_err(|why| failed(why.to_string()))?;
        // What is suggested must do what it is for.
        let policy = TrustPolicy::parse(&text, kind)
            .map_err(|why| failed(format!("no policy can be written: {why}")))?;
        match policy.evaluate(claims, domain) {
            Verdict::Admitted => {}
            other => return Err(failed(format!("no policy can admit this workload; {}", sentence(&other)))),
        }
        let path = policy_path(needs.file.as_ref().map_or("NAME", |(name, _)| name));
        Ok(Self { text, path, kind })
    }

    fn tell(&self, err: Stream, domain: &str, needs: &Needs) {
        let homes = match &needs.file {
            Some((_, homes)) => homes.join(", and of "),
            None => "the repository that it is for; the workload asks for it by that NAME".to_owned(),
        };
        let place = format!("{} on the default branch of {homes}", self.path);
        err.line(&format!("{} {}", err.paint(STRONG, "commit this as"), clean(&place)));
        for (permission, level) in &needs.permissions {
            let reasons = needs.reasons.get(permission).map(|reasons| reasons.join(", ")).unwrap_or_default();
            err.line(&format!("  {:<24} for {}", clean(&format!("{permission}: {level}")), clean(&reasons)));
        }
        for remark in &needs.remarks {
            err.line(&format!("note: {}", clean(remark)));
        }
        let reaches_all = self.kind == PolicyKind::Organization && needs.repositories.is_empty();
        if reaches_all {
            err.line("note: without `repositories` it reaches every repository that the App may access; name them with --repositories a,b");
        }
        err.line("");
        let settings = Settings { domain: domain.to_owned(), hosted: true };
        let file = PolicyFile { path: &self.path, bytes: self.text.as_bytes(), kind: self.kind };
        let source = Source { file: &self.path, text: Some(&self.text) };
        // That has been said, with the option that mends it.
        let findings = lint(&file, &settings).into_iter().filter(|it| it.code != Code::RepositoriesAll);
        findings.for_each(|finding| show_finding(err, source, &finding));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_is_spelt_as_the_server_knows_it() {
        assert_eq!(permission("issues=write").unwrap(), ("issues".into(), "write".into()));
        for (text, words) in [
            ("issues", "NAME=LEVEL"),
            ("pull-requests=read", "did you mean `pull_requests`?"),
            ("issues=writ", "`writ` is no level: write read, write, admin"),
        ] {
            let error = permission(text).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
