//! The fault matrix: every hop of a delivery, every way in which it can fail, and what the host is told of it.
//!
//! A cell is one hop, one [`Trouble`] and whether it strikes once or always. Each has a job, an owner, a repository and a
//! trust policy of its own, so that nothing that is remembered for one cell hides a hop of another; what cannot be told apart
//! by the request (the identity endpoint, the queue, a closed port) has a sandbox of its own. The struck delivery goes to one
//! instance of the built binary. Then the fault goes away and the sender delivers once more, to a fresh instance, as it would
//! after the waits that the table shows: by then there is exactly one issue, with what the last event says.
//!
//! The tests of the adapters run it ([`run`]) and hold what the host was told against `docs/fault-matrix.md` ([`compare`]).

mod closed_port;
mod platform;
mod run;
mod table;

use http::Method;

use crate::faults::Fault;

pub use platform::{Platform, Told};
pub use run::{Verdict, run};
pub use table::compare;

/// When a cell's first or second event happened, as it must be delivered.
pub fn event_time(event: u32) -> String {
    format!("2026-01-05T08:0{event}:00Z")
}

/// Where a fault strikes, in the order in which a delivery passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hop {
    /// Putting the event on the queue, for a job that is `delivery: queued`.
    Queue,
    /// The cloud's identity endpoint.
    Identity,
    /// The exchange at Octo STS.
    Exchange,
    /// GitHub: the list of open issues.
    List,
    /// GitHub: opening the issue.
    Create,
    /// GitHub: the list after that.
    LookAgain,
    /// GitHub: reading an issue that was there, because a list may be behind.
    Read,
    /// GitHub: changing it.
    Update,
    /// GitHub: reading it after it was changed.
    ReadBack,
    /// GitHub: commenting on an issue that was there, with `on_repeat: comment`.
    Comment,
}

/// How a hop fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing listens there.
    Refused,
    /// The connection is closed without an answer, before anything was done.
    Reset,
    /// What was asked for is done, and the connection is closed in the middle of the answer.
    ResetMidBody,
    /// What was asked for is done, and the answer never comes to its end.
    SlowDrip,
    /// 500, before anything was done.
    InternalError,
    /// What was asked for is done, and a gateway answers 502.
    BadGateway,
    /// 503, before anything was done.
    Unavailable,
    /// 429 with `Retry-After: 120`.
    TooManyUntil,
    /// 429 without.
    TooMany,
    /// What was asked for is done, and the answer is neither JSON nor UTF-8.
    Garbage,
    /// The right answer, as `text/plain`.
    WrongType,
    /// 401, before anything was done.
    Expired,
    /// What was asked for is done, and an HTML page comes back with 200.
    Html,
}

/// One hop, one way to fail, once or always.
#[derive(Clone, Debug)]
pub struct Cell {
    number: usize,
    /// Where.
    pub hop: Hop,
    /// How.
    pub trouble: Trouble,
    /// Whether every request is struck, or the first.
    pub always: bool,
}

impl Hop {
    const ALL: [Self; 10] = [
        Self::Queue,
        Self::Identity,
        Self::Exchange,
        Self::List,
        Self::Create,
        Self::LookAgain,
        Self::Read,
        Self::Update,
        Self::ReadBack,
        Self::Comment,
    ];

    /// The head of its column.
    fn name(self) -> &'static str {
        match self {
            Self::Queue => "queue",
            Self::Identity => "identity",
            Self::Exchange => "exchange",
            Self::List => "list",
            Self::Create => "create",
            Self::LookAgain => "look again",
            Self::Read => "read",
            Self::Update => "update",
            Self::ReadBack => "read back",
            Self::Comment => "comment",
        }
    }

    /// Whether it is about an issue that was there before.
    fn needs_an_issue(self) -> bool {
        matches!(self, Self::Read | Self::Update | Self::ReadBack | Self::Comment)
    }

    /// Whether the request says whose it is.
    fn can_be_told_apart(self) -> bool {
        !matches!(self, Self::Queue | Self::Identity)
    }

    /// How many calls to the same service go before it.
    fn calls_before(self) -> usize {
        match self {
            Self::Queue | Self::Identity | Self::Exchange | Self::List => 0,
            Self::Create | Self::Read => 1,
            Self::LookAgain | Self::Update => 2,
            Self::ReadBack | Self::Comment => 3,
        }
    }
}

impl Trouble {
    const ALL: [Self; 13] = [
        Self::Refused,
        Self::Reset,
        Self::ResetMidBody,
        Self::SlowDrip,
        Self::InternalError,
        Self::BadGateway,
        Self::Unavailable,
        Self::TooManyUntil,
        Self::TooMany,
        Self::Garbage,
        Self::WrongType,
        Self::Expired,
        Self::Html,
    ];

