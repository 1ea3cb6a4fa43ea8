//! `gatepass send`: a sample event, or one of one's own, to a program that runs already.

pub(crate) mod calls;
mod functions;
mod job;
mod lambda;
mod payload;
mod proof;

use std::time::Duration;

use clap::Args;
use gatepass_core::client::{Clients, ServiceUrl, describe, read_body};
use gatepass_core::event::MAX_BODY;
use gatepass_sandbox::hosts::{HttpAnswer, HttpCall};
use http::StatusCode;

use self::job::Addressee;
use crate::Stop;
use crate::outcome::{self, Outcome, read_answer};
use crate::samples::{KINDS, Kind, Sender, Target, Transport};
use crate::terminal::{BAD, FAINT, GOOD, PLACE, STRONG, Stream, Terminal, clean};

/// The longest that any platform waits for an answer that it shows to somebody.
const PATIENCE: Duration = Duration::from_secs(120);

/// Send an event to a running program, as its platform would
///
/// KIND names a kind of event: --list shows all, and examples/events has the sample of each.
/// The sample is made fresh: it has a new id and happens now.
///
///   gatepass send github-release --to http://localhost:8080 --job announce --secret-env WEBHOOK_SECRET
///   gatepass send alarm --to http://127.0.0.1:9001 --set detail.state.value=OK
///   gatepass send timer --to http://127.0.0.1:8090 --job weekly-report
///
/// Where a gatepass.yaml is at hand, --job may be left out if one job takes this kind, and the
/// webhook's secret is read from where the file says.
#[derive(Args, Debug)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Secrets and tokens are named and never given, because every process can read a command line.
Exit code: 0 when the event was accepted and no job failed, 1 otherwise."
)]
pub(crate) struct Options {
    /// What to send
    #[arg(value_name = "KIND", required_unless_present = "list")]
    kind: Option<String>,

    /// Where: http://HOST:PORT, on Azure with /api; for Lambda's kinds its invocation API; for timer and queue the custom handler
    #[arg(long, value_name = "URL", required_unless_present = "list")]
    to: Option<String>,

    /// The job that it is for
    #[arg(long, value_name = "NAME")]
    job: Option<String>,

    /// The file with the job [default: gatepass.yaml, where it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<String>,

    /// Send the content of this file instead of the sample, byte for byte
    #[arg(long, value_name = "FILE")]
    file: Option<String>,

    /// Change a field: PATH is its names with dots between them, VALUE is JSON or text; may be given several times
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<String>,

    /// The environment variable with the webhook's secret
    #[arg(long, value_name = "NAME", conflicts_with = "secret_file")]
    secret_env: Option<String>,

    /// The file with the webhook's secret
    #[arg(long, value_name = "PATH")]
    secret_file: Option<String>,

    /// The environment variable with a bearer token
    #[arg(long, value_name = "NAME", conflicts_with = "token_file")]
    token_env: Option<String>,

    /// The file with a bearer token
    #[arg(long, value_name = "PATH")]
    token_file: Option<String>,

    /// The queue that a queue message is on
    #[arg(long, value_name = "NAME", default_value = "events")]
    queue: String,

    /// Show every kind, and do nothing else
    #[arg(long)]
    list: bool,
}

pub(crate) fn run(options: &Options, terminal: &Terminal) -> Result<(), Stop> {
    let (Some(name), Some(to), false) = (&options.kind, &options.to, options.list) else {
        list(terminal.out);
        return Ok(());
    };
    let kind = Kind::named(name).ok_or_else(|| unknown(name))?;
    let base = target(kind, to)?;
    let addressee = Addressee::of(kind, options)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Stop::Failed(format!("no thread can be started: {error}")))?;
    let accepted = runtime.block_on(send(kind, &base, &addressee, options, terminal.out))?;
    if accepted { Ok(()) } else { Err(Stop::Said) }
}

