//! Whose token a command looks at: one that this workload gets from where it runs, one in a file, or claims in a file.

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use gatepass_aws::account::Account;
use gatepass_aws::identity::AwsIdentity;
use gatepass_azure::identity::ManagedIdentity;
use gatepass_core::app::DEFAULT_CONFIG;
use gatepass_core::client::Clients;
use gatepass_core::config::{IdTokenSettings, Sts};
use gatepass_core::deadline::Deadline;
use gatepass_core::env::Env;
use gatepass_core::id_token::{GitHubActions, IdTokenSource};
use gatepass_core::secret::IdToken;
use gatepass_policy::Claims;

use crate::Stop;
use crate::check::{self, Checked};
use crate::input::{self, MAX_FILE, STDIN};
use crate::terminal::Terminal;

/// How long it may take to get a token.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where a workload gets its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Host {
    /// Lambda, ECS, EKS or EC2: AWS STS, GetWebIdentityToken
    Aws,
    /// Cloud Run, Functions, Compute Engine or GKE: the metadata server, or `id_token.google` of gatepass.yaml
    Gcp,
    /// Functions, Container Apps or a virtual machine: the managed identity
    Azure,
    /// A workflow with `permissions: id-token: write`
    Github,
}

/// What in the environment tells of a host: the most specific first, because a runner of GitHub Actions may stand in a cloud.
const SIGNS: &[(Host, &[&str])] = &[
    (Host::Github, &["ACTIONS_ID_TOKEN_REQUEST_URL", "GITHUB_ACTIONS"]),
    (
        Host::Aws,
        &[
            "AWS_LAMBDA_RUNTIME_API",
            "AWS_LAMBDA_FUNCTION_NAME",
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ],
    ),
    // The last two are set where no identity is assigned, too: what is wrong then is said by Azure's own source.
    (
        Host::Azure,
        &[
            "IDENTITY_ENDPOINT",
            "AZURE_POD_IDENTITY_AUTHORITY_HOST",
            "WEBSITE_SITE_NAME",
            "CONTAINER_APP_NAME",
        ],
    ),
    (Host::Gcp, &["K_SERVICE", "CLOUD_RUN_JOB", "GCE_METADATA_HOST"]),
    // Last: other clouds' workloads have it too, to reach AWS.
    (Host::Aws, &["AWS_WEB_IDENTITY_TOKEN_FILE"]),
];

impl Host {
    /// The host that the environment tells of, and the variable that does.
    pub(crate) fn detect(env: &Env) -> Option<(Self, &'static str)> {
        SIGNS.iter().find_map(|(host, variables)| {
            let variable = variables.iter().find(|name| env.get(name).is_some())?;
            Some((*host, *variable))
        })
    }

    /// What to say where [`Host::detect`] finds nothing.
    pub(crate) fn undetected() -> String {
        let signs: Vec<String> = SIGNS
            .iter()
            .map(|(host, variables)| format!("  {:<8} {}", host.option(), variables.join(", ")))
            .collect();
        format!(
            "nothing in the environment tells where this runs; looked for\n{}\nsay it with --from, as on a virtual machine, where no variable tells; or name a token file",
            signs.join("\n")
        )
    }

    /// As `--from` takes it.
    pub(crate) fn option(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Gcp => "gcp",
            Self::Azure => "azure",
            Self::Github => "github",
        }
    }

    /// For people.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Gcp => "Google Cloud",
            Self::Azure => "Azure",
            Self::Github => "GitHub Actions",
        }
    }

    /// Where its tokens come from, as the cloud's own binary gets them.
    ///
    /// # Errors
    /// A sentence that names the variable or setting that is missing or wrong.
    pub(crate) fn source(
        self,
        env: &Env,
        clients: &Clients,
        settings: &IdTokenSettings,
    ) -> Result<Arc<dyn IdTokenSource>, String> {
        Ok(match self {
            Self::Aws => Arc::new(AwsIdentity::new(Account::from_env(env, clients)?)?),
            Self::Gcp => {
                gatepass_gcp::identity::source(env, clients, settings.google.service_account.as_deref())?
            }
            Self::Azure => Arc::new(ManagedIdentity::new(env, clients, &settings.azure)?),
            Self::Github => Arc::new(GitHubActions::new(env, clients)?),
        })
    }
}

