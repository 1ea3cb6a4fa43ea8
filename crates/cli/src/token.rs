//! `gatepass token`: what the token of this workload says, and never the token.

use std::time::Duration;

use clap::Args;
use gatepass_core::env::Env;
use gatepass_policy::{Inspected, Use, Warning, inspect, warnings};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::Stop;
use crate::check::Checked;
use crate::identity::{Host, Proof, configuration, domain, settings};
use crate::policy::Format;
use crate::terminal::{FAINT, PLACE, STRONG, Stream, Terminal, WARN, clean, json};

/// See what the token of this workload says, and what a trust policy can do with it
///
/// Gets the token that a job would send to Octo STS from here, as the cloud's own binary does, and
/// shows its claims. The token itself is never shown, and goes nowhere.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "Exit code: 0 with claims, 1 when there is no token, 2 when it is not known where to get one."
)]
pub(crate) struct Options {
    /// Where this runs [default: what the environment tells]
    #[arg(long, value_enum, conflicts_with = "file")]
    from: Option<Host>,

    /// A token in a file, as pods have it (`-` is standard input)
    #[arg(long, value_name = "TOKENFILE")]
    file: Option<String>,

    /// For whom to ask it; Azure does not choose [default: gatepass.yaml's, or octo-sts.dev]
    #[arg(long, conflicts_with = "file")]
    audience: Option<String>,

    /// The gatepass.yaml that says where tokens come from [default: GATEPASS_CONFIG, or gatepass.yaml where there is one]
    #[arg(long, value_name = "FILE")]
    config: Option<String>,

    /// For whom it is written
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// A token that was found, and how.
struct Found {
    proof: Proof,
    /// As `--from` takes it, or `file`.
    source: &'static str,
    /// The variable that told.
    by: Option<&'static str>,
}

/// What is shown of it.
struct Shown<'a> {
    found: &'a Found,
    claims: Vec<Inspected>,
    warnings: Vec<Warning>,
    /// Seconds until it expires.
    expires_in: Option<i64>,
}

pub(crate) fn run(options: &Options, terminal: &Terminal) -> Result<(), Stop> {
    let checked = configuration(options.config.as_deref(), terminal)?;
    let domain = domain(None, checked.as_ref());
    let found = find(options, checked.as_ref(), &domain)?;
    let now = Timestamp::now().as_second();
    let claims = &found.proof.claims;
    let shown = Shown {
        claims: inspect(claims),
        warnings: warnings(claims, &domain, now),
        expires_in: claims.seconds("exp").map(|at| at.saturating_sub(now)),
        found: &found,
    };
    match options.format {
        Format::Human => tell(terminal.out, &shown),
        Format::Json => terminal.out.line(&json(&document(&shown))),
    }
    Ok(())
}

fn find(options: &Options, checked: Option<&Checked>, domain: &str) -> Result<Found, Stop> {
    if let Some(path) = &options.file {
        let proof = Proof::of_file(path).map_err(Stop::Failed)?;
        return Ok(Found { proof, source: "file", by: None });
    }
    let env = Env::from_process();
    let (host, by) = match options.from {
        Some(host) => (host, None),
        None => {
            let (host, by) = Host::detect(&env).ok_or_else(|| Stop::Usage(Host::undetected()))?;
            (host, Some(by))
        }
    };
    let audience = options.audience.as_deref().unwrap_or(domain);
    let told = by.map(|by| format!("this is {}, by {by}; ", host.title())).unwrap_or_default();
    let proof = Proof::of_host(host, &env, audience, &settings(checked));
    let proof = proof.map_err(|why| Stop::Failed(format!("{told}{why}")))?;
    Ok(Found { proof, source: host.option(), by })
}

fn tell(out: Stream, shown: &Shown<'_>) {
    let Found { proof, by, .. } = shown.found;
    let by = by.map(|by| format!(", detected by {by}")).unwrap_or_default();
    out.line(&format!("{}{by}", out.paint(STRONG, &clean(&format!("the token of {}", proof.origin)))));
    out.line(&match shown.expires_in {
        Some(left) if left > 0 => format!("expires in {}", span(left)),
        Some(left) => out.paint(WARN, &format!("expired {} ago", span(left))),
        None => "does not say when it expires".to_owned(),
    });
    out.line("");
    let width = shown.claims.iter().map(|it| it.claim.chars().count()).max().unwrap_or(0).min(28);
    for Inspected { claim, value, use_ } in &shown.claims {
        let name = clean(claim);
        let room = " ".repeat(width.saturating_sub(name.chars().count()));
        out.line(&format!("{}{room}  {}", out.paint(PLACE, &name), clean(value)));
        let can = match use_ {
            Use::Field(field) => format!("a policy matches it by {field}"),
            Use::Pattern(_) => "a policy can match it by claim_pattern".to_owned(),
            Use::Never(why) => format!("never matched: {why}"),
        };
        out.line(&format!("{}  {}", " ".repeat(width), out.paint(FAINT, &clean(&can))));
    }
    tell_warnings(out, &shown.warnings);
}

/// What speaks against sending a token.
pub(crate) fn tell_warnings(out: Stream, warnings: &[Warning]) {
    for Warning { what, help } in warnings {
        out.line("");
        out.line(&format!("{}: {}", out.paint(WARN, "warning"), clean(what)));
        out.line(&format!("  = help: {}", clean(help)));
    }
}

/// The same for programs.
pub(crate) fn warnings_document(warnings: &[Warning]) -> Value {
    warnings.iter().map(|it| json!({ "message": it.what, "help": it.help })).collect()
}

fn document(shown: &Shown<'_>) -> Value {
    let claims = &shown.found.proof.claims;
    let entries = shown.claims.iter().map(|it| {
        let (use_, detail) = match &it.use_ {
            Use::Field(field) => ("field", Some(*field)),
            Use::Pattern(pattern) => ("claim_pattern", Some(pattern.as_str())),
            Use::Never(why) => ("never", Some(*why)),
        };
        json!({ "claim": it.claim, "value": claims.get(&it.claim), "use": use_, "detail": detail })
    });
    json!({
        "version": 1,
        "source": shown.found.source,
        "detected_by": shown.found.by,
        "audience": claims.audiences(),
        "expires_in": shown.expires_in,
        "claims": entries.collect::<Vec<_>>(),
        "warnings": warnings_document(&shown.warnings),
    })
}

/// A length of time in its two largest units.
fn span(seconds: i64) -> String {
    let seconds = Duration::from_secs(seconds.unsigned_abs()).as_secs();
    let units = [("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)];
    let mut left = seconds;
    let mut parts = Vec::new();
    for (name, size) in units {
        let number = left / size;
        left %= size;
        if number > 0 || !parts.is_empty() {
            parts.push((number, name));
        }
    }
    let say = |(number, name): &(u64, &str)| match number {
        1 => format!("1 {name}"),
        number => format!("{number} {name}s"),
    };
    let said: Vec<String> = parts.iter().take(2).filter(|(number, _)| *number > 0).map(say).collect();
    if said.is_empty() { "0 seconds".to_owned() } else { said.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_said_in_two_units() {
        for (seconds, said) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (299, "4 minutes 59 seconds"),
            (300, "5 minutes"),
            (3_605, "1 hour"),
            (90_061, "1 day 1 hour"),
            (i64::MIN, "106751991167300 days 15 hours"),
        ] {
            assert_eq!(span(seconds), said);
        }
    }
}
