//! The run: rounds of every event, or whatever is asked for until somebody ends it.

use std::time::Duration;

use gatepass_sandbox::trace::Hop;
use serde_json::Value;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::control::{Command, Control};
use super::plan::{Errand, Plan};
use super::programs::Programs;
use super::stage::Stage;
use super::{Cast, Options, show};
use crate::Stop;
use crate::outcome::{self, Outcome};
use crate::terminal::{BAD, FAINT, GOOD, STRONG, Stream, Terminal, count};

/// How long Lambda's runtime may take to tell the host what the host's caller knows already.
const STRAGGLER: Duration = Duration::from_secs(1);

/// Sets up everything, does what was asked for, and ends everything.
pub(super) async fn run(
    options: &Options,
    cast: &Cast,
    programs: &Programs,
    terminal: &Terminal,
) -> Result<(), Stop> {
    // Before anything is started: a signal that nobody waits for would leave the programs behind.
    let mut interrupts = Interrupts::listen()?;
    let plan = Plan::of(&cast.checked);
    for skipped in &plan.skipped {
        terminal.err.line(&format!("not sent: {skipped}"));
    }
    let stage = tokio::select! {
        biased;
        () = interrupts.next() => return Err(Interrupts::stop()),
        stage = Stage::set_up(&cast.checked, programs, terminal.err) => stage?,
    };
    let hops = stage.trace().subscribe();
    let director = Director { stage: &stage, hops, out: terminal.out };
    let result = if options.once {
        tokio::select! {
            biased;
            () = interrupts.next() => Err(Interrupts::stop()),
            result = director.rounds(cast, &plan, options.rounds, terminal) => result,
        }
    } else {
        director.serve(&plan, options.port, &mut interrupts, terminal).await
    };
    stage.stop().await;
    result
}

/// Ctrl-C and SIGTERM, from the moment at which it is made.
struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
}

impl Interrupts {
    fn listen() -> Result<Self, Stop> {
        let listen =
            |kind| signal(kind).map_err(|error| Stop::Failed(format!("no signals can be heard: {error}")));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }

    fn stop() -> Stop {
        Stop::Failed("interrupted".to_owned())
    }
}

/// Sends events one at a time, and shows what happens as it happens.
struct Director<'a> {
    stage: &'a Stage,
    hops: Receiver<Hop>,
    out: Stream,
}