fn list(out: Stream) {
    let width = KINDS.iter().map(|kind| kind.name.len()).max().unwrap_or_default();
    let mut last = None;
    for kind in &KINDS {
        let target = kind.transport.target();
        if last.replace(target) != Some(target) {
            let heading = match target {
                Target::Http => "To any program, over HTTP (--to http://localhost:8080, on Azure with /api)",
                Target::Lambda => {
                    "To gatepass-aws, through Lambda's invocation API (--to http://127.0.0.1:9001)"
                }
                Target::Functions => {
                    "To gatepass-azure, as the Functions host (--to the custom handler's port)"
                }
            };
            out.line(&format!(
                "{}{}",
                if target == Target::Http { "" } else { "\n" },
                out.paint(STRONG, heading)
            ));
        }
        out.line(&format!("  {}  {}", out.paint(PLACE, &format!("{:width$}", kind.name)), kind.about));
    }
    out.line(&format!(
        "\n{}",
        out.paint(FAINT, "SNS over HTTP cannot be played: it signs with a key that only AWS has. `sns` goes through Lambda.")
    ));
}

fn unknown(name: &str) -> Stop {
    let known = || KINDS.iter().map(|kind| kind.name);
    let mut alike: Vec<&str> = known().filter(|known| known.contains(name)).collect();
    if alike.is_empty() {
        alike.extend(gatepass_yaml::nearest(name, known()));
    }
    let hint = match alike.as_slice() {
        [] => String::new(),
        alike => format!("did you mean {}? ", alike.join(", ")),
    };
    Stop::Usage(format!("there is no kind {name:?}; {hint}`gatepass send --list` shows all"))
}

/// Where to send this kind.
fn target(kind: &Kind, to: &str) -> Result<ServiceUrl, Stop> {
    let parse = |text: &str| ServiceUrl::parse(text).map_err(|why| Stop::Usage(format!("--to: {why}")));
    let base = parse(to)?;
    let is_invocation = base.as_str().ends_with("/invocations");
    match kind.transport.target() {
        Target::Lambda if is_invocation => Ok(base),
        Target::Lambda if base.as_str().matches('/').count() == 2 => {
            parse(&format!("{}{}", base.as_str(), lambda::INVOKE))
        }
        Target::Lambda => Err(Stop::Usage(format!(
            "{} goes to Lambda's invocation API, and --to {to} is something else; it is http://HOST:PORT{}{}",
            kind.name,
            lambda::INVOKE,
            if kind.name == "sns" {
                ". What SNS sends over HTTP cannot be played: it signs with a key that only AWS has"
            } else {
                ""
            }
        ))),
        Target::Http | Target::Functions if is_invocation => Err(Stop::Usage(format!(
            "--to {to} is Lambda's invocation API, which takes the kinds that `gatepass send --list` shows under it; a call over HTTP gets there as function-url, api-gateway or load-balancer"
        ))),
        Target::Http | Target::Functions => Ok(base),
    }
}

/// Sends it, shows what came of it, and says whether it was accepted.
async fn send(
    kind: &Kind,
    base: &ServiceUrl,
    to: &Addressee,
    options: &Options,
    out: Stream,
) -> Result<bool, Stop> {
    let payload = payload::of(kind, to, options)?;
    let url = base.as_str();
    let announce = |path: &str| {
        out.line(&format!(
            "{} → {}",
            out.paint(STRONG, kind.name),
            out.paint(PLACE, &clean(&format!("{url}{path}")))
        ));
    };
    let outcomes = match kind.transport {
        Transport::Timer => {
            announce(&format!("/{}", functions::timer_function(to.name())));
            functions::tick(url, to.name()).await.map_err(Stop::Failed)?
        }
        Transport::Queue => {
            announce(&format!("/{}-queue", options.queue));
            let text =
                String::from_utf8(payload).map_err(|_| Stop::Failed("a message is UTF-8 text".to_owned()))?;
            functions::message(url, &options.queue, &text).await.map_err(Stop::Failed)?
        }
        Transport::Invocation | Transport::Front => {
            announce("");
            let answer = deliver(calls::json("", payload), base).await.map_err(Stop::Failed)?;
            let (within, outcomes) = lambda::read(to.name(), &answer);
            status(out, &answer, within);
            return Ok(conclude(
                out,
                outcomes,
                is_good(answer.status) && within.is_none_or(|status| status < 300),
            ));
        }
        Transport::Hook(_) | Transport::Tick | Transport::Call | Transport::Event(_) => {
            let call = request(kind.transport, to, options, payload)?;
            announce(&call.path);
            let answer = deliver(call, base).await.map_err(Stop::Failed)?;
            status(out, &answer, None);
            return Ok(conclude(out, read_answer(to.name(), &answer), is_good(answer.status)));
        }
    };
    Ok(conclude(out, outcomes, true))
}