/// Whose token: at most one of these.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Given {
    /// The token in this file (`-` is standard input); it is only read, never shown or sent
    #[arg(long, value_name = "FILE", conflicts_with_all = ["claims", "from"])]
    pub(crate) token: Option<String>,

    /// The claims in this file, as a JSON object (`-` is standard input)
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    pub(crate) claims: Option<String>,

    /// The token that this workload gets here
    #[arg(long, value_enum)]
    pub(crate) from: Option<Host>,
}

/// What is known of a workload.
#[derive(Clone, Debug)]
pub(crate) struct Proof {
    /// What its token says. Nobody has verified it.
    pub(crate) claims: Claims,
    /// Where it comes from, for people.
    pub(crate) origin: String,
}

impl Given {
    /// Whether nothing is given.
    pub(crate) fn is_none(&self) -> bool {
        self.token.is_none() && self.claims.is_none() && self.from.is_none()
    }

    /// Whether standard input is one of the files.
    pub(crate) fn takes_stdin(&self) -> bool {
        [&self.token, &self.claims].into_iter().flatten().any(|path| path == STDIN)
    }

    /// The proof, if one is given. A live token is asked for `audience`.
    ///
    /// # Errors
    /// A sentence that names the file or the endpoint, and nothing of a token.
    pub(crate) fn proof(&self, audience: &str, settings: &IdTokenSettings) -> Result<Option<Proof>, String> {
        match (&self.token, &self.claims, self.from) {
            (Some(path), _, _) => Proof::of_file(path).map(Some),
            (_, Some(path), _) => Proof::of_claims(path).map(Some),
            (_, _, Some(host)) => Proof::of_host(host, &Env::from_process(), audience, settings).map(Some),
            (None, None, None) => Ok(None),
        }
    }
}

impl Proof {
    /// The token in this file, or on standard input.
    ///
    /// # Errors
    /// A sentence that names the file, and shows nothing of it.
    pub(crate) fn of_file(path: &str) -> Result<Self, String> {
        let name = input::name(path);
        let text = input::read_text(path, MAX_FILE).map_err(|why| format!("{name} {why}"))?;
        Self::of_text(&text, name.to_owned())
    }

    /// The claims in this file, or on standard input.
    ///
    /// # Errors
    /// A sentence that names the file.
    pub(crate) fn of_claims(path: &str) -> Result<Self, String> {
        let name = input::name(path);
        let bytes = input::read(path, MAX_FILE).map_err(|why| format!("{name} {why}"))?;
        let claims = Claims::from_json(&bytes).map_err(|error| {
            let hint = if bytes.starts_with(b"eyJ") { "; a token goes with --token" } else { "" };
            format!(
                "{name} is not a JSON object of claims (line {}, column {}){hint}",
                error.line(),
                error.column()
            )
        })?;
        Ok(Self { claims, origin: name.to_owned() })
    }

    /// The token that this workload gets here for `audience`.
    ///
    /// # Errors
    /// A sentence that names what is missing, the endpoint, or what is wrong with the token, and nothing of it.
    pub(crate) fn of_host(
        host: Host,
        env: &Env,
        audience: &str,
        settings: &IdTokenSettings,
    ) -> Result<Self, String> {
        let source = host.source(env, &Clients::new(None)?, settings)?;
        let token = fetch(source.as_ref(), audience)?;
        Self::of_text(token.expose(), host.title().to_owned())
    }

