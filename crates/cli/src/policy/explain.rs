//! `gatepass policy explain`: a token held against a policy, check by check.

use clap::Args;
use gatepass_policy::{Verdict, explain, time_warnings};
use jiff::Timestamp;

use super::document::Document;
use super::{Format, explanation};
use crate::Stop;
use crate::identity::{Given, configuration, domain, settings};
use crate::input::STDIN;
use crate::terminal::{PLACE, Terminal, clean, json};
use crate::token::tell_warnings;

/// Show what in a token matches a trust policy and what does not, and the smallest change that would admit it
///
/// Nothing is sent anywhere. Nobody verifies the token's signature here; Octo STS does before it
/// looks at the policy.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Examples:
  gatepass policy explain alarms --from aws
  gatepass policy explain .github/chainguard/alarms.sts.yaml --token token.jwt
  gatepass token --format json | jq '[.claims[] | {(.claim): .value}] | add' | gatepass policy explain alarms --claims -

Exit code: 0 when the token is admitted, 1 when it is not or the policy cannot be used, 2 when there is
no token or no policy to judge."
)]
pub(crate) struct Options {
    /// The policy's file, its name (of .github/chainguard/NAME.sts.yaml), or `-` for standard input
    policy: String,

    #[command(flatten)]
    given: Given,

    /// The bare domain of the Octo STS, which a policy without `audience` demands [default: gatepass.yaml's, or octo-sts.dev]
    #[arg(long)]
    domain: Option<String>,

    /// The policy is of an organisation's repository `.github`
    #[arg(long)]
    org: bool,

    /// The gatepass.yaml that says where tokens come from [default: GATEPASS_CONFIG, or gatepass.yaml where there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<String>,

    /// For whom it is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub(crate) fn run(options: &Options, terminal: &Terminal) -> Result<(), Stop> {
    if options.policy == STDIN && options.given.takes_stdin() {
        return Err(Stop::Usage("only one of policy and token can be standard input".to_owned()));
    }
    if options.given.is_none() {
        return Err(Stop::Usage("which token? give --token FILE, --claims FILE or --from HOST".to_owned()));
    }
    // With files alone, the configuration would only be in the way.
    let needed = options.config.is_some() || options.given.from.is_some() || options.domain.is_none();
    let checked = if needed { configuration(options.config.as_deref(), terminal)? } else { None };
    let domain = domain(options.domain.as_deref(), checked.as_ref());
    let Document { name, policy, .. } = Document::read(&options.policy, options.org, terminal.err)?;
    let proof = options.given.proof(&domain, &settings(checked.as_ref())).map_err(Stop::Usage)?;
    let Some(proof) = proof else { return Err(Stop::Usage("there is no token".to_owned())) };
    let explanation = explain(&policy, &proof.claims, &domain);
    // An expired token is refused before its policy is read; which policy it needs is worth knowing all the same. Claims that
    // were written by hand need no times.
    let has_times = options.given.claims.is_none() || proof.claims.get("exp").is_some();
    let warnings =
        if has_times { time_warnings(&proof.claims, Timestamp::now().as_second()) } else { Vec::new() };
    let out = terminal.out;
    match options.format {
        Format::Json => out.line(&json(&explanation::document(&name, &explanation, &warnings))),
        Format::Human => {
            let name = out.paint(PLACE, &clean(&name));
            out.line(&format!("{name}, held against the token of {}\n", clean(&proof.origin)));
            explanation::tell(out, &explanation);
            tell_warnings(out, &warnings);
        }
    }
    if explanation.verdict == Verdict::Admitted { Ok(()) } else { Err(Stop::Said) }
}
