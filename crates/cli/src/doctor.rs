//! `gatepass doctor`: which link between a workload and GitHub is broken, and what mends it.

use std::sync::Arc;

use clap::Args;
use gatepass_core::app::{Cloud, Part, Setup};
use gatepass_core::config::Platform;
use gatepass_core::deadline::Deadline;
use gatepass_core::doctor::{Aids, Chain, Examination, LONGEST, State};
use gatepass_core::env::Env;
use gatepass_core::id_token::{IdTokenSource, TokenFile};
use gatepass_core::job::Actions;
use gatepass_core::names::JobId;
use gatepass_core::secret::InstallationToken;
use serde_json::json;

use crate::Stop;
use crate::identity::Host;
use crate::input::{self, MAX_FILE};
use crate::terminal::{BAD, FAINT, GOOD, Stream, Terminal, WARN, json};

/// Find the link between a workload and GitHub that is broken, and what mends it
///
/// Walks the whole chain: configuration, identity, token, claims, clock, Octo STS, trust policy,
/// exchange, permissions, GitHub, rate limit. The exchange is a real one, and the token that comes of
/// it is revoked at once. Nothing is written on GitHub. What only the workload can tell, its webhooks'
/// secrets and its queue, `doctor` of its own binary looks at: gatepass-aws doctor.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Trust policies in private repositories are read with GH_TOKEN or GITHUB_TOKEN where one is set
(GH_ENTERPRISE_TOKEN or GITHUB_ENTERPRISE_TOKEN for a server of your own that GH_HOST or
GATEPASS_GITHUB_API_URL names), and with nothing else.

Exit code: 0 when no link is wrong, 1 when one is, 2 when the command was not understood."
)]
pub(crate) struct Options {
    /// Only what this job needs
    #[arg(long, value_name = "NAME")]
    job: Option<JobId>,

    /// Where this runs [default: what the environment tells]
    #[arg(long, value_enum)]
    from: Option<Host>,

    /// The token in this file, instead of the one that a workload gets here
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    token: Option<String>,

    /// The trust policy in this file, instead of the one in the repository
    #[arg(long, value_name = "FILE")]
    policy: Option<String>,

    /// The gatepass.yaml [default: GATEPASS_CONFIG, or gatepass.yaml]
    #[arg(long, value_name = "FILE")]
    config: Option<String>,

    /// As JSON (docs/doctor.md)
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(options: &Options, terminal: &Terminal) -> Result<(), Stop> {
    let mut env = Env::from_process();
    if let Some(path) = &options.config {
        env = env.with("GATEPASS_CONFIG", path);
    }
    let host = options.from.or_else(|| Host::detect(&env).map(|(host, _)| host));
    let aids = Aids {
        policy: options.policy.as_deref().map(policy).transpose().map_err(Stop::Failed)?,
        github_token: reader(&env, ["GH_TOKEN", "GITHUB_TOKEN"]),
        enterprise_token: reader(&env, ["GH_ENTERPRISE_TOKEN", "GITHUB_ENTERPRISE_TOKEN"]),
        is_elsewhere: true,
        is_nobody: options.token.is_none() && host.is_none(),
    };
    let cloud = |setup: &Setup| {
        let platform = host.and_then(platform);
        Cloud::new(platform, identity(options.token.as_deref(), host, &env, setup))
    };
    let chain = Chain::put_together(&env, cloud, &Actions::any(), options.job.as_ref(), aids)
        .map_err(|error| Stop::Failed(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Stop::Failed(format!("no thread can be started: {error}")))?;
    let examination = runtime.block_on(chain.examine(Deadline::after(LONGEST)));
    show(&examination, options.json, terminal.out);
    if examination.healthy { Ok(()) } else { Err(Stop::Said) }
}

fn show(examination: &Examination, as_json: bool, out: Stream) {
    if as_json {
        out.line(&json(&json!(examination)));
        return;
    }
    let style = |state| match state {
        State::Ok => GOOD,
        State::Wrong => BAD,
        State::Doubtful => WARN,
        State::Skipped => FAINT,
    };
    out.write(&examination.to_text(&|state, word| out.paint(style(state), word)));
}

fn identity(
    token: Option<&str>,
    host: Option<Host>,
    env: &Env,
    setup: &Setup,
) -> Part<Arc<dyn IdTokenSource>> {
    match (token, host) {
        (Some(path), _) => Ok(Arc::new(TokenFile::new(path))),
        (None, Some(host)) => host.source(env, &setup.clients, &setup.file.config.id_token),
        (None, None) => Err("nothing in the environment tells where this runs; say it with --from, name a token with --token, or run `doctor` of the workload's own binary there".into()),
    }
}

/// The cloud whose binary runs there; none in a workflow.
fn platform(host: Host) -> Option<Platform> {
    match host {
        Host::Aws => Some(Platform::Aws),
        Host::Gcp => Some(Platform::Gcp),
        Host::Azure => Some(Platform::Azure),
        Host::Github => None,
    }
}

fn policy(path: &str) -> Result<(String, Vec<u8>), String> {
    let bytes = input::read(path, MAX_FILE).map_err(|why| format!("{} {why}", input::name(path)))?;
    Ok((input::name(path).to_owned(), bytes))
}

fn reader(env: &Env, names: [&str; 2]) -> Option<InstallationToken> {
    names.into_iter().find_map(|name| env.get(name)).map(InstallationToken::new)
}