    /// The head of its row.
    fn name(self) -> &'static str {
        match self {
            Self::Refused => "connection refused",
            Self::Reset => "reset",
            Self::ResetMidBody => "reset in mid body",
            Self::SlowDrip => "slow drip",
            Self::InternalError => "500",
            Self::BadGateway => "502",
            Self::Unavailable => "503",
            Self::TooManyUntil => "429, `Retry-After`",
            Self::TooMany => "429",
            Self::Garbage => "garbage",
            Self::WrongType => "wrong content type",
            Self::Expired => "401",
            Self::Html => "HTML with 200",
        }
    }

    /// The fault that does it. Nobody can count the knocks at a closed port, so that is no fault.
    fn strike(self, fault: Fault) -> Option<Fault> {
        Some(match self {
            Self::Refused => return None,
            Self::Reset => fault.reset(),
            Self::ResetMidBody => fault.after_effect().reset_mid_body(),
            Self::SlowDrip => fault.after_effect().drip(),
            Self::InternalError => fault.status(500),
            Self::BadGateway => {
                fault.after_effect().status(502).header("content-type", "text/plain").body("Bad Gateway")
            }
            Self::Unavailable => fault.status(503),
            Self::TooManyUntil => fault.status(429).header("retry-after", "120"),
            Self::TooMany => fault.status(429),
            Self::Garbage => fault.after_effect().garbage(),
            Self::WrongType => fault.header("content-type", "text/plain; charset=utf-8"),
            Self::Expired => fault.status(401).body(r#"{"message":"Bad credentials","code":16}"#),
            Self::Html => fault.after_effect().html(),
        })
    }
}

impl Cell {
    /// All cells, those of a slow drip only where that can be measured in a moment.
    fn all(with_drips: bool) -> Vec<Self> {
        let mut cells = Vec::new();
        for hop in Hop::ALL {
            let troubles =
                Trouble::ALL.into_iter().filter(|trouble| with_drips || *trouble != Trouble::SlowDrip);
            for trouble in troubles {
                let times: &[bool] = if trouble == Trouble::Refused { &[true] } else { &[false, true] };
                for &always in times {
                    cells.push(Self { number: cells.len(), hop, trouble, always });
                }
            }
        }
        cells
    }

    /// Its job.
    pub fn job(&self) -> String {
        format!("cell-{}", self.number)
    }

    /// The owner of its repository, who has no other: a rate limit holds for all that belongs to one owner.
    fn owner(&self) -> String {
        format!("matrix-{}", self.number)
    }

    /// Its repository.
    fn repository(&self) -> String {
        format!("{}/operations", self.owner())
    }

    /// Its job in `gatepass.yaml`, with these triggers, a YAML list.
    fn configuration(&self, triggers: &str) -> String {
        let more = if self.hop == Hop::Comment {
            ", on_repeat: comment, repeat_comment: \"at {{ event.time }}\""
        } else {
            ""
        };
        // Without a queue there is nothing to say of it.
        let delivery = if self.hop == Hop::Queue { "    delivery: queued\n" } else { "" };
        format!(
            "  {}:\n    repository: {}\n    trust_policy: matrix\n    triggers: {triggers}\n{delivery}    \
             open_issue: {{ key: [cell], title: \"at {{{{ event.time }}}}\", labels: [matrix]{more} }}\n",
            self.job(),
            self.repository(),
        )
    }

    /// What strikes it, of the service that the hop goes to.
    fn fault(&self) -> Option<Fault> {
        let issues = format!("/repos/{}/issues", self.repository());
        // With a star a pattern is for the whole path.
        let list = format!("/repos/{}/*/issues", self.owner());
        let fault = match self.hop {
            Hop::Queue | Hop::Identity => Fault::on_any("/"),
            Hop::Exchange => {
                let scope = format!("scope={}%2F", self.owner());
                Fault::on(Method::POST, "/sts/exchange").with_query(&scope)
            }
            Hop::List => Fault::on(Method::GET, &list),
            Hop::LookAgain => Fault::on(Method::GET, &list).skip(1),
            Hop::Create => Fault::on(Method::POST, &list),
            Hop::Update => Fault::on(Method::PATCH, &issues),
            Hop::Read => Fault::on(Method::GET, &format!("{issues}/*")),
            Hop::ReadBack => Fault::on(Method::GET, &format!("{issues}/*")).skip(1),
            Hop::Comment => Fault::on(Method::POST, &format!("{issues}/*/comments")),
        };
        self.trouble.strike(if self.always { fault.always() } else { fault })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_is_there_once_and_what_can_strike_has_a_fault() {
        let cells = Cell::all(true);
        assert_eq!(cells.len(), Hop::ALL.len() * (2 * Trouble::ALL.len() - 1));
        for (number, cell) in cells.iter().enumerate() {
            assert_eq!(cell.number, number);
            assert_eq!(cell.fault().is_none(), cell.trouble == Trouble::Refused, "{cell:?}");
        }
        assert!(Cell::all(false).iter().all(|cell| cell.trouble != Trouble::SlowDrip));
    }
}