impl Director<'_> {
    async fn rounds(
        mut self,
        cast: &Cast,
        plan: &Plan,
        rounds: u32,
        terminal: &Terminal,
    ) -> Result<(), Stop> {
        if plan.errands.is_empty() {
            return Err(Stop::Failed("there is nothing to send".to_owned()));
        }
        let total = plan.errands.len();
        let mut faults = Vec::new();
        let mut after_first = 0;
        for round in 1..=rounds {
            for (index, errand) in plan.errands.iter().enumerate() {
                let label = match rounds {
                    1 => format!("{}/{total}", index + 1),
                    _ => format!("round {round} · {}/{total}", index + 1),
                };
                let outcomes = self.perform(&label, errand, None).await;
                faults.extend(
                    faults_of(cast, errand, &outcomes, round)
                        .into_iter()
                        .map(|why| format!("{label}: {why}")),
                );
            }
            let issues = show::all_issues(&self.stage.sandbox.github).len();
            if round == 1 {
                after_first = issues;
            } else if cast.is_example && issues != after_first {
                faults.push(format!(
                    "after round {round} there are {issues} issues, after the first there were {after_first}"
                ));
            }
        }
        show::issues(self.out, &self.stage.sandbox.github);
        self.out.line("");
        let sent = total * usize::try_from(rounds).unwrap_or(usize::MAX);
        if faults.is_empty() {
            let grown = show::all_issues(&self.stage.sandbox.github).len().saturating_sub(after_first);
            let doubled = match (rounds, grown) {
                (1, _) => String::new(),
                (_, 0) => ", nothing doubled".to_owned(),
                (_, n) => format!(", {} more than after the first round", count(n, "issue")),
            };
            self.out.line(
                &self.out.paint(GOOD, &format!("{} sent, all as expected{doubled}", count(sent, "event"))),
            );
            return Ok(());
        }
        for fault in &faults {
            terminal.err.line(&format!("{}: {fault}", terminal.err.paint(BAD, "error")));
        }
        Err(Stop::Failed(format!("{} sent, {}", count(sent, "event"), count(faults.len(), "fault"))))
    }

    /// Sends whatever the control server asks for, until Ctrl-C.
    async fn serve(
        mut self,
        plan: &Plan,
        port: u16,
        interrupts: &mut Interrupts,
        terminal: &Terminal,
    ) -> Result<(), Stop> {
        let (sender, mut commands) = mpsc::channel(16);
        let control = Control::start(port, plan, self.stage, sender).await.map_err(|error| {
            Stop::Failed(format!("port {port} on 127.0.0.1 cannot be listened on: {error}"))
        })?;
        control.introduce(self.out, plan);
        let mut number = 0;
        loop {
            tokio::select! {
                biased;
                () = interrupts.next() => break,
                Some(Command { errand, change, answer }) = commands.recv() => {
                    number += 1;
                    let outcomes = self.perform(&number.to_string(), &errand, change.as_ref()).await;
                    // Whoever asked may have gone.
                    let _ = answer.send(outcomes);
                }
                hop = self.hops.recv() => match hop {
                    Ok(hop) => show::hop(self.out, &hop),
                    Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => break,
                },
            }
        }
        terminal.err.line(&format!("\n{}", terminal.err.paint(FAINT, "stopping")));
        Ok(())
    }

    /// Sends one event; shows its heading, every hop, and what became of it.
    async fn perform(&mut self, label: &str, errand: &Errand, change: Option<&Value>) -> Vec<Outcome> {
        show::heading(self.out, label, errand);
        let said = self.stage.child(errand.place).map_or(0, |child| child.lines().len());
        let mut shown = Shown { out: self.out, answered: false, last: None };
        let sending = self.stage.send(errand, change);
        tokio::pin!(sending);
        let outcomes = loop {
            tokio::select! {
                biased;
                hop = self.hops.recv() => if let Ok(hop) = hop { shown.take(hop) },
                outcomes = &mut sending => break outcomes,
            }
        };
        loop {
            match self.hops.try_recv() {
                Ok(hop) => shown.take(hop),
                Err(TryRecvError::Lagged(_)) => {}
                Err(_) => break,
            }
        }
        // Lambda's answer is passed on before its own request is recorded.
        while shown.last.is_some() && !shown.answered {
            match timeout(STRAGGLER, self.hops.recv()).await {
                Ok(Ok(hop)) => shown.take(hop),
                _ => break,
            }
        }
        shown.finish();
        if outcomes.is_empty() {
            self.out.line(&format!("\n   {}", self.out.paint(STRONG, "no job took this event")));
        }
        for outcome in &outcomes {
            outcome::show(self.out, outcome);
        }
        if outcomes.iter().any(|outcome| !outcome.is_done()) {
            let lines = self.stage.child(errand.place).map(|child| child.lines()).unwrap_or_default();
            lines.iter().skip(said).for_each(|line| show::record(self.out, &line.text, &outcomes));
        }
        outcomes
    }
}

/// Hops in the order in which they happened, but for Lambda's invocation, which ends when all else has.
struct Shown {
    out: Stream,
    answered: bool,
    last: Option<Hop>,
}

impl Shown {
    fn take(&mut self, hop: Hop) {
        if hop.service == "lambda" {
            self.last = Some(hop);
            return;
        }
        self.answered |= hop.service == "lambda-runtime" && hop.method == "POST";
        show::hop(self.out, &hop);
    }

    fn finish(self) {
        if let Some(hop) = &self.last {
            show::hop(self.out, hop);
        }
    }
}

/// What is not as it should be. The example's results are known; of other files, no job may fail.
fn faults_of(cast: &Cast, errand: &Errand, outcomes: &[Outcome], round: u32) -> Vec<String> {
    let mut faults = Vec::new();
    for job in &errand.jobs {
        let Some(outcome) = outcomes.iter().find(|outcome| outcome.job == job.as_str()) else {
            faults.push(format!("{job} gave no result"));
            continue;
        };
        if !cast.is_example {
            if !outcome.is_done() {
                faults.push(format!("{job}: {}", outcome.status));
            }
            continue;
        }
        let only_reads = cast.checked.jobs.get(job.as_str()).is_some_and(|job| job.is_read_only());
        let expected = match (only_reads, round) {
            (true, _) => "read",
            (false, 1) => "created",
            (false, _) => "updated",
        };
        if outcome.status != expected {
            faults.push(format!("{job}: {} instead of {expected}", outcome.status));
        }
    }
    faults
}
