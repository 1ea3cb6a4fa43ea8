use std::io;
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::stream::{self, StreamExt as _};
use http::header;

use super::closed_port::ClosedPort;
use super::{Cell, Hop, Platform, Told, Trouble, event_time};
use crate::Sandbox;
use crate::faults::{Fault, Faults};
use crate::identity::Environment;

/// How many sandboxes run at once.
const AT_ONCE: usize = 32;

/// How long a host with short deadlines lets an event take where an answer never comes to its end.
const SHORT: Duration = Duration::from_secs(3);

/// A cell, what the host was told, and what is wrong with what came of it.
#[derive(Debug)]
pub struct Verdict {
    /// The cell.
    pub cell: Cell,
    /// What the host was told of the delivery that was struck.
    pub told: String,
    /// Empty when the event had exactly its effect in the end.
    pub wrong: Vec<String>,
}

/// Runs every cell.
///
/// # Errors
/// When the sandbox cannot be started or prepared.
pub async fn run<P: Platform>() -> io::Result<Vec<Verdict>> {
    let all = Cell::all(P::HAS_SHORT_DEADLINES);
    let (drips, others): (Vec<Cell>, Vec<Cell>) =
        all.into_iter().partition(|cell| cell.trouble == Trouble::SlowDrip);
    let mut verdicts = Vec::new();
    // The others first, and apart: they would take the time that the drips are measured against.
    for (cells, patience) in [(others, None), (drips, Some(SHORT))] {
        let (together, mut apart): (Vec<Cell>, Vec<Cell>) = cells
            .into_iter()
            .partition(|cell| cell.hop.can_be_told_apart() && cell.trouble != Trouble::Refused);
        // Those that take long go first.
        apart.sort_by_key(|cell| !cell.always);
        let groups = std::iter::once(together).chain(apart.into_iter().map(|cell| vec![cell]));
        let groups = groups.filter(|group| !group.is_empty()).map(|group| run_group::<P>(group, patience));
        let mut done = stream::iter(groups).buffer_unordered(AT_ONCE);
        while let Some(group) = done.next().await {
            verdicts.extend(group?);
        }
    }
    verdicts.sort_by_key(|verdict| verdict.cell.number);
    Ok(verdicts)
}

/// Runs the cells of one sandbox.
async fn run_group<P: Platform>(cells: Vec<Cell>, patience: Option<Duration>) -> io::Result<Vec<Verdict>> {
    let bench = Bench::<P>::start(cells).await?;
    let first = bench.start_instance(bench.environment.clone(), None).await;
    let seeded = bench.cells.iter().filter(|cell| cell.hop.needs_an_issue());
    let mut wrong = vec![Vec::new(); bench.cells.len()];
    for told in join_all(seeded.map(|cell| P::deliver(&first, &bench.sandbox, cell, 1))).await {
        if !told.is_done {
            return Err(io::Error::other(format!("the first event was not done: {told:?}")));
        }
    }

    let (environment, port) = bench.break_it().await?;
    let injected: Vec<_> =
        bench.cells.iter().map(|cell| Some(bench.faults(cell.hop).inject(cell.fault()?))).collect();
    drop(first);
    let struck = bench.start_instance(environment, patience).await;
    let told = bench.deliver(&struck).await;
    for (injected, wrong) in injected.iter().zip(&mut wrong) {
        if injected.as_ref().is_some_and(|injected| injected.used() == 0) {
            wrong.push("the fault never struck".to_owned());
        }
    }
    drop((struck, port));

    bench.mend();
    let fresh = bench.start_instance(bench.environment.clone(), None).await;
    // What the host took for done it would not deliver again, so it must be there already.
    bench.drain(&fresh).await;
    for ((told, cell), wrong) in
        told.iter().zip(&bench.cells).zip(&mut wrong).filter(|((told, _), _)| told.is_done)
    {
        wrong.extend(
            bench.look_at(cell).into_iter().map(|what| format!("told {} too soon: {what}", told.shown)),
        );
    }
    for ((again, cell), wrong) in bench.deliver(&fresh).await.iter().zip(&bench.cells).zip(&mut wrong) {
        if !again.is_done || (cell.hop == Hop::Queue) != (again.shown == P::QUEUED) {
            wrong.push(format!("delivered again, the host is told {}", again.shown));
        }
    }
    bench.drain(&fresh).await;
    drop(fresh);
    let verdicts = bench.cells.iter().zip(told).zip(wrong).map(|((cell, told), mut wrong)| {
        wrong.extend(bench.look_at(cell));
        Verdict { cell: cell.clone(), told: told.shown, wrong }
    });
    Ok(verdicts.collect())
}

/// A sandbox with its cells' repositories.
struct Bench<P: Platform> {
    cells: Vec<Cell>,
    sandbox: Sandbox,
    queue: Option<P::Queue>,
    environment: Environment,
    file: String,
}