fn request(
    transport: Transport,
    to: &Addressee,
    options: &Options,
    payload: Vec<u8>,
) -> Result<HttpCall, Stop> {
    let job = to.name();
    let call = match transport {
        Transport::Hook(sender) => {
            let secret = proof::secret(options, to)?;
            match sender {
                Sender::GitHub(event) => calls::github_hook(job, event, payload, &secret),
                Sender::Standard => calls::standard_hook(job, payload, &secret),
                Sender::Hmac => calls::hmac_hook(job, to.hmac()?, payload, &secret),
            }
        }
        Transport::Tick => calls::tick(job, payload),
        Transport::Event(form) => calls::event(form, payload).map_err(Stop::Failed)?,
        _ => calls::json(calls::job_path(job), payload),
    };
    Ok(match proof::bearer(options)? {
        Some(bearer) => call.header("authorization", &bearer),
        None => call,
    })
}

/// Sends a request to a path below `base`.
async fn deliver(call: HttpCall, base: &ServiceUrl) -> Result<HttpAnswer, String> {
    let url = match call.path.as_str() {
        "" => base.as_str().to_owned(),
        path => base.with_path(path).map_err(|failure| failure.message)?.to_string(),
    };
    let clients = Clients::new(None)?;
    let request =
        clients.outbound.request(call.method, url).headers(call.headers).body(call.body).timeout(PATIENCE);
    let failed = |why: String| format!("{} {why}; is the program running there?", base.as_str());
    let response = request.send().await.map_err(|error| failed(describe(&error)))?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = read_body(response, MAX_BODY).await.map_err(|error| failed(error.to_string()))?;
    Ok(HttpAnswer { status, headers, body })
}

fn is_good(status: u16) -> bool {
    (200..300).contains(&status)
}

/// The status line, and when to come back; `within` is what the function itself answers over HTTP.
fn status(out: Stream, answer: &HttpAnswer, within: Option<u64>) {
    let status = within.and_then(|status| u16::try_from(status).ok()).unwrap_or(answer.status);
    let reason =
        StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
    let again = answer
        .header("retry-after")
        .map(|after| format!(", again in {} s", clean(after)))
        .unwrap_or_default();
    let style = if is_good(status) { GOOD } else { BAD };
    out.line(format!("{} {reason}{again}", out.paint(style, &status.to_string())).trim_end());
}

/// Shows what became of every job, and says whether all is well.
fn conclude(out: Stream, outcomes: Vec<Outcome>, is_accepted: bool) -> bool {
    if outcomes.is_empty() {
        out.line(if is_accepted { "\n   accepted; nothing failed" } else { "\n   not accepted" });
    }
    outcomes.iter().for_each(|outcome| outcome::show(out, outcome));
    is_accepted && outcomes.iter().all(Outcome::is_done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_that_is_misspelt_is_told_what_it_may_have_been() {
        for (name, words) in [
            ("alrm", "did you mean alarm? `gatepass send --list`"),
            ("webhook", "did you mean standard-webhook, hmac-webhook? "),
            ("xyzzyx", "\"xyzzyx\"; `gatepass send --list`"),
        ] {
            let Stop::Usage(told) = unknown(name) else { panic!("{name}") };
            assert!(told.contains(words), "{told}");
        }
    }

    #[test]
    fn every_kind_goes_where_it_can_be_taken() {
        let url =
            |kind: &str, to: &str| target(Kind::named(kind).unwrap(), to).map(|url| url.as_str().to_owned());
        let invoke = format!("http://127.0.0.1:9001{}", lambda::INVOKE);
        for (kind, to, expected) in [
            ("http", "http://localhost:8080", Some("http://localhost:8080")),
            ("http", "http://localhost:7071/api/", Some("http://localhost:7071/api")),
            ("http", "https://jobs.example.com", Some("https://jobs.example.com")),
            ("http", "http://jobs.example.com", None),
            ("http", &invoke, None),
            ("alarm", &invoke, Some(&*invoke)),
            ("alarm", "http://127.0.0.1:9001/", Some(&*invoke)),
            ("sns", "http://localhost:8080/events", None),
            ("timer", &invoke, None),
        ] {
            assert_eq!(url(kind, to).ok().as_deref(), expected, "{kind} {to}");
        }
        let Err(Stop::Usage(why)) = url("sns", "http://localhost:8080/events") else { panic!("taken") };
        assert!(why.contains("a key that only AWS has"), "{why}");
    }
}