    fn of_text(text: &str, origin: String) -> Result<Self, String> {
        let claims = Claims::from_jwt(text).map_err(|why| format!("{origin}: {why}"))?;
        Ok(Self { claims, origin })
    }
}

/// Asks for a token.
///
/// # Errors
/// A sentence that names the endpoint and what to change.
fn fetch(source: &dyn IdTokenSource, audience: &str) -> Result<IdToken, String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("no thread can be started: {error}"))?;
    let token = runtime.block_on(source.id_token(audience, Deadline::after(PATIENCE)));
    token.map_err(|failure| match failure.message.strip_suffix("deliver the event again") {
        Some(start) => format!("{start}try again"),
        None => failure.message,
    })
}

/// Reads the configuration that is named, or else `GATEPASS_CONFIG` or `gatepass.yaml` where they are there.
///
/// # Errors
/// When it cannot be used; its problems have been shown.
pub(crate) fn configuration(named: Option<&str>, terminal: &Terminal) -> Result<Option<Checked>, Stop> {
    let env = Env::from_process();
    let default = || std::path::Path::new(DEFAULT_CONFIG).is_file().then_some(DEFAULT_CONFIG);
    let path = named.or_else(|| env.get("GATEPASS_CONFIG")).or_else(default);
    path.map(|path| check::read(path, terminal.err)).transpose()
}

/// Where tokens come from, as the configuration says.
pub(crate) fn settings(config: Option<&Checked>) -> IdTokenSettings {
    config.map(|checked| checked.file.config.id_token.clone()).unwrap_or_default()
}

/// The server's bare domain: what is said, or else the configuration's, or else the hosted one's.
pub(crate) fn domain(said: Option<&str>, config: Option<&Checked>) -> String {
    let configured = config.map(|checked| checked.file.config.sts.audience());
    said.or(configured).unwrap_or(Sts::DOMAIN).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_tells_where_this_runs() {
        for (variables, expected) in [
            (&[] as &[&str], None),
            (&["AWS_REGION", "AWS_ACCESS_KEY_ID"], None),
            (&["AWS_LAMBDA_RUNTIME_API"], Some((Host::Aws, "AWS_LAMBDA_RUNTIME_API"))),
            (&["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"], {
                Some((Host::Aws, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"))
            }),
            (&["AWS_WEB_IDENTITY_TOKEN_FILE"], Some((Host::Aws, "AWS_WEB_IDENTITY_TOKEN_FILE"))),
            (&["AWS_WEB_IDENTITY_TOKEN_FILE", "K_SERVICE"], Some((Host::Gcp, "K_SERVICE"))),
            (&["WEBSITE_SITE_NAME"], Some((Host::Azure, "WEBSITE_SITE_NAME"))),
            (&["K_SERVICE"], Some((Host::Gcp, "K_SERVICE"))),
            (&["IDENTITY_ENDPOINT", "K_SERVICE"], Some((Host::Azure, "IDENTITY_ENDPOINT"))),
            (&["K_SERVICE", "GITHUB_ACTIONS"], Some((Host::Github, "GITHUB_ACTIONS"))),
        ] {
            let env = variables.iter().map(|name| (*name, "x")).collect();
            assert_eq!(Host::detect(&env), expected, "{variables:?}");
        }
        let list = Host::undetected();
        assert!(
            list.contains("K_SERVICE") && list.contains("  github ") && list.contains("--from"),
            "{list}"
        );
    }

    #[test]
    fn claims_that_are_none_say_where_and_a_token_is_recognised() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("claims.json");
        for (text, words) in [
            ("", "(line 1, column 0)"),
            ("[]", "is not a JSON object of claims (line 1, column 0)"),
            ("eyJhbGciOiJub25lIn0.e30.", "a token goes with --token"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = Proof::of_claims(path.to_str().unwrap()).unwrap_err();
            assert!(error.contains(words) && !error.contains("eyJ"), "{error}");
        }
    }
}