impl<P: Platform> Bench<P> {
    async fn start(cells: Vec<Cell>) -> io::Result<Self> {
        let sandbox = Sandbox::start().await?;
        let workload = P::workload(&sandbox);
        for cell in &cells {
            let repository = cell.repository();
            sandbox.github.install(&cell.owner());
            sandbox.github.add_repository(&repository).map_err(io::Error::other)?;
            let permissions = [("issues", "write")];
            sandbox.admit(&repository, "matrix", &workload, &permissions).map_err(io::Error::other)?;
        }
        let mut environment = P::environment(&sandbox, cells.len());
        environment.extend(sandbox.env());
        let mut queue = None;
        if cells.iter().any(|cell| cell.hop == Hop::Queue) {
            let service = P::start_queue(&sandbox).await;
            environment.extend(P::queue(&sandbox, &service).2);
            queue = Some(service);
        }
        let jobs: String = cells.iter().map(|cell| cell.configuration(&P::triggers(cell))).collect();
        let file = format!("{}jobs:\n{jobs}", P::head(&sandbox));
        Ok(Self { cells, sandbox, queue, environment, file })
    }

    async fn start_instance(&self, environment: Environment, patience: Option<Duration>) -> P::Instance {
        P::start(&self.sandbox, environment, &self.file, patience).await
    }

    async fn deliver(&self, instance: &P::Instance) -> Vec<Told> {
        join_all(self.cells.iter().map(|cell| P::deliver(instance, &self.sandbox, cell, 2))).await
    }

    async fn drain(&self, instance: &P::Instance) {
        if let Some(queue) = &self.queue {
            P::drain(instance, &self.sandbox, queue).await;
        }
    }

    fn faults(&self, hop: Hop) -> &Faults {
        match (hop, &self.queue) {
            (Hop::Queue, Some(queue)) => P::queue(&self.sandbox, queue).0,
            (Hop::Identity, _) => P::identity(&self.sandbox).faults(),
            (Hop::Exchange, _) => self.sandbox.octo_sts.faults(),
            _ => self.sandbox.github.faults(),
        }
    }

    fn authority(&self, hop: Hop) -> String {
        let of_url = |url: &str| url.trim_start_matches("http://").to_owned();
        match (hop, &self.queue) {
            (Hop::Queue, Some(queue)) => P::queue(&self.sandbox, queue).1,
            (Hop::Identity, _) => P::identity(&self.sandbox).authority().to_owned(),
            (Hop::Exchange, _) => of_url(self.sandbox.octo_sts.url()),
            _ => of_url(self.sandbox.github.url()),
        }
    }

    /// The environment in which a hop that is to be refused leads to a closed port.
    async fn break_it(&self) -> io::Result<(Environment, Option<ClosedPort>)> {
        let Some(cell) = self.cells.iter().find(|cell| cell.trouble == Trouble::Refused) else {
            return Ok((self.environment.clone(), None));
        };
        let authority = self.authority(cell.hop);
        let port = ClosedPort::start(authority.clone(), cell.hop.calls_before()).await?;
        // Each call on a connection of its own.
        let close = Fault::on_any("/").always().header(header::CONNECTION.as_str(), "close");
        self.faults(cell.hop).inject(close);
        let lead = |value: &String| value.replace(&authority, &port.authority());
        let environment = self.environment.iter().map(|(name, value)| (name.clone(), lead(value))).collect();
        Ok((environment, Some(port)))
    }

    fn mend(&self) {
        self.cells.iter().for_each(|cell| self.faults(cell.hop).clear());
    }

    /// What is not as it should be in the end.
    fn look_at(&self, cell: &Cell) -> Vec<String> {
        let issues = self.sandbox.github.issues(&cell.repository());
        let [issue] = issues.as_slice() else { return vec![format!("there are {} issues", issues.len())] };
        let mut wrong = Vec::new();
        if self.sandbox.github.open_issues(&cell.repository()).len() != 1 {
            wrong.push("the issue is closed".to_owned());
        }
        let body = issue.body.clone().unwrap_or_default();
        let seen = body.split(" at=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap_or_default();
        // With `on_repeat: comment` the title is what it was.
        let titled = if cell.hop == Hop::Comment { 1 } else { 2 };
        if issue.title != format!("at {}", event_time(titled)) {
            wrong.push(format!("the title is {:?}", issue.title));
        }
        if seen != event_time(2) {
            wrong.push(format!("the marker says {seen:?}"));
        }
        if !issue.labels.iter().any(|label| label == "matrix") {
            wrong.push(format!("the labels are {:?}", issue.labels));
        }
        let comments = usize::from(cell.hop == Hop::Comment);
        if issue.comments.len() != comments {
            wrong.push(format!("there are {} comments", issue.comments.len()));
        }
        wrong
    }
}
